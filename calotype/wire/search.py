"""Shapes of search: the flat bodies, and the filter language of 3.2."""

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from calotype.core.ids import sha1_from_text
from calotype.media.geocode import Found
from calotype.search.query import Condition, Filters, Order, filters
from calotype.wire.assets import Asset
from calotype.wire.base import (
    Checksum,
    Int,
    IsoDateTime,
    Maybe,
    QueryBool,
    QueryInt,
    Some,
    Uuid4,
    Wire,
    custom,
)

AssetType = Literal["IMAGE", "VIDEO", "AUDIO", "OTHER"]
Visibility = Literal["archive", "timeline", "hidden", "locked"]
Rating = Annotated[Int, Field(ge=1, le=5)]
Text = Annotated[str, Field(min_length=1)]


class _Operators(Wire):
    """One field's operators; at least one must be given."""

    @model_validator(mode="after")
    def _not_empty(self) -> "_Operators":
        if not self.model_fields_set:
            names = ", ".join(f.alias or name for name, f in type(self).model_fields.items())
            raise custom(f"At least one of the following fields is required: {names}")
        return self


class BooleanFilter(_Operators):
    eq: Maybe[bool] = None


class IdFilter(_Operators):
    eq: Maybe[Uuid4] = None
    ne: Maybe[Uuid4] = None


class NullableIdFilter(_Operators):
    eq: Uuid4 | None = None
    ne: Uuid4 | None = None


class IdsFilter(_Operators):
    all: Maybe[Some[Uuid4]] = None
    any: Maybe[Some[Uuid4]] = None
    none: Maybe[Some[Uuid4]] = None


class TypeFilter(_Operators):
    eq: Maybe[AssetType] = None
    ne: Maybe[AssetType] = None
    in_: Maybe[Some[AssetType]] = Field(None, alias="in")
    not_in: Maybe[Some[AssetType]] = None


class VisibilityFilter(_Operators):
    eq: Maybe[Visibility] = None
    ne: Maybe[Visibility] = None
    in_: Maybe[Some[Visibility]] = Field(None, alias="in")
    not_in: Maybe[Some[Visibility]] = None


class StringFilter(_Operators):
    eq: Maybe[str] = None
    ne: Maybe[str] = None
    in_: Maybe[Some[str]] = Field(None, alias="in")
    not_in: Maybe[Some[str]] = None


class ChecksumFilter(_Operators):
    eq: Maybe[Checksum] = None
    ne: Maybe[Checksum] = None
    in_: Maybe[Some[Checksum]] = Field(None, alias="in")
    not_in: Maybe[Some[Checksum]] = None


class NullableStringFilter(_Operators):
    eq: str | None = None
    ne: str | None = None
    in_: Maybe[Some[str]] = Field(None, alias="in")
    not_in: Maybe[Some[str]] = None


class PatternFilter(NullableStringFilter):
    like: Maybe[Text] = None
    not_like: Maybe[Text] = None
    starts_with: Maybe[Text] = None
    ends_with: Maybe[Text] = None


class DateFilter(_Operators):
    eq: Maybe[IsoDateTime] = None
    ne: Maybe[IsoDateTime] = None
    gt: Maybe[IsoDateTime] = None
    gte: Maybe[IsoDateTime] = None
    lt: Maybe[IsoDateTime] = None
    lte: Maybe[IsoDateTime] = None


class NullableDateFilter(DateFilter):
    eq: IsoDateTime | None = None
    ne: IsoDateTime | None = None


class NumberFilter(_Operators):
    eq: Maybe[Int] = None
    ne: Maybe[Int] = None
    gt: Maybe[Int] = None
    gte: Maybe[Int] = None
    lt: Maybe[Int] = None
    lte: Maybe[Int] = None
    in_: Maybe[Some[Int]] = Field(None, alias="in")
    not_in: Maybe[Some[Int]] = None


class RatingFilter(NumberFilter):
    eq: Int | None = None
    ne: Int | None = None


class OcrFilter(_Operators):
    matches: Maybe[Text] = None


