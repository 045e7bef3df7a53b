"""Shapes of people and faces."""

import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from calotype.core.ids import AssetId
from calotype.people import person as domain
from calotype.people.merge import Result
from calotype.people.person_store import Listed
from calotype.wire.base import (
    DATE_PATTERN,
    Color,
    Int,
    IsoDate,
    IsoDateTime,
    Maybe,
    QueryBool,
    QueryInt,
    Said,
    Uuid4,
    Wire,
    custom,
    wrong_type,
)


def _birth_date(value: Any) -> date:
    if isinstance(value, date):
        return value
    if not isinstance(value, str):
        raise wrong_type("string", value)
    try:
        born = date.fromisoformat(value) if re.fullmatch(DATE_PATTERN, value, re.ASCII) else None
    except ValueError:
        born = None
    if born is None or born > datetime.now(UTC).date():
        raise custom(domain.BORN_TOMORROW)
    return born


BirthDate = Annotated[date, Said(), BeforeValidator(_birth_date), WithJsonSchema({"type": "string", "format": "date"})]


class Person(Wire):
    """Somebody in the pictures. `color` is absent when none was chosen."""

    id: Uuid4
    name: str
    birth_date: IsoDate | None
    thumbnail_path: str
    is_hidden: bool
    is_favorite: bool
    color: Maybe[str] = None
    updated_at: IsoDateTime


class People(Wire):
    """A page; `total` and `hidden` count everybody."""

    people: list[Person]
    has_next_page: bool
    total: int
    hidden: int


class PeopleQuery(Wire):
    page: Maybe[Annotated[QueryInt, Field(ge=1)]] = None
    size: Maybe[Annotated[QueryInt, Field(ge=1, le=1000)]] = None
    with_hidden: Maybe[QueryBool] = None
    closest_person_id: Maybe[Uuid4] = None
    closest_asset_id: Maybe[Uuid4] = None


class PersonCreate(Wire):
    name: Maybe[str] = None
    birth_date: BirthDate | None = None
    is_hidden: Maybe[bool] = None
    is_favorite: Maybe[bool] = None
    color: Color | None = None

    def wish(self) -> domain.Wish:
        """The body in our words; only what was sent is wished for."""
        return domain.Wish(
            name=_kept(self.name),
            sets_birth_date="birth_date" in self.model_fields_set,
            birth_date=self.birth_date,
            is_hidden=self.is_hidden,
            is_favorite=self.is_favorite,
            sets_color="color" in self.model_fields_set,
            color=self.color,
        )


class PersonUpdate(PersonCreate):
    feature_face_asset_id: Maybe[Uuid4] = None

    def wish(self) -> domain.Wish:
        asked = PersonCreate.wish(self)
        feature = AssetId(self.feature_face_asset_id) if self.feature_face_asset_id else None
        return domain.Wish(
            asked.name,
            asked.sets_birth_date,
            asked.birth_date,
            asked.is_hidden,
            asked.is_favorite,
            asked.sets_color,
            asked.color,
            feature,
        )


class PeopleUpdateItem(PersonUpdate):
    id: Uuid4

    def wish(self) -> domain.Wish:
        """Colours are taken and not applied when many are changed at once."""
        asked = PersonUpdate.wish(self)
        return domain.Wish(
            asked.name,
            asked.sets_birth_date,
            asked.birth_date,
            asked.is_hidden,
            asked.is_favorite,
            feature_asset_id=asked.feature_asset_id,
        )


class PeopleUpdate(Wire):
    people: list[PeopleUpdateItem]


class Ids(Wire):
    ids: list[Uuid4]


class Bulk(Wire):
    """What became of one of many."""

    id: Uuid4
    success: bool
    error: Maybe[Literal["duplicate", "no_permission", "not_found", "unknown", "validation"]] = None
    error_message: Maybe[str] = None


class Statistics(Wire):
    assets: int


class ReassignItem(Wire):
    person_id: Uuid4
    asset_id: Uuid4


class Reassign(Wire):
    data: list[ReassignItem]


class Split(Wire):
    """Faces that are somebody else, who may be named at once."""

    face_ids: Annotated[list[Uuid4], Field(min_length=1)]
    name: Maybe[str] = None


class Face(Wire):
    """A box in a picture of `image_width` × `image_height`, and who it is, as far as the viewer may know."""

    id: Uuid4
    image_width: int
    image_height: int
    bounding_box_x1: int
    bounding_box_x2: int
    bounding_box_y1: int
    bounding_box_y2: int
    source_type: Maybe[Literal["machine-learning", "exif", "manual"]] = None
    person: Person | None


class FaceQuery(Wire):
    id: Uuid4


class FaceCreate(Wire):
    """A rectangle that somebody drew into the picture as they saw it."""

    asset_id: Uuid4
    person_id: Uuid4
    image_width: Int
    image_height: Int
    x: Int
    y: Int
    width: Int
    height: Int

    def box(self) -> domain.Box:
        """The rectangle by its corners."""
        return domain.Box(
            self.x, self.y, self.x + self.width, self.y + self.height, self.image_width, self.image_height
        )


class FaceChoice(Wire):
    id: Uuid4


class FaceDelete(Wire):
    force: bool


def _kept(name: str | None) -> str | None:
    """A text that a database can hold."""
    return None if name is None else name.replace("\0", "")


def person(of: domain.Person, data: Path) -> Person:
    """`data`: the data folder, in which portraits lie."""
    keys: dict[str, Any] = {} if of.color is None else {"color": of.color}
    return Person(
        id=of.id,
        name=of.name,
        birth_date=of.birth_date,
        thumbnail_path=f"{data}/{of.portrait}" if of.portrait else "",
        is_hidden=of.is_hidden,
        is_favorite=of.is_favorite,
        updated_at=of.updated_at,
        **keys,
    )


def people(found: Listed, data: Path) -> People:
    """A page of people."""
    return People(
        people=[person(each, data) for each in found.people],
        has_next_page=found.has_more,
        total=found.total,
        hidden=found.hidden,
    )


def face(of: domain.Face, data: Path) -> Face:
    """A face with its person."""
    return Face(
        id=of.id,
        image_width=of.box.width,
        image_height=of.box.height,
        bounding_box_x1=int(of.box.x1),
        bounding_box_x2=int(of.box.x2),
        bounding_box_y1=int(of.box.y1),
        bounding_box_y2=int(of.box.y2),
        source_type=of.source_type,  # pyright: ignore[reportArgumentType] — the column allows nothing else
        person=person(of.person, data) if of.person else None,
    )


def bulk(result: Result) -> Bulk:
    """`error` is absent where it worked."""
    if result.error is None:
        return Bulk(id=result.id, success=True)
    return Bulk(id=result.id, success=False, error=result.error)  # pyright: ignore[reportArgumentType] — one of them


# Groups that share people -------------------------------------------------------------------------------------------


class GroupRequest(Wire):
    """An invitation."""

    id: Uuid4
    cluster_group_id: Uuid4
    user_id: Uuid4
    created_at: IsoDateTime


class GroupInvitation(Wire):
    user_id: Uuid4
