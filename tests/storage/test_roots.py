"""A root that goes away costs nobody anything, and comes back by itself."""

import asyncio
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from calotype.core.clock import Clock
from calotype.core.config import Config
from calotype.core.errors import Full, Missing, Offline
from calotype.core.events import Event
from calotype.core.world import World
from calotype.outside.disk import Calls, DiskFiles
from calotype.outside.keys import MARKER
from calotype.storage.root import Identity, Root, RootOffline, RootOnline, State, compare, marker_bytes
from calotype.storage.roots import GuardedFiles, MediaRoot, has_room

OURS = Identity(UUID(int=1), 5)


class Bench:
    """A folder, a guarded root on it, and what was told."""

    def __init__(self, folder: Path, calls: Calls | None = None, min_free_mib: int = 0) -> None:
        self.media = folder / "media"
        self.told: list[Event] = []
        self.knows: Identity | None = OURS
        self.is_database_away = False
        nobody: Any = None
        config = Config(data=folder, min_free_mib=min_free_mib)
        disk = DiskFiles(config, patience_s=0.2, marker_patience_s=0.2, calls=calls)
        self.root = MediaRoot(disk, nobody, config, identify=self.identify, probe_s=0.05, probe_away_s=0.02)
        self.files = GuardedFiles(self.root)
        self.world = World(config, nobody, self.files, nobody, nobody, nobody, nobody, Clock(), self.publish)

    async def identify(self) -> Identity | None:
        if self.is_database_away:
            raise Offline("The database is away.")
        return self.knows

    async def publish(self, _: World, events: Sequence[Event]) -> None:
        self.told += events

    def mount(self) -> None:
        self.media.mkdir(exist_ok=True)
        (self.media / MARKER).write_bytes(marker_bytes(OURS))

    def unmount(self) -> None:
        (self.media / MARKER).unlink()


@pytest.fixture
async def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path)
    bench.mount()
    return bench


async def until(question: Callable[[], bool]) -> None:
    while not question():  # noqa: ASYNC110 — disks and threads have no asyncio.Event
        await asyncio.sleep(0.01)


async def put(files: GuardedFiles, key: str, content: bytes = b"content") -> None:
    incoming = await files.begin(key)
    await incoming.write(content)
    await incoming.finish()


@pytest.mark.parametrize(
    ("marker", "state"),
    [
        (Identity(OURS.id, 5), State.ONLINE),
        (Identity(OURS.id, 4), State.ONLINE),  # a start is under way
        (Identity(OURS.id, 3), State.STALE),
        (Identity(OURS.id, 6), State.STALE),
        (Identity(UUID(int=2), 5), State.FOREIGN),
        (None, State.ABSENT),
    ],
)
def test_a_marker_is_compared_with_the_database(marker, state):
    assert compare(OURS, marker) is state


def test_every_state_has_a_sentence():
    assert all(Root(state).sentence for state in State)


async def test_nothing_is_touched_before_the_first_probe(bench: Bench):
    with pytest.raises(Offline, match="being checked"):
        await bench.files.stat("upload/a")


async def test_an_online_root_lets_everything_pass(bench: Bench):
    await bench.root.probe()
    await put(bench.files, "upload/a")
    assert [chunk async for chunk in bench.files.open_range("upload/a", 0, 100)] == [b"content"]
    assert (await bench.files.stat("upload/a")).size == 7
    async with bench.files.local("upload/a") as path:
        assert path.read_bytes() == b"content"
    await bench.files.move("upload/a", "upload/b")
    assert [key async for key, _ in bench.files.list("upload")] == ["upload/b"]
    await bench.files.remove("upload/b")
    assert bench.root.now.free_bytes
    assert bench.root.now.total_bytes
    assert bench.told == []


async def test_going_and_coming_back_is_told_once_each(bench: Bench):
    async with bench.root.watched(bench.world), asyncio.timeout(5):
        assert bench.root.now.is_online
        for _ in range(2):
            bench.unmount()
            await until(lambda: not bench.root.now.is_online)
            bench.mount()
            await until(lambda: bench.root.now.is_online)
            await asyncio.sleep(0.1)
    assert [type(event) for event in bench.told] == [RootOffline, RootOnline] * 2


async def test_a_failing_operation_is_known_at_once_and_watching_brings_it_back(bench: Bench):
    await bench.root.probe()
    bench.unmount()
    with pytest.raises(Offline):
        await bench.files.stat("upload/a")
    assert not bench.root.now.is_online
    async with asyncio.timeout(5):
        watching = asyncio.create_task(bench.root.watch())
        await until(lambda: bench.root.now.state is State.ABSENT)
        bench.mount()
        await until(lambda: bench.root.now.is_online)
    watching.cancel()
    with pytest.raises(Missing):
        await bench.files.stat("upload/a")


async def test_a_missing_file_says_nothing_about_the_root(bench: Bench):
    await bench.root.probe()
    with pytest.raises(Missing):
        await bench.files.stat("upload/a")
    assert bench.root.now.is_online


async def test_a_byte_that_came_back_wrong_does_not_take_the_root_offline(tmp_path: Path):
    bench = Bench(tmp_path, Calls(pread=lambda fd, n, at: os.pread(fd, n, at).replace(b"content", b"c0ntent")))
    bench.mount()
    await bench.root.probe()
    with pytest.raises(Offline):
        await put(bench.files, "upload/a")
    assert bench.root.now.is_online


async def test_trouble_of_whoever_uses_a_local_copy_is_not_the_roots(bench: Bench):
    await bench.root.probe()
    await put(bench.files, "upload/a")
    with pytest.raises(Offline, match="database"):
        async with bench.files.local("upload/a"):
            raise Offline("The database is away.")
    assert bench.root.now.is_online


async def test_a_mount_that_hangs_is_found_by_the_probe(tmp_path: Path):
    gate = threading.Event()

    def hang(path: str, flags: int, mode: int) -> int:
        gate.wait(10)
        return os.open(path, flags, mode)

    bench = Bench(tmp_path, Calls(open=hang))
    bench.mount()
    assert (await bench.root.probe()).state is State.HANGING
    gate.set()
    async with asyncio.timeout(5):
        while not (await bench.root.probe()).is_online:  # noqa: ASYNC110 — each look is a new question
            await asyncio.sleep(0.01)


async def test_while_the_database_is_away_what_was_known_still_holds(bench: Bench):
    bench.is_database_away = True
    assert (await bench.root.probe()).state is State.UNKNOWN
    bench.is_database_away = False
    assert (await bench.root.probe()).is_online
    bench.is_database_away = True
    assert (await bench.root.probe()).is_online


async def test_a_full_data_volume_refuses_uploads_and_lets_files_go(tmp_path: Path):
    bench = Bench(tmp_path, min_free_mib=1 << 40)
    bench.mount()
    await bench.root.probe()
    with pytest.raises(Full):
        await bench.files.begin("upload/a")
    await bench.files.remove("upload/a")
    assert not has_room(Config(data=tmp_path, min_free_mib=1 << 40))
    assert has_room(Config(data=tmp_path, min_free_mib=1))


async def test_watching_sweeps_what_a_crash_left(bench: Bench):
    old = bench.media / ".incoming/old.part"
    old.parent.mkdir()
    old.write_bytes(b"half a photo")
    os.utime(old, (0, 0))
    watching = asyncio.create_task(bench.root.watch())
    async with asyncio.timeout(5):
        await until(lambda: not old.exists())
    watching.cancel()
