"""A model in memory: which hardware runs it, what happens when that hardware fails, and how rows become batches.

    session = open_session(folder / "model.onnx", Runtime())
    session.run({"image": pixels})      # list of arrays, in the order of session.outputs
    session.rows({"image": many})       # the same for many rows: in one go where the model truly can, else one by one

The providers are tried in the order of `PREFERENCE`, as far as this machine's onnxruntime has them. A model that fails on
one runs on the CPU from then on; other models stay where they are. `Session.provider` and `Session.fell_back` tell.
"""

# onnxruntime ships no types; what leaves this file is typed.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import json
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from calotype.core.log import say

Array = NDArray[Any]

CPU = "CPUExecutionProvider"
# The fastest first. TensorRT builds an engine for minutes at its first start, so it is only used when it is asked for.
PREFERENCE = (
    "CUDAExecutionProvider",
    "MIGraphXExecutionProvider",
    "ROCMExecutionProvider",
    "OpenVINOExecutionProvider",
    "CoreMLExecutionProvider",
    CPU,
)
NAMES = {
    "tensorrt": "TensorrtExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "migraphx": "MIGraphXExecutionProvider",
    "rocm": "ROCMExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "cpu": CPU,
}
# Rows that a model computes together may differ from those computed one by one by this much of their own size.
SAME = 1e-3
# With eight bits the rows of a batch share one scale, so that each moves a little when others are beside it: as much as
# eight bits move it anyway (1e-4 measured). Their directions must agree by this much.
SAME_WAY = 0.999


