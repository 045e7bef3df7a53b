"""From the bytes of a stranger's picture to pixels, bounded, and decoded no larger than somebody needs.

Runs in a child that may die. What every model gets is a `Picture`; who needs coordinates multiplies with its `scale`.
"""

# The decoders ship no types; what leaves this file is typed.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import io
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

# What a picture may be. Named, as Pillow's list also has formats that run other programs (PostScript).
FORMATS = ("JPEG", "WEBP", "PNG", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000")
MAX_PIXELS = 100_000_000
Image.MAX_IMAGE_PIXELS = None  # our own limit is checked before anything is decoded

Pixels = NDArray[np.uint8]


class Undecodable(Exception):
    """The bytes are no picture that can be decoded; the reason is a sentence."""


class NoPixels(Undecodable):
    """A picture without width or height."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Decoded pixels and the size of the picture that was sent.

    rgb: (H, W, 3) uint8 sRGB, C-contiguous, perhaps read-only; perhaps smaller than the picture that was sent.
    width_px, height_px: of the picture that was sent.
    """

    rgb: Pixels
    width_px: int
    height_px: int

    @property
    def scale(self) -> tuple[float, float]:
        """What a coordinate in `rgb` must be multiplied with, across and down, to be one in the picture sent."""
        return self.width_px / self.rgb.shape[1], self.height_px / self.rgb.shape[0]


def decode(content: bytes | memoryview, *, least_px: int | None = None, max_pixels: int = MAX_PIXELS) -> Picture:
    """The pixels of a picture; EXIF's orientation is not applied (previews are upright).

    least_px: what the shorter side must keep. JPEG is then decoded at n/8 of its size, which costs a fraction; other
    formats come in full. `None`: every pixel. A picture that is smaller is never enlarged.
    Raises `Undecodable`, `NoPixels`.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on odd files: they decode or they do not
            return _decode(content, least_px, max_pixels)
    except (Undecodable, MemoryError):
        raise
    except Exception as error:  # whatever a decoder says about bytes nobody has vouched for is about those bytes
        text = " ".join(str(error).split()).rstrip(".")[:200]
        raise Undecodable(f"The picture cannot be decoded: {text or type(error).__name__}.") from error


def _decode(content: bytes | memoryview, least_px: int | None, max_pixels: int) -> Picture:
    try:
        opened = Image.open(io.BytesIO(content), formats=FORMATS)
    except Image.UnidentifiedImageError as error:
        raise Undecodable("The bytes are no picture of a format that is known.") from error
    with opened as image:
        width, height = image.size
        if width < 1 or height < 1:
            raise NoPixels("Image has zero width or height")
        if width * height > max_pixels:
            raise Undecodable(
                f"The picture has {width}×{height} pixels; more than {max_pixels / 1e6:g} megapixels are not decoded."
            )
        if image.format in ("JPEG", "MPO") and image.mode in ("RGB", "L"):
            wanted = _least(width, height, least_px)
            try:
                rgb: Pixels = simplejpeg.decode_jpeg(content, "RGB", min_width=wanted[0], min_height=wanted[1])
                return Picture(rgb, width, height)
            except ValueError:
                pass  # it tolerates nothing; Pillow overlooks what does no harm, and refuses a file that is cut off
            if least_px is not None:
                image.draft("RGB", wanted)
        rgb = _rgb(image)
        return Picture(rgb if least_px is None else _reduced(rgb, least_px), width, height)


def _reduced(rgb: Pixels, least_px: int) -> Pixels:
    """Halved, thirded… as long as enough is left: what no decoder can scale must not fill the models' memory."""
    times = min(rgb.shape[:2]) // max(1, least_px)
    return rgb if times < 2 else np.asarray(Image.fromarray(rgb).reduce(times))


def _least(width: int, height: int, least_px: int | None) -> tuple[int, int]:
    """The smallest width and height that will do."""
    share = 1.0 if least_px is None else min(1.0, least_px / min(width, height))
    return max(1, int(width * share)), max(1, int(height * share))


def _rgb(image: Image.Image) -> Pixels:
    if image.mode.startswith(("I", "F")):  # 16 bits a pixel: Pillow would cut them off at 255
        deep: NDArray[Any] = np.asarray(image).astype(np.float32)
        top = max(float(deep.max(initial=0)), 1.0)
        grey = (np.clip(deep, 0, None) * (255 / (65535 if top > 255 else 255))).round().clip(0, 255).astype(np.uint8)
        return np.ascontiguousarray(np.repeat(grey[:, :, None], 3, axis=2))
    return np.asarray(image.convert("RGB"))
