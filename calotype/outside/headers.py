"""What the first bytes of a picture tell without decoding it: size, depth, turns, length of an animation.

Small readers for the containers in use; each reads a few hundred bytes and believes none of them.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_MAX_META = 8 << 20  # a HEIF `meta` box lists every tile; the largest cameras stay far below
_MAX_STEPS = 10_000  # boxes, chunks or segments looked at before we give up on a file


def read(path: Path) -> dict[str, str]:
    """`File:ImageWidth`, `File:ImageHeight`, `File:BitsPerSample`, `File:Rotation` (quarter turns anti-clockwise),
    `File:Duration` (seconds) and `ICC_Profile:ProfileDescription`, as far as the container says so.
    """
    with path.open("rb") as file:
        head = file.read(32)
        try:
            if head.startswith(b"\xff\xd8"):
                return _jpeg(file)
            if head.startswith(b"\x89PNG\r\n\x1a\n"):
                return {**_size(*struct.unpack(">II", head[16:24])), "File:BitsPerSample": str(head[24])}
            if head[:6] in (b"GIF87a", b"GIF89a"):
                return _size(*struct.unpack("<HH", head[6:10]))
            if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
                return _webp(file)
            if head[4:8] == b"ftyp":
                return _heif(file)
            if head.startswith(b"\xff\x0a") or head[4:8] == b"JXL ":
                return _jxl(file, head)
        except (struct.error, IndexError, ValueError):
            return {}
    return {}


def boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Type, offset and length of the content of each box of an ISO file (ISO/IEC 14496-12 §4.2)."""
    for _ in range(_MAX_STEPS):
        if start + 8 > end:
            return
        file.seek(start)
        header = file.read(16)
        size, kind = struct.unpack(">I4s", header[:8])
        skip = 8
        if size == 1:
            size, skip = struct.unpack(">Q", header[8:16])[0], 16
        elif size == 0:
            size = end - start
        if size < skip:
            return
        yield kind, start + skip, min(size - skip, end - start - skip)
        start += size


def profile_description(profile: bytes) -> str:
    """The name an ICC profile gives itself; empty when it has none (ICC.1:2022 §9.2.41, ICC.1:2001 §6.5.17)."""
    count = int.from_bytes(profile[128:132], "big")
    for index in range(min(count, 100)):
        signature, offset, size = struct.unpack_from(">4sII", profile.ljust(144 + 12 * index, b"\0"), 132 + 12 * index)
        if signature != b"desc":
            continue
        tag = profile[offset : offset + size]
        if tag[:4] == b"desc":
            length = int.from_bytes(tag[8:12], "big")
            return tag[12 : 12 + length].split(b"\0")[0].decode("latin-1").strip()
        if tag[:4] == b"mluc" and len(tag) >= 28:
            length, start = struct.unpack(">II", tag[20:28])
            return tag[start : start + length].decode("utf-16-be", "replace").strip("\0 ")
    return ""


def ascii_fields(block: bytes, start: int) -> Iterator[tuple[int, str]]:
    """Tag number and text of the ASCII fields of a big-endian TIFF directory at `start`; offsets count from 0."""
    count = int.from_bytes(block[start : start + 2], "big")
    for index in range(min(count, 500)):
        entry = block[start + 2 + 12 * index : start + 14 + 12 * index]
        if len(entry) < 12:
            return
        tag, kind, length, offset = struct.unpack(">HHII", entry)
        if kind == 2:
            text = entry[8 : 8 + length] if length <= 4 else block[offset : offset + length]
            yield tag, text.split(b"\0")[0].decode("utf-8", "replace")


def _size(width: int, height: int) -> dict[str, str]:
    return {"File:ImageWidth": str(width), "File:ImageHeight": str(height)} if width and height else {}


