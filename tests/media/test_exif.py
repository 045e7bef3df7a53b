"""From real bytes to facts: small pictures are made, tagged, read back and reduced to what an asset keeps."""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pyexiv2
import pytest
from PIL import Image

from calotype.media.exif import Facts, facts
from calotype.media.face_regions import FaceRegion
from calotype.media.sidecar import parse
from calotype.outside.tags import read_tags

FALLBACK = datetime(2015, 6, 7, 8, 9, 10, 123000, tzinfo=UTC)
FELL_BACK = "2015-06-07T08:09:10.123"
ZONES = {
    (52.52, 13.405): "Europe/Berlin",
    (35.6812, 139.7671): "Asia/Tokyo",
    (48.8566, 2.3522): "Europe/Paris",
    (-33.8688, 151.2093): "Australia/Sydney",
    (40.7128, -74.006): "America/New_York",
    (40.7128, 74.006): "Asia/Bishkek",
    (0, 10): "Africa/Libreville",
    (39.4, -77.1): "America/New_York",
}

Tagged = Mapping[str, str | list[str]]

DTO: Tagged = {"Exif.Photo.DateTimeOriginal": "2021:07:08 09:10:11"}
CREATED: Tagged = {"Exif.Photo.DateTimeDigitized": "2020:01:02 03:04:05"}
BERLIN: Tagged = {
    "Exif.GPSInfo.GPSLatitude": "52/1 31/1 1200/100",
    "Exif.GPSInfo.GPSLatitudeRef": "N",
    "Exif.GPSInfo.GPSLongitude": "13/1 24/1 1800/100",
    "Exif.GPSInfo.GPSLongitudeRef": "E",
}
TOKYO: Tagged = {
    "Exif.GPSInfo.GPSLatitude": "356812/10000 0/1 0/1",
    "Exif.GPSInfo.GPSLatitudeRef": "N",
    "Exif.GPSInfo.GPSLongitude": "1397671/10000 0/1 0/1",
    "Exif.GPSInfo.GPSLongitudeRef": "E",
}


def offset(text: str, kind: str = "Original") -> Tagged:
    return {f"Exif.Photo.OffsetTime{kind}": text}


def gps_time(hour: int) -> Tagged:
    return {"Exif.GPSInfo.GPSDateStamp": "2021:07:08", "Exif.GPSInfo.GPSTimeStamp": f"{hour}/1 10/1 11/1"}


def gps(latitude: str, longitude: str, north: str = "", east: str = "") -> Tagged:
    found = {"GPSLatitude": latitude, "GPSLatitudeRef": north, "GPSLongitude": longitude, "GPSLongitudeRef": east}
    return {f"Exif.GPSInfo.{name}": text for name, text in found.items() if text}


NAMESPACES = """xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" xmlns:aux="http://ns.adobe.com/exif/1.0/aux/"
 xmlns:exifEX="http://cipa.jp/exif/1.0/" xmlns:lr="http://ns.adobe.com/lightroom/1.0/"
 xmlns:digiKam="http://www.digikam.org/ns/1.0/" xmlns:GPano="http://ns.google.com/photos/1.0/panorama/"
 xmlns:MicrosoftPhoto="http://ns.microsoft.com/photo/1.0/" xmlns:GCamera="http://ns.google.com/photos/1.0/camera/"
 xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"
 xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#" xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#" """


def xmp(attributes: str = "", elements: str = "") -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {NAMESPACES} {attributes}>{elements}</rdf:Description></rdf:RDF></x:xmpmeta>'
    ).encode()


def bag(name: str, *items: str) -> str:
    inside = "".join(f"<rdf:li>{item}</rdf:li>" for item in items)
    return f"<{name}><rdf:Bag>{inside}</rdf:Bag></{name}>"


def text(name: str, value: str) -> str:
    return f'<{name}><rdf:Alt><rdf:li xml:lang="x-default">{value}</rdf:li></rdf:Alt></{name}>'


@dataclass(frozen=True)
class Clip:
    """What a probe of a video says."""

    width: int | None = 64
    height: int | None = 48
    rotation: int | None = None
    duration_s: float | None = 2.0
    frame_rate: float | None = 25.0
    tags: Mapping[str, str] = field(default_factory=dict[str, str])


Read = Callable[..., Facts]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """The facts of a 64×48 JPEG with these tags."""

    def make(*tagged: Tagged, packet: bytes = b"", sidecar: bytes | None = None) -> Facts:
        path = tmp_path / "photo.jpg"
        Image.new("RGB", (64, 48), (90, 120, 200)).save(path, xmp=packet) if packet else Image.new(
            "RGB", (64, 48), (90, 120, 200)
        ).save(path)
        merged = {key: value for part in tagged for key, value in part.items()}
        if merged:
            with pyexiv2.Image(str(path)) as image:
                image.modify_exif({key: value for key, value in merged.items() if key.startswith("Exif.")})
                image.modify_iptc({key: value for key, value in merged.items() if key.startswith("Iptc.")})
        return of(path, sidecar)

    return make


