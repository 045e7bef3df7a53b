"""The settings tree: what an administrator may change while we run, with its defaults and limits.

Attribute names are ours (snake case); `spelled` gives the published key where camel case alone does not. Limits are
kept beside the value, so that the wire and the documentation read them from here.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from types import MappingProxyType
from typing import Any, Literal, cast, get_type_hints

from calotype.core.jobs import FIXED, QUEUES

Tree = dict[str, Any]
Kind = Literal["cron", "url", "clock", "domain", "issuer"]

VideoCodec = Literal["h264", "hevc", "vp9", "av1"]
AudioCodec = Literal["mp3", "aac", "opus", "pcm_s16le"]
Container = Literal["mov", "mp4", "ogg", "webm"]
ImageFormat = Literal["jpeg", "webp"]
Resolution = Literal[480, 720, 1080, 1440, 2160]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a value must satisfy. `kind` names a rule of `settings/rules.py`."""

    least: float | None = None
    most: float | None = None
    kind: Kind | None = None
    min_items: int = 0
    spelled: str | None = None
    optional: bool = False  # a key that older clients do not send


NONE = Limits()


def _is(default: Any, **limits: Any) -> Any:
    return field(default=default, metadata={"limits": Limits(**limits)})


@dataclass(frozen=True, slots=True)
class BackupDatabase:
    enabled: bool = True
    cron_expression: str = _is("0 02 * * *", kind="cron")
    keep_last_amount: int = _is(14, least=1)


@dataclass(frozen=True, slots=True)
class Backup:
    database: BackupDatabase = BackupDatabase()


@dataclass(frozen=True, slots=True)
class Realtime:
    enabled: bool = False
    video_codecs: tuple[VideoCodec, ...] = ("h264", "hevc")
    resolutions: tuple[Resolution, ...] = (480, 720, 1080)


@dataclass(frozen=True, slots=True)
class Ffmpeg:
    crf: int = _is(23, least=0, most=51)
    threads: int = _is(0, least=0)
    preset: str = "ultrafast"
    target_video_codec: VideoCodec = "h264"
    accepted_video_codecs: tuple[VideoCodec, ...] = ("h264",)
    target_audio_codec: AudioCodec = "aac"
    accepted_audio_codecs: tuple[AudioCodec, ...] = ("aac", "mp3", "opus")
    accepted_containers: tuple[Container, ...] = ("mov", "ogg", "webm")
    target_resolution: str = "720"
    max_bitrate: str = "0"
    bframes: int = _is(-1, least=-1, most=16)
    refs: int = _is(0, least=0, most=6)
    gop_size: int = _is(0, least=0)
    temporal_aq: bool = _is(False, spelled="temporalAQ")
    cq_mode: Literal["auto", "cqp", "icq"] = "auto"
    two_pass: bool = False
    preferred_hw_device: str = "auto"
    transcode: Literal["all", "optimal", "bitrate", "required", "disabled"] = "required"
    tonemap: Literal["hable", "mobius", "reinhard", "disabled"] = "hable"
    accel: Literal["nvenc", "qsv", "vaapi", "rkmpp", "disabled"] = "disabled"
    accel_decode: bool = True
    realtime: Realtime = Realtime()


@dataclass(frozen=True, slots=True)
class Scheduled:
    enabled: bool = True
    cron_expression: str = _is("0 03 * * *", kind="cron")


@dataclass(frozen=True, slots=True)
class ChecksumFiles:
    enabled: bool = True
    cron_expression: str = _is("0 03 * * *", kind="cron")
    time_limit: int = _is(3_600_000, least=0)  # milliseconds
    percentage_limit: float = _is(1, least=0, most=1)


@dataclass(frozen=True, slots=True)
class IntegrityChecks:
    missing_files: Scheduled = Scheduled()
    untracked_files: Scheduled = Scheduled()
    checksum_files: ChecksumFiles = ChecksumFiles()


@dataclass(frozen=True, slots=True)
class Logging:
    enabled: bool = True
    level: Literal["verbose", "debug", "log", "warn", "error", "fatal"] = "log"


@dataclass(frozen=True, slots=True)
class AvailabilityChecks:
    enabled: bool = True
    timeout: int = 2000  # milliseconds
    interval: int = 30_000  # milliseconds


@dataclass(frozen=True, slots=True)
class Clip:
    enabled: bool = True
    model_name: str = "ViT-B-32__openai"


@dataclass(frozen=True, slots=True)
class DuplicateDetection:
    enabled: bool = True
    max_distance: float = _is(0.01, least=0.001, most=0.1)


@dataclass(frozen=True, slots=True)
class FacialRecognition:
    enabled: bool = True
    model_name: str = "buffalo_l"
    min_score: float = _is(0.7, least=0.1, most=1)
    max_distance: float = _is(0.5, least=0.1, most=2)
    min_faces: int = _is(3, least=1)
    # Ours. `average`: alike on average with all pictures of somebody; `neighbours`: the published rule, whose `maxDistance`
    # has no meaning for the other.
    clustering: Literal["average", "neighbours"] = _is("average", optional=True)


