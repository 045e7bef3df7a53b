"""Tags come out of whatever is given: good files, old encodings, torn files, and files that are no pictures."""

import json
import random
import shutil
import struct
from pathlib import Path

import piexif
import pyexiv2
import pytest
from PIL import Image

from calotype.outside import exiftool, headers
from calotype.outside.tags import find_exiftool, read_tags, tags_here

APPLE_NOTE = (
    b"Apple iOS\x00\x00\x01MM\x00\x02"
    + struct.pack(">HHIIHHIII", 0x000B, 2, 6, 44, 0x0011, 2, 9, 50, 0)
    + b"BURST\0CID-1234\0"
)


def picture(path: Path, **saved: object) -> Path:
    Image.new("RGB", (64, 48), (90, 120, 200)).save(path, **saved)  # pyright: ignore[reportArgumentType]
    return path


@pytest.mark.parametrize("extension", ["jpg", "png", "webp", "tiff"])
def test_exif_is_read_from_every_container(tmp_path: Path, extension: str) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Canon"
    exif[0x0112] = 6
    found = read_tags(picture(tmp_path / f"a.{extension}", exif=exif))
    assert found["EXIF:Make"] == "Canon"
    assert found["EXIF:Orientation"] == "6"
    assert (found["File:ImageWidth"], found["File:ImageHeight"]) == ("64", "48")


def test_what_is_read_can_cross_to_another_process(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.jpg")
    with pyexiv2.Image(str(path)) as image:
        image.modify_exif({"Exif.Image.Make": "Canon"})
        image.modify_iptc({"Iptc.Application2.Keywords": ["one", "two"]})
    found = tags_here(str(path))
    assert json.loads(json.dumps(found)) == found
    assert found["IPTC:Keywords"] == ["one", "two"]


def test_texts_of_another_age_are_read(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.jpg", exif=piexif.dump({"0th": {270: "Grüße".encode("latin-1")}}))
    assert read_tags(path)["EXIF:ImageDescription"] == "Grüße"


def test_apples_identifiers_are_found_in_the_makers_note(tmp_path: Path) -> None:
    exif = piexif.dump({"0th": {271: b"Apple"}, "Exif": {piexif.ExifIFD.MakerNote: APPLE_NOTE}})
    found = read_tags(picture(tmp_path / "a.jpg", exif=exif))
    assert found["Apple:ContentIdentifier"] == "CID-1234"
    assert found["Apple:BurstUUID"] == "BURST"


def test_the_colour_profile_is_known_by_name(tmp_path: Path) -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    found = read_tags(picture(tmp_path / "a.jpg", icc_profile=profile))
    assert "sRGB" in str(found["ICC_Profile:ProfileDescription"])


def test_a_file_that_is_no_picture_has_no_tags(tmp_path: Path) -> None:
    for number, content in enumerate([b"", b"hello", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"RIFF1234WEBP", b"GIF89a"]):
        path = tmp_path / f"{number}.jpg"
        path.write_bytes(content)
        assert read_tags(path) == {}


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_tags(tmp_path / "gone.jpg")


def test_a_malformed_packet_hides_nothing_else(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Canon"
    found = read_tags(picture(tmp_path / "a.jpg", exif=exif, xmp=b"<x:xmpmeta><broken"))
    assert found["EXIF:Make"] == "Canon"
    assert not any(key.startswith("XMP") for key in found)


@pytest.mark.parametrize("extension", ["jpg", "png", "webp", "avif", "tiff"])
def test_torn_and_bent_files_never_raise(tmp_path: Path, extension: str) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Canon"
    whole = picture(tmp_path / f"whole.{extension}", exif=exif).read_bytes()
    chance = random.Random(7)
    for number in range(40):
        torn = bytearray(whole[: chance.randrange(len(whole))] if number % 2 else whole)
        for _ in range(8):
            if torn:
                torn[chance.randrange(len(torn))] = chance.randrange(256)
        path = tmp_path / f"torn.{extension}"
        path.write_bytes(torn)
        read_tags(path)


def test_headers_of_boxes_without_end_are_left(tmp_path: Path) -> None:
    path = tmp_path / "a.heic"
    for body in (bytes(64), b"\x00\x00\x00\x01meta" + b"\xff" * 8, b"\x00\x00\x00\x20meta" + bytes(24)):
        path.write_bytes(b"\x00\x00\x00\x10ftypheic\0\0\0\0" + body)
        assert headers.read(path) == {}


def test_the_configured_exiftool_is_preferred() -> None:
    assert find_exiftool("/opt/exiftool") == "/opt/exiftool"
    assert find_exiftool("") == (shutil.which("exiftool") or "")


def test_an_exiftool_that_is_not_there_is_no_disaster(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"not a picture")
    assert read_tags(path, exiftool="/nonexistent/exiftool") == {}


@pytest.mark.skipif(not shutil.which("exiftool"), reason="exiftool is not installed here")
def test_exiftool_answers_under_the_same_names(tmp_path: Path) -> None:
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="3"/></rdf:RDF></x:xmpmeta>'
    )
    path = picture(tmp_path / "a.jpg", xmp=packet)
    with pyexiv2.Image(str(path)) as image:
        image.modify_exif(
            {
                "Exif.Image.Make": "Canon",
                "Exif.Image.Orientation": "6",
                "Exif.Photo.DateTimeOriginal": "2021:07:08 09:10:11",
                "Exif.Photo.OffsetTimeOriginal": "+02:00",
                "Exif.GPSInfo.GPSLatitude": "52/1 31/1 1200/100",
                "Exif.GPSInfo.GPSLatitudeRef": "N",
            }
        )
        image.modify_iptc({"Iptc.Application2.Keywords": ["one", "two"]})
    ours, theirs = read_tags(path), exiftool.ask(path, shutil.which("exiftool") or "")
    assert theirs is not None
    same = ["EXIF:Make", "EXIF:Orientation", "EXIF:DateTimeOriginal", "EXIF:OffsetTimeOriginal", "EXIF:GPSLatitudeRef"]
    same += ["IPTC:Keywords", "XMP-xmp:Rating", "File:ImageWidth", "File:ImageHeight"]
    assert {key: theirs.get(key) for key in same} == {key: ours.get(key) for key in same}
    assert float(str(theirs["EXIF:GPSLatitude"])) == pytest.approx(52.52)
