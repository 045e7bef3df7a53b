"""Originals in an S3 bucket, through obstore: the same promises as a folder.

An upload streams to a temporary key, is read back and compared, and then copied by the server to its own key under the
condition that nothing is there. Everything passes in pieces of a few megabytes, so that each request has a short time
limit however large the file is.
"""

import asyncio
import hashlib
import os
import shutil
import time
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    GenericError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from calotype.core.config import Config
from calotype.core.errors import Conflict, Full, Missing, Offline, Problem
from calotype.core.ports import Incoming, Stat, Written
from calotype.outside.intake import Intake
from calotype.outside.keys import (
    ABANDONED_AFTER_S,
    ALTERED,
    AWAY,
    CHUNK_BYTES,
    INCOMING,
    MARKER,
    NOT_THERE,
    TAKEN,
    Altered,
    Hanging,
    checked,
)

if TYPE_CHECKING:
    from obstore import AsyncWritableFile
    from obstore.store import S3Config

MARKER_PATIENCE_S = 3.0
MARKER_TRUST_S = 10.0  # how long a marker that was seen vouches for the bucket
PART_BYTES = 8 * CHUNK_BYTES  # S3 allows 10,000 parts: files up to 80 GB
SERVER_COPY_BYTES = 5 * 1024**3  # the largest object S3 copies in one request


