"""Postgres, Valkey and the worker die in the middle of work: every photo still ends up processed, by itself."""

import os
import threading
import time
from pathlib import Path

import av
import httpx
import numpy
import redis

from calotype.outside.embedded import VALKEY_SOCKET, run_folder
from tests.walks.conftest import House, photo, until


def valkey(house: House) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(run_folder(house.data) / VALKEY_SOCKET))


class Load(threading.Thread):
    """Somebody who looks and uploads all the time. `answers`: when, which way, status (0: no connection)."""

    def __init__(self, house: House) -> None:
        super().__init__(daemon=True)
        self.house = house
        self.answers: list[tuple[float, str, int]] = []
        self.kept: list[str] = []
        self.is_enough = False

    def run(self) -> None:
        with httpx.Client(base_url=self.house.client.base_url, headers=self.house.client.headers, timeout=30) as client:
            number = 10_000
            times = dict.fromkeys(("fileCreatedAt", "fileModifiedAt"), "2021-07-08T09:10:11.000Z")
            while not self.is_enough:
                self._note("buckets", lambda: client.get("/timeline/buckets"))
                number += 1
                file = {"assetData": ("p.jpg", photo(number, width_px=200))}
                answer = self._note("upload", lambda file=file: client.post("/assets", data=times, files=file))
                if answer is not None and answer.status_code == 201:
                    self.kept.append(answer.json()["id"])
                time.sleep(0.05)

    def _note(self, way: str, ask) -> httpx.Response | None:
        begun = time.monotonic()
        try:
            answer = ask()
        except httpx.TransportError:
            self.answers.append((begun, way, 0))
            return None
        self.answers.append((begun, way, answer.status_code))
        return answer


def test_after_postgres_was_killed_under_load_no_request_fails_and_nothing_is_lost(house: House):
    load = Load(house)
    load.start()
    until(lambda: len(load.kept) > 5)
    house.kill("postgres")
    killed_at = time.monotonic()
    recovered_at = until(
        lambda: next((at for at, way, status in load.answers if at > killed_at and status == 201), None), within_s=60
    )
    until(lambda: time.monotonic() > recovered_at + 6)
    load.is_enough = True
    load.join(60)
    later = {status for at, _, status in load.answers if at > recovered_at}
    assert later <= {200, 201}, later
    between = {status for at, _, status in load.answers if killed_at < at <= recovered_at}
    assert between <= {0, 200, 201, 503}, between  # told to come back, never a bug
    assert house.client.get("/assets/statistics").json()["total"] == len(set(load.kept))
    until(lambda: all(house.is_processed(asset) for asset in load.kept))


def test_after_valkey_was_flushed_and_killed_in_the_middle_of_an_import_every_photo_is_processed(house: House):
    photos = [house.upload(photo(n)) for n in range(12)]
    with valkey(house) as client:
        client.flushall()
    photos += [house.upload(photo(n)) for n in range(100, 104)]
    house.kill("valkey-server")
    # While it is away, photos are taken and shown; what follows is found again by the sweep.
    photos += [house.upload(photo(n)) for n in range(200, 204)]
    assert sum(bucket["count"] for bucket in house.client.get("/timeline/buckets").json()) == 20
    until(lambda: all(house.is_processed(asset) for asset in photos), within_s=150, every_s=1)


def test_a_worker_killed_in_each_step_finishes_the_work_after_all(house: House, tmp_path: Path):
    queues = {"metadataExtraction", "thumbnailGeneration", "videoConversion"}
    wanted = {"thumbnailGeneration", "videoConversion"}  # reading metadata is too quick to be caught for certain
    for queue in wanted:  # held back until all of it waits, or a quick machine is done before anybody looks
        house.client.put(f"/queues/{queue}", json={"isPaused": True}).raise_for_status()
    house.upload(video(tmp_path / "long.mp4"), "long.mp4")
    photos = [house.upload(photo(n, width_px=3000)) for n in range(30)]
    until(lambda: all(house.counts(queue)["paused"] > 0 for queue in wanted), within_s=60)
    for queue in wanted:
        house.client.put(f"/queues/{queue}", json={"isPaused": False}).raise_for_status()
    killed_in: set[str] = set()
    deadline = time.monotonic() + 150
    while not wanted <= killed_in and time.monotonic() < deadline:
        busy = {queue for queue in queues - killed_in if house.counts(queue)["active"] > 0}
        if busy:
            killed_in |= busy
            house.kill("work")
        time.sleep(0.02)
    assert wanted <= killed_in
    until(lambda: all(house.is_processed(asset) for asset in photos), within_s=150, every_s=1)
    until(lambda: any((house.data / "encoded-video").rglob("*.mp4")), within_s=150, every_s=1)
    assert all(house.counts(queue)["failed"] == 0 for queue in queues)
    assert list((house.media / ".incoming").iterdir()) == []


def test_files_of_an_erased_person_go_although_the_queue_forgot_the_job_in_the_middle(house: House):
    person = {"email": "bob@example.com", "name": "Bob", "password": "long enough for Bob"}
    bob = house.client.post("/admin/users", json=person).raise_for_status().json()["id"]
    theirs = house.media / "upload" / bob / "ab" / "cd"
    theirs.mkdir(parents=True)
    for number in range(6000):  # a second's work or more, so that it can be cut off
        (theirs / f"{number}.jpg").write_bytes(b"x")
    house.client.request("DELETE", f"/admin/users/{bob}", json={"force": True}).raise_for_status()
    until(lambda: len(os.listdir(theirs)) < 6000, every_s=0.005)
    house.kill("work")
    with valkey(house) as client:
        client.flushall()
    assert house.client.get(f"/admin/users/{bob}").status_code == 400, "their rows are gone"
    assert len(os.listdir(theirs)) > 0, "it was not cut off; take more files"
    until(lambda: not theirs.exists() or not os.listdir(theirs), within_s=150, every_s=1)


def video(path: Path) -> bytes:
    """Some seconds of a codec that browsers cannot play, so that it must be transcoded."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        noise = numpy.random.default_rng(1)
        ground = noise.integers(0, 255, (720, 1280, 3), dtype=numpy.uint8)
        for number in range(250):
            frame = av.VideoFrame.from_ndarray(numpy.roll(ground, number * 3, axis=1), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path.read_bytes()
