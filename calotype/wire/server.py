"""Shapes of what the server says of itself."""

from typing import Annotated

from pydantic import Field

from calotype.server.about import Space, size_text
from calotype.server.store import Usage
from calotype.wire.base import IsoDateTime, Uuid4, Wire

LICENSE_PATTERN = r"^IM(SV|CL)(-[\dA-Za-z]{4}){8}$"


class Ping(Wire):
    res: str


class Version(Wire):
    major: int
    minor: int
    patch: int
    prerelease: int | None


class VersionOnce(Wire):
    id: Uuid4
    created_at: IsoDateTime
    version: str


class VersionCheck(Wire):
    checked_at: str | None
    release_version: str | None


class About(Wire):
    version: str
    version_url: str
    licensed: bool
    build: str = ""
    build_url: str = ""
    build_image: str = ""
    build_image_url: str = ""
    repository: str = ""
    repository_url: str = ""
    source_ref: str = ""
    source_commit: str = ""
    source_url: str = ""
    nodejs: str = ""
    exiftool: str = ""
    ffmpeg: str = ""
    libvips: str = ""
    imagemagick: str = ""
    third_party_bug_feature_url: str = ""
    third_party_documentation_url: str = ""
    third_party_source_url: str = ""
    third_party_support_url: str = ""


class ApkLinks(Wire):
    arm64v8a: str = Field(alias="arm64v8a")
    armeabiv7a: str = Field(alias="armeabiv7a")
    universal: str
    x86_64: str = Field(alias="x86_64")


class Features(Wire):
    smart_search: bool
    facial_recognition: bool
    duplicate_detection: bool
    map: bool
    reverse_geocoding: bool
    import_faces: bool
    sidecar: bool
    search: bool
    trash: bool
    oauth: bool
    oauth_auto_launch: bool
    ocr: bool
    password_login: bool
    config_file: bool
    email: bool
    realtime_transcoding: bool


class ServerConfig(Wire):
    login_page_message: str
    trash_days: int
    user_delete_delay: int
    oauth_button_text: str
    is_initialized: bool
    is_onboarded: bool
    external_domain: str
    public_users: bool
    map_dark_style_url: str
    map_light_style_url: str
    maintenance_mode: bool
    min_faces: int
    oauth_account_management_url: str = ""


class Storage(Wire):
    disk_available: str
    disk_size: str
    disk_use: str
    disk_available_raw: int
    disk_size_raw: int
    disk_use_raw: int
    disk_usage_percentage: float


def storage(space: Space) -> Storage:
    """Room on the media volume, in bytes and in words."""
    return Storage(
        disk_available=size_text(space.available),
        disk_size=size_text(space.size),
        disk_use=size_text(space.used),
        disk_available_raw=space.available,
        disk_size_raw=space.size,
        disk_use_raw=space.used,
        disk_usage_percentage=space.used_percent,
    )


class UsageOfUser(Wire):
    user_id: Uuid4
    user_name: str
    photos: int
    videos: int
    usage: int
    usage_photos: int
    usage_videos: int
    quota_size_in_bytes: int | None


class Statistics(Wire):
    photos: int
    videos: int
    usage: int
    usage_photos: int
    usage_videos: int
    usage_by_user: list[UsageOfUser]


def statistics(usage: list[Usage]) -> Statistics:
    """Everybody's usage, and its sums."""
    sums = {
        name: sum(getattr(each, name) for each in usage)
        for name in ("photos", "videos", "usage", "usage_photos", "usage_videos")
    }
    return Statistics(**sums, usage_by_user=[UsageOfUser.model_validate(each) for each in usage])


class MediaTypes(Wire):
    video: list[str]
    image: list[str]
    sidecar: list[str]


class LicenseKey(Wire):
    license_key: Annotated[str, Field(pattern=LICENSE_PATTERN)]
    activation_key: str


class License(Wire):
    """Shape only: nobody can hold one here."""

    license_key: str
    activation_key: str
    activated_at: IsoDateTime


class Onboarding(Wire):
    is_onboarded: bool


class ReverseGeocoding(Wire):
    last_update: str | None
    last_import_file_name: str | None


class PartHealth(Wire):
    state: str


class StorageHealth(Wire):
    state: str
    sentence: str | None
    retry_after_seconds: int | None


class Health(Wire):
    status: str
    storage: StorageHealth
    database: PartHealth
    cache: PartHealth
    inference: PartHealth


class Alive(Wire):
    status: str


class Finding(Wire):
    """A line of the doctor."""

    name: str
    ok: bool
    sentence: str


class Activity(Wire):
    """`processing`: steps that photos still wait for."""

    processing: int