def of(path: Path, sidecar: bytes | None = None, probe: Clip | None = None) -> Facts:
    return facts(
        read_tags(path) if probe is None else {},
        parse(sidecar) if sidecar is not None else None,
        probe,
        extension=path.suffix,
        is_video=probe is not None and path.suffix != ".gif",
        fallback_at=FALLBACK,
        zone_at=lambda lat, lon: ZONES.get((lat, lon)),
    )


def video(sidecar: bytes | None = None, **probed: object) -> Facts:
    return of(Path("clip.mp4"), sidecar, Clip(**probed))  # pyright: ignore[reportArgumentType]


def when(found: Facts) -> tuple[str, str, str | None]:
    def short(moment: datetime) -> str:
        return moment.replace(tzinfo=None).isoformat(timespec="milliseconds").removesuffix(".000")

    return short(found.taken_at), short(found.local_taken), found.time_zone


DATES: list[tuple[str, list[Tagged], bytes, tuple[str, str, str | None]]] = [
    ("no tags", [], b"", (FELL_BACK, FELL_BACK, None)),
    ("original", [DTO], b"", ("2021-07-08T09:10:11", "2021-07-08T09:10:11", None)),
    ("offset +2", [DTO, offset("+02:00")], b"", ("2021-07-08T07:10:11", "2021-07-08T09:10:11", "UTC+2")),
    ("offset -3:30", [DTO, offset("-03:30")], b"", ("2021-07-08T12:40:11", "2021-07-08T09:10:11", "UTC-3:30")),
    ("offset +5:45", [DTO, offset("+05:45")], b"", ("2021-07-08T03:25:11", "2021-07-08T09:10:11", "UTC+5:45")),
    ("offset +14", [DTO, offset("+14:00")], b"", ("2021-07-07T19:10:11", "2021-07-08T09:10:11", "UTC+14")),
    ("offset +0", [DTO, offset("+00:00")], b"", ("2021-07-08T09:10:11", "2021-07-08T09:10:11", "UTC")),
    ("offset Z", [DTO, offset("Z")], b"", ("2021-07-08T09:10:11", "2021-07-08T09:10:11", "UTC")),
    ("offset +99:99", [DTO, offset("+99:99")], b"", (FELL_BACK, FELL_BACK, None)),
    ("offset of the change", [DTO, offset("+05:00", "")], b"", ("2021-07-08T09:10:11", "2021-07-08T09:10:11", None)),
    (
        "changed later",
        [DTO, {"Exif.Image.DateTime": "2021:07:08 12:10:11"}, offset("+05:00", "")],
        b"",
        ("2021-07-08T09:10:11", "2021-07-08T09:10:11", None),
    ),
    (
        "offset digitized without date",
        [DTO, offset("+05:00", "Digitized")],
        b"",
        ("2021-07-08T04:10:11", "2021-07-08T09:10:11", "UTC+5"),
    ),
    (
        "fraction",
        [DTO, {"Exif.Photo.SubSecTimeOriginal": "123"}],
        b"",
        ("2021-07-08T09:10:11.123", "2021-07-08T09:10:11.123", None),
    ),
    (
        "fraction and offset",
        [DTO, {"Exif.Photo.SubSecTimeOriginal": "123"}, offset("+02:00")],
        b"",
        ("2021-07-08T07:10:11.123", "2021-07-08T09:10:11.123", "UTC+2"),
    ),
    (
        "created with offset",
        [DTO, CREATED, offset("+02:00", "Digitized")],
        b"",
        ("2020-01-02T01:04:05", "2020-01-02T03:04:05", "UTC+2"),
    ),
    (
        "created with fraction",
        [DTO, CREATED, {"Exif.Photo.SubSecTimeDigitized": "500"}],
        b"",
        ("2020-01-02T03:04:05.500", "2020-01-02T03:04:05.500", None),
    ),
    ("created", [CREATED], b"", ("2020-01-02T03:04:05", "2020-01-02T03:04:05", None)),
    ("changed only", [{"Exif.Image.DateTime": "2021:07:08 12:10:11"}], b"", (FELL_BACK, FELL_BACK, None)),
    ("position", [DTO, BERLIN], b"", ("2021-07-08T07:10:11", "2021-07-08T09:10:11", "Europe/Berlin")),
    (
        "offset and position",
        [DTO, offset("+02:00"), TOKYO],
        b"",
        ("2021-07-08T07:10:11", "2021-07-08T09:10:11", "UTC+2"),
    ),
    (
        "position and satellite time",
        [DTO, BERLIN, gps_time(4)],
        b"",
        ("2021-07-08T07:10:11", "2021-07-08T09:10:11", "Europe/Berlin"),
    ),
    ("satellite time", [DTO, gps_time(4)], b"", ("2021-07-08T04:10:11", "2021-07-08T09:10:11", "UTC+5")),
    ("satellite time only", [gps_time(4)], b"", ("2021-07-08T04:10:11", "2021-07-08T04:10:11", "UTC+0")),
    (
        "satellite time and position only",
        [gps_time(4), BERLIN],
        b"",
        ("2021-07-08T04:10:11", "2021-07-08T06:10:11", "Europe/Berlin"),
    ),
    (
        "skipped hour with offset",
        [{"Exif.Photo.DateTimeOriginal": "2021:03:28 02:30:00"}, offset("+01:00"), BERLIN],
        b"",
        ("2021-03-28T01:30:00", "2021-03-28T02:30:00", "UTC+1"),
    ),
    ("blanks", [{"Exif.Photo.DateTimeOriginal": " " * 19}], b"", (FELL_BACK, FELL_BACK, None)),
    ("zeros", [{"Exif.Photo.DateTimeOriginal": "0000:00:00 00:00:00"}], b"", (FELL_BACK, FELL_BACK, None)),
    ("XMP, day only", [], xmp('exif:DateTimeOriginal="2021-07-08"'), (FELL_BACK, FELL_BACK, None)),
    (
        "XMP with offset",
        [],
        xmp('exif:DateTimeOriginal="2021-07-08T09:10:11+09:00"'),
        ("2021-07-08T00:10:11", "2021-07-08T09:10:11", "UTC+9"),
    ),
    (
        "XMP with offset and position",
        [BERLIN],
        xmp('exif:DateTimeOriginal="2021-07-08T09:10:11+09:00"'),
        ("2021-07-08T00:10:11", "2021-07-08T02:10:11", "Europe/Berlin"),
    ),
    (
        "XMP in UTC",
        [],
        xmp('exif:DateTimeOriginal="2021-07-08T09:10:11Z"'),
        ("2021-07-08T09:10:11", "2021-07-08T09:10:11", "UTC+0"),
    ),
    (
        "IPTC",
        [{"Iptc.Application2.DateCreated": "2021-07-08", "Iptc.Application2.TimeCreated": "09:10:11+02:00"}],
        b"",
        ("2021-07-08T07:10:11", "2021-07-08T09:10:11", "UTC+2"),
    ),
    (
        "IPTC and position",
        [{"Iptc.Application2.DateCreated": "2021-07-08", "Iptc.Application2.TimeCreated": "09:10:11+09:00"}, BERLIN],
        b"",
        ("2021-07-08T00:10:11", "2021-07-08T02:10:11", "Europe/Berlin"),
    ),
    (
        "photoshop",
        [],
        xmp('photoshop:DateCreated="2021-07-08T09:10:11"'),
        ("2021-07-08T09:10:11", "2021-07-08T09:10:11", None),
    ),
    (
        "xmp:CreateDate",
        [],
        xmp('xmp:CreateDate="2011-07-08T09:10:11"'),
        ("2011-07-08T09:10:11", "2011-07-08T09:10:11", None),
    ),
    (
        "EXIF before XMP",
        [DTO],
        xmp('exif:DateTimeOriginal="2010-01-01T00:00:00+09:00"'),
        ("2021-07-08T09:10:11", "2021-07-08T09:10:11", None),
    ),
]


