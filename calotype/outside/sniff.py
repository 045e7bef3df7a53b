"""What a file really is, read from its first bytes. Extensions lie; decoders are chosen by this alone. Pure."""

import codecs
from typing import Literal

Format = Literal[
    "jpeg", "png", "gif", "webp", "avif", "heif", "jxl", "tiff", "bmp", "jp2", "psd", "svg", "raw", "unknown"
]
ENOUGH_BYTES = 4096
UNREADABLE = "The file is not in a picture format that can be read here."

_RAW_MAGICS = (
    b"FUJIFILMCCD-RAW",  # raf
    b"IIU\x00",  # rw2, Panasonic's raw
    b"IIRO",  # orf
    b"IIRS",
    b"MMOR",
    b"\x00MRM",  # mrw
    b"FOVb",  # x3f
    b"II\x1a\x00\x00\x00HEAPCCDR",  # crw
    b"ARRI",  # ari
)
_HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"mif2", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}


def sniff(head: bytes) -> Format:
    """The format of a file that begins like this. Camera raws that are TIFF inside count as tiff."""
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    if head.startswith((b"\xff\x0a", b"\x00\x00\x00\x0cJXL \r\n\x87\n")):
        return "jxl"
    if head.startswith((b"\x00\x00\x00\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")):
        return "jp2"
    if head.startswith(_RAW_MAGICS):
        return "raw"
    if head.startswith((b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")):
        return "tiff"
    if head.startswith(b"BM") and len(head) > 18 and head[6:10] == b"\x00\x00\x00\x00":
        return "bmp"
    if head.startswith(b"8BPS"):
        return "psd"
    if head[4:8] == b"ftyp":
        return _by_brand(head)
    return "svg" if _looks_like_svg(head) else "unknown"


def what_else(head: bytes) -> str:
    """A sentence about a file that is no picture we can show."""
    if not head:
        return "The file is empty."
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide") or head.startswith(
        (b"\x1aE\xdf\xa3", b"FLV\x01", b"\x30\x26\xb2\x75", b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3", b"OggS")
    ):
        return "The file is a video, not a picture."
    if head.startswith(b"RIFF"):
        return "The file is a video or a sound, not a picture."
    if head.startswith(b"%PDF"):
        return "The file is a PDF document, not a picture."
    if head.startswith(b"PK\x03\x04"):
        return "The file is an archive, not a picture."
    if _looks_like_text(head):
        return "The file is text, not a picture."
    if not head.strip(b"\x00"):
        return "The file holds nothing but zeros: it was damaged before it came here."
    return UNREADABLE


def _by_brand(head: bytes) -> Format:
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[i : i + 4] for i in range(16, size - 3, 4))]
    if brands[0] == b"crx ":  # Canon's CR3
        return "raw"
    for brand in brands:
        if brand in _AVIF_BRANDS:
            return "avif"
        if brand in _HEIF_BRANDS - {b"mif1", b"mif2", b"msf1"}:
            return "heif"
    return "heif" if _HEIF_BRANDS & set(brands) else "unknown"


def _looks_like_svg(head: bytes) -> bool:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return text.startswith(b"<") and b"<svg" in text


def _looks_like_text(head: bytes) -> bool:
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)  # the last letter may be cut
    except UnicodeDecodeError:
        return False
    return all(letter.isprintable() or letter in "\r\n\t\f\ufeff" for letter in text)


def jxl_size(data: bytes) -> tuple[int, int]:
    """Width and height of a JPEG XL before orientation (ISO/IEC 18181-1, SizeHeader); (0, 0) when it cannot be read."""
    start = 0 if data.startswith(b"\xff\x0a") else _jxl_codestream(data)
    if start < 0 or data[start : start + 2] != b"\xff\x0a":
        return (0, 0)
    bits = int.from_bytes(data[start + 2 : start + 18], "little")

    def take(count: int) -> int:
        nonlocal bits
        value = bits & ((1 << count) - 1)
        bits >>= count
        return value

    def side(is_small: int) -> int:
        return 8 * (1 + take(5)) if is_small else 1 + take((9, 13, 18, 30)[take(2)])

    is_small = take(1)
    height = side(is_small)
    ratio = take(3)
    if ratio == 0:
        return side(is_small), height
    across, down = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))[ratio - 1]
    return height * across // down, height


def _jxl_codestream(data: bytes) -> int:
    """Where the codestream begins in a JPEG XL container; -1 when there is none."""
    at = 0
    while at + 8 <= len(data):
        size, kind, header = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], 8
        if size == 1:
            size, header = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        if kind == b"jxlc":
            return at + header
        if kind == b"jxlp":
            return at + header + 4
        if size < header:
            return -1
        at += size
    return -1
