"""A zip as a stream: entries stored as they are, of any size (ZIP64), no temporary file, constant memory."""

import zipfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from calotype.core.errors import Missing

NOT_FOUND = "missing-files.txt"
_FIRST = datetime(1980, 1, 1, tzinfo=UTC)  # the format knows no earlier time
_LAST = datetime(2107, 12, 31, 23, 59, 58, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the archive. `open` gives its bytes; `Missing` from it is noted in the archive, anything else ends it."""

    name: str
    modified_at: datetime
    open: Callable[[], AsyncIterator[bytes]]


class _Outgoing:
    """What the zip writer writes to: cannot seek, so it needs no look back."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def stream(entries: Iterable[Entry]) -> AsyncGenerator[bytes, None]:
    """The bytes of the archive. Names must be unique; see `unique_names`."""
    outgoing = _Outgoing()
    lost: list[str] = []
    with zipfile.ZipFile(outgoing, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:  # pyright: ignore[reportArgumentType, reportCallIssue]
        for entry in entries:
            chunks = aiter(entry.open())
            try:
                first = await anext(chunks, b"")
            except Missing:
                lost.append(entry.name)
                continue
            with archive.open(_head(entry.name, entry.modified_at), "w", force_zip64=True) as file:
                file.write(first)
                yield outgoing.take()
                async for chunk in chunks:
                    file.write(chunk)
                    yield outgoing.take()
        if lost:
            archive.writestr(_head(NOT_FOUND, _FIRST), "\n".join(["These files could not be found:", *lost, ""]))
    yield outgoing.take()


def _head(name: str, modified_at: datetime) -> zipfile.ZipInfo:
    when = min(max(modified_at.astimezone(UTC), _FIRST), _LAST)
    info = zipfile.ZipInfo(name, when.timetuple()[:6])
    info.external_attr = 0o644 << 16
    return info


def unique_names(names: Iterable[str]) -> list[str]:
    """Names that are safe in a flat folder on any system; a repeated `a.jpg` becomes `a+1.jpg`, `a+2.jpg`."""
    taken: set[str] = set()
    found: list[str] = []
    for name in names:
        clean = _clean(name)
        stem, dot, extension = clean.rpartition(".")
        if not stem:
            stem, dot, extension = clean, "", ""
        unique, number = clean, 0
        while unique.casefold() in taken:
            number += 1
            unique = f"{stem}+{number}{dot}{extension}"
        taken.add(unique.casefold())
        found.append(unique)
    return found


def _clean(name: str) -> str:
    kept = "".join(c for c in name if c.isprintable() and c not in '/\\?<>:*|"')
    return kept.strip(". ") or "unnamed"
