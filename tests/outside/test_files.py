"""The promises of `Files`, kept by a folder and by a bucket alike."""

import asyncio
import hashlib
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from calotype.core.config import Config
from calotype.core.errors import Conflict, Invalid, Missing, Offline
from calotype.outside.disk import DiskFiles
from calotype.outside.keys import INCOMING, MARKER
from calotype.outside.objects import ObjectFiles

LARGE = os.urandom(20_000_000)  # more than two parts of a multipart upload


class Place:
    """A root and how to look behind it."""

    def __init__(self, files: DiskFiles | ObjectFiles, everything: Callable[[], set[str]]) -> None:
        self.files = files
        self.everything = everything


@pytest.fixture(params=["disk", "objects"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "disk":
        root = tmp_path / "media"
        root.mkdir()

        def everything() -> set[str]:
            return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}

        place = Place(DiskFiles(Config(media=str(root), min_free_mib=0)), everything)
    else:
        peer = request.getfixturevalue("peer")
        place = Place(ObjectFiles(peer.config(tmp_path)), lambda: peer.keys() | set(peer.unfinished()))
    await place.files.write_marker(b"ours")
    return place


async def put(files: DiskFiles | ObjectFiles, key: str, content: bytes, *, piece: int = 300_000) -> None:
    incoming = await files.begin(key)
    for start in range(0, len(content), piece):
        await incoming.write(memoryview(content)[start : start + piece])
    await incoming.finish()


async def get(files: DiskFiles | ObjectFiles, key: str, start: int = 0, length: int = 1 << 40) -> bytes:
    return b"".join([chunk async for chunk in files.open_range(key, start, length)])


async def keys(files: DiskFiles | ObjectFiles, prefix: str = "") -> set[str]:
    return {key async for key, _ in files.list(prefix)}


@pytest.mark.parametrize("content", [b"", b"x", LARGE], ids=["empty", "tiny", "large"])
async def test_what_is_written_is_read_back_with_its_checksums(place: Place, content: bytes) -> None:
    incoming = await place.files.begin("upload/ada/ab/cd/photo.jpg")
    for start in range(0, len(content), 300_000):
        await incoming.write(memoryview(content)[start : start + 300_000])
    early = await incoming.digest()
    written = await incoming.finish()
    assert written == early
    assert (written.key, written.size) == ("upload/ada/ab/cd/photo.jpg", len(content))
    assert written.sha1 == hashlib.sha1(content, usedforsecurity=False).digest()
    assert written.sha256 == hashlib.sha256(content).digest()
    assert await get(place.files, written.key) == content
    assert (await place.files.stat(written.key)).size == len(content)


async def test_a_buffer_may_be_used_again_after_write(place: Place) -> None:
    incoming = await place.files.begin("upload/a")
    buffer = bytearray(b"first ")
    await incoming.write(memoryview(buffer))
    buffer[:] = b"second"
    await incoming.write(memoryview(buffer))
    await incoming.finish()
    assert await get(place.files, "upload/a") == b"first second"


async def test_nobody_sees_a_file_before_it_is_finished(place: Place) -> None:
    incoming = await place.files.begin("upload/a")
    await incoming.write(LARGE)
    await incoming.digest()
    with pytest.raises(Missing):
        await place.files.stat("upload/a")
    assert await keys(place.files) == set()
    await incoming.finish()
    assert await keys(place.files) == {"upload/a"}


@pytest.mark.parametrize("content", [b"small", LARGE], ids=["small", "large"])
async def test_a_cut_in_the_middle_leaves_nothing(place: Place, content: bytes) -> None:
    incoming = await place.files.begin("upload/a")
    await incoming.write(content)
    await incoming.abort()
    await incoming.abort()
    assert place.everything() == {MARKER}


async def test_giving_up_after_the_finish_changes_nothing(place: Place) -> None:
    incoming = await place.files.begin("upload/a")
    await incoming.write(b"content")
    await incoming.finish()
    await incoming.abort()
    assert place.everything() == {MARKER, "upload/a"}


async def test_a_finish_whose_caller_was_cut_off_leaves_nothing(place: Place) -> None:
    for pause_s in (0, 0.001, 0.004, 0.016):
        incoming = await place.files.begin("upload/a")
        await incoming.write(LARGE[:3_000_000])
        finishing = asyncio.create_task(incoming.finish())
        await asyncio.sleep(pause_s)
        finishing.cancel()
        (outcome,) = await asyncio.gather(finishing, return_exceptions=True)
        await incoming.abort()
        if not isinstance(outcome, asyncio.CancelledError):  # it was faster than the cut
            await place.files.remove("upload/a")
        async with asyncio.timeout(5):
            while place.everything() != {MARKER}:  # noqa: ASYNC110 — the thread that was at it cleans up behind itself
                await asyncio.sleep(0.01)


async def test_parallel_finishes_on_one_key_never_overwrite(place: Place) -> None:
    contents = [bytes([number]) * 1000 for number in range(12)]

    async def one(content: bytes) -> bool:
        try:
            await put(place.files, "upload/same.jpg", content)
        except Conflict:
            return False
        return True

    outcomes = await asyncio.gather(*(one(content) for content in contents))
    assert outcomes.count(True) == 1
    assert await get(place.files, "upload/same.jpg") == contents[outcomes.index(True)]
    assert place.everything() == {MARKER, "upload/same.jpg"}


async def test_a_hundred_writers_at_once_each_get_their_file(place: Place) -> None:
    contents = {f"upload/{number % 7}/{number}.jpg": os.urandom(40_000 + number) for number in range(100)}
    async with asyncio.TaskGroup() as group:
        for key, content in contents.items():
            group.create_task(put(place.files, key, content, piece=9_000))
    assert await keys(place.files) == set(contents)
    for key in list(contents)[::13]:
        assert await get(place.files, key) == contents[key]


@pytest.mark.parametrize(
    ("start", "length"),
    [(0, 1), (0, 0), (1_048_575, 2), (5_000_000, 8_400_000), (19_999_999, 100), (20_000_000, 1), (30_000_000, 5)],
)
async def test_a_range_is_exactly_the_bytes_asked_for(place: Place, start: int, length: int) -> None:
    await put(place.files, "upload/a", LARGE, piece=4_000_000)
    assert await get(place.files, "upload/a", start, length) == LARGE[start : start + length]


async def test_chunks_of_a_range_are_at_most_a_megabyte(place: Place) -> None:
    await put(place.files, "upload/a", LARGE, piece=4_000_000)
    sizes = [len(chunk) async for chunk in place.files.open_range("upload/a", 0, len(LARGE))]
    assert max(sizes) <= 1024 * 1024


async def test_what_is_not_there_is_missing(place: Place) -> None:
    with pytest.raises(Missing):
        await place.files.stat("upload/none")
    with pytest.raises(Missing):
        await get(place.files, "upload/none")
    with pytest.raises(Missing):
        await place.files.move("upload/none", "upload/other")
    with pytest.raises(Missing):
        async with place.files.local("upload/none"):
            pass
    await place.files.remove("upload/none")
    assert await keys(place.files, "upload/none") == set()


async def test_without_its_marker_a_root_is_away_and_nothing_is_missing(place: Place) -> None:
    """An unmounted share is an empty folder: it must be neither written to nor read as deleted photos."""
    await place.files.remove("upload/x")
    root = place.files
    if isinstance(root, DiskFiles):
        os.unlink(root.public_path("upload").replace("upload", MARKER))
    else:
        await root._store.delete_async(MARKER)
        root._marker_seen_at = None  # the ten seconds for which a marker vouches are over
    assert await root.read_marker() is None
    for attempt in (
        root.begin("upload/a"),
        root.stat("upload/a"),
        root.remove("upload/a"),
        root.move("upload/a", "upload/b"),
        get(root, "upload/a"),
        keys(root),
        root.sweep(),
    ):
        with pytest.raises(Offline):
            await attempt
    assert place.everything() == set()


async def test_a_move_is_done_once_and_may_be_asked_twice(place: Place) -> None:
    await put(place.files, "upload/a.jpg", b"content")
    await place.files.move("upload/a.jpg", "library/2021/b.jpg")
    await place.files.move("upload/a.jpg", "library/2021/b.jpg")
    assert place.everything() == {MARKER, "library/2021/b.jpg"}
    assert await get(place.files, "library/2021/b.jpg") == b"content"


async def test_a_move_never_overwrites(place: Place) -> None:
    await put(place.files, "upload/a", b"one")
    await put(place.files, "upload/b", b"two")
    with pytest.raises(Conflict):
        await place.files.move("upload/a", "upload/b")
    assert (await get(place.files, "upload/a"), await get(place.files, "upload/b")) == (b"one", b"two")


async def test_removing_twice_is_no_error(place: Place) -> None:
    await put(place.files, "upload/a", b"one")
    await place.files.remove("upload/a")
    await place.files.remove("upload/a")
    assert place.everything() == {MARKER}


async def test_a_listing_shows_what_is_below_a_prefix_and_nothing_of_ours(place: Place) -> None:
    unfinished = await place.files.begin("upload/ada/unfinished")
    await unfinished.write(LARGE)
    await put(place.files, "upload/ada/1.jpg", b"12345")
    await put(place.files, "upload/ada/deep/er/2.jpg", b"1")
    await put(place.files, "upload/adam/3.jpg", b"1")
    found = {key: stat.size async for key, stat in place.files.list("upload/ada")}
    assert found == {"upload/ada/1.jpg": 5, "upload/ada/deep/er/2.jpg": 1}
    assert await keys(place.files, "upload/ada/") == set(found)
    assert await keys(place.files) == {*found, "upload/adam/3.jpg"}
    await unfinished.abort()


@pytest.mark.parametrize("name", ["ä ö.JPG", "100% #1 ?.jpg", "a+b&c='d'.jpg", "日本.heic", "e\u0301.jpg"])
async def test_names_may_be_in_any_script(place: Place, name: str) -> None:
    await put(place.files, f"library/{name}", b"content")
    assert await get(place.files, f"library/{name}") == b"content"
    assert await keys(place.files) == {f"library/{name}"}
    await place.files.move(f"library/{name}", f"library/2/{name}")
    await place.files.remove(f"library/2/{name}")
    assert place.everything() == {MARKER}


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/etc/passwd",
        "../x",
        "upload/../../x",
        "upload//x",
        "upload/./x",
        "a\0b",
        "a\\b",
        "upload/",
        "x" * 300,
        MARKER,
        f"{INCOMING}/x",
    ],
)
async def test_a_key_that_leaves_the_root_is_refused(place: Place, key: str) -> None:
    for attempt in (
        place.files.begin(key),
        place.files.stat(key),
        place.files.remove(key),
        place.files.move(key, "upload/a"),
        place.files.move("upload/a", key),
        get(place.files, key),
    ):
        with pytest.raises(Invalid):
            await attempt


