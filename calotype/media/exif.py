"""Tags into facts: what a file, its sidecar and its container say about a photo, reduced to what an asset keeps.

Three sources are merged: tags of the file, overridden by the probe of a video, overridden by the sidecar. Names are
ExifTool's, because precedence is defined with them.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from calotype.media import dates, face_regions
from calotype.media.face_regions import FaceRegion
from calotype.media.values import number as _number
from calotype.media.values import one as _one
from calotype.outside.tags import Tags
from calotype.outside.xmp import Value

HEIF = frozenset({".avif", ".heic", ".heif", ".hif"})
_MAYBE_ANIMATED = frozenset({".avif", ".gif", ".heic", ".heif", ".jxl", ".png", ".webp"})
_INT32_MAX = 2**31 - 1


class Probe(Protocol):
    """What the container of a video or GIF says, before any picture is decoded."""

    @property
    def width(self) -> int | None: ...  # pixels, stretched to the display aspect, before rotation
    @property
    def height(self) -> int | None: ...
    @property
    def rotation(self) -> int | None: ...  # degrees anti-clockwise as ffprobe gives them: −90 is turned right
    @property
    def duration_s(self) -> float | None: ...
    @property
    def frame_rate(self) -> float | None: ...
    @property
    def tags(self) -> Mapping[str, str]: ...  # keys in lower case


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything an asset keeps about itself. Sizes are pixels, angles degrees, `taken_at` UTC, `local_taken` naive."""

    taken_at: datetime
    local_taken: datetime
    time_zone: str | None
    is_dated: bool  # whether a tag said so; otherwise the date is the file's
    make: str | None = None
    model: str | None = None
    lens_model: str | None = None
    description: str = ""
    rating: int | None = None
    iso: int | None = None
    f_number: float | None = None
    focal_length: float | None = None
    exposure_time: str | None = None
    fps: float | None = None
    orientation: str | None = None
    exif_width: int | None = None
    exif_height: int | None = None
    width: int | None = None
    height: int | None = None
    projection_type: str | None = None
    colorspace: str | None = None
    profile_description: str | None = None
    bits_per_sample: int | None = None
    latitude: float | None = None
    longitude: float | None = None
    live_photo_cid: str | None = None
    auto_stack_id: str | None = None
    tags: tuple[str, ...] = ()
    duration_ms: int | None = None
    faces: tuple[FaceRegion, ...] = ()


