"""The rules that turn what cameras, phones and editors wrote into one moment, one wall clock and one zone."""

from datetime import UTC, datetime

import pytest

from calotype.media import dates
from calotype.media.dates import Source, taken

FALLBACK = datetime(2015, 6, 7, 8, 9, 10, 123456, tzinfo=UTC)
BERLIN, TOKYO, PARIS = (52.52, 13.405), (35.6812, 139.7671), (48.8566, 2.3522)
ZONES = {BERLIN: "Europe/Berlin", TOKYO: "Asia/Tokyo", PARIS: "Europe/Paris"}


def moment(media: Source, sidecar: Source | None = None) -> tuple[str, str, str | None]:
    found = taken(media, sidecar, fallback_at=FALLBACK, zone_at=lambda lat, lon: ZONES.get((lat, lon)))
    assert found.at.tzinfo is UTC
    assert found.local.tzinfo is None
    return found.at.replace(tzinfo=None).isoformat(), found.local.isoformat(), found.zone


def dto(text: str) -> dict[str, str]:
    return {"DateTimeOriginal": text}


FELL_BACK = ("2015-06-07T08:09:10.123000", "2015-06-07T08:09:10.123000")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "    :  :     :  :  ",
        "0000:00:00 00:00:00",
        "2021:13:45 25:61:61",
        "0001:01:01 00:00:00",
        "2021:07:08",
        "2021:07",
        "2021:07:08 09:10:11+99:99",
        "9999:12:31 23:59:59-12:00",
        "2021:02:30 10:00:00",
        "yesterday",
    ],
)
def test_a_date_that_makes_no_sense_leaves_the_dates_of_the_file(text: str) -> None:
    assert moment(Source(dto(text))) == (*FELL_BACK, None)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("1800:07:08 09:10:11", "1800-07-08T09:10:11"),
        ("1969:12:31 23:30:00", "1969-12-31T23:30:00"),
        ("2099:07:08 09:10:11", "2099-07-08T09:10:11"),
        ("2021-07-08T09:10", "2021-07-08T09:10:00"),
        ("2021:07:08 09:10:11.5", "2021-07-08T09:10:11.500000"),
    ],
)
def test_a_date_without_a_zone_is_told_as_if_it_were_utc(text: str, at: str) -> None:
    assert moment(Source(dto(text))) == (at, at, None)


@pytest.mark.parametrize(
    ("offset", "at", "zone"),
    [
        ("+02:00", "2021-07-08T07:10:11", "UTC+2"),
        ("-03:30", "2021-07-08T12:40:11", "UTC-3:30"),
        ("+05:45", "2021-07-08T03:25:11", "UTC+5:45"),
        ("+14:00", "2021-07-07T19:10:11", "UTC+14"),
        ("+00:00", "2021-07-08T09:10:11", "UTC"),
        ("Z", "2021-07-08T09:10:11", "UTC"),
    ],
)
def test_an_offset_of_its_own_names_the_zone(offset: str, at: str, zone: str) -> None:
    media = Source({"SubSecDateTimeOriginal": f"2021:07:08 09:10:11{offset}"}, [offset])
    assert moment(media) == (at, "2021-07-08T09:10:11", zone)


def test_an_offset_of_its_own_is_believed_even_on_another_continent() -> None:
    media = Source({"SubSecDateTimeOriginal": "2021:07:08 09:10:11+02:00"}, ["+02:00"], TOKYO)
    assert moment(media) == ("2021-07-08T07:10:11", "2021-07-08T09:10:11", "UTC+2")


def test_a_position_gives_the_zone_and_its_summer_time() -> None:
    summer, winter = dto("2021:07:08 09:10:11"), dto("2021:01:08 09:10:11")
    assert moment(Source(summer, (), BERLIN)) == ("2021-07-08T07:10:11", "2021-07-08T09:10:11", "Europe/Berlin")
    assert moment(Source(winter, (), BERLIN)) == ("2021-01-08T08:10:11", "2021-01-08T09:10:11", "Europe/Berlin")


