"""What the inference service costs: CPU a preview, one request against three, memory at work and idle, a long soak.

    python bench/inference.py --models FOLDER [--faces NAME] [--ocr NAME] [--soak 10000] [--write]

FOLDER holds `clip/<name>/{visual,textual}`; one with random weights is as fast as one that knows something:
`python tests/inference/hub_layout.py ViT-B-32 FOLDER/clip/ViT-B-32__openai` (needs open_clip, torch and onnx).
Photos come from `bench/corpus` (made by `bench/corpus.py`) or from --photos, and are sent as previews are.
"""

import argparse
import concurrent.futures
import contextlib
import http.client
import io
import json
import os
import platform
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from measure import cpu_s, pss_mib, tree
from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).parent
PREVIEW_PX, PREVIEW_QUALITY = 1440, 80
CONCURRENCY = 8
TTL_S = 10
ROUNDS = 5  # a machine that others use, too, makes the same work dearer: the best round tells most of us


class Server:
    """`calotype infer` on a port of its own."""

    def __init__(self, models: Path, data: Path, **more: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.log = (data / "log").open("w")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "calotype", "infer"],
            env=os.environ
            | {
                "CALOTYPE_DATA": str(data),
                "CALOTYPE_INFERENCE_PORT": str(self.port),
                "CALOTYPE_INFERENCE_MODELS": str(models),
                "CALOTYPE_INFERENCE_TTL_S": str(TTL_S),
            }
            | more,
            stderr=self.log,
        )
        self.local = threading.local()
        until = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError):
                if self.get("/ping") == b"pong":
                    return
            if time.monotonic() > until or self.process.poll() is not None:
                raise SystemExit(f"It does not start: {(data / 'log').read_text()}")
            time.sleep(0.2)

    def get(self, path: str) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", path)
        return connection.getresponse().read()

    def predict(self, entries: Any, *, image: bytes | None = None, text: str | None = None) -> dict[str, Any]:
        boundary = "calotype-bench"
        parts = [("entries", "", json.dumps(entries).encode())]
        parts += [("image", '; filename="p.jpg"', image)] if image is not None else []
        parts += [("text", "", text.encode())] if text is not None else []
        body = b"".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + content + b"\r\n"
            for name, more, content in parts
        )
        body += f"--{boundary}--\r\n".encode()
        headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
        try:
            reply = self.post(body, headers)
        except (BrokenPipeError, ConnectionResetError, http.client.RemoteDisconnected):
            del self.local.connection  # it was idle for too long
            reply = self.post(body, headers)
        content = reply.read()
        if reply.status != 200:
            raise SystemExit(f"{reply.status}: {content!r}")
        return json.loads(content)

    def post(self, body: bytes, headers: dict[str, str]) -> http.client.HTTPResponse:
        connection = getattr(self.local, "connection", None)
        if connection is None:
            connection = self.local.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        connection.request("POST", "/predict", body, headers)
        return connection.getresponse()

    def pids(self) -> list[int]:
        return tree(self.process.pid)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self.log.close()


def previews(folder: Path, count: int) -> list[bytes]:
    """Photos as the server would send them."""
    made: list[bytes] = []
    for file in sorted(folder.rglob("*.jpg"))[:count]:
        with Image.open(file) as photo:
            photo.draft("RGB", (PREVIEW_PX, PREVIEW_PX))
            scale = PREVIEW_PX / min(photo.size)
            small = photo.convert("RGB").resize((round(photo.width * scale), round(photo.height * scale)))
        content = io.BytesIO()
        small.save(content, "JPEG", quality=PREVIEW_QUALITY)
        made.append(content.getvalue())
    if not made:
        raise SystemExit(f"No photos in {folder}: run bench/corpus.py first, or give --photos.")
    return made


def ask_many(server: Server, entries: list[Any], photos: Iterator[bytes], count: int) -> tuple[float, float, float]:
    """CPU-ms of the whole service a photo, photos a second, and the most memory (PSS, MiB) seen meanwhile."""
    before, began = cpu_s(server.pids()), time.monotonic()
    peak, done = 0.0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.5):
            peak = max(peak, pss_mib(server.pids()))

    watching = threading.Thread(target=watch)
    watching.start()
    with concurrent.futures.ThreadPoolExecutor(CONCURRENCY) as pool:
        chosen = [next(photos) for _ in range(count)]
        for _ in pool.map(lambda photo: [server.predict(each, image=photo) for each in entries], chosen):
            pass
    done.set()
    watching.join()
    return (cpu_s(server.pids()) - before) * 1000 / count, count / (time.monotonic() - began), peak


def settle(server: Server, entries: Any, photo: bytes, patience_s: float = 300) -> None:
    """Until models are loaded and no trial of eight bits runs any more."""
    until = time.monotonic() + patience_s
    server.predict(entries, image=photo)
    while time.monotonic() < until and any(
        b"inference.precision" in Path(f"/proc/{pid}/cmdline").read_bytes() for pid in server.pids()
    ):
        time.sleep(2)
        server.predict(entries, image=photo)  # a child that is idle ends, and its trial with it
    server.predict(entries, image=photo)