# Where a name is found, first wins. EXIF before XMP, except where the Metadata Working Group says otherwise.
_SOURCES: dict[str, tuple[str, ...]] = {
    "Make": ("EXIF:Make", "XMP-tiff:Make"),
    "Model": ("EXIF:Model", "XMP-tiff:Model"),
    "LensID": ("Composite:LensID", "XMP-aux:LensID"),
    "LensType": ("MakerNotes:LensType",),
    "LensSpec": ("MakerNotes:LensSpec",),
    "LensModel": ("EXIF:LensModel", "XMP-exifEX:LensModel", "XMP-aux:LensModel"),
    "Lens": ("XMP-aux:Lens",),
    "ImageDescription": ("EXIF:ImageDescription", "XMP-tiff:ImageDescription"),
    "Description": ("IPTC:Caption-Abstract", "XMP-dc:description"),
    "Rating": ("XMP-xmp:Rating", "EXIF:Rating"),
    "ISO": ("EXIF:ISO", "XMP-exif:ISOSpeedRatings"),
    "FNumber": ("EXIF:FNumber", "XMP-exif:FNumber"),
    "FocalLength": ("EXIF:FocalLength", "XMP-exif:FocalLength"),
    "ExposureTime": ("EXIF:ExposureTime", "XMP-exif:ExposureTime"),
    "Orientation": ("EXIF:Orientation", "XMP-tiff:Orientation"),
    "ImageWidth": ("File:ImageWidth", "EXIF:ImageWidth", "EXIF:ExifImageWidth", "XMP-tiff:ImageWidth"),
    "ImageHeight": ("File:ImageHeight", "EXIF:ImageHeight", "EXIF:ExifImageHeight", "XMP-tiff:ImageLength"),
    "ProjectionType": ("XMP-GPano:ProjectionType", "XMP-GSpherical:ProjectionType"),
    "ColorSpace": ("EXIF:ColorSpace", "XMP-exif:ColorSpace"),
    "ProfileDescription": ("ICC_Profile:ProfileDescription",),
    "BitsPerSample": ("File:BitsPerSample", "EXIF:BitsPerSample", "XMP-tiff:BitsPerSample"),
    "ContentIdentifier": ("Apple:ContentIdentifier",),
    "MediaGroupUUID": ("Apple:MediaGroupUUID",),
    "BurstID": ("XMP-GCamera:BurstID",),
    "BurstUUID": ("Apple:BurstUUID",),
    "CameraBurstID": ("XMP-GCamera:CameraBurstID",),
    "MediaUniqueID": ("XMP-GCamera:MediaUniqueID",),
    "TagsList": ("XMP-digiKam:TagsList",),
    "HierarchicalSubject": ("XMP-lr:hierarchicalSubject",),
    "Keywords": ("IPTC:Keywords", "XMP-dc:subject"),
    "Duration": ("File:Duration",),
    "Rotation": ("File:Rotation",),
    "RegionInfo": ("XMP-mwg-rs:Regions",),
    "RegionInfoMP": ("XMP-MP:RegionInfo",),
}
_CONTAINER = {
    "Make": ("com.apple.quicktime.make", "make"),
    "Model": ("com.apple.quicktime.model", "model"),
    "AndroidMake": ("com.android.manufacturer",),
    "AndroidModel": ("com.android.model",),
    "Description": ("com.apple.quicktime.description", "description"),
    "ContentIdentifier": ("com.apple.quicktime.content.identifier",),
}
# Seconds since the start of QuickTime's or Unix' era that a recorder forgot to fill in.
_UNSET_DATES = ("1904-01-01T00:00:00", "1970-01-01T00:00:00")
_ISO_6709 = re.compile(r"([+-]\d+(?:\.\d+)?)([+-]\d+(?:\.\d+)?)")
_COLOR_SPACES = {
    "1": "sRGB",
    "2": "Adobe RGB",
    "65533": "Wide Gamut RGB",
    "65534": "ICC Profile",
    "65535": "Uncalibrated",
}