@dataclass(frozen=True, slots=True)
class Runtime:
    """How this machine runs models. Zero threads: chosen from its cores.

    `providers`: names of `NAMES` to try, in this order; empty: `PREFERENCE`. `scratch`: where engines compiled for this
    hardware are kept. `precision`: "auto" takes fewer bits where the model passes its self-test, "fp32" never does.
    """

    providers: tuple[str, ...] = ()
    device_id: int = 0
    intra_threads: int = 0
    inter_threads: int = 0
    lanes: int = 0
    precision: str = "auto"
    half_on: frozenset[str] = frozenset()  # GPUs that may compute in 16 bits without a self-test: "openvino", "rocm"
    scratch: Path | None = None

    @property
    def lane_count(self) -> int:
        """How many runs of one model go on at once. Two single threads do more than one run that two threads share."""
        return self.lanes or min(4, _cores())

    @property
    def intra_count(self) -> int:
        """Threads of one run on the CPU."""
        return self.intra_threads or max(1, _cores() // self.lane_count)


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of a model. A dimension that is not fixed is `None`."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str  # as onnxruntime writes it: "tensor(float)"


class Session:
    """A loaded model. `run` and `rows` may be called by several threads at once."""

    def __init__(
        self,
        path: Path,
        runtime: Runtime,
        *,
        is_coarse: bool = False,
        in_bfloat16: bool = False,
        spare: Path | None = None,
    ) -> None:
        self._path = path
        self._spare = spare
        self._is_coarse = is_coarse or in_bfloat16
        self._in_bfloat16 = in_bfloat16
        self._runtime = runtime
        self._moving = threading.Lock()
        self._rows_agree: bool | None = None  # whether a batch gives what its rows give; found out at the first batch
        self.fell_back = ""  # why it runs on the CPU although something faster is there
        self._session = self._open(_wanted(runtime))
        self.inputs = _ports(self._session.get_inputs())
        self.outputs = _ports(self._session.get_outputs())

    @property
    def provider(self) -> str:
        """Who computes: a name of `NAMES`."""
        return _short(self._session.get_providers()[0])

    @property
    def metadata(self) -> dict[str, str]:
        """What the model's maker wrote into it."""
        return dict(self._session.get_modelmeta().custom_metadata_map)

    def run(self, inputs: Mapping[str, Array]) -> list[Array]:
        """The outputs, in the order of `outputs`. A provider that fails at work is left for the CPU, once."""
        session = self._session
        try:
            return session.run(None, dict(inputs))
        except Exception as error:
            if _short(session.get_providers()[0]) == "cpu" or _is_callers_fault(error):
                raise
            with self._moving:
                if self._session is session:
                    self._note_fall(self.provider, error)
                    self._session = self._open([CPU])
            return self._session.run(None, dict(inputs))

    def rows(self, inputs: Mapping[str, Array]) -> list[Array]:
        """`run` for inputs whose first axis counts rows.

        Exports with a fixed batch of one, and those that were traced with one and only pretend to take more, are run
        row by row: the first batch is computed both ways and compared.
        """
        count = len(next(iter(inputs.values())))
        fixed = self.inputs[0].shape[0] if self.inputs[0].shape else None
        if count == 1 or fixed == count:
            return self.run(inputs)
        if fixed is not None or self._rows_agree is False:
            return self._one_by_one(inputs, count)
        if self._rows_agree:
            return self.run(inputs)
        alone = self._one_by_one(inputs, count)
        try:
            together = self.run(inputs)
        except Exception as error:
            say("model_takes_no_batch", path=self._path.parent.name, reason=str(error)[:200])
            self._rows_agree = False
            return alone
        self._rows_agree = all(self._alike(one, other) for one, other in zip(alone, together, strict=True))
        if not self._rows_agree:
            say("model_errs_in_batches", path=self._path.parent.name)
        return alone

    def _alike(self, one: Array, other: Array) -> bool:
        if one.shape != other.shape:
            return False
        if self._is_coarse:
            return bool(_cosines(one, other).min(initial=1) >= SAME_WAY)
        return bool(np.abs(one - other).max(initial=0) <= SAME * max(1e-6, float(np.abs(one).max(initial=0))))

    def _one_by_one(self, inputs: Mapping[str, Array], count: int) -> list[Array]:
        each = [self.run({name: array[row : row + 1] for name, array in inputs.items()}) for row in range(count)]
        return [np.concatenate(parts) for parts in zip(*each, strict=True)]

    def _open(self, wanted: Sequence[str]) -> Any:
        for provider in wanted:
            if provider == CPU:
                break
            try:
                session = self._made([provider, CPU])
            except (
                Exception
            ) as error:  # a driver that is missing, a shape it cannot compile: no kind of error is theirs
                self._note_fall(_short(provider), error)
                continue
            if session.get_providers()[0] == provider:
                return session
            self._note_fall(_short(provider), "its libraries could not be loaded")
        return self._made([CPU])

    def _made(self, providers: list[str]) -> Any:
        options = ort.SessionOptions()
        options.log_severity_level = 4  # what matters comes as an exception
        options.intra_op_num_threads = self._runtime.intra_count
        options.inter_op_num_threads = self._runtime.inter_threads or 1
        # Threads that spin while they wait are fast alone and ruinous beside others.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
        # It keeps a plan of its memory for every shape it ever saw. What pictures of all sizes go through saw thousands.
        options.enable_mem_pattern = False
        file = self._spare if self._spare and providers == [CPU] else self._path
        made = ort.InferenceSession(
            str(file),
            options,
            providers=providers,
            provider_options=[_options(each, self._runtime, self._in_bfloat16) for each in providers],
        )
        made.disable_fallback()  # onnxruntime's own would hide what happened
        return made

    def _note_fall(self, provider: str, why: BaseException | str) -> None:
        self.fell_back = f"{provider}: {' '.join(str(why).split())[:300]}"
        say("provider_failed", level=30, model=self._path.parent.name, provider=provider, reason=self.fell_back)


def open_session(
    path: Path,
    runtime: Runtime | None = None,
    *,
    is_coarse: bool = False,
    in_bfloat16: bool = False,
    spare: Path | None = None,
) -> Session:
    """Load a model. Raises whatever onnxruntime raises for a file that is no model it can run, even on the CPU.

    is_coarse: one that computes in few bits, whose rows may move a little in a batch. in_bfloat16: let OpenVINO compute so
    on a CPU, and nobody else. spare: the same model for the CPU, where `path` is made for other hardware.
    """
    return Session(path, runtime or Runtime(), is_coarse=is_coarse, in_bfloat16=in_bfloat16, spare=spare)


def available() -> tuple[str, ...]:
    """The providers of this machine's onnxruntime that we know, by their names of `NAMES`."""
    offered = set(ort.get_available_providers())
    return tuple(name for name, provider in NAMES.items() if provider in offered)


def _wanted(runtime: Runtime) -> list[str]:
    offered = set(ort.get_available_providers())
    order = [NAMES[name] for name in runtime.providers if name in NAMES] or list(PREFERENCE)
    return [provider for provider in [*order, CPU] if provider in offered]


def _options(provider: str, runtime: Runtime, in_bfloat16: bool) -> dict[str, Any]:
    device = str(runtime.device_id)
    cache = str(runtime.scratch) if runtime.scratch else ""
    if provider == "CUDAExecutionProvider":
        # Grow by what is asked: the default doubles, and three families share the card.
        return {"device_id": device, "arena_extend_strategy": "kSameAsRequested", "cudnn_conv_algo_search": "HEURISTIC"}
    if provider == "TensorrtExecutionProvider":
        kept = {"trt_engine_cache_enable": "1", "trt_engine_cache_path": cache} if cache else {}
        return {"device_id": device, "trt_fp16_enable": "1", **kept}
    if provider in ("MIGraphXExecutionProvider", "ROCMExecutionProvider"):
        half = {"migraphx_fp16_enable": "1"} if "rocm" in runtime.half_on and provider[0] == "M" else {}
        return {"device_id": device, **half}
    if provider == "OpenVINOExecutionProvider":
        if is_on_cpu("openvino"):
            # Its threads are its own: without a stream for each lane, runs wait for each other on all cores. What it
            # compiled is not kept: that takes as much disk as the model and saves no time.
            threads = {
                "NUM_STREAMS": runtime.lane_count,
                "INFERENCE_NUM_THREADS": runtime.lane_count * runtime.intra_count,
            }
            hint = {"INFERENCE_PRECISION_HINT": "bf16" if in_bfloat16 else "f32"}  # left alone, it may choose bfloat16
            return {"device_type": "CPU", "load_config": json.dumps({"CPU": hint | threads})}
        kept = {"cache_dir": cache} if cache else {}
        precision = "FP16" if "openvino" in runtime.half_on else "FP32"
        return {"device_type": f"GPU.{device}", "precision": precision, **kept}
    return {}


def is_on_cpu(provider: str) -> bool:
    """Whether what is given to a provider (a name of `NAMES`) is computed by the CPU: OpenVINO does where no GPU is."""
    return provider == "cpu" or (provider == "openvino" and not _has_render_node())


def _has_render_node() -> bool:
    """Whether an Intel or AMD GPU is there for programs (Linux shows it as a render node)."""
    return any(Path("/dev/dri").glob("renderD*"))


def _ports(found: Sequence[Any]) -> tuple[Port, ...]:
    return tuple(
        Port(each.name, tuple(side if isinstance(side, int) and side > 0 else None for side in each.shape), each.type)
        for each in found
    )


def _short(provider: str) -> str:
    return next((name for name, long in NAMES.items() if long == provider), provider)


def _is_callers_fault(error: Exception) -> bool:
    """Whether the inputs were wrong, which no other provider would mend."""
    return type(error).__name__ in ("InvalidArgument", "ValueError", "TypeError", "KeyError")


def _cosines(one: Array, other: Array) -> Array:
    """Of each row with its own."""
    flat, beside = (each.reshape(len(each), -1).astype(np.float64) for each in (one, other))
    lengths = np.linalg.norm(flat, axis=1) * np.linalg.norm(beside, axis=1)
    return (flat * beside).sum(axis=1) / np.maximum(lengths, 1e-12)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def about_pair(sessions: Sequence[Session]) -> dict[str, str]:
    """For log and metrics, what models that work together run on: `provider`, `precision`, and `fell_back` if one did."""
    fell = [session.fell_back for session in sessions if session.fell_back]
    return {
        "provider": "+".join(sorted({session.provider for session in sessions})),
        "precision": "fp32",
        **({"fell_back": "; ".join(fell)} if fell else {}),
    }
