"""Bytes become pixels, as few as are needed, or a sentence."""

import io

import numpy as np
import pytest
from PIL import Image

from calotype.inference.pixels import Undecodable, decode
from tests.inference.conftest import picture


def test_jpeg_is_decoded_no_larger_than_needed():
    found = decode(picture(2400, 1800), least_px=448)
    assert found.rgb.shape == (450, 600, 3)  # a quarter still has 448 on the shorter side
    assert (found.width_px, found.height_px) == (2400, 1800)
    assert found.scale == pytest.approx((4, 4))


def test_without_a_need_every_pixel_comes():
    assert decode(picture(2400, 1800)).rgb.shape == (1800, 2400, 3)


def test_a_small_picture_is_never_enlarged():
    assert decode(picture(100, 80), least_px=448).rgb.shape == (80, 100, 3)


@pytest.mark.parametrize("format", ["PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_what_cannot_be_decoded_small_is_made_small(format: str):
    found = decode(picture(2000, 1500, format=format), least_px=448)
    assert found.rgb.shape == (500, 667, 3)
    assert (found.width_px, found.height_px) == (2000, 1500)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "CMYK", "1", "I;16"])
def test_every_mode_becomes_rgb(mode: str):
    if mode == "I;16":
        image = Image.fromarray(np.full((40, 60), 40_000, np.uint16))
    else:
        image = Image.new("RGB", (60, 40), (156, 156, 156)).convert(mode, palette=Image.Palette.ADAPTIVE)
    content = io.BytesIO()
    image.save(content, "JPEG" if mode == "CMYK" else "PNG")
    rgb = decode(content.getvalue()).rgb
    assert rgb.shape == (40, 60, 3)
    assert rgb.dtype == np.uint8
    if mode != "1":
        assert abs(rgb.astype(int) - 156).max() <= 2


def test_scaled_decoding_sees_the_same_picture():
    content = picture(1600, 1200, seed=3)
    small = Image.fromarray(decode(content, least_px=448).rgb).resize((100, 75), Image.Resampling.BICUBIC)
    whole = Image.fromarray(decode(content).rgb).resize((100, 75), Image.Resampling.BICUBIC)
    assert abs(np.asarray(small, int) - np.asarray(whole, int)).max() <= 4


def test_a_file_that_is_cut_off_is_refused():
    content = picture(800, 600)
    with pytest.raises(Undecodable, match=r"The picture cannot be decoded: .*truncated"):
        decode(content[: len(content) // 2], least_px=448)


def test_too_many_pixels_are_refused_before_they_are_decoded():
    with pytest.raises(Undecodable, match=r"2400×1800 pixels; more than 1 megapixels"):
        decode(picture(2400, 1800), max_pixels=1_000_000)


def test_programs_that_draw_are_not_run():
    with pytest.raises(Undecodable, match="no picture of a format that is known"):
        decode(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n")
