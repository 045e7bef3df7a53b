"""Shapes of the timeline."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BeforeValidator, WithJsonSchema

from calotype.timeline import scope
from calotype.wire.base import Maybe, QueryBool, Uuid4, Wire, custom

Visibility = Literal["archive", "timeline", "hidden", "locked"]
Order = Literal["asc", "desc"]


def _box(value: Any) -> scope.Box:
    if isinstance(value, scope.Box):
        return value
    try:
        box = scope.box_from_text(str(value))
    except ValueError as error:
        raise custom(str(error)) from error
    for name, limit in (("west", 180), ("south", 90), ("east", 180), ("north", 90)):
        degrees = getattr(box, name)
        if not -limit <= degrees <= limit:
            word, sign, bound = ("Too big", "<=", limit) if degrees > limit else ("Too small", ">=", -limit)
            raise custom(f"{word}: expected number to be {sign}{bound}", name)
    if box.north < box.south:
        raise custom("North latitude must be greater than or equal to south latitude", "north")
    return box


Box = Annotated[scope.Box, BeforeValidator(_box), WithJsonSchema({"type": "string"})]


class Buckets(Wire):
    """The query of /timeline/buckets."""

    user_id: Maybe[Uuid4] = None
    album_id: Maybe[Uuid4] = None
    person_id: Maybe[Uuid4] = None
    tag_id: Maybe[Uuid4] = None
    is_favorite: Maybe[QueryBool] = None
    is_trashed: Maybe[QueryBool] = None
    with_stacked: Maybe[QueryBool] = None
    with_partners: Maybe[QueryBool] = None
    with_coordinates: Maybe[QueryBool] = None
    visibility: Maybe[Visibility] = None
    order: Maybe[Order] = None
    order_by: Maybe[Literal["takenAt", "createdAt"]] = None
    bbox: Maybe[Box] = None
    key: Maybe[str] = None
    slug: Maybe[str] = None

    def asked(self) -> scope.Asked:
        """The query in our words."""
        return scope.Asked(
            user_id=scope.UserId(self.user_id) if self.user_id else None,
            album_id=self.album_id,
            person_id=self.person_id,
            tag_id=self.tag_id,
            is_favorite=self.is_favorite,
            is_trashed=self.is_trashed,
            with_stacked=bool(self.with_stacked),
            with_partners=bool(self.with_partners),
            with_coordinates=bool(self.with_coordinates),
            visibility=self.visibility,
            newest_first=self.order != "asc",
            by_creation=self.order_by == "createdAt",
            box=self.bbox,
        )


class Bucket(Buckets):
    """The query of /timeline/bucket."""

    time_bucket: str

    def month(self) -> date:
        """The first day of the month that is asked for."""
        return scope.first_of_month(self.time_bucket)


class BucketCount(Wire):
    """A month and how many photos it has."""

    time_bucket: str
    count: int


class BucketColumns(Wire):
    """Photos of a month as columns of equal length."""

    id: list[UUID]
    owner_id: list[UUID]
    ratio: list[float]
    is_favorite: list[bool]
    visibility: list[Visibility]
    is_trashed: list[bool]
    is_image: list[bool]
    live_photo_video_id: list[UUID | None]
    thumbhash: list[str | None]
    projection_type: list[str | None]
    duration: list[int | None]
    file_created_at: list[str]
    created_at: list[str]
    local_offset_hours: list[float]
    city: Maybe[list[str | None]] = None
    country: Maybe[list[str | None]] = None
    latitude: Maybe[list[float | None]] = None
    longitude: Maybe[list[float | None]] = None
    stack: Maybe[list[list[str] | None]] = None
