"""exiftool, asked about the few files that exiv2 cannot read and the lenses it cannot name, where it is installed.

One process a question: a process kept open would answer faster, but outlives a killed parent and spins for ever.
"""

import base64
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from calotype.core.errors import Invalid
from calotype.outside import xmp
from calotype.outside.xmp import Value

TIMEOUT_S = 60

# `#` asks for the number instead of the sentence exiftool makes of it.
_TAGS = (
    *(f"-EXIF:{name}#" for name in ("Orientation", "Rating", "BitsPerSample", "ImageWidth", "ImageHeight")),
    *(f"-EXIF:{name}#" for name in ("ExifImageWidth", "ExifImageHeight", "ISO", "FNumber", "FocalLength")),
    *(f"-EXIF:{name}#" for name in ("ExposureTime", "ColorSpace", "GPSLatitude", "GPSLongitude")),
    *(f"-EXIF:{name}#" for name in ("GPSLatitudeRef", "GPSLongitudeRef", "GPSDateStamp", "GPSTimeStamp")),
    *(f"-EXIF:{name}" for name in ("Make", "Model", "ImageDescription", "DateTimeOriginal", "CreateDate", "LensModel")),
    *(f"-EXIF:{name}" for name in ("SubSecTimeOriginal", "SubSecTimeDigitized")),
    *(f"-EXIF:{name}" for name in ("OffsetTimeOriginal", "OffsetTimeDigitized")),
    *(f"-IPTC:{name}" for name in ("DateCreated", "TimeCreated", "DigitalCreationDate", "DigitalCreationTime")),
    *(f"-IPTC:{name}" for name in ("Caption-Abstract", "Keywords")),
    *(f"-MakerNotes:{name}" for name in ("ContentIdentifier", "MediaGroupUUID", "BurstUUID", "LensType", "LensSpec")),
    *("-Composite:LensID", "-ICC_Profile:ProfileDescription", "-File:ImageWidth#", "-File:ImageHeight#", "-XMP"),
)
_APPLE = ("ContentIdentifier", "MediaGroupUUID", "BurstUUID")


def ask(path: Path, program: str) -> dict[str, Value] | None:
    """The tags of a file under the names `tags.read_tags` uses; `None` when exiftool cannot read it either."""
    answer = _run(program, _TAGS, path)
    if answer is None or set(answer) <= {"SourceFile"}:
        return None
    tags: dict[str, Value] = {}
    for key, value in answer.items():
        group, _, name = key.partition(":")
        if key in ("XMP", "XMP:XMP"):
            tags |= _packet(value)
        elif group == "MakerNotes" and name in _APPLE:
            tags[f"Apple:{name}"] = value
        elif name:
            tags[key] = value
    return tags


def lens(path: Path, program: str) -> str | None:
    """What exiftool calls the lens, from what the maker noted; `None` when it does not know it."""
    answer = _run(program, ("-Composite:LensID",), path) or {}
    value = answer.get("Composite:LensID")
    return value if isinstance(value, str) else None


def _run(program: str, tags: Sequence[str], path: Path) -> dict[str, Value] | None:
    arguments = [program, "-j", "-G0", "-b", "-charset", "filename=utf8", *tags, str(path.absolute())]
    try:
        done = subprocess.run(arguments, capture_output=True, timeout=TIMEOUT_S, check=False)  # noqa: S603 — no shell
        answer = json.loads(done.stdout or b"[]")
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return None
    return {key: _value(value) for key, value in answer[0].items()} if answer else None


def _value(value: object) -> Value:
    if isinstance(value, list):
        return [_value(item) for item in value]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return str(value)


def _packet(value: Value) -> dict[str, Value]:
    text = value if isinstance(value, str) else ""
    packet = base64.b64decode(text.removeprefix("base64:")) if text.startswith("base64:") else text.encode()
    try:
        return {f"XMP-{name}": found for name, found in xmp.read(packet).items()}
    except Invalid:
        return {}
