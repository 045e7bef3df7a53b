import asyncio
import base64
import io
import struct
import time
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pillow_jxl  # noqa: F401 — registers the encoder
import pytest
import pytest_asyncio
from PIL import Image, ImageCms

from calotype.outside.decoders import Decoders, Undecodable
from calotype.outside.images import Output, Recipe, animation_ms, render

pillow_heif.register_heif_opener()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def decoders() -> AsyncIterator[Decoders]:
    pool = Decoders(count=1, memory_mib=1536, timeout_s=30, max_pixels=30_000_000)
    yield pool
    await pool.close()


def scene(width: int, height: int) -> Image.Image:
    """Left half red, right half blue, and a green bar along the top: every turn and mirror can be told."""
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    pixels[:, : width // 2] = (220, 30, 30)
    pixels[:, width // 2 :] = (30, 30, 220)
    pixels[: height // 4] = (30, 200, 30)
    return Image.fromarray(pixels)


def usual(folder: Path, **changes: Any) -> Recipe:
    return Recipe(
        (
            Output(folder / "preview.jpeg", "jpeg", 1440),
            Output(folder / "thumbnail.webp", "webp", 250),
        ),
        **changes,
    )


def colour_at(path: Path, x: float, y: float) -> str:
    with Image.open(path) as picture:
        pixel = picture.convert("RGB").getpixel((int(picture.width * x), int(picture.height * y)))
    assert isinstance(pixel, tuple)
    return ("red", "green", "blue")[int(np.argmax(pixel))]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def sides(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


async def test_the_short_side_gets_the_size_and_nothing_is_enlarged(decoders: Decoders, tmp_path: Path):
    scene(1920, 1600).save(tmp_path / "large.jpg")
    made = await render(decoders, tmp_path / "large.jpg", usual(tmp_path))
    assert (made.width_px, made.height_px, made.format) == (1920, 1600, "jpeg")
    assert sides(tmp_path / "preview.jpeg") == (1728, 1440)
    assert sides(tmp_path / "thumbnail.webp") == (300, 250)
    scene(64, 48).save(tmp_path / "small.jpg")
    await render(decoders, tmp_path / "small.jpg", usual(tmp_path))
    assert sides(tmp_path / "preview.jpeg") == sides(tmp_path / "thumbnail.webp") == (64, 48)


@pytest.mark.parametrize(
    ("orientation", "bar", "size"),
    # Where the bar along the stored top must appear once the picture stands upright.
    [
        (1, (0.5, 0.1), (300, 200)),
        (2, (0.5, 0.1), (300, 200)),
        (3, (0.5, 0.9), (300, 200)),
        (4, (0.5, 0.9), (300, 200)),
        (5, (0.1, 0.5), (200, 300)),
        (6, (0.9, 0.5), (200, 300)),
        (7, (0.9, 0.5), (200, 300)),
        (8, (0.1, 0.5), (200, 300)),
        (9, (0.5, 0.1), (300, 200)),
        (0, (0.5, 0.1), (300, 200)),
    ],
)
@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "tiff"])
async def test_exif_turns_the_picture(
    decoders: Decoders, tmp_path: Path, orientation: int, bar: tuple[float, float], size: tuple[int, int], kind: str
):
    source = tmp_path / f"turned.{kind}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    scene(300, 200).save(source, exif=exif)
    made = await render(decoders, source, usual(tmp_path))
    assert (made.width_px, made.height_px) == size == sides(tmp_path / "preview.jpeg")
    assert colour_at(tmp_path / "preview.jpeg", *bar) == "green"
    left_is_red = orientation in (0, 1, 4, 9)
    if orientation in (0, 1, 2, 3, 4, 9):
        assert colour_at(tmp_path / "preview.jpeg", 0.2, 0.5) == ("red" if left_is_red else "blue")
    else:
        assert colour_at(tmp_path / "preview.jpeg", 0.5, 0.1) == ("red" if orientation in (5, 6) else "blue")


@pytest.mark.parametrize("kind", ["jpg", "png", "gif", "webp", "avif", "heic", "jxl", "tiff", "bmp", "jp2"])
async def test_every_still_format_becomes_a_preview(decoders: Decoders, tmp_path: Path, kind: str):
    source = tmp_path / f"scene.{kind}"
    scene(600, 400).save(source)
    made = await render(decoders, source, usual(tmp_path))
    assert (made.width_px, made.height_px) == (600, 400)
    assert sides(tmp_path / "thumbnail.webp") == (375, 250)
    assert [colour_at(tmp_path / "thumbnail.webp", *at) for at in ((0.5, 0.1), (0.2, 0.6), (0.8, 0.6))] == [
        "green",
        "red",
        "blue",
    ]


@pytest.mark.parametrize("kind", ["heic", "avif"])
async def test_heif_ignores_exif_orientation(decoders: Decoders, tmp_path: Path, kind: str):
    source = tmp_path / f"scene.{kind}"
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = scene(300, 200)
    picture.save(source, exif=exif.tobytes())
    made = await render(decoders, source, usual(tmp_path))
    with Image.open(source) as reread:  # both encoders move the tag into the container, which is what counts
        stored = reread.size
    assert {made.width_px, made.height_px} == set(stored)
    assert colour_at(tmp_path / "preview.jpeg", 0.9, 0.5) == "green"


@pytest.mark.parametrize("real", ["png", "webp", "heic", "tiff", "gif"])
async def test_a_lying_extension_does_not_matter(decoders: Decoders, tmp_path: Path, real: str):
    scene(60, 40).save(tmp_path / f"a.{real}")
    (tmp_path / f"a.{real}").rename(tmp_path / "lie.jpg")
    made = await render(decoders, tmp_path / "lie.jpg", usual(tmp_path))
    assert (made.width_px, made.height_px) == (60, 40)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"Dear diary,\n" * 900, "is text"),
        ("Liebes Tagebuch, äöü\n".encode() * 900, "is text"),
        (b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2avc1mp41" + bytes(99), "is a video"),
        (b"\x1aE\xdf\xa3" + bytes(99), "is a video"),
        (bytes(5000), "nothing but zeros"),
        (b"%PDF-1.7\n%\xff", "PDF"),
        (b"\x8f\x01\x92\x17\xff\x00" * 50, "not in a picture format"),
    ],
)
async def test_what_is_no_picture_says_what_it_is(decoders: Decoders, tmp_path: Path, content: bytes, reason: str):
    (tmp_path / "x.jpg").write_bytes(content)
    with pytest.raises(Undecodable, match=reason):
        await render(decoders, tmp_path / "x.jpg", usual(tmp_path))
    assert names_in(tmp_path) == ["x.jpg"]


