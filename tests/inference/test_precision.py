"""Eight bits only where they agree, found out once, never half written."""

import json
import os

import numpy as np
import onnx
import pytest

from calotype.inference import precision
from calotype.inference.session import Runtime
from tests.inference import tiny
from tests.inference.card import Card, offered

CPU = Runtime(providers=("cpu",), lanes=1, intra_threads=1)


@pytest.fixture(autouse=True)
def small_models_count(monkeypatch):
    monkeypatch.setattr(precision, "SMALL_BYTES", 0)


def test_a_model_that_bears_it_is_kept_beside_the_original(tmp_path):
    folder = tiny.visual(tmp_path, side=32)
    verdict = precision.prepare(folder, "visual")
    assert (verdict.precision, verdict.reason) == ("int8", "")
    assert verdict.cosine >= 0.99
    assert sorted(os.listdir(folder)) == ["int8", "model.onnx", "preprocess_cfg.json"]
    assert (folder / "int8" / "model.onnx").stat().st_size < 0.4 * (folder / "model.onnx").stat().st_size
    assert precision.remembered(folder) == verdict
    careful = precision.Careful(folder, CPU, kind="visual")
    assert careful.about["precision"] == "int8"


def test_a_model_that_does_not_bear_it_is_served_as_it_came(tmp_path, monkeypatch):
    folder = tiny.visual(tmp_path)
    monkeypatch.setattr(precision, "LEAST_COSINE", 1.1)
    verdict = precision.prepare(folder, "visual")
    assert verdict.precision == "fp32"
    assert verdict.reason.startswith("The least cosine is")
    assert os.listdir(folder / "int8") == ["verdict.json"]
    careful = precision.Careful(folder, CPU, kind="visual")
    assert careful.about["precision"] == "fp32"
    assert careful._trial is None  # it is not tried again


def test_what_cannot_be_quantised_is_served_as_it_came(tmp_path, monkeypatch):
    folder = tiny.visual(tmp_path)

    def broken(source, target, kind):
        target.write_bytes(b"half a mod")
        raise RuntimeError("no such operator")

    monkeypatch.setattr(precision, "_quantise", broken)
    assert precision.prepare(folder, "visual").reason == "RuntimeError: no such operator"
    assert os.listdir(folder / "int8") == ["verdict.json"]


def test_another_model_under_the_same_name_is_judged_anew(tmp_path):
    folder = tiny.visual(tmp_path)
    precision.prepare(folder, "visual")
    os.utime(folder / "model.onnx", (1, 1))
    assert precision.remembered(folder) is not None  # the same bytes, only touched
    tiny.visual(tmp_path, seed=7)
    assert precision.remembered(folder) is None


@pytest.mark.parametrize("written", ["", "{", "[]", '{"precision": "int8"}'])
def test_a_verdict_that_cannot_be_read_is_none(tmp_path, written: str):
    folder = tiny.visual(tmp_path)
    (folder / "int8").mkdir()
    (folder / "int8" / "verdict.json").write_text(written)
    assert precision.remembered(folder) is None


def test_a_damaged_int8_model_is_not_used(tmp_path):
    folder = tiny.visual(tmp_path)
    precision.prepare(folder, "visual")
    (folder / "int8" / "model.onnx").write_bytes(b"damaged")
    careful = precision.Careful(folder, CPU, kind="visual")
    assert careful.about["precision"] == "fp32"
    assert careful._trial is not None  # and it is made again
    assert careful._trial.wait(60) == 0
    assert careful.session.inputs[0].name == "image"
    assert careful.about["precision"] == "int8"


def test_fp32_is_what_it_says(tmp_path):
    folder = tiny.visual(tmp_path)
    precision.prepare(folder, "visual")
    careful = precision.Careful(folder, Runtime(providers=("cpu",), precision="fp32"), kind="visual")
    assert careful.about["precision"] == "fp32"
    assert careful._trial is None


def test_a_model_is_served_while_it_is_tried_and_switched_afterwards(tmp_path):
    folder = tiny.visual(tmp_path)
    careful = precision.Careful(folder, CPU, kind="visual")
    assert careful.about["precision"] == "fp32"
    image = {"image": np.zeros((1, 3, 16, 16), np.float32)}
    assert careful.session.run(image)[0].shape == (1, 32)
    assert careful._trial is not None
    assert careful._trial.wait(60) == 0
    assert careful.session.run(image)[0].shape == (1, 32)
    assert careful.about["precision"] == "int8"
    assert json.loads((folder / "int8" / "verdict.json").read_text())["precision"] == "int8"


def test_a_trial_that_dies_is_not_begun_again(tmp_path):
    folder = tiny.visual(tmp_path)
    careful = precision.Careful(folder, CPU, kind="visual")
    assert careful._trial is not None
    careful._trial.kill()
    careful._trial.wait()
    assert careful.session.provider == "cpu"
    found = precision.remembered(folder)
    assert found
    assert (found.precision, found.reason) == ("fp32", "The trial ended with status -9.")
    assert precision.Careful(folder, CPU, kind="visual")._trial is None


