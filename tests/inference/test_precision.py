"""Fewer bits only where they agree, found out once, never half written."""

import json
import os
import threading

import numpy as np
import onnx
import pytest

from calotype.inference import precision, session
from calotype.inference.session import Runtime
from calotype.inference.verdict import EIGHT, Way, best
from tests.inference import tiny
from tests.inference.card import Card, offered

CPU = Runtime(providers=("cpu",), lanes=1, intra_threads=1)
HALF = Way("fp16", "cuda")
BRAIN = Way("bf16", "openvino")
this_processor = precision.bfloat16


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


def test_a_model_is_served_while_it_is_tried_and_switched_afterwards(tmp_path, monkeypatch):
    trimmed = threading.Event()
    monkeypatch.setattr(precision.bound, "trim", trimmed.set)
    monkeypatch.setattr(precision, "TRIM_AFTER_S", 0)
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
    assert trimmed.wait(10)  # the memory of the larger one is given back


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


def test_what_a_killed_trial_left_behind_goes_with_the_next_day(tmp_path):
    folder = tiny.visual(tmp_path)
    for name in (".int8-killed", ".fp16-killed", ".int8-at-work"):
        (folder / name).mkdir()
        (folder / name / "model.onnx").write_bytes(b"half a mod")
    for name in (".int8-killed", ".fp16-killed"):
        os.utime(folder / name, (1, 1))
    precision.prepare(folder, "visual")
    assert sorted(os.listdir(folder)) == [".int8-at-work", "int8", "model.onnx", "preprocess_cfg.json"]


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
        return model, precision.prepare(model, "visual", Way("fp16", "cpu"))


def test_sixteen_bits_that_agree_are_kept_beside_the_original(tmp_path, monkeypatch):
    folder, verdict = halved(tmp_path, monkeypatch)
    assert (verdict.precision, verdict.reason) == ("fp16", "")
    assert verdict.cosine >= 0.9999
    assert sorted(os.listdir(folder / "fp16")) == ["model.onnx", "verdict.json"]
    assert (folder / "fp16" / "model.onnx").stat().st_size < 0.6 * (folder / "model.onnx").stat().st_size
    assert precision.remembered(folder, HALF) == verdict
    assert precision.remembered(folder, Way("fp16", "rocm")) is None  # other hardware is asked anew


def test_weights_that_sixteen_bits_cannot_hold_leave_the_model_as_it_came(tmp_path):
    folder = tiny.visual(tmp_path)
    model = onnx.load(folder / "model.onnx")
    second = next(each for each in model.graph.initializer if each.name == "second")
    second.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(second) * np.float32(1e7), "second"))
    onnx.save(model, folder / "model.onnx")
    verdict = precision.prepare(folder, "visual", Way("fp16", "cpu"))
    assert verdict.precision == "fp32"
    assert verdict.reason
    assert os.listdir(folder / "fp16") == ["verdict.json"]


def test_a_trial_on_hardware_that_is_not_there_is_no_success(tmp_path):
    folder = tiny.visual(tmp_path)
    verdict = precision.prepare(folder, "visual", HALF)
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
    found = precision.remembered(folder, HALF)
    assert found
    assert found.precision == "fp32"
    assert precision.Careful(folder, Runtime(), kind="visual")._trial is None


@pytest.fixture
def brain(monkeypatch) -> Card:
    """A machine without a GPU whose onnxruntime offers OpenVINO, and whose processor multiplies bfloat16."""
    monkeypatch.setattr(session, "_has_render_node", lambda: False)
    monkeypatch.setattr(precision, "bfloat16", lambda: "avx512_bf16")
    return offered(monkeypatch, session.NAMES["openvino"])


def hints(card: Card) -> list[str]:
    """How precisely OpenVINO was told to compute, for each session that was opened on it."""
    return [json.loads(each["load_config"])["CPU"]["INFERENCE_PRECISION_HINT"] for each in card.options]


def tried(folder, way: Way, cost_ms: float) -> None:
    """A model with a verdict that this way is good, and takes so long."""
    precision.prepare(folder, "visual", way)
    file = folder / way.precision / "verdict.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"cost_ms": cost_ms}))


@pytest.mark.parametrize(
    ("providers", "cpu_multiplies", "found"),
    [
        (["cpu"], "avx512_bf16", (EIGHT,)),
        (["cuda", "openvino", "cpu"], "amx_bf16", (HALF,)),
        (["openvino", "cpu"], "amx_bf16", (EIGHT, BRAIN)),
        (["openvino", "cpu"], "", (EIGHT,)),
        (["openvino"], "avx512_bf16", (BRAIN,)),  # nobody asked for onnxruntime's own
        (["migraphx", "cpu"], "avx512_bf16", ()),  # it has an option of its own
    ],
)
def test_what_is_tried_is_what_the_hardware_can(brain, monkeypatch, providers, cpu_multiplies: str, found):
    monkeypatch.setattr(precision, "bfloat16", lambda: cpu_multiplies)
    assert precision.ways(providers) == found


