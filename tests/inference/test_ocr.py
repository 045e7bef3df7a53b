"""Text read by the models that came with the packages, and the geometry around them."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from calotype.inference import ocr
from calotype.inference.catalogue import bundled
from calotype.inference.family import Asked, Json, Unloadable, Wrong
from calotype.inference.ocr import Lines
from calotype.inference.pixels import Picture
from calotype.inference.session import Runtime
from tests import drawn

MODEL = "PP-OCRv6_small"


@pytest.fixture(scope="module")
def bundled_model() -> Lines:
    folders = {kind: bundled("ocr", MODEL, kind) for kind in ("detection", "recognition")}
    return Lines.load({kind: path for kind, path in folders.items() if path}, Runtime(lanes=2))


def written(lines: Sequence[str], *, size_px: int = 34, font: str | None = None) -> Image.Image:
    """A page with a line below the other."""
    letters = ImageFont.truetype(font, size_px) if font else ImageFont.load_default(size_px)
    page = Image.new("RGB", (900, 80 * len(lines) + 40), "white")
    draw = ImageDraw.Draw(page)
    for row, line in enumerate(lines):
        draw.text((40, 30 + 80 * row), line, font=letters, fill="black")
    return page


def picture_of(image: Image.Image) -> Picture:
    return Picture(np.asarray(image), image.width, image.height)


def read(model: Lines, image: Image.Image, **options: dict[str, float]) -> Json:
    return model.answer([Asked(picture=picture_of(image), options=options)])[0]


def test_lines_are_read_from_the_top_with_their_places(bundled_model: Lines) -> None:
    page = written(["Receipt No 4711", "Total 48.90 EUR", "Thank you for your visit"])
    answer = read(bundled_model, page)
    assert answer["text"] == ["Receipt No 4711", "Total 48.90 EUR", "Thank you for your visit"]
    assert len(answer["box"]) == 24
    assert len(answer["boxScore"]) == len(answer["textScore"]) == 3
    assert min(answer["boxScore"]) > 0.5
    assert 0.8 < min(answer["textScore"]) <= max(answer["textScore"]) <= 1
    x1, y1, x2, y2, x3, y3, x4, y4 = answer["box"][8:16]
    assert x1 == pytest.approx(40 / page.width, abs=0.03)
    assert y1 < (30 + 80 + 17) / page.height < y4
    assert x1 < x2
    assert x2 == pytest.approx(x3, abs=0.02)
    assert y2 == pytest.approx(y1, abs=0.02)
    assert x4 == pytest.approx(x1, abs=0.02)
    assert y3 == pytest.approx(y4, abs=0.02)


def test_words_side_by_side_are_read_from_the_left(bundled_model: Lines) -> None:
    page = Image.new("RGB", (900, 120), "white")
    draw, letters = ImageDraw.Draw(page), ImageFont.load_default(36)
    for x, word in ((640, "third"), (40, "first"), (340, "second")):
        draw.text((x, 40), word, font=letters, fill="black")
    assert read(bundled_model, page)["text"] == ["first", "second", "third"]


@pytest.mark.parametrize(
    "line",
    [
        "Die Straße hört auf, schöne Grüße",
        "Le café est fermé à Noël",
        "El niño comió piña mañana",
        "Zażółć gęślą jaźń",
        "Você não está só, coração",
        "Årets blåbær og rødgrød",
    ],
)
def test_languages_of_latin_script_are_read_with_their_accents(bundled_model: Lines, line: str) -> None:
    try:
        page = written([line], font="DejaVuSans.ttf")
    except OSError:
        pytest.skip("no font with accents is installed")
    assert read(bundled_model, page)["text"] == [line]


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_text_that_stands_on_its_head_or_runs_up_or_down_is_read(bundled_model: Lines, turn: int) -> None:
    page = written(["Main Street Station", "Platform twelve"]).rotate(turn, expand=True)
    assert sorted(read(bundled_model, page)["text"]) == ["Main Street Station", "Platform twelve"]


def test_small_print_in_a_large_picture_is_read_without_looking_at_every_pixel(bundled_model: Lines) -> None:
    page = Image.new("RGB", (4200, 3000), (190, 200, 180))
    page.paste(written(["Platform twelve"], size_px=90).crop((0, 0, 900, 140)), (1500, 1400))
    answer = read(bundled_model, page)
    assert answer["text"] == ["Platform twelve"]
    assert answer["box"][0] == pytest.approx(1540 / 4200, abs=0.02)


def test_pictures_without_text_say_nothing(bundled_model: Lines) -> None:
    pictures = [drawn.scene_picture("sea"), drawn.scene_picture("forest"), drawn.shape_picture("red", "heart")]
    for answer in bundled_model.answer([Asked(picture=picture_of(each)) for each in pictures]):
        assert answer == {"text": [], "box": [], "boxScore": [], "textScore": []}


@pytest.mark.parametrize("size", [(31, 500), (500, 31), (1, 1), (32, 32), (33, 4000)])
def test_pictures_of_any_size_are_borne(bundled_model: Lines, size: tuple[int, int]) -> None:
    assert read(bundled_model, Image.new("RGB", size, "white"))["text"] == []


def test_scores_and_resolution_are_options(bundled_model: Lines) -> None:
    page = written(["Receipt No 4711"])
    assert read(bundled_model, page, recognition={"minScore": 1.0})["text"] == []
    assert read(bundled_model, page, detection={"minScore": 0.999})["text"] == []
    assert read(bundled_model, page, detection={"maxResolution": 100_000})["text"] == ["Receipt No 4711"]
    many = written(["Receipt No 4711"] * 10)
    assert read(bundled_model, many, detection={"maxResolution": 32})["text"] == []  # three pixels a line


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("detection", "minScore", "x"),
        ("detection", "maxResolution", 0),
        ("detection", "maxResolution", "large"),
        ("recognition", "minScore", float("inf")),
    ],
)
def test_an_option_that_makes_no_sense_is_named(bundled_model: Lines, kind: str, name: str, value: object) -> None:
    with pytest.raises(Wrong, match=rf"options\.{kind}\.{name} must be"):
        bundled_model.answer([Asked(picture=picture_of(written(["a"])), options={kind: {name: value}})])


def test_a_damaged_or_wrong_model_is_told_as_such(tmp_path: Path) -> None:
    detection = bundled("ocr", MODEL, "detection")
    assert detection
    (tmp_path / "model.onnx").write_bytes(b"<html>404</html>")
    with pytest.raises(Unloadable, match="The text model cannot be loaded"):
        Lines.load({"detection": tmp_path}, Runtime())
    with pytest.raises(Unloadable, match="does not say which characters it knows"):
        Lines.load({"detection": detection, "recognition": detection}, Runtime())
    with pytest.raises(Unloadable, match="the detection model is missing"):
        Lines.load({"recognition": detection}, Runtime())


def test_ctc_counts_repeated_numbers_once_and_blanks_not_at_all() -> None:
    best = np.array([0, 3, 3, 0, 3, 1, 1, 2, 0])
    sure = np.array([0.1, 0.9, 0.2, 0.1, 0.8, 0.7, 0.1, 0.6, 0.1], np.float32)
    text, score = ocr.spelled(best, sure, ["", "a", "b", "c"])
    assert text == "ccab"
    assert score == pytest.approx((0.9 + 0.8 + 0.7 + 0.6) / 4)
    assert ocr.spelled(np.zeros(5, np.int64), np.ones(5, np.float32), [""]) == ("", 0.0)


def test_lines_are_batched_by_width_and_bounded_in_number_and_memory() -> None:
    widths = [100, 2500, 120, 90, 3200, 110, 95, 105, 115]
    made = ocr.batches(widths)
    assert sorted(at for batch in made for at in batch) == list(range(9))
    assert all(len(batch) <= ocr.BATCH for batch in made)
    assert all(len(batch) * max(320, *(widths[at] for at in batch), 0) <= ocr.BATCH_COLUMNS_PX for batch in made)


def test_a_panorama_is_read_and_no_line_of_it_is_cut_out_larger_than_needed(bundled_model: Lines) -> None:
    page = Image.new("RGB", (9000, 700), (190, 200, 180))
    ImageDraw.Draw(page).text((5000, 200), "Platform twelve", font=ImageFont.load_default(200), fill="black")
    assert read(bundled_model, page)["text"] == ["Platform twelve"]
    across = np.array([[0, 10], [9000, 10], [9000, 690], [0, 690]], np.float32)
    assert ocr.cut_out(np.asarray(page), across).shape == (151, ocr.LONG_SIDE_PX, 3)


def test_what_is_made_smaller_is_averaged_and_stays_in_its_place() -> None:
    fine = np.zeros((720, 1040, 3), np.uint8)
    fine[:, ::2] = 255  # stripes of one pixel: what skips pixels shows black or white, or waves
    fine[240:480, 520:] = (200, 40, 0)
    small = ocr.smaller(fine, 250, 170)
    assert small.shape == (170, 250, 3)
    assert abs(small[:50, :120].astype(int) - 127).max() <= 2
    assert small[60:110, 130:].reshape(-1, 3).tolist() == [[200, 40, 0]] * (50 * 120)
    assert abs(small[60:110, :120].astype(int) - 127).max() <= 2


def test_the_models_are_given_blue_first_between_minus_one_and_one() -> None:
    blob = ocr.blob_of(np.array([[[255, 127, 0], [0, 0, 255]]], np.uint8))
    assert blob.shape == (1, 3, 1, 2)
    assert blob[0, :, 0, 0].tolist() == pytest.approx([-1, 127 * 2 / 255 - 1, 1], abs=1e-6)
    assert blob[0, :, 0, 1].tolist() == pytest.approx([1, -1, -1], abs=1e-6)


class Turning:
    """Reads each line's first pixel as its certainty, in hundredths."""

    def __init__(self) -> None:
        self.read: list[int] = []

    def __call__(self, lines: Sequence[np.ndarray]) -> list[tuple[str, float]]:
        self.read.append(len(lines))
        return [(f"{line[0, 0, 0]}", line[0, 0, 0] / 100) for line in lines]


