"""A graph that cuts bytes into patches itself sees what the original saw; what is built otherwise is left alone."""

import json

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from calotype.inference import clip, precision, rewrite, trial
from calotype.inference.session import Runtime, open_session
from tests.inference import tiny

CPU = Runtime(providers=("cpu",), lanes=1, intra_threads=1)


def patches(folder, *, side=64, patch=16, stride=16, width=48, has_bias=True, pads=(0, 0, 0, 0)):
    """A picture's first layer as vision transformers have it, and a second on top."""
    chance = np.random.default_rng(3)
    weights = {
        "kernel": chance.normal(0, 0.05, (width, 3, patch, patch)).astype(np.float32),
        "bias": chance.normal(0, 0.5, width).astype(np.float32),
        "shape": np.array([0, -1], np.int64),
    }
    across = (side + pads[0] + pads[2] - patch) // stride + 1
    weights["second"] = chance.normal(0, 0.1, (width * across * across, 32)).astype(np.float32)
    nodes = [
        helper.make_node(
            "Conv",
            ["image", "kernel", *(["bias"] if has_bias else [])],
            ["seen"],
            kernel_shape=[patch, patch],
            strides=[stride, stride],
            pads=list(pads),
        ),
        helper.make_node("Reshape", ["seen", "shape"], ["flat"]),
        helper.make_node("Tanh", ["flat"], ["bent"]),
        helper.make_node("MatMul", ["bent", "second"], ["embedding"]),
    ]
    given = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, side, side])
    found = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", 32])
    file = tiny.save(folder / "model.onnx", nodes, given, found, weights)
    cfg = {"size": side, "mean": [0.48, 0.46, 0.41], "std": [0.27, 0.26, 0.28]}
    (folder / "preprocess_cfg.json").write_text(json.dumps(cfg))
    return file


def least_cosine(one: np.ndarray, other: np.ndarray) -> float:
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return float(((one * other).sum(1) / lengths).min())


@pytest.mark.parametrize("has_bias", [True, False])
def test_bytes_give_the_vectors_that_floats_gave(tmp_path, has_bias: bool):
    file = patches(tmp_path, has_bias=has_bias)
    eye = clip.Eye.read(tmp_path / "preprocess_cfg.json")
    before = open_session(file, CPU)
    model = rewrite.load(file)
    assert rewrite.take_raw_pixels(model, eye.mean, eye.std)
    rewrite.save(model, tmp_path / "raw.onnx")
    after = open_session(tmp_path / "raw.onnx", CPU)
    assert [(port.name, port.shape, port.dtype) for port in after.inputs] == [
        ("pixels", (None, 64, 64, 3), "tensor(uint8)")
    ]
    scenes = trial.pictures()[:6]
    one, other = clip.embed_pictures(before, eye, scenes), clip.embed_pictures(after, eye, scenes)
    assert least_cosine(one, other) >= 0.9999
    assert np.abs(one - other).max() < 0.02 * np.abs(one).max()


def test_weights_that_are_no_longer_needed_are_not_kept(tmp_path):
    model = rewrite.load(patches(tmp_path))
    rewrite.take_raw_pixels(model, (0.5,) * 3, (0.5,) * 3)
    assert "kernel" not in {each.name for each in model.graph.initializer}
    onnx.checker.check_model(model)


@pytest.mark.parametrize("built", [{"stride": 8}, {"pads": (2, 2, 2, 2)}])
def test_a_convolution_whose_windows_are_no_patches_is_left_alone(tmp_path, built):
    model = rewrite.load(patches(tmp_path, **built))
    before = model.SerializeToString()
    assert not rewrite.take_raw_pixels(model, (0.5,) * 3, (0.5,) * 3)
    assert model.SerializeToString() == before


def test_a_model_that_begins_otherwise_is_left_alone(tmp_path):
    model = rewrite.load(tiny.visual(tmp_path) / "model.onnx")
    assert not rewrite.take_raw_pixels(model, (0.5,) * 3, (0.5,) * 3)


def test_the_trial_makes_a_model_that_takes_bytes_and_judges_it_by_its_vectors(tmp_path, monkeypatch):
    monkeypatch.setattr(precision, "SMALL_BYTES", 0)
    patches(tmp_path)
    verdict = precision.prepare(tmp_path, "visual")
    assert (verdict.precision, verdict.reason) == ("int8", "")
    careful = precision.Careful(tmp_path, CPU, kind="visual")
    assert careful.session.inputs[0].dtype == "tensor(uint8)"


def test_other_colours_are_another_model(tmp_path, monkeypatch):
    monkeypatch.setattr(precision, "SMALL_BYTES", 0)
    patches(tmp_path)
    precision.prepare(tmp_path, "visual")
    cfg = json.loads((tmp_path / "preprocess_cfg.json").read_text())
    (tmp_path / "preprocess_cfg.json").write_text(json.dumps(cfg | {"mean": [0.5, 0.5, 0.5]}))
    assert precision.remembered(tmp_path) is None


def test_seven_bits_stay_below_sixty_four(tmp_path):
    model = rewrite.load(patches(tmp_path))
    rewrite.take_raw_pixels(model, (0.5,) * 3, (0.5,) * 3, bits=7)
    whole = next(onnx.numpy_helper.to_array(each) for each in model.graph.initializer if each.name.endswith("matrix"))
    assert np.abs(whole.astype(int)).max() == 63


def test_onnxruntime_takes_what_was_written(tmp_path):
    file = patches(tmp_path)
    model = rewrite.load(file)
    rewrite.take_raw_pixels(model, (0.5,) * 3, (0.5,) * 3)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    grey = np.full((2, 64, 64, 3), 128, np.uint8)
    assert session.run(None, {"pixels": grey})[0].shape == (2, 32)