def test_openvino_on_a_gpu_is_not_asked_for_bfloat16(brain, monkeypatch):
    monkeypatch.setattr(session, "_has_render_node", lambda: True)
    assert precision.ways(["openvino", "cpu"]) == ()


def test_bfloat16_needs_no_second_model(brain, tmp_path):
    folder = tiny.visual(tmp_path)
    verdict = precision.prepare(folder, "visual", BRAIN)
    assert (verdict.precision, verdict.reason, verdict.cpu) == ("bf16", "", "openvino avx512_bf16")
    assert hints(brain) == ["bf16"]  # and what it is compared with was computed elsewhere
    assert os.listdir(folder / "bf16") == ["verdict.json"]
    careful = precision.Careful(folder, Runtime(providers=("openvino",)), kind="visual")
    assert (careful.about["provider"], careful.about["precision"]) == ("openvino", "bf16")
    assert hints(brain) == ["bf16", "bf16"]


def test_a_verdict_of_another_processor_is_none(brain, tmp_path, monkeypatch):
    folder = tiny.visual(tmp_path)
    precision.prepare(folder, "visual", BRAIN)
    monkeypatch.setattr(precision, "bfloat16", lambda: "amx_bf16")
    assert precision.remembered(folder, BRAIN) is None


def test_a_model_that_does_not_bear_bfloat16_is_served_as_it_came(brain, tmp_path, monkeypatch):
    folder = tiny.visual(tmp_path)
    monkeypatch.setattr(precision, "LEAST_COSINE", 1.1)
    assert precision.prepare(folder, "visual", BRAIN).precision == "fp32"
    careful = precision.Careful(folder, Runtime(providers=("openvino",)), kind="visual")
    assert (careful.about["precision"], careful._trial) == ("fp32", None)
    assert hints(brain) == ["bf16", "f32"]


def test_bfloat16_that_fails_at_work_goes_on_with_all_bits_on_the_cpu(brain, tmp_path):
    folder = tiny.visual(tmp_path)
    precision.prepare(folder, "visual", BRAIN)
    careful = precision.Careful(folder, Runtime(providers=("openvino",)), kind="visual")
    brain.is_out_of_memory = True
    careful.session.run({"image": np.zeros((1, 3, 16, 16), np.float32)})
    assert (careful.about["provider"], careful.about["precision"]) == ("cpu", "fp32")


@pytest.mark.parametrize(("eight_ms", "brain_ms", "used"), [(30, 50, EIGHT), (100, 90, EIGHT), (100, 50, BRAIN)])
def test_of_two_that_are_good_the_faster_is_used_if_it_is_worth_its_memory(brain, tmp_path, eight_ms, brain_ms, used):
    folder = tiny.visual(tmp_path)
    tried(folder, EIGHT, eight_ms)
    tried(folder, BRAIN, brain_ms)
    careful = precision.Careful(folder, Runtime(), kind="visual")
    assert Way(careful.about["precision"], careful.about["provider"]) == used  # type: ignore[arg-type]
    assert careful._trial is None


def test_nothing_that_passed_is_nothing_to_use():
    assert best({}) is None


def test_one_is_tried_after_the_other_and_what_is_good_is_used_meanwhile(brain, tmp_path, monkeypatch):
    monkeypatch.setattr(precision, "ways", lambda providers: (EIGHT, BRAIN))
    monkeypatch.setattr(precision, "bfloat16", this_processor)  # as the processes see it that try
    folder = tiny.visual(tmp_path)
    careful = precision.Careful(folder, Runtime(), kind="visual")
    seen = [(careful.about["provider"], careful.about["precision"])]
    while careful._trial:
        assert careful._trial.wait(60) == 0
        assert careful.session
        seen.append((careful.about["provider"], careful.about["precision"]))
    assert seen[:2] == [("openvino", "fp32"), ("cpu", "int8")]
    assert len(seen) == 3  # where those processes have OpenVINO, who is faster with so small a model is chance
    assert precision.remembered(folder, BRAIN) is not None
    assert precision.Careful(folder, Runtime(), kind="visual")._trial is None


def test_where_openvino_does_not_run_eight_bits_are_still_tried(brain, tmp_path):
    folder = tiny.visual(tmp_path)
    brain.fails_to_open = {"model.onnx"}
    careful = precision.Careful(folder, Runtime(), kind="visual")
    assert (careful.about["provider"], careful._untried) == ("cpu", [EIGHT])
    assert careful._trial is not None
    assert careful._trial.wait(60) == 0
    assert careful.session.provider == "cpu"
    assert (careful.about["precision"], careful._trial) == ("int8", None)
