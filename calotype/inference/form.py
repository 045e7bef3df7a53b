"""The body of a request, read as it comes: the picture goes straight into memory that children can read."""

import contextlib
import os
from collections.abc import Awaitable, Callable
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from calotype.inference.line import share
from calotype.inference.plan import MALFORMED, Refused

MAX_TEXT_BYTES = 256 << 10  # entries and text
MAX_HEADER_BYTES = 8 << 10

Receive = Callable[[], Awaitable[dict[str, Any]]]


class Disconnected(Exception):
    """Nobody waits for the answer any more."""


class Form:
    """The three fields of a request. `image` is a descriptor that `close` closes."""

    def __init__(self) -> None:
        self.entries: str | None = None
        self.text: str | None = None
        self.image: int | None = None
        self.image_bytes = 0
        self._header = (bytearray(), bytearray())
        self._name = ""
        self._value = bytearray()
        self._is_complete = False

    def close(self) -> None:
        """Forget the picture."""
        self.drop_image()

    def drop_image(self) -> None:
        """Forget the picture; its size stays known."""
        if self.image is not None:
            os.close(self.image)
            self.image = None

    async def read(self, scope: dict[str, Any], receive: Receive, max_bytes: int) -> None:
        """Read the body to its end. Raises `Refused` for one that is too large or is no form, `Disconnected`."""
        headers: dict[bytes, bytes] = dict(scope["headers"])
        kind, options = parse_options_header(headers.get(b"content-type", b""))
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise Refused(422, MALFORMED)
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > max_bytes:
            raise _too_large(max_bytes)
        parser = self._parser(boundary)
        got = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            chunk = message.get("body", b"")
            got += len(chunk)
            if got > max_bytes:
                raise _too_large(max_bytes)
            try:
                if chunk:
                    parser.write(chunk)
                if not message.get("more_body"):
                    parser.finalize()
            except (FormParserError, UnicodeDecodeError) as error:
                raise Refused(422, MALFORMED) from error
            if not message.get("more_body"):
                break
        if not self._is_complete:
            raise Refused(422, MALFORMED)

    def _parser(self, boundary: bytes) -> MultipartParser:
        return MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._field,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_end": self._complete,
            },
        )

    def _begin(self) -> None:
        self._name = ""
        self._value = bytearray()
        self._header = (bytearray(), bytearray())

    def _field(self, content: bytes, start: int, end: int) -> None:
        self._grow(self._header[0], content[start:end], MAX_HEADER_BYTES)

    def _header_value(self, content: bytes, start: int, end: int) -> None:
        self._grow(self._header[1], content[start:end], MAX_HEADER_BYTES)

    def _header_end(self) -> None:
        name, value = self._header
        if bytes(name).lower() == b"content-disposition":
            _, options = parse_options_header(bytes(value))
            self._name = options.get(b"name", b"").decode()
            if self._name == "image" and self.image is None:
                self.image = share(b"")
        self._header = (bytearray(), bytearray())

    def _data(self, content: bytes, start: int, end: int) -> None:
        if self._name == "image" and self.image is not None:
            rest = memoryview(content)[start:end]
            self.image_bytes += len(rest)
            while rest:
                rest = rest[os.write(self.image, rest) :]
        elif self._name in ("entries", "text"):
            self._grow(self._value, content[start:end], MAX_TEXT_BYTES)

    def _end(self) -> None:
        if self._name == "entries":
            self.entries = self._value.decode()
        elif self._name == "text":
            self.text = self._value.decode()

    def _complete(self) -> None:
        self._is_complete = True

    def _grow(self, value: bytearray, more: bytes, most: int) -> None:
        if len(value) + len(more) > most:
            raise Refused(422, MALFORMED)
        value += more


async def left(receive: Receive) -> None:
    """Return when the client has gone."""
    with contextlib.suppress(Exception):
        while (await receive())["type"] != "http.disconnect":
            pass


def _too_large(max_bytes: int) -> Refused:
    return Refused(413, f"The request is larger than {max_bytes >> 20} MiB.")
