"""Makes photos like a phone's: 12 MP JPEG of about 2.6 MB with camera, date and place. The same number gives the same photo.

Each shows something of its own: photos that all looked the same would measure how look-alikes are compared.
"""

import io
import random
from pathlib import Path

import numpy as np
import piexif
from PIL import Image, ImageFilter

WIDTH, HEIGHT = 4032, 3024
QUALITY = 92


def _texture() -> Image.Image:
    rnd = np.random.default_rng(7)
    layers = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    for scale, weight in ((8, 70), (32, 60), (128, 40), (512, 18), (2016, 9)):
        small = rnd.random((max(2, HEIGHT * scale // WIDTH), scale, 3), dtype=np.float32)
        layer = Image.fromarray((small * 255).astype(np.uint8)).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
        layers += np.asarray(layer, np.float32) / 255 * weight
    layers += rnd.normal(0, 14, layers.shape).astype(np.float32)
    return Image.fromarray(np.clip(layers, 0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.6))


def _scene(texture: Image.Image, number: int) -> Image.Image:
    colours = np.random.default_rng(number).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    return Image.blend(texture, Image.fromarray(colours).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC), 0.4)


def _rational(value: float) -> tuple[tuple[int, int], ...]:
    degrees = int(value)
    minutes = int((value - degrees) * 60)
    return (degrees, 1), (minutes, 1), (int(((value - degrees) * 60 - minutes) * 6000), 100)


def _exif(number: int) -> bytes:
    rnd = random.Random(number)
    taken = f"2024:{1 + number % 12:02d}:{1 + number % 28:02d} {number % 24:02d}:{number % 60:02d}:11".encode()
    return piexif.dump(
        {
            "0th": {271: b"Apple", 272: b"iPhone 15 Pro", 274: 1},
            "Exif": {36867: taken, 36881: b"+02:00", 34855: 100, 33434: (1, 120), 33437: (18, 10), 37386: (68, 10)},
            "GPS": {1: b"N", 2: _rational(40 + rnd.random() * 12), 3: b"E", 4: _rational(2 + rnd.random() * 20)},
        }
    )


def photos(folder: Path, count: int) -> list[Path]:
    """Paths of that many photos, made where they are missing."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"IMG_{number:04d}.jpg" for number in range(count)]
    missing = [number for number in range(count) if not paths[number].exists()]
    if not missing:
        return paths
    base = _texture()
    for number in missing:
        buffer, out = io.BytesIO(), io.BytesIO()
        _scene(base, number).save(buffer, "JPEG", quality=QUALITY, subsampling=2)
        piexif.insert(_exif(number), buffer.getvalue(), out)
        paths[number].write_bytes(out.getvalue() + random.Random(number).randbytes(64))
    return paths


if __name__ == "__main__":
    made = photos(Path(__file__).parent / "corpus", 300)
    print(len(made), "photos,", sum(p.stat().st_size for p in made) // len(made), "bytes each")
