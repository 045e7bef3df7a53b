"""Thumbnail, preview, full size and thumbhash of an asset, decoded once."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from calotype.assets import facts_store
from calotype.assets.formats import is_web_displayable
from calotype.core.errors import Missing
from calotype.core.ids import AssetId, UserId
from calotype.core.jobs import Done, Outcome, Skip
from calotype.core.tx import Row
from calotype.core.world import World
from calotype.media import previews_store, store
from calotype.media.attempt import attempt, note
from calotype.media.events import PreviewsMade
from calotype.outside import decoders, derivatives, images, video, xmp
from calotype.outside.decoders import Undecodable
from calotype.outside.tags import Tags, find_exiftool
from calotype.settings import current
from calotype.settings.settings import Image
from calotype.storage import paths, roots

KINDS = ("thumbnail", "preview", "fullsize")
EXTENSION = {"jpeg": ".jpeg", "webp": ".webp"}
TRANSPARENT = frozenset(
    {".avif", ".bmp", ".gif", ".heic", ".heif", ".hif", ".jxl", ".png", ".svg", ".tif", ".tiff", ".webp"}
)


async def make_previews(world: World, id: AssetId, *, source: str | None) -> Outcome:
    """Make what the timeline and the viewer show. Doing it again makes the same files again.

    A file that cannot be decoded ends in a problem its owner can see; it is not tried again by itself.
    """
    async with world.glancing() as look:
        row = await facts_store.to_process(look, id)
    if row is None:
        return Skip("the asset is gone")
    if row["visibility"] == "hidden":
        return Skip("hidden assets are not shown")
    if row["metadata_at"] is None:
        return Skip("its facts are not read yet")
    roots.require_room(world.config)
    settings = await current.read(world)
    async with attempt(world, id, "previews", row["original_key"]):
        try:
            recipe, rendered = await _render(world, row, settings.image)
        except (Undecodable, Missing) as fault:
            await note(world, id, "previews", str(fault))
            return Skip(str(fault))
        is_first = row["previews_at"] is None
        to_see = settings.machine_learning.steps if is_first else ()
        told = PreviewsMade(id, UserId(row["owner_id"]), source if is_first else None, to_see)
        await _keep(world, row, recipe, rendered, told)
    return Done()


async def _render(world: World, row: Row, settings: Image) -> tuple[images.Recipe, images.Rendered]:
    pool = decoders.pool(world.config)
    async with world.files.local(row["original_key"]) as path:
        packet = await _panorama(world, row, path)
        recipe = await asyncio.to_thread(_recipe, world.config.data, row, settings, packet)
        draw = video.poster if row["type"] == "VIDEO" else images.render
        return recipe, await draw(pool, path, recipe)


async def _panorama(world: World, row: Row, path: Path) -> str | None:
    """The packet that tells viewers how a panorama wraps around."""
    if row["projection_type"] != "EQUIRECTANGULAR" or row["type"] != "IMAGE":
        return None
    exiftool = find_exiftool(world.config.exiftool)
    tags: Tags = await decoders.pool(world.config).run("tags", {"source": str(path), "exiftool": exiftool})
    told = {f"GPano:{name}": xmp.Text(value) for name, value in _panorama_tags(tags)}
    return xmp.write(None, {"GPano:ProjectionType": xmp.Text("equirectangular"), **told}).decode()


def _panorama_tags(tags: Tags) -> Iterator[tuple[str, str]]:
    for name, value in tags.items():
        if name.startswith("XMP-GPano:") and isinstance(value, str):
            yield name.removeprefix("XMP-GPano:"), value


async def _keep(
    world: World,
    row: Row,
    recipe: images.Recipe,
    rendered: images.Rendered,
    told: PreviewsMade,
) -> None:
    data, id = world.config.data, AssetId(row["id"])
    is_clear = PurePosixPath(row["original_name"]).suffix.lower() in TRANSPARENT
    made = [
        store.MadeFile(
            kind,
            output.path.relative_to(data).as_posix(),
            output.path.stat().st_size,
            is_progressive=output.progressive,
            is_transparent=is_clear and output.format == "webp",
        )
        for kind, output in zip(_kinds(recipe), recipe.outputs, strict=True)
    ]
    paths_made = {file.path for file in made}
    async with world.writing() as tx:
        is_there = await facts_store.save_previews(
            tx,
            id,
            thumbhash=rendered.thumbhash,
            width=rendered.width_px,
            height=rendered.height_px,
            now=world.clock.now(),
        )
        if not is_there:  # removed while we worked: the files have no owner any more
            tx.after(lambda: derivatives.remove(data, sorted(paths_made)))
            return
        # Asked while we hold the row: another run may have made others since we began.
        video_ms = row["duration_ms"] if row["type"] == "VIDEO" else None
        owner, likeness = UserId(row["owner_id"]), rendered.likeness
        before = await previews_store.keep(tx, id, owner, made, likeness, kinds=KINDS, duration_ms=video_ms)
        old = sorted({*before} - paths_made)
        tx.after(lambda: derivatives.remove(data, old))
        tx.tell(told)


def _kinds(recipe: images.Recipe) -> tuple[str, ...]:
    return KINDS[: len(recipe.outputs)]


def _recipe(data: Path, row: Row, settings: Image, packet: str | None) -> images.Recipe:
    owner, id = UserId(row["owner_id"]), AssetId(row["id"])

    def output(kind: paths.Derivative, format: str, size: int | None, quality: int, progressive: bool) -> images.Output:
        path = paths.derivative_path(data, owner, id, kind, EXTENSION[format])
        os.makedirs(path.parent, exist_ok=True)
        is_jpeg = format == "jpeg"
        told = None if kind == "thumbnail" else packet
        return images.Output(path, "jpeg" if is_jpeg else "webp", size, quality, progressive and is_jpeg, told)

    small, large, whole = settings.thumbnail, settings.preview, settings.fullsize
    outputs = [
        output("thumbnail", small.format, small.size, small.quality, small.progressive),
        output("preview", large.format, large.size, large.quality, large.progressive),
    ]
    wants_whole = whole.enabled or row["projection_type"] == "EQUIRECTANGULAR"
    if row["type"] == "IMAGE" and wants_whole and not is_web_displayable(row["original_name"]):
        outputs.append(output("fullsize", whole.format, None, whole.quality, whole.progressive))
    return images.Recipe(tuple(outputs), settings.colorspace, prefer_embedded=settings.extract_embedded)
