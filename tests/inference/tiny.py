"""Small models made on the spot."""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def visual(
    folder: Path, *, batch: int | str = "batch", inside: int = -1, side: int = 16, seed: int = 0, hidden: int = 64
) -> Path:
    """A visual encoder: pixels, two layers, a vector of 32. `inside`: the batch that a traced export has baked in."""
    chance = np.random.default_rng(seed)
    pixels = 3 * side * side
    weights = {
        "first": chance.normal(0, pixels**-0.5, (pixels, hidden)).astype(np.float32),
        "second": chance.normal(0, hidden**-0.5, (hidden, 32)).astype(np.float32),
        "shape": np.array([inside, pixels], np.int64),
    }
    nodes = [
        helper.make_node("Reshape", ["image", "shape"], ["flat"]),
        helper.make_node("MatMul", ["flat", "first"], ["one"]),
        helper.make_node("Tanh", ["one"], ["two"]),
        helper.make_node("MatMul", ["two", "second"], ["embedding"]),
    ]
    save(
        folder / "model.onnx",
        nodes,
        helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, 3, side, side]),
        helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [batch, 32]),
        weights,
    )
    (folder / "preprocess_cfg.json").write_text(json.dumps({"size": side, "mean": [0.5] * 3, "std": [0.5] * 3}))
    return folder


def first_row_only(file: Path) -> Path:
    """A model that takes batches and answers every row with the first: what a careless export may do."""
    nodes = [
        helper.make_node("Slice", ["x", "from", "to"], ["first"]),
        helper.make_node("Mul", ["x", "zero"], ["none"]),
        helper.make_node("Add", ["none", "first"], ["y"]),
    ]
    weights = {
        "from": np.array([0], np.int64),
        "to": np.array([1], np.int64),
        "zero": np.zeros(1, np.float32),
    }
    shape = ["batch", 4]
    given, found = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "xy")
    return save(file, nodes, given, found, weights)


def doubled(file: Path) -> Path:
    """A model that grows in a loop, three times to twice its rows, which OpenVINO does not run."""
    rows = [None, 4]
    turn, more, go = (
        helper.make_tensor_value_info(name, kind, [])
        for name, kind in (("turn", TensorProto.INT64), ("more", TensorProto.BOOL), ("go", TensorProto.BOOL))
    )
    inside, grown = (helper.make_tensor_value_info(name, TensorProto.FLOAT, rows) for name in ("inside", "grown"))
    nodes = [
        helper.make_node("Concat", ["inside", "inside"], ["grown"], axis=0),
        helper.make_node("Identity", ["more"], ["go"]),
    ]
    body = helper.make_graph(nodes, "body", [turn, more, inside], [go, grown])
    loop = helper.make_node("Loop", ["times", "", "x"], ["y"], body=body)
    given, found = (helper.make_tensor_value_info(name, TensorProto.FLOAT, rows) for name in "xy")
    return save(file, [loop], given, found, {"times": np.array(3, np.int64)})


def save(file: Path, nodes: list, given: object, found: object, weights: dict) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    tensors = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "tiny", [given], [found], tensors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(file))
    return file
