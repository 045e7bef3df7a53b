"""Archives as a stream."""

import io
import zipfile
from datetime import UTC, datetime

from calotype.core.errors import Missing
from calotype.outside.zips import Entry, stream, unique_names

THEN = datetime(2024, 3, 1, 10, 0, 2, tzinfo=UTC)


def entry(name: str, *chunks: bytes, modified_at: datetime = THEN) -> Entry:
    async def read():
        for chunk in chunks:
            yield chunk

    return Entry(name, modified_at, read)


async def archive(*entries: Entry) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(b"".join([piece async for piece in stream(entries)])))


async def test_pieces_of_a_file_are_joined_and_empty_files_kept():
    found = await archive(entry("a.bin", b"one", b"two"), entry("empty"))
    assert (found.read("a.bin"), found.read("empty")) == (b"onetwo", b"")
    assert found.testzip() is None


async def test_times_outside_the_formats_range_are_moved_into_it():
    found = await archive(entry("old", modified_at=datetime(1969, 1, 1, tzinfo=UTC)))
    assert found.getinfo("old").date_time == (1980, 1, 1, 0, 0, 0)


async def test_a_missing_file_is_named_instead():
    async def lost():
        raise Missing("gone")
        yield b""

    found = await archive(Entry("lost.jpg", THEN, lost), entry("kept.jpg", b"x"))
    assert found.namelist() == ["kept.jpg", "missing-files.txt"]


async def test_an_empty_archive_is_one():
    assert (await archive()).namelist() == []


async def test_no_more_than_a_piece_is_held_back():
    pieces = stream([entry("a.bin", *[bytes(1_000_000)] * 20)])
    assert max([len(piece) async for piece in pieces]) < 1_100_000


def test_names_are_unique_whatever_their_case_and_safe_anywhere():
    given = ["a.jpg", "A.jpg", "a.jpg", "../x:y?.jpg", "", "..", ".hidden"]
    assert unique_names(given) == ["a.jpg", "A+1.jpg", "a+2.jpg", "xy.jpg", "unnamed", "unnamed+1", "hidden"]
