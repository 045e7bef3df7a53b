"""Rules of assets that need no database."""

from datetime import UTC, datetime, timedelta

import pytest

from calotype.assets.asset import (
    LiveVideo,
    check_live_video,
    has_room,
    read_moment,
    repeated,
    zone_at,
    zone_name,
    zone_of,
)
from calotype.core.errors import Invalid
from calotype.core.ids import AssetId, UserId, new_id

ADA, EVE = UserId(new_id()), UserId(new_id())


@pytest.mark.parametrize(
    ("quota", "usage", "size", "fits"), [(None, 10**15, 1, True), (10, 4, 6, True), (10, 4, 7, False), (0, 0, 1, False)]
)
def test_a_file_fits_when_it_does_not_exceed_the_quota(quota, usage, size, fits):
    assert has_room(quota, usage, size) is fits


def video(owner=ADA, kind="VIDEO") -> LiveVideo:
    return LiveVideo(AssetId(new_id()), owner, kind, "timeline")


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (None, "Live photo video not found"),
        (video(kind="IMAGE"), "Live photo video must be a video"),
        (video(owner=EVE), "Live photo video does not belong to the user"),
    ],
)
def test_an_unfit_moving_part_is_refused(found, sentence):
    with pytest.raises(Invalid, match=sentence):
        check_live_video(found, ADA)


def test_an_own_video_may_become_a_moving_part():
    check_live_video(video(), ADA)


@pytest.mark.parametrize("text", ["", "2021", "2021-05", "2021-02-30", "tomorrow", "2021-05-06T25:00:00"])
def test_what_is_no_date_is_none(text):
    assert read_moment(text) is None


def test_an_offset_in_a_date_is_its_zone():
    moment = read_moment("2024-05-06T07:00:00-03:30")
    assert (moment.instant, moment.time_zone) == (datetime(2024, 5, 6, 10, 30, tzinfo=UTC), "UTC-3:30")


@pytest.mark.parametrize(
    ("hours", "name"), [(0, "UTC+0"), (2, "UTC+2"), (5.5, "UTC+5:30"), (-3.5, "UTC-3:30"), (-11, "UTC-11")]
)
def test_zones_are_written_by_their_offset(hours, name):
    assert zone_name(timedelta(hours=hours)) == name


@pytest.mark.parametrize("name", ["Mars/Olympus", "UTC+99", "../etc/passwd", "", "Europe"])
def test_there_is_no_such_zone(name):
    assert zone_of(name) is None


def test_a_zone_beside_an_instant_knows_summer_time():
    assert zone_at("Europe/Berlin", datetime(2024, 7, 1, tzinfo=UTC)) == "UTC+2"
    assert zone_at("Europe/Berlin", datetime(2024, 1, 1, tzinfo=UTC)) == "UTC+1"
    assert zone_at("UTC-3:30", datetime(2024, 1, 1, tzinfo=UTC)) == "UTC-3:30"


def test_the_first_repeated_note_is_found():
    one, two = new_id(), new_id()
    assert repeated([(one, "a"), (two, "a"), (one, "a")]) == (one, "a")
    assert repeated([(one, "a"), (one, "b")]) is None
