"""What only a folder can do, or suffer: full volumes, flipped bytes, mounts that hang, links that lead astray."""

import asyncio
import errno
import os
import resource
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from calotype.core.config import Config
from calotype.core.errors import Full, Invalid, Missing, Offline
from calotype.core.ports import Incoming
from calotype.outside.disk import Calls, DiskFiles
from calotype.outside.keys import INCOMING, MARKER, Altered, Hanging

CONTENT = os.urandom(2_600_000)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "media"
    root.mkdir()
    (root / MARKER).write_bytes(b"ours")
    return root


def everything(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def disk(root: Path, *, min_free_mib: int = 0, **more: Any) -> DiskFiles:
    return DiskFiles(Config(media=str(root), min_free_mib=min_free_mib), **more)


def failing(number: int) -> Callable[..., int]:
    def call(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    return call


async def put(files: DiskFiles, key: str, content: bytes = CONTENT) -> Incoming:
    incoming = await files.begin(key)
    await incoming.write(content)
    await incoming.finish()
    return incoming


class Gate:
    """A call that hangs until it is opened, as on a mount whose server is gone."""

    def __init__(self, call: Callable[..., object]) -> None:
        self.opened = threading.Event()
        self.hanging = 0
        self._call = call

    def __call__(self, *arguments: object) -> object:
        if not self.opened.is_set():
            self.hanging += 1
            self.opened.wait(30)
        return self._call(*arguments)


async def test_a_byte_flipped_after_writing_is_noticed_and_nothing_kept(root: Path) -> None:
    def flip(fd: int, length: int, offset: int) -> bytes:
        content = bytearray(os.pread(fd, length, offset))
        if offset == 1024 * 1024:
            content[7] ^= 1
        return bytes(content)

    files = disk(root, calls=Calls(pread=flip))
    with pytest.raises(Altered):
        await put(files, "upload/a")
    assert everything(root) == {MARKER}


async def test_a_file_that_is_shorter_on_disk_is_noticed(root: Path) -> None:
    files = disk(root)
    incoming = await files.begin("upload/a")
    await incoming.write(CONTENT)
    await incoming.digest()
    (partial,) = (root / INCOMING).iterdir()
    os.truncate(partial, 1_000_000)
    with pytest.raises(Altered):
        await incoming.finish()
    assert everything(root) == {MARKER}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
async def test_a_volume_that_runs_full_while_writing_says_so_and_keeps_nothing(root: Path, number: int) -> None:
    written = 0

    def write(fd: int, block: memoryview) -> int:
        nonlocal written
        if written > 1_000_000:
            raise OSError(number, os.strerror(number))
        written += len(block)
        return os.write(fd, block)

    files = disk(root, calls=Calls(write=write))
    incoming = await files.begin("upload/a")
    await incoming.write(CONTENT)
    with pytest.raises(Full):
        await incoming.write(CONTENT)
    await incoming.abort()
    assert everything(root) == {MARKER}


async def test_a_quota_that_speaks_up_only_at_fsync_is_heard(root: Path) -> None:
    """NFS reports a full server when the cache is flushed."""
    files = disk(root, calls=Calls(fsync=failing(errno.EDQUOT)))
    with pytest.raises(Full):
        await put(files, "upload/a")
    assert everything(root) == {MARKER}


async def test_below_its_floor_a_volume_takes_no_uploads_but_lets_files_go(root: Path) -> None:
    await put(disk(root), "upload/a")
    files = disk(root, min_free_mib=1 << 40)
    with pytest.raises(Full):
        await files.begin("upload/b")
    assert (await files.stat("upload/a")).size == len(CONTENT)
    await files.remove("upload/a")
    assert everything(root) == {MARKER}


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN, errno.EHOSTDOWN])
async def test_what_a_broken_mount_says_means_offline(root: Path, number: int) -> None:
    await put(disk(root), "upload/a")
    with pytest.raises(Offline):
        await anext(disk(root, calls=Calls(open=failing(number))).open_range("upload/a", 0, 10))
    with pytest.raises(Offline):
        await put(disk(root, calls=Calls(fsync=failing(number))), "upload/b")
    with pytest.raises(Offline):
        await disk(root, calls=Calls(statvfs=failing(number))).free_bytes()
    assert everything(root) == {MARKER, "upload/a"}