@pytest.mark.parametrize(("tagged", "packet", "expected"), [row[1:] for row in DATES], ids=[row[0] for row in DATES])
def test_the_date_of_a_still(
    read: Read, tagged: list[Tagged], packet: bytes, expected: tuple[str, str, str | None]
) -> None:
    found = read(*tagged, packet=packet)
    assert when(found) == expected
    assert found.is_dated == (expected[0] != FELL_BACK)


POSITIONS: list[tuple[str, Tagged, bytes, tuple[float, float] | None, str | None]] = [
    ("Berlin", BERLIN, b"", (52.52, 13.405), "Europe/Berlin"),
    (
        "south",
        gps("338688/10000 0/1 0/1", "1512093/10000 0/1 0/1", "S", "E"),
        b"",
        (-33.8688, 151.2093),
        "Australia/Sydney",
    ),
    ("west", gps("407128/10000 0/1 0/1", "74006/1000 0/1 0/1", "N", "W"), b"", (40.7128, -74.006), "America/New_York"),
    ("no letters", gps("407128/10000 0/1 0/1", "74006/1000 0/1 0/1"), b"", (40.7128, 74.006), "Asia/Bishkek"),
    (
        "XMP",
        {},
        xmp('exif:GPSLatitude="48,51.396N" exif:GPSLongitude="2,21.132E"'),
        (48.8566, 2.3522),
        "Europe/Paris",
    ),
    ("on the equator", gps("0/1 0/1 0/1", "10/1 0/1 0/1", "N", "E"), b"", (0, 10), "Africa/Libreville"),
    ("latitude only", gps("52/1 0/1 0/1", "", "N"), b"", None, None),
    ("null island", gps("0/1 0/1 0/1", "0/1 0/1 0/1", "N", "E"), b"", None, None),
    ("beyond the pole", gps("91/1 0/1 0/1", "10/1 0/1 0/1", "N", "E"), b"", None, None),
    ("no denominator", gps("52/0 0/0 0/0", "13/1 0/1 0/1", "N", "E"), b"", None, None),
]


