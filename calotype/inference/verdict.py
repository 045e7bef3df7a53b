"""What a self-test found about a model, as it lies in a folder beside it. Light, so that the service can read it, too."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

Small = Literal["int8", "bf16", "fp16"]
SMALL: tuple[Small, ...] = get_args(Small)

RULES = 4  # raised when models must be judged anew
WORTH = 0.8  # of the time, for a way that takes more memory: OpenVINO takes five times what eight bits do


@dataclass(frozen=True, slots=True)
class Way:
    """Fewer bits, and the provider that computes with them.

    int8 and fp16 are models of their own. bf16 is the original, and an option for whoever runs it.
    """

    precision: Small
    provider: str


EIGHT = Way("int8", "cpu")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a model may be used with fewer bits. `cosine` and `order` are the least that was found."""

    precision: Small | Literal["fp32"]
    reason: str
    cosine: float
    order: float
    cost_ms: float  # CPU time of an example
    checksum: str
    stamp: str  # sizes and times of the model's files: while they are the same, its checksum is not asked for again
    cpu: str  # what computes: the kind of processor, or the provider
    rules: int = RULES

    @property
    def is_passed(self) -> bool:
        """Whether it may."""
        return self.precision != "fp32"


def best(good: Mapping[Way, Verdict]) -> Way | None:
    """Which of the ways that passed to go: the first, or a later one that is so much faster that it is worth its memory."""
    chosen: Way | None = None
    for way, verdict in good.items():
        if chosen is None or verdict.cost_ms < WORTH * good[chosen].cost_ms:
            chosen = way
    return chosen


def read(folder: Path, small: Small) -> Verdict | None:
    """What was found about the model of a folder. Whether it is still that model, its stamp and checksum tell."""
    try:
        verdict = Verdict(**json.loads((folder / small / "verdict.json").read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    return verdict if verdict.rules == RULES else None


def stamp(folder: Path) -> str:
    """Sizes and times of what decides a model's answers; "" where there is no model."""
    files = [folder / "model.onnx", *folder.glob("preprocess_cfg.json")]
    try:
        return " ".join(f"{found.st_size}:{found.st_mtime_ns}" for found in (file.stat() for file in files))
    except OSError:
        return ""
