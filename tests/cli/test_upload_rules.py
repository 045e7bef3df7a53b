"""What an upload decides by itself."""

import os
from pathlib import Path

import pytest

from calotype.cli.crawl import crawl
from calotype.cli.known_hashes import KnownHashes
from calotype.cli.upload_rules import (
    Found,
    Hashed,
    amount,
    batches,
    ends_everything,
    one_of_each,
    several,
    sidecar_name,
    wait_s,
)

TAKEN = frozenset({".jpg", ".mov"})


def test_a_sidecar_is_found_by_its_full_name_before_its_stem():
    assert sidecar_name("a.jpg", {"a.jpg", "a.xmp", "a.jpg.xmp"}) == "a.jpg.xmp"
    assert sidecar_name("a.jpg", {"a.jpg", "a.XMP"}) == "a.XMP"
    assert sidecar_name("a.jpg", {"a.jpg", "b.xmp"}) is None


def test_of_equal_files_the_one_that_has_a_sidecar_is_sent():
    bare = Hashed(Found(Path("a.jpg"), 1, 1), "same")
    described = Hashed(Found(Path("b.jpg"), 1, 1, Path("b.xmp")), "same")
    other = Hashed(Found(Path("c.jpg"), 1, 1), "other")
    assert one_of_each([bare, described, other]) == ([described, other], [bare])
    assert one_of_each([described, bare]) == ([described], [bare])


def test_batches_lose_nothing():
    assert [list(each) for each in batches(range(5), 2)] == [[0, 1], [2, 3], [4]]
    assert list(batches([], 2)) == []


@pytest.mark.parametrize("status", [None, 429, 502, 503, 504])
def test_a_server_that_is_away_is_waited_for_five_minutes(status):
    waits = [wait_s(status, tries, None, 0.5) for tries in range(1, 11)]
    assert waits == sorted(waits)
    assert sum(waits) == pytest.approx(301)
    assert wait_s(status, 11, None, 0.5) is None
    assert ends_everything(status, "")


def test_what_the_server_asks_for_is_honoured_within_reason():
    assert wait_s(503, 1, 20.0, 0.5) == 20
    assert wait_s(429, 1, 86_400.0, 0.5) == 300


def test_a_fault_with_this_file_is_tried_thrice_and_a_refusal_once():
    assert [wait_s(500, tries, None, 0.5) is None for tries in (1, 2, 3)] == [False, False, True]
    assert [wait_s(status, 1, None, 0.5) for status in (400, 401, 403, 413, 501, 507)] == [None] * 6


def test_only_what_concerns_every_file_ends_everything():
    assert ends_everything(400, "Quota has been exceeded!")
    assert ends_everything(401, "")
    assert ends_everything(507, "")
    assert not ends_everything(400, "File is empty")
    assert not ends_everything(500, "Failed to upload asset")


def test_numbers_are_said_as_people_say_them():
    assert [amount(size) for size in (0, 999, 1000, 2_600_000, 123_456_789, 20e9, 3e12)] == [
        "0 bytes",
        "999 bytes",
        "1.0 kB",
        "2.6 MB",
        "123 MB",
        "20.0 GB",
        "3.0 TB",
    ]
    assert several(1) == "1 file"
    assert several(2000) == "2,000 files"


def test_a_crawl_leaves_hidden_and_foreign_things_alone_and_counts_the_others(tmp_path):
    for name in ("b/two.JPG", "a.jpg", ".hidden.jpg", ".git/x.jpg", "@eaDir/a.jpg/thumb.jpg", "notes.txt", "a.xmp"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    crawled = crawl([tmp_path], TAKEN)
    assert [str(each.path.relative_to(tmp_path)) for each in crawled.files] == ["a.jpg", "b/two.JPG"]
    assert crawled.files[0].sidecar == tmp_path / "a.xmp"
    assert crawled.files[1].sidecar is None
    assert crawled.others == {".txt": 1}
    assert crawled.failed == []


def test_links_in_circles_end_and_no_file_comes_twice(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "a.jpg").write_bytes(b"x")
    (tmp_path / "inner" / "back").symlink_to(tmp_path)
    (tmp_path / "again").symlink_to(tmp_path / "inner")
    (tmp_path / "broken.jpg").symlink_to(tmp_path / "nowhere.jpg")
    crawled = crawl([tmp_path, tmp_path / "inner" / "a.jpg", tmp_path / "absent"], TAKEN)
    assert len({each.path.resolve() for each in crawled.files}) == 1
    assert [path.name for path, _ in crawled.failed] == ["broken.jpg", "absent"]


def test_hashes_are_remembered_while_the_file_is_as_it_was(tmp_path):
    known = KnownHashes(tmp_path / "deep" / "hashes")
    odd = Path(os.fsdecode(b"/odd\xff.jpg"))  # a name that is no text
    known.put(Found(odd, 10, 20), "abc")
    known.close()
    again = KnownHashes(known.path)
    assert again.get(Found(odd, 10, 20)) == "abc"
    assert again.get(Found(odd, 11, 20)) is None
    assert again.get(Found(odd, 10, 21)) is None
    again.close()


def test_broken_memory_is_forgotten(tmp_path):
    (tmp_path / "hashes").write_bytes(b"this is no database, and longer than a header of one hundred bytes." * 9)
    known = KnownHashes(tmp_path / "hashes")
    assert known.get(Found(Path("a"), 1, 1)) is None
    known.close()
