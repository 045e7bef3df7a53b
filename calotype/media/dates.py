"""Which moment a photo was taken, and what the clocks on the wall said.

Cameras write local time, phones add an offset, videos write UTC, and a position tells the zone. All of it is decided
here, without looking at any file.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

ZoneAt = Callable[[float, float], str | None]
"""IANA name of the zone at latitude, longitude (degrees); `None` where nobody knows."""

# First that can be read wins. Not dates: the time of the last change, and whatever the file name says.
NAMES = (
    "SubSecDateTimeOriginal",
    "SubSecCreateDate",
    "DateTimeOriginal",
    "CreationDate",
    "CreateDate",
    "MediaCreateDate",
    "DateTimeCreated",
    "GPSDateTime",
    "DateTimeUTC",
    "SonyDateTime2",
    "SourceImageCreateTime",
)
_UTC_NAMES = ("GPSDateTime", "DateTimeUTC")

_PATTERN = re.compile(
    r"(?P<year>\d{4})[:\-/.](?P<month>\d{1,2})[:\-/.](?P<day>\d{1,2})[ T]+"
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d+))?)?"
    r"\s*(?P<offset>Z|[+-]\d{1,2}(?::?\d{2})?)?"
)
_OFFSET = re.compile(r"(?P<sign>[+-])(?P<hours>\d{1,2})(?::?(?P<minutes>\d{2}))?")
_MAX_OFFSET_MIN = 14 * 60  # Kiritimati; the other side of the date line ends at −12:00

# Offsets in use that are not whole hours. A clock compared with GPS time is a little off, so it snaps to one of these.
_ODD_OFFSETS_MIN = (-570, -210, 210, 270, 330, 345, 390, 525, 570, 630, 765)
_OFFSETS_MIN = tuple(sorted({*(hour * 60 for hour in range(-12, 15)), *_ODD_OFFSETS_MIN}))
_SNAP_MIN = 14  # a GPS fix may be minutes old; beyond this the two clocks simply disagree


@dataclass(frozen=True, slots=True)
class Stamp:
    """A date as written: the wall clock and, if it has one, its own offset."""

    wall: datetime
    offset: timedelta | None


@dataclass(frozen=True, slots=True)
class Source:
    """What one file says about time: its dates by ExifTool's names, EXIF offsets in order, and its position."""

    texts: Mapping[str, str]
    offsets: Sequence[str] = ()
    position: tuple[float, float] | None = None
    is_video: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """`at` is the instant (UTC), `local` the wall clock (naive), `zone` a text like `UTC+2` or an IANA name.

    `is_dated` is false when no tag told the date and the file's own dates had to serve.
    """

    at: datetime
    local: datetime
    zone: str | None
    is_dated: bool


def taken(media: Source, sidecar: Source | None, *, fallback_at: datetime, zone_at: ZoneAt) -> Taken:
    """When the photo was taken. `fallback_at` (aware) is used when neither file has a readable date.

    A sidecar with a date silences every date and the zone of the media file; a sidecar with only a position changes
    the zone the moment is told in, not the moment.
    """
    chosen = media
    if sidecar is not None and any(name in sidecar.texts for name in NAMES):
        chosen = Source(sidecar.texts, sidecar.offsets, sidecar.position)
    stamp = _first(chosen)
    zone = _zone(chosen, stamp, zone_at)
    if chosen is media and sidecar is not None and sidecar.position is not None:
        shown = _position_zone(sidecar, zone_at) or zone
    else:
        shown = zone
    if stamp is None:
        if shown is None or _is_offset(shown):
            shown = "UTC" if media.is_video else None
        at = _to_ms(fallback_at.astimezone(UTC))
        return Taken(at, at.replace(tzinfo=None), shown, is_dated=False)
    at = _instant(stamp, zone, is_video=chosen.is_video)
    local = _to_ms(at).astimezone(zone_of(shown) or UTC).replace(tzinfo=None)
    return Taken(_to_ms(at), local, shown, is_dated=True)