@pytest.mark.parametrize(
    ("tagged", "packet", "place", "zone"), [row[1:] for row in POSITIONS], ids=[row[0] for row in POSITIONS]
)
def test_the_position(
    read: Read, tagged: Tagged, packet: bytes, place: tuple[float, float] | None, zone: str | None
) -> None:
    found = read(tagged, packet=packet)
    assert ((found.latitude, found.longitude) if place else found.latitude) == place
    assert found.time_zone == zone
    assert when(found)[:2] == (FELL_BACK, FELL_BACK)


@pytest.mark.parametrize("value", range(10))
def test_orientations_five_to_eight_swap_the_sides(read: Read, value: int) -> None:
    found = read({"Exif.Image.Orientation": str(value)})
    assert found.orientation == str(value)
    assert (found.exif_width, found.exif_height) == (64, 48)
    assert (found.width, found.height) == ((48, 64) if 5 <= value <= 8 else (64, 48))


def test_a_picture_without_the_tag_has_no_orientation(read: Read) -> None:
    found = read()
    assert (found.orientation, found.width, found.height) == (None, 64, 48)


def test_the_sidecar_turns_the_picture(read: Read) -> None:
    found = read({"Exif.Image.Orientation": "1"}, sidecar=xmp('tiff:Orientation="6"'))
    assert (found.orientation, found.exif_width, found.width, found.height) == ("6", 64, 48, 64)


@pytest.mark.parametrize("extension", ["png", "webp", "gif", "avif", "heic", "jxl", "tiff", "bmp"])
def test_other_containers_tell_their_size(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"picture.{extension}"
    if extension == "heic":
        import pillow_heif

        pillow_heif.from_pillow(Image.new("RGB", (64, 48))).save(path)
    else:
        if extension == "jxl":
            import pillow_jxl  # noqa: F401 — registers the format
        Image.new("RGB", (64, 48)).save(path)
    found = of(path)
    assert (found.exif_width, found.exif_height) == (64, 48)
    assert found.time_zone is None
    assert found.duration_ms is None


def heif(path: Path, turns: int | None) -> Path:
    """A HEIF file of headers only, whose primary item is 4032×3024 and turned anti-clockwise."""

    def box(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body) + 8) + kind + body

    properties = box(b"ispe", bytes(4) + struct.pack(">II", 512, 512))
    properties += box(b"ispe", bytes(4) + struct.pack(">II", 4032, 3024))
    links = [2]
    if turns is not None:
        properties += box(b"irot", bytes([turns]))
        links.append(3)
    entries = struct.pack(">HBB", 1, 1, 1) + struct.pack(">HB", 49, len(links)) + bytes(0x80 | link for link in links)
    iprp = box(b"iprp", box(b"ipco", properties) + box(b"ipma", bytes(4) + struct.pack(">I", 2) + entries))
    meta = box(b"meta", bytes(4) + box(b"pitm", bytes(4) + struct.pack(">H", 49)) + iprp)
    path.write_bytes(box(b"ftyp", b"heic" + bytes(4) + b"mif1heic") + meta)
    return path


@pytest.mark.parametrize(
    ("turns", "orientation", "shown"),
    [
        (0, "1", (4032, 3024)),
        (1, "8", (3024, 4032)),
        (2, "3", (4032, 3024)),
        (3, "6", (3024, 4032)),
        (None, None, (4032, 3024)),
    ],
)
def test_a_heif_container_turns_its_picture(
    tmp_path: Path, turns: int | None, orientation: str | None, shown: tuple[int, int]
) -> None:
    path = heif(tmp_path / "photo.heic", turns)
    found = facts(
        {**read_tags(path), "EXIF:Orientation": "6"},  # which a HEIF reader must not apply as well
        None,
        None,
        extension=".heic",
        is_video=False,
        fallback_at=FALLBACK,
        zone_at=lambda lat, lon: None,
    )
    assert found.orientation == orientation
    assert (found.exif_width, found.exif_height) == (4032, 3024)
    assert (found.width, found.height) == shown