@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "avif", "heic", "jxl", "tiff", "bmp", "jp2", "gif"])
async def test_a_truncated_file_fails_and_leaves_nothing(decoders: Decoders, tmp_path: Path, kind: str):
    noise = np.random.default_rng(1).integers(0, 255, (200, 300, 3), dtype=np.uint8)
    whole = io.BytesIO()
    name = {"jpg": "JPEG", "heic": "HEIF", "jp2": "JPEG2000"}.get(kind, kind.upper())
    Image.fromarray(noise).save(whole, name)
    (tmp_path / f"cut.{kind}").write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])
    with pytest.raises(Undecodable):
        await render(decoders, tmp_path / f"cut.{kind}", usual(tmp_path))
    assert names_in(tmp_path) == [f"cut.{kind}"]


async def test_stray_bytes_between_jpeg_markers_are_forgiven(decoders: Decoders, tmp_path: Path):
    body = io.BytesIO()
    scene(300, 200).save(body, "JPEG")
    data = body.getvalue()
    (tmp_path / "stray.jpg").write_bytes(data[:-2] + b"\x12\x34\x56" + data[-2:] + b"trailer")
    assert (await render(decoders, tmp_path / "stray.jpg", usual(tmp_path))).width_px == 300


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    rows = zlib.compress(bytes(4096))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", rows)
        + chunk(b"IEND", b"")
    )


def bmp_header(width: int, height: int) -> bytes:
    return b"BM" + struct.pack("<IIIIiiHHIIiiII", 999, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)


async def test_a_bomb_is_refused_by_its_header(decoders: Decoders, tmp_path: Path):
    for name, content in (("bomb.png", png_header(60_000, 60_000)), ("bomb.bmp", bmp_header(50_000, 50_000))):
        (tmp_path / name).write_bytes(content)
        began = time.monotonic()
        with pytest.raises(Undecodable, match="more than 30 megapixels"):
            await render(decoders, tmp_path / name, usual(tmp_path))
        assert time.monotonic() - began < 10


