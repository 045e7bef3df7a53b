"""Multipart bodies as a stream of parts: nothing but the piece at hand is in memory."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, cast

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from calotype.core.errors import Invalid

DRAIN_BYTES = 256 * 1024 * 1024
UNFINISHED = "Unexpected end of form"


@dataclass(frozen=True, slots=True)
class PartBegin:
    """The head of a part. `filename` is `None` for a text field."""

    name: str
    filename: str | None


@dataclass(frozen=True, slots=True)
class PartEnd:
    """The part is complete."""


Piece = PartBegin | PartEnd | bytes


async def pieces(request: Request) -> AsyncGenerator[Piece, None]:
    """Begin, bytes and end of each part, as they arrive.

    Raises `Invalid` when the body is malformed or ends too early (a cut connection included). A body of another content
    type has no parts.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    if not kind.startswith(b"multipart/"):
        return
    boundary = options.get(b"boundary")
    if not boundary:
        raise Invalid("Multipart: Boundary not found")
    collector = _Collector(boundary)
    try:
        async for chunk in request.stream():
            for piece in collector.feed(chunk):
                yield piece
    except ClientDisconnect as error:
        raise Invalid(UNFINISHED) from error
    if not collector.is_complete:
        raise Invalid(UNFINISHED)


async def drain(request: Request) -> None:
    """Take in the rest of a refused body, within reason: most clients read the answer only after they sent it all."""
    left = DRAIN_BYTES
    try:
        async for chunk in request.stream():
            left -= len(chunk)
            if left < 0:
                return
    except (ClientDisconnect, RuntimeError):
        return


class _Collector:
    """Turns the parser's callbacks into a list of pieces."""

    def __init__(self, boundary: bytes) -> None:
        self._found: list[Piece] = []
        self._header = bytearray()
        self._value = bytearray()
        self._disposition = b""
        self.is_complete = False
        callbacks: dict[str, Any] = {
            "on_part_begin": self._part_begins,
            "on_part_data": self._data,
            "on_part_end": lambda: self._found.append(PartEnd()),
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_ends,
            "on_headers_finished": self._headers_end,
            "on_end": self._ends,
        }
        try:
            self._parser = MultipartParser(boundary, cast(Any, callbacks))
        except FormParserError as error:
            raise Invalid("Multipart: Boundary is too long") from error

    def feed(self, chunk: bytes) -> list[Piece]:
        """What became known with this chunk."""
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise Invalid(f"Malformed part header or boundary in the form: {error}") from error
        found, self._found = self._found, []
        return found

    def _part_begins(self) -> None:
        self._disposition = b""

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._found.append(data[start:end])

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_ends(self) -> None:
        if bytes(self._header).lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._disposition)
        name = options.get(b"name")
        if name is None:
            raise Invalid("Malformed part header")
        filename = options.get(b"filename")
        self._found.append(PartBegin(_text(name), None if filename is None else base_name(_text(filename))))

    def _ends(self) -> None:
        self.is_complete = True


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def base_name(name: str) -> str:
    """The last part of a path in anybody's notation, without characters that no file name has."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in last if c.isprintable() or c == "\u200d").strip()
