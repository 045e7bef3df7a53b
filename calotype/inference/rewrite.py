"""Graphs of vision models written anew so that the CPU has less to do; whether they still agree, `precision` finds out.

Every rewriting looks for its own pattern and leaves a graph alone that has another.
"""

# onnx ships no types we could use; what leaves this file is typed.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Floats = NDArray[np.float32]

TABLE_SIZE = 1 << 20  # numbers
RAW = "pixels"  # the input of a graph that takes pictures as they are: (n, height, width, 3) in bytes


def halve_tables(model: Any) -> None:
    """Keep word tables in 16 bits: rows are looked up, not computed with, and they are most of a small text encoder."""
    weights = {each.name: each for each in model.graph.initializer}
    users = Counter(name for node in model.graph.node for name in node.input)
    nodes: list[Any] = []
    for node in model.graph.node:
        nodes.append(node)
        table = weights.get(node.input[0]) if node.op_type == "Gather" and node.input else None
        if table is None or table.data_type != TensorProto.FLOAT or users[table.name] > 1:
            continue
        values = numpy_helper.to_array(table)
        if values.size < TABLE_SIZE:
            continue
        table.CopyFrom(numpy_helper.from_array(values.astype(np.float16), table.name))
        found = node.output[0]
        node.output[0] = f"{found}/half"
        nodes.append(helper.make_node("Cast", [f"{found}/half"], [found], to=TensorProto.FLOAT))
    _replace(model, nodes)


def take_raw_pixels(model: Any, mean: Sequence[float], std: Sequence[float], *, bits: int = 8) -> bool:
    """Let a vision transformer cut raw bytes into patches itself, in whole numbers. Whether it was one.

    Its first layer multiplies each patch with a matrix. Bytes need no quantising, and what colours are scaled with
    becomes part of the matrix: a picture is neither spread into floats nor copied on its way in.
    """
    given = model.graph.input[0]
    shape = given.type.tensor_type.shape.dim
    height, width = (shape[2].dim_value, shape[3].dim_value) if len(shape) == 4 else (0, 0)
    users = [node for node in model.graph.node if given.name in node.input]
    weights = {each.name: each for each in model.graph.initializer}
    if len(model.graph.input) != 1 or len(users) != 1 or users[0].op_type != "Conv" or not (height and width):
        return False
    conv = users[0]
    side = _patch_side(conv)
    kernel = numpy_helper.to_array(weights[conv.input[1]]) if conv.input[1] in weights else np.zeros(())
    if not side or kernel.shape[1:] != (3, side, side) or height % side or width % side:
        return False
    bias = np.zeros(len(kernel), np.float32)
    if len(conv.input) > 2:
        if conv.input[2] not in weights:
            return False
        bias = numpy_helper.to_array(weights[conv.input[2]])
    top = (1 << (bits - 1)) - 1
    matrix = (kernel / (255 * np.array(std, np.float64)[:, None, None])).transpose(2, 3, 1, 0).reshape(-1, len(kernel))
    scale = np.maximum(np.abs(matrix).max(axis=0), 1e-30) / top
    whole = np.rint(matrix / scale).clip(-top, top).astype(np.int8)
    # From the whole numbers, so that a picture of nothing but the mean colour gives exactly the bias.
    grey = np.tile(255 * np.array(mean, np.float64), side * side)
    shift = bias - (grey @ whole) * scale

    down, across, many = height // side, width // side, len(kernel)
    name, found = f"{RAW}/patches", conv.output[0]
    constants: dict[str, NDArray[Any]] = {
        f"{name}/split": np.array([-1, down, side, across, side * 3], np.int64),
        f"{name}/flat": np.array([-1, down * across, side * side * 3], np.int64),
        f"{name}/square": np.array([-1, many, down, across], np.int64),
        f"{name}/matrix": whole,
        f"{name}/scale": scale.astype(np.float32),
        f"{name}/shift": shift.astype(np.float32),
    }
    steps = [
        helper.make_node("Reshape", [RAW, f"{name}/split"], [f"{name}/1"]),
        helper.make_node("Transpose", [f"{name}/1"], [f"{name}/2"], perm=[0, 1, 3, 2, 4]),
        helper.make_node("Reshape", [f"{name}/2", f"{name}/flat"], [f"{name}/3"]),
        helper.make_node("MatMulInteger", [f"{name}/3", f"{name}/matrix"], [f"{name}/4"]),
        helper.make_node("Cast", [f"{name}/4"], [f"{name}/5"], to=TensorProto.FLOAT),
        helper.make_node("Mul", [f"{name}/5", f"{name}/scale"], [f"{name}/6"]),
        helper.make_node("Add", [f"{name}/6", f"{name}/shift"], [f"{name}/7"]),
        helper.make_node("Transpose", [f"{name}/7"], [f"{name}/8"], perm=[0, 2, 1]),
        helper.make_node("Reshape", [f"{name}/8", f"{name}/square"], [found]),
    ]
    model.graph.initializer.extend(numpy_helper.from_array(value, key) for key, value in constants.items())
    if Counter(each for node in model.graph.node for each in node.input)[conv.input[1]] == 1:
        model.graph.initializer.remove(weights[conv.input[1]])
    batch = shape[0].dim_param or shape[0].dim_value or "batch"
    given.CopyFrom(helper.make_tensor_value_info(RAW, TensorProto.UINT8, [batch, height, width, 3]))
    _replace(model, [new for node in model.graph.node for new in (steps if node is conv else [node])])
    return True


def halved(model: Any) -> Any:
    """The model with sixteen bits inside; what goes in and comes out keeps thirty-two."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # weights that are cut to what sixteen bits can hold: the trial tells what it does
        return convert_float_to_float16(model, keep_io_types=True)


def _patch_side(conv: Any) -> int:
    """The side of the patches that a convolution cuts a picture into; 0 where it does something else."""
    said = {each.name: helper.get_attribute_value(each) for each in conv.attribute}
    strides = list(said.get("strides", [1, 1]))
    plain = not any(said.get("pads", [0])) and set(said.get("dilations", [1])) == {1} and said.get("group", 1) == 1
    plain = plain and said.get("auto_pad", b"NOTSET") in (b"NOTSET", b"VALID")
    return int(strides[0]) if plain and len(set(strides)) == 1 and len(strides) == 2 else 0


def _replace(model: Any, nodes: Sequence[Any]) -> None:
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    model.graph.ClearField("value_info")  # the types of what lies between, which have changed


def load(file: Any) -> Any:
    """A model's graph with its weights."""
    return onnx.load(str(file))


def save(model: Any, file: Any) -> None:
    """In one file."""
    onnx.save(model, str(file))
