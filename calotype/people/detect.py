"""What was seen in a photo becomes its faces: those that were known stay who they are."""

import json
import math
from collections.abc import Sequence
from typing import Any

from calotype.core.ids import AssetId, UserId, new_id
from calotype.core.ports import SeenFace
from calotype.core.tx import Tx
from calotype.core.world import World
from calotype.media import names_store
from calotype.outside import derivatives
from calotype.people import cluster_store, store
from calotype.people.person import LARGEST_PIXEL, MOST_FACES, Box, FacesDetected, matched
from calotype.people.store import NewFace

DETECTED = "machine-learning"


async def keep(
    tx: Tx, asset_id: AssetId, owner_id: UserId, width: int, height: int, faces: Sequence[SeenFace], model: str
) -> None:
    """Reconcile what a detector saw in a picture of `width` × `height` pixels with what is known of the photo.

    A box that covers a known face, even one that somebody took away, is that face. Faces that the machine once found and
    does not find any more go, unless somebody said who they are. Done twice it changes nothing more. A photo that is gone
    is no error.
    """
    asset = await store.hold_asset(tx, asset_id)
    if asset is None:
        return
    known = await store.of_asset(tx, asset_id)
    seen = sorted((each for each in faces if _is_sane(each)), key=lambda each: -each.score)[:MOST_FACES]
    boxes = [Box(each.x1, each.y1, each.x2, each.y2, max(1, width), max(1, height)) for each in seen]
    same = matched(boxes, [store.box_of(row) for row in known])
    fresh: list[NewFace] = []
    for index, (face, box) in enumerate(zip(seen, boxes, strict=True)):
        vector = unit(face.vector)
        if index not in same:
            fresh.append(NewFace(new_id(), box, DETECTED, face.score, model if vector else None, vector))
        elif vector and known[same[index]]["model"] != model:
            await store.set_vector(tx, known[same[index]]["id"], vector, model=model, score=face.score)
    found = {known[index]["id"] for index in same.values()}
    await store.remove(tx, [row["id"] for row in known if row["id"] not in found and _may_go(row)])
    await store.add(tx, asset_id, owner_id, asset["place"], fresh)
    await store.stamp(tx, asset_id, model)
    tx.tell(FacesDetected(asset_id, owner_id, tuple(face.id for face in fresh)))


async def forget(tx: Tx, world: World, *, faces_too: bool) -> None:
    """As if no photo had been searched. `faces_too`: what was found goes, with the people the machine made of it.

    Whoever was named stays: their faces are compared with what is found when each photo is searched again (`keep`), and
    those that the file beside a photo names come back as well.
    """
    await store.forget_scans(tx, faces_too=faces_too)
    if faces_too:
        gone = await cluster_store.drop_all_faceless(tx)
        tx.after(lambda: derivatives.remove(world.config.data, gone))
        await names_store.take_regions_again(tx)


def _may_go(row: Any) -> bool:
    return row["source_type"] == DETECTED and not row["is_pinned"] and row["deleted_at"] is None


def _is_sane(face: SeenFace) -> bool:
    sides = (face.x1, face.y1, face.x2, face.y2)
    return all(math.isfinite(side) and abs(side) < LARGEST_PIXEL for side in sides) and math.isfinite(face.score)


def unit(vector: str) -> str | None:
    """The vector at length one; `None` for what is no direction (empty, all zero, not finite)."""
    try:
        numbers = [float(each) for each in json.loads(vector)]
    except (ValueError, TypeError):
        return None
    length = math.sqrt(sum(number * number for number in numbers))
    if not numbers or not math.isfinite(length) or length == 0:
        return None
    return "[" + ",".join(f"{number / length:.6g}" for number in numbers) + "]"
