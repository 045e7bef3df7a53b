"""Assets as bytes: thumbnails, originals, playback."""

from posixpath import splitext
from typing import Annotated
from urllib.parse import parse_qsl, urlencode

from starlette.responses import Response

from calotype.api import files
from calotype.api.call import Reading
from calotype.api.files import Served
from calotype.api.marks import Query
from calotype.api.op import Door
from calotype.assets import formats, store
from calotype.core.errors import Invalid, Missing, Offline
from calotype.core.ids import AssetId
from calotype.core.tx import Row
from calotype.wire.asset_files import MediaSize
from calotype.wire.base import QueryBool, Uuid4

assets = Door("Assets")

NO_MEDIA = "Asset media not found"


@assets.get("/assets/{id}/thumbnail", may="asset.view", link=True)
async def view_asset(
    ask: Reading, id: Uuid4, size: MediaSize = "thumbnail", edited: Annotated[QueryBool, Query()] = False
) -> Response:
    """A small picture. Where a larger one does not exist, clients are sent on to one that does."""
    if size == "original":
        return _sent_on(f"original?{_query_without_size(ask)}")
    asset = AssetId(id)
    is_link = ask.caller.link is not None
    row = await _thumbnail(ask, asset, size, edited=edited or is_link)
    path: str | None = row["path"]
    if path is None:
        if size != "fullsize":
            raise Missing(NO_MEDIA)
        if formats.is_web_displayable(row["original_name"]) and not edited and not is_link:
            return _sent_on(f"original?{_query_without_size(ask)}")
        return _sent_on(f"/api/assets/{id}/thumbnail?{_query_with_preview(ask)}")
    base = str(id) if _hides_metadata(ask) else splitext(row["original_name"])[0]
    served = Served(formats.mime_of(path), f"{base}_{size}{splitext(path)[1]}")
    try:
        return await files.send_local(ask.request, f"{ask.world.config.data}/{path}", served)
    except Missing as error:
        raise Missing(NO_MEDIA) from error


async def _thumbnail(ask: Reading, id: AssetId, size: str, *, edited: bool) -> Row:
    """For the owner one statement asks the gate and answers; others are asked about first."""
    caller = ask.caller
    if caller.link is None:
        row = await store.thumbnail_of_owner(
            ask.look, id, caller.user_id, size, edited=edited, is_elevated=ask.is_elevated
        )
        if row is not None:
            return row
    await ask.require("asset.view", [id])
    row = await store.thumbnail(ask.look, id, size, edited=edited)
    if row is None:
        raise Missing(NO_MEDIA)
    return row


@assets.get("/assets/{id}/original", may="asset.download", link=True)
async def download_asset(ask: Reading, id: Uuid4, edited: Annotated[QueryBool, Query()] = False) -> Response:
    """The bytes as they were uploaded, or the edited full-size picture."""
    row = await _original(ask, AssetId(id), "asset.download")
    wants_edited = row["is_edited"] and (edited or ask.caller.link is not None)
    base = str(id) if _hides_metadata(ask) else splitext(row["original_name"])[0]
    if wants_edited and row["edited_path"] is not None:
        path: str = row["edited_path"]
        served = Served(formats.mime_of(path), base + splitext(path)[1])
        return await files.send_local(ask.request, f"{ask.world.config.data}/{path}", served)
    key: str = row["original_key"]
    served = Served(formats.mime_of(key), base + splitext(key)[1])
    return await _stored(ask, key, served)


@assets.get("/assets/{id}/video/playback", may="asset.view", link=True)
async def play_asset_video(ask: Reading, id: Uuid4) -> Response:
    """The encoded video where there is one, else the original."""
    row = await _original(ask, AssetId(id), "asset.view")
    if row["type"] != "VIDEO":
        raise Missing(files.NOT_THERE)
    encoded: str | None = row["encoded_path"]
    if encoded is not None:
        try:
            return await files.send_local(ask.request, f"{ask.world.config.data}/{encoded}", Served("video/mp4"))
        except Missing:
            pass  # made again by the sweep; until then the original plays in most browsers
    key: str = row["original_key"]
    return await _stored(ask, key, Served(formats.mime_of(key)))


async def _original(ask: Reading, id: AssetId, permission: str) -> Row:
    """Whoever may not see it learns as much as about a file that is not there."""
    try:
        await ask.require(permission, [id])
    except Offline:
        raise
    except Invalid as error:
        raise Missing(files.NOT_THERE) from error
    row = await store.original(ask.look, id)
    if row is None:
        raise Missing(files.NOT_THERE)
    # Bytes may travel for hours: the connection is not needed for that.
    await ask.look.close()
    return row


async def _stored(ask: Reading, key: str, served: Served) -> Response:
    try:
        return await files.send_stored(ask.request, ask.world.files, key, served)
    except Missing as error:
        raise Missing(files.NOT_THERE) from error


def _hides_metadata(ask: Reading) -> bool:
    link = ask.caller.link
    return link is not None and not link.show_metadata


def _sent_on(location: str) -> Response:
    return Response(status_code=302, headers={"location": location})


def _pairs(ask: Reading) -> list[tuple[str, str]]:
    return parse_qsl(ask.request.url.query, keep_blank_values=True)


def _query_without_size(ask: Reading) -> str:
    return urlencode([(key, value) for key, value in _pairs(ask) if key != "size"])


def _query_with_preview(ask: Reading) -> str:
    return urlencode([(key, "preview" if key == "size" else value) for key, value in _pairs(ask)])