@dataclass(frozen=True, slots=True)
class Ocr:
    enabled: bool = True
    model_name: str = "PP-OCRv6_small"  # comes with the inference service: text is found on a machine without internet
    min_detection_score: float = _is(0.5, least=0.1, most=1)
    min_recognition_score: float = _is(0.8, least=0.1, most=1)
    max_resolution: int = _is(736, least=1)


@dataclass(frozen=True, slots=True)
class MachineLearning:
    enabled: bool = True
    urls: tuple[str, ...] = _is(("http://immich-machine-learning:3003",), min_items=1)
    availability_checks: AvailabilityChecks = AvailabilityChecks()
    clip: Clip = Clip()
    duplicate_detection: DuplicateDetection = DuplicateDetection()
    facial_recognition: FacialRecognition = FacialRecognition()
    ocr: Ocr = Ocr()

    @property
    def steps(self) -> tuple[str, ...]:
        """What is to be seen in each picture: `embedding`, `faces`, `text`; nothing while machine learning is off."""
        switches = {"embedding": self.clip.enabled, "faces": self.facial_recognition.enabled, "text": self.ocr.enabled}
        return tuple(step for step, is_on in switches.items() if is_on and self.enabled)


@dataclass(frozen=True, slots=True)
class Map:
    enabled: bool = True
    light_style: str = _is("https://tiles.immich.cloud/v1/style/light.json", kind="url")
    dark_style: str = _is("https://tiles.immich.cloud/v1/style/dark.json", kind="url")


@dataclass(frozen=True, slots=True)
class Switch:
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class MetadataFaces:
    import_: bool = _is(False, spelled="import")


@dataclass(frozen=True, slots=True)
class Metadata:
    faces: MetadataFaces = MetadataFaces()


@dataclass(frozen=True, slots=True)
class Oauth:
    auto_launch: bool = False
    auto_register: bool = True
    button_text: str = "Login with OAuth"
    client_id: str = ""
    client_secret: str = ""
    default_storage_quota: int | None = _is(None, least=0)
    enabled: bool = False
    issuer_url: str = _is("", kind="issuer")
    end_session_endpoint: str = ""
    account_management_url: str = _is("", optional=True)
    mobile_override_enabled: bool = False
    mobile_redirect_uri: str = ""
    prompt: str = ""
    scope: str = "openid email profile"
    signing_algorithm: str = "RS256"
    profile_signing_algorithm: str = "none"
    storage_label_claim: str = "preferred_username"
    storage_quota_claim: str = "immich_quota"
    role_claim: str = "immich_role"
    token_endpoint_auth_method: Literal["client_secret_post", "client_secret_basic"] = "client_secret_post"  # noqa: S105 — the name of a method
    timeout: int = _is(30_000, least=1)  # milliseconds
    allow_insecure_requests: bool = False


@dataclass(frozen=True, slots=True)
class StorageTemplate:
    enabled: bool = False
    hash_verification_enabled: bool = True
    template: str = "{{y}}/{{y}}-{{MM}}-{{dd}}/{{filename}}"


@dataclass(frozen=True, slots=True)
class Rendition:
    """How a preview or thumbnail is made. `size`: its shorter side in pixels."""

    format: ImageFormat = "jpeg"
    size: int = _is(1440, least=1)
    quality: int = _is(80, least=1, most=100)
    progressive: bool = _is(False, optional=True)


@dataclass(frozen=True, slots=True)
class Fullsize:
    enabled: bool = False
    format: ImageFormat = "jpeg"
    quality: int = _is(80, least=1, most=100)
    progressive: bool = _is(False, optional=True)


@dataclass(frozen=True, slots=True)
class Image:
    thumbnail: Rendition = Rendition("webp", 250)
    preview: Rendition = Rendition()
    colorspace: Literal["srgb", "p3"] = "p3"
    extract_embedded: bool = False
    fullsize: Fullsize = Fullsize()


@dataclass(frozen=True, slots=True)
class NewVersionCheck:
    enabled: bool = True
    channel: Literal["stable", "releaseCandidate"] = "stable"


@dataclass(frozen=True, slots=True)
class NightlyTasks:
    start_time: str = _is("00:00", kind="clock")
    database_cleanup: bool = True
    generate_memories: bool = True
    sync_quota_usage: bool = True
    missing_thumbnails: bool = True
    cluster_new_faces: bool = True


@dataclass(frozen=True, slots=True)
class Trash:
    enabled: bool = True
    days: int = _is(30, least=0)


@dataclass(frozen=True, slots=True)
class Theme:
    custom_css: str = ""


@dataclass(frozen=True, slots=True)
class LibraryScan:
    enabled: bool = True
    cron_expression: str = _is("0 0 * * *", kind="cron")


