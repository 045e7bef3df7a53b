"""What an upload decides without touching anything: which files, in which order, and when to try again."""

import os
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TypeVar

T = TypeVar("T")

# Folders in which systems keep things of their own: thumbnails of a NAS, bins, snapshots.
FOREIGN_FOLDERS = frozenset(
    {"@eadir", "#recycle", "#snapshot", "$recycle.bin", "lost+found", "system volume information"}
)
SIDECAR = ".xmp"
# A server that restarts, a laptop that changes networks: about five minutes in all.
WAITS_S = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 60.0, 60.0, 60.0, 60.0)
FAULT_TRIES = 3  # a server that fails on this very file does so for longer than we care to ask
LONGEST_WAIT_S = 300.0
AWAY = frozenset({408, 425, 429, 502, 503, 504})
FAULTS = frozenset({500, 520})  # 520: a proxy's word for it
REFUSES_ALL = frozenset({401, 403, 507})


@dataclass(frozen=True, slots=True)
class Found:
    """A file on this machine that the server would take."""

    path: Path
    size: int
    modified_ns: int
    sidecar: Path | None = None


@dataclass(frozen=True, slots=True)
class Hashed:
    """A file and the SHA-1 of its bytes, in hex."""

    file: Found
    sha1: str


def is_skipped_folder(name: str) -> bool:
    """Hidden folders and those that belong to a system."""
    return name.startswith(".") or name.lower() in FOREIGN_FOLDERS


def extension(name: str) -> str:
    """In lower case, with its dot; empty when there is none."""
    return PurePath(name).suffix.lower()


def sidecar_name(name: str, siblings: Set[str]) -> str | None:
    """The sidecar of a file among the names beside it: `name.ext.xmp` before `name.xmp`."""
    for stem in (name, PurePath(name).stem):
        for suffix in (SIDECAR, SIDECAR.upper()):
            if stem + suffix in siblings and stem + suffix != name:
                return stem + suffix
    return None


def one_of_each(files: Iterable[Hashed]) -> tuple[list[Hashed], list[Hashed]]:
    """Every content once, and the repetitions. A file with a sidecar goes before one without: it says more."""
    chosen: dict[str, Hashed] = {}
    repeated: list[Hashed] = []
    for each in files:
        first = chosen.get(each.sha1)
        if first is None:
            chosen[each.sha1] = each
        elif first.file.sidecar is None and each.file.sidecar is not None:
            chosen[each.sha1] = each
            repeated.append(first)
        else:
            repeated.append(each)
    return list(chosen.values()), repeated


def batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Consecutive parts of at most `size`."""
    for begin in range(0, len(items), size):
        yield items[begin : begin + size]


def is_away(status: int | None) -> bool:
    """Whether nobody answered (`None`), or only to say: not now."""
    return status is None or status in AWAY


def wait_s(status: int | None, tries: int, retry_after_s: float | None, chance: float) -> float | None:
    """How long to wait after so many failed tries of this kind, or `None`: give up.

    status: what was answered, `None` for no answer at all. chance: 0 to 1, so that many clients do not come back
    together. What the server asks for is honoured, within reason.
    """
    most = len(WAITS_S) if is_away(status) else FAULT_TRIES - 1 if status in FAULTS else 0
    if tries > most:
        return None
    own = WAITS_S[tries - 1] * (0.75 + chance / 2)
    return min(max(own, retry_after_s or 0.0), LONGEST_WAIT_S)


def ends_everything(status: int | None, sentence: str) -> bool:
    """Whether what was refused to one file will be refused to all: nobody there, no right, no room, quota used up."""
    return is_away(status) or status in REFUSES_ALL or sentence.startswith("Quota has been exceeded")


def shown(path: Path) -> str:
    """A path as text that every terminal takes, even where its bytes are no text."""
    return os.fsencode(path).decode("utf-8", "replace")


def amount(size: float) -> str:
    """Bytes for people: 3.4 GB."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def several(number: int, noun: str = "file") -> str:
    """`1 file`, `2,000 files`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
