"""What is kept of a picture to tell later whether another one looks like it: a tiny copy, and hashes. Pure, numpy only.

Runs in a decoder child, on pixels that are there anyway.
"""

import numpy as np
import xxhash
from numpy.typing import NDArray
from PIL import Image

LUMA_SIDE = 24
CHROMA_SIDE = 4
TINY_BYTES = LUMA_SIDE**2 + 2 * CHROMA_SIDE**2
WAVES = 8  # the hash keeps the signs of 8×8 frequencies, less the average
FLAT = 3.0  # standard deviation of luma (0 to 255) below which signs are chance
ON_WHITE = (255, 255, 255)

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]


def tiny(pixels: Pixels) -> bytes:
    """24×24 luma, then 4×4 Cb and Cr.  pixels: (H, W, 3 or 4) uint8, upright; what is transparent counts as white."""
    picture = Image.fromarray(pixels)
    if picture.mode == "RGBA":
        flat = Image.new("RGB", picture.size, ON_WHITE)
        flat.paste(picture, mask=picture.getchannel("A"))
        picture = flat
    luma, *chroma = picture.convert("YCbCr").split()
    small = [luma.resize((LUMA_SIDE, LUMA_SIDE), Image.Resampling.BOX)]
    small += [channel.resize((CHROMA_SIDE, CHROMA_SIDE), Image.Resampling.BOX) for channel in chroma]
    return b"".join(each.tobytes() for each in small)


def luma_of(tiny: bytes) -> Floats:
    """(24, 24)"""
    return np.frombuffer(tiny, np.uint8, LUMA_SIDE**2).reshape(LUMA_SIDE, LUMA_SIDE).astype(np.float64)


def signs(luma: Floats) -> NDArray[np.bool_]:
    """Which low frequencies are positive, (8, 8); the first, the average, never is."""
    waves = _COSINES @ (luma - luma.mean()) @ _COSINES.T
    positive = waves > 0
    positive[0, 0] = False
    return positive


def hash_of(tiny: bytes) -> int | None:
    """64 bits as a signed integer; `None` for a picture that shows next to nothing.

    A mirrored or turned picture has the same frequencies with other signs, so that its hash follows from this one.
    """
    luma = luma_of(tiny)
    return None if luma.std() < FLAT else packed(signs(luma))


def packed(positive: NDArray[np.bool_]) -> int:
    """The signs as a signed 64-bit integer, spread so that each quarter of it has fine and coarse ones."""
    number = int.from_bytes(np.packbits(positive.ravel()[_SPREAD]).tobytes(), "big")
    return number - (1 << 64) if number >> 63 else number


def unpacked(number: int) -> NDArray[np.bool_]:
    """The way back of `packed`."""
    bits = np.unpackbits(np.frombuffer((number % (1 << 64)).to_bytes(8, "big"), np.uint8))
    positive = np.empty(WAVES * WAVES, np.bool_)
    positive[_SPREAD] = bits.astype(np.bool_)
    return positive.reshape(WAVES, WAVES)


def pixels_hash(pixels: Pixels, *, width_px: int, height_px: int, icc: bytes | None) -> bytes:
    """Equal only for the same full size, profile and pixels. `pixels` may be a reduced copy, made the same way.

    128 bits that nothing but intent brings together, 25 times as fast as SHA-256. Against intent, whoever compares two
    of them also compares the tiny copies.
    """
    digest = xxhash.xxh3_128(f"{width_px}x{height_px}:{pixels.shape}:{len(icc or b'')}:".encode())
    digest.update(icc or b"")
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.digest()


_COSINES: Floats = np.cos(np.pi / LUMA_SIDE * np.outer(np.arange(WAVES), np.arange(LUMA_SIDE) + 0.5))
# Bits 0, 4, 8 … of the diagonal order first: a quarter takes every fourth frequency.
_BY_FINENESS = sorted(range(WAVES * WAVES), key=lambda i: (i // WAVES + i % WAVES, i))
_SPREAD = np.array([_BY_FINENESS[i] for start in range(4) for i in range(start, WAVES * WAVES, 4)])
