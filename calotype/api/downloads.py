"""Downloads: 2 operations."""

from collections.abc import AsyncIterator, Callable
from pathlib import PurePath

import anyio
from starlette.responses import Response, StreamingResponse

from calotype.api import files
from calotype.api.call import Reading
from calotype.api.op import Door
from calotype.assets import download, store
from calotype.assets.download import Part
from calotype.core.errors import Invalid, Missing
from calotype.core.ids import AssetId, UserId
from calotype.core.tx import Row
from calotype.core.world import World
from calotype.outside import zips
from calotype.outside.zips import Entry
from calotype.storage.roots import require_online
from calotype.wire import downloads as wire

downloads = Door("Download")

NOTHING_NAMED = "assetIds, albumId, or userId is required"


@downloads.post("/download/info", may="asset.download", link=True)
async def get_download_info(ask: Reading, wanted: wire.DownloadInfo) -> wire.DownloadPlan:
    """How large a download gets, split into archives."""
    parts = await _parts(ask, wanted)
    archives = [wire.ArchivePlan(size=part.size, asset_ids=list(part.assets)) for part in parts]
    return wire.DownloadPlan(total_size=sum(part.size for part in parts), archives=archives)


async def _parts(ask: Reading, wanted: wire.DownloadInfo) -> list[Part]:
    viewer, target = ask.caller.user_id, wanted.archive_size or download.USUAL_BYTES
    if wanted.asset_ids is not None:
        await ask.require("asset.download", wanted.asset_ids)
        return await download.of_assets(ask.look, viewer, [AssetId(id) for id in wanted.asset_ids], target)
    if wanted.album_id is not None:
        await ask.require("album.download", [wanted.album_id])
        return await download.of_album(ask.look, viewer, wanted.album_id, target)
    if wanted.user_id is not None:
        await ask.require("timeline.download", [wanted.user_id])
        owner = UserId(wanted.user_id)
        return await download.of_user(ask.look, viewer, owner, target, is_elevated=ask.is_elevated)
    raise Invalid(NOTHING_NAMED)


@downloads.post("/download/archive", may="asset.download", link=True, status=200)
async def download_archive(ask: Reading, wanted: wire.DownloadArchive) -> Response:
    """The chosen files in one zip, streamed."""
    if not wanted.asset_ids:
        raise Invalid("There is nothing to put into the archive.")
    await ask.require("asset.download", wanted.asset_ids)
    require_online(ask.world)
    rows = await store.for_archive(ask.look, [AssetId(id) for id in wanted.asset_ids])
    await ask.look.close()  # the bytes may travel for hours
    edited = bool(wanted.edited) or ask.caller.link is not None
    names = zips.unique_names(_name(row, edited=edited) for row in rows)
    entries = [
        Entry(name, row["file_modified_at"], _opening(ask.world, row, edited=edited))
        for name, row in zip(names, rows, strict=True)
    ]
    headers = {"x-content-type-options": "nosniff"}
    if wanted.archive_name:
        headers["content-disposition"] = files.disposition(f"{wanted.archive_name}.zip", attachment=True)
    return StreamingResponse(zips.stream(entries), headers=headers, media_type="application/octet-stream")


def _name(row: Row, *, edited: bool) -> str:
    name: str = row["original_name"]
    if edited and row["edited_path"] is not None:
        return PurePath(name).stem + PurePath(row["edited_path"]).suffix
    return name


def _opening(world: World, row: Row, *, edited: bool) -> Callable[[], AsyncIterator[bytes]]:
    path: str | None = row["edited_path"] if edited else None
    if path is None:
        return lambda: world.files.open_range(row["original_key"], 0, row["size_bytes"])

    async def local() -> AsyncIterator[bytes]:
        try:
            async with await anyio.open_file(world.config.data / path, "rb") as file:
                while chunk := await file.read(files.CHUNK_BYTES):
                    yield chunk
        except FileNotFoundError as error:
            raise Missing(files.NOT_THERE) from error

    return local