async def test_a_root_that_is_not_there_is_never_created_by_a_write(tmp_path: Path) -> None:
    files = disk(tmp_path / "absent")
    assert await files.read_marker() is None
    for attempt in (files.begin("upload/a"), files.write_marker(b"x"), files.stat("upload/a"), files.free_bytes()):
        with pytest.raises(Offline):
            await attempt
    assert not (tmp_path / "absent").exists()
    await files.create_root()
    await files.create_root()
    await files.write_marker(b"x")
    assert everything(tmp_path / "absent") == {MARKER}


async def test_a_mount_that_vanishes_during_an_upload_leaves_the_folder_below_untouched(root: Path) -> None:
    files = disk(root)
    incoming = await files.begin("upload/a")
    await incoming.write(CONTENT)
    os.rename(root, f"{root}-elsewhere")
    os.mkdir(root)
    with pytest.raises(Offline):
        await incoming.finish()
    assert everything(root) == set()


async def test_a_mount_that_hangs_costs_a_few_threads_and_then_nothing(root: Path) -> None:
    await put(disk(root), "upload/a")
    gate = Gate(os.pread)
    files = disk(root, patience_s=0.2, threads=4, calls=Calls(pread=gate))

    async def read() -> bytes:
        return await anext(files.open_range("upload/a", 0, 10))

    began = time.monotonic()
    outcomes = await asyncio.gather(*(read() for _ in range(50)), return_exceptions=True)
    assert all(isinstance(outcome, Hanging) for outcome in outcomes)
    assert time.monotonic() - began < 2
    assert gate.hanging == 4

    began = time.monotonic()
    for _ in range(200):
        with pytest.raises(Hanging):
            await files.stat("upload/a")
    assert time.monotonic() - began < 0.5  # refused at once, without a thread
    assert gate.hanging == 4

    gate.opened.set()
    async with asyncio.timeout(5):
        while True:
            try:
                assert await read() == CONTENT[:10]
                break
            except Hanging:
                await asyncio.sleep(0.01)


async def test_a_probe_that_is_answered_lets_calls_pass_while_others_are_still_stuck(root: Path) -> None:
    await put(disk(root), "upload/a")
    gate = Gate(os.statvfs)
    files = disk(root, patience_s=0.2, threads=2, calls=Calls(statvfs=gate))
    await asyncio.gather(*(files.free_bytes() for _ in range(2)), return_exceptions=True)
    with pytest.raises(Hanging):
        await files.stat("upload/a")
    assert await files.read_marker() == b"ours"
    assert (await files.stat("upload/a")).size == len(CONTENT)
    gate.opened.set()


async def test_only_one_probe_waits_for_a_hanging_mount(root: Path) -> None:
    gate = Gate(os.open)
    files = disk(root, marker_patience_s=0.1, calls=Calls(open=gate))
    for _ in range(10):
        with pytest.raises(Hanging):
            await files.read_marker()
    assert gate.hanging == 1
    gate.opened.set()
    async with asyncio.timeout(5):
        while True:
            try:
                assert await files.read_marker() == b"ours"
                break
            except Hanging:
                await asyncio.sleep(0.01)


async def test_a_write_that_hangs_and_is_given_up_is_cleared_away_when_it_comes_back(root: Path) -> None:
    gate = Gate(os.write)
    files = disk(root, calls=Calls(write=gate))
    incoming = await files.begin("upload/a")
    writing = asyncio.create_task(incoming.write(CONTENT))
    async with asyncio.timeout(5):
        while not gate.hanging:  # noqa: ASYNC110 — a thread has no asyncio.Event
            await asyncio.sleep(0.01)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    await incoming.abort()
    assert len(everything(root)) == 2  # the stuck thread still holds the file
    gate.opened.set()
    async with asyncio.timeout(5):
        while everything(root) != {MARKER}:  # noqa: ASYNC110 — same
            await asyncio.sleep(0.01)