def cycle(photos: list[bytes]) -> Iterator[bytes]:
    while True:
        yield from photos


def slope(points: list[tuple[int, float]]) -> float:
    """MiB that memory grows in 1,000 photos (least squares)."""
    if len(points) < 3:
        return 0
    return statistics.linear_regression([n / 1000 for n, _ in points], [mib for _, mib in points]).slope


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--models", type=Path, required=True)
    words.add_argument("--photos", type=Path, default=HERE / "corpus")
    words.add_argument("--clip", default="ViT-B-32__openai")
    words.add_argument("--faces", help="a face model's name: one request with all tasks is compared with one for each")
    words.add_argument("--ocr", help="a text model's name")
    words.add_argument("--requests", type=int, default=200)
    words.add_argument("--combined", type=int, default=24)
    words.add_argument("--soak", type=int, default=0, help="photos to send for the memory slope (10000 is the measure)")
    words.add_argument("--write", action="store_true", help="into bench/results")
    said = words.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        # A child that was idle and came back has forgotten what it leaked.
        server = Server(said.models, Path(folder), **({"CALOTYPE_INFERENCE_TTL_S": "86400"} if said.soak else {}))
        try:
            rows = soak(server, said) if said.soak else costs(server, said)
        finally:
            server.stop()
    table = report(rows)
    print(table)
    if said.write:
        stamp = datetime.now(UTC)
        name = "inference-soak" if said.soak else f"inference-{stamp:%Y-%m-%d}"
        (HERE / "results" / f"{name}.md").write_text(f"{heading(stamp)}\n\n{table}\n")