async def test_a_picture_that_needs_too_much_memory_is_the_files_fault(tmp_path: Path):
    pool = Decoders(count=1, memory_mib=700, timeout_s=60, max_pixels=2_000_000_000)
    try:
        Image.new("RGB", (12_000, 12_000)).save(tmp_path / "large.png", compress_level=1)
        recipe = Recipe((Output(tmp_path / "full.jpeg", "jpeg", None),))
        with pytest.raises(Undecodable):
            await render(pool, tmp_path / "large.png", recipe)
        scene(60, 40).save(tmp_path / "small.png")
        assert (await render(pool, tmp_path / "small.png", recipe)).width_px == 60
    finally:
        await pool.close()


async def test_a_drawing_is_rasterised_and_reads_no_other_file(decoders: Decoders, tmp_path: Path):
    scene(100, 100).save(tmp_path / "secret.png")
    (tmp_path / "a.svg").write_text(
        f"""<?xml version="1.0"?>
        <svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="300" height="200">
        <rect width="300" height="200" fill="#1e1edc"/>
        <image xlink:href="file://{tmp_path}/secret.png" width="300" height="200"/>
        <image href="{tmp_path}/secret.png" width="300" height="200"/>
        <image href="secret.png" width="300" height="200"/>
        </svg>"""
    )
    made = await render(decoders, tmp_path / "a.svg", usual(tmp_path))
    assert (made.format, made.width_px, made.height_px) == ("svg", 300, 200)
    with Image.open(tmp_path / "preview.jpeg") as picture:
        assert np.ptp(np.asarray(picture), axis=(0, 1)).max() < 6  # nothing but the blue rectangle


async def test_a_drawing_with_a_foreign_entity_is_refused(decoders: Decoders, tmp_path: Path):
    (tmp_path / "secret.txt").write_text("fill-me")
    (tmp_path / "a.svg").write_text(
        f"""<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY leak SYSTEM "file://{tmp_path}/secret.txt">]>
        <svg xmlns="http://www.w3.org/2000/svg" width="300" height="200"><text y="99">&leak;</text></svg>"""
    )
    with pytest.raises(Undecodable, match="leak"):
        await render(decoders, tmp_path / "a.svg", usual(tmp_path))


