"""What a handler gives becomes bytes: JSON with an ETag, compressed when that pays, or a response of its own."""

import asyncio
import gzip
import hashlib
import json
import secrets
from typing import Any, cast
from urllib.parse import parse_qsl

from pydantic import BaseModel
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

COMPRESS_FROM_BYTES = 1024
THREAD_FROM_BYTES = 128 * 1024  # compressing more than this would hold up other requests


async def respond(request: Request, answer: Any, status: int) -> Response:
    """The response for what a handler returned.

    A `Response` passes through; `None` with 204 has no body; models are written with only the fields that were set, so
    that an absent optional key stays absent while `None` becomes null; `bytes` are JSON that is already finished.
    """
    if isinstance(answer, Response):
        return answer
    if status == 204:
        return Response(status_code=204)
    if answer is None:
        return Response(status_code=status)
    return await json_response(request, to_bytes(answer), status)


def to_bytes(answer: Any) -> bytes:
    """JSON text of a model, a list of models, plain data, or JSON bytes as they are."""
    if isinstance(answer, bytes):
        return answer
    if isinstance(answer, BaseModel):
        return answer.model_dump_json(by_alias=True, exclude_unset=True).encode()
    return to_json(
        [each.model_dump(mode="json", by_alias=True, exclude_unset=True) for each in cast("list[BaseModel]", answer)]
        if isinstance(answer, list) and answer and isinstance(answer[0], BaseModel)
        else answer
    )


def etag_of(body: bytes) -> str:
    """A strong entity tag: length and a hash of the bytes."""
    return f'"{len(body):x}-{hashlib.sha1(body, usedforsecurity=False).hexdigest()[:27]}"'


def _unique(body: bytes) -> str:
    """A tag that equals no other: nobody asks again for what a POST was answered, and a page takes 0.1 ms to hash."""
    return f'"{len(body):x}-{secrets.token_hex(14)}"'


async def json_response(
    request: Request, body: bytes, status: int = 200, *, etag: str | None = None, headers: dict[str, str] | None = None
) -> Response:
    """A JSON answer with an ETag; 304 for a GET that already has it, gzip for a client that takes it."""
    tag = etag or (etag_of(body) if request.method == "GET" else _unique(body))
    out = {"etag": tag, **(headers or {})}
    if request.method == "GET" and status == 200 and tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=out)
    if len(body) >= COMPRESS_FROM_BYTES:
        out["vary"] = "Accept-Encoding"
        if "gzip" in request.headers.get("accept-encoding", ""):
            out["content-encoding"] = "gzip"
            if len(body) > THREAD_FROM_BYTES:
                body = await asyncio.to_thread(gzip.compress, body, 1)
            else:
                body = gzip.compress(body, 1)
    return Response(body, status_code=status, media_type="application/json", headers=out)


def form_as_json(body: bytes) -> bytes:
    """A form-encoded body as the JSON object it stands for; repeated keys become a list."""
    found: dict[str, Any] = {}
    for key, value in parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True):
        if key not in found:
            found[key] = value
        elif isinstance(found[key], list):
            found[key].append(value)
        else:
            found[key] = [found[key], value]
    return json.dumps(found).encode()
