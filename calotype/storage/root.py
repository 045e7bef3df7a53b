"""The media root: whose it is, what state it is in, and what may be done with it then. Nothing here has effects."""

import json
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from calotype.core.events import Event

MARKER_VERSION = 1
RETRY_AFTER_S = 20


@dataclass(frozen=True, slots=True)
class Identity:
    """An installation, and how often it was started with its media folder. Database and marker each carry one."""

    id: UUID
    epoch: int


class State(StrEnum):
    """What a probe may find."""

    ONLINE = "online"
    UNKNOWN = "unknown"  # not probed yet, or the database could not say whom we expect
    ABSENT = "absent"  # no folder, or a folder without marker: an unmounted share looks like this
    HANGING = "hanging"  # no answer in time
    AWAY = "away"  # an answer, and it is an error
    FOREIGN = "foreign"  # the marker of another installation
    STALE = "stale"  # ours, but from another time than the database


@dataclass(frozen=True, slots=True)
class Root:
    """What is known of the root now. Room in bytes; `None` where the store has no limit."""

    state: State
    free_bytes: int | None = None
    total_bytes: int | None = None

    @property
    def is_online(self) -> bool:
        """Whether originals can be read and removed."""
        return self.state is State.ONLINE

    def has_room(self, floor_bytes: int) -> bool:
        """Whether uploads may be taken."""
        return self.free_bytes is None or self.free_bytes >= floor_bytes

    @property
    def sentence(self) -> str:
        """The state for a person."""
        return SENTENCES[self.state]


SENTENCES = {
    State.ONLINE: "The photo storage is online.",
    State.UNKNOWN: "The photo storage is being checked. Your photos are safe; previews still open.",
    State.ABSENT: "The photo storage is not reachable. Your photos are safe; previews still open.",
    State.HANGING: "The photo storage does not answer. Your photos are safe; previews still open.",
    State.AWAY: "The photo storage is not reachable. Your photos are safe; previews still open.",
    State.FOREIGN: "The media folder belongs to another installation and is left alone. Previews still open.",
    State.STALE: "Media folder and database are from different times. The folder is left alone; previews still open.",
}


@dataclass(frozen=True, slots=True)
class RootOffline(Event):
    """The root can no longer be used."""

    state: State
    sentence: str


@dataclass(frozen=True, slots=True)
class RootOnline(Event):
    """The root is back: what waited may run."""


def compare(ours: Identity, marker: Identity | None) -> State:
    """Whether a root with this marker is the one the database knows.

    A start raises the database's epoch first and the marker's right after, so the marker may be one behind.
    """
    if marker is None:
        return State.ABSENT
    if marker.id != ours.id:
        return State.FOREIGN
    return State.ONLINE if ours.epoch - 1 <= marker.epoch <= ours.epoch else State.STALE


def marker_bytes(identity: Identity) -> bytes:
    """The marker file."""
    content = {"instance": str(identity.id), "epoch": identity.epoch, "version": MARKER_VERSION}
    return json.dumps(content).encode() + b"\n"


UNREADABLE = Identity(UUID(int=0), -1)


def read_marker(content: bytes | None) -> Identity | None:
    """Whom a marker names; `None` without one. A damaged marker names `UNREADABLE`, which is nobody."""
    if content is None:
        return None
    try:
        fields = json.loads(content)
        return Identity(UUID(fields["instance"]), int(fields["epoch"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return UNREADABLE