@pytest.mark.parametrize(("turned", "counts", "best"), [(95, [6, 3, 2], 95), (20, [6, 3], 40)])
def test_doubtful_lines_are_turned_and_the_rest_of_them_only_if_that_helps(
    bundled_model: Lines, monkeypatch: pytest.MonkeyPatch, turned: int, counts: list[int], best: int
) -> None:
    assert bundled_model.reader
    doubtful = np.full((48, 200, 3), 40, np.uint8)
    doubtful[-1, -1] = turned
    sure = np.full((48, 200, 3), 99, np.uint8)
    reading = Turning()
    monkeypatch.setattr(bundled_model.reader, "_read", reading)
    read = bundled_model.reader.read([doubtful, sure, doubtful, doubtful, doubtful, doubtful])
    assert [count for count in reading.read if count] == counts
    assert [text for text, _ in read] == [f"{best}", "99", *[f"{best}"] * 4]


@pytest.mark.parametrize("turn", range(0, 360, 15))
def test_corners_come_clockwise_from_the_upper_left(turn: int) -> None:
    a = np.deg2rad(turn)
    spin = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
    corners = np.array([[-50, -10], [50, -10], [50, 10], [-50, 10]]) @ spin + 200
    ordered = ocr.clockwise(np.random.default_rng(turn).permutation(corners).astype(np.float32))
    edges = np.roll(ordered, -1, axis=0) - ordered
    turned = edges[:, 0] * np.roll(edges, -1, axis=0)[:, 1] - edges[:, 1] * np.roll(edges, -1, axis=0)[:, 0]
    assert (turned > 0).all()  # y runs down, so that clockwise is positive
    assert ordered[0, 0] <= np.sort(ordered[:, 0])[1] + 1e-3


