"""Shapes of people, their preferences and their days."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from calotype.accounts.user import Tree, User
from calotype.accounts.users import NewPerson
from calotype.wire.base import (
    AvatarColor,
    Email,
    Int,
    IsoDate,
    IsoDateTime,
    Maybe,
    PinCode,
    QueryBool,
    Uuid4,
    Wire,
    custom,
)

Bytes = Annotated[Int, Field(ge=0)]
Positive = Annotated[Int, Field(ge=1)]
LicenseText = Annotated[str, Field(pattern=r"^IM(SV|CL)(-[0-9A-Za-z]{4}){8}$")]


class License(Wire):
    """A supporter's licence."""

    license_key: LicenseText
    activation_key: str
    activated_at: IsoDateTime


class LicenseKey(Wire):
    """A licence to be activated."""

    license_key: LicenseText
    activation_key: str


class UserResponse(Wire):
    """What everybody may see of a person."""

    id: Uuid4
    email: Email
    name: str
    profile_image_path: str
    avatar_color: AvatarColor
    profile_changed_at: IsoDateTime


class UserAdminResponse(UserResponse):
    """What a person and administrators see."""

    storage_label: str | None
    should_change_password: bool
    is_admin: bool
    created_at: IsoDateTime
    deleted_at: IsoDateTime | None
    updated_at: IsoDateTime
    oauth_id: str
    quota_size_in_bytes: Int | None
    quota_usage_in_bytes: Int | None
    status: Literal["active", "removing", "deleted"]
    license: License | None
    cluster_group_id: Uuid4


def _public(user: User, data: Path) -> dict[str, Any]:
    return {
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "profile_image_path": str(data / user.profile_path) if user.profile_path else "",
        "avatar_color": user.avatar_color,
        "profile_changed_at": user.profile_changed_at,
    }


def public(user: User, data: Path) -> UserResponse:
    """A person as everybody sees them. `data`: the data folder, in which pictures lie."""
    return UserResponse(**_public(user, data))


def full(user: User, data: Path) -> UserAdminResponse:
    """A person as they and administrators see them."""
    return UserAdminResponse(
        **_public(user, data),
        storage_label=user.storage_label,
        should_change_password=user.should_change_password,
        is_admin=user.is_admin,
        created_at=user.created_at,
        deleted_at=user.deleted_at,
        updated_at=user.updated_at,
        oauth_id=user.oauth_id,
        quota_size_in_bytes=user.quota_bytes,
        quota_usage_in_bytes=user.usage_bytes,
        status=user.status,
        license=License.model_validate(user.license) if user.license else None,
        cluster_group_id=user.cluster_group_id,
    )


class UserUpdateMe(Wire):
    """What one may change of oneself."""

    email: Maybe[Email] = None
    name: Maybe[str] = None
    avatar_color: AvatarColor | None = Field(None, description="`null`: the colour that follows from the e-mail")
    password: Maybe[str] = None


class UserAdminUpdate(UserUpdateMe):
    """What an administrator may change of anybody."""

    pin_code: PinCode | None = None
    storage_label: str | None = None
    quota_size_in_bytes: Bytes | None = None
    should_change_password: Maybe[bool] = None
    is_admin: Maybe[bool] = None


class UserAdminCreate(Wire):
    """A new person."""

    email: Email
    password: str
    name: str
    avatar_color: AvatarColor | None = None
    pin_code: PinCode | None = None
    storage_label: str | None = None
    quota_size_in_bytes: Bytes | None = None
    should_change_password: Maybe[bool] = None
    notify: Maybe[bool] = None
    is_admin: Maybe[bool] = None


def new(asked: UserAdminCreate) -> NewPerson:
    """What was asked for, under our names."""
    return NewPerson(
        email=asked.email,
        name=asked.name,
        password=asked.password,
        pin=asked.pin_code,
        is_admin=bool(asked.is_admin),
        should_change_password=asked.should_change_password is not False,
        storage_label=asked.storage_label,
        avatar_color=asked.avatar_color,
        quota_bytes=asked.quota_size_in_bytes,
    )


class UserAdminDelete(Wire):
    """How to remove a person."""

    force: Maybe[bool] = None


class UserAdminSearch(Wire):
    """Whom to list."""

    with_deleted: Maybe[QueryBool] = None
    id: Maybe[Uuid4] = None


OURS = {
    "avatar_color": "chosen_color",
    "pin_code": "pin",
    "quota_size_in_bytes": "quota_bytes",
}


def changes(asked: UserUpdateMe) -> Any:
    """What was sent, under our names; what was not sent is not there."""
    return {OURS.get(name, name): getattr(asked, name) for name in asked.model_fields_set}


class ProfileImageResponse(Wire):
    """A profile picture that was just chosen."""

    user_id: Uuid4
    profile_image_path: str
    profile_changed_at: IsoDateTime


