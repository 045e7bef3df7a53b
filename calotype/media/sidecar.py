"""XMP files that lie beside originals: where to look for one, what it says, and how an edit gets into it.

Everything here is bytes in, bytes out; whether the file lies on a NAS or in a bucket is the caller's business.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import PurePosixPath

from calotype.core.errors import Invalid
from calotype.outside import xmp
from calotype.outside.tags import Tags


@dataclass(frozen=True, slots=True)
class Edits:
    """What a user changed; `None` is what they left alone. `taken_at` keeps its own offset, `rating` 0 means none.

    `drops_position`: the place that is written there is no longer known. `regions`: who is where in the picture, and
    `persons` who is in it at all.
    """

    description: str | None = None
    taken_at: datetime | None = None
    position: tuple[float, float] | None = None
    rating: int | None = None
    tags: tuple[str, ...] | None = None
    drops_position: bool = False
    regions: xmp.Regions | None = None
    persons: tuple[str, ...] | None = None

    @property
    def are_none(self) -> bool:
        """Whether there is nothing to write."""
        return self == Edits()


def candidates(key: str, known: str | None = None) -> list[str]:
    """Where the sidecar of an original may lie, best first. Only the lower-case extension is one."""
    path = PurePosixPath(key)
    found = [known] if known else []
    found += [f"{key}.xmp", str(path.with_suffix(".xmp")) if path.suffix else f"{key}.xmp"]
    return list(dict.fromkeys(found))


def choose(key: str, existing: Iterable[str], known: str | None = None) -> str | None:
    """The sidecar among these keys, or `None`."""
    there = set(existing)
    return next((candidate for candidate in candidates(key, known) if candidate in there), None)


def target(key: str, known: str | None = None) -> str:
    """Where edits are written: into the sidecar we know, else beside the original."""
    return known or f"{key}.xmp"


def parse(packet: bytes) -> Tags:
    """The tags of a sidecar under the names `exif.facts` reads; a file that is no XMP has none."""
    try:
        return {f"XMP-{name}": value for name, value in xmp.read(packet).items()}
    except Invalid:
        return {}


def apply_edits(existing: bytes | None, edits: Edits) -> bytes:
    """The sidecar with the edits in it and everything else as it was.

    Raises `Invalid` when `existing` is not XMP: somebody else's file is never overwritten.
    """
    if edits.are_none and existing:
        return existing
    values: dict[str, xmp.Written | None] = {}
    if edits.description is not None:
        # Two names, because readers disagree about which of them is the caption.
        values["dc:description"] = xmp.Language(edits.description)
        values["tiff:ImageDescription"] = xmp.Language(edits.description)
    if edits.taken_at is not None:
        values["exif:DateTimeOriginal"] = xmp.Text(_iso(edits.taken_at))
    if edits.position is not None:
        latitude, longitude = edits.position
        values["exif:GPSLatitude"] = xmp.Text(_degrees(latitude, "NS"))
        values["exif:GPSLongitude"] = xmp.Text(_degrees(longitude, "EW"))
    elif edits.drops_position:
        values["exif:GPSLatitude"] = values["exif:GPSLongitude"] = None
    if edits.rating is not None:
        values["xmp:Rating"] = xmp.Text(str(edits.rating))
    if edits.tags is not None:
        values["digiKam:TagsList"] = xmp.Ordered(edits.tags)
    if edits.persons is not None:
        values["Iptc4xmpExt:PersonInImage"] = xmp.Bag(edits.persons) if edits.persons else None
    return xmp.write(existing, values, edits.regions)


def _iso(moment: datetime) -> str:
    """Offsets are whole minutes in XMP; those of the nineteenth century were not."""
    minutes = round((moment.utcoffset() or timedelta(0)).total_seconds() / 60)
    moment = moment.astimezone(timezone(timedelta(minutes=minutes)))
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")


def _degrees(value: float, letters: str) -> str:
    """XMP's own form, `52,31.2000000000N` (XMP part 2 §3.3); ten decimals of a minute lose nothing we were given."""
    whole = int(abs(value))
    minutes = (abs(value) - whole) * 60
    return f"{whole},{minutes:.10f}{letters[value < 0]}"
