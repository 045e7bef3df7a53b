import io

import pytest
from PIL import Image

from calotype.outside.animation import gif_ms, webp_ms


def animated(name: str, durations: list[int]) -> bytes:
    body = io.BytesIO()
    frames = [Image.new("RGB", (8, 8), (40 * i, 255 - 40 * i, 9)) for i in range(len(durations))]
    frames[0].save(body, name, save_all=True, append_images=frames[1:], duration=durations)
    return body.getvalue()


def test_the_frames_add_up():
    assert gif_ms(animated("GIF", [100, 200, 700])) == 1000
    assert webp_ms(animated("WEBP", [101, 202, 703])) == 1006


def test_frames_that_claim_no_time_last_a_tenth_of_a_second():
    assert gif_ms(animated("GIF", [0, 10, 20])) == 220


@pytest.mark.parametrize("length", [0, 1, 12, 14, 40, 200])
def test_a_cut_file_counts_as_far_as_it_goes(length: int):
    assert (gif_ms(animated("GIF", [100, 200, 300, 400])[:length]) or 0) <= 1000
    assert (webp_ms(animated("WEBP", [100, 200, 300, 400])[:length]) or 0) <= 1000