def facts(
    media: Tags,
    sidecar: Tags | None,
    probe: Probe | None,
    *,
    extension: str,
    is_video: bool,
    fallback_at: datetime,
    zone_at: dates.ZoneAt,
) -> Facts:
    """What the asset keeps. `extension` is lower case with its dot; `fallback_at` (aware) dates what has no date."""
    container = dict(probe.tags) if probe is not None else {}
    own_names = {**_names(media), **_container_names(container)}
    side_names = _names(sidecar or {})
    if not own_names.get("TagsList"):
        own_names.pop("TagsList", None)  # only in a sidecar does an empty list mean that somebody took the tags away
    side_names.pop("Duration", None)
    found = {**own_names, **side_names}

    own_place = _position(media) or _container_position(container)
    side_place = _position(sidecar) if sidecar else None
    place = side_place or own_place
    moment = dates.taken(
        dates.Source({**_dates(media), **_container_dates(container)}, _offsets(media), own_place, is_video),
        dates.Source(_dates(sidecar), _offsets(sidecar), side_place) if sidecar else None,
        fallback_at=fallback_at,
        zone_at=zone_at,
    )

    orientation = _orientation(own_names, side_names, probe, extension)
    width, height = _number(found.get("ImageWidth")), _number(found.get("ImageHeight"))
    if probe is not None and probe.width and probe.height:
        width, height = probe.width, probe.height
    size = (int(width), int(height)) if width and height and min(width, height) >= 1 else (None, None)
    return Facts(
        taken_at=moment.at,
        local_taken=moment.local,
        time_zone=moment.zone,
        is_dated=moment.is_dated,
        make=_text(found, "Make", "DeviceManufacturer", "AndroidMake"),
        model=_text(found, "Model", "DeviceModelName", "AndroidModel"),
        lens_model=_lens(found),
        description=_description(found),
        rating=_rating(found.get("Rating")),
        iso=_iso(found.get("ISO")),
        f_number=_f_number(found.get("FNumber")),
        focal_length=_rounded(_number(found.get("FocalLength"))),
        exposure_time=_exposure(found.get("ExposureTime")),
        fps=_rounded(probe.frame_rate) if probe is not None else None,
        orientation=orientation,
        exif_width=size[0],
        exif_height=size[1],
        width=size[1] if orientation in ("5", "6", "7", "8") else size[0],
        height=size[0] if orientation in ("5", "6", "7", "8") else size[1],
        projection_type=(_text(found, "ProjectionType") or "").upper() or None,
        colorspace=_colorspace(found.get("ColorSpace")),
        profile_description=_text(found, "ProfileDescription"),
        bits_per_sample=_bits(found.get("BitsPerSample")),
        latitude=place[0] if place else None,
        longitude=place[1] if place else None,
        live_photo_cid=_text(found, "ContentIdentifier", "MediaGroupUUID"),
        auto_stack_id=_text(found, "BurstID", "BurstUUID", "CameraBurstID", "MediaUniqueID"),
        tags=tuple(dict.fromkeys(_tags(found))),
        duration_ms=_duration_ms(found.get("Duration"), probe, extension),
        faces=face_regions.named(face_regions.told(own_names, side_names), size, orientation),
    )


def _names(tags: Tags) -> dict[str, Value]:
    """One value per name; what is there but empty counts, because a sidecar may empty a field."""
    names: dict[str, Value] = {}
    for name, keys in _SOURCES.items():
        for key in keys:
            if key in tags:
                names[name] = tags[key]
                break
    # EXIF's caption is a name of its own, and so are keywords: an empty IPTC field hides nothing.
    for name in ("Description", "Keywords"):
        filled = [tags[key] for key in _SOURCES[name] if tags.get(key)]
        if filled:
            names[name] = filled[0]
    return names


def _container_names(container: Mapping[str, str]) -> dict[str, Value]:
    return {
        name: container[key]
        for name, keys in _CONTAINER.items()
        for key in reversed(keys)
        if container.get(key, "").strip()
    }


def _dates(tags: Tags) -> dict[str, str]:
    """Date texts by name. An EXIF date carries its fraction and offset, and has the SubSec name only if it has one."""
    texts: dict[str, str] = {}
    for name, kind in (("DateTimeOriginal", "Original"), ("CreateDate", "Digitized")):
        date = _one(tags.get(f"EXIF:{name}"))
        fraction = _one(tags.get(f"EXIF:SubSecTime{kind}")).strip()
        offset = _one(tags.get(f"EXIF:OffsetTime{kind}")).strip()
        full = date + (f".{fraction}" if fraction.isdigit() else "") + offset
        if date and full != date:
            texts[f"SubSec{'DateTimeOriginal' if kind == 'Original' else 'CreateDate'}"] = full
        candidates = [full if date else "", *_other_dates(tags, name)]
        filled = [text for text in candidates if text.strip()]
        if filled:
            texts[name] = next((text for text in filled if dates.parse(text)), filled[0])
    day, clock = _one(tags.get("EXIF:GPSDateStamp")).strip(), _clock(_one(tags.get("EXIF:GPSTimeStamp")))
    if day and clock:
        texts["GPSDateTime"] = f"{day} {clock}Z"
    elif text := _one(tags.get("XMP-exif:GPSTimeStamp")):
        texts["GPSDateTime"] = text
    return texts


