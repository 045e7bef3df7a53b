"""Photos drawn with light, texture and shapes, no two alike; and what people do to photos."""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageOps


def photo(seed: int, width: int = 800, height: int = 600) -> Image.Image:
    """Coarse and fine structure in colour, as photos have; another seed shows something else."""
    random = np.random.default_rng(seed)
    layers = np.zeros((height, width, 3), np.float32)
    for cells, weight in ((3, 90), (6, 70), (12, 45), (30, 25), (90, 12)):
        rough = (random.random((cells, cells, 3)) * 255).astype(np.uint8)
        layer = Image.fromarray(rough).resize((width, height), Image.Resampling.BICUBIC)
        layers += (np.asarray(layer, np.float32) / 255 - 0.5) * weight
    return Image.fromarray(np.clip(layers + 120, 0, 255).astype(np.uint8))


def encoded(picture: Image.Image, format: str = "JPEG", quality: int = 92, **options: object) -> bytes:
    """The bytes of a file."""
    body = io.BytesIO()
    picture.save(body, format, quality=quality, **options)
    return body.getvalue()


def _crop(picture: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    width, height = picture.size
    return picture.crop((int(width * left), int(height * top), int(width * (1 - right)), int(height * (1 - bottom))))


def _levelled(picture: Image.Image, degrees: float) -> Image.Image:
    return _crop(picture.rotate(degrees, Image.Resampling.BICUBIC), 0.06, 0.06, 0.06, 0.06)


def _stamped(picture: Image.Image) -> Image.Image:
    made = picture.copy()
    width, height = made.size
    ImageDraw.Draw(made).rectangle((width * 0.62, height * 0.86, width * 0.97, height * 0.95), fill=(255, 255, 255))
    return made


def _half(picture: Image.Image) -> Image.Image:
    return picture.resize((picture.width * 2 // 5, picture.height * 2 // 5), Image.Resampling.LANCZOS)


def _poor(picture: Image.Image) -> Image.Image:
    return Image.open(io.BytesIO(encoded(picture, quality=40))).convert("RGB")


SAME: dict[str, Callable[[Image.Image], Image.Image]] = {"JPEG, quality 40": _poor, "resized to 40 %": _half}
EDITS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "brighter by 25 %": lambda picture: ImageEnhance.Brightness(picture).enhance(1.25),
    "black and white": lambda picture: picture.convert("L").convert("RGB"),
    "mirrored": ImageOps.mirror,
    "turned by 90°": lambda picture: picture.transpose(Image.Transpose.ROTATE_90),
    "stamped": _stamped,
    "cropped by 5 %": lambda picture: _crop(picture, 0.05, 0.05, 0.05, 0.05),
    "left 10 % cut off": lambda picture: _crop(picture, 0.1, 0, 0, 0),
    "levelled by 3°": lambda picture: _levelled(picture, 3),
}
