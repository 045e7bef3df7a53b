"""What an asset is: its states, the rules between them, and what can happen to it. Nothing here has effects."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from calotype.core.errors import Invalid
from calotype.core.events import Event
from calotype.core.ids import AssetId, UserId


class Visibility(StrEnum):
    """Where an asset shows. `locked` only to a session that gave the PIN."""

    ARCHIVE = "archive"
    TIMELINE = "timeline"
    HIDDEN = "hidden"
    LOCKED = "locked"


class Status(StrEnum):
    """`deleted` waits for the job that removes it for good."""

    ACTIVE = "active"
    TRASHED = "trashed"
    DELETED = "deleted"


class Kind(StrEnum):
    """What the file is."""

    IMAGE = "IMAGE"
    VIDEO = "VIDEO"
    AUDIO = "AUDIO"
    OTHER = "OTHER"


class Lockable(StrEnum):
    """Facts a person may edit. While locked, reading the file again does not replace them."""

    DESCRIPTION = "description"
    DATE_TIME_ORIGINAL = "dateTimeOriginal"
    LATITUDE = "latitude"
    LONGITUDE = "longitude"
    RATING = "rating"
    TIME_ZONE = "timeZone"
    TAGS = "tags"


# Events -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AssetUploaded(Event):
    """New bytes were accepted; nothing is known of them yet."""

    asset_id: AssetId
    owner_id: UserId


@dataclass(frozen=True, slots=True)
class AssetsTrashed(Event):
    """Thrown away; may still be restored."""

    owner_id: UserId
    asset_ids: tuple[AssetId, ...]


@dataclass(frozen=True, slots=True)
class AssetsRestored(Event):
    """Taken back out of the trash."""

    owner_id: UserId
    asset_ids: tuple[AssetId, ...]


@dataclass(frozen=True, slots=True)
class AssetsDeleted(Event):
    """Marked for removal: a job must remove each of them (`AssetDelete`)."""

    owner_id: UserId
    asset_ids: tuple[AssetId, ...]


@dataclass(frozen=True, slots=True)
class TrashEmptied(Event):
    """A whole trash is marked for removal: one job finds what that is (`AssetEmptyTrash`)."""

    owner_id: UserId


@dataclass(frozen=True, slots=True)
class AssetGone(Event):
    """The row is removed; `on_asset_delete` on the wire."""

    owner_id: UserId
    asset_id: AssetId


@dataclass(frozen=True, slots=True)
class FilesDiscarded(Event):
    """Files that no row points to any more are written down, and still to be removed (`FileDelete`)."""

    leftover_id: int


@dataclass(frozen=True, slots=True)
class AssetHidden(Event):
    """A video became the moving part of a photo and left the timeline; `on_asset_hidden` on the wire."""

    owner_id: UserId
    asset_id: AssetId


@dataclass(frozen=True, slots=True)
class AssetsEdited(Event):
    """A person changed lockable facts: they must be written to the sidecar (`SidecarWrite`), one job each."""

    owner_id: UserId
    asset_ids: tuple[AssetId, ...]


@dataclass(frozen=True, slots=True)
class SidecarReplaced(Event):
    """The XMP beside an original was put there by somebody else than the writer: read the facts again."""

    asset_id: AssetId
    owner_id: UserId


# Rules --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LiveVideo:
    """What must be known of a video that is to become the moving part of a photo."""

    id: AssetId
    owner_id: UserId
    kind: str
    visibility: str


def check_live_video(video: LiveVideo | None, owner: UserId) -> None:
    """Raises `Invalid` when a photo of this owner cannot take the video as its moving part."""
    if video is None:
        raise Invalid("Live photo video not found")
    if video.kind != Kind.VIDEO:
        raise Invalid("Live photo video must be a video")
    if video.owner_id != owner:
        raise Invalid("Live photo video does not belong to the user")


def has_room(quota_bytes: int | None, usage_bytes: int, size_bytes: int) -> bool:
    """Whether a file of this size still fits; no quota means no limit."""
    return quota_bytes is None or usage_bytes + size_bytes <= quota_bytes


QUOTA_EXCEEDED = "Quota has been exceeded!"


@dataclass(frozen=True, slots=True)
class Moment:
    """When a photo was taken, as a person says it. `time_zone` only when they said it."""

    instant: datetime
    time_zone: str | None


_OFFSET = re.compile(r"(Z|[+-]\d{2}:?\d{2})$", re.IGNORECASE)


def read_moment(text: str) -> Moment | None:
    """A date, with or without time and offset (`2020-01-02`, `2021-05-06 07:08:09`, `…T07:08:09.5+02:00`).

    Without an offset the time is taken as UTC and no zone is known. `None` for anything else.
    """
    text = text.strip()
    if not re.match(r"\d{4}-\d{2}-\d{2}", text):
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    if read.tzinfo is None:
        return Moment(read.replace(tzinfo=UTC), None)
    try:
        instant = read.astimezone(UTC)
    except OverflowError:  # the last hours of the year 9999, west of Greenwich
        return None
    return Moment(instant, zone_name(read.utcoffset() or timedelta(0)) if _OFFSET.search(text) else None)


def zone_name(offset: timedelta) -> str:
    """`UTC+2`, `UTC-3:30`; zero is `UTC+0`."""
    minutes = round(offset.total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    sign = "-" if minutes < 0 else "+"
    return f"UTC{sign}{hours}" + (f":{rest:02d}" if rest else "")


_UTC_ZONE = re.compile(r"(?:UTC|GMT)(?:([+-])(\d{1,2})(?::?(\d{2}))?)?", re.IGNORECASE)


def zone_of(name: str) -> tzinfo | None:
    """The zone of an IANA name or `UTC+2`; `None` when there is none of that name."""
    match = _UTC_ZONE.fullmatch(name)
    if match:
        sign, hours, minutes = match.groups()
        offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
        if offset > timedelta(hours=14):
            return None
        return timezone(-offset if sign == "-" else offset)
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return None


def zone_at(name: str, instant: datetime) -> str | None:
    """How a zone is written beside an instant (`Asia/Tokyo` → `UTC+9`); `None` for an unknown zone."""
    zone = zone_of(name)
    offset = instant.astimezone(zone).utcoffset() if zone else None
    return None if offset is None else zone_name(offset)


@dataclass(frozen=True, slots=True)
class Note:
    """A client's free value under its key on an asset."""

    asset_id: AssetId
    key: str
    value: dict[str, object]


def repeated(keys: "list[tuple[UUID, str]]") -> tuple[UUID, str] | None:
    """The first pair that occurs twice."""
    seen: set[tuple[UUID, str]] = set()
    for pair in keys:
        if pair in seen:
            return pair
        seen.add(pair)
    return None