def _other_dates(tags: Tags, name: str) -> list[str]:
    if name == "DateTimeOriginal":
        pairs, keys = (
            ("IPTC:DateCreated", "IPTC:TimeCreated"),
            ("XMP-exif:DateTimeOriginal", "XMP-photoshop:DateCreated"),
        )
    else:
        pairs, keys = ("IPTC:DigitalCreationDate", "IPTC:DigitalCreationTime"), ("XMP-xmp:CreateDate",)
    joined = " ".join(_one(tags.get(key)) for key in pairs).strip()
    first, *others = [_one(tags.get(key)) for key in keys]
    return [first, joined, *others] if name == "DateTimeOriginal" else [joined, first]


def _clock(stamp: str) -> str:
    """`7/1 10/1 1150/100` → `07:10:11.500`; empty when it is no time of day."""
    parts = [_number(part) for part in stamp.replace(":", " ").split()]
    if len(parts) != 3 or None in parts:
        return ""
    hours, minutes, seconds = (part or 0.0 for part in parts)
    return f"{int(hours):02}:{int(minutes):02}:{int(seconds):02}.{int(seconds % 1 * 1000 + 0.5):03}"


def _container_dates(container: Mapping[str, str]) -> dict[str, str]:
    texts = {"CreationDate": container.get("com.apple.quicktime.creationdate", "")}
    created = container.get("creation_time", "")
    if not created.startswith(_UNSET_DATES):
        texts["CreateDate"] = created.removesuffix("Z")  # UTC by definition, so not an offset the author chose
    return {name: text for name, text in texts.items() if text}


def _offsets(tags: Tags) -> list[str]:
    groups = ("EXIF", "XMP-exif", "XMP-exifEX")
    keys = [f"{group}:OffsetTime{kind}" for kind in ("Original", "Digitized") for group in groups]
    return [_one(tags.get(key)) for key in keys if tags.get(key)]


def _position(tags: Tags | None) -> tuple[float, float] | None:
    if not tags:
        return None
    for group in ("EXIF", "XMP-exif"):
        latitude = _degrees(_one(tags.get(f"{group}:GPSLatitude")), _one(tags.get(f"{group}:GPSLatitudeRef")))
        longitude = _degrees(_one(tags.get(f"{group}:GPSLongitude")), _one(tags.get(f"{group}:GPSLongitudeRef")))
        if place := _checked(latitude, longitude):
            return place
    return None


def _container_position(container: Mapping[str, str]) -> tuple[float, float] | None:
    for key in ("com.apple.quicktime.location.iso6709", "location", "location-eng"):
        if match := _ISO_6709.match(container.get(key, "")):
            return _checked(float(match[1]), float(match[2]))
    return None


def _checked(latitude: float | None, longitude: float | None) -> tuple[float, float] | None:
    if latitude is None or longitude is None or not (math.isfinite(latitude) and math.isfinite(longitude)):
        return None
    if abs(latitude) > 90 or abs(longitude) > 180 or (latitude == 0 and longitude == 0):
        return None
    return latitude, longitude


def _degrees(text: str, reference: str) -> float | None:
    """`52/1 31/1 1200/100` with its letter apart, or `52,31.2N`, `52.52`; without a letter north and east."""
    text = text.strip()
    letter = (reference.strip() or text[-1:]).upper()[:1]
    parts = [_number(part) for part in re.split(r"[ ,;]+", text.rstrip("NSEWnsew ").strip())]
    if not parts or None in parts or len(parts) > 3:
        return None
    degrees = sum((part or 0.0) / 60**power for power, part in enumerate(parts))
    return round(-degrees if letter in ("S", "W") else degrees, 10)


def _rounded(number: float | None) -> float | None:
    """A rational's worth without the noise of its last bits."""
    return None if number is None else float(f"{number:.10g}")


