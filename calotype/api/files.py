"""Bytes out: ranges, validators, cache headers, names. From our own disk or from wherever originals live."""

import os
import re
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache
from io import FileIO
from pathlib import Path
from urllib.parse import quote

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from calotype.core.errors import Missing
from calotype.core.ports import Files

FOREVER = "private, max-age=86400, no-transform, stale-while-revalidate=2592000, stale-if-error=2592000"
REVALIDATE = "private, no-cache, no-transform"

INLINE_BYTES = 1024 * 1024  # a file up to this size is read in one go; a hop to a thread costs more than reading it
CHUNK_BYTES = 1024 * 1024
NOT_THERE = "Not Found"

# An SVG or HTML that somebody uploaded must not act as our page: no scripts, no origin.
SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"

# Eighteen digits count every byte there is; Python refuses to read thousands of them.
_RANGE = re.compile(r"\s*bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Served:
    """A file to answer with. `name` for the disposition (`None`: none), `cache` for Cache-Control (`None`: none)."""

    content_type: str
    name: str | None = None
    cache: str | None = FOREVER
    attachment: bool = False


async def send_local(request: Request, path: Path | str, served: Served) -> Response:
    """A file on our own disk (previews, transcodes). Raises `Missing` when it is gone.

    A small one is read at once, on the event loop: it comes from memory or an SSD.
    """
    try:
        file = open(path, "rb", buffering=0)  # noqa: ASYNC230, SIM115 — see above; what streams is closed at its end
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise Missing(NOT_THERE) from error
    is_handed_over = False
    try:
        facts = os.fstat(file.fileno())
        if not stat.S_ISREG(facts.st_mode):
            raise Missing(NOT_THERE)
        plan = _plan(request, facts.st_size, facts.st_mtime_ns // 1_000_000, served)
        if plan.is_bodiless:
            return plan.bare()
        if plan.length <= INLINE_BYTES:
            return Response(os.pread(file.fileno(), plan.length, plan.start), plan.status, plan.headers)
        is_handed_over = True
        return StreamingResponse(_local_chunks(file, plan.start, plan.length), plan.status, plan.headers)
    finally:
        if not is_handed_over:
            file.close()


async def _local_chunks(file: FileIO, start: int, length: int) -> AsyncIterator[bytes]:
    with file:
        while length > 0:
            chunk = await anyio.to_thread.run_sync(os.pread, file.fileno(), min(length, CHUNK_BYTES), start)
            if not chunk:
                return
            start, length = start + len(chunk), length - len(chunk)
            yield chunk


async def send_stored(request: Request, files: Files, key: str, served: Served) -> Response:
    """A file of the photo storage. Raises `Missing`, `Offline` before anything is sent."""
    facts = await files.stat(key)
    plan = _plan(request, facts.size, int(facts.modified_at.timestamp() * 1000), served)
    if plan.is_bodiless or plan.length == 0:
        return plan.bare()
    chunks = files.open_range(key, plan.start, plan.length)
    # The first piece is fetched before the status goes out, so that a storage that is away can still be told.
    first = await anext(aiter(chunks))
    if len(first) == plan.length:
        return Response(first, plan.status, plan.headers)
    return StreamingResponse(_after_first(first, chunks), plan.status, plan.headers)


async def _after_first(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    try:
        yield first
        async for chunk in rest:
            yield chunk
    finally:
        close = getattr(rest, "aclose", None)
        if close is not None:
            await close()


@dataclass(frozen=True, slots=True)
class _Plan:
    """What to send of a file of `size` bytes."""

    status: int
    headers: dict[str, str]
    start: int
    length: int
    is_bodiless: bool

    def bare(self) -> Response:
        """Only the head."""
        return Response(status_code=self.status, headers=self.headers)


def _plan(request: Request, size: int, modified_ms: int, served: Served) -> _Plan:
    etag = f'W/"{size:x}-{modified_ms:x}"'
    modified_s = modified_ms // 1000
    headers = {
        "etag": etag,
        "last-modified": _http_date(modified_s),
        "accept-ranges": "bytes",
        "x-content-type-options": "nosniff",
    }
    if served.cache is not None:
        headers["cache-control"] = served.cache
    if served.name is not None:
        headers["content-disposition"] = disposition(served.name, attachment=served.attachment)
    if _is_known(request, etag, modified_s):
        return _Plan(304, headers, 0, 0, is_bodiless=True)
    headers["content-type"] = served.content_type
    if not served.content_type.startswith(("image/jpeg", "image/webp", "image/png", "video/")):
        headers["content-security-policy"] = SANDBOX
    wanted = _range(request, size, etag, modified_s)
    if wanted is None:
        headers["content-length"] = str(size)
        return _Plan(200, headers, 0, size, is_bodiless=_is_head(request))
    start, length = wanted
    if length <= 0:
        headers["content-range"] = f"bytes */{size}"
        headers["content-length"] = "0"
        return _Plan(416, headers, 0, 0, is_bodiless=True)
    headers["content-range"] = f"bytes {start}-{start + length - 1}/{size}"
    headers["content-length"] = str(length)
    return _Plan(206, headers, start, length, is_bodiless=_is_head(request))


def _is_head(request: Request) -> bool:
    return request.method == "HEAD" or bool(request.scope.get("calotype.head"))


@lru_cache(maxsize=1024)  # a batch of previews is of the same few seconds
def _http_date(seconds: int) -> str:
    return format_datetime(datetime.fromtimestamp(seconds, UTC), usegmt=True)


def _is_known(request: Request, etag: str, modified_s: int) -> bool:
    """RFC 9110 §13.2.2: If-None-Match decides alone when it is there; tags are compared weakly."""
    tags = request.headers.get("if-none-match")
    if tags is not None:
        bare = etag.removeprefix("W/")
        return any(tag.strip().removeprefix("W/") in (bare, "*") for tag in tags.split(","))
    since = _date(request.headers.get("if-modified-since"))
    return since is not None and modified_s <= since.timestamp()


def _range(request: Request, size: int, etag: str, modified_s: int) -> tuple[int, int] | None:
    """Start and length of what is asked for; `None` for the whole file; a length of 0 when it lies beyond the end."""
    asked = request.headers.get("range")
    match = _RANGE.fullmatch(asked) if asked else None
    if match is None:
        return None
    condition = request.headers.get("if-range")
    if condition is not None and condition != etag and condition != _http_date(modified_s):
        return None
    first, last = match.groups()
    if not first and not last:
        return None
    if not first:
        length = min(int(last), size)
        return size - length, length
    start = int(first)
    end = min(int(last), size - 1) if last else size - 1
    if last and int(last) < start:
        return None
    return start, max(end - start + 1, 0)


def _date(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        found = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)  # "-0000" is UTC too (RFC 5322 §3.3)


def disposition(name: str, *, attachment: bool = False) -> str:
    """RFC 6266: any file name, percent-encoded."""
    return f"{'attachment' if attachment else 'inline'}; filename*=UTF-8''{quote(name, safe='')}"
