"""The tags inside a picture file, by ExifTool's names: `EXIF:DateTimeOriginal`, `XMP-dc:description`, `IPTC:Keywords`.

exiv2 reads almost everything in a millisecond, but it is C++ fed with strangers' bytes: call `read_tags` in a process
that may die. What exiv2 refuses goes to exiftool where that is installed, else to Pillow.
"""

# pyexiv2 has no type information; its dictionaries are checked and narrowed here.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import functools
import os
import shutil
import struct
import threading
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

from calotype.core.errors import Invalid
from calotype.outside import headers, xmp
from calotype.outside.xmp import Value

Tags = dict[str, Value]

# exiv2's key → ours. EXIF 2.32 tag names differ in a few places between the two tools.
_EXIF = {
    "Exif.Image.Make": "Make",
    "Exif.Image.Model": "Model",
    "Exif.Image.Orientation": "Orientation",
    "Exif.Image.ImageDescription": "ImageDescription",
    "Exif.PanasonicRaw.Make": "Make",
    "Exif.PanasonicRaw.Model": "Model",
    "Exif.PanasonicRaw.Orientation": "Orientation",
    "Exif.PanasonicRaw.ISOSpeed": "ISO",
    "Exif.Image.Rating": "Rating",
    "Exif.Image.BitsPerSample": "BitsPerSample",
    "Exif.Image.ImageWidth": "ImageWidth",
    "Exif.Image.ImageLength": "ImageHeight",
    "Exif.Photo.PixelXDimension": "ExifImageWidth",
    "Exif.Photo.PixelYDimension": "ExifImageHeight",
    "Exif.Photo.DateTimeOriginal": "DateTimeOriginal",
    "Exif.Image.DateTimeOriginal": "DateTimeOriginal",
    "Exif.Photo.DateTimeDigitized": "CreateDate",
    "Exif.Photo.SubSecTimeOriginal": "SubSecTimeOriginal",
    "Exif.Photo.SubSecTimeDigitized": "SubSecTimeDigitized",
    "Exif.Photo.OffsetTimeOriginal": "OffsetTimeOriginal",
    "Exif.Photo.OffsetTimeDigitized": "OffsetTimeDigitized",
    "Exif.Photo.LensModel": "LensModel",
    "Exif.Photo.ISOSpeedRatings": "ISO",
    "Exif.Image.ISOSpeedRatings": "ISO",
    "Exif.Photo.FNumber": "FNumber",
    "Exif.Image.FNumber": "FNumber",
    "Exif.Photo.FocalLength": "FocalLength",
    "Exif.Image.FocalLength": "FocalLength",
    "Exif.Photo.ExposureTime": "ExposureTime",
    "Exif.Image.ExposureTime": "ExposureTime",
    "Exif.Photo.ColorSpace": "ColorSpace",
    "Exif.GPSInfo.GPSLatitude": "GPSLatitude",
    "Exif.GPSInfo.GPSLatitudeRef": "GPSLatitudeRef",
    "Exif.GPSInfo.GPSLongitude": "GPSLongitude",
    "Exif.GPSInfo.GPSLongitudeRef": "GPSLongitudeRef",
    "Exif.GPSInfo.GPSDateStamp": "GPSDateStamp",
    "Exif.GPSInfo.GPSTimeStamp": "GPSTimeStamp",
}
_IPTC = {
    "Iptc.Application2.DateCreated": "DateCreated",
    "Iptc.Application2.TimeCreated": "TimeCreated",
    "Iptc.Application2.DigitizationDate": "DigitalCreationDate",
    "Iptc.Application2.DigitizationTime": "DigitalCreationTime",
    "Iptc.Application2.Caption": "Caption-Abstract",
    "Iptc.Application2.Keywords": "Keywords",
}
_MAKER_NOTE = "Exif.Photo.MakerNote"
_HAS_NOTE = "MakerNotes:Present"
_LENS_MAKERS = ("canon", "nikon", "pentax", "ricoh", "olympus", "om digital", "sony", "panasonic", "minolta", "leica")

# The XMP toolkit inside exiv2 keeps global state that is not made for threads.
_one_at_a_time = threading.Lock()


def read_tags(path: Path, *, exiftool: str = "") -> Tags:
    """Every tag we have a use for; empty when nothing can be read. Never raises for what the file contains.

    `exiftool` is the path of that program, empty where it is not installed. Numbers are texts as the file has them:
    rationals `1/60`, several values parted by blanks. Sizes (`File:ImageWidth`) are those of the stored pixels;
    `File:Rotation` is the quarter turns anti-clockwise a HEIF container asks for. Raises `OSError` when the file
    cannot be opened.
    """
    tags: Tags = dict(headers.read(path))
    if tags.get("File:Format") == "JXL codestream":  # holds nothing but the picture
        return tags
    read = _with_exiv2(path)
    if read is None and exiftool:
        from calotype.outside.exiftool import ask  # a rare path: perl is not started for what exiv2 can read

        read = ask(path, exiftool)
    elif read and exiftool and _hides_its_lens(read):
        from calotype.outside.exiftool import lens

        if name := lens(path, exiftool):
            read["Composite:LensID"] = name
    if read is None:
        read = _with_pillow(path)
    return {**(read or {}), **tags}