def test_a_skipped_hour_is_an_hour_later_and_a_doubled_one_the_second() -> None:
    skipped, doubled = dto("2021:03:28 02:30:00"), dto("2021:10:31 02:30:00")
    assert moment(Source(skipped, (), BERLIN)) == ("2021-03-28T01:30:00", "2021-03-28T03:30:00", "Europe/Berlin")
    assert moment(Source(doubled, (), BERLIN)) == ("2021-10-31T01:30:00", "2021-10-31T02:30:00", "Europe/Berlin")


def test_a_position_beats_an_offset_written_inside_the_value() -> None:
    inside = dto("2021-07-08T09:10:11+09:00")
    assert moment(Source(inside)) == ("2021-07-08T00:10:11", "2021-07-08T09:10:11", "UTC+9")
    assert moment(Source(inside, (), BERLIN)) == ("2021-07-08T00:10:11", "2021-07-08T02:10:11", "Europe/Berlin")


@pytest.mark.parametrize("zero", ["Z", "+00:00"])
def test_zero_inside_the_value_is_told_apart_from_an_exif_offset(zero: str) -> None:
    inside = dto(f"2021-07-08T09:10:11{zero}")
    assert moment(Source(inside)) == ("2021-07-08T09:10:11", "2021-07-08T09:10:11", "UTC+0")
    assert moment(Source(inside, (), BERLIN)) == ("2021-07-08T09:10:11", "2021-07-08T11:10:11", "Europe/Berlin")


@pytest.mark.parametrize(
    ("gps", "zone", "at"),
    [
        ("2021:07:08 04:10:11Z", "UTC+5", "2021-07-08T04:10:11"),
        ("2021:07:08 04:12:40Z", "UTC+5", "2021-07-08T04:10:11"),  # the fix was two minutes late
        ("2021:07:08 03:25:11Z", "UTC+5:45", "2021-07-08T03:25:11"),
        ("2021:07:01 04:10:11Z", None, "2021-07-08T09:10:11"),  # a fix of last week tells nothing
    ],
)
def test_the_clock_of_the_satellites_tells_the_zone_when_nothing_else_does(gps: str, zone: str | None, at: str) -> None:
    media = Source({**dto("2021:07:08 09:10:11"), "GPSDateTime": gps})
    assert moment(media) == (at, "2021-07-08T09:10:11", zone)


def test_the_clock_of_the_satellites_is_ignored_where_the_position_is_known() -> None:
    media = Source({**dto("2021:07:08 09:10:11"), "GPSDateTime": "2021:07:08 04:10:11Z"}, (), BERLIN)
    assert moment(media) == ("2021-07-08T07:10:11", "2021-07-08T09:10:11", "Europe/Berlin")


def test_the_clock_of_the_satellites_alone_is_a_date() -> None:
    texts = {"GPSDateTime": "2021:07:08 04:10:11Z"}
    assert moment(Source(texts)) == ("2021-07-08T04:10:11", "2021-07-08T04:10:11", "UTC+0")
    assert moment(Source(texts, (), BERLIN)) == ("2021-07-08T04:10:11", "2021-07-08T06:10:11", "Europe/Berlin")


def test_a_created_date_with_fraction_or_offset_beats_a_plain_original_date() -> None:
    media = Source({**dto("2021:07:08 09:10:11"), "SubSecCreateDate": "2020:01:02 03:04:05+02:00"}, ["+02:00"])
    assert moment(media) == ("2020-01-02T01:04:05", "2020-01-02T03:04:05", "UTC+2")


def test_without_a_date_the_zone_comes_from_the_position_only() -> None:
    assert moment(Source({}, (), BERLIN)) == (*FELL_BACK, "Europe/Berlin")
    assert moment(Source({}, ["+02:00"])) == (*FELL_BACK, None)
    assert moment(Source({}, is_video=True)) == (*FELL_BACK, "UTC")


