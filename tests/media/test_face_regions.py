"""Where faces are, from files to people and back again; and what of a file's words may be changed."""

import itertools
import random

import pytest

from calotype.media.face_regions import FaceRegion, Told, changed, named, persons, told
from calotype.media.sidecar import Edits, apply_edits, parse

STORED = (640, 480)
EVERY_WAY = [None, "1", "2", "3", "4", "5", "6", "7", "8"]


def upright(orientation: str | None) -> tuple[int, int]:
    return STORED[::-1] if orientation in ("5", "6", "7", "8") else STORED


def face(name: str, x1: int, y1: int, x2: int, y2: int, size: tuple[int, int] = STORED) -> FaceRegion:
    return FaceRegion(name, x1, y1, x2, y2, *size)


def rewritten(packet: bytes | None, faces, known=(), orientation: str | None = None, own: Told | None = None) -> bytes:
    said = told({}, said_by(packet)) if packet else own or Told()
    regions = changed(said, faces, known, STORED, orientation)
    assert regions is not None, "nothing was to be changed"
    return apply_edits(packet, Edits(regions=regions, persons=tuple(persons(persons_in(packet), said, regions, faces))))


def said_by(packet: bytes) -> dict:
    tags, keys = parse(packet), {"RegionInfo": "XMP-mwg-rs:Regions", "RegionInfoMP": "XMP-MP:RegionInfo"}
    return {name: tags[key] for name, key in keys.items() if key in tags}


def persons_in(packet: bytes | None) -> list[str]:
    return list(parse(packet).get("XMP-Iptc4xmpExt:PersonInImage", [])) if packet else []


def read(packet: bytes, orientation: str | None = None) -> tuple[FaceRegion, ...]:
    return named(told({}, said_by(packet)), STORED, orientation)


@pytest.mark.parametrize("orientation", EVERY_WAY)
def test_what_is_written_is_read_back_to_the_pixel_however_the_camera_was_held(orientation: str | None) -> None:
    width, height = upright(orientation)
    chance = random.Random(str(orientation))
    for _ in range(100):
        x1, x2 = sorted(chance.sample(range(width + 1), 2))
        y1, y2 = sorted(chance.sample(range(height + 1), 2))
        ours = face("Ann", x1, y1, x2, y2, (width, height))
        packet = rewritten(None, [ours], orientation=orientation)
        assert read(packet, orientation) == (ours,)
        assert changed(told({}, said_by(packet)), [ours], [], STORED, orientation) is None


@pytest.mark.parametrize("orientation", EVERY_WAY)
def test_a_face_of_the_preview_is_at_the_same_place_in_the_original(orientation: str | None) -> None:
    width, height = upright(orientation)
    small = face("Ann", 10, 20, 50, 60, (width // 4, height // 4))
    assert read(rewritten(None, [small], orientation=orientation), orientation) == (
        face("Ann", 40, 80, 200, 240, (width, height)),
    )


def test_a_picture_held_upright_has_its_regions_as_the_sensor_saw_them() -> None:
    """A face at the top of a portrait (orientation 6: turned right to look at) is at the left of what was stored."""
    packet = rewritten(None, [face("Ann", 200, 0, 280, 80, upright("6"))], orientation="6")
    area = parse(packet)["XMP-mwg-rs:Regions"]["mwg-rs:RegionList"][0]["mwg-rs:Area"]
    sides = [float(area[f"stArea:{side}"]) for side in "xywh"]
    assert sides == pytest.approx([40 / 640, 240 / 480, 80 / 640, 80 / 480], abs=1e-3)


def test_of_two_who_look_out_of_the_same_place_each_keeps_their_own_name() -> None:
    ours = [face("Ann", 0, 0, 100, 100), face("Bob", 10, 10, 110, 110)]
    packet = rewritten(None, ours)
    assert read(packet) == tuple(ours)
    assert changed(told({}, said_by(packet)), ours, ours, STORED, None) is None


def test_half_a_face_outside_the_picture_is_written_as_far_as_it_is_inside() -> None:
    assert read(rewritten(None, [face("Ann", -50, -20, 50, 40)])) == (face("Ann", 0, 0, 50, 40),)
    assert changed(Told(), [face("Ann", -50, 0, -10, 40)], [], STORED, None) is None


def test_of_a_file_only_those_are_taken_away_who_were_people_here() -> None:
    ann, bob, zoe = face("Ann", 0, 0, 90, 90), face("Bob", 100, 0, 190, 90), face("Zoe", 200, 0, 290, 90)
    packet = rewritten(None, [ann, bob, zoe])
    after = rewritten(packet, [bob], known=[ann, bob])
    assert read(after) == (bob, zoe)
    assert persons_in(after) == ["Bob", "Zoe"]


def test_what_only_the_photo_itself_says_is_said_by_its_sidecar_from_then_on() -> None:
    ann, bob = face("Ann", 0, 0, 90, 90), face("Bob", 100, 0, 190, 90)
    own = Told(said_by(rewritten(None, [ann])).get("RegionInfo"))
    assert read(rewritten(None, [bob], own=own)) == (ann, bob)
    assert read(rewritten(None, [], known=[ann], own=own)) == ()


WINDOWS = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:MP="http://ns.microsoft.com/photo/1.2/"
 xmlns:MPRI="http://ns.microsoft.com/photo/1.2/t/RegionInfo#" xmlns:MPReg="http://ns.microsoft.com/photo/1.2/t/Region#">
<MP:RegionInfo rdf:parseType="Resource"><MPRI:Regions><rdf:Bag>
<rdf:li MPReg:PersonDisplayName="Ann" MPReg:Rectangle="0, 0, 0.25, 0.25" MPReg:PersonEmailDigest="4f"/>
<rdf:li MPReg:PersonDisplayName="Bob" MPReg:Rectangle="0.5, 0.5, 0.25, 0.25"/>
</rdf:Bag></MPRI:Regions></MP:RegionInfo></rdf:Description></rdf:RDF></x:xmpmeta>"""


def test_the_list_of_windows_says_the_same_names_and_nobody_is_read_twice() -> None:
    ann, bob = read(WINDOWS)
    anna = face("Anna", ann.x1, ann.y1, ann.x2, ann.y2)
    after = rewritten(WINDOWS, [anna], known=[ann, bob])
    assert [each.name for each in read(after)] == ["Anna"]
    assert b'MPReg:PersonDisplayName="Anna"' in after
    assert b"PersonEmailDigest" in after
    assert b"Bob" not in after


def test_whatever_a_list_of_regions_may_be_it_can_be_written_to() -> None:
    holders = ['<mwg-rs:Regions rdf:parseType="Resource">{}</mwg-rs:Regions>',
               "<mwg-rs:Regions><rdf:Description>{}</rdf:Description></mwg-rs:Regions>",
               "<mwg-rs:Regions/><!--{}-->"]  # fmt: skip
    lists = ["", "<mwg-rs:RegionList/>", "<mwg-rs:RegionList><rdf:Seq/></mwg-rs:RegionList>",
             "<mwg-rs:RegionList>nonsense</mwg-rs:RegionList>", "<mwg-rs:AppliedToDimensions/>"]  # fmt: skip
    for holder, listed in itertools.product(holders, lists):
        packet = f"""<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/">
{holder.format(listed)}</rdf:Description></rdf:RDF></x:xmpmeta>"""
        ann = face("Ann", 0, 0, 90, 90)
        assert read(rewritten(packet.encode(), [ann])) == (ann,), packet