def find_exiftool(configured: str) -> str:
    """The program to use: the configured one, else the one on PATH, else none (empty)."""
    return configured or _on_path(os.environ.get("PATH"))


@functools.cache
def _on_path(_: str | None) -> str:
    """Looked for once: it takes a dozen calls of the system."""
    return shutil.which("exiftool") or ""


def tags_here(source: str, exiftool: str = "") -> Tags:
    """The decoder child's side of `read_tags`."""
    return read_tags(Path(source), exiftool=exiftool)


def _hides_its_lens(tags: Tags) -> bool:
    """Whether a camera with exchangeable lenses wrote only a number that its maker understands."""
    make = str(tags.get("EXIF:Make", "")).lower()
    return _HAS_NOTE in tags and "EXIF:LensModel" not in tags and make.startswith(_LENS_MAKERS)


def _with_exiv2(path: Path) -> Tags | None:
    import pyexiv2

    with _one_at_a_time:
        pyexiv2.set_log_level(4)  # silent: a complaint about one tag must not hide the others
        try:
            with pyexiv2.Image(str(path)) as image:
                exif = _decoded(image.read_exif)
                iptc = _decoded(image.read_iptc)
                packet = image.read_raw_xmp(encoding="latin-1").encode("latin-1")
                profile = bytes(image.read_icc())
                width, height = image.get_pixel_width(), image.get_pixel_height()
        except (RuntimeError, ValueError, UnicodeError):
            return None
    tags: Tags = {}
    if width and height:
        tags |= {"File:ImageWidth": str(width), "File:ImageHeight": str(height)}
    for key, name in _EXIF.items():
        if key in exif:
            tags.setdefault(f"EXIF:{name}", exif[key])
    for key, name in _IPTC.items():
        if key in iptc:
            tags[f"IPTC:{name}"] = iptc[key]
    if isinstance(note := exif.get(_MAKER_NOTE), str):
        tags |= {_HAS_NOTE: "1", **_apple(note)}
    return tags | _xmp(packet) | _profile(profile)


def _decoded(read: Callable[[str], Mapping[str, object]]) -> dict[str, Value]:
    """Texts are UTF-8 or, in older files, Latin-1; the standards allow neither."""
    try:
        found = read("utf-8")
    except UnicodeDecodeError:
        found = read("latin-1")
    tags: dict[str, Value] = {}
    for key, value in found.items():
        if isinstance(value, list):
            tags[key] = [str(item) for item in value]
        else:
            tags[key] = str(value).rstrip("\0")
    return tags


def _xmp(packet: bytes) -> Tags:
    if not packet.strip(b"\0 \r\n\t"):
        return {}
    try:
        return {f"XMP-{name}": value for name, value in xmp.read(packet).items()}
    except Invalid:
        return {}


def _profile(profile: bytes) -> Tags:
    description = headers.profile_description(profile)
    return {"ICC_Profile:ProfileDescription": description} if description else {}


def _apple(note: str) -> Tags:
    """Identifiers of live photos and bursts, which exiv2 leaves in the maker's note (as decimal bytes)."""
    try:
        data = bytes(int(number) for number in note.split())
    except ValueError:
        return {}
    if not data.startswith(b"Apple iOS\0"):
        return {}
    names = {0x000B: "BurstUUID", 0x0011: "ContentIdentifier"}
    return {f"Apple:{names[tag]}": text for tag, text in headers.ascii_fields(data, 14) if tag in names and text}


def _with_pillow(path: Path) -> Tags | None:
    from PIL import ExifTags, Image

    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:  # complaints about torn files
            exif = image.getexif()
            photo, gps = exif.get_ifd(ExifTags.IFD.Exif), exif.get_ifd(ExifTags.IFD.GPSInfo)
            packet, profile = image.info.get("xmp"), image.info.get("icc_profile")
            size = image.size
    except (Image.DecompressionBombError, OSError, SyntaxError, LookupError, ValueError, TypeError):
        return None
    except (RuntimeError, EOFError, struct.error):  # its readers raise these too, for what only looks like a picture
        return None
    tags: Tags = {"File:ImageWidth": str(size[0]), "File:ImageHeight": str(size[1])}
    sections: tuple[tuple[str, Mapping[int, object], Mapping[int, str]], ...] = (
        ("Exif.Image", exif, ExifTags.TAGS),
        ("Exif.Photo", photo, ExifTags.TAGS),
        ("Exif.GPSInfo", gps, ExifTags.GPSTAGS),
    )
    renamed = {"ExifImageWidth": "PixelXDimension", "ExifImageHeight": "PixelYDimension"}
    for section, values, names in sections:
        for number, value in values.items():
            known = names.get(number, "")
            key = f"{section}.{renamed.get(known, known)}"
            if key in _EXIF:
                tags.setdefault(f"EXIF:{_EXIF[key]}", _plain(value))
    if isinstance(packet, str):
        packet = packet.encode()
    if isinstance(packet, bytes):
        tags |= _xmp(packet)
    if isinstance(profile, bytes):
        tags |= _profile(profile)
    return tags


def _plain(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").rstrip("\0")
    if isinstance(value, tuple):
        return " ".join(_plain(item) for item in value)
    return str(value).rstrip("\0")