def _text(found: Mapping[str, Value], *names: str) -> str | None:
    """The first that is not blank; leading blanks are the maker's own, trailing ones are padding."""
    for name in names:
        if text := _one(found.get(name)).rstrip(" \0"):
            return text
    return None


def _lens(found: Mapping[str, Value]) -> str | None:
    model = next((text for name in ("LensModel", "Lens") if "mm" in (text := _text(found, name) or "")), None)
    for name in ("LensID", "LensType", "LensSpec", "LensModel"):
        text = (_text(found, name) or "").strip()
        if name == "LensID" and text.isdigit() and model:
            return model  # the id is a bare number, while the lens itself says what it is
        if text and text != "----" and not text.startswith("Unknown"):
            return text
    return None


def _description(found: Mapping[str, Value]) -> str:
    return (_one(found.get("ImageDescription")) or _one(found.get("Description"))).strip(" \0\t\r\n")


def _rating(value: Value | None) -> int | None:
    number = _number(value)
    rounded = math.floor(number + 0.5) if number is not None else 0
    return rounded if 1 <= rounded <= 5 else None


def _iso(value: Value | None) -> int | None:
    number = _number(value)
    return int(number) if number is not None and abs(number) <= _INT32_MAX else None


def _f_number(value: Value | None) -> float | None:
    """One decimal, as lenses are named; two below f/1."""
    number = _number(value)
    return None if number is None else round(number, 1 if number >= 1 else 2)


def _exposure(value: Value | None) -> str | None:
    """`1/60` up to a quarter of a second, `2.5` beyond."""
    seconds = _number(value)
    if seconds is None:
        return _one(value).strip() or None
    if 0 < seconds < 0.25001:
        return f"1/{math.floor(0.5 + 1 / seconds)}"
    return f"{seconds:.1f}".removesuffix(".0")


def _colorspace(value: Value | None) -> str | None:
    text = _one(value).strip()
    return _COLOR_SPACES.get(text, text) or None


def _bits(value: Value | None) -> int | None:
    """Bits of one channel, also where a tool gives those of a whole pixel."""
    number = _number(_one(value).split(" ")[0])
    if number is None:
        return None
    bits = int(number)
    return bits // 3 if bits >= 24 and bits % 3 == 0 else bits


def _tags(found: Mapping[str, Value]) -> Iterator[str]:
    """Paths with `/` between levels, from one source only. An empty list in a sidecar means: no tags."""
    if "TagsList" in found:
        yield from _texts(found["TagsList"])
    elif "HierarchicalSubject" in found:
        swap = str.maketrans({"|": "/", "/": "|"})
        yield from (text.translate(swap) for text in _texts(found["HierarchicalSubject"]))
    else:
        yield from _texts(found.get("Keywords", ""))


def _texts(value: Value) -> Iterable[str]:
    items = value if isinstance(value, list) else [value]
    return [text for item in items if (text := _one(item).strip())]


_BY_CONTAINER_TURNS = {"0": "1", "1": "8", "2": "3", "3": "6"}
_BY_PROBE_ROTATION = {0: "1", -90: "6", 270: "6", 90: "8", -270: "8", 180: "3"}


def _orientation(
    own: Mapping[str, Value], side: Mapping[str, Value], probe: Probe | None, extension: str
) -> str | None:
    if "Orientation" in side:
        value = _number(side["Orientation"])
    elif probe is not None:
        return _BY_PROBE_ROTATION.get(probe.rotation or 0)  # −180, ffprobe's usual half turn, has none
    elif extension in HEIF:
        return _BY_CONTAINER_TURNS.get(_one(own.get("Rotation")))
    else:
        value = _number(own.get("Orientation"))
    return None if value is None else str(int(value))


def _duration_ms(value: Value | None, probe: Probe | None, extension: str) -> int | None:
    own = _number(value) if extension in _MAYBE_ANIMATED else None
    seconds = own if probe is None else probe.duration_s
    return math.floor(seconds * 1000 + 0.5) if seconds else None