async def test_a_drawing_of_a_claimed_million_pixels_is_made_small(decoders: Decoders, tmp_path: Path):
    (tmp_path / "a.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="1000000" height="1000"/>')
    made = await render(decoders, tmp_path / "a.svg", usual(tmp_path))
    assert made.width_px <= 16_384
    assert max(sides(tmp_path / "thumbnail.webp")) <= 16_383  # the most that WebP holds


async def test_transparency_lives_in_webp_and_is_white_in_jpeg(decoders: Decoders, tmp_path: Path):
    logo = Image.new("RGBA", (400, 400), (0, 0, 0, 0))
    logo.paste((255, 0, 0, 255), (100, 100, 300, 300))
    logo.save(tmp_path / "logo.png")
    made = await render(decoders, tmp_path / "logo.png", usual(tmp_path))
    with Image.open(tmp_path / "preview.jpeg") as preview, Image.open(tmp_path / "thumbnail.webp") as thumbnail:
        corner, middle = preview.getpixel((5, 5)), preview.getpixel((200, 200))
        assert isinstance(corner, tuple)
        assert isinstance(middle, tuple)
        assert min(corner) > 250
        assert middle[0] > 240
        assert thumbnail.mode == "RGBA"
        assert np.asarray(thumbnail)[5, 5, 3] == 0
    assert made.thumbhash[2] & 0x80


def wide_gamut_profile() -> bytes:
    """An RGB profile that does not call itself sRGB."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return srgb.replace(b"sRGB", b"wide").replace("sRGB".encode("utf-16-be"), "wide".encode("utf-16-be"))


async def test_a_wide_gamut_profile_is_kept_and_srgb_is_not_told(decoders: Decoders, tmp_path: Path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile, kept in ((wide_gamut_profile(), True), (srgb, False)):
        for kind in ("jpg", "png", "webp"):
            scene(300, 200).save(tmp_path / f"a.{kind}", icc_profile=profile)
            await render(decoders, tmp_path / f"a.{kind}", usual(tmp_path))
            for made in ("preview.jpeg", "thumbnail.webp"):
                with Image.open(tmp_path / made) as picture:
                    assert picture.info.get("icc_profile") == (profile if kept else None)


async def test_a_profile_too_long_for_one_segment_is_kept_whole(decoders: Decoders, tmp_path: Path):
    profile = wide_gamut_profile() + bytes(range(256)) * 600
    profile = len(profile).to_bytes(4, "big") + profile[4:]
    scene(300, 200).save(tmp_path / "a.png", icc_profile=profile)
    await render(decoders, tmp_path / "a.png", usual(tmp_path))
    with Image.open(tmp_path / "preview.jpeg") as picture:
        picture.load()
        assert picture.info["icc_profile"] == profile


async def test_srgb_can_be_asked_for(decoders: Decoders, tmp_path: Path):
    scene(300, 200).save(tmp_path / "a.jpg", icc_profile=wide_gamut_profile())
    await render(decoders, tmp_path / "a.jpg", usual(tmp_path, colorspace="srgb"))
    with Image.open(tmp_path / "preview.jpeg") as picture:
        assert "icc_profile" not in picture.info
    assert colour_at(tmp_path / "preview.jpeg", 0.2, 0.5) == "red"


@pytest.mark.parametrize("mode", ["L", "CMYK", "1", "I;16", "LA", "P"])
async def test_other_colour_models_become_rgb(decoders: Decoders, tmp_path: Path, mode: str):
    source = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    picture = scene(300, 200)
    if mode == "I;16":
        Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257).save(source)
    else:
        picture.convert(mode).save(source)
    await render(decoders, source, usual(tmp_path))
    with Image.open(tmp_path / "preview.jpeg") as preview:
        assert preview.mode == "RGB"
        shown = np.asarray(preview.convert("L")).astype(int)
    if mode != "1":
        expected = np.asarray(picture.convert("L")).astype(int)
        assert np.abs(shown[100:, 10:140].mean() - expected[100:, 10:140].mean()) < 25


async def test_fullsize_keeps_every_pixel(decoders: Decoders, tmp_path: Path):
    scene(1700, 1600).save(tmp_path / "a.tiff")
    recipe = usual(tmp_path)
    full = Output(tmp_path / "full.jpeg", "jpeg", None, quality=90, progressive=True)
    await render(decoders, tmp_path / "a.tiff", Recipe((*recipe.outputs, full)))
    assert sides(tmp_path / "full.jpeg") == (1700, 1600)
    with Image.open(tmp_path / "full.jpeg") as picture:
        assert picture.info.get("progressive")
    assert sides(tmp_path / "preview.jpeg") == (1530, 1440)


@pytest.mark.parametrize(("quality", "sampling"), [(80, (1, 1)), (79, (2, 2))])
async def test_colour_is_halved_below_quality_80(
    decoders: Decoders, tmp_path: Path, quality: int, sampling: tuple[int, int]
):
    scene(64, 48).save(tmp_path / "a.png")
    recipe = Recipe((Output(tmp_path / "p.jpeg", "jpeg", 1440, quality=quality),))
    await render(decoders, tmp_path / "a.png", recipe)
    with Image.open(tmp_path / "p.jpeg") as picture:
        assert picture.layer[0][1:3] == sampling  # type: ignore[attr-defined]


async def test_a_panorama_can_be_told(decoders: Decoders, tmp_path: Path):
    packet = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><GPano/></x:xmpmeta>'
    scene(64, 48).save(tmp_path / "a.png")
    outputs = tuple(Output(tmp_path / f"p.{kind}", kind, 48, xmp=packet) for kind in ("jpeg", "webp"))
    await render(decoders, tmp_path / "a.png", Recipe(outputs))
    for output in outputs:
        with Image.open(output.path) as picture:
            assert picture.info["xmp"] == packet.encode()


async def test_a_gif_shows_the_first_frame_that_shows_something(decoders: Decoders, tmp_path: Path):
    blank = Image.new("RGB", (120, 80))
    blank.save(tmp_path / "a.gif", save_all=True, append_images=[blank, scene(120, 80)], duration=100)
    await render(decoders, tmp_path / "a.gif", usual(tmp_path))
    assert colour_at(tmp_path / "preview.jpeg", 0.2, 0.6) == "red"


@pytest.mark.parametrize("kind", ["gif", "webp"])
async def test_an_animation_has_a_length(decoders: Decoders, tmp_path: Path, kind: str):
    frames = [scene(40, 30 + i).resize((40, 30)).rotate(90 * i) for i in range(4)]
    frames[0].save(tmp_path / f"a.{kind}", save_all=True, append_images=frames[1:], duration=500)
    assert await animation_ms(decoders, tmp_path / f"a.{kind}") == 2000


@pytest.mark.parametrize("kind", ["gif", "webp", "png"])
async def test_a_still_has_none(decoders: Decoders, tmp_path: Path, kind: str):
    scene(40, 30).save(tmp_path / f"a.{kind}")
    assert await animation_ms(decoders, tmp_path / f"a.{kind}") is None


async def test_a_hurried_gif_plays_at_the_pace_of_browsers(decoders: Decoders, tmp_path: Path):
    frames = [scene(40, 30), scene(40, 30).rotate(180)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=0)
    assert await animation_ms(decoders, tmp_path / "a.gif") == 200


def directory(tags: list[tuple[int, int, int, bytes]], at: int) -> bytes:
    """A TIFF directory that begins at `at`, followed by the values that do not fit into it."""
    tail_at = at + 2 + 12 * len(tags) + 4
    entries, tail = b"", b""
    for tag, kind, count, content in sorted(tags):
        value = content.ljust(4, b"\0")
        if len(content) > 4:
            value = struct.pack("<I", tail_at + len(tail))
            tail += content + b"\0" * (len(content) % 2)
        entries += struct.pack("<HHI", tag, kind, count) + value
    return struct.pack("<H", len(tags)) + entries + bytes(4) + tail


def minimal_dng(width: int, height: int, *, preview: bytes = b"", orientation: int = 6) -> bytes:
    """An uncompressed 16-bit Bayer DNG of one red surface, with a camera's JPEG if given."""
    mosaic = np.full((height, width), 4_000, dtype="<u2")
    mosaic[0::2, 0::2] = 40_000  # the red ones of R G / G B
    strip = mosaic.tobytes()
    strip_at = 8
    preview_at = strip_at + len(strip)
    first_at = (preview_at + len(preview) + 1) // 2 * 2
    short, long = (lambda *v: struct.pack(f"<{len(v)}H", *v)), (lambda *v: struct.pack(f"<{len(v)}I", *v))
    raw = [
        (254, 4, 1, long(0)),
        (256, 4, 1, long(width)),
        (257, 4, 1, long(height)),
        (258, 3, 1, short(16)),
        (259, 3, 1, short(1)),
        (262, 3, 1, short(32803)),  # colour filter array
        (273, 4, 1, long(strip_at)),
        (277, 3, 1, short(1)),
        (278, 4, 1, long(height)),
        (279, 4, 1, long(len(strip))),
        (33421, 3, 2, short(2, 2)),
        (33422, 1, 4, bytes([0, 1, 1, 2])),
        (50717, 4, 1, long(65535)),
    ]
    camera = [
        (271, 2, 5, b"Test\0"),
        (272, 2, 5, b"Test\0"),
        (274, 3, 1, short(orientation)),
        (50706, 1, 4, bytes([1, 4, 0, 0])),
        (50708, 2, 5, b"Test\0"),
        (50721, 10, 9, b"".join(struct.pack("<ii", value, 1) for value in (1, 0, 0, 0, 1, 0, 0, 0, 1))),
        (50728, 5, 3, long(1, 1) * 3),
        (50778, 3, 1, short(21)),
    ]
    if not preview:
        return b"II*\0" + long(first_at) + strip + bytes(first_at - preview_at) + directory(raw + camera, first_at)
    with Image.open(io.BytesIO(preview)) as shown:
        shown_width, shown_height = shown.size
    first = [
        *camera,
        (254, 4, 1, long(1)),
        (256, 4, 1, long(shown_width)),
        (257, 4, 1, long(shown_height)),
        (258, 3, 3, short(8, 8, 8)),
        (259, 3, 1, short(7)),
        (262, 3, 1, short(6)),
        (273, 4, 1, long(preview_at)),
        (277, 3, 1, short(3)),
        (278, 4, 1, long(shown_height)),
        (279, 4, 1, long(len(preview))),
    ]
    raw_at = first_at + len(directory([*first, (330, 4, 1, long(0))], first_at))
    body = directory([*first, (330, 4, 1, long(raw_at))], first_at)
    gap = bytes(first_at - preview_at - len(preview))
    return b"II*\0" + long(first_at) + strip + preview + gap + body + directory(raw, raw_at)


@pytest.mark.parametrize("own_orientation", [None, 6])
@pytest.mark.parametrize("prefer", [True, False])
async def test_a_cameras_own_jpeg_is_taken_when_it_is_large_enough(
    decoders: Decoders, tmp_path: Path, own_orientation: int | None, prefer: bool
):
    exif = Image.Exif()
    if own_orientation:
        exif[0x0112] = own_orientation
    blue = io.BytesIO()
    Image.new("RGB", (640, 480), (20, 20, 220)).save(blue, "JPEG", exif=exif)
    (tmp_path / "a.dng").write_bytes(minimal_dng(640, 480, preview=blue.getvalue()))
    for short_side, from_camera in ((400, True), (480, True), (600, False)):
        out = Output(tmp_path / "p.jpeg", "jpeg", short_side)
        made = await render(decoders, tmp_path / "a.dng", Recipe((out,), prefer_embedded=prefer))
        assert made.format == "raw"
        assert (made.width_px, made.height_px) == (480, 640)
        expected = "blue" if prefer and from_camera else "red"
        assert colour_at(tmp_path / "p.jpeg", 0.5, 0.5) == expected


async def test_a_raw_file_is_developed_and_turned(decoders: Decoders, tmp_path: Path):
    (tmp_path / "a.dng").write_bytes(minimal_dng(640, 480))
    made = await render(decoders, tmp_path / "a.dng", usual(tmp_path))
    assert made.format == "raw"
    assert (made.width_px, made.height_px) == sides(tmp_path / "preview.jpeg") == (480, 640)
    assert colour_at(tmp_path / "preview.jpeg", 0.5, 0.5) == "red"


def minimal_psd(width: int, height: int) -> bytes:
    planes = np.asarray(scene(width, height)).transpose(2, 0, 1).tobytes()
    return b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, height, width, 8, 3) + bytes(12) + struct.pack(">H", 0) + planes


