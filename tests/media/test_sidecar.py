"""Sidecars: found in the right order, changed without harm, and read back as what the user meant."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from calotype.core.errors import Invalid
from calotype.media.exif import Facts, facts
from calotype.media.sidecar import Edits, apply_edits, candidates, choose, parse, target
from calotype.outside import xmp

FALLBACK = datetime(2015, 6, 7, 8, 9, 10, tzinfo=UTC)
TOKYO = (35.6812, 139.7671)


def read_back(packet: bytes, **media: str) -> Facts:
    return facts(
        {key.replace("_", ":"): value for key, value in media.items()},
        parse(packet),
        None,
        extension=".jpg",
        is_video=False,
        fallback_at=FALLBACK,
        zone_at=lambda lat, lon: "Asia/Tokyo" if (lat, lon) == TOKYO else None,
    )


def test_the_known_sidecar_comes_first_then_the_full_name_then_the_stem() -> None:
    assert candidates("a/b.jpg") == ["a/b.jpg.xmp", "a/b.xmp"]
    assert candidates("a/b.jpg", known="c/d.xmp") == ["c/d.xmp", "a/b.jpg.xmp", "a/b.xmp"]
    assert candidates("a.b/c") == ["a.b/c.xmp"]
    assert choose("a/b.jpg", ["a/b.xmp", "a/b.jpg.xmp"]) == "a/b.jpg.xmp"
    assert choose("a/b.jpg", ["a/b.xmp", "z.xmp"]) == "a/b.xmp"
    assert choose("a/b.jpg", ["a/b.JPG.XMP", "a/b.jpg.XMP"]) is None


def test_edits_go_to_the_known_sidecar_or_beside_the_original() -> None:
    assert target("a/b.jpg") == "a/b.jpg.xmp"
    assert target("a/b.jpg", "a/b.xmp") == "a/b.xmp"


def test_what_a_user_edits_is_what_extraction_reads() -> None:
    edited = Edits(
        description="Grüße\nfrom 日本 <&> \x00🎉",
        taken_at=datetime(2001, 2, 3, 4, 5, 6, tzinfo=timezone(timedelta(hours=7))),
        position=TOKYO,
        rating=4,
        tags=("Trip/2021", "Solo"),
    )
    media = {
        "EXIF_DateTimeOriginal": "2021:07:08 09:10:11",
        "EXIF_OffsetTimeOriginal": "+02:00",
        "EXIF_ImageDescription": "media",
        "EXIF_Rating": "2",
        "IPTC_Keywords": "kw",
    }
    found = read_back(apply_edits(None, edited), **media)
    assert found.taken_at == datetime(2001, 2, 2, 21, 5, 6, tzinfo=UTC)
    assert found.local_taken == datetime(2001, 2, 3, 6, 5, 6)  # noqa: DTZ001 — a wall clock
    assert found.time_zone == "Asia/Tokyo"
    assert found.description == "Grüße\nfrom 日本 <&> 🎉"
    assert (found.latitude, found.longitude) == TOKYO
    assert (found.rating, found.tags) == (4, ("Trip/2021", "Solo"))


def test_milliseconds_and_southern_western_places_survive() -> None:
    edited = Edits(taken_at=datetime(2001, 2, 3, 4, 5, 6, 789000, tzinfo=UTC), position=(-33.8688001, -70.123456789))
    found = read_back(apply_edits(None, edited))
    assert found.taken_at == datetime(2001, 2, 3, 4, 5, 6, 789000, tzinfo=UTC)
    assert (found.latitude, found.longitude) == (-33.8688001, -70.123456789)


def test_a_moment_before_zones_had_whole_minutes_is_kept() -> None:
    old = datetime(1850, 1, 1, 12, 0, 0, tzinfo=ZoneInfo("Europe/Berlin"))  # fifty-three minutes and 28 seconds
    assert read_back(apply_edits(None, Edits(taken_at=old))).taken_at == old


def test_what_is_taken_away_stays_away() -> None:
    media = {"EXIF_ImageDescription": "media", "EXIF_Rating": "2", "IPTC_Keywords": "kw"}
    found = read_back(apply_edits(None, Edits(description="", rating=0, tags=())), **media)
    assert (found.description, found.rating, found.tags) == ("", None, ())


def test_what_was_not_edited_is_the_photos_own() -> None:
    found = read_back(apply_edits(None, Edits(rating=5)), EXIF_ImageDescription="media", IPTC_Keywords="kw")
    assert (found.description, found.rating, found.tags) == ("media", 5, ("kw",))


LIGHTROOM = """\ufeff<?xpacket begin='\ufeff' id='W5M0MpCehiHzreSzNTczkc9d'?>
<!-- kept -->
<x:xmpmeta xmlns:x='adobe:ns:meta/' x:xmptk='Core'>
 <r:RDF xmlns:r='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>
  <r:Description r:about='uuid:1' xmlns:xap='http://ns.adobe.com/xap/1.0/' xmlns:crs='http://camera-raw/'
    xap:Rating='2' crs:Exposure='+0.50' crs:Note='two&#10;lines'>
   <crs:ToneCurve><r:Seq><r:li>0, 0</r:li><r:li>255, 255</r:li></r:Seq></crs:ToneCurve>
   <d:description xmlns:d='http://purl.org/dc/elements/1.1/'><r:Alt><r:li xml:lang='x-default'>old</r:li></r:Alt>
   </d:description>
  </r:Description>
 </r:RDF>
</x:xmpmeta>
<?xpacket end='w'?>"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_the_rest_of_a_sidecar_is_preserved(encoding: str) -> None:
    text = LIGHTROOM if encoding == "utf-8" else LIGHTROOM.removeprefix("\ufeff")
    written = apply_edits(text.encode(encoding), Edits(description="new", rating=4)).decode()
    for kept in ("<!-- kept -->", "<?xpacket end='w'?>", "+0.50", "two&#10;lines", "255, 255", "uuid:1", "x:xmptk"):
        assert kept in written
    assert "old" not in written
    assert parse(written.encode()) == {
        "XMP-dc:description": "new",
        "XMP-tiff:ImageDescription": "new",
        "XMP-xmp:Rating": "4",
    }


def test_editing_again_and_again_does_not_grow_the_sidecar() -> None:
    edited = Edits(description="same", rating=3, tags=("a",))
    once = apply_edits(LIGHTROOM.encode(), edited)
    again = apply_edits(apply_edits(once, edited), edited)
    assert again == once


def test_nothing_to_write_changes_nothing() -> None:
    assert Edits().are_none
    assert apply_edits(b"whatever", Edits()) == b"whatever"


BOMB = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><x:xmpmeta xmlns:x="adobe:ns:meta/">&b;</x:xmpmeta>'


@pytest.mark.parametrize(
    "packet",
    [BOMB, b"not XML at all", b"<a><b></a>", b"\x00\xff\xfe", b"<html/>", b"<x>" * 100_000],
    ids=["entities", "text", "torn", "binary", "html", "deep"],
)
def test_a_file_that_is_no_sidecar_says_nothing_and_is_never_overwritten(packet: bytes) -> None:
    assert parse(packet) == {}
    with pytest.raises(Invalid):
        apply_edits(packet, Edits(rating=1))


def test_a_sidecar_of_unreasonable_size_is_refused() -> None:
    assert parse(b" " * (xmp.MAX_BYTES + 1)) == {}


def test_no_outside_file_is_read() -> None:
    packet = b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x:xmpmeta xmlns:x="adobe:ns:meta/"/>'
    assert parse(packet) == {}
