"""OpenVINO itself, where onnxruntime comes with it: `pip uninstall onnxruntime; pip install onnxruntime-openvino`."""

from pathlib import Path

import numpy as np
import pytest

from calotype.inference import precision
from calotype.inference.clip import CPU_BATCH, Look
from calotype.inference.session import Runtime, available, is_on_cpu, open_session
from calotype.inference.verdict import Way
from tests.inference import tiny

pytestmark = pytest.mark.skipif(
    "openvino" not in available() or not is_on_cpu("openvino"),
    reason="no onnxruntime with OpenVINO on a CPU is installed",
)
multiplies = pytest.mark.skipif(not precision.bfloat16(), reason="this processor does not multiply bfloat16")

RUNTIME = Runtime(providers=("openvino",), lanes=2, intra_threads=1, half_on=frozenset({"openvino"}))


def pixels(count: int) -> np.ndarray:
    return np.random.default_rng(3).normal(size=(count, 3, 16, 16)).astype(np.float32)


def test_it_computes_in_all_its_bits_unless_it_is_told_otherwise(tmp_path: Path):
    file = tiny.visual(tmp_path) / "model.onnx"
    opened = open_session(file, RUNTIME)
    assert (opened.provider, opened.fell_back) == ("openvino", "")
    expected = open_session(file, Runtime(providers=("cpu",))).run({"image": pixels(3)})[0]
    assert opened.run({"image": pixels(3)})[0] == pytest.approx(expected, abs=1e-5)


@multiplies
def test_a_model_that_bears_bfloat16_is_run_in_it_once_it_was_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(precision, "SMALL_BYTES", 0)
    folder = tiny.visual(tmp_path)
    look = Look(folder, RUNTIME)
    assert dict(look.about) == {"provider": "openvino", "precision": "fp32", "fell_back": ""}
    assert look.max_batch == CPU_BATCH
    pictures = [np.full((16, 16, 3), shade, np.uint8) for shade in (20, 90, 200)]
    whole = look.embed(pictures)
    trial = look._model._trial
    assert trial is not None
    assert trial.wait(120) == 0
    half = look.embed(pictures)
    assert dict(look.about) == {"provider": "openvino", "precision": "bf16", "fell_back": ""}
    verdict = precision.remembered(folder, Way("bf16", "openvino"))
    assert verdict
    assert verdict.cosine > 0.999
    # Eight bits of each number are left: it does move, and not far.
    assert 1e-5 < np.abs(half - whole).max() / np.abs(whole).max() < 2e-2


def test_a_model_that_openvino_cannot_run_is_run_by_the_cpu_and_only_that_one(tmp_path: Path):
    grows = open_session(tiny.doubled(tmp_path / "grows.onnx"), RUNTIME)
    other = open_session(tiny.visual(tmp_path / "other") / "model.onnx", RUNTIME)
    assert (grows.provider, other.provider) == ("cpu", "openvino")
    assert grows.fell_back.startswith("openvino: ")
    assert np.array_equal(grows.run({"x": np.ones((1, 4), np.float32)})[0], np.ones((8, 4)))