def rows(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(24, 32)).astype(np.float32)


def test_comparing_the_same_finds_nothing_wrong():
    assert precision.compare(rows(0), rows(0)) == (pytest.approx(1), pytest.approx(1), "")


def test_comparing_finds_what_points_elsewhere_has_changed_places_or_is_no_number():
    before = rows(0)
    assert precision.compare(before, rows(1))[2].startswith("The least cosine")
    alike = np.ones((24, 32), np.float32) + rows(0) * 1e-3
    swapped = alike[np.random.default_rng(5).permutation(24)]
    assert precision.compare(alike, swapped)[2] == "An example is no longer the nearest to itself."
    broken = before.copy()
    broken[3, 5] = np.nan
    assert precision.compare(before, broken)[2] == "It answers with numbers that are none."


@pytest.fixture
def card(monkeypatch) -> Card:
    """A machine whose onnxruntime offers CUDA; sixteen bits have been found good on it."""
    return offered(monkeypatch)


def halved(folder, monkeypatch, **built):
    """A model with a verdict of sixteen bits: computed by the CPU, said to hold for the card."""
    model = tiny.visual(folder, side=32, **built)
    with monkeypatch.context() as only:
        only.setattr(precision, "_computes", lambda provider: "cuda")
        return model, precision.prepare(model, "visual", "fp16", "cpu")


def test_sixteen_bits_that_agree_are_kept_beside_the_original(tmp_path, monkeypatch):
    folder, verdict = halved(tmp_path, monkeypatch)
    assert (verdict.precision, verdict.reason) == ("fp16", "")
    assert verdict.cosine >= 0.9999
    assert sorted(os.listdir(folder / "fp16")) == ["model.onnx", "verdict.json"]
    assert (folder / "fp16" / "model.onnx").stat().st_size < 0.6 * (folder / "model.onnx").stat().st_size
    assert precision.remembered(folder, "fp16", "cuda") == verdict
    assert precision.remembered(folder, "fp16", "rocm") is None  # other hardware is asked anew


def test_weights_that_sixteen_bits_cannot_hold_leave_the_model_as_it_came(tmp_path):
    folder = tiny.visual(tmp_path)
    model = onnx.load(folder / "model.onnx")
    second = next(each for each in model.graph.initializer if each.name == "second")
    second.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(second) * np.float32(1e7), "second"))
    onnx.save(model, folder / "model.onnx")
    verdict = precision.prepare(folder, "visual", "fp16", "cpu")
    assert verdict.precision == "fp32"
    assert verdict.reason
    assert os.listdir(folder / "fp16") == ["verdict.json"]


def test_a_trial_on_hardware_that_is_not_there_is_no_success(tmp_path):
    folder = tiny.visual(tmp_path)
    verdict = precision.prepare(folder, "visual", "fp16", "cuda")
    assert verdict.precision == "fp32"
    assert "It does not run there" in verdict.reason


def test_the_card_computes_in_sixteen_bits_and_the_cpu_takes_over_with_the_original(card, tmp_path, monkeypatch):
    folder, _ = halved(tmp_path, monkeypatch)
    careful = precision.Careful(folder, Runtime(), kind="visual")
    assert (careful.about["provider"], careful.about["precision"], careful._trial) == ("cuda", "fp16", None)
    image = {"image": np.random.default_rng(0).normal(size=(1, 3, 32, 32)).astype(np.float32)}
    half = careful.session.run(image)[0]
    card.is_out_of_memory = True
    whole = careful.session.run(image)[0]
    assert (careful.about["provider"], careful.about["precision"]) == ("cpu", "fp32")
    assert careful.about["fell_back"] == "cuda: CUDA out of memory"
    alone = precision.Careful(folder, Runtime(providers=("cpu",), precision="fp32"), kind="visual")
    assert np.array_equal(whole, alone.session.run(image)[0])
    assert not np.array_equal(half, whole)
    assert half == pytest.approx(whole, abs=0.01)


def test_sixteen_bits_that_the_card_does_not_load_run_as_they_came_on_the_cpu(card, tmp_path, monkeypatch):
    folder, _ = halved(tmp_path, monkeypatch)
    card.fails_to_open = {"fp16"}
    careful = precision.Careful(folder, Runtime(), kind="visual")
    assert (careful.about["provider"], careful.about["precision"]) == ("cpu", "fp32")


def test_a_card_for_which_nothing_was_found_out_yet_begins_with_a_trial(card, tmp_path):
    folder = tiny.visual(tmp_path)
    careful = precision.Careful(folder, Runtime(), kind="visual")
    assert (careful.about["provider"], careful.about["precision"]) == ("cuda", "fp32")
    assert careful._trial is not None
    assert careful._trial.wait(60) == 0  # in a process that has no such card
    assert careful.session.provider == "cuda"
    found = precision.remembered(folder, "fp16", "cuda")
    assert found
    assert found.precision == "fp32"
    assert precision.Careful(folder, Runtime(), kind="visual")._trial is None
