"""From a file to upright pixels, each format with the decoder that does it best. Runs in a decoder child only.

Everything becomes a libvips image, lazily: scaled while it is decoded where the format can, and one core at a time.
"""

# The libraries below ship no types; what leaves this file is typed.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingModuleSource=false, reportAttributeAccessIssue=false

import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyvips
from numpy.typing import NDArray
from PIL import Image

from calotype.outside.decoders import Undecodable
from calotype.outside.sniff import ENOUGH_BYTES, UNREADABLE, Format, jxl_size, sniff, what_else

IN_MEMORY_BYTES = 128 << 20  # larger files are read as they are decoded
SVG_SIDE_PX = 16_384  # what a drawing without a size could claim
GIF_FRAMES = 12  # how far we look for a frame that shows something
PILLOW_NAMES: dict[Format, str] = {
    "gif": "GIF",
    "tiff": "TIFF",
    "avif": "AVIF",
    "jxl": "JXL",
    "bmp": "BMP",
    "jp2": "JPEG2000",
    "psd": "PSD",
}
Image.MAX_IMAGE_PIXELS = None  # our own limit is checked before anything is decoded

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Source:
    """A file to decode: its bytes, or its path when it is large. `limit_px` is the most pixels it may have."""

    path: Path
    content: bytes | None
    limit_px: int

    def stream(self) -> BinaryIO:
        """For libraries that want a file object."""
        return io.BytesIO(self.content) if self.content is not None else self.path.open("rb")


@dataclass(frozen=True, slots=True)
class Picture:
    """Decoded lazily. `image` has 3 or 4 bands; it may be smaller than the full `width_px` × `height_px`.

    All sizes are as stored; `orientation` (1 to 8, EXIF) says how to turn it upright.
    """

    image: Any
    width_px: int
    height_px: int
    orientation: int
    icc: bytes | None
    format: Format

    @property
    def upright(self) -> tuple[int, int]:
        """Full width and height once turned."""
        turned = self.orientation >= 5
        return (self.height_px, self.width_px) if turned else (self.width_px, self.height_px)


def load(path: Path) -> tuple[Source, Format]:
    """Raises `OSError` when the file cannot be read, `Undecodable` when it is none of our formats."""
    with path.open("rb") as file:
        head = file.read(ENOUGH_BYTES)
        file.seek(0, io.SEEK_END)
        size = file.tell()
        content = None
        if size <= IN_MEMORY_BYTES:
            file.seek(0)
            content = file.read()
    found = sniff(head)
    reason = what_else(head)
    if found == "unknown" and reason != UNREADABLE:  # what nothing names may still be an old camera's raw
        raise Undecodable(reason)
    return Source(path, content, 0), found


def decode(source: Source, found: Format, *, short_side_px: int | None, prefer_embedded: bool = True) -> Picture:
    """The picture, at least `short_side_px` on its shorter side where it has that many; in full when `None`.

    `prefer_embedded`: whether a camera's own JPEG is good enough for a raw file, when it is large enough.
    """
    if found == "jpeg":
        return _jpeg(source, short_side_px)
    if found == "heif":
        return _heif(source)
    if found in ("png", "webp", "tiff", "svg"):
        if found == "tiff" and source.path.suffix.lower() not in (".tif", ".tiff"):
            raw = _raw(source, short_side_px, prefer_embedded)
            if raw:
                return raw
        if found == "tiff" and _has_odd_orientation(source):  # which libtiff would call an error
            return _pillow(source, found)
        return _vips(source, found)
    if found in ("raw", "unknown"):
        raw = _raw(source, short_side_px, prefer_embedded)
        if raw is None:
            raise Undecodable(UNREADABLE)
        return raw
    return _pillow(source, found)


def check_size(width: int, height: int, limit_px: int) -> None:
    """Raises `Undecodable` for a picture that would take too much to decode."""
    if width < 1 or height < 1:
        raise Undecodable("The picture has no pixels.")
    if width * height > limit_px:
        raise Undecodable(
            f"The picture has {width}×{height} pixels; more than {limit_px / 1e6:.0f} megapixels are not decoded."
        )


