"""Assets as records: 17 operations, and 2 of our own for what could not be made."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated
from uuid import UUID

from calotype.accounts import access
from calotype.albums import membership
from calotype.api.call import Reading, Writing
from calotype.api.marks import Query
from calotype.api.op import Door
from calotype.assets import edit, notes, store, trash
from calotype.assets.asset import Note
from calotype.assets.edit import CopyWish, Wish
from calotype.core.errors import Invalid, Offline
from calotype.core.ids import AssetId, sha1_from_text
from calotype.core.ports import Job
from calotype.core.tx import Row
from calotype.duplicates import resolve
from calotype.media import problems
from calotype.search import text_store
from calotype.wire import assets as wire
from calotype.wire.base import QueryBool, Uuid4

assets = Door("Assets")

# The ecosystem's name for a wish → its job and queue.
JOBS = {
    "refresh-metadata": ("AssetExtractMetadata", "metadataExtraction"),
    "regenerate-thumbnail": ("AssetGenerateThumbnails", "thumbnailGeneration"),
    "transcode-video": ("AssetEncodeVideo", "videoConversion"),
    "refresh-faces": ("AssetDetectFaces", "faceDetection"),
}


@assets.get("/assets/statistics", may="asset.statistics")
async def get_asset_statistics(
    ask: Reading,
    visibility: wire.Visibility | None = None,
    is_favorite: Annotated[QueryBool | None, Query(alias="isFavorite")] = None,
    is_trashed: Annotated[QueryBool, Query(alias="isTrashed")] = False,
) -> wire.Statistics:
    """How many images and videos the caller has."""
    if visibility == "locked":
        access.require_elevated(ask.caller, ask.world.clock.now())
    images, videos, total = await store.statistics(
        ask.look, ask.caller.user_id, visibility=visibility, is_favorite=is_favorite, is_trashed=is_trashed
    )
    return wire.Statistics(images=images, videos=videos, total=total)


@assets.get("/assets/{id}", may="asset.read", link=True, shape=wire.Asset)
async def get_asset_info(ask: Reading, id: Uuid4) -> bytes:
    """Everything about one asset. For its owner one statement asks the gate and answers."""
    caller, asset, roots = ask.caller, AssetId(id), store.roots(ask.world)
    if caller.link is not None:
        await ask.require("asset.read", [asset])
        shows = caller.link.show_metadata
        return _found(await store.info_for_link(ask.look, asset, caller.user_id, roots.media, show_metadata=shows))
    own = await store.info_of_owner(ask.look, asset, caller.user_id, roots, is_elevated=ask.is_elevated)
    if own is not None:
        return own.encode()
    await ask.require("asset.read", [asset])
    return _found(await store.info(ask.look, asset, caller.user_id, roots))


def _found(json: str | None) -> bytes:
    if json is None:
        raise Invalid("Not found or no asset.read access")
    return json.encode()


@assets.post("/assets/bulk-upload-check", may="asset.upload", status=200)
async def check_bulk_upload(ask: Reading, asked: wire.Check) -> wire.Checked:
    """Which files need not be sent, in the order of the question. Nonsense for a checksum is accepted."""
    digests = [sha1_from_text(item.checksum) for item in asked.assets]
    wanted = [digest for digest in digests if digest is not None]
    known = await store.by_checksums(ask.look, ask.caller.user_id, wanted) if wanted else {}
    found = [None if digest is None else known.get(digest) for digest in digests]
    return wire.Checked(results=[_verdict(item, one) for item, one in zip(asked.assets, found, strict=True)])


def _verdict(item: wire.CheckItem, known: tuple[AssetId, bool] | None) -> wire.CheckResult:
    if known is None:
        return wire.CheckResult(id=item.id, action="accept")
    return wire.CheckResult(id=item.id, action="reject", reason="duplicate", asset_id=known[0], is_trashed=known[1])


# Changes ------------------------------------------------------------------------------------------------------------


@assets.put("/assets/copy", may="asset.copy", status=204)
async def copy_asset(ask: Writing, wanted: wire.AssetCopy) -> None:
    """Carry albums, links, favourite, stack and sidecar over from one asset to another."""
    source, target = AssetId(wanted.source_id), AssetId(wanted.target_id)
    await ask.require("asset.copy", [source, target])
    wish = CopyWish(
        sidecar=wanted.sidecar is not False, stack=wanted.stack is not False, favorite=wanted.favorite is not False
    )
    await edit.copy(ask.tx, ask.world, ask.caller.user_id, source, target, wish)
    if wanted.albums is not False:
        await membership.copy_albums(ask.tx, source, target)
    if wanted.shared_links is not False:
        await membership.copy_links(ask.tx, source, target)


@assets.put("/assets/{id}", may="asset.update", also=("PATCH",), shape=wire.Asset)
async def update_asset(ask: Writing, id: Uuid4, new: wire.AssetUpdate) -> bytes:
    """Change one asset. The file's own facts follow once the sidecar is written and read again."""
    asset, owner = AssetId(id), ask.caller.user_id
    await ask.require("asset.update", [asset])
    if "live_photo_video_id" in new.model_fields_set:
        video = new.live_photo_video_id
        await edit.link_live_video(ask.tx, owner, asset, None if video is None else AssetId(video))
    await edit.change(ask.tx, owner, [asset], _wish(new))
    return _found(await store.updated(ask.tx, asset, owner, store.roots(ask.world)))