class Branch(Wire):
    """Conditions that all hold."""

    id: Maybe[IdFilter] = None
    library_id: Maybe[NullableIdFilter] = None
    type: Maybe[TypeFilter] = None
    visibility: Maybe[VisibilityFilter] = None
    is_favorite: Maybe[BooleanFilter] = None
    is_motion: Maybe[BooleanFilter] = None
    is_offline: Maybe[BooleanFilter] = None
    is_encoded: Maybe[BooleanFilter] = None
    has_albums: Maybe[BooleanFilter] = None
    has_people: Maybe[BooleanFilter] = None
    has_tags: Maybe[BooleanFilter] = None
    city: Maybe[NullableStringFilter] = None
    state: Maybe[NullableStringFilter] = None
    country: Maybe[NullableStringFilter] = None
    make: Maybe[NullableStringFilter] = None
    model: Maybe[NullableStringFilter] = None
    lens_model: Maybe[NullableStringFilter] = None
    description: Maybe[PatternFilter] = None
    original_file_name: Maybe[PatternFilter] = None
    original_path: Maybe[PatternFilter] = None
    ocr: Maybe[OcrFilter] = None
    rating: Maybe[RatingFilter] = None
    file_size_in_bytes: Maybe[NumberFilter] = None
    taken_at: Maybe[DateFilter] = None
    created_at: Maybe[DateFilter] = None
    updated_at: Maybe[DateFilter] = None
    trashed_at: Maybe[NullableDateFilter] = None
    person_ids: Maybe[IdsFilter] = None
    tag_ids: Maybe[IdsFilter] = None
    album_ids: Maybe[IdsFilter] = None
    checksum: Maybe[ChecksumFilter] = None
    encoded_video_path: Maybe[StringFilter] = None

    def tree(self) -> dict[str, Any]:
        """Only what was sent, under the wire's names, values in our types."""
        found: dict[str, Any] = {}
        for name in self.model_fields_set - {"or_"}:
            operators: Wire = getattr(self, name)
            fields = type(operators).model_fields
            alias = type(self).model_fields[name].alias or name
            found[alias] = {fields[each].alias or each: getattr(operators, each) for each in operators.model_fields_set}
        return found


class Filter(Branch):
    """Conditions that all hold, and at least one branch of `or`."""

    or_: Maybe[Some[Branch]] = Field(None, alias="or")

    def tree(self) -> dict[str, Any]:
        found = Branch.tree(self)
        if self.or_:
            found["or"] = [branch.tree() for branch in self.or_]
        return found


class SearchOrder(Wire):
    field: Maybe[Literal["fileCreatedAt", "localDateTime", "fileSizeInBytes", "rating"]] = None
    direction: Maybe[Literal["asc", "desc"]] = None


class Flat(Wire):
    """What every search body may hold."""

    library_id: Uuid4 | None = None
    type: Maybe[AssetType] = None
    is_favorite: Maybe[bool] = None
    is_offline: Maybe[bool] = None
    is_motion: Maybe[bool] = None
    is_encoded: Maybe[bool] = None
    is_not_in_album: Maybe[bool] = None
    visibility: Maybe[Visibility] = None
    city: str | None = None
    state: str | None = None
    country: str | None = None
    make: str | None = None
    model: str | None = None
    lens_model: str | None = None
    rating: Rating | None = None
    ocr: Maybe[str] = None
    created_before: Maybe[IsoDateTime] = None
    created_after: Maybe[IsoDateTime] = None
    updated_before: Maybe[IsoDateTime] = None
    updated_after: Maybe[IsoDateTime] = None
    taken_before: Maybe[IsoDateTime] = None
    taken_after: Maybe[IsoDateTime] = None
    trashed_before: Maybe[IsoDateTime] = None
    trashed_after: Maybe[IsoDateTime] = None
    album_ids: Maybe[list[Uuid4]] = None
    person_ids: Maybe[list[Uuid4]] = None
    tag_ids: list[Uuid4] | None = None

    def asked(self) -> Filters:
        """The body in our words."""
        fields = type(self).model_fields
        flat = {fields[n].alias or n: getattr(self, n) for n in self.model_fields_set if n != "filter"}
        if isinstance(flat.get("checksum"), str):
            flat["checksum"] = sha1_from_text(flat["checksum"]) or b""  # what is no SHA-1 finds nothing
        return filters(flat, self._tree())

    def _tree(self) -> dict[str, Any] | None:
        return None


class Counted(Flat):
    """A search that also takes a tree of conditions."""

    filter: Maybe[Filter] = None

    def _tree(self) -> dict[str, Any] | None:
        return self.filter.tree() if self.filter else None


class Shown(Counted):
    """A search whose answer is assets: which of them, and what of each."""

    with_deleted: Maybe[bool] = None
    with_stacked: Maybe[bool] = None
    with_exif: Maybe[bool] = None
    with_people: Maybe[bool] = None


