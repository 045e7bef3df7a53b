"""Refusals and bugs as the bodies that clients understand."""

import json
import logging
import re
import secrets
from typing import Any

import asyncpg
from starlette.requests import Request
from starlette.responses import Response

from calotype.api import faults
from calotype.api.binding import Unbound
from calotype.api.router import NoRoute
from calotype.core import log
from calotype.core.errors import Malformed, Offline, Problem, TooMany
from calotype.core.tx import AWAY, database_away

AWAY_HEADER = "x-calotype-away"  # which part of the house a 503 is about, where the rest goes on


def body(message: str, **more: Any) -> bytes:
    """The contract's error body."""
    return json.dumps({"message": message, **more}, ensure_ascii=False).encode()


def _json(status: int, content: bytes, headers: dict[str, str] | None = None) -> Response:
    return Response(content, status_code=status, media_type="application/json", headers=headers)


def render(request: Request, error: BaseException) -> Response:
    """The answer for anything that was raised while a request was served."""
    if isinstance(error, Malformed):
        return _json(400, body(error.sentence, errors=error.faults))
    if isinstance(error, Problem):
        headers = {"retry-after": str(error.retry_after_s)} if isinstance(error, Offline | TooMany) else {}
        if isinstance(error, Offline) and error.part:
            headers[AWAY_HEADER] = error.part
        return _json(error.status, body(error.sentence), headers)
    if isinstance(error, Unbound):
        unreadable = faults.unreadable_json(error.faults, error.text)
        if unreadable is not None:
            return _json(400, body(unreadable))
        return _json(400, body("Validation failed", errors=faults.faults(error.faults, error.declared)))
    if isinstance(error, NoRoute):
        query = f"?{request.url.query}" if request.url.query else ""
        return _json(404, body(f"Cannot {request.method} {request.url.path}{query}"))
    if isinstance(error, AWAY) and not isinstance(error, FileNotFoundError | PermissionError):
        away = database_away(error)
        return _json(away.status, body(away.sentence), {"retry-after": str(away.retry_after_s)})
    if isinstance(error, asyncpg.CharacterNotInRepertoireError | asyncpg.UntranslatableCharacterError):
        return _json(400, body("A text holds a character that cannot be kept (U+0000)."))
    if isinstance(error, asyncpg.DeadlockDetectedError | asyncpg.SerializationError):
        return _json(
            503, body("Two changes met in the same place; nothing was changed. Try again."), {"retry-after": "1"}
        )
    if isinstance(error, asyncpg.DiskFullError):
        return _json(507, body("The disk of the database is full. Nothing was changed; deleting photos still works."))
    reference = secrets.token_hex(4)
    log.say("bug", level=logging.ERROR, error=error, reference=reference, method=request.method)
    operation = getattr(getattr(request.scope.get("route"), "op", None), "name", None)
    message = f"Failed to {_words(operation)}" if operation else "Internal server error"
    return _json(500, body(message, reference=reference))


def _words(operation: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", " ", operation).lower()
