"""Photos in: `python bench/intake.py --url http://127.0.0.1:2283 --root-pid PID` against a fresh server.

Signs up, uploads 300 photos of 12 MP with four clients, waits for the last thumbnail, and prints CPU, rate and memory of the
whole process tree; then the memory after two idle minutes. `--alone` pauses the reading of metadata until all are there, so
that the rate of uploads is that of uploads, and not of uploads beside the work on those that came before.
"""

import argparse
import http.client
import queue
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from corpus import photos
from measure import Client, cpu_s, pss_mib, sign_in, table, tree

EMAIL, PASSWORD = "bench@example.com", "password-of-the-bench"


def _form(path: Path) -> tuple[bytes, str]:
    edge = "calotypebench"
    fields = {"fileCreatedAt": "2024-05-01T10:00:00.000Z", "fileModifiedAt": "2024-05-01T10:00:00.000Z"}
    text = "".join(f'--{edge}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items())
    head = f'--{edge}\r\nContent-Disposition: form-data; name="assetData"; filename="{path.name}"\r\n\r\n'
    return text.encode() + head.encode() + path.read_bytes() + f"\r\n--{edge}--\r\n".encode(), edge


def upload(url: str, token: str, paths: list[Path], clients: int) -> None:
    """Send every file; raises when one was not taken."""
    waiting: queue.Queue[Path] = queue.Queue()
    for path in paths:
        waiting.put(path)
    failures: list[str] = []

    def send() -> None:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=300)
        while True:
            try:
                path = waiting.get_nowait()
            except queue.Empty:
                return
            body, edge = _form(path)
            headers = {"authorization": f"Bearer {token}", "content-type": f"multipart/form-data; boundary={edge}"}
            connection.request("POST", "/api/assets", body=body, headers=headers)
            answer = connection.getresponse()
            content = answer.read()
            if answer.status != 201:
                failures.append(f"{path.name}: {answer.status} {content[:200]!r}")

    threads = [threading.Thread(target=send) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise RuntimeError("\n".join(failures[:5]))


def _with_thumbhash(client: Client) -> int:
    """Photos on the timeline that have been prepared."""
    done = 0
    for bucket in client.json("GET", "/timeline/buckets"):
        columns = client.json("GET", f"/timeline/bucket?timeBucket={bucket['timeBucket']}")
        done += sum(value is not None for value in columns["thumbhash"])
    return done


def _wait(client: Client, root: int, expected: int) -> tuple[float, float]:
    """Until that many are prepared; the seconds and the CPU seconds that looking at the timeline took.

    Asking the queues costs little. Reading every month does not (5 CPU-s at a million photos), so it is done when the
    queues are empty, and is no part of an import's price.
    """
    begun, looked_s, looked_cpu = time.perf_counter(), 0.0, 0.0
    while time.perf_counter() - begun < 1800:
        if not _is_busy(client):
            now, cpu = time.perf_counter(), cpu_s(tree(root))
            if _with_thumbhash(client) >= expected:
                return time.perf_counter() - now + looked_s, cpu_s(tree(root)) - cpu + looked_cpu
            looked_s, looked_cpu = looked_s + time.perf_counter() - now, looked_cpu + cpu_s(tree(root)) - cpu
        time.sleep(0.2)
    raise RuntimeError("the previews did not come")


def _is_busy(client: Client) -> bool:
    """Whether work is under way, looked at twice: between two steps of a photo both queues are empty for a moment."""
    for _ in range(2):
        jobs = client.json("GET", "/jobs")
        counts = [jobs[queue]["jobCounts"] for queue in ("metadataExtraction", "thumbnailGeneration")]
        if any(count[state] for count in counts for state in ("active", "waiting", "delayed")):
            return True
        time.sleep(0.1)
    return False


class Peak(threading.Thread):
    """The highest memory of a process tree, looked at twice a second."""

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self.root, self.mib, self.ended = root, 0.0, threading.Event()

    def run(self) -> None:
        while not self.ended.wait(0.5):
            self.mib = max(self.mib, pss_mib(tree(self.root)))


def intake(url: str, root: int, count: int, clients: int, idle_s: float, *, is_alone: bool) -> dict[str, Any]:
    """One import, measured."""
    anyone = Client(url, "")
    if not anyone.json("GET", "/server/config")["isInitialized"]:
        anyone.json("POST", "/auth/admin-sign-up", {"email": EMAIL, "password": PASSWORD, "name": "Bench"})
    client = sign_in(url, EMAIL, PASSWORD)
    # One photo first: what is made once in a server's life (tables of places, a decoder) is no photo's price.
    first, *paths = photos(Path(__file__).parent / "corpus", count + 1)
    already = _with_thumbhash(client)
    upload(url, client.token, [first], 1)
    _wait(client, root, already + 1)
    peak = Peak(root)
    peak.start()
    if is_alone:
        client.json("PUT", "/queues/metadataExtraction", {"isPaused": True})
    cpu, begun = cpu_s(tree(root)), time.perf_counter()
    upload(url, client.token, paths, clients)
    uploaded_s, upload_cpu = time.perf_counter() - begun, cpu_s(tree(root)) - cpu
    if is_alone:
        client.json("PUT", "/queues/metadataExtraction", {"isPaused": False})
    looked_s, looked_cpu = _wait(client, root, already + 1 + count)
    whole_s, whole_cpu = time.perf_counter() - begun - looked_s, cpu_s(tree(root)) - cpu - looked_cpu
    peak.ended.set()
    time.sleep(idle_s)
    return {
        "photos": count,
        "upload photos/s": count / uploaded_s,
        "upload CPU-s a photo": upload_cpu / count,
        "CPU-s a photo, all": whole_cpu / count,
        "photos/min": count / whole_s * 60,
        "peak PSS MiB": peak.mib,
        "idle PSS MiB": pss_mib(tree(root)),
    }


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--url", default="http://127.0.0.1:2283")
    arguments.add_argument("--root-pid", type=int, required=True)
    arguments.add_argument("--photos", type=int, default=300)
    arguments.add_argument("--clients", type=int, default=4)
    arguments.add_argument("--idle", type=float, default=120)
    arguments.add_argument("--alone", action="store_true", help="hold the work back until everything is uploaded")
    given = arguments.parse_args()
    result = intake(given.url, given.root_pid, given.photos, given.clients, given.idle, is_alone=given.alone)
    print(table([{"measure": key, "value": value} for key, value in result.items()]))