async def test_a_layered_document_shows_its_composite(decoders: Decoders, tmp_path: Path):
    (tmp_path / "a.psd").write_bytes(minimal_psd(300, 200))
    made = await render(decoders, tmp_path / "a.psd", usual(tmp_path))
    assert (made.format, made.width_px) == ("psd", 300)
    assert colour_at(tmp_path / "preview.jpeg", 0.2, 0.6) == "red"


async def test_a_jpeg_repacked_as_jpeg_xl_keeps_its_turn(decoders: Decoders, tmp_path: Path):
    exif = Image.Exif()
    exif[0x0112] = 6
    scene(320, 240).save(tmp_path / "a.jpg", exif=exif)
    with Image.open(tmp_path / "a.jpg") as picture:
        picture.save(tmp_path / "a.jxl", lossless_jpeg=True)
    made = await render(decoders, tmp_path / "a.jxl", usual(tmp_path))
    assert (made.width_px, made.height_px) == (240, 320)
    assert colour_at(tmp_path / "preview.jpeg", 0.9, 0.5) == "green"


async def test_a_missing_file_and_a_missing_folder_are_no_fault_of_the_picture(decoders: Decoders, tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        await render(decoders, tmp_path / "gone.jpg", usual(tmp_path))
    scene(60, 40).save(tmp_path / "a.jpg")
    with pytest.raises(FileNotFoundError):
        await render(decoders, tmp_path / "a.jpg", usual(tmp_path / "nowhere"))


async def test_damaged_exif_does_not_hide_the_picture(decoders: Decoders, tmp_path: Path):
    body = io.BytesIO()
    scene(60, 40).save(body, "JPEG")
    data = body.getvalue()
    segment = b"Exif\0\0II*\0\xff\xff\xff\x7f" + bytes(range(40))
    (tmp_path / "a.jpg").write_bytes(
        data[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment + data[2:]
    )
    assert (await render(decoders, tmp_path / "a.jpg", usual(tmp_path))).width_px == 60


async def test_the_thumbhash_shows_the_picture_upright(decoders: Decoders, tmp_path: Path):
    scene(300, 200).save(tmp_path / "a.png")
    upright = await render(decoders, tmp_path / "a.png", usual(tmp_path))
    exif = Image.Exif()
    exif[0x0112] = 8  # stored lying on its right side
    scene(300, 200).rotate(-90, expand=True).save(tmp_path / "b.png", exif=exif)
    turned = await render(decoders, tmp_path / "b.png", usual(tmp_path))
    assert base64.b64encode(turned.thumbhash) == base64.b64encode(upright.thumbhash)


async def test_twice_is_the_same_and_leaves_no_scraps(decoders: Decoders, tmp_path: Path):
    scene(300, 200).save(tmp_path / "a.png")
    recipe = usual(tmp_path)
    first = await render(decoders, tmp_path / "a.png", recipe)
    again = await asyncio.gather(*(render(decoders, tmp_path / "a.png", recipe) for _ in range(3)))
    assert again == [first] * 3
    assert names_in(tmp_path) == ["a.png", "preview.jpeg", "thumbnail.webp"]