class ObjectFiles:
    """`Files` in the configured bucket (`s3://bucket/prefix`). Copies that decoders read go to the data folder."""

    def __init__(self, config: Config, *, server_copy_bytes: int = SERVER_COPY_BYTES) -> None:
        self._name, _, prefix = config.media_root.removeprefix("s3://").partition("/")
        self._prefix = prefix.strip("/")
        self._scratch = config.data / "scratch" / "objects"
        self._floor_bytes = config.min_free_mib * 1024 * 1024
        self._server_copy_bytes = server_copy_bytes
        self._marker_seen_at: float | None = None
        self._store = S3Store(
            self._name,
            prefix=self._prefix or None,
            config=_store_config(config),
            client_options={
                "allow_http": config.s3_endpoint.startswith("http://"),
                "connect_timeout": "5s",
                "timeout": "60s",
            },
            retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=15)},
        )

    async def begin(self, key: str) -> Incoming:
        checked(key)
        await self._require_marker()
        with _speaking():
            return ObjectIncoming(self, self._store, key)

    async def open_range(self, key: str, start: int, length: int) -> AsyncGenerator[bytes]:
        checked(key)
        end = min(start + length, (await self.stat(key)).size)
        while start < end:
            piece = memoryview(await self.piece(key, start, min(end - start, PART_BYTES)))
            start += len(piece)
            for offset in range(0, len(piece), CHUNK_BYTES):
                yield bytes(piece[offset : offset + CHUNK_BYTES])

    async def stat(self, key: str) -> Stat:
        checked(key)
        found = await self.head(key)
        if found is None:
            await self._require_marker(afresh=True)
            raise Missing(NOT_THERE)
        return found

    async def move(self, source: str, target: str) -> None:
        checked(source)
        checked(target)
        await self._require_marker()
        old, new = await self.head(source), await self.head(target)
        if old is None:
            if new is None:
                raise Missing(NOT_THERE)
            return
        if new is not None and not await self._is_same(source, target):
            raise Conflict(TAKEN)
        if new is None:
            await self.copy(source, target, old.size)
            copied = await self.head(target)
            if copied is None or copied.size != old.size:
                raise Altered(ALTERED)
        await self._delete(source)

    async def remove(self, key: str) -> None:
        checked(key)
        await self._require_marker()
        await self._delete(key)

    async def list(self, prefix: str) -> AsyncIterator[tuple[str, Stat]]:
        top = prefix.strip("/")
        await self._require_marker()
        async for key, stat in self._list(checked(top) if top else None):
            if key != MARKER and not key.startswith(f"{INCOMING}/"):
                yield key, stat

    @asynccontextmanager
    async def local(self, key: str) -> AsyncGenerator[Path]:
        checked(key)
        size = (await self.stat(key)).size
        self._scratch.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(self._scratch).free - size < self._floor_bytes:
            raise Full("There is no room for a working copy of this file on the data volume.")
        copy = self._scratch / f"{uuid4()}{Path(key).suffix}"
        try:
            with await asyncio.to_thread(copy.open, "wb") as out:
                async for chunk in self.open_range(key, 0, size):
                    await asyncio.to_thread(out.write, chunk)
            yield copy
        finally:
            copy.unlink(missing_ok=True)

    async def free_bytes(self) -> int | None:
        return None

    async def total_bytes(self) -> int | None:
        return None

    async def read_marker(self) -> bytes | None:
        try:
            async with asyncio.timeout(MARKER_PATIENCE_S):
                with _speaking():
                    found = await self._store.get_async(MARKER)
                    content = bytes(await found.bytes_async())
        except Missing:
            return None
        except TimeoutError as error:
            raise Hanging(AWAY) from error
        self._marker_seen_at = time.monotonic()
        return content

    async def write_marker(self, content: bytes) -> None:
        with _speaking():
            await self._store.put_async(MARKER, content)

    def public_path(self, key: str) -> str:
        return "/".join(part for part in ("s3:/", self._name, self._prefix, checked(key)) if part)

    async def create_root(self) -> None:
        """Nothing to do: a bucket is made by whoever pays for it."""

    async def holds_any(self, prefixes: Sequence[str]) -> bool:
        """Whether anything lies below one of them, marker or not. Raises `Offline` for a bucket that is not there."""
        try:
            for prefix in prefixes:
                async for _ in self._list(prefix):
                    return True
        except Missing as error:
            raise Offline("There is no such bucket in the object store.") from error
        return False

    async def sweep(self, older_than_s: float = ABANDONED_AFTER_S) -> int:
        """Remove temporary objects and working copies that a crash left behind; how many."""
        await self._require_marker()
        oldest = datetime.now(UTC) - timedelta(seconds=older_than_s)
        old = [key async for key, stat in self._list(INCOMING) if stat.modified_at < oldest]
        for key in old:
            await self._delete(key)
        return len(old) + await asyncio.to_thread(_sweep_folder, self._scratch, oldest)

    async def head(self, key: str) -> Stat | None:
        """Size and time of an object of ours, temporary or not; `None` when there is none."""
        try:
            with _speaking():
                found = await self._store.head_async(key)
        except Missing:
            return None
        return Stat(found["size"], found["last_modified"])

    async def piece(self, key: str, start: int, length: int) -> bytes:
        """One range in one request."""
        with _speaking():
            return bytes(await self._store.get_range_async(key, start=start, length=length))

    async def copy(self, source: str, target: str, size: int) -> None:
        """Copy to a name that is free. Raises `Conflict` when it is not."""
        with _speaking():
            if size <= self._server_copy_bytes:
                await self._store.copy_async(source, target, overwrite=False)
                return
        if await self.head(target) is not None:
            raise Conflict(TAKEN)
        with _speaking():
            await self._store.put_async(
                target, self._pieces(source, size), use_multipart=True, chunk_size=PART_BYTES, max_concurrency=2
            )

    async def drop(self, key: str) -> None:
        """Remove a temporary object, if the store can be reached; else the sweep will."""
        with suppress(Offline):
            await self._delete(key)

    async def _pieces(self, key: str, size: int) -> AsyncIterator[bytes]:
        for start in range(0, size, PART_BYTES):
            yield await self.piece(key, start, min(PART_BYTES, size - start))

    async def _is_same(self, one: str, other: str) -> bool:
        """Whether a former move was cut off between copying and removing."""
        first, second = await self.head(one), await self.head(other)
        if first is None or second is None or first.size != second.size:
            return False
        proofs = [await self.proof(key, first.size) for key in (one, other)]
        return proofs[0] == proofs[1]

    async def proof(self, key: str, size: int) -> bytes:
        """SHA-256 of what the store gives back."""
        proof = hashlib.sha256()
        for start in range(0, size, PART_BYTES):
            await asyncio.to_thread(proof.update, await self.piece(key, start, min(PART_BYTES, size - start)))
        return proof.digest()

    async def _list(self, prefix: str | None) -> AsyncIterator[tuple[str, Stat]]:
        with _speaking():
            # pyright: ignore below: one overload speaks of Arrow, which we do not have.
            async for batch in self._store.list(prefix, chunk_size=1000):  # pyright: ignore[reportUnknownMemberType]
                for found in batch:
                    yield found["path"], Stat(found["size"], found["last_modified"])

    async def _delete(self, key: str) -> None:
        with _speaking(), suppress(FileNotFoundError):
            await self._store.delete_async(key)

    async def _require_marker(self, *, afresh: bool = False) -> None:
        """Raises `Offline` when the bucket is not (or no longer) our root."""
        seen_at = self._marker_seen_at
        if not afresh and seen_at is not None and time.monotonic() - seen_at < MARKER_TRUST_S:
            return
        if await self.head(MARKER) is None:
            self._marker_seen_at = None
            raise Offline(AWAY)
        self._marker_seen_at = time.monotonic()


