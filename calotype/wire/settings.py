"""The settings tree on the wire. Its models are made from the tree itself, so that nothing is declared twice."""

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Annotated, Any, cast, get_args, get_origin

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, create_model

from calotype.settings import rules
from calotype.settings.settings import (
    Kind,
    Limits,
    Resolution,
    Settings,
    Tree,
    VideoCodec,
    hints,
    key_of,
    limits_of,
    to_tree,
)
from calotype.wire.base import Int, Maybe, Wire, custom, wrong_format, wrong_type


def _boolean(value: Any) -> bool:
    """Forms send "true" and "false"."""
    if value in ("true", "false"):
        return value == "true"
    if not isinstance(value, bool):
        raise wrong_type("boolean", value)
    return value


def _schedule(text: str) -> str:
    fault = rules.cron_fault(text)
    if fault:
        raise custom(fault)
    return text


def _url(text: str) -> str:
    if not rules.is_url(text):
        raise custom("Invalid URL")
    return text


def _clock(text: str) -> str:
    if not re.match(rules.TIME_PATTERN, text):
        sentence = "Invalid input: expected string in HH:MM format, received string"
        raise wrong_format("regex", rules.TIME_PATTERN, sentence)
    return text


def _url_or_nothing(name: str) -> Any:
    def check(text: str) -> str:
        if text and not (rules.is_url(text) and text.startswith(("http://", "https://"))):
            raise custom(f"{name} must be an empty string or a valid URL")
        return text

    return check


CHECKS: dict[Kind, Any] = {
    "cron": Annotated[str, AfterValidator(_schedule)],
    "url": Annotated[str, AfterValidator(_url), WithJsonSchema({"type": "string", "format": "uri"})],
    "clock": Annotated[str, AfterValidator(_clock)],
    "domain": Annotated[str, AfterValidator(_url_or_nothing("External domain"))],
    "issuer": Annotated[str, AfterValidator(_url_or_nothing("Issuer URL"))],
}
SCALARS: dict[Any, Any] = {bool: Annotated[bool, BeforeValidator(_boolean)], int: Int, float: float, str: str}


def _type_of(declared: Any, default: Any, limits: Limits, name: str) -> Any:
    if is_dataclass(default):
        return _model_of(default, f"{name}Settings")
    if isinstance(default, Mapping):
        queues = cast("Mapping[str, int]", default)
        one = create_model("QueueConcurrency", __base__=Wire, concurrency=(Annotated[Int, Field(ge=1)], ...))
        return create_model("JobSettings", __base__=Wire, **dict.fromkeys(queues, (one, ...)))  # pyright: ignore[reportUnknownVariableType, reportCallIssue, reportArgumentType]
    if get_origin(declared) is tuple:
        member = get_args(declared)[0]
        kind: Any = list[SCALARS.get(member, member)]
        return Annotated[kind, Field(min_length=limits.min_items)] if limits.min_items else kind
    is_nullable = type(None) in get_args(declared)
    plain = next(m for m in get_args(declared) if m is not type(None)) if is_nullable else declared
    kind = SCALARS.get(plain, plain)
    if limits.least is not None or limits.most is not None:
        kind = Annotated[kind, Field(ge=limits.least, le=limits.most)]
    if limits.kind:
        kind = CHECKS[limits.kind]
    return kind | None if is_nullable else kind


def _model_of(branch: Any, name: str) -> type[Wire]:
    found: dict[str, Any] = {}
    types = hints(branch.__class__)
    for each in fields(branch):
        limits = limits_of(each)
        title = "".join(word.capitalize() for word in each.name.split("_"))
        kind = _type_of(types[each.name], getattr(branch, each.name), limits, f"{name.removesuffix('Settings')}{title}")
        found[each.name] = (
            (Maybe[kind], Field(None, alias=key_of(each))) if limits.optional else (kind, Field(alias=key_of(each)))
        )
    return create_model(name, __base__=Wire, **found)


SettingsTree = _model_of(Settings(), "Settings")


Uri = Annotated[str, WithJsonSchema({"type": "string", "format": "uri"})]


class OauthForAll(Wire):
    auto_launch: bool
    button_text: str
    enabled: bool


class Enabled(Wire):
    enabled: bool


class Sized(Wire):
    size: int


class PublicServer(Wire):
    login_page_message: str


class PublicTheme(Wire):
    custom_css: str


class PublicConfig(Wire):
    """What anybody may know, to draw the login page."""

    oauth: OauthForAll
    password_login: Enabled
    server: PublicServer
    theme: PublicTheme


class UserServer(Wire):
    external_domain: str
    login_page_message: str
    public_users: bool


class RealtimeForUsers(Wire):
    enabled: bool
    resolutions: list[Resolution]
    video_codecs: list[VideoCodec]


class FfmpegForUsers(Wire):
    realtime: RealtimeForUsers


class ImageForUsers(Wire):
    fullsize: Enabled
    preview: Sized
    thumbnail: Sized


class FacesForUsers(Wire):
    enabled: bool
    min_faces: int


class LearningForUsers(Wire):
    clip: Enabled
    duplicate_detection: Enabled
    enabled: bool
    facial_recognition: FacesForUsers
    ocr: Enabled


class MapForUsers(Wire):
    dark_style: Uri
    enabled: bool
    light_style: Uri


class TrashForUsers(Wire):
    days: int
    enabled: bool


class UserForUsers(Wire):
    delete_delay: int


class UserConfig(PublicConfig):
    """What every user may know."""

    ffmpeg: FfmpegForUsers
    image: ImageForUsers
    machine_learning: LearningForUsers
    map: MapForUsers
    reverse_geocoding: Enabled
    server: UserServer  # pyright: ignore[reportIncompatibleVariableOverride] — users see more of it
    trash: TrashForUsers
    user: UserForUsers


class TemplateOptions(Wire):
    """What may be written in a storage template."""

    day_options: list[str]
    hour_options: list[str]
    minute_options: list[str]
    month_options: list[str]
    preset_options: list[str]
    second_options: list[str]
    week_options: list[str]
    year_options: list[str]


def tree(settings: Settings) -> Tree:
    """The whole tree, as JSON."""
    return to_tree(settings)


def for_everybody(settings: Settings) -> PublicConfig:
    """Only what the login page needs."""
    return PublicConfig.model_validate(to_tree(settings))


def for_users(settings: Settings) -> UserConfig:
    """Only what users' clients need."""
    return UserConfig.model_validate(to_tree(settings))