@assets.put("/assets", may="asset.update", also=("PATCH",), status=204)
async def update_assets(ask: Writing, new: wire.AssetsUpdate) -> None:
    """Change many assets alike."""
    ids = _ids(new.ids)
    await ask.require("asset.update", ids)
    if "duplicate_id" in new.model_fields_set and new.duplicate_id is None:
        await resolve.single_out(ask.tx, ask.caller.user_id, ids)
    await edit.change(ask.tx, ask.caller.user_id, ids, _wish(new))
    if new.visibility == "locked":
        await membership.leave_albums(ask.tx, ids)


def _wish(new: wire.AssetUpdate | wire.AssetsUpdate) -> Wish:
    place = None if new.latitude is None or new.longitude is None else (new.latitude, new.longitude)
    many = new if isinstance(new, wire.AssetsUpdate) else None
    return Wish(
        is_favorite=new.is_favorite,
        visibility=new.visibility,
        taken=new.date_time_original,
        shift_minutes=many.date_time_relative if many else None,
        time_zone=many.time_zone if many else None,
        place=place,
        description=new.description,
        sets_rating="rating" in new.model_fields_set,
        rating=new.rating,
        sets_duplicate="duplicate_id" in new.model_fields_set,
        duplicate_id=many.duplicate_id if many else None,
    )


@assets.delete("/assets", may="asset.delete")
async def delete_assets(ask: Writing, chosen: wire.AssetsDelete) -> None:
    """Into the trash, or with `force` removed for good in the background."""
    ids = _ids(chosen.ids)
    await ask.require("asset.delete", ids)
    await trash.throw_away(ask.tx, ask.world, ids, for_good=bool(chosen.force))


@assets.post("/assets/jobs", may="job.create", status=204)
async def run_asset_jobs(ask: Writing, wanted: wire.AssetJobs) -> None:
    """Do a step of processing again."""
    ids = _ids(wanted.asset_ids)
    await ask.require("asset.update", ids)
    name, queue = JOBS[wanted.name]
    # Only looking for faces would else be skipped where it was done before.
    again = {"force": True} if wanted.name == "refresh-faces" else {}
    await ask.world.queue.put([Job(name, queue, {"id": str(id), **again}) for id in ids])


def _ids(ids: Sequence[UUID]) -> list[AssetId]:
    return [AssetId(id) for id in ids]


