"""Where the video hides inside a motion photo: at the end of the file, told by tags, a box or a maker's trailer.

Only bytes are looked at; the caller reads them, wherever the photo lies, and cuts the tail out.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from calotype.outside.tags import Tags
from calotype.outside.xmp import Value

Read = Callable[[int, int], bytes]
"""The bytes of the photo at offset, length; fewer at its end."""

_SAMSUNG_MOTION = 0x0A30  # "MotionPhoto_Data" in Samsung's trailer
_MAX_BOXES = 200
_MAX_ENTRIES = 200


@dataclass(frozen=True, slots=True)
class Tail:
    """The embedded video's bytes: where they start and how many there are."""

    offset: int
    length: int


def is_motion_photo(tags: Tags) -> bool:
    """Whether the photo says that it moves."""
    return any(_whole(tags.get(f"XMP-GCamera:{name}")) for name in ("MotionPhoto", "MicroVideo"))


def find(tags: Tags, size: int, read: Read) -> Tail | None:
    """The video inside a motion photo of `size` bytes; `None` when the photo is none, or only claims to be one."""
    if not is_motion_photo(tags):
        return None
    for tail in (_box(size, read), _trailer(size, read), _directory(tags, size), _micro_video(tags, size)):
        if tail and tail.offset > 0 and tail.length > 0 and tail.offset + tail.length <= size and _is_video(tail, read):
            return tail
    return None


def _is_video(tail: Tail, read: Read) -> bool:
    """Every MP4 and MOV in use opens with a box of its type (ISO/IEC 14496-12 §4.3; older QuickTime: `wide`, `moov`)."""
    return read(tail.offset + 4, 4) in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")


def _box(size: int, read: Read) -> Tail | None:
    """HEIC of Samsung and Google: the video is the content of a top-level box `mpvd`."""
    if read(4, 4) != b"ftyp":
        return None
    at = 0
    for _ in range(_MAX_BOXES):
        header = read(at, 16)
        if len(header) < 8:
            return None
        length, kind = struct.unpack(">I4s", header[:8])
        skip = 8
        if length == 1 and len(header) == 16:
            length, skip = struct.unpack(">Q", header[8:])[0], 16
        elif length == 0:
            length = size - at
        if length < skip:
            return None
        if kind == b"mpvd":
            return Tail(at + skip, length - skip)
        at += length
    return None


def _trailer(size: int, read: Read) -> Tail | None:
    """Samsung's JPEGs end in blocks, a directory `SEFH` of them, its length, and `SEFT`."""
    end = read(max(0, size - 8), 8)
    if end[4:] != b"SEFT":
        return None
    length = int.from_bytes(end[:4], "little")
    start = size - 8 - length
    directory = read(start, min(length, 12 + 12 * _MAX_ENTRIES)) if start > 0 else b""
    if directory[:4] != b"SEFH":
        return None
    for index in range(min(int.from_bytes(directory[8:12], "little"), _MAX_ENTRIES)):
        entry = directory[12 + 12 * index : 24 + 12 * index]
        if len(entry) < 12:
            return None
        _, kind, back, block_size = struct.unpack("<HHII", entry)
        if kind == _SAMSUNG_MOTION and back <= start:
            block = start - back
            name_length = int.from_bytes(read(block + 4, 4), "little")
            if name_length <= 64:
                return Tail(block + 8 + name_length, block_size - 8 - name_length)
    return None


def _directory(tags: Tags, size: int) -> Tail | None:
    """Google's list of what the file consists of: the video's length, and the padding between the parts."""
    items = tags.get("XMP-Container:Directory")
    entries = [_entry(item) for item in items] if isinstance(items, list) else []
    for index, entry in enumerate(entries):
        if entry.get("Item:Semantic") != "MotionPhoto":
            continue
        behind = sum(_whole(later.get("Item:Length")) for later in entries[index + 1 :])
        length = _whole(entry.get("Item:Length"))
        return Tail(size - behind - length - _whole(entry.get("Item:Padding")), length)
    return None


def _entry(item: Value) -> dict[str, Value]:
    """An item is a structure, or a structure with one named `Container:Item`."""
    if not isinstance(item, dict):
        return {}
    inner = item.get("Container:Item")
    return inner if isinstance(inner, dict) else item


def _micro_video(tags: Tags, size: int) -> Tail | None:
    """Google's first form: the video starts so many bytes before the end."""
    length = _whole(tags.get("XMP-GCamera:MicroVideoOffset"))
    return Tail(size - length, length) if length else None


def _whole(value: Value | None) -> int:
    text = value.strip() if isinstance(value, str) else ""
    return int(text) if text.isascii() and text.isdigit() else 0
