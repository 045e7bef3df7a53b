"""Twins of the ports: what a test puts in stays visible, and nothing leaves the process."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from calotype.core.clock import Clock
from calotype.core.errors import Offline
from calotype.core.ports import Counts, Job, JobState, Listed, Seen, Wanted
from calotype.core.stations import Station


@dataclass
class ListQueue:
    """Jobs in the order they were put. `active` says how many of a queue are being worked on."""

    jobs_put: list[Job] = field(default_factory=list)
    stopped: set[str] = field(default_factory=set)
    active: dict[str, int] = field(default_factory=dict)
    is_away: bool = False

    async def put(self, jobs: Sequence[Job]) -> None:
        self._require()
        self.jobs_put += jobs

    async def counts(self, queue: str) -> Counts:
        self._require()
        waiting = sum(job.queue == queue for job in self.jobs_put)
        is_stopped = queue in self.stopped
        active = self.active.get(queue, 0)
        return Counts(active=active, waiting=0 if is_stopped else waiting, paused=waiting if is_stopped else 0)

    async def is_paused(self, queue: str) -> bool:
        self._require()
        return queue in self.stopped

    async def pause(self, queue: str) -> None:
        self.stopped.add(queue)

    async def resume(self, queue: str) -> None:
        self.stopped.discard(queue)

    async def jobs(self, queue: str, states: Sequence[JobState], limit: int) -> list[Listed]:
        return []

    async def empty(self, queue: str) -> None:
        self.jobs_put = [job for job in self.jobs_put if job.queue != queue]

    async def clear_failed(self, queue: str) -> None: ...

    def _require(self) -> None:
        if self.is_away:
            raise Offline("The work queue is not reachable.")


class MemoryCache:
    """A cache that forgets nothing by itself."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def get(self, key: str) -> bytes | None:
        return self.kept.get(key)

    async def put(self, key: str, value: bytes, *, ttl_s: int) -> None:
        self.kept[key] = value

    async def count(self, key: str, *, ttl_s: int) -> int:
        now = int(self.kept.get(key, b"0")) + 1
        self.kept[key] = str(now).encode()
        return now

    async def forget(self, *keys: str) -> None:
        for key in keys:
            self.kept.pop(key, None)


@dataclass(frozen=True)
class Message:
    """What somebody who was looking would have heard. `to`: a user, a session, or everybody."""

    to: str
    event: str
    arguments: tuple[Any, ...]


class HeardPush:
    """Messages are kept instead of sent."""

    def __init__(self) -> None:
        self.heard: list[Message] = []

    async def to_user(self, user_id: str, event: str, *arguments: Any) -> None:
        self.heard.append(Message(user_id, event, arguments))

    async def to_session(self, session_id: str, event: str, *arguments: Any) -> None:
        self.heard.append(Message(session_id, event, arguments))

    async def to_all(self, event: str, *arguments: Any) -> None:
        self.heard.append(Message("everybody", event, arguments))


class MovableClock(Clock):
    """The real clock, until a test stops it."""

    stopped_at: datetime | None = None

    def now(self) -> datetime:
        return self.stopped_at or datetime.now(UTC)


@dataclass
class CannedVision:
    """Answers what a test has put on the table: `seen` by picture bytes (else `default`), `known` by words."""

    seen: dict[bytes, Seen] = field(default_factory=dict)
    default: Seen | None = None
    known: dict[str, str] = field(default_factory=dict)
    asked: list[Wanted] = field(default_factory=list)
    known_stations: list[Station] = field(default_factory=list)
    is_away: bool = False

    async def see(self, picture: bytes, wanted: Wanted) -> Seen:
        self._require()
        self.asked.append(wanted)
        seen = self.seen.get(picture, self.default)
        if seen is None:
            raise Offline("Nothing is on the table for this picture.")
        return Seen(
            seen.width,
            seen.height,
            seen.vector if wanted.clip else None,
            seen.faces if wanted.faces else None,
            seen.lines if wanted.text else None,
        )

    async def words(self, text: str, *, model: str, language: str | None = None) -> str:
        self._require()
        return self.known[text]

    async def stations(self) -> list[Station]:
        return self.known_stations

    def _require(self) -> None:
        if self.is_away:
            raise Offline("The inference service is not reachable.")
