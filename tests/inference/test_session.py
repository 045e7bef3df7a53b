"""Hardware that fails is left for the CPU, by the one model that failed on it; rows are what they are alone."""

import json

import numpy as np
import pytest

from calotype.core.config import Config
from calotype.inference import session, settings
from calotype.inference.session import Runtime, open_session
from tests.inference import tiny
from tests.inference.card import Card, offered


def pixels(count: int) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(count, 3, 16, 16)).astype(np.float32)


@pytest.fixture
def card(monkeypatch) -> Card:
    """A machine whose onnxruntime offers CUDA."""
    return offered(monkeypatch)


def test_the_best_there_is_computes(card: Card, tmp_path):
    opened = open_session(tiny.visual(tmp_path) / "model.onnx")
    assert (opened.provider, opened.fell_back) == ("cuda", "")


def test_a_model_that_does_not_load_on_it_runs_on_the_cpu_and_only_that_one(card: Card, tmp_path):
    card.fails_to_open = {"odd"}
    odd = open_session(tiny.visual(tmp_path / "odd") / "model.onnx")
    other = open_session(tiny.visual(tmp_path / "other") / "model.onnx")
    assert (odd.provider, other.provider) == ("cpu", "cuda")
    assert odd.fell_back == "cuda: CUDA driver version is insufficient"
    assert odd.run({"image": pixels(1)})[0].shape == (1, 32)


def test_a_model_that_fails_at_work_goes_on_on_the_cpu(card: Card, tmp_path):
    opened = open_session(tiny.visual(tmp_path) / "model.onnx")
    before = opened.run({"image": pixels(1)})[0]
    card.is_out_of_memory = True
    assert np.array_equal(opened.run({"image": pixels(1)})[0], before)
    assert (opened.provider, opened.fell_back) == ("cpu", "cuda: CUDA out of memory")


def test_libraries_that_are_missing_without_a_word_are_noticed(card: Card, tmp_path):
    card.is_quietly_absent = True
    opened = open_session(tiny.visual(tmp_path) / "model.onnx")
    assert (opened.provider, opened.fell_back) == ("cpu", "cuda: its libraries could not be loaded")


def test_hardware_that_was_not_chosen_is_not_tried(card: Card, tmp_path):
    opened = open_session(tiny.visual(tmp_path) / "model.onnx", Runtime(providers=("cpu",)))
    assert (opened.provider, opened.fell_back) == ("cpu", "")


def test_inputs_of_the_wrong_shape_are_no_fault_of_the_hardware(card: Card, tmp_path):
    opened = open_session(tiny.visual(tmp_path) / "model.onnx")
    with pytest.raises(Exception, match="invalid dimensions"):
        opened.run({"image": pixels(1)[:, :, :8]})
    assert opened.provider == "cuda"


@pytest.fixture
def openvino(monkeypatch) -> Card:
    """A machine without a GPU whose onnxruntime offers OpenVINO."""
    monkeypatch.setattr(session, "_has_render_node", lambda: False)
    return offered(monkeypatch, session.NAMES["openvino"])


def test_openvino_on_a_cpu_keeps_to_the_threads_it_is_given_and_to_all_bits(openvino: Card, tmp_path):
    runtime = Runtime(lanes=3, intra_threads=2, half_on=frozenset({"openvino"}), scratch=tmp_path / "kept")
    open_session(tiny.visual(tmp_path) / "model.onnx", runtime)
    given = openvino.options[0]
    assert set(given) == {"device_type", "load_config"}  # FP16 is for GPUs, and so is what was compiled
    assert given["device_type"] == "CPU"
    assert json.loads(given["load_config"]) == {
        "CPU": {"INFERENCE_PRECISION_HINT": "f32", "NUM_STREAMS": 3, "INFERENCE_NUM_THREADS": 6}
    }


def test_openvino_on_a_gpu_computes_in_sixteen_bits_when_it_is_told(openvino: Card, tmp_path, monkeypatch):
    monkeypatch.setattr(session, "_has_render_node", lambda: True)
    open_session(tiny.visual(tmp_path) / "model.onnx", Runtime(half_on=frozenset({"openvino"})))
    assert openvino.options == [{"device_type": "GPU.0", "precision": "FP16"}]


def test_migraphx_computes_in_sixteen_bits_when_it_is_told(monkeypatch, tmp_path):
    card = offered(monkeypatch, session.NAMES["migraphx"])
    half_on = settings.read(Config(data=tmp_path), {"MACHINE_LEARNING_ROCM_PRECISION": "FP16"}).half_on
    open_session(tiny.visual(tmp_path) / "model.onnx", Runtime(half_on=half_on))
    assert card.options[0]["migraphx_fp16_enable"] == "1"


def alone(opened, rows):
    return np.concatenate([opened.run({"image": rows[n : n + 1]})[0] for n in range(len(rows))])


def test_rows_of_a_model_that_takes_batches(tmp_path):
    opened = open_session(tiny.visual(tmp_path) / "model.onnx")
    rows = pixels(5)
    for _ in range(2):  # the first time it is checked, then believed
        assert opened.rows({"image": rows})[0] == pytest.approx(alone(opened, rows), abs=1e-6)


def test_rows_of_a_model_with_a_batch_of_one(tmp_path):
    opened = open_session(tiny.visual(tmp_path, batch=1) / "model.onnx")
    rows = pixels(5)
    assert opened.rows({"image": rows})[0] == pytest.approx(alone(opened, rows), abs=1e-6)


def test_rows_of_a_model_that_was_traced_with_one_and_says_otherwise(tmp_path):
    opened = open_session(tiny.visual(tmp_path, inside=1) / "model.onnx")
    rows = pixels(5)
    for _ in range(2):
        assert opened.rows({"image": rows})[0] == pytest.approx(alone(opened, rows), abs=1e-6)


def test_rows_of_a_model_that_errs_in_batches(tmp_path):
    opened = open_session(tiny.first_row_only(tmp_path / "model.onnx"))
    rows = np.arange(12, dtype=np.float32).reshape(3, 4)
    for _ in range(2):
        assert np.array_equal(opened.rows({"x": rows})[0], rows)


def test_eight_bits_may_move_a_row_that_has_company_but_not_turn_it(tmp_path):
    batch = np.random.default_rng(2).normal(size=(5, 3, 16, 16)).astype(np.float32)
    batch[0] *= 3  # the largest row decides the scale of all
    careful = open_session(quantised(tmp_path))
    careful.rows({"image": batch})
    assert careful._rows_agree is False
    coarse = open_session(quantised(tmp_path), is_coarse=True)
    coarse.rows({"image": batch})
    assert coarse._rows_agree is True


def test_a_coarse_model_that_mixes_rows_up_runs_one_by_one(tmp_path):
    x = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    coarse = open_session(tiny.first_row_only(tmp_path / "model.onnx"), is_coarse=True)
    assert len({tuple(row) for row in coarse.rows({"x": x})[0].round(5)}) == 3
    assert coarse._rows_agree is False


def quantised(folder):
    from onnxruntime.quantization import quantize_dynamic

    tiny.visual(folder)
    quantize_dynamic(folder / "model.onnx", folder / "eight.onnx")
    return folder / "eight.onnx"