class MetadataSearch(Shown):
    """The body of /search/metadata."""

    id: Maybe[Uuid4] = None
    checksum: Maybe[str] = None
    original_file_name: Maybe[str] = None
    original_path: Maybe[str] = None
    description: Maybe[str] = None
    encoded_video_path: Maybe[str] = None
    preview_path: Maybe[str] = None
    thumbnail_path: Maybe[str] = None
    order: Maybe[Literal["asc", "desc"]] = None
    order_by: Maybe[SearchOrder] = None
    page: Maybe[Annotated[Int, Field(ge=1)]] = None
    size: Maybe[Annotated[Int, Field(ge=1, le=1000)]] = None
    cursor: Maybe[str] = None

    def sorted_by(self) -> Order:
        """`orderBy` when it was sent, else the older `order`."""
        if self.order_by is not None:
            return Order(self.order_by.field or "fileCreatedAt", self.order_by.direction != "asc")
        return Order(newest_first=self.order != "asc")


class StatisticsSearch(Counted):
    """The body of /search/statistics."""

    description: Maybe[str] = None


class RandomSearch(Shown):
    """The body of /search/random."""

    size: Maybe[Annotated[Int, Field(ge=1, le=1000)]] = None


class SmartSearch(Shown):
    """The body of /search/smart."""

    query: Maybe[str] = None
    query_asset_id: Maybe[Uuid4] = None
    language: Maybe[str] = None
    page: Maybe[Annotated[Int, Field(ge=1)]] = None
    size: Maybe[Annotated[Int, Field(ge=1, le=1000)]] = None


class LargeAssets(Flat):
    """The query of /search/large-assets, where everything is text."""

    min_file_size: Maybe[Annotated[QueryInt, Field(ge=0)]] = None
    size: Maybe[Annotated[QueryInt, Field(ge=1, le=1000)]] = None
    is_favorite: Maybe[QueryBool] = None
    is_offline: Maybe[QueryBool] = None
    is_motion: Maybe[QueryBool] = None
    is_encoded: Maybe[QueryBool] = None
    is_not_in_album: Maybe[QueryBool] = None
    with_deleted: Maybe[QueryBool] = None
    with_exif: Maybe[QueryBool] = None
    rating: Maybe[Annotated[QueryInt, Field(ge=1, le=5)]] = None

    def asked(self) -> Filters:
        found = Flat.asked(self)
        larger = Condition("fileSizeInBytes", "gt", self.min_file_size)
        return found if self.min_file_size is None else replace(found, conditions=(*found.conditions, larger))


class Suggestions(Wire):
    """The query of /search/suggestions."""

    type: Literal["country", "state", "city", "camera-make", "camera-model", "camera-lens-model"]
    country: Maybe[str] = None
    state: Maybe[str] = None
    make: Maybe[str] = None
    model: Maybe[str] = None
    lens_model: Maybe[str] = None
    include_null: Maybe[QueryBool] = None


class PersonName(Wire):
    """The query of /search/person."""

    name: str
    with_hidden: Maybe[QueryBool] = None


class PlaceName(Wire):
    """The query of /search/places."""

    name: str


class Place(Wire):
    """A place of the world. `admin1name`: its state, where that is known; our tables know no districts."""

    name: str
    latitude: float
    longitude: float
    admin1name: Maybe[str] = Field(None, alias="admin1name")
    admin2name: Maybe[str] = Field(None, alias="admin2name")


def place(found: Found) -> Place:
    """What is not known is left out."""
    keys: dict[str, Any] = {} if found.admin1 is None else {"admin1name": found.admin1}
    return Place(name=found.name, latitude=found.latitude, longitude=found.longitude, **keys)


class Explore(Wire):
    value: str
    data: Asset


class Explored(Wire):
    """One way to begin: a field, and some of its values with a photo each."""

    field_name: str
    items: list[Explore]


class Total(Wire):
    total: int


class FacetCount(Wire):
    count: int
    value: str


class Facet(Wire):
    """How many were found of each value of a field. Published, and always an empty list."""

    field_name: str
    counts: list[FacetCount]


class Albums(Wire):
    """Kept for clients that expect it; albums are not searched here."""

    total: int
    count: int
    items: list[dict[str, Any]]
    facets: list[Facet]


class FoundAssets(Wire):
    """A page. `total` and `count` are both the length of this page."""

    total: int
    count: int
    items: list[Asset]
    facets: list[Facet]
    next_page: str | None
    next_cursor: str | None


class SearchAnswer(Wire):
    albums: Albums
    assets: FoundAssets