class TestVideos:
    created = {"CreateDate": "2021-07-08T09:10:11.000000"}  # noqa: RUF012 — read only

    def test_their_times_are_utc(self) -> None:
        at = "2021-07-08T09:10:11"
        assert moment(Source(self.created, is_video=True)) == (at, at, "UTC")

    def test_a_position_tells_the_zone_but_leaves_the_moment(self) -> None:
        found = moment(Source(self.created, (), TOKYO, is_video=True))
        assert found == ("2021-07-08T09:10:11", "2021-07-08T18:10:11", "Asia/Tokyo")

    def test_a_creation_date_with_an_offset_tells_the_zone(self) -> None:
        texts = {**self.created, "CreationDate": "2021-07-08T11:10:11+0200"}
        assert moment(Source(texts, is_video=True)) == ("2021-07-08T09:10:11", "2021-07-08T11:10:11", "UTC+2")
        found = moment(Source(texts, (), TOKYO, is_video=True))
        assert found == ("2021-07-08T09:10:11", "2021-07-08T18:10:11", "Asia/Tokyo")

    def test_a_sidecar_date_drops_the_zone(self) -> None:
        found = moment(Source(self.created, is_video=True), Source(dto("2010:01:02 03:04:05")))
        assert found == ("2010-01-02T03:04:05", "2010-01-02T03:04:05", None)


class TestSidecars:
    def test_a_date_silences_every_date_and_the_zone_of_the_photo(self) -> None:
        found = moment(Source(dto("2021:07:08 09:10:11"), (), BERLIN), Source(dto("2010:01:02 03:04:05")))
        assert found == ("2010-01-02T03:04:05", "2010-01-02T03:04:05", None)

    def test_an_unreadable_date_silences_them_too(self) -> None:
        assert moment(Source(dto("2021:07:08 09:10:11")), Source(dto("2010:01"))) == (*FELL_BACK, None)

    def test_a_date_with_an_offset_brings_its_zone(self) -> None:
        media = Source({"SubSecDateTimeOriginal": "2021:07:08 09:10:11+02:00"}, ["+02:00"])
        found = moment(media, Source({"CreateDate": "2011:05:06 07:08:09+01:00"}))
        assert found == ("2011-05-06T06:08:09", "2011-05-06T07:08:09", "UTC+1")

    def test_a_sidecar_without_a_date_leaves_the_photo_its_own(self) -> None:
        media = Source({"SubSecDateTimeOriginal": "2021:07:08 09:10:11+02:00"}, ["+02:00"])
        assert moment(media, Source({})) == ("2021-07-08T07:10:11", "2021-07-08T09:10:11", "UTC+2")

    def test_a_position_alone_changes_the_zone_and_not_the_moment(self) -> None:
        found = moment(Source(dto("2021:07:08 09:10:11")), Source({}, (), PARIS))
        assert found == ("2021-07-08T09:10:11", "2021-07-08T11:10:11", "Europe/Paris")
        found = moment(Source(dto("2021:07:08 09:10:11"), (), BERLIN), Source({}, (), TOKYO))
        assert found == ("2021-07-08T07:10:11", "2021-07-08T16:10:11", "Asia/Tokyo")

    def test_what_a_user_edited_keeps_its_moment_and_takes_the_zone_of_the_place(self) -> None:
        media = Source({"SubSecDateTimeOriginal": "2021:07:08 09:10:11+02:00"}, ["+02:00"])
        found = moment(media, Source(dto("2001-02-03T04:05:06.000+07:00"), (), TOKYO))
        assert found == ("2001-02-02T21:05:06", "2001-02-03T06:05:06", "Asia/Tokyo")


def test_zone_texts_are_read_back() -> None:
    at = datetime(2021, 7, 8, tzinfo=UTC)
    offsets = {text: dates.zone_of(text) for text in ("UTC+5:45", "UTC-3:30", "UTC", "UTC+0", "Europe/Berlin")}
    minutes = {text: zone and (zone.utcoffset(at) or at - at).total_seconds() / 60 for text, zone in offsets.items()}
    assert minutes == {"UTC+5:45": 345, "UTC-3:30": -210, "UTC": 0, "UTC+0": 0, "Europe/Berlin": 120}
    assert dates.zone_of("Atlantis/Capital") is None
    assert dates.zone_of("../../etc/passwd") is None
    assert dates.zone_of(None) is None