def test_a_sidecar_turns_even_a_heif(tmp_path: Path) -> None:
    found = of(heif(tmp_path / "photo.heic", 0), xmp('tiff:Orientation="6"'))
    assert (found.orientation, found.width, found.height) == ("6", 3024, 4032)


@pytest.mark.parametrize(
    ("tagged", "packet", "rating"),
    [
        ({}, xmp('xmp:Rating="0"'), None),
        ({}, xmp('xmp:Rating="3"'), 3),
        ({}, xmp('xmp:Rating="5"'), 5),
        ({}, xmp('xmp:Rating="6"'), None),
        ({}, xmp('xmp:Rating="-1"'), None),
        ({}, xmp('xmp:Rating="2.6"'), 3),
        ({}, xmp('xmp:Rating="good"'), None),
        ({"Exif.Image.Rating": "4"}, b"", 4),
        ({"Exif.Image.Rating": "4"}, xmp('xmp:Rating="2"'), 2),
        ({"Exif.Image.RatingPercent": "75"}, b"", None),
    ],
)
def test_the_rating(read: Read, tagged: Tagged, packet: bytes, rating: int | None) -> None:
    assert read(tagged, packet=packet).rating == rating


IMG: Tagged = {"Exif.Image.ImageDescription": "Img desc"}


@pytest.mark.parametrize(
    ("tagged", "packet", "description"),
    [
        (IMG, b"", "Img desc"),
        ({}, xmp(elements=text("dc:description", "Xmp desc")), "Xmp desc"),
        (IMG, xmp(elements=text("dc:description", "Xmp desc")), "Img desc"),
        ({"Exif.Image.ImageDescription": "  padded  "}, b"", "padded"),
        ({"Exif.Image.ImageDescription": "   "}, xmp(elements=text("dc:description", "X2")), ""),
        ({}, xmp(elements=text("dc:description", "Grüße 日本 🎉")), "Grüße 日本 🎉"),
        ({"Exif.Image.ImageDescription": "Grüße 日本 🎉"}, b"", "Grüße 日本 🎉"),
        ({"Iptc.Application2.Caption": "Caption"}, b"", "Caption"),
        ({}, xmp(elements=text("dc:description", "42")), "42"),
        ({"Exif.Photo.UserComment": "charset=Ascii comment"}, xmp(elements=text("dc:title", "Title")), ""),
        ({"Exif.Image.XPComment": "comment"}, b"", ""),
    ],
)
def test_the_description(read: Read, tagged: Tagged, packet: bytes, description: str) -> None:
    assert read(tagged, packet=packet).description == description


def keywords(*words: str) -> Tagged:
    return {"Iptc.Application2.Keywords": list(words)}


@pytest.mark.parametrize(
    ("tagged", "elements", "tags"),
    [
        (keywords("one", "two"), "", ("one", "two")),
        (keywords("2024"), "", ("2024",)),
        (keywords("a, b;c"), "", ("a, b;c",)),
        (keywords("p/q"), "", ("p/q",)),
        ({}, bag("lr:hierarchicalSubject", "Animals|Dogs|Rex", "Places"), ("Animals/Dogs/Rex", "Places")),
        ({}, bag("lr:hierarchicalSubject", "A/B|C"), ("A|B/C",)),
        ({}, bag("digiKam:TagsList", "Trip/2021", "Solo"), ("Trip/2021", "Solo")),
        ({}, bag("dc:subject", "subj1", "subj2"), ("subj1", "subj2")),
        (keywords("kw"), bag("digiKam:TagsList", "TL/x") + bag("lr:hierarchicalSubject", "HS|x"), ("TL/x",)),
        (keywords("kw2"), bag("lr:hierarchicalSubject", "H|y"), ("H/y",)),
        (keywords("kept"), bag("digiKam:TagsList"), ("kept",)),
        ({"Exif.Image.XPKeywords": "xp"}, bag("MicrosoftPhoto:LastKeywordXMP", "last"), ()),
        (keywords("twice", "twice"), "", ("twice",)),
    ],
)
def test_the_tags(read: Read, tagged: Tagged, elements: str, tags: tuple[str, ...]) -> None:
    assert read(tagged, packet=xmp(elements=elements) if elements else b"").tags == tags


