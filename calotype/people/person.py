"""Faces and the people they belong to: what they are, and the rules that need nothing but themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from calotype.core.errors import Invalid
from calotype.core.events import Event
from calotype.core.ids import AssetId, UserId

MOST_FACES = 1000  # of one photo; a detector that sees more looks at wallpaper
SAME_FACE = 0.5  # boxes that overlap by more than this share are the same face
PORTRAIT_MARGIN = 1.1
LARGEST_PIXEL = 2**31 - 1  # what a column of whole numbers holds

NO_FEATURE = "Invalid assetId for feature face or asset is offline"
MERGED_INTO_SELF = "Cannot merge a person into themselves"
BORN_TOMORROW = "Birth date cannot be in the future"


# Events -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FacesDetected(Event):
    """A photo was searched for faces, and these had not been known."""

    asset_id: AssetId
    owner_id: UserId
    new_face_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class PeopleChanged(Event):
    """Who is who changed for these people: their portraits may have to be drawn again."""

    owner_id: UserId
    person_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class NamesChanged(Event):
    """Who is in some photos, or what they are called: what is written beside those photos is old."""

    owner_id: UserId


@dataclass(frozen=True, slots=True)
class PortraitMade(Event):
    """There is a new portrait; `on_person_thumbnail` on the wire."""

    owner_id: UserId
    person_id: UUID


@dataclass(frozen=True, slots=True)
class PeopleToFind(Event):
    """Somebody wants the faces of an owner sorted again: with `force` as if none had been sorted before."""

    owner_id: UserId
    force: bool


# People -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in the pictures. `name` is empty until told; `portrait` (below the data folder) is empty without one."""

    id: UUID
    name: str
    birth_date: date | None
    is_hidden: bool
    is_favorite: bool
    color: str | None
    portrait: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants changed about a person; `None` leaves it alone, `sets_…` says that null is meant."""

    name: str | None = None
    sets_birth_date: bool = False
    birth_date: date | None = None
    is_hidden: bool | None = None
    is_favorite: bool | None = None
    sets_color: bool = False
    color: str | None = None
    feature_asset_id: AssetId | None = None


def check_birth_date(born: date | None, today: date) -> None:
    """Raises `Invalid` for somebody who is not born yet."""
    if born is not None and born > today:
        raise Invalid(BORN_TOMORROW)


# Boxes --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in a picture of `width` × `height` pixels. It may reach over the edge."""

    x1: float
    y1: float
    x2: float
    y2: float
    width: int
    height: int

    def within(self, width: int, height: int) -> "Box":
        """The same place in the same picture at another size."""
        across, down = width / max(1, self.width), height / max(1, self.height)
        return Box(self.x1 * across, self.y1 * down, self.x2 * across, self.y2 * down, width, height)

    def overlap(self, other: "Box") -> float:
        """Intersection over union, 0 to 1. `other` is brought to this one's size."""
        there = other.within(self.width, self.height)
        across = min(self.x2, there.x2) - max(self.x1, there.x1)
        down = min(self.y2, there.y2) - max(self.y1, there.y1)
        if across <= 0 or down <= 0:
            return 0.0
        both = across * down
        return both / (self.area + there.area - both)

    def clipped(self) -> "Box":
        """The part of it that is in the picture."""
        across, down = float(self.width), float(self.height)
        x1, x2 = (min(max(side, 0.0), across) for side in (self.x1, self.x2))
        y1, y2 = (min(max(side, 0.0), down) for side in (self.y1, self.y2))
        return Box(x1, y1, x2, y2, self.width, self.height)

    @property
    def area(self) -> float:
        """In square pixels; nothing when it is turned inside out."""
        return max(0.0, self.x2 - self.x1) * max(0.0, self.y2 - self.y1)

    def square(self) -> tuple[float, float, float]:
        """The square to show of a face, within the picture: left, top, side."""
        middle_x = min(max((self.x1 + self.x2) / 2, 0.0), float(self.width))
        middle_y = min(max((self.y1 + self.y2) / 2, 0.0), float(self.height))
        half = max(abs(self.x2 - self.x1), abs(self.y2 - self.y1)) / 2 * PORTRAIT_MARGIN
        room = min(middle_x, middle_y, self.width - middle_x, self.height - middle_y)
        half = min(half, room)
        if half < 0.5:  # a box on the very edge, or of no size: the nearest square there is
            half = min(max(half, 0.5), min(self.width, self.height) / 2)
            middle_x = min(max(middle_x, half), self.width - half)
            middle_y = min(max(middle_y, half), self.height - half)
        return middle_x - half, middle_y - half, 2 * half


@dataclass(frozen=True, slots=True)
class Face:
    """A face as clients see it. `person` is `None` while nobody knows, or when it is none of the viewer's business."""

    id: UUID
    box: Box
    source_type: str
    person: Person | None


def matched(seen: Sequence[Box], stored: Sequence[Box]) -> dict[int, int]:
    """Which of the stored boxes each seen one is, best pairs first; what matches nothing is not in it.

    All that was seen was seen in one picture.
    """
    if not seen or not stored:
        return {}
    there = [box.within(seen[0].width, seen[0].height) for box in stored]
    pairs = [
        (share, i, j)
        for i, box in enumerate(seen)
        for j, other in enumerate(there)
        if other.x1 < box.x2 and box.x1 < other.x2 and (share := box.overlap(other)) > SAME_FACE
    ]
    found: dict[int, int] = {}
    taken: set[int] = set()
    for _, i, j in sorted(pairs, key=lambda pair: -pair[0]):
        if i not in found and j not in taken:
            found[i] = j
            taken.add(j)
    return found
