"""Shapes of assets as records: upload, information, changes, notes."""

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from calotype.core.tx import Row
from calotype.wire.base import (
    AvatarColor,
    Email,
    Int,
    IsoDateTime,
    Maybe,
    QueryBool,
    Uuid4,
    Wire,
    custom,
    issue,
    refuse,
)
from calotype.wire.people import Person

Visibility = Literal["archive", "timeline", "hidden", "locked"]
AssetType = Literal["IMAGE", "VIDEO", "AUDIO", "OTHER"]
# The steps of processing that may fail for one photo.
Step = Literal["metadata", "previews", "transcode", "sidecar", "checksum", "embedding", "faces", "text"]
AssetJobName = Literal["refresh-faces", "refresh-metadata", "regenerate-thumbnail", "transcode-video"]

NO_ZERO = "Rating must be -1 (rejected), 1–5 (starred), or null (unrated); 0 is not valid"


def _rating(value: int | None) -> int | None:
    if value == 0:
        raise custom(NO_ZERO)
    return value


Rating = Annotated[Annotated[Int, Field(ge=-1, le=5)], AfterValidator(_rating)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]


# Upload -------------------------------------------------------------------------------------------------------------


class MetadataItem(Wire):
    """A client's free JSON object under a key."""

    key: str
    value: dict[str, Any]


def _duration(value: Any) -> int | None:
    # Older clients send `00:00:12.345000`. The file says it better, so what is no plain number is ignored.
    text = str(value).strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0 else None