def parse(text: str) -> Stamp | None:
    """A date with a time, in EXIF's, XMP's or QuickTime's form; `None` for blanks, zeros and impossible values."""
    match = _PATTERN.fullmatch(text.strip(" \0"))
    if match is None:
        return None
    offset = None
    if match["offset"]:
        offset = parse_offset(match["offset"])
        if offset is None:
            return None
    year = int(match["year"])
    if not 1 < year < 9999:  # an offset must not leave the calendar
        return None
    fraction = (match["fraction"] or "").ljust(6, "0")[:6]
    try:
        wall = datetime(  # noqa: DTZ001 — a wall clock has no zone
            year,
            int(match["month"]),
            int(match["day"]),
            int(match["hour"]),
            int(match["minute"]),
            int(match["second"] or 0),
            int(fraction),
        )
    except ValueError:
        return None
    return Stamp(wall, offset)


def parse_offset(text: str) -> timedelta | None:
    """`+02:00`, `-0330`, `+5` or `Z`; `None` for what no clock on earth shows."""
    text = text.strip(" \0")
    if text == "Z":
        return timedelta(0)
    match = _OFFSET.fullmatch(text)
    if match is None or int(match["minutes"] or 0) > 59:
        return None
    minutes = int(match["hours"]) * 60 + int(match["minutes"] or 0)
    if minutes > _MAX_OFFSET_MIN:
        return None
    return timedelta(minutes=-minutes if match["sign"] == "-" else minutes)


def zone_of(text: str | None) -> tzinfo | None:
    """The zone a text names (`Europe/Berlin`, `UTC+5:45`, `UTC`); `None` when it names none."""
    if not text:
        return None
    if text.startswith("UTC"):
        offset = parse_offset(text[3:]) if len(text) > 3 else timedelta(0)
        return None if offset is None else timezone(offset)
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def offset_text(offset: timedelta, *, zero: str = "UTC") -> str:
    """`UTC+2`, `UTC-3:30`; `zero` for no difference (its spelling tells where the offset came from)."""
    minutes = round(offset.total_seconds() / 60)
    if minutes == 0:
        return zero
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'-' if minutes < 0 else '+'}{hours}" + (f":{rest:02}" if rest else "")


def instant(wall: datetime, zone: tzinfo) -> datetime:
    """The moment a wall clock shows this time; in a skipped hour an hour later, in a doubled one the second time."""
    early, late = (wall.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta(0) for fold in (0, 1))
    return wall.replace(tzinfo=UTC) - min(early, late)


def _first(source: Source) -> Stamp | None:
    for name in NAMES:
        stamp = parse(source.texts.get(name, ""))
        if stamp is not None:
            if name in _UTC_NAMES and stamp.offset is None:
                return Stamp(stamp.wall, timedelta(0))
            return stamp
    return None


def _zone(source: Source, stamp: Stamp | None, zone_at: ZoneAt) -> str | None:
    """The zone of one file, without regard to any other."""
    for text in source.offsets:
        if (offset := parse_offset(text)) is not None:
            return offset_text(offset)
    if zone := _position_zone(source, zone_at):
        return zone
    if stamp is not None and stamp.offset:
        return offset_text(stamp.offset)
    if stamp is not None and stamp.offset is None and (offset := _against_gps(source, stamp)) is not None:
        return offset_text(offset)
    if source.is_video:
        return "UTC"
    return "UTC+0" if stamp is not None and stamp.offset is not None else None


def _position_zone(source: Source, zone_at: ZoneAt) -> str | None:
    return zone_at(*source.position) if source.position is not None else None


def _against_gps(source: Source, stamp: Stamp) -> timedelta | None:
    for name in _UTC_NAMES:
        if (utc := parse(source.texts.get(name, ""))) is None:
            continue
        minutes = (stamp.wall - utc.wall).total_seconds() / 60
        nearest = min(_OFFSETS_MIN, key=lambda offset: abs(offset - minutes))
        if abs(nearest - minutes) <= _SNAP_MIN:
            return timedelta(minutes=nearest)
    return None


def _instant(stamp: Stamp, zone: str | None, *, is_video: bool) -> datetime:
    if stamp.offset is not None:
        return stamp.wall.replace(tzinfo=UTC) - stamp.offset
    if is_video:  # QuickTime and its relatives write UTC
        return stamp.wall.replace(tzinfo=UTC)
    return instant(stamp.wall, zone_of(zone) or UTC)


def _is_offset(zone: str) -> bool:
    return zone.startswith("UTC")


def _to_ms(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
