"""Pictures and words are fed to a model as it was trained."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from calotype.inference.clip import Eye, Pen, embed_texts, written
from calotype.inference.family import Unloadable
from calotype.inference.languages import flores_code
from calotype.inference.session import Port

TOY = Path(__file__).parents[2] / "calotype/inference/models/clip/calotype-toy__shapes/textual"


def eye(tmp_path: Path, **said) -> Eye:
    file = tmp_path / "preprocess_cfg.json"
    file.write_text(json.dumps({"size": 8, "mean": 0, "std": 1} | said))
    return Eye.read(file)


def stripes(width: int, height: int) -> np.ndarray:
    """Every column has its number as its grey."""
    return np.repeat(np.arange(width, dtype=np.uint8)[None, :, None], height, axis=0).repeat(3, axis=2)


def test_without_resizing_pixels_are_only_scaled(tmp_path):
    rgb = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    assert np.array_equal(eye(tmp_path).see(rgb), (rgb / np.float32(255)).transpose(2, 0, 1))
    assert eye(tmp_path).see(rgb).dtype == np.float32


def test_colours_are_moved_by_mean_and_spread(tmp_path):
    seen = eye(tmp_path, mean=[0.1, 0.2, 0.3], std=[0.5, 0.25, 1]).see(np.full((8, 8, 3), 255, np.uint8))
    assert seen[:, 0, 0] == pytest.approx([1.8, 3.2, 0.7])


@pytest.mark.parametrize(("width", "first"), [(8, 0), (9, 0), (10, 1), (11, 2), (12, 2), (13, 2), (14, 3)])
def test_the_middle_is_cut_out_and_halves_go_to_the_even_side(tmp_path, width: int, first: int):
    seen = eye(tmp_path).see(stripes(width, 8))
    assert (seen[0, 0] * 255).round().tolist() == list(range(first, first + 8))


def test_the_longer_side_is_cut_to_a_whole_number(tmp_path):
    # 8 · 29 / 22 = 10.5: ten columns wide before the cut, of which the middle eight stay.
    small = Image.fromarray(stripes(29, 22)).resize((10, 8), Image.Resampling.BICUBIC).crop((1, 0, 9, 8))
    seen = eye(tmp_path).see(stripes(29, 22))
    assert (seen.transpose(1, 2, 0) * 255).round().astype(np.uint8).tolist() == np.asarray(small).tolist()


def test_squash_keeps_the_whole_picture(tmp_path):
    seen = eye(tmp_path, resize_mode="squash", interpolation="bilinear").see(stripes(200, 20))
    assert seen[0, 0, 0] * 255 < 25
    assert seen[0, 0, -1] * 255 > 175


def test_longest_keeps_the_whole_picture_between_borders(tmp_path):
    seen = eye(tmp_path, resize_mode="longest", fill_color=0).see(np.full((100, 200, 3), 255, np.uint8))
    assert seen[0, :, 4].tolist() == [0, 0, 1, 1, 1, 1, 0, 0]


@pytest.mark.parametrize("size", [8, [8], [8, 8]])
def test_a_size_may_be_written_in_every_way(tmp_path, size):
    assert eye(tmp_path, size=size).size == (8, 8)


def test_a_picture_far_larger_than_needed_looks_the_same(tmp_path):
    rgb = np.asarray(Image.effect_mandelbrot((640, 480), (-2, -1.5, 1, 1.5), 60).convert("RGB"))
    near = eye(tmp_path, size=112).see(rgb)
    far = eye(tmp_path, size=112).see(np.asarray(Image.fromarray(rgb).resize((640, 480), Image.Resampling.BICUBIC)))
    large = eye(tmp_path, size=112).see(np.asarray(Image.fromarray(rgb).resize((1280, 960), Image.Resampling.BICUBIC)))
    assert np.array_equal(near, far)
    assert float(np.dot(near.ravel(), large.ravel()) / np.linalg.norm(near) / np.linalg.norm(large)) > 0.999


@pytest.mark.parametrize("content", ["", "[]", "{"])
def test_a_file_that_says_nothing_is_named(tmp_path, content: str):
    (tmp_path / "preprocess_cfg.json").write_text(content)
    with pytest.raises(Unloadable, match=r"preprocess_cfg\.json"):
        Eye.read(tmp_path / "preprocess_cfg.json")


def pen(tmp_path: Path, name: str = "model", **text_cfg) -> Pen:
    folder = tmp_path / name / "textual"
    folder.mkdir(parents=True)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        (folder / file).write_bytes((TOY / file).read_bytes())
    (folder.parent / "config.json").write_text(json.dumps({"text_cfg": text_cfg}))
    return Pen(folder)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  a \t dog\n\nruns ", "a dog runs"),
        ("cats &amp;amp; dogs", "cats & dogs"),
        ("schÃ¶n", "schön"),
        ("ＦＵＬＬ width", "FULL width"),
        ("", ""),
    ],
)
def test_texts_are_cleaned_as_the_original_does(tmp_path, text: str, cleaned: str):
    assert pen(tmp_path).clean(text) == cleaned


def test_canonical_texts_lose_punctuation_and_case_but_not_the_space_of_an_underscore(tmp_path):
    canonical = pen(tmp_path, tokenizer_kwargs={"clean": "canonicalize"})
    assert canonical.clean("A Dog_on_a  Mat, isn't it?!") == "a dog on a mat isnt it"


def test_texts_have_the_length_the_model_wants(tmp_path):
    tokens, mask = pen(tmp_path, context_length=6).write([("a red circle", None), ("red " * 50, None)])
    assert tokens.shape == mask.shape == (2, 6)
    assert mask[1].tolist() == [1] * 6
    assert mask[0].sum() < 6
    assert (tokens[0][mask[0] == 0] == tokens[0][-1]).all()


@pytest.mark.parametrize(
    ("language", "code"),
    [("de", "deu_Latn"), ("de-AT", "deu_Latn"), ("zh-TW", "zho_Hant"), ("zh-Hans", "zho_Hans"), ("nb-NO", "nob_Latn"),
     ("pt-BR", "por_Latn"), ("xx", "eng_Latn"), (None, "eng_Latn"), ("", "eng_Latn")],
)  # fmt: skip
def test_languages_have_their_codes(language: str | None, code: str):
    assert flores_code(language) == code


def test_only_models_of_many_languages_are_told_which(tmp_path):
    assert pen(tmp_path, "nllb-clip-base-siglip__v1").clean("ein Hund", "de-CH") == "deu_Latnein Hund"
    assert pen(tmp_path).clean("ein Hund", "de-CH") == "ein Hund"


def test_models_are_given_the_inputs_they_name_in_the_type_they_name(tmp_path):
    class Recorder:
        inputs = (
            Port("input_ids", (None, None), "tensor(int64)"),
            Port("attention_mask", (None, None), "tensor(int64)"),
        )

        def rows(self, inputs):
            self.got = inputs
            return [np.zeros((1, 2), np.float32)]

    recorder = Recorder()
    embed_texts(recorder, pen(tmp_path, context_length=8), [("a red circle", None)])
    assert set(recorder.got) == {"input_ids", "attention_mask"}
    assert {array.dtype for array in recorder.got.values()} == {np.dtype(np.int64)}
    assert recorder.got["attention_mask"].sum() < 8


def test_a_vector_is_written_so_that_it_can_be_read_back_exactly():
    vector = np.random.default_rng(0).normal(size=512).astype(np.float32)
    assert np.array_equal(np.array(json.loads(written(vector)), np.float32), vector)