def test_a_rectangle_grows_as_far_as_a_clipped_polygon_would() -> None:
    ink = np.zeros((100, 300), np.float32)
    ink[40:60, 50:250] = 1  # 20 by 200, once more dilated: it grows by A·1.6/U on each side
    (box,) = ocr.boxes_of(ink, 300, 100, 0.5).boxes
    by = 20 * 200 * ocr.GROW / (2 * 220)
    assert box[0].tolist() == pytest.approx([50 - by, 40 - by], abs=1.5)
    assert box[2].tolist() == pytest.approx([250 + by, 60 + by], abs=1.5)


def test_rapidocr_reads_the_same_page(bundled_model: Lines) -> None:
    """Its own way in and out of the same models as an oracle; in a process of its own, as it sets up logging."""
    page = written(["Receipt No 4711", "Total 48.90 EUR", "Platform twelve"])
    program = (
        "import logging, sys, io, json; logging.disable(50)\n"
        "from rapidocr import RapidOCR; import numpy as np; from PIL import Image\n"
        "page = np.asarray(Image.open(io.BytesIO(sys.stdin.buffer.read())).convert('RGB'))[:, :, ::-1]\n"
        "print(json.dumps(RapidOCR(params={'Global.log_level': 'critical'})(np.ascontiguousarray(page)).txts))\n"
    )
    theirs = subprocess.run(
        [sys.executable, "-c", program], input=drawn.jpeg(page, 98), capture_output=True, check=True, timeout=120
    )
    assert theirs.stdout.decode().strip().endswith(str(read(bundled_model, page)["text"]).replace("'", '"'))