class Onboarding(Wire):
    """Whether a person has seen the first steps."""

    is_onboarded: bool


# Preferences: every group both whole (in answers) and partial (in changes) ---------------------------------------------

Order = Literal["asc", "desc"]


class Albums(Wire):
    default_asset_order: Order


class Section(Wire):
    """A part of the web that can be switched on, and shown at the side."""

    enabled: bool
    sidebar_web: bool


class Memories(Section):
    duration: Positive


class People(Section):
    minimum_faces: Positive


class Ratings(Wire):
    enabled: bool


class EmailNotifications(Wire):
    enabled: bool
    album_invite: bool
    album_update: bool


class Download(Wire):
    archive_size: Positive
    include_embedded_videos: bool


class Purchase(Wire):
    show_support_badge: bool
    hide_buy_button_until: str


class Cast(Wire):
    g_cast_enabled: bool


class RecentlyAdded(Wire):
    sidebar_web: bool


class Preferences(Wire):
    """The whole tree."""

    albums: Albums
    folders: Section
    memories: Memories
    people: People
    shared_links: Section
    ratings: Ratings
    tags: Section
    email_notifications: EmailNotifications
    download: Download
    purchase: Purchase
    cast: Cast
    recently_added: RecentlyAdded


class AlbumsUpdate(Wire):
    default_asset_order: Maybe[Order] = None


class SectionUpdate(Wire):
    enabled: Maybe[bool] = None
    sidebar_web: Maybe[bool] = None


class MemoriesUpdate(SectionUpdate):
    duration: Maybe[Positive] = None


class PeopleUpdate(SectionUpdate):
    minimum_faces: Maybe[Positive] = None


class RatingsUpdate(Wire):
    enabled: Maybe[bool] = None


class EmailNotificationsUpdate(Wire):
    enabled: Maybe[bool] = None
    album_invite: Maybe[bool] = None
    album_update: Maybe[bool] = None


class DownloadUpdate(Wire):
    archive_size: Maybe[Positive] = None
    include_embedded_videos: Maybe[bool] = None


class PurchaseUpdate(Wire):
    show_support_badge: Maybe[bool] = None
    hide_buy_button_until: Maybe[str] = None


class CastUpdate(Wire):
    g_cast_enabled: Maybe[bool] = None


class RecentlyAddedUpdate(Wire):
    sidebar_web: Maybe[bool] = None


class AvatarUpdate(Wire):
    color: Maybe[AvatarColor] = None


class PreferencesUpdate(Wire):
    """A part of the tree, to be laid over it."""

    albums: Maybe[AlbumsUpdate] = None
    folders: Maybe[SectionUpdate] = None
    memories: Maybe[MemoriesUpdate] = None
    people: Maybe[PeopleUpdate] = None
    shared_links: Maybe[SectionUpdate] = None
    ratings: Maybe[RatingsUpdate] = None
    tags: Maybe[SectionUpdate] = None
    email_notifications: Maybe[EmailNotificationsUpdate] = None
    download: Maybe[DownloadUpdate] = None
    purchase: Maybe[PurchaseUpdate] = None
    cast: Maybe[CastUpdate] = None
    recently_added: Maybe[RecentlyAddedUpdate] = None
    avatar: Maybe[AvatarUpdate] = None

    def tree(self) -> Tree:
        """What was sent, under the contract's names."""
        return self.model_dump(by_alias=True, exclude_unset=True)


# Heat map --------------------------------------------------------------------------------------------------------------


MOST_DAYS = 366 * 200  # photography is younger; without a bound one request could ask for millions of days


class Days(Wire):
    """Which days to count."""

    from_: Maybe[IsoDate] = Field(None, alias="from")
    to: Maybe[IsoDate] = None
    type: Literal["Upload", "Taken"] = "Upload"

    @model_validator(mode="after")
    def _in_order(self) -> "Days":
        if self.from_ and self.to and self.from_ > self.to:
            raise custom("from must be before to", "from")
        if self.from_ and ((self.to or datetime.now(UTC).date()) - self.from_).days > MOST_DAYS:
            raise custom(f"from must be at most {MOST_DAYS} days before to", "from")
        return self


class Day(Wire):
    date: str
    count: Int


class Heatmap(Wire):
    """How many on every day, also on those without any."""

    from_: str = Field(alias="from")
    to: str
    series: list[Day]
    total_count: Int


def heatmap(first: date, last: date, counted: dict[date, int]) -> Heatmap:
    """Fill the days without any."""
    series = [Day(date=day.isoformat(), count=counted.get(day, 0)) for day in _days(first, last)]
    return Heatmap.model_validate(
        {"from": first.isoformat(), "to": last.isoformat(), "series": series, "totalCount": sum(counted.values())}
    )


def _days(first: date, last: date) -> Iterator[date]:
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)
