"""The picture of a person: a square around the face that stands for them, cut from the original."""

import os
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from calotype.core.errors import Missing
from calotype.core.ids import UserId
from calotype.core.jobs import Done, Later, Outcome, Skip
from calotype.core.tx import Row
from calotype.core.world import World
from calotype.outside import decoders, derivatives, images
from calotype.outside.decoders import Undecodable
from calotype.outside.images import Square
from calotype.people import person_store, portrait_store
from calotype.people.person import PortraitMade
from calotype.people.store import box_of
from calotype.settings import current
from calotype.storage import paths, roots

SIDE_PX = 250


async def make(world: World, id: UUID) -> Outcome:
    """Draw the portrait, unless the one there is shows the right face. Where the original cannot be decoded, its preview
    serves; where neither can, why is kept and nobody tries again until another face stands for the person."""
    async with world.writing() as tx:
        await person_store.mend(tx, [id])
        row = await portrait_store.to_draw(tx, id)
    if row is None:
        return Skip("nobody of this id has a face that may be shown")
    if row["portrait_face_id"] == row["face_id"] and (world.config.data / row["portrait_path"]).exists():
        return Skip("the portrait shows this face already")
    roots.require_room(world.config)
    path = paths.portrait_path(world.config.data, UserId(row["owner_id"]), id)
    os.makedirs(path.parent, exist_ok=True)
    try:
        await _draw(world, row, path)
    except (Undecodable, Missing) as fault:
        async with world.writing() as tx:
            await portrait_store.note_fault(tx, id, row["face_id"], str(fault))
        return Skip(str(fault))
    return await _keep(world, row, path)


async def _draw(world: World, row: Row, path: Path) -> None:
    settings = (await current.read(world)).image
    left, top, side = box_of(row).square()
    square = Square(left / row["image_width"], top / row["image_height"], side / row["image_width"])
    plan = _Plan(path, square, settings.thumbnail.quality, settings.colorspace, settings.extract_embedded)
    preview = world.config.data / row["preview_path"] if row["preview_path"] else None
    if row["type"] == "VIDEO":
        if preview is None:
            raise Missing("The video has no preview yet.")
        return await _cut(world, preview, plan)
    try:
        async with world.files.local(row["original_key"]) as original:
            await _cut(world, original, plan)
    except (Undecodable, Missing):
        if preview is None:
            raise
        await _cut(world, preview, plan)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What to cut out, and how to write it."""

    path: Path
    square: Square
    quality: int
    colorspace: images.Colorspace
    prefer_embedded: bool


async def _cut(world: World, source: Path, plan: _Plan) -> None:
    output = images.Output(plan.path, "jpeg", SIDE_PX, plan.quality)
    recipe = images.Recipe((output,), plan.colorspace, prefer_embedded=plan.prefer_embedded)
    try:
        await images.portrait(decoders.pool(world.config), source, recipe, plan.square)
    except FileNotFoundError as error:
        raise Missing("The picture is gone.") from error


async def _keep(world: World, row: Row, path: Path) -> Outcome:
    data, id, owner = world.config.data, UUID(str(row["id"])), UserId(row["owner_id"])
    name = path.relative_to(data).as_posix()
    async with world.writing() as tx:
        if await portrait_store.save(tx, id, row["face_id"], name):
            tx.tell(PortraitMade(owner, id))
            return Done()
        is_there = await person_store.one(tx, id, owner) is not None
    if is_there:
        return Later(1, "another face stands for the person by now")
    await derivatives.remove(data, [name])
    return Skip("the person is gone")
