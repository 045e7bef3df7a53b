"""How a download is split into archives."""

from calotype.assets.download import split
from calotype.core.ids import AssetId, new_id

IDS = [AssetId(new_id()) for _ in range(4)]


def test_an_archive_is_full_once_it_exceeds_the_target():
    parts = split(zip(IDS, (5, 5, 5, 5), strict=True), 9)
    assert [(part.size, part.assets) for part in parts] == [(10, tuple(IDS[:2])), (10, tuple(IDS[2:]))]


def test_reaching_the_target_exactly_is_not_exceeding_it():
    assert [part.size for part in split(zip(IDS, (5, 5, 5, 5), strict=True), 10)] == [15, 5]


def test_nothing_is_no_archive():
    assert split([], 1) == []