@dataclass(frozen=True, slots=True)
class Library:
    scan: LibraryScan = LibraryScan()
    watch: Switch = Switch(enabled=False)


@dataclass(frozen=True, slots=True)
class Server:
    external_domain: str = _is("", kind="domain")
    login_page_message: str = ""
    public_users: bool = True


@dataclass(frozen=True, slots=True)
class SmtpTransport:
    ignore_cert: bool = False
    host: str = ""
    port: int = _is(587, least=0, most=65535)
    secure: bool = False
    username: str = ""
    password: str = ""


@dataclass(frozen=True, slots=True)
class Smtp:
    enabled: bool = False
    from_: str = _is("", spelled="from")
    reply_to: str = ""
    transport: SmtpTransport = SmtpTransport()


@dataclass(frozen=True, slots=True)
class Notifications:
    smtp: Smtp = Smtp()


@dataclass(frozen=True, slots=True)
class EmailTemplates:
    welcome_template: str = ""
    album_invite_template: str = ""
    album_update_template: str = ""


@dataclass(frozen=True, slots=True)
class Templates:
    email: EmailTemplates = EmailTemplates()


@dataclass(frozen=True, slots=True)
class User:
    delete_delay: int = _is(7, least=1)  # days


def _concurrency() -> Mapping[str, int]:
    return MappingProxyType({queue: jobs for queue, jobs in QUEUES.items() if queue not in FIXED})


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole tree. `job`: jobs at a time per queue, without the queues that always run one by one."""

    backup: Backup = Backup()
    ffmpeg: Ffmpeg = Ffmpeg()
    integrity_checks: IntegrityChecks = IntegrityChecks()
    job: Mapping[str, int] = field(default_factory=_concurrency)
    logging: Logging = Logging()
    machine_learning: MachineLearning = MachineLearning()
    map: Map = Map()
    reverse_geocoding: Switch = Switch()
    metadata: Metadata = Metadata()
    oauth: Oauth = Oauth()
    password_login: Switch = Switch()
    storage_template: StorageTemplate = StorageTemplate()
    image: Image = Image()
    new_version_check: NewVersionCheck = NewVersionCheck()
    nightly_tasks: NightlyTasks = NightlyTasks()
    trash: Trash = Trash()
    theme: Theme = Theme()
    library: Library = Library()
    server: Server = Server()
    notifications: Notifications = Notifications()
    templates: Templates = Templates()
    user: User = User()


def limits_of(each: "dataclasses.Field[Any]") -> Limits:
    """The limits a field was declared with."""
    return each.metadata.get("limits", NONE)


def key_of(each: "dataclasses.Field[Any]") -> str:
    """A field's published key."""
    head, *rest = each.name.rstrip("_").split("_")
    return limits_of(each).spelled or head + "".join(word.capitalize() for word in rest)


def to_tree(branch: Any) -> Tree:
    """The published form: nested objects under camel-case keys."""
    tree: Tree = {}
    for each in fields(branch):
        value = getattr(branch, each.name)
        if is_dataclass(value):
            tree[key_of(each)] = to_tree(value)
        elif isinstance(value, Mapping):
            jobs = cast("Mapping[str, int]", value)
            tree[key_of(each)] = {queue: {"concurrency": at_once} for queue, at_once in jobs.items()}
        else:
            tree[key_of(each)] = list(cast("tuple[Any, ...]", value)) if isinstance(value, tuple) else value
    return tree


def from_tree(tree: Tree, default: Settings) -> Settings:
    """`default` with what the tree says. Unknown keys are ignored; an empty text means the default."""
    return _branch(tree, default)


def _branch(tree: Tree, default: Any) -> Any:
    changed: dict[str, Any] = {}
    for each in fields(default):
        key, old = key_of(each), getattr(default, each.name)
        if key not in tree:
            continue
        new = tree[key]
        if is_dataclass(old):
            changed[each.name] = _branch(new, old)
        elif isinstance(old, Mapping):
            jobs = cast("Mapping[str, int]", old)
            changed[each.name] = MappingProxyType(
                {queue: new.get(queue, {}).get("concurrency", at_once) for queue, at_once in jobs.items()}
            )
        elif isinstance(old, tuple):
            changed[each.name] = tuple(new)
        elif not (isinstance(old, str) and new == ""):
            changed[each.name] = new
    return dataclasses.replace(default, **changed)


def difference(tree: Tree, default: Tree) -> Tree:
    """What of `tree` is not as in `default`; lists count as one value."""
    found: Tree = {}
    for key, value in tree.items():
        usual = default.get(key)
        if isinstance(value, dict) and isinstance(usual, dict):
            inner = difference(value, usual)  # pyright: ignore[reportUnknownArgumentType] — JSON objects
            if inner:
                found[key] = inner
        elif value != usual:
            found[key] = value
    return found


def hints(branch: type[Any]) -> dict[str, Any]:
    """The declared type of each field."""
    return get_type_hints(branch)