class ObjectIncoming:
    """A multipart upload to a temporary key."""

    def __init__(self, files: ObjectFiles, store: S3Store, key: str) -> None:
        self._files = files
        self._key = key
        self._temporary = f"{INCOMING}/{uuid4()}.part"
        # Two parts under way and one being filled: 24 MiB for an upload of any size.
        self._writer: AsyncWritableFile | None = obstore.open_writer_async(
            store, self._temporary, buffer_size=PART_BYTES, max_concurrency=2
        )
        self._completing: asyncio.Task[Written] | None = None
        self._clearing: asyncio.Task[None] | None = None
        self._is_finished = False
        self._is_shown = False
        self._intake = Intake(key)

    async def write(self, chunk: bytes | memoryview) -> None:
        if self._intake.keep(chunk):
            await self._flush()

    async def digest(self) -> Written:
        await self._flush()
        return self._intake.written()

    async def finish(self, *, modified_at: datetime | None = None) -> Written:
        # S3 has no time of change that could be set; the database keeps `modified_at`.
        self._completing = asyncio.create_task(self._complete())
        try:
            written = await asyncio.shield(self._completing)
        except BaseException:
            await self.abort()
            raise
        self._is_finished = True
        return written

    async def abort(self) -> None:
        if self._is_finished:
            return
        # A task of its own, because a request that is under way cannot be called back: whoever gives up may be gone
        # before the store has answered.
        if self._clearing is None:
            self._clearing = asyncio.create_task(self._clear())
        await asyncio.shield(self._clearing)

    async def _complete(self) -> Written:
        written = await self.digest()
        writer, self._writer = self._require_writer(), None
        with _speaking():
            await writer.close()
        stored = await self._files.head(self._temporary)
        if stored is None or stored.size != written.size:
            raise Altered(ALTERED)
        if await self._files.proof(self._temporary, written.size) != written.sha256:
            raise Altered(ALTERED)
        await self._files.copy(self._temporary, self._key, written.size)
        self._is_shown = True
        await self._files.drop(self._temporary)
        return written

    async def _clear(self) -> None:
        if self._completing is not None:
            await asyncio.gather(self._completing, return_exceptions=True)  # its caller has heard of its failure
        writer, self._writer = self._writer, None
        if writer is not None:
            with suppress(BaseError, OSError):  # parts that stay are for the bucket's lifecycle rule
                await writer.__aexit__(Offline, None, None)  # pyright: ignore[reportUnknownMemberType]
            return
        await self._files.drop(self._temporary)
        if self._is_shown:  # shown, but whoever asked for it was cut off before hearing of it
            await self._files.drop(self._key)

    async def _flush(self) -> None:
        kept = self._intake.take()
        if not kept:
            return
        block = b"".join(kept)
        writer = self._require_writer()
        await asyncio.to_thread(self._intake.count, block)
        with _speaking():
            await writer.write(block)

    def _require_writer(self) -> "AsyncWritableFile":
        if self._writer is None:
            raise Offline(AWAY)
        return self._writer


def _store_config(config: Config) -> "S3Config":
    made: S3Config = {"region": config.s3_region, "copy_if_not_exists": "multipart"}
    if config.s3_endpoint:
        made["endpoint"] = config.s3_endpoint
        made["virtual_hosted_style_request"] = False  # stores of one's own are seldom reachable as bucket.host
    if config.s3_access_key_id:  # else from the machine's role
        made["access_key_id"] = config.s3_access_key_id
        made["secret_access_key"] = config.s3_secret_access_key
    return made


@contextmanager
def _speaking() -> Generator[None]:
    """Turn what the store says into our refusals."""
    try:
        yield
    except FileNotFoundError as error:
        raise Missing(NOT_THERE) from error
    except AlreadyExistsError as error:
        raise Conflict(TAKEN) from error
    except (PermissionDeniedError, UnauthenticatedError) as error:
        raise Offline("The object store does not accept our key, or the key may not do this.") from error
    except (GenericError, OSError, TimeoutError) as error:
        raise _away(error) from error


def _away(error: Exception) -> Problem:
    text = str(error)
    if "QuotaExceeded" in text or "507 Insufficient Storage" in text or "XMinioStorageFull" in text:
        return Full("The object store is full. Nothing was kept of this file; deleting still works.")
    return Offline(AWAY)


def _sweep_folder(folder: Path, oldest: datetime) -> int:
    removed = 0
    if not folder.is_dir():
        return 0
    for entry in os.scandir(folder):
        if entry.stat().st_mtime < oldest.timestamp():
            os.unlink(entry.path)
            removed += 1
    return removed
