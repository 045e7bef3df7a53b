"""Who is in a photo, on the way into the XMP beside it, while names travel between files and people."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from uuid import UUID

from calotype.core.errors import Missing
from calotype.core.ids import AssetId
from calotype.core.tx import Row, Tx
from calotype.core.world import World
from calotype.media import face_regions, names_store, sidecar
from calotype.media.events import FacesNamed
from calotype.media.face_regions import FaceRegion
from calotype.outside import decoders, xmp
from calotype.outside.decoders import Undecodable
from calotype.outside.tags import Tags, find_exiftool
from calotype.outside.xmp import Value
from calotype.settings import current


@dataclass(frozen=True, slots=True)
class Names:
    """Who is in a photo as people here know it, and who a file said is in it and was taken over. `version`: of the mark."""

    version: UUID
    faces: tuple[FaceRegion, ...]
    known: tuple[FaceRegion, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What to write beside a photo. `own`: what the photo itself says of regions, as far as that counts."""

    regions: xmp.Regions
    persons: tuple[str, ...]
    own: Mapping[str, Value]


async def to_write(world: World, row: Row) -> Names | None:
    """What is to be written; `None` when nothing changed, or names do not travel, or the photo was never read."""
    if row["metadata_at"] is None or not (await current.read(world)).metadata.faces.import_:
        return None
    id = AssetId(row["id"])
    async with world.looking() as look:  # in one moment: a version says which faces it is of
        version = await names_store.version(look, id)
        if version is None:
            return None
        faces = await names_store.named_faces(look, id)
        known = await names_store.regions_taken_over(look, id)
    said = (FaceRegion(**{**each, "name": each["name"].strip()}) for each in map(dict, faces))
    return Names(version, tuple(said), tuple(FaceRegion(**each) for each in known))  # pyright: ignore[reportArgumentType] — written by `keep` and `extract`


async def change(world: World, row: Row, names: Names, packet: bytes | None) -> Change | None:
    """What to change in the sidecar, which is `packet` now; `None` when it says all that already."""
    side = _regions(sidecar.parse(packet) if packet else {})
    # Where the sidecar is silent, the photo's own word counts: what stays of it has to be said in the sidecar from now on.
    own = {} if "RegionInfo" in side or row["type"] != "IMAGE" else _regions(await _own_tags(world, row))
    said = face_regions.told(own, side)
    regions = face_regions.changed(said, names.faces, names.known, _size(row, names), row["orientation"])
    if regions is None:
        return None
    listed = side.get("PersonInImage", own.get("PersonInImage"))
    persons = [each for each in listed if isinstance(each, str)] if isinstance(listed, list) else []
    return Change(regions, tuple(face_regions.persons(persons, said, regions, names.faces)), own)


async def keep(tx: Tx, row: Row, names: Names, change: Change | None, packet: bytes | None) -> bool:
    """The sidecar is `packet` now. False when a name changed since: then it is to be written once more."""
    id = AssetId(row["id"])
    if change is not None and packet is not None:
        said = face_regions.told(change.own, _regions(sidecar.parse(packet)))
        written = face_regions.named(said, _size(row, names), row["orientation"])
        ours = {face.name.lower() for face in names.faces}
        is_news = any(each.name.lower() not in ours for each in written)
        await names_store.regions_are_written(tx, id, [asdict(each) for each in written], is_waiting=is_news)
    if await names_store.are_regions_waiting(tx, id):
        tx.tell(FacesNamed(id))
    return await names_store.are_written(tx, id, names.version)


async def _own_tags(world: World, row: Row) -> Tags:
    with suppress(Missing, Undecodable):
        async with world.files.local(row["original_key"]) as path:
            exiftool = find_exiftool(world.config.exiftool)
            return await decoders.pool(world.config).run("tags", {"source": str(path), "exiftool": exiftool})
    return {}


def _regions(tags: Tags) -> dict[str, Value]:
    sources = {
        "RegionInfo": "XMP-mwg-rs:Regions",
        "RegionInfoMP": "XMP-MP:RegionInfo",
        "PersonInImage": "XMP-Iptc4xmpExt:PersonInImage",
    }
    return {name: tags[key] for name, key in sources.items() if key in tags}


def _size(row: Row, names: Names) -> tuple[int, int]:
    """Of the picture as it was stored."""
    width, height = row["width"], row["height"]
    if not (width and height):
        width, height = (names.faces[0].width, names.faces[0].height) if names.faces else (1, 1)
    return (height, width) if row["orientation"] in ("5", "6", "7", "8") else (width, height)