def _json_text(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise refuse(
            issue("invalid_format", "Invalid input: expected JSON string, received string", format="json")
        ) from error


Binary = Annotated[bytes, WithJsonSchema({"type": "string", "format": "binary"})]


class UploadFields(Wire):
    """The text parts of an upload. Legacy fields (deviceAssetId, deviceId, …) are ignored."""

    file_created_at: IsoDateTime
    file_modified_at: IsoDateTime
    filename: Maybe[str] = None
    duration: Annotated[int | None, BeforeValidator(_duration)] = None
    is_favorite: Maybe[QueryBool] = None
    visibility: Maybe[Visibility] = None
    live_photo_video_id: Maybe[Uuid4] = None
    metadata: Annotated[list[MetadataItem], BeforeValidator(_json_text)] = Field(default_factory=list[MetadataItem])


class UploadForm(UploadFields):
    """The whole multipart body of an upload, for the document: files are streamed, never validated."""

    asset_data: Binary
    sidecar_data: Binary | None = None


class Uploaded(Wire):
    """Which asset now stands for the bytes."""

    id: Uuid4
    status: Literal["created", "duplicate"]


class CheckItem(Wire):
    """A file that might be sent. `id` is the client's own name for it; `checksum` its SHA-1 in hex or base64."""

    id: str
    checksum: str


class Check(Wire):
    """Which of these files do you have?"""

    assets: list[CheckItem]


class CheckResult(Wire):
    """Send it, or do not bother."""

    id: str
    action: Literal["accept", "reject"]
    reason: Maybe[Literal["duplicate", "unsupported-format"]] = None
    asset_id: Maybe[Uuid4] = None
    is_trashed: Maybe[bool] = None


class Checked(Wire):
    """In the order of the question."""

    results: list[CheckResult]


# Information --------------------------------------------------------------------------------------------------------


class UserBrief(Wire):
    """A person, as others see them."""

    id: Uuid4
    email: Email
    name: str
    profile_image_path: str
    avatar_color: AvatarColor
    profile_changed_at: IsoDateTime


class Exif(Wire):
    """What the file says of itself."""

    make: str | None = None
    model: str | None = None
    exif_image_width: int | None = None
    exif_image_height: int | None = None
    file_size_in_byte: int | None = None
    orientation: str | None = None
    date_time_original: IsoDateTime | None = None
    modify_date: IsoDateTime | None = None
    time_zone: str | None = None
    lens_model: str | None = None
    f_number: float | None = None
    focal_length: float | None = None
    iso: int | None = None
    exposure_time: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    city: str | None = None
    state: str | None = None
    country: str | None = None
    description: str | None = None
    projection_type: str | None = None
    rating: int | None = None


class Tag(Wire):
    """A hierarchical tag."""

    id: Uuid4
    name: str
    value: str
    color: Maybe[str] = None
    parent_id: Maybe[str] = None
    created_at: IsoDateTime
    updated_at: IsoDateTime


class StackBrief(Wire):
    """Several shots behind one face."""

    id: Uuid4
    primary_asset_id: Uuid4
    asset_count: int


class Asset(Wire):
    """A photo or a video. Links that hide metadata show the first ten keys only."""

    id: Uuid4
    type: AssetType
    thumbhash: str | None
    local_date_time: IsoDateTime
    duration: int | None
    has_metadata: bool
    width: int | None
    height: int | None
    original_mime_type: Maybe[str] = None
    live_photo_video_id: str | None = None
    created_at: IsoDateTime
    owner_id: Uuid4
    original_path: str
    original_file_name: str
    file_created_at: IsoDateTime
    file_modified_at: IsoDateTime
    updated_at: IsoDateTime
    is_favorite: bool
    is_archived: bool
    is_trashed: bool
    is_offline: bool
    is_edited: bool
    visibility: Visibility
    checksum: str
    library_id: Uuid4 | None = None
    duplicate_id: Uuid4 | None = None
    resized: Maybe[bool] = None
    owner: Maybe[UserBrief] = None
    exif_info: Maybe[Exif] = None
    tags: Maybe[list[Tag]] = None
    people: Maybe[list[Person]] = None
    stack: StackBrief | None = None


class Statistics(Wire):
    """How many there are."""

    images: int
    videos: int
    total: int


class Problem(Wire):
    """Why something could not be made from a file."""

    step: Step
    reason: str
    attempts: int
    at: IsoDateTime


# Changes ------------------------------------------------------------------------------------------------------------


class _Change(Wire):
    is_favorite: Maybe[bool] = None
    visibility: Maybe[Visibility] = None
    date_time_original: Maybe[str] = None
    latitude: Maybe[Latitude] = None
    longitude: Maybe[Longitude] = None
    rating: Rating | None = None
    description: Maybe[str] = None

    @model_validator(mode="after")
    def _place_is_a_pair(self) -> "_Change":
        if (self.latitude is None) != (self.longitude is None):
            raise custom("Latitude and longitude must be provided together")
        return self


class AssetUpdate(_Change):
    """A change of one asset."""

    live_photo_video_id: Uuid4 | None = None


class AssetsUpdate(_Change):
    """A change of many. `date_time_relative` in minutes."""

    ids: list[Uuid4]
    duplicate_id: Uuid4 | None = None
    date_time_relative: Maybe[Int] = None
    time_zone: Maybe[str] = None

    @model_validator(mode="after")
    def _one_date(self) -> "AssetsUpdate":
        if self.date_time_relative is not None and self.date_time_original is not None:
            raise custom("dateTimeRelative cannot exist alongside dateTimeOriginal")
        return self


class AssetsDelete(Wire):
    """Throw away, or with `force` remove for good."""

    ids: list[Uuid4]
    force: Maybe[bool] = None


class AssetCopy(Wire):
    """What to carry over from one asset to another."""

    source_id: Uuid4
    target_id: Uuid4
    albums: Maybe[bool] = True
    favorite: Maybe[bool] = True
    shared_links: Maybe[bool] = True
    sidecar: Maybe[bool] = True
    stack: Maybe[bool] = True


class AssetJobs(Wire):
    """Work to do again."""

    asset_ids: list[Uuid4]
    name: AssetJobName


class Retry(Wire):
    """Which failed steps to try again; all of them when none is named."""

    steps: Maybe[list[Step]] = None


# Notes --------------------------------------------------------------------------------------------------------------


class MetadataUpsert(Wire):
    """Notes to write on one asset."""

    items: list[MetadataItem]


class Metadata(Wire):
    """A note as it stands."""

    key: str
    value: dict[str, Any]
    updated_at: IsoDateTime


class BulkMetadataItem(Wire):
    """A note for one of many assets."""

    asset_id: Uuid4
    key: str
    value: dict[str, Any]


class BulkMetadataUpsert(Wire):
    """Notes to write on many assets."""

    items: list[BulkMetadataItem]


class BulkMetadata(Wire):
    """A note on one of many assets as it stands."""

    asset_id: Uuid4
    key: str
    value: dict[str, Any]
    updated_at: IsoDateTime


class MetadataKey(Wire):
    """Which note of which asset."""

    asset_id: Uuid4
    key: str


class BulkMetadataDelete(Wire):
    """Notes to remove."""

    items: list[MetadataKey]


# Text in pictures ---------------------------------------------------------------------------------------------------


class TextLine(Wire):
    """A line of text. Corners as shares of the picture, clockwise from the top left."""

    id: Uuid4
    asset_id: Uuid4
    x1: float
    y1: float
    x2: float
    y2: float
    x3: float
    y3: float
    x4: float
    y4: float
    box_score: float
    text_score: float
    text: str


def text_line(row: Row) -> TextLine:
    """A row of `text_line`."""
    names = ("x1", "y1", "x2", "y2", "x3", "y3", "x4", "y4")
    return TextLine(
        id=row["id"],
        asset_id=row["asset_id"],
        box_score=row["box_score"],
        text_score=row["text_score"],
        text=row["text"],
        **dict(zip(names, row["corners"], strict=True)),
    )