async def test_waiting_for_a_free_thread_is_not_hanging(root: Path) -> None:
    def slow(path: str) -> os.statvfs_result:
        time.sleep(0.05)
        return os.statvfs(path)

    files = disk(root, patience_s=0.2, threads=1, calls=Calls(statvfs=slow))
    assert all(await asyncio.gather(*(files.free_bytes() for _ in range(12))))


async def test_a_link_inside_the_root_does_not_lead_out_of_it(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "secret"
    outside.mkdir()
    (outside / "x").write_bytes(b"secret")
    (root / "upload").symlink_to(outside)
    (root / "link").symlink_to(outside / "x")
    files = disk(root)
    for attempt in (files.stat("upload/x"), files.remove("upload/x"), put(files, "upload/y")):
        with pytest.raises(Invalid):
            await attempt
    with pytest.raises(Missing):
        await anext(files.open_range("link", 0, 10))
    assert {key async for key, _ in files.list("")} == set()
    assert {path.name for path in outside.iterdir()} == {"x"}


async def test_a_root_that_is_a_link_itself_is_fine(root: Path, tmp_path: Path) -> None:
    (tmp_path / "mnt").symlink_to(root)
    files = disk(tmp_path / "mnt")
    await put(files, "upload/a")
    assert {key async for key, _ in files.list("")} == {"upload/a"}
    assert files.public_path("upload/a") == str(tmp_path / "mnt/upload/a")


async def test_the_time_of_change_is_the_one_that_came_with_the_file(root: Path) -> None:
    files = disk(root)
    taken_at = datetime(2021, 7, 8, 9, 10, 11, 123456, UTC)
    incoming = await files.begin("upload/a")
    await incoming.write(CONTENT)
    await incoming.finish(modified_at=taken_at)
    assert (await files.stat("upload/a")).modified_at == taken_at


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP])
async def test_without_hard_links_a_file_still_appears_whole_and_never_overwrites(root: Path, number: int) -> None:
    files = disk(root, calls=Calls(link=failing(number)))
    outcomes = await asyncio.gather(*(put(files, "upload/same") for _ in range(8)), return_exceptions=True)
    assert sum(not isinstance(outcome, Exception) for outcome in outcomes) == 1
    assert everything(root) == {MARKER, "upload/same"}
    assert (root / "upload/same").read_bytes() == CONTENT


async def test_a_move_that_was_cut_between_its_two_steps_is_completed(root: Path) -> None:
    files = disk(root)
    await put(files, "upload/a")
    os.link(root / "upload/a", root / "upload/b")
    await files.move("upload/a", "upload/b")
    assert everything(root) == {MARKER, "upload/b"}


async def test_a_volume_mounted_read_only_is_said_to_be_so(root: Path) -> None:
    with pytest.raises(Offline, match="read-only"):
        await put(disk(root, calls=Calls(open=failing(errno.EROFS))), "upload/a")


async def test_memory_stays_constant_however_large_the_file(root: Path) -> None:
    """300 MB pass; a 20 GB video passes through the same megabyte."""
    files = disk(root)
    await put(files, "upload/warm", CONTENT)
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    incoming = await files.begin("upload/video.mp4")
    block = CONTENT[: 256 * 1024]
    for _ in range(1200):
        await incoming.write(block)
    written = await incoming.finish()
    assert written.size == 1200 * len(block)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < 24 * 1024


async def test_room_is_told(root: Path) -> None:
    files = disk(root)
    free, total = await files.free_bytes(), await files.total_bytes()
    assert free is not None
    assert total is not None
    assert 0 < free < total
