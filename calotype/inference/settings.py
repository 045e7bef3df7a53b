"""What the environment says to the inference service: our own variables, and those that the ecosystem's service knows.

`CALOTYPE_INFERENCE_…` wins over `MACHINE_LEARNING_…` and `IMMICH_…`, which are accepted so that a container can be swapped.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from calotype.core.config import Config
from calotype.core.errors import Invalid
from calotype.core.log import say
from calotype.inference.plan import Preload

Json = dict[str, Any]

THEIRS = "MACHINE_LEARNING_"
# Understood, and without a meaning here: one process takes all requests, and batches are as large as they are good.
WITHOUT_EFFECT = (
    "WORKERS",
    "HTTP_KEEPALIVE_TIMEOUT_S",
    "ANN",
    "RKNN",
    "ANN_FP16_TURBO",
    "ANN_TUNING_LEVEL",
    "RKNN_THREADS",
    "MAX_BATCH_SIZE__FACIAL_RECOGNITION",
    "MAX_BATCH_SIZE__OCR",
    "MODEL_ARENA",
)
PRELOADS: dict[str, tuple[str, str]] = {
    "PRELOAD__CLIP__TEXTUAL": ("clip", "textual"),
    "PRELOAD__CLIP__VISUAL": ("clip", "visual"),
    "PRELOAD__FACIAL_RECOGNITION__DETECTION": ("facial-recognition", "detection"),
    "PRELOAD__FACIAL_RECOGNITION__RECOGNITION": ("facial-recognition", "recognition"),
    "PRELOAD__OCR__DETECTION": ("ocr", "detection"),
    "PRELOAD__OCR__RECOGNITION": ("ocr", "recognition"),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """How the service runs. Times in seconds; zero threads: chosen from the cores."""

    models: Path
    host: str = "127.0.0.1"
    port: int = 3003
    ttl_s: float = 300.0  # 0: models stay
    patience_s: float = 300.0
    lanes: int = 0
    intra_threads: int = 0
    inter_threads: int = 0
    device_id: int = 0
    providers: tuple[str, ...] = ()
    precision: str = "auto"
    half_on: frozenset[str] = frozenset()
    memory_mib: int = 3072
    queue: int = 64
    max_body_bytes: int = 100 << 20
    max_pixels: int = 100_000_000
    metrics_token: str = ""
    preloads: tuple[Preload, ...] = field(default_factory=tuple[Preload, ...])

    @property
    def runtime(self) -> Json:
        """What the children are told about how to run models: the fields of `session.Runtime`."""
        return {
            "providers": list(self.providers),
            "device_id": self.device_id,
            "intra_threads": self.intra_threads,
            "inter_threads": self.inter_threads,
            "lanes": self.lanes,
            "precision": self.precision,
            "half_on": sorted(self.half_on),
            "scratch": str(self.models / ".engines"),
        }


def read(config: Config, environment: Mapping[str, str] | None = None) -> Settings:
    """Raises `Invalid` with the variable's name when a value cannot be read."""
    environment = os.environ if environment is None else environment
    theirs = {
        name.removeprefix(THEIRS): value for name, value in environment.items() if name.startswith(THEIRS) and value
    }
    ignored = sorted(name for name in theirs if name in WITHOUT_EFFECT)
    if ignored:
        say("variables_without_effect", names=",".join(THEIRS + name for name in ignored))
    host, port = config.inference_host, config.inference_port
    if "CALOTYPE_INFERENCE_HOST" not in environment and environment.get("IMMICH_HOST"):
        host = environment["IMMICH_HOST"].strip("[]")
    if "CALOTYPE_INFERENCE_PORT" not in environment and environment.get("IMMICH_PORT"):
        port = _number("IMMICH_PORT", environment["IMMICH_PORT"])
    return Settings(
        models=_models(config, theirs),
        host=host,
        port=port,
        ttl_s=_of(theirs, "MODEL_TTL", config.inference_ttl_s, "CALOTYPE_INFERENCE_TTL_S" in environment),
        patience_s=_of(theirs, "WORKER_TIMEOUT", 300),
        lanes=_of(theirs, "REQUEST_THREADS", 0),
        intra_threads=_of(theirs, "MODEL_INTRA_OP_THREADS", 0),
        inter_threads=_of(theirs, "MODEL_INTER_OP_THREADS", 0),
        device_id=_of(theirs, "DEVICE_ID", 0),
        providers=_providers(config.inference_providers),
        precision=_precision(config.inference_precision),
        half_on=frozenset(
            name for name in ("openvino", "rocm") if theirs.get(f"{name.upper()}_PRECISION", "FP32").upper() == "FP16"
        ),
        memory_mib=max(256, config.inference_memory_mib),
        queue=max(1, config.inference_queue),
        max_pixels=min(config.max_pixels, Settings.__dataclass_fields__["max_pixels"].default),
        metrics_token=config.metrics_token,
        preloads=tuple(
            Preload(task, kind, name.strip())
            for variable, (task, kind) in PRELOADS.items()
            for name in theirs.get(variable, "").split(",")
            if name.strip()
        ),
    )


def _models(config: Config, theirs: Mapping[str, str]) -> Path:
    if config.inference_models:
        return Path(config.inference_models).expanduser().absolute()
    if "CACHE_FOLDER" in theirs:
        return Path(theirs["CACHE_FOLDER"]).absolute()
    return config.data / "models"


def _of(theirs: Mapping[str, str], name: str, default: int, ours: bool = False) -> int:
    return default if ours or name not in theirs else _number(THEIRS + name, theirs[name])


def _number(variable: str, text: str) -> int:
    try:
        number = int(text)
    except ValueError as error:
        raise Invalid(f"{variable} must be a whole number, not {text!r}.") from error
    if number < 0:
        raise Invalid(f"{variable} must not be negative.")
    return number


def _providers(text: str) -> tuple[str, ...]:
    names = tuple(name.strip().lower() for name in text.split(",") if name.strip())
    for name in names:
        if name not in KNOWN_PROVIDERS:
            known = ", ".join(KNOWN_PROVIDERS)
            raise Invalid(f"CALOTYPE_INFERENCE_PROVIDERS: {name!r} is not one of {known}.")
    return names


# Named here, too: the service itself does not load the runtime.
KNOWN_PROVIDERS = ("tensorrt", "cuda", "migraphx", "rocm", "openvino", "coreml", "cpu")


def _precision(text: str) -> str:
    if text not in ("auto", "fp32"):
        raise Invalid(f"CALOTYPE_INFERENCE_PRECISION must be auto or fp32, not {text!r}.")
    return text
