"""The few things that truly have two implementations: where files live, who runs jobs, how messages travel, who sees."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from calotype.core.stations import Station


@dataclass(frozen=True, slots=True)
class Written:
    """What a finished write left behind. `sha1` (20 bytes) is the wire's checksum, `sha256` (32 bytes) our proof."""

    key: str
    size: int
    sha1: bytes
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Stat:
    """Size in bytes and the time of the last change (aware, UTC)."""

    size: int
    modified_at: datetime


class Incoming(Protocol):
    """A file that is being written and that nobody can see yet."""

    async def write(self, chunk: bytes | memoryview) -> None:
        """Append. Raises `Full` when the volume has no room, `Offline` when it is gone."""
        ...

    async def digest(self) -> Written:
        """Size and checksums of what was written so far; may be asked before `finish` to decide whether to keep it."""
        ...

    async def finish(self, *, modified_at: datetime | None = None) -> Written:
        """Make the bytes durable, read them back, compare the checksum, and only then show them under the key.

        Raises `Offline` when what is read back differs from what was sent; nothing is left behind then.
        """
        ...

    async def abort(self) -> None:
        """Leave nothing behind. Harmless after `finish` and when called twice."""
        ...


class Files(Protocol):
    """Where originals live. Keys are relative POSIX paths (`upload/…/name.jpg`); one that leaves the root fails."""

    async def begin(self, key: str) -> Incoming:
        """Start a write. Raises `Offline` when the root is not reachable, `Full` when it is below its floor."""
        ...

    def open_range(self, key: str, start: int, length: int) -> AsyncIterator[bytes]:
        """The bytes from `start`, in chunks of at most 1 MiB. Raises `Missing`, `Offline`."""
        ...

    async def stat(self, key: str) -> Stat:
        """Raises `Missing`, `Offline`."""
        ...

    async def move(self, source: str, target: str) -> None:
        """Rename. Done twice it stays done: a missing source with an existing target is no error. Never overwrites."""
        ...

    async def remove(self, key: str) -> None:
        """Remove; a file that is already gone is no error."""
        ...

    def list(self, prefix: str) -> AsyncIterator[tuple[str, Stat]]:
        """Every key below `prefix`, in no order."""
        ...

    def local(self, key: str) -> AbstractAsyncContextManager[Path]:
        """A path that decoders may open for reading: the file itself, or a scratch copy that vanishes afterwards."""
        ...

    async def free_bytes(self) -> int | None:
        """Room left, or `None` where the store has no limit that can be asked."""
        ...

    async def total_bytes(self) -> int | None:
        """Size of the volume, or `None` where it has none."""
        ...

    async def read_marker(self) -> bytes | None:
        """The content of the marker file that proves this is the root we know; `None` when there is no marker.

        Raises `Offline` when the root does not answer within the time limit (a hanging mount).
        """
        ...

    async def write_marker(self, content: bytes) -> None:
        """Replace the marker atomically."""
        ...

    def public_path(self, key: str) -> str:
        """The name a person would find the file under (an absolute path or an object URL)."""
        ...


JobState = Literal["active", "failed", "completed", "delayed", "waiting", "paused"]


@dataclass(frozen=True, slots=True)
class Job:
    """One unit of background work. `name` is the ecosystem's public name, `data` is JSON."""

    name: str
    queue: str
    data: dict[str, Any] = field(default_factory=dict[str, Any])
    delay_s: float = 0
    id: str | None = None  # a second job with the same id is dropped while the first exists


@dataclass(frozen=True, slots=True)
class Counts:
    """Jobs of one queue by state. While a queue is paused, its waiting jobs count as paused."""

    active: int = 0
    completed: int = 0
    failed: int = 0
    delayed: int = 0
    waiting: int = 0
    paused: int = 0


@dataclass(frozen=True, slots=True)
class Listed:
    """A job as an administrator sees it. `at_ms` is Unix time in milliseconds."""

    id: str
    name: str
    data: dict[str, Any]
    at_ms: int
    state: JobState
    reason: str | None = None


class Queue(Protocol):
    """Background work. Every method raises `Offline` when the broker is away."""

    async def put(self, jobs: Sequence[Job]) -> None: ...
    async def counts(self, queue: str) -> Counts: ...
    async def is_paused(self, queue: str) -> bool: ...
    async def pause(self, queue: str) -> None: ...
    async def resume(self, queue: str) -> None: ...
    async def jobs(self, queue: str, states: Sequence[JobState], limit: int) -> list[Listed]: ...
    async def empty(self, queue: str) -> None:
        """Drop what waits, is paused or delayed."""
        ...

    async def clear_failed(self, queue: str) -> None: ...


class Push(Protocol):
    """Messages to the people who are looking right now, whatever process they are connected to. Never raises."""

    async def to_user(self, user_id: str, event: str, *arguments: Any) -> None: ...
    async def to_session(self, session_id: str, event: str, *arguments: Any) -> None: ...
    async def to_all(self, event: str, *arguments: Any) -> None: ...


class Cache(Protocol):
    """Short-lived bytes. A cache that is away behaves like an empty one; it never raises."""

    async def get(self, key: str) -> bytes | None: ...
    async def put(self, key: str, value: bytes, *, ttl_s: int) -> None: ...
    async def count(self, key: str, *, ttl_s: int) -> int:
        """Add one to a counter that forgets after `ttl_s` and return it; 0 when the cache is away."""
        ...

    async def forget(self, *keys: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked about one picture; `None` is not asked. Model names are the catalogue's."""

    clip: str | None = None
    faces: str | None = None
    min_face_score: float = 0.7
    text: str | None = None
    min_box_score: float = 0.5
    min_text_score: float = 0.8
    max_resolution: int = 736  # pixels of the shorter side that the text detector is given


@dataclass(frozen=True, slots=True)
class SeenFace:
    """A face: its box in pixels of the picture sent (it may reach over the edge), how sure, and its embedding."""

    x1: float
    y1: float
    x2: float
    y2: float
    score: float
    vector: str  # as Postgres and the wire write it: "[0.1,-0.2,…]", not normalised


@dataclass(frozen=True, slots=True)
class SeenLine:
    """A line of text. `corners` are eight numbers, x then y, clockwise from the top left, as shares (0–1) of the picture."""

    text: str
    corners: tuple[float, ...]
    box_score: float
    text_score: float


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen in a picture of `width` × `height` pixels; `None` for what was not asked."""

    width: int
    height: int
    vector: str | None = None  # the CLIP embedding, as text
    faces: tuple[SeenFace, ...] | None = None
    lines: tuple[SeenLine, ...] | None = None


class Vision(Protocol):
    """Whoever looks at pictures for us. It may be away at any time: then `Offline` is raised, and nothing is lost."""

    async def see(self, picture: bytes, wanted: Wanted) -> Seen:
        """Everything that is wanted of one picture, in one request. Raises `Offline`; `Invalid` when this very picture
        cannot be looked at."""
        ...

    async def words(self, text: str, *, model: str, language: str | None = None) -> str:
        """The embedding of words in the space of `model`, as text. Raises `Offline`."""
        ...

    async def stations(self) -> list[Station]:
        """Every address that is asked, as it is now. Takes two seconds at most and never raises for one that is away."""
        ...
