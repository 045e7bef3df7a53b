"""Motion photos of three makers, built from a small still and a few boxes that pass for a video."""

import io
import struct
from pathlib import Path

import pytest
from PIL import Image

from calotype.media.motion import Tail, find, is_motion_photo
from calotype.outside.tags import Tags, read_tags

CAMERA = 'xmlns:GCamera="http://ns.google.com/photos/1.0/camera/"'
CONTAINER = (
    'xmlns:Container="http://ns.google.com/photos/1.0/container/"'
    ' xmlns:Item="http://ns.google.com/photos/1.0/container/item/"'
)


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body) + 8) + kind + body


VIDEO = box(b"ftyp", b"isom" + bytes(4) + b"isom") + box(b"mdat", bytes(range(256)))


def still(attributes: str = "", elements: str = "") -> bytes:
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {CAMERA} {CONTAINER} {attributes}>{elements}</rdf:Description>'
        "</rdf:RDF></x:xmpmeta>"
    )
    made = io.BytesIO()
    Image.new("RGB", (64, 48)).save(made, "JPEG", xmp=packet.encode())
    return made.getvalue()


def directory(length: int, padding: int = 0) -> str:
    item = f'Item:Semantic="MotionPhoto" Item:Mime="video/mp4" Item:Length="{length}" Item:Padding="{padding}"'
    return (
        '<Container:Directory><rdf:Seq><rdf:li rdf:parseType="Resource">'
        '<Container:Item Item:Semantic="Primary" Item:Mime="image/jpeg"/></rdf:li><rdf:li rdf:parseType="Resource">'
        f"<Container:Item {item}/></rdf:li></rdf:Seq></Container:Directory>"
    )


def look(photo: bytes, tags: Tags) -> bytes | None:
    tail = find(tags, len(photo), lambda offset, length: photo[offset : offset + length])
    return photo[tail.offset : tail.offset + tail.length] if tail else None


def tags_of(photo: bytes, folder: Path) -> Tags:
    (folder / "photo.jpg").write_bytes(photo)
    return read_tags(folder / "photo.jpg")


def test_a_micro_video_is_found_by_its_distance_from_the_end(tmp_path: Path) -> None:
    photo = still(f'GCamera:MicroVideo="1" GCamera:MicroVideoOffset="{len(VIDEO)}"') + VIDEO
    assert look(photo, tags_of(photo, tmp_path)) == VIDEO


@pytest.mark.parametrize("padding", [0, 7])
def test_a_motion_photo_is_found_by_its_directory(tmp_path: Path, padding: int) -> None:
    photo = still('GCamera:MotionPhoto="1"', directory(len(VIDEO), padding)) + VIDEO + bytes(padding)
    assert look(photo, tags_of(photo, tmp_path)) == VIDEO


def test_a_samsung_jpeg_lists_it_in_its_trailer(tmp_path: Path) -> None:
    name = b"MotionPhoto_Data"
    block = struct.pack("<HHI", 0, 0x0A30, len(name)) + name + VIDEO
    other = struct.pack("<HHI", 0, 0x0A01, 14) + b"Image_UTC_Data" + b"1705124333853"
    entries = struct.pack("<HHII", 0, 0x0A01, len(other) + len(block), len(other))
    entries += struct.pack("<HHII", 0, 0x0A30, len(block), len(block))
    header = b"SEFH" + struct.pack("<II", 106, 2) + entries
    photo = still('GCamera:MotionPhoto="1"') + other + block + header + struct.pack("<I", len(header)) + b"SEFT"
    assert look(photo, tags_of(photo, tmp_path)) == VIDEO


def test_a_heic_keeps_it_in_a_box_of_its_own() -> None:
    photo = box(b"ftyp", b"heic" + bytes(4)) + box(b"mdat", b"picture") + box(b"mpvd", VIDEO) + box(b"sefd", b"more")
    assert look(photo, {"XMP-GCamera:MotionPhoto": "1"}) == VIDEO


@pytest.mark.parametrize("number", ["1", "0", "", "x"])
def test_a_photo_that_only_claims_to_move_has_no_video(number: str) -> None:
    photo = still()
    tags: Tags = {"XMP-GCamera:MotionPhoto": number, "XMP-GCamera:MicroVideoOffset": str(len(photo) + 1)}
    assert is_motion_photo(tags) == (number == "1")
    assert look(photo, tags) is None


def test_a_video_behind_a_photo_that_does_not_claim_to_move_stays_there() -> None:
    photo = still() + VIDEO
    assert look(photo, {"XMP-GCamera:MicroVideoOffset": str(len(VIDEO))}) is None


def test_a_tail_that_is_no_video_is_not_cut_out() -> None:
    photo = still() + b"not a video at all"
    assert look(photo, {"XMP-GCamera:MicroVideo": "1", "XMP-GCamera:MicroVideoOffset": "18"}) is None


@pytest.mark.parametrize("end", [b"SEFT", b"\xff\xff\xff\xffSEFT", b"SEFH\x0c\x00\x00\x00SEFT", bytes(4) + b"SEFT"])
def test_torn_trailers_and_endless_boxes_end(end: bytes) -> None:
    assert look(still() + end, {"XMP-GCamera:MotionPhoto": "1"}) is None
    assert look(box(b"ftyp", b"heic") + bytes(100), {"XMP-GCamera:MotionPhoto": "1"}) is None


def test_a_directory_that_points_before_the_file_is_not_followed() -> None:
    items = [{"Container:Item": {"Item:Semantic": "MotionPhoto", "Item:Length": "99999999999"}}]
    assert look(still(), {"XMP-GCamera:MotionPhoto": "1", "XMP-Container:Directory": items}) is None  # pyright: ignore


def test_offset_and_length_are_what_a_reader_needs() -> None:
    photo = still() + VIDEO
    tags: Tags = {"XMP-GCamera:MicroVideo": "1", "XMP-GCamera:MicroVideoOffset": str(len(VIDEO))}
    found = find(tags, len(photo), lambda offset, length: photo[offset : offset + length])
    assert found == Tail(len(photo) - len(VIDEO), len(VIDEO))