def test_the_camera(read: Read) -> None:
    found = read(
        {
            "Exif.Image.Make": " Canon ",
            "Exif.Image.Model": "EOS R5",
            "Exif.Photo.LensModel": "RF50mm F1.2",
            "Exif.Photo.ISOSpeedRatings": "800",
            "Exif.Photo.FNumber": "28/10",
            "Exif.Photo.ExposureTime": "1/60",
            "Exif.Photo.FocalLength": "50/1",
            "Exif.Photo.ColorSpace": "1",
        }
    )
    assert (found.make, found.model, found.lens_model) == (" Canon", "EOS R5", "RF50mm F1.2")
    assert (found.iso, found.f_number, found.exposure_time, found.focal_length) == (800, 2.8, "1/60", 50)
    assert (found.colorspace, found.bits_per_sample) == ("sRGB", 8)


@pytest.mark.parametrize(("time", "shown"), [("25/10", "2.5"), ("3125/10000000", "1/3200"), ("30/1", "30")])
def test_the_exposure_time_is_what_a_camera_shows(read: Read, time: str, shown: str) -> None:
    assert read({"Exif.Photo.ExposureTime": time}).exposure_time == shown


@pytest.mark.parametrize(
    ("tagged", "attributes", "lens"),
    [
        ({"Exif.Photo.LensModel": "----"}, "", None),
        ({"Exif.Photo.LensModel": "Unknown lens"}, "", None),
        ({"Exif.Photo.LensSpecification": "24/1 70/1 28/10 28/10"}, "", None),
        ({}, 'aux:Lens="EF50mm"', None),
        ({}, 'aux:LensID="5" exifEX:LensModel="XLM"', "5"),
        ({"Exif.Photo.LensModel": "EF50mm f/1.8"}, 'aux:LensID="61182"', "EF50mm f/1.8"),
        ({}, 'aux:LensID="61182" aux:Lens="RF100-500mm"', "RF100-500mm"),
    ],
)
def test_the_lens(read: Read, tagged: Tagged, attributes: str, lens: str | None) -> None:
    assert read(tagged, packet=xmp(attributes) if attributes else b"").lens_model == lens


def test_what_is_no_single_number_is_no_iso_and_an_equivalent_is_no_focal_length(read: Read) -> None:
    found = read(
        {
            "Exif.Photo.ISOSpeedRatings": "100 200",
            "Exif.Photo.FocalLengthIn35mmFilm": "50",
            "Exif.Photo.StandardOutputSensitivity": "100",
        }
    )
    assert (found.iso, found.focal_length) == (None, None)
    assert read({"Exif.Photo.FocalLength": "0/0"}).focal_length is None


def test_panoramas_are_known_by_their_projection(read: Read) -> None:
    found = read(packet=xmp('GPano:ProjectionType="equirectangular"'))
    assert found.projection_type == "EQUIRECTANGULAR"


def test_an_empty_make_is_none(read: Read) -> None:
    assert read({"Exif.Image.Make": ""}).make is None


class TestVideos:
    def test_a_bare_one_gets_the_dates_of_the_file_and_utc(self) -> None:
        found = video()
        assert when(found) == (FELL_BACK, FELL_BACK, "UTC")
        assert (found.duration_ms, found.orientation, found.fps) == (2000, "1", 25)

    @pytest.mark.parametrize(
        ("tags", "expected"),
        [
            (
                {"creation_time": "2021-07-08T09:10:11.000000Z"},
                ("2021-07-08T09:10:11", "2021-07-08T09:10:11", "UTC"),
            ),
            ({"creation_time": "1904-01-01T00:00:00.000000Z"}, (FELL_BACK, FELL_BACK, "UTC")),
            (
                {
                    "creation_time": "2021-07-08T09:10:11.000000Z",
                    "com.apple.quicktime.creationdate": "2021-07-08T11:10:11+0200",
                },
                ("2021-07-08T09:10:11", "2021-07-08T11:10:11", "UTC+2"),
            ),
            (
                {"creation_time": "2021-07-08T09:10:11.000000Z", "location": "+52.5200+013.4050/"},
                ("2021-07-08T09:10:11", "2021-07-08T11:10:11", "Europe/Berlin"),
            ),
            (
                {
                    "com.apple.quicktime.creationdate": "2021-07-08T11:10:11+0200",
                    "com.apple.quicktime.location.iso6709": "+35.6812+139.7671+044.500/",
                },
                ("2021-07-08T09:10:11", "2021-07-08T18:10:11", "Asia/Tokyo"),
            ),
        ],
    )
    def test_their_dates(self, tags: dict[str, str], expected: tuple[str, str, str]) -> None:
        assert when(video(tags=tags)) == expected

    def test_a_sidecar_date_drops_the_zone(self) -> None:
        found = video(
            xmp('exif:DateTimeOriginal="2010-01-02T03:04:05"'), tags={"creation_time": "2021-07-08T09:10:11.000000Z"}
        )
        assert when(found) == ("2010-01-02T03:04:05", "2010-01-02T03:04:05", None)

    def test_the_phone_is_named_by_the_container(self) -> None:
        tags = {"com.apple.quicktime.make": "Apple", "com.apple.quicktime.model": "iPhone X"}
        found = video(tags={**tags, "com.apple.quicktime.content.identifier": "X", "description": "Dsc", "title": "T"})
        assert (found.make, found.model, found.live_photo_cid, found.description) == ("Apple", "iPhone X", "X", "Dsc")
        found = video(tags={"com.android.manufacturer": "Google", "com.android.model": "Pixel 8"})
        assert (found.make, found.model) == ("Google", "Pixel 8")

    @pytest.mark.parametrize(
        ("rotation", "orientation", "shown"),
        [
            (None, "1", (64, 48)),
            (-90, "6", (48, 64)),
            (-180, None, (64, 48)),
            (180, "3", (64, 48)),
            (90, "8", (48, 64)),
        ],
    )
    def test_the_container_turns_them(
        self, rotation: int | None, orientation: str | None, shown: tuple[int, int]
    ) -> None:
        found = video(rotation=rotation)
        assert (found.orientation, (found.width, found.height)) == (orientation, shown)
        assert (found.exif_width, found.exif_height) == (64, 48)


