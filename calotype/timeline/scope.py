"""What a timeline is asked for, and what of it the caller may see. Nothing here has effects."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from calotype.core.errors import Invalid
from calotype.core.ids import UserId

ARCHIVE, TIMELINE, HIDDEN, LOCKED = "archive", "timeline", "hidden", "locked"


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on the map, in degrees; `west` > `east` crosses the antimeridian."""

    west: float
    south: float
    east: float
    north: float


@dataclass(frozen=True, slots=True)
class Asked:
    """The query as it came; `None` is absent."""

    user_id: UserId | None = None
    album_id: UUID | None = None
    person_id: UUID | None = None
    tag_id: UUID | None = None
    is_favorite: bool | None = None
    is_trashed: bool | None = None
    with_stacked: bool = False
    with_partners: bool = False
    with_coordinates: bool = False
    visibility: str | None = None
    newest_first: bool = True
    by_creation: bool = False
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """What may be shown. `owners` empty: whoever owns what is in the album."""

    viewer: UserId
    owners: tuple[UserId, ...]
    visibilities: tuple[str, ...]
    status: str
    is_favorite: bool | None
    with_stacked: bool
    with_coordinates: bool
    hides_places: bool
    newest_first: bool
    by_creation: bool
    album_id: UUID | None
    person_id: UUID | None
    tag_id: UUID | None
    box: Box | None

    @property
    def axis(self) -> str:
        """Which month counts: the one taken (`t`) or the one added (`c`)."""
        return "c" if self.by_creation else "t"

    @property
    def is_whole(self) -> bool:
        """Whether it is made of whole timelines, so that maintained counts and versions answer it."""
        return not (self.album_id or self.person_id or self.tag_id or self.box)

    @property
    def places(self) -> tuple[str, ...]:
        """Where faces in its photos are (`face.place`)."""
        letters = {TIMELINE: "t", ARCHIVE: "a"} if self.status == "active" else {}
        return tuple(sorted({letters.get(visibility, "x") for visibility in self.visibilities}))

    @property
    def is_of_person(self) -> bool:
        """Whether it is made of a person's months, so that their maintained counts and versions answer it."""
        return (
            self.person_id is not None
            and not (self.album_id or self.tag_id or self.box or self.by_creation)
            and "x" not in self.places
        )


PARTNERS_ONLY = "withPartners is only supported for non-archived, non-trashed, non-favorited, non-locked assets"


def check_partners(asked: Asked) -> None:
    """Raises `Invalid` when partners' photos are asked for where they never show."""
    if not asked.with_partners:
        return
    if asked.visibility in (None, ARCHIVE, LOCKED) or asked.is_favorite is not None or asked.is_trashed:
        raise Invalid(PARTNERS_ONLY)


def visibilities(asked: Asked, *, is_own: bool) -> tuple[str, ...]:
    """Which photos are meant: asked, else timeline and archive; of somebody else only what is in their timeline."""
    if asked.visibility is not None:
        return (asked.visibility,)
    return (ARCHIVE, TIMELINE) if is_own else (TIMELINE,)


def first_of_month(text: str) -> date:
    """The month a bucket is named by: `2024-05-01`, a time of that day, a leading sign is ignored.

    Raises `Invalid` for text that is no date.
    """
    try:
        return date.fromisoformat(text.strip().lstrip("+-")[:10])
    except ValueError as error:
        raise Invalid("timeBucket must be a date like 2024-05-01.") from error


def next_month(month: date) -> date:
    """The first day of the month after."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def box_from_text(text: str) -> Box:
    """`west,south,east,north` in degrees. Raises `ValueError` with the sentence clients know."""
    parts = text.split(",")
    if len(parts) != 4:
        raise ValueError("bbox must have 4 comma-separated numbers: west,south,east,north")
    try:
        west, south, east, north = (float(part) for part in parts)
    except ValueError as error:
        raise ValueError("bbox parts must be valid numbers") from error
    return Box(west, south, east, north)
