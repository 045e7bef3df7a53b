import io

import pillow_heif
import pillow_jxl  # noqa: F401 — registers the encoder
import pytest
from PIL import Image

from calotype.outside.sniff import ENOUGH_BYTES, UNREADABLE, jxl_size, sniff, what_else

pillow_heif.register_heif_opener()


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("JPEG", "jpeg"),
        ("PNG", "png"),
        ("GIF", "gif"),
        ("WEBP", "webp"),
        ("AVIF", "avif"),
        ("HEIF", "heif"),
        ("JXL", "jxl"),
        ("TIFF", "tiff"),
        ("BMP", "bmp"),
        ("JPEG2000", "jp2"),
    ],
)
def test_what_our_encoders_write_is_recognised(name: str, found: str):
    body = io.BytesIO()
    Image.new("RGB", (64, 48)).save(body, name)
    assert sniff(body.getvalue()[:ENOUGH_BYTES]) == found


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"FUJIFILMCCD-RAW 0201", "raw"),
        (b"\x00\x00\x00\x18ftypcrx \x00\x00\x00\x01crx isom", "raw"),
        (b"II\x1a\x00\x00\x00HEAPCCDR", "raw"),
        (b"IIU\x00\x18\x00\x00\x00", "raw"),
        (b"II*\x00\x08\x00\x00\x00", "tiff"),
        (b"MM\x00+\x00\x08\x00\x00", "tiff"),
        (b"8BPS\x00\x01", "psd"),
        (b"\xef\xbb\xbf  <?xml version='1.0'?>\n<!-- drawn by hand -->\n<svg>", "svg"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "svg"),
        (b"<html><body>", "unknown"),
        (b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1avifmiaf", "avif"),
        (b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1heicmiaf", "heif"),
        (b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1miaf", "heif"),
        (b"\x00\x00\x00\x14ftypisom\x00\x00\x00\x00mp42", "unknown"),
        (b"BMW is a car, and this is a letter", "unknown"),
        (b"", "unknown"),
    ],
)
def test_the_first_bytes_decide(head: bytes, found: str):
    assert sniff(head) == found


def test_a_letter_cut_in_the_middle_of_a_character_is_still_text():
    assert "text" in what_else(("ä" * 3000).encode()[: ENOUGH_BYTES - 1])
    assert "text" in what_else("\ufeff<?xpacket begin='\ufeff'?>".encode())
    assert what_else(b"\x93\x01\xfe\xff" * 20) == UNREADABLE


@pytest.mark.parametrize(("width", "height"), [(64, 48), (256, 256), (300, 200), (1000, 333), (1600, 900), (7, 5000)])
def test_the_size_of_a_jpeg_xl_is_read_without_decoding(width: int, height: int):
    body = io.BytesIO()
    Image.new("RGB", (width, height)).save(body, "JXL")
    assert sniff(body.getvalue()) == "jxl"
    assert jxl_size(body.getvalue()) == (width, height)


def test_a_broken_jpeg_xl_has_no_size():
    assert jxl_size(b"") == jxl_size(b"\x00\x00\x00\x0cJXL \r\n\x87\n") == (0, 0)
