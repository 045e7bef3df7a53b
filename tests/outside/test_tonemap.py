import numpy as np

from calotype.outside.tonemap import to_sdr


def test_tone_mapping_keeps_black_and_grey_and_cuts_at_the_peak():
    ramp = np.linspace(0, 65535, 64).astype(np.uint16)
    rgb = np.repeat(ramp[None, :, None], 3, axis=2)
    for transfer in ("smpte2084", "arib-std-b67"):
        shown = to_sdr(rgb, transfer).astype(int)
        assert shown[0, 0].max() == 0
        assert shown[0, -1].min() >= 254
        assert np.ptp(shown, axis=2).max() <= 2  # grey stays grey
        assert (np.diff(shown[0, :, 0]) >= 0).all()


def test_a_page_in_hdr_is_nearly_white_on_a_screen():
    page = np.full((1, 1, 3), round(0.58 * 65535), dtype=np.uint16)  # ITU-R BT.2408: 203 nits are PQ code 0.58
    assert 140 < int(to_sdr(page, "smpte2084").mean()) < 240


def test_a_colour_keeps_its_hue():
    red = np.zeros((1, 1, 3), dtype=np.uint16)
    red[..., 0] = 40_000
    shown = to_sdr(red, "arib-std-b67")[0, 0]
    assert shown[0] > 100
    assert max(shown[1], shown[2]) < 30