class TestAnimations:
    def test_a_webp_lasts_as_long_as_its_frames(self, tmp_path: Path) -> None:
        frames = [Image.new("RGB", (64, 48), (shade, 0, 0)) for shade in (10, 90, 170, 250)]
        frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], duration=500)
        assert of(tmp_path / "a.webp").duration_ms == 2000

    def test_a_png_has_no_duration(self, tmp_path: Path) -> None:
        frames = [Image.new("RGB", (64, 48), (shade, 0, 0)) for shade in (10, 250)]
        frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:], duration=500)
        assert of(tmp_path / "a.png").duration_ms is None

    def test_a_gif_is_a_picture_with_the_duration_its_probe_found(self) -> None:
        found = of(Path("a.gif"), None, Clip())
        assert (found.duration_ms, found.orientation, found.time_zone) == (2000, "1", None)


class TestSidecars:
    def test_a_date_drops_the_zone_but_not_the_place(self, read: Read) -> None:
        found = read(DTO, BERLIN, sidecar=xmp('exif:DateTimeOriginal="2010-01-02T03:04:05"'))
        assert when(found) == ("2010-01-02T03:04:05", "2010-01-02T03:04:05", None)
        assert (found.latitude, found.longitude) == (52.52, 13.405)

    def test_a_created_date_replaces_an_original_one(self, read: Read) -> None:
        found = read(DTO, offset("+02:00"), sidecar=xmp('xmp:CreateDate="2011-05-06T07:08:09+01:00"'))
        assert when(found) == ("2011-05-06T06:08:09", "2011-05-06T07:08:09", "UTC+1")

    def test_the_time_of_the_last_change_is_no_date(self, read: Read) -> None:
        found = read(DTO, offset("+02:00"), sidecar=xmp('xmp:ModifyDate="2022-01-01T00:00:00"'))
        assert when(found) == ("2021-07-08T07:10:11", "2021-07-08T09:10:11", "UTC+2")

    def test_names_are_replaced_one_by_one(self, read: Read) -> None:
        side = text("dc:description", "side") + bag("digiKam:TagsList", "S/T")
        media = {"Exif.Image.ImageDescription": "media", "Exif.Image.Rating": "2"}
        found = read(DTO, offset("+02:00"), media, keywords("mk"), sidecar=xmp('xmp:Rating="5"', side))
        assert (found.description, found.rating, found.tags) == ("media", 5, ("S/T",))
        assert when(found)[2] == "UTC+2"

    def test_the_description_of_the_picture_is_replaced_by_its_namesake(self, read: Read) -> None:
        side = xmp(elements=text("tiff:ImageDescription", "sideimg"))
        assert read({"Exif.Image.ImageDescription": "media"}, sidecar=side).description == "sideimg"

    def test_a_place_moves_the_photo_and_its_clock(self, read: Read) -> None:
        paris = xmp('exif:GPSLatitude="48,51.396N" exif:GPSLongitude="2,21.132E"')
        found = read(DTO, sidecar=paris)
        assert when(found) == ("2021-07-08T09:10:11", "2021-07-08T11:10:11", "Europe/Paris")
        assert (found.latitude, found.longitude) == (48.8566, 2.3522)
        tokyo = xmp('exif:GPSLatitude="35,40.872N" exif:GPSLongitude="139,46.026E"')
        found = read(DTO, BERLIN, sidecar=tokyo)
        assert when(found) == ("2021-07-08T07:10:11", "2021-07-08T16:10:11", "Asia/Tokyo")
        assert (found.latitude, found.longitude) == (35.6812, 139.7671)

    def test_date_place_camera_and_a_list_of_speeds(self, read: Read) -> None:
        side = xmp(
            'exif:DateTimeOriginal="2009-11-28T13:42:39-05:00" tiff:Make="Canon"'
            ' exif:GPSLatitude="39,24N" exif:GPSLongitude="77,6W"',
            "<exif:ISOSpeedRatings><rdf:Seq><rdf:li>160</rdf:li></rdf:Seq></exif:ISOSpeedRatings>",
        )
        found = read(DTO, sidecar=side)
        assert when(found) == ("2009-11-28T18:42:39", "2009-11-28T13:42:39", "America/New_York")
        assert (found.iso, found.make) == (160, "Canon")

    def test_an_empty_list_of_tags_takes_those_of_the_photo_away(self, read: Read) -> None:
        assert read(keywords("kw"), sidecar=xmp(elements=bag("digiKam:TagsList"))).tags == ()


