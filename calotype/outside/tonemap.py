"""HDR to SDR for one still: PQ or HLG in BT.2020 to sRGB, by the curve the encoder uses too. Pure, numpy only."""

from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Transfer = Literal["smpte2084", "arib-std-b67"]

SDR_WHITE_NITS = 203.0  # ITU-R BT.2408: where HDR puts the white of a page
PEAK_NITS = 1000.0  # what phones and cameras grade for; brighter sparks are cut

# ITU-R BT.2087: linear BT.2020 to linear BT.709.
_TO_709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], dtype=np.float32
)
_STEPS = 4096


def to_sdr(rgb: NDArray[np.uint16], transfer: Transfer) -> NDArray[np.uint8]:
    """rgb: (H, W, 3) uint16, BT.2020, full range → (H, W, 3) uint8 sRGB."""
    light = _linear(transfer)[rgb >> 4]  # 1.0 is SDR white; 12 bits are all a video has
    light = np.clip(light @ _TO_709.T, 0, None)
    brightest = light.max(axis=2, keepdims=True)  # one factor for all three keeps the hue
    factor = _hable(brightest) / np.maximum(brightest, 1e-6) / _hable(np.float32(PEAK_NITS / SDR_WHITE_NITS))
    index = np.clip(light * factor * (_STEPS - 1), 0, _STEPS - 1).astype(np.uint16)
    return _srgb()[index]


@lru_cache(maxsize=2)
def _linear(transfer: Transfer) -> NDArray[np.float32]:
    code = np.arange(_STEPS) / (_STEPS - 1)
    if transfer == "smpte2084":  # SMPTE ST 2084, the EOTF, in nits
        m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
        power = code ** (1 / m2)
        nits = 10_000 * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)
    else:  # ITU-R BT.2100 HLG: inverse OETF, then the system gamma of a 1000-nit screen
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        scene = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
        nits = PEAK_NITS * scene**1.2
    return (np.minimum(nits, PEAK_NITS) / SDR_WHITE_NITS).astype(np.float32)


def _hable(x: NDArray[np.float32] | np.float32) -> NDArray[np.float32]:
    a, b, c, d, e, f = 0.15, 0.50, 0.10, 0.20, 0.02, 0.30
    return np.asarray((x * (x * a + b * c) + d * e) / (x * (x * a + b) + d * f) - e / f, dtype=np.float32)


@lru_cache(maxsize=1)
def _srgb() -> NDArray[np.uint8]:
    light = np.arange(_STEPS) / (_STEPS - 1)
    code = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return (code * 255 + 0.5).astype(np.uint8)
