"""What may be asked of the library: a tree of conditions, an order, a page. Nothing here has effects."""

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from calotype.core.errors import Invalid
from calotype.core.ids import UserId


@dataclass(frozen=True, slots=True)
class Condition:
    """`field operator value`, in the words of the filter language (`city`, `eq`, "Rome")."""

    field: str
    operator: str
    value: Any


@dataclass(frozen=True, slots=True)
class Filters:
    """All conditions hold, and, where there are branches, all conditions of at least one branch."""

    conditions: tuple[Condition, ...] = ()
    branches: tuple[tuple[Condition, ...], ...] = ()
    with_deleted: bool = False
    without_stacked: bool = False

    def fields(self) -> set[str]:
        """What is asked about anywhere."""
        return {condition.field for branch in (self.conditions, *self.branches) for condition in branch}


@dataclass(frozen=True, slots=True)
class Order:
    """Which column decides, and its direction; the id breaks ties in the same direction, nulls come last."""

    field: str = "fileCreatedAt"
    newest_first: bool = True


@dataclass(frozen=True, slots=True)
class Reach:
    """Whose photos are searched. `viewer` sees everything but the locked folder, which opens with `is_elevated`.

    A stranger with a link is the link's creator here, but for the trash.
    """

    viewer: UserId
    partners: tuple[UserId, ...] = ()
    is_elevated: bool = False
    album_ids: tuple[UUID, ...] = ()
    sees_trash: bool = True


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the last page ended: the field that decides the order, its value there, and the id."""

    field: str
    value: datetime | int | None
    id: UUID

    def text(self) -> str:
        """As clients carry it: opaque."""
        value = self.value.isoformat() if isinstance(self.value, datetime) else self.value
        told = json.dumps([self.field, value, str(self.id)])
        return base64.urlsafe_b64encode(told.encode()).decode().rstrip("=")

    @staticmethod
    def read(text: str, order: Order) -> "Cursor":
        """Raises `Invalid` for a cursor that we did not make, and for one that another order has."""
        try:
            field, value, id = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            found = Cursor(field, _decisive(field, value), UUID(id))
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise Invalid("The cursor is not one that this server gave.") from error
        if found.field != order.field:
            raise Invalid(f"The cursor belongs to a search that is ordered by {found.field}.")
        return found


def _decisive(field: str, value: Any) -> datetime | int | None:
    """What a cursor says of the field. Raises `ValueError` or `TypeError` for what could never stand there."""
    if field in ("fileCreatedAt", "localDateTime"):
        instant = datetime.fromisoformat(value)
        if (instant.tzinfo is None) != (field == "localDateTime"):
            raise ValueError(value)
        return instant
    limit = {"fileSizeInBytes": 2**63, "rating": 2**15}.get(field, 0)
    if value is None and field == "rating":
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not -limit <= value < limit:
        raise ValueError(value)
    return value


FLAT = {
    # The flat keys of the search bodies that are one condition of the filter language.
    "id": ("id", "eq"),
    "checksum": ("checksum", "eq"),
    "libraryId": ("libraryId", "eq"),
    "originalFileName": ("originalFileName", "like"),
    "originalPath": ("originalPath", "like"),
    "description": ("description", "like"),
    "encodedVideoPath": ("encodedVideoPath", "eq"),
    "type": ("type", "eq"),
    "isFavorite": ("isFavorite", "eq"),
    "isOffline": ("isOffline", "eq"),
    "isMotion": ("isMotion", "eq"),
    "isEncoded": ("isEncoded", "eq"),
    "visibility": ("visibility", "eq"),
    "city": ("city", "eq"),
    "state": ("state", "eq"),
    "country": ("country", "eq"),
    "make": ("make", "eq"),
    "model": ("model", "eq"),
    "lensModel": ("lensModel", "eq"),
    "rating": ("rating", "eq"),
    "createdBefore": ("createdAt", "lte"),
    "createdAfter": ("createdAt", "gte"),
    "updatedBefore": ("updatedAt", "lte"),
    "updatedAfter": ("updatedAt", "gte"),
    "takenBefore": ("takenAt", "lte"),
    "takenAfter": ("takenAt", "gte"),
    "trashedBefore": ("trashedAt", "lte"),
    "trashedAfter": ("trashedAt", "gte"),
    "personIds": ("personIds", "all"),
    "tagIds": ("tagIds", "all"),
    "albumIds": ("albumIds", "all"),
    "ocr": ("ocr", "matches"),
}
TRIMMED = frozenset({"originalFileName", "description"})
SUBSTRINGS = TRIMMED | {"originalPath"}


def filters(flat: dict[str, Any], tree: dict[str, Any] | None = None) -> Filters:
    """Conditions from a search body: its flat keys (only those that were sent) and the `filter` object.

    An empty list, and an empty text for a substring, do not filter; `tagIds: null` asks for photos without tags.
    """
    found: list[Condition] = []
    for key, value in flat.items():
        if key in TRIMMED and value is not None:
            value = value.strip()
        if key not in FLAT or value == [] or (key in SUBSTRINGS and not value):
            continue
        if key == "tagIds" and value is None:
            found.append(Condition("hasTags", "eq", False))
        else:
            found.append(Condition(*FLAT[key], value))
    if flat.get("isNotInAlbum") and not flat.get("albumIds"):
        found.append(Condition("hasAlbums", "eq", False))
    branches: tuple[tuple[Condition, ...], ...] = ()
    if tree:
        found += _conditions(tree)
        branches = tuple(tuple(_conditions(branch)) for branch in tree.get("or", ()))
    trash = flat.get("withDeleted") or flat.get("isOffline") or flat.get("trashedAfter") or flat.get("trashedBefore")
    asks_trash = any(c.field == "trashedAt" for c in (*found, *(c for b in branches for c in b)))
    return Filters(
        tuple(found),
        branches,
        with_deleted=bool(trash) or asks_trash,
        without_stacked=flat.get("withStacked") is False,
    )


def _conditions(branch: dict[str, Any]) -> list[Condition]:
    return [
        Condition(field, operator, value)
        for field, operators in branch.items()
        if field != "or"
        for operator, value in operators.items()
    ]
