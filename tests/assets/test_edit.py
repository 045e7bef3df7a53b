"""What a wish changes, and what of it must reach the sidecar."""

from datetime import UTC, datetime

import pytest

from calotype.assets.edit import Wish, plan
from calotype.core.errors import Invalid


def test_nothing_wished_is_nothing_changed():
    assert plan(Wish()).is_empty


def test_favourite_and_visibility_are_not_the_files_business():
    assert plan(Wish(is_favorite=True, visibility="archive")).locked == ()


def test_a_date_with_an_offset_locks_its_zone_too():
    new = plan(Wish(taken="2024-01-01T12:00:00+02:00"))
    assert (new.taken, new.time_zone) == (datetime(2024, 1, 1, 10, tzinfo=UTC), "UTC+2")
    assert new.locked == ("dateTimeOriginal", "timeZone")


def test_a_date_without_an_offset_keeps_the_zone():
    new = plan(Wish(taken="2024-01-01"))
    assert (new.time_zone, new.locked) == (None, ("dateTimeOriginal",))


def test_a_zone_beside_a_date_wins_over_its_offset():
    assert plan(Wish(taken="2024-01-01T12:00:00Z", time_zone="Asia/Tokyo")).time_zone == "Asia/Tokyo"


def test_an_unknown_zone_has_no_effect():
    assert plan(Wish(time_zone="Mars/Olympus")).is_empty


def test_null_for_a_rating_is_a_change():
    new = plan(Wish(sets_rating=True))
    assert (new.is_empty, new.locked) == (False, ("rating",))


def test_words_are_no_date():
    with pytest.raises(Invalid, match="not a date"):
        plan(Wish(taken="last summer"))