@assets.get("/assets/{id}/ocr", may="asset.read")
async def get_asset_ocr(ask: Reading, id: Uuid4) -> list[wire.TextLine]:
    """What is to be read in a picture, in reading order."""
    await ask.require("asset.read", [id])
    return [wire.text_line(row) for row in await text_store.lines(ask.look, AssetId(id))]


# What could not be made ---------------------------------------------------------------------------------------------


@assets.get("/calotype/assets/{id}/problems", may="asset.read")
async def get_asset_problems(ask: Reading, id: Uuid4) -> list[wire.Problem]:
    """Which steps of processing failed, and why."""
    await ask.require("asset.update", [id])
    return [wire.Problem.model_validate(dict(row)) for row in await problems.of_asset(ask.look, AssetId(id))]


@assets.post("/calotype/assets/{id}/retry", may="asset.update", status=204)
async def retry_asset(ask: Writing, id: Uuid4, wanted: wire.Retry | None = None) -> None:
    """Forget the failures and try again."""
    asset, world = AssetId(id), ask.world
    await ask.require("asset.update", [asset])
    steps = await problems.forgive(ask.tx, asset, wanted.steps if wanted else None)
    again = [Job(*problems.AGAIN[step], {"id": str(asset)}) for step in steps if step in problems.AGAIN]

    async def queue_again() -> None:
        with suppress(Offline):  # what is not queued now, the sweep finds: nothing holds it back any more
            await world.queue.put(again)

    ask.tx.after(queue_again)


# Notes --------------------------------------------------------------------------------------------------------------


@assets.get("/assets/{id}/metadata", may="asset.read")
async def get_asset_metadata(ask: Reading, id: Uuid4) -> list[wire.Metadata]:
    """Every note on an asset."""
    await ask.require("asset.read", [id])
    return [_note(row) for row in await store.notes(ask.look, AssetId(id))]


@assets.get("/assets/{id}/metadata/{key}", may="asset.read")
async def get_asset_metadata_by_key(ask: Reading, id: Uuid4, key: str) -> wire.Metadata:
    """One note."""
    await ask.require("asset.read", [id])
    return _note(await notes.read(ask.look, AssetId(id), key))


@assets.put("/assets/{id}/metadata", may="asset.update")
async def update_asset_metadata(ask: Writing, id: Uuid4, new: wire.MetadataUpsert) -> list[wire.Metadata]:
    """Write notes on one asset."""
    await ask.require("asset.update", [id])
    items = [Note(AssetId(id), item.key, item.value) for item in new.items]
    return [_note(row) for row in await notes.write(ask.tx, items, names_assets=False)]


@assets.delete("/assets/{id}/metadata/{key}", may="asset.update")
async def delete_asset_metadata(ask: Writing, id: Uuid4, key: str) -> None:
    """Remove a note, if it is there."""
    await ask.require("asset.update", [id])
    await store.drop_notes(ask.tx, [(AssetId(id), key)])


@assets.put("/assets/metadata", may="asset.update")
async def update_bulk_asset_metadata(ask: Writing, new: wire.BulkMetadataUpsert) -> list[wire.BulkMetadata]:
    """Write notes on many assets."""
    await ask.require("asset.update", {item.asset_id for item in new.items})
    items = [Note(AssetId(item.asset_id), item.key, item.value) for item in new.items]
    rows = await notes.write(ask.tx, items, names_assets=True)
    return [wire.BulkMetadata.model_validate(dict(row)) for row in rows]


@assets.delete("/assets/metadata", may="asset.update")
async def delete_bulk_asset_metadata(ask: Writing, chosen: wire.BulkMetadataDelete) -> None:
    """Remove notes from many assets."""
    await ask.require("asset.update", {item.asset_id for item in chosen.items})
    await store.drop_notes(ask.tx, [(AssetId(item.asset_id), item.key) for item in chosen.items])


def _note(row: Row) -> wire.Metadata:
    return wire.Metadata(key=row["key"], value=row["value"], updated_at=row["updated_at"])