async def test_decoders_get_a_path_with_the_content(place: Place) -> None:
    await put(place.files, "upload/a.JPG", LARGE, piece=4_000_000)
    async with place.files.local("upload/a.JPG") as path:
        assert path.suffix == ".JPG"
        assert path.read_bytes() == LARGE
    if isinstance(place.files, ObjectFiles):
        assert not path.exists()


async def test_the_marker_is_replaced_and_read(place: Place) -> None:
    assert await place.files.read_marker() == b"ours"
    await place.files.write_marker(b"ours, later")
    assert await place.files.read_marker() == b"ours, later"
    assert place.everything() == {MARKER}


async def test_holding_anything_is_seen_without_a_marker(place: Place) -> None:
    assert not await place.files.holds_any(["upload", "library"])
    await put(place.files, "library/ada/1.jpg", b"1")
    assert await place.files.holds_any(["upload", "library"])
    assert not await place.files.holds_any(["upload"])


async def test_the_sweep_removes_old_unfinished_writes_only(place: Place) -> None:
    incoming = await place.files.begin("upload/a")
    await incoming.write(LARGE)
    await incoming.digest()
    assert await place.files.sweep() == 0
    if isinstance(place.files, ObjectFiles):
        await incoming.abort()
        await place.files._store.put_async(f"{INCOMING}/left.part", b"by a crash")
    await asyncio.sleep(0.01)
    assert await place.files.sweep(-1) == 1
    assert place.everything() == {MARKER}
    await incoming.abort()


async def test_times_are_aware(place: Place) -> None:
    await put(place.files, "upload/a", b"1")
    stat = await place.files.stat("upload/a")
    assert abs(stat.modified_at - datetime.now(UTC)) < timedelta(minutes=1)