def from_array(pixels: Pixels) -> Any:
    """A libvips image on top of the array's memory.  pixels: (H, W, 3 or 4) uint8 sRGB."""
    pixels = np.ascontiguousarray(pixels)
    height, width, bands = pixels.shape
    image: Any = pyvips.Image.new_from_memory(pixels.data, width, height, bands, "uchar")
    return image.copy(interpretation="srgb")


def _jpeg(source: Source, short_side_px: int | None, *, orientation: int | None = None) -> Picture:
    import simplejpeg

    data = source.content if source.content is not None else source.path.read_bytes()
    with Image.open(io.BytesIO(data), formats=["JPEG"]) as header:
        width, height = header.size
        mode, icc = header.mode, header.info.get("icc_profile")
        orientation = orientation or _exif_orientation(header)
    check_size(width, height, source.limit_px)
    if mode == "CMYK":
        image = pyvips.Image.jpegload_buffer(data, access="sequential", fail_on="error")
        return Picture(image, width, height, orientation, None, "jpeg")
    # The decoder itself halves, quarters… almost for free; the shorter side decides.
    wanted: dict[str, Any] = {}
    if short_side_px is not None:
        scale = min(1.0, short_side_px / min(width, height))
        wanted = {"min_width": max(1, int(width * scale)), "min_height": max(1, int(height * scale))}
    try:
        pixels = simplejpeg.decode_jpeg(data, "RGB", **wanted)
    except ValueError as error:
        if any(word in str(error).lower() for word in ("premature", "unsupported", "empty")):
            raise Undecodable(f"The JPEG is damaged: {_tidy(error)}.") from error
        # Stray bytes between markers and the like: common in old cameras' files, and harmless.
        pixels = simplejpeg.decode_jpeg(data, "RGB", strict=False, **wanted)
    return Picture(from_array(pixels), width, height, orientation, icc, "jpeg")


def _heif(source: Source) -> Picture:
    import pillow_heif

    pillow_heif.options.DECODE_THREADS = 1
    with source.stream() as stream:
        file = pillow_heif.open_heif(stream, convert_hdr_to_8bit=True)
        primary = file[file.primary_index]
        width, height = primary.size
        check_size(width, height, source.limit_px)
        pixels = np.asarray(primary)  # libheif has turned it: the container's rotation, never EXIF's
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    height, width = pixels.shape[:2]
    icc: Any = primary.info.get("icc_profile")
    return Picture(from_array(pixels), width, height, 1, icc, "heif")


def _vips(source: Source, found: Format) -> Picture:
    options: dict[str, Any] = {"access": "sequential", "fail_on": "error"}
    image: Any
    if found == "svg":
        # From a buffer a drawing has no address of its own, so that librsvg follows no link out of it.
        data = source.content if source.content is not None else source.path.read_bytes()
        image = pyvips.Image.svgload_buffer(data)
        longest = max(image.width, image.height)
        if longest > SVG_SIDE_PX:
            image = pyvips.Image.svgload_buffer(data, scale=SVG_SIDE_PX / longest)
    elif source.content is not None:
        image = getattr(pyvips.Image, f"{found}load_buffer")(source.content, **options)
    else:
        image = getattr(pyvips.Image, f"{found}load")(str(source.path), **options)
    check_size(image.width, image.height, source.limit_px)
    turn = image.get("orientation") if image.get_typeof("orientation") else 1
    icc = bytes(image.get("icc-profile-data")) if image.get_typeof("icc-profile-data") else None
    return Picture(image, image.width, image.height, turn if 1 <= turn <= 8 else 1, icc, found)


def _raw(source: Source, short_side_px: int | None, prefer_embedded: bool) -> Picture | None:
    """`None` when LibRaw says that this is no raw file."""
    import rawpy

    try:
        raw = rawpy.imread(source.stream() if source.content is not None else str(source.path))
    except (rawpy.LibRawFileUnsupportedError, rawpy.LibRawNonFatalError):
        return None
    with raw:
        turn = {3: 3, 5: 8, 6: 6}.get(raw.sizes.flip, 1)  # LibRaw's flip codes in EXIF terms
        width, height = raw.sizes.iwidth, raw.sizes.iheight
        check_size(width, height, source.limit_px)
        embedded = _embedded(raw, source, turn, short_side_px) if prefer_embedded else None
        if embedded:
            return replace(embedded, format="raw")
        half = short_side_px is not None and min(width, height) >= 2 * short_side_px
        pixels = raw.postprocess(half_size=half, use_camera_wb=True, user_flip=0, output_bps=8)
    return Picture(from_array(pixels), width, height, turn, None, "raw")


