import base64
import math
import time

import numpy as np
import pytest
from numpy.typing import NDArray

from calotype.outside.thumbhash import thumbhash

Pixels = NDArray[np.uint8]


def by_the_book(rgba: Pixels) -> bytes:
    """The published algorithm, step by step as it is written, slow: what the quick one must equal bit by bit."""
    h, w = rgba.shape[:2]
    flat = rgba.reshape(-1, 4).tolist()
    avg = [0.0, 0.0, 0.0]
    avg_a = 0.0
    for r, g, b, a in flat:
        alpha = a / 255
        avg = [have + alpha / 255 * value for have, value in zip(avg, (r, g, b), strict=True)]
        avg_a += alpha
    if avg_a > 0:
        avg = [value / avg_a for value in avg]
    has_alpha = avg_a < w * h - 1e-9
    limit = 5 if has_alpha else 7
    lx = max(1, math.floor(limit * w / max(w, h) + 0.5))
    ly = max(1, math.floor(limit * h / max(w, h) + 0.5))
    luma, p, q, alphas = [], [], [], []
    for r, g, b, a in flat:
        alpha = a / 255
        r, g, b = (have * (1 - alpha) + alpha / 255 * value for have, value in zip(avg, (r, g, b), strict=True))
        luma.append((r + g + b) / 3)
        p.append((r + g) / 2 - b)
        q.append(r - g)
        alphas.append(alpha)

    def channel(values: list[float], nx: int, ny: int) -> tuple[float, list[float], float]:
        dc, ac, scale = 0.0, [], 0.0
        for cy in range(ny):
            cx = 0
            while cx * ny < nx * (ny - cy):
                f = 0.0
                for y in range(h):
                    fy = math.cos(math.pi / h * cy * (y + 0.5))
                    for x in range(w):
                        f += values[x + y * w] * math.cos(math.pi / w * cx * (x + 0.5)) * fy
                f /= w * h
                if cx or cy:
                    ac.append(f)
                    scale = max(scale, abs(f))
                else:
                    dc = f
                cx += 1
        return dc, [0.5 + 0.5 / scale * f if scale > 1e-9 else 0.0 for f in ac], scale if scale > 1e-9 else 0.0

    def rounded(value: float) -> int:
        return math.floor(value + 0.5)

    l_dc, l_ac, l_scale = channel(luma, max(3, lx), max(3, ly))
    p_dc, p_ac, p_scale = channel(p, 3, 3)
    q_dc, q_ac, q_scale = channel(q, 3, 3)
    landscape = w > h
    h24 = rounded(63 * l_dc) | rounded(31.5 + 31.5 * p_dc) << 6 | rounded(31.5 + 31.5 * q_dc) << 12
    h24 |= rounded(31 * l_scale) << 18 | int(has_alpha) << 23
    h16 = (ly if landscape else lx) | rounded(63 * p_scale) << 3 | rounded(63 * q_scale) << 9 | int(landscape) << 15
    out = [h24 & 255, h24 >> 8 & 255, h24 >> 16, h16 & 255, h16 >> 8]
    channels = [l_ac, p_ac, q_ac]
    if has_alpha:
        a_dc, a_ac, a_scale = channel(alphas, 5, 5)
        out.append(rounded(15 * a_dc) | rounded(15 * a_scale) << 4)
        channels.append(a_ac)
    start, index = len(out), 0
    for ac in channels:
        for f in ac:
            if index % 2 == 0:
                out.append(0)
            out[start + index // 2] |= rounded(15 * f) << (index % 2 * 4)
            index += 1
    return bytes(out)


def picture(width: int, height: int, *, seed: int, see_through: bool = False) -> Pixels:
    """A smooth random picture: noise would leave weights on a rounding edge, where two sums may differ in a bit."""
    draw = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    layers = []
    for _ in range(4):
        fx, fy, phase = draw.uniform(0.2, 4, 3)
        layers.append(127.5 + 127.5 * np.sin(fx * x / width * 3 + fy * y / height * 3 + phase))
    rgba = np.stack(layers, axis=-1).round().astype(np.uint8)
    if not see_through:
        rgba[..., 3] = 255
    return rgba


@pytest.mark.parametrize("see_through", [False, True])
@pytest.mark.parametrize(("width", "height"), [(24, 16), (16, 24), (20, 20), (30, 3), (1, 1), (2, 31), (100, 1)])
def test_the_quick_hash_equals_the_published_algorithm(width: int, height: int, see_through: bool):
    rgba = picture(width, height, seed=width * 1000 + height, see_through=see_through)
    assert thumbhash(rgba) == by_the_book(rgba)


def test_one_colour_keeps_that_colour_and_no_detail():
    rgba = np.full((75, 100, 4), 255, dtype=np.uint8)
    rgba[..., :3] = (255, 0, 0)
    head = int.from_bytes(thumbhash(rgba)[:3], "little")
    assert (head & 63) == 21  # a third of the light
    assert (head >> 12 & 63) == 63  # as far from green as it goes
    assert head >> 18 == 0  # no detail, no alpha


def test_a_fully_transparent_picture_has_a_hash():
    assert thumbhash(np.zeros((10, 10, 4), dtype=np.uint8))[2] & 0x80


def test_a_known_picture_keeps_its_hash():
    rgba = picture(100, 75, seed=7)
    assert base64.b64encode(thumbhash(rgba)).decode() == base64.b64encode(by_the_book(rgba)).decode()


def test_more_than_a_hundred_pixels_are_refused():
    with pytest.raises(ValueError, match="101x5"):
        thumbhash(np.zeros((5, 101, 4), dtype=np.uint8))


def test_it_takes_less_than_a_millisecond_of_cpu():
    rgba = picture(100, 75, seed=3)
    thumbhash(rgba)
    began = time.process_time()
    for _ in range(20):
        thumbhash(rgba)
    assert (time.process_time() - began) / 20 < 0.004  # 0.3 ms on a quiet machine