REGIONS = """<mwg-rs:Regions rdf:parseType="Resource">
 <mwg-rs:AppliedToDimensions stDim:w="64" stDim:h="48" stDim:unit="pixel"/>
 <mwg-rs:RegionList><rdf:Bag>
  <rdf:li><rdf:Description mwg-rs:Name="Ann" mwg-rs:Type="Face">
   <mwg-rs:Area stArea:x="0.5" stArea:y="0.5" stArea:w="0.25" stArea:h="0.5" stArea:unit="normalized"/>
  </rdf:Description></rdf:li>
  <rdf:li rdf:parseType="Resource"><mwg-rs:Name>Rex</mwg-rs:Name><mwg-rs:Type>Pet</mwg-rs:Type>
   <mwg-rs:Area rdf:parseType="Resource"><stArea:x>0.2</stArea:x><stArea:y>0.2</stArea:y><stArea:w>0.1</stArea:w>
   <stArea:h>0.1</stArea:h></mwg-rs:Area></rdf:li>
  <rdf:li rdf:parseType="Resource"><mwg-rs:Type>Face</mwg-rs:Type>
   <mwg-rs:Area stArea:x="0.8" stArea:y="0.8" stArea:w="0.1" stArea:h="0.1"/></rdf:li>
 </rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>"""


WINDOWS = """<MP:RegionInfo rdf:parseType="Resource" xmlns:MP="http://ns.microsoft.com/photo/1.2/"
 xmlns:MPRI="http://ns.microsoft.com/photo/1.2/t/RegionInfo#" xmlns:MPReg="http://ns.microsoft.com/photo/1.2/t/Region#">
 <MPRI:Regions><rdf:Bag>
  <rdf:li MPReg:PersonDisplayName="Ann" MPReg:Rectangle="0.375, 0.25, 0.25, 0.5"/>
  <rdf:li rdf:parseType="Resource"><MPReg:Rectangle>0.1, 0.1, 0.2, 0.2</MPReg:Rectangle></rdf:li>
  <rdf:li MPReg:PersonDisplayName="Bob" MPReg:Rectangle="nonsense"/>
 </rdf:Bag></MPRI:Regions></MP:RegionInfo>"""


def test_faces_that_windows_named_are_read_too(read: Read) -> None:
    found = read(packet=xmp(elements=WINDOWS))
    assert [(face.name, face.width, face.height) for face in found.faces] == [("Ann", 64, 48)]
    face = found.faces[0]
    assert (face.x1, face.y1, face.x2, face.y2) == (24, 12, 40, 36)


@pytest.mark.parametrize(
    ("orientation", "size", "ann", "rex"),
    [
        (None, (64, 48), (24, 12, 40, 36), (9, 7, 16, 12)),
        ("2", (64, 48), (24, 12, 40, 36), (48, 7, 54, 12)),
        ("3", (64, 48), (24, 12, 40, 36), (48, 36, 54, 40)),
        ("6", (48, 64), (12, 24, 36, 40), (36, 9, 40, 16)),
        ("8", (48, 64), (12, 24, 36, 40), (7, 48, 12, 54)),
    ],
)
def test_faces_somebody_named_stand_upright(
    read: Read,
    orientation: str | None,
    size: tuple[int, int],
    ann: tuple[int, int, int, int],
    rex: tuple[int, int, int, int],
) -> None:
    turned: Tagged = {"Exif.Image.Orientation": orientation} if orientation else {}
    found = read(turned, packet=xmp(elements=REGIONS))
    assert found.faces == (FaceRegion("Ann", *ann, *size), FaceRegion("Rex", *rex, *size))
