"""Uploads: multipart straight to storage, hashed on the way, never in memory."""

import json
from dataclasses import dataclass, field
from pathlib import PurePath
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response

from calotype.accounts import access
from calotype.accounts.caller import Caller
from calotype.albums import membership
from calotype.api import faults, multipart
from calotype.api.call import Writing
from calotype.api.multipart import PartBegin, PartEnd
from calotype.api.op import Door
from calotype.assets import formats, store, upload
from calotype.assets.upload import Claims, Kept
from calotype.core.errors import Invalid, Problem, TooLarge
from calotype.core.ids import AssetId, UserId, new_id, sha1_from_text
from calotype.core.ports import Incoming
from calotype.core.tx import Tx
from calotype.core.world import World
from calotype.storage import paths
from calotype.wire import assets as wire

assets = Door("Assets")

FIELDS_LIMIT_BYTES = 4 * 1024 * 1024
SIDECAR_LIMIT_BYTES = 16 * 1024 * 1024
FIELDS_LIMIT = 100
NO_FILE = "File is required"
EMPTY_FILE = "File is empty"


@assets.post("/assets", may="asset.upload", link=True, raw=True, shape=wire.Uploaded, form=wire.UploadForm)
async def upload_asset(ask: Writing) -> Response:
    """201 for a new asset, 200 for bytes that the owner already has."""
    access.require_upload(ask.caller)
    known = await _known(ask)
    if known is not None:
        return _answer(Kept(known, is_new=False))
    kept = await _receive(ask)
    await _put_behind_link(ask.tx, ask.caller, kept)
    return _answer(kept)


async def _known(ask: Writing) -> AssetId | None:
    """The asset that the checksum header names: answered before the body is read."""
    checksum = sha1_from_text(ask.request.headers.get("x-immich-checksum", ""))
    if checksum is None:
        return None
    async with ask.world.glancing() as look:
        return await store.existing(look, ask.caller.user_id, checksum)


async def _receive(ask: Writing) -> Kept:
    arriving = Arriving(ask.world, ask.caller.user_id)
    try:
        await arriving.take(ask.request)
        incoming, claims = await arriving.complete()
        sidecar = None if arriving.sidecar is None else bytes(arriving.sidecar)
        owner = ask.caller.user_id
        return await upload.accept(ask.tx, ask.world, owner, AssetId(new_id()), incoming, sidecar, claims)
    except BaseException as error:
        if arriving.incoming is not None:
            await arriving.incoming.abort()
        if isinstance(error, Problem):
            await multipart.drain(ask.request)
        raise


async def _put_behind_link(tx: Tx, caller: Caller, kept: Kept) -> None:
    link = caller.link
    if link is None:
        return
    if link.album_id is not None:
        await membership.add_to_album(tx, link.album_id, kept.id)
    else:
        await membership.add_to_link(tx, link.id, kept.id)


def _answer(kept: Kept) -> Response:
    body = {"id": str(kept.id), "status": "created" if kept.is_new else "duplicate"}
    return Response(json.dumps(body), status_code=201 if kept.is_new else 200, media_type="application/json")


@dataclass(slots=True)
class Arriving:
    """An upload on its way: its text fields so far, the file that is being written, the sidecar."""

    world: World
    owner: UserId
    fields: dict[str, str] = field(default_factory=dict[str, str])
    incoming: Incoming | None = None
    name: str = ""
    kind: str = ""
    sidecar: bytearray | None = None
    _part: str | None = None  # the text field that is being read
    _is_file: bool = False  # whether what is being read is the file itself
    _text: bytearray = field(default_factory=bytearray)
    _text_bytes: int = 0  # of all text fields so far

    async def take(self, request: Request) -> None:
        """Everything the client sends, parts in any order."""
        async for piece in multipart.pieces(request):
            if isinstance(piece, bytes):
                await self._data(piece)
            elif isinstance(piece, PartBegin):
                await self._begin(piece)
            else:
                self._end(piece)

    async def complete(self) -> tuple[Incoming, Claims]:
        """What was claimed, once the fields are valid and there is something to keep."""
        fields = faults.read(wire.UploadFields, self.fields)
        if self.incoming is None:
            raise Invalid(NO_FILE)
        if (await self.incoming.digest()).size == 0 or (self.sidecar is not None and not self.sidecar):
            raise Invalid(EMPTY_FILE)
        return self.incoming, Claims(
            name=multipart.base_name(fields.filename or "") or self.name,
            kind=self.kind,
            taken_at=fields.file_created_at,
            modified_at=fields.file_modified_at,
            visibility=fields.visibility or "timeline",
            is_favorite=fields.is_favorite or False,
            duration_ms=fields.duration,
            live_video_id=None if fields.live_photo_video_id is None else AssetId(fields.live_photo_video_id),
            notes=tuple((item.key, item.value) for item in fields.metadata),
        )

    async def _begin(self, part: PartBegin) -> None:
        if part.filename is None:
            self._part = part.name
            if len(self.fields) >= FIELDS_LIMIT:
                raise TooLarge("The form has too many fields.")
        elif part.name == "assetData" and self.incoming is None:
            await self._begin_file(multipart.base_name(self.fields.get("filename", "")) or part.filename)
        elif part.name == "sidecarData" and self.sidecar is None:
            if not formats.is_sidecar(part.filename):
                raise Invalid(f"Unsupported file type {part.filename}")
            self.sidecar = bytearray()
        else:
            raise Invalid(f"Unexpected field - {part.name}")

    async def _begin_file(self, name: str) -> None:
        kind = formats.kind_of(name)
        if kind is None:
            raise Invalid(f"Unsupported file type {name}")
        self.name, self.kind = name, kind
        key = paths.original_key(self.owner, uuid4(), PurePath(name).suffix)
        self.incoming = await self.world.files.begin(key)
        self._is_file = True

    async def _data(self, piece: bytes) -> None:
        if self._is_file:
            assert self.incoming is not None
            await self.incoming.write(piece)
        elif self._part is not None:
            self._text += piece
            self._text_bytes += len(piece)
            if self._text_bytes > FIELDS_LIMIT_BYTES:
                raise TooLarge(f"The fields of the form are longer than {FIELDS_LIMIT_BYTES // 1024 // 1024} MiB.")
        elif self.sidecar is not None:
            self.sidecar += piece
            if len(self.sidecar) > SIDECAR_LIMIT_BYTES:
                raise TooLarge(f"The sidecar is larger than {SIDECAR_LIMIT_BYTES // 1024 // 1024} MiB.")

    def _end(self, _: PartEnd) -> None:
        if self._part is not None:
            self.fields[self._part] = self._text.decode("utf-8", "replace").replace("\0", "")
        self._part, self._is_file = None, False
        self._text.clear()
