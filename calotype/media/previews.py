"""Thumbnail, preview, full size and thumbhash of an asset, decoded once."""

import os
from pathlib import Path, PurePosixPath

from calotype.assets import facts_store
from calotype.assets.formats import is_web_displayable
from calotype.core.errors import Full, Missing
from calotype.core.ids import AssetId, UserId
from calotype.core.jobs import Done, Outcome, Skip
from calotype.core.tx import Row
from calotype.core.world import World
from calotype.media import store
from calotype.media.events import PreviewsMade
from calotype.outside import decoders, images, video
from calotype.outside.decoders import DecoderDied, Undecodable
from calotype.settings import current
from calotype.settings.settings import Image
from calotype.storage import paths, roots

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
        made_before = await store.files(look, id)
    if row["visibility"] == "hidden":
        return Skip("hidden assets are not shown")
    if row["metadata_at"] is None:
        return Skip("its facts are not read yet")
    roots.require_room(world.config)
    settings = (await current.read(world)).image
    recipe = _recipe(world.config.data, row, settings)
    pool = decoders.pool(world.config)
    try:
        async with world.files.local(row["original_key"]) as path:
            if row["type"] == "VIDEO":
                rendered = await video.poster(pool, path, recipe)
            else:
                rendered = await images.render(pool, path, recipe)
    except (Undecodable, Missing) as fault:
        await _note(world, id, str(fault))
        return Skip(str(fault))
    except DecoderDied as fault:
        await _note(world, id, str(fault))
        raise
    except OSError as error:
        if error.errno == 28:  # ENOSPC: wait for room, the file is not at fault
            raise Full("The data volume is full.") from error
        raise
    await _keep(world, row, recipe, rendered, made_before, source)
    return Done()


async def _keep(
    world: World,
    row: Row,
    recipe: images.Recipe,
    rendered: images.Rendered,
    made_before: dict[str, str],
    source: str | None,
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
    async with world.writing() as tx:
        is_there = await facts_store.save_previews(
            tx,
            id,
            thumbhash=rendered.thumbhash,
            width=rendered.width_px,
            height=rendered.height_px,
            now=world.clock.now(),
        )
        if not is_there:  # deleted while we worked: the files have no owner any more
            for output in recipe.outputs:
                output.path.unlink(missing_ok=True)
            return
        await store.save_files(tx, id, made)
        await store.solve(tx, id, "previews")
        tx.tell(PreviewsMade(id, UserId(row["owner_id"]), source))
    now = {file.path for file in made}
    for kind, old in made_before.items():
        if old not in now and kind in {file.type for file in made}:
            (data / old).unlink(missing_ok=True)


async def _note(world: World, id: AssetId, reason: str) -> None:
    async with world.writing() as tx:
        await store.note_problem(tx, id, "previews", reason)


def _kinds(recipe: images.Recipe) -> tuple[str, ...]:
    return ("thumbnail", "preview", "fullsize")[: len(recipe.outputs)]


def _recipe(data: Path, row: Row, settings: Image) -> images.Recipe:
    owner, id = UserId(row["owner_id"]), AssetId(row["id"])

    def output(kind: paths.Derivative, format: str, size: int | None, quality: int, progressive: bool) -> images.Output:
        path = paths.derivative_path(data, owner, id, kind, EXTENSION[format])
        os.makedirs(path.parent, exist_ok=True)
        is_jpeg = format == "jpeg"
        return images.Output(path, "jpeg" if is_jpeg else "webp", size, quality, progressive and is_jpeg)

    small, large, whole = settings.thumbnail, settings.preview, settings.fullsize
    outputs = [
        output("thumbnail", small.format, small.size, small.quality, small.progressive),
        output("preview", large.format, large.size, large.quality, large.progressive),
    ]
    wants_whole = whole.enabled or row["projection_type"] == "EQUIRECTANGULAR"
    if row["type"] == "IMAGE" and wants_whole and not is_web_displayable(row["original_name"]):
        outputs.append(output("fullsize", whole.format, None, whole.quality, whole.progressive))
    return images.Recipe(tuple(outputs), settings.colorspace, prefer_embedded=settings.extract_embedded)
