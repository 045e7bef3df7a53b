"""Named faces that a file carries, taken over as people: what another program's user said is not lost by coming here."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from calotype.core.ids import AssetId, UserId, new_id
from calotype.core.jobs import Done, Outcome, Skip
from calotype.core.tx import Row, Tx
from calotype.core.world import World
from calotype.media import names_store
from calotype.people import person_store, store
from calotype.people.person import Box, PeopleChanged, Wish, matched
from calotype.people.store import NewFace

FROM_FILE = "exif"


@dataclass(frozen=True, slots=True)
class Region:
    """A face in the upright picture, and its name."""

    name: str
    box: Box


async def take_over(world: World, asset_id: AssetId) -> Outcome:
    """Faces of the file become faces of the photo, under people of these names. Doing it again changes nothing more.

    A region that covers a known face gives it its name, unless somebody here said already who it is.
    """
    async with world.writing() as tx:
        asset = await store.hold_asset(tx, asset_id)
        told = await names_store.regions(tx, asset_id)
        if asset is None or told is None:
            return Skip("the file names no faces")
        if await names_store.version(tx, asset_id) is not None:
            return Skip("names of here are on their way into the file")
        await _take_over(tx, asset_id, asset, _regions(told))
        await names_store.regions_are_taken(tx, asset_id)
    return Done()


def _regions(told: Sequence[dict[str, object]]) -> list[Region]:
    found: list[Region] = []
    for each in told:
        match each:
            case {"name": str(name), "x1": int(x1), "y1": int(y1), "x2": int(x2), "y2": int(y2),
                  "width": int(width), "height": int(height)} if name.strip():  # fmt: skip
                found.append(Region(name.strip(), Box(x1, y1, x2, y2, width, height)))
            case _:
                continue
    return found


async def _take_over(tx: Tx, asset_id: AssetId, asset: Row, regions: Sequence[Region]) -> None:
    owner = UserId(asset["owner_id"])
    await person_store.bump(tx, owner)
    await person_store.take_turns(tx, owner)
    known = await store.of_asset(tx, asset_id)
    named = await person_store.named_among(tx, [row["person_id"] for row in known if row["person_id"]])
    same = matched([each.box.clipped() for each in regions], [store.box_of(row).clipped() for row in known])
    fresh: list[NewFace] = []
    touched = set[UUID]()
    for index, region in enumerate(regions):
        face = known[same[index]] if index in same else None
        if face is not None and (face["is_pinned"] or face["deleted_at"] is not None or face["person_id"] in named):
            continue
        person = await person_store.by_name(tx, owner, region.name)
        if person is None:
            person = (await person_store.add(tx, owner, Wish(name=region.name))).id
        touched.add(person)
        if face is None:
            fresh.append(NewFace(new_id(), region.box, FROM_FILE, person_id=person))
        else:
            touched.add(face["person_id"] or person)
            await person_store.move_faces(tx, [face["id"]], person)
    found = {known[index]["id"] for index in same.values()}
    gone = [row for row in known if row["source_type"] == FROM_FILE and row["id"] not in found and not row["is_pinned"]]
    await store.remove(tx, [row["id"] for row in gone])
    await store.add(tx, asset_id, owner, asset["place"], fresh)
    people = sorted({*touched, *(row["person_id"] for row in gone if row["person_id"])})
    await person_store.mend(tx, people)
    if people:
        tx.tell(PeopleChanged(owner, tuple(people)))