def costs(server: Server, said: argparse.Namespace) -> list[tuple[str, str, str]]:
    """What a preview costs, what one request saves, and memory."""
    photos = cycle(previews(said.photos, 32))
    rows: list[tuple[str, str, str]] = []
    clip = {"clip": {"visual": {"modelName": said.clip}}}
    search = {"clip": {"textual": {"modelName": said.clip}}}
    rows.append(("memory after the start, PSS", f"{pss_mib(server.pids()):.0f} MiB", "≤ 90"))
    settle(server, clip, next(photos))
    ask_many(server, [clip], photos, 32)
    rounds = [ask_many(server, [clip], photos, said.requests // ROUNDS) for _ in range(ROUNDS)]
    each = [cpu for cpu, _, _ in rounds]
    found = f"{min(each):.1f} CPU-ms (median {statistics.median(each):.1f})"
    rows.append((f"CLIP of a {PREVIEW_PX}-px preview, concurrency {CONCURRENCY}, best round", found, "≤ 55"))
    rate = max(rate for _, rate, _ in rounds)
    rows.append(("the same, photos a second (says as much of the machine's other work)", f"{rate:.1f}", ""))
    rows.append(("memory at it, PSS, all processes", f"{max(peak for *_, peak in rounds):.0f} MiB", "≤ 350"))
    rows += idle(server, search)
    rows += combined(server, said, photos)
    return rows


def idle(server: Server, search: Any) -> list[tuple[str, str, str]]:
    server.predict(search, text="a dog on a beach")
    until = time.monotonic() + 6 * TTL_S
    while len(server.pids()) > 1 and time.monotonic() < until:
        time.sleep(1)
    memory = pss_mib(server.pids())
    before, began = cpu_s(server.pids()), time.monotonic()
    server.predict(search, text="a dog on a beach")
    took = time.monotonic() - began
    cpu = cpu_s(server.pids()) - before
    return [
        ("memory idle after unload, PSS, all processes", f"{memory:.0f} MiB", "≤ 90"),
        ("first search after that", f"{took:.2f} s ({cpu:.2f} CPU-s)", "< 2"),
    ]


def tasks(said: argparse.Namespace) -> dict[str, Any]:
    """What is asked for each task that has a model."""
    made: dict[str, Any] = {"clip": {"clip": {"visual": {"modelName": said.clip}}}}
    for task, name in (("facial-recognition", said.faces), ("ocr", said.ocr)):
        if name:
            made[task] = {task: {kind: {"modelName": name} for kind in ("detection", "recognition")}}
    return made


def combined(server: Server, said: argparse.Namespace, photos: Iterator[bytes]) -> list[tuple[str, str, str]]:
    wanted = tasks(said)
    if len(wanted) == 1:
        return []
    whole = {task: entries for each in wanted.values() for task, entries in each.items()}
    settle(server, whole, next(photos))
    same = [
        next(photos) for _ in range(said.combined)
    ]  # text costs what there is of it: every way gets the same photos
    single = {task: ask_many(server, [entries], iter(same), len(same))[0] for task, entries in wanted.items()}
    together, apart = [], []
    for _ in range(3):
        together.append(ask_many(server, [whole], iter(same), len(same)))
        apart.append(ask_many(server, list(wanted.values()), iter(same), len(same)))
    one, several = min(cpu for cpu, *_ in together), min(cpu for cpu, *_ in apart)
    names = " + ".join(wanted)
    return [
        *((f"{task} alone", f"{cpu:.0f} CPU-ms", "") for task, cpu in single.items()),
        (f"{names} in one request", f"{one:.0f} CPU-ms", ""),
        (f"in {len(wanted)} requests", f"{several:.0f} CPU-ms", ""),
        (f"one against {len(wanted)}", f"{one / several:.2f}", "≤ 0.75"),
        ("memory with all of them at work, PSS", f"{max(peak for *_, peak in together):.0f} MiB", ""),
    ]


def soak(server: Server, said: argparse.Namespace) -> list[tuple[str, str, str]]:
    """Memory of every process over many pictures of every size, looked at when nothing is being asked.

    Only what is a process's own counts: the share of a library that others have open changes with them.
    """
    entries = {task: entry for each in tasks(said).values() for task, entry in each.items()}
    settle(server, entries, drawn(0))
    step = max(50, said.soak // 40)

    def ask(number: int) -> None:
        server.predict(entries, image=drawn(number))

    names: list[str] = []
    points: list[tuple[int, dict[str, float]]] = []
    began = cpu_s(server.pids())
    with concurrent.futures.ThreadPoolExecutor(CONCURRENCY // 2) as pool:
        for sent in range(0, said.soak, step):
            for _ in pool.map(ask, range(sent, sent + step)):
                pass
            time.sleep(0.5)
            found = {name_of(pid): own_mib(pid) for pid in server.pids()}
            points.append((sent + step, found))
            names = list(found)
            print(f"soak: {sent + step}, {sum(found.values()):.1f} MiB", file=sys.stderr, flush=True)
    cpu = (cpu_s(server.pids()) - began) * 1000 / said.soak
    rows = [
        (f"after {sent} pictures, own memory: " + ", ".join(f"{name} {mib:.1f}" for name, mib in found.items()),
         f"{sum(found.values()):.1f} MiB", "")
        for sent, found in points[max(0, len(points) // 10 - 1) :: max(1, len(points) // 10)]
    ]  # fmt: skip
    later = points[len(points) // 2 :]
    whole = slope([(sent, sum(found.values())) for sent, found in later])
    each = ", ".join(f"{name} {slope([(sent, found.get(name, 0)) for sent, found in later]):+.2f}" for name in names)
    title = f"slope over the second half of {said.soak} pictures, MiB per 1,000 ({each})"
    return [*rows, (title, f"{whole:+.2f}", "0"), ("CPU a picture, all tasks", f"{cpu:.0f} ms", "")]


def drawn(number: int) -> bytes:
    """A small picture of a size of its own, with a few words in it: text is read as often as it is in screenshots."""
    chance = random.Random(number)
    width = chance.randint(64, 256)
    height = max(48, int(width * chance.choice((0.56, 0.67, 0.75, 1, 1.33, 1.5))))
    coarse = Image.frombytes("RGB", (8, 6), chance.randbytes(8 * 6 * 3))
    image = coarse.resize((width, height), Image.Resampling.BICUBIC)
    for _ in range(chance.randint(0, 2)):
        word = "".join(chance.choice("abcdefgh klmnop") for _ in range(chance.randint(3, 12)))
        letters = ImageFont.load_default(chance.randint(14, 24))
        ImageDraw.Draw(image).text(
            (chance.randint(0, width // 2), chance.randint(0, height - 24)), word, "black", letters
        )
    content = io.BytesIO()
    image.save(content, "JPEG", quality=PREVIEW_QUALITY)
    return content.getvalue()


def own_mib(pid: int) -> float:
    """Memory that a process shares with no file, in MiB: its heap, and its share of the pictures that are passed on."""
    lines = (line.split() for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines())
    return sum(int(words[1]) for words in lines if words[0] in ("Pss_Anon:", "Pss_Shmem:")) / 1024


def name_of(pid: int) -> str:
    """The family that a process of the service works for."""
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    return words[words.index("calotype.inference.child") + 1] if "calotype.inference.child" in words else "service"


def report(rows: list[tuple[str, str, str]]) -> str:
    return "\n".join(["| measure | found | reach |", "|---|---|---|", *(f"| {a} | {b} | {c} |" for a, b, c in rows)])


def heading(stamp: datetime) -> str:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=HERE).stdout
    model = next(
        (line.split(": ")[1] for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), ""
    )
    return f"# Inference, {stamp:%Y-%m-%d}\n\n{model}, {os.cpu_count()} cores, {platform.platform()}, commit {commit.strip()}."


if __name__ == "__main__":
    main()
