"""ThumbHash: a picture's shape and colours in about 25 bytes, drawn as a blur while the real one loads.

The format is public (evanw.github.io/thumbhash); clients decode it, so every bit counts. Pure, numpy only.
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

MAX_SIDE_PX = 100  # the format's own limit; more pixels change nothing that 25 bytes could keep
FLAT = 1e-9  # a channel whose waves are all below this is one colour

Floats = NDArray[np.float64]


def thumbhash(rgba: NDArray[np.uint8]) -> bytes:
    """The hash of a picture of at most 100×100.  rgba: (H, W, 4) uint8 sRGB, alpha not premultiplied.

    Raises `ValueError` for a larger picture.
    """
    height, width = rgba.shape[:2]
    if max(width, height) > MAX_SIDE_PX or min(width, height) < 1:
        raise ValueError(f"{width}x{height} does not fit in {MAX_SIDE_PX}x{MAX_SIDE_PX}")
    pixels = rgba.astype(np.float64) / 255
    alpha = pixels[..., 3]
    opacity = float(alpha.sum())
    has_alpha = bool((rgba[..., 3] < 255).any())
    colour = pixels[..., :3]
    if has_alpha:  # what is transparent counts as the average colour, so that its edges do not ring
        average = (colour * alpha[..., None]).sum(axis=(0, 1)) / (opacity or 1.0)
        colour = average * (1 - alpha[..., None]) + colour * alpha[..., None]
    red, green, blue = colour[..., 0], colour[..., 1], colour[..., 2]

    # Luminance gets the most detail, and less of it when alpha needs room too.
    limit = 5 if has_alpha else 7
    nx = max(1, _round(limit * width / max(width, height)))
    ny = max(1, _round(limit * height / max(width, height)))
    l_dc, l_ac, l_scale = _frequencies((red + green + blue) / 3, max(3, nx), max(3, ny))
    p_dc, p_ac, p_scale = _frequencies((red + green) / 2 - blue, 3, 3)
    q_dc, q_ac, q_scale = _frequencies(red - green, 3, 3)

    is_landscape = width > height
    head = (
        _round(63 * l_dc)
        | _round(31.5 + 31.5 * p_dc) << 6
        | _round(31.5 + 31.5 * q_dc) << 12
        | _round(31 * l_scale) << 18
        | has_alpha << 23
    )
    tail = (ny if is_landscape else nx) | _round(63 * p_scale) << 3 | _round(63 * q_scale) << 9 | is_landscape << 15
    out = bytearray(head.to_bytes(3, "little") + tail.to_bytes(2, "little"))
    weights = [l_ac, p_ac, q_ac]
    if has_alpha:
        a_dc, a_ac, a_scale = _frequencies(alpha, 5, 5)
        out.append(_round(15 * a_dc) | _round(15 * a_scale) << 4)
        weights.append(a_ac)
    nibbles = [_round(15 * weight) for channel in weights for weight in channel]
    if len(nibbles) % 2:
        nibbles.append(0)
    out += bytes(low | high << 4 for low, high in zip(nibbles[::2], nibbles[1::2], strict=True))
    return bytes(out)


def _frequencies(channel: Floats, nx: int, ny: int) -> tuple[float, list[float], float]:
    """The average, the other cosine weights (0 to 1, in the format's order), and the factor they were scaled by."""
    height, width = channel.shape
    all_weights = _cosines(height, ny) @ channel @ _cosines(width, nx).T / (width * height)
    # Only the low triangle is kept: a row loses a column as the vertical frequency grows.
    kept = [
        float(all_weights[y, x]) for y in range(ny) for x in range(nx) if x * ny < nx * (ny - y) and (x > 0 or y > 0)
    ]
    scale = max((abs(weight) for weight in kept), default=0.0)
    if scale < FLAT:  # rounding noise would be blown up to random nibbles
        return float(all_weights[0, 0]), [0.0] * len(kept), 0.0
    kept = [0.5 + 0.5 / scale * weight for weight in kept]
    return float(all_weights[0, 0]), kept, scale


@lru_cache(maxsize=256)
def _cosines(length: int, count: int) -> Floats:
    positions = np.arange(length) + 0.5
    return np.cos(np.pi / length * np.outer(np.arange(count), positions))


def _round(value: float) -> int:
    """Half goes up, as in the JavaScript the format was defined with; Python's `round` goes to even."""
    return math.floor(value + 0.5)