def _jpeg(file: BinaryIO) -> dict[str, str]:
    position = 2
    for _ in range(_MAX_STEPS):
        file.seek(position)
        header = file.read(9)
        if len(header) < 9 or header[0] != 0xFF:
            return {}
        marker = header[1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # a start of frame (ITU T.81 table B.1)
            depth, height, width = struct.unpack(">BHH", header[4:9])
            return {**_size(width, height), "File:BitsPerSample": str(depth)}
        if marker == 0xDA:
            return {}
        position += 2 + struct.unpack(">H", header[2:4])[0]
    return {}


def _webp(file: BinaryIO) -> dict[str, str]:
    facts: dict[str, str] = {}
    position, duration_ms, frames = 12, 0, 0
    for _ in range(_MAX_STEPS):
        file.seek(position)
        header = file.read(24)
        if len(header) < 8:
            break
        kind, size = struct.unpack("<4sI", header[:8])
        body = header[8:]
        if kind == b"VP8X":
            facts = _size(1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little"))
        elif kind == b"VP8 " and not facts and body[3:6] == b"\x9d\x01\x2a":
            facts = _size(*(side & 0x3FFF for side in struct.unpack("<HH", body[6:10])))
        elif kind == b"VP8L" and not facts and body[0] == 0x2F:
            bits = int.from_bytes(body[1:5], "little")
            facts = _size(1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
        elif kind == b"ANMF":
            duration_ms += int.from_bytes(body[12:15], "little")
            frames += 1
        position += 8 + size + (size & 1)
    if frames > 1:
        facts["File:Duration"] = str(duration_ms / 1000)
    return facts


def _heif(file: BinaryIO) -> dict[str, str]:
    end = file.seek(0, 2)
    facts: dict[str, str] = {}
    for kind, offset, size in boxes(file, 0, end):
        if kind == b"meta" and size <= _MAX_META:
            facts |= _primary_item(file, offset + 4, offset + size)
        elif kind == b"moov":
            for inner, start, length in boxes(file, offset, offset + size):
                if inner == b"mvhd" and length >= 32:
                    file.seek(start)
                    facts |= _movie_duration(file.read(32))
    return facts


def _movie_duration(header: bytes) -> dict[str, str]:
    scale, duration = struct.unpack(">IQ", header[20:32]) if header[0] == 1 else struct.unpack(">II", header[12:20])
    return {"File:Duration": str(duration / scale)} if scale and duration else {}


def _primary_item(file: BinaryIO, start: int, end: int) -> dict[str, str]:
    """Size, rotation and profile of the picture that is shown (ISO/IEC 23008-12 §6.5)."""
    primary, properties, associations = 0, list[tuple[bytes, bytes]](), dict[int, list[int]]()
    for kind, offset, size in boxes(file, start, end):
        if kind == b"pitm":
            file.seek(offset)
            body = file.read(8)
            primary = int.from_bytes(body[4:6] if body[0] == 0 else body[4:8], "big")
        elif kind == b"iprp":
            for inner, inner_offset, inner_size in boxes(file, offset, offset + size):
                if inner == b"ipco":
                    for name, at, length in boxes(file, inner_offset, inner_offset + inner_size):
                        file.seek(at)
                        properties.append((name, file.read(length) if length <= 1 << 20 else b""))
                elif inner == b"ipma":
                    file.seek(inner_offset)
                    associations |= _associations(file.read(inner_size))
    facts: dict[str, str] = {}
    for index in associations.get(primary, []):
        name, body = properties[index - 1] if 0 < index <= len(properties) else (b"", b"")
        if name == b"ispe":
            facts |= _size(*struct.unpack(">II", body[4:12]))
        elif name == b"clap":  # encoders fill up to whole blocks and cut again; comes after `ispe` by the standard
            across, across_by, down, down_by = struct.unpack(">IIII", body[:16])
            facts |= _size(across // across_by, down // down_by) if across_by and down_by else {}
        elif name == b"irot":
            facts["File:Rotation"] = str(body[0] & 3)
        elif name == b"pixi":
            facts["File:BitsPerSample"] = str(body[5])
        elif name == b"colr" and body[:4] in (b"prof", b"rICC") and (text := profile_description(body[4:])):
            facts["ICC_Profile:ProfileDescription"] = text
    return facts


def _associations(body: bytes) -> dict[int, list[int]]:
    version, wide = body[0], body[3] & 1
    found: dict[int, list[int]] = {}
    position = 8
    for _ in range(min(int.from_bytes(body[4:8], "big"), _MAX_STEPS)):
        id_bytes = 2 if version < 1 else 4
        item = int.from_bytes(body[position : position + id_bytes], "big")
        position += id_bytes
        count = body[position]
        position += 1
        step = 2 if wide else 1
        indices = [int.from_bytes(body[position + step * n : position + step * (n + 1)], "big") for n in range(count)]
        found[item] = [index & (0x7FFF if wide else 0x7F) for index in indices]
        position += step * count
    return found


def _jxl(file: BinaryIO, head: bytes) -> dict[str, str]:
    """The size field of a JPEG XL codestream (ISO/IEC 18181-1 §D.2), bare or in a container."""
    if head.startswith(b"\xff\x0a"):
        return {**_jxl_size(head[2:12]), "File:Format": "JXL codestream"}
    end = file.seek(0, 2)
    for kind, offset, _ in boxes(file, 0, end):
        if kind in (b"jxlc", b"jxlp"):
            file.seek(offset + (4 if kind == b"jxlp" else 0))
            start = file.read(12)
            return _jxl_size(start[2:]) if start.startswith(b"\xff\x0a") else {}
    return {}


_JXL_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}


def _jxl_size(stream: bytes) -> dict[str, str]:
    bits = int.from_bytes(stream, "little")

    def take(count: int) -> int:
        nonlocal bits
        value = bits & ((1 << count) - 1)
        bits >>= count
        return value

    small = take(1)

    def side() -> int:
        return (take(5) + 1) * 8 if small else take((9, 13, 18, 30)[take(2)]) + 1

    height = side()
    ratio = take(3)
    if ratio == 0:
        return _size(side(), height)
    over, under = _JXL_RATIOS[ratio]
    return _size(height * over // under, height)