def _embedded(raw: Any, source: Source, turn: int, short_side_px: int | None) -> Picture | None:
    """The camera's own JPEG, when it has enough pixels. Its own orientation tag counts; without one, the raw's."""
    import rawpy

    try:
        thumb = raw.extract_thumb()
    except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError):
        return None
    if thumb.format != rawpy.ThumbFormat.JPEG:
        return None
    with Image.open(io.BytesIO(thumb.data), formats=["JPEG"]) as header:
        needed = short_side_px or min(raw.sizes.iwidth, raw.sizes.iheight) * 0.9
        if min(header.size) < needed:
            return None
        own = header.getexif().get(0x0112)
    try:
        return _jpeg(replace(source, content=thumb.data), short_side_px, orientation=None if own else turn)
    except Undecodable:
        return None  # the raw data itself may still be whole


def _pillow(source: Source, found: Format) -> Picture:
    if found == "jxl":
        # This plug-in decodes when it opens, so the size is read first.
        from pillow_jxl import JpegXLImagePlugin

        JpegXLImagePlugin.DECODE_THREADS = 1
        check_size(*jxl_size(source.content or source.path.read_bytes()), source.limit_px)
    if found == "avif":
        from PIL import AvifImagePlugin

        AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    with source.stream() as stream, Image.open(stream, formats=[PILLOW_NAMES[found]]) as picture:
        width, height = picture.size
        check_size(width, height, source.limit_px)
        # AVIF: Pillow puts the container's rotation where EXIF has its own. JPEG XL turns itself, unless it is a
        # repacked JPEG, which keeps the tag of that.
        turns = found == "avif" or (found == "jxl" and bool(getattr(picture, "jpeg", False)))
        orientation = _exif_orientation(picture) if turns else 1
        pixels = _telling_frame(picture) if found == "gif" else _eight_bits(picture)
        icc = picture.info.get("icc_profile")
    return Picture(from_array(pixels), width, height, orientation, icc, found)


def _has_odd_orientation(tiff: Source) -> bool:
    try:
        with tiff.stream() as stream, Image.open(stream, formats=["TIFF"]) as header:
            return not 1 <= header.getexif().get(0x0112, 1) <= 8
    except (OSError, SyntaxError, ValueError, TypeError, KeyError, OverflowError):
        return False  # not Pillow's kind of TIFF; libtiff may know it


def _telling_frame(gif: Any) -> Pixels:
    """The first frame that is not one flat colour; the very first when all are."""
    first: Pixels | None = None
    for index in range(min(getattr(gif, "n_frames", 1), GIF_FRAMES)):
        gif.seek(index)
        pixels = _eight_bits(gif)
        if first is None:
            first = pixels
        if pixels[..., :3].std() > 4:
            return pixels
    return first if first is not None else _eight_bits(gif)


def _eight_bits(picture: Any) -> Pixels:
    """(H, W, 3 or 4) uint8."""
    if picture.mode == "F":
        grey = np.clip(np.asarray(picture) * 255, 0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if picture.mode.startswith("I"):  # 16-bit grey, which Pillow's own conversion would clip
        deep = np.asarray(picture).astype(np.int64)
        grey = (deep >> 8 if deep.max(initial=0) > 255 else deep).clip(0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    has_alpha = picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info
    return np.asarray(picture.convert("RGBA" if has_alpha else "RGB"))


def _exif_orientation(picture: Any) -> int:
    try:
        value = picture.getexif().get(0x0112)
    except (OSError, SyntaxError, ValueError, TypeError, KeyError, OverflowError):  # damaged EXIF is no reason to fail
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _tidy(error: Exception) -> str:
    """A library's own words, on one line, without the full stop we add."""
    return " ".join(str(error).split()).rstrip(".")[:200]
