"""Which files are photos, which are videos, and what they are called on the wire. Decided by the extension alone."""

from typing import Literal

UNKNOWN_MIME = "application/octet-stream"

_WEB = {
    ".avif": "image/avif",
    ".bmp": "image/bmp",
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
}
_RAW_NAMES = (
    "3fr ari arw cap cin cr2 cr3 crw dcr dng erf fff iiq k25 kdc mrw nef nrw orf ori pef psd raf raw rw2 rwl sr2 srf "
    "srw x3f"
)
_RAW = {f".{name}": f"image/{name}" for name in _RAW_NAMES.split()}
_OTHER = {
    ".heic": "image/heic",
    ".heif": "image/heif",
    ".hif": "image/hif",
    ".insp": "image/jpeg",
    ".jp2": "image/jp2",
    ".jpe": "image/jpeg",
    ".jxl": "image/jxl",
    ".mpo": "image/jpeg",
    ".svg": "image/svg",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
}
_VIDEO = {
    ".3gp": "video/3gpp",
    ".3gpp": "video/3gpp",
    ".avi": "video/avi",
    ".flv": "video/x-flv",
    ".insv": "video/mp4",
    ".m2t": "video/mp2t",
    ".m2ts": "video/mp2t",
    ".m4v": "video/x-m4v",
    ".mkv": "video/x-matroska",
    ".mov": "video/quicktime",
    ".mp4": "video/mp4",
    ".mpe": "video/mpeg",
    ".mpeg": "video/mpeg",
    ".mpg": "video/mpeg",
    ".mts": "video/mp2t",
    ".mxf": "application/mxf",
    ".ts": "video/mp2t",
    ".vob": "video/mpeg",
    ".webm": "video/webm",
    ".wmv": "video/x-ms-wmv",
}
_SIDECAR = {".xmp": "application/xml"}
_IMAGE = {**_WEB, **_RAW, **_OTHER}
_MIME = {**_IMAGE, **_VIDEO, **_SIDECAR}

# With the dot, lower-case, in the order in which the API lists them.
VIDEO_EXTENSIONS: tuple[str, ...] = tuple(_VIDEO)
IMAGE_EXTENSIONS: tuple[str, ...] = tuple(_IMAGE)
SIDECAR_EXTENSIONS: tuple[str, ...] = tuple(_SIDECAR)

WEB_DISPLAYABLE = frozenset(_WEB)
RAW = frozenset(_RAW)  # psd counts as one: like them it needs a development before anything can show it
HEIF_FAMILY = frozenset({".avif", ".heic", ".heif", ".hif"})  # turned by the container, never by EXIF
POSSIBLY_ANIMATED = frozenset({".avif", ".gif", ".heic", ".heif", ".jxl", ".png", ".webp"})
PROFILE_PICTURES = frozenset({".avif", ".dng", ".heic", ".heif", ".jpeg", ".jpg", ".png", ".webp", ".svg"})
TRANSPARENCY_CAPABLE = frozenset(
    {".avif", ".bmp", ".gif", ".heic", ".heif", ".hif", ".jxl", ".png", ".svg", ".tif", ".tiff", ".webp"}
)

Kind = Literal["IMAGE", "VIDEO"]


def extension_of(name: str) -> str:
    """The last extension with its dot, lower-case; empty when there is none (`.jpg` alone is a hidden file)."""
    last = name.rstrip("/").rpartition("/")[2]
    dot = last.rfind(".")
    return last[dot:].lower() if 0 < dot < len(last) - 1 else ""


def kind_of(name: str) -> Kind | None:
    """What an asset of this file name is, or `None` for a file we do not keep."""
    extension = extension_of(name)
    if extension in _IMAGE:
        return "IMAGE"
    return "VIDEO" if extension in _VIDEO else None


def mime_of(name: str) -> str:
    """The Content-Type of a file of this name."""
    return _MIME.get(extension_of(name), UNKNOWN_MIME)


def is_sidecar(name: str) -> bool:
    """Whether a file of this name describes another one."""
    return extension_of(name) in _SIDECAR


def is_web_displayable(name: str) -> bool:
    """Whether browsers show the original as it is."""
    return extension_of(name) in WEB_DISPLAYABLE
