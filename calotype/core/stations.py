"""What an inference service tells of itself: its models, their terms, how they run, and the processes that hold them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

State = Literal["present", "partial", "fetching", "failed", "missing"]


@dataclass(frozen=True, slots=True)
class Trial:
    """How a model that was made smaller compares with itself. `cosine`, `order`: the least that was found (0–1)."""

    is_passed: bool
    reason: str
    cosine: float
    order: float


@dataclass(frozen=True, slots=True)
class ModelPart:
    """One half of a model, such as `visual`. `trial`: of fewer bits, where there was one."""

    type: str
    state: State
    trial: Trial | None


@dataclass(frozen=True, slots=True)
class Run:
    """How a model runs in a child, or ran last. `fell_back`: why not on something faster; empty for no reason."""

    family: str
    is_loaded: bool
    provider: str
    precision: str
    fell_back: str


@dataclass(frozen=True, slots=True)
class StationModel:
    """A model that can be chosen. `size_bytes`: on disk now; `expected_bytes`, `total_bytes` 0: not known.

    `task` is `clip`, `facial-recognition` or `ocr`. `partial`: only some of its parts are there; the rest is fetched when
    somebody needs it.
    """

    task: str
    name: str
    state: State
    licence: str
    notice: str
    is_non_commercial: bool
    source: str
    why: str
    is_preset: bool
    languages: str
    dimensions: int
    size_bytes: int
    expected_bytes: int
    can_fetch: bool
    done_bytes: int
    total_bytes: int
    reason: str
    parts: tuple[ModelPart, ...]
    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Child:
    """A process that holds the models of a family. Memory in bytes."""

    family: str
    is_alive: bool
    waiting: int
    memory_bytes: int
    limit_bytes: int
    falls: int
    loaded: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class About:
    """What a service of ours says. Others answer questions as well, and say nothing."""

    version: str
    waiting: int
    most_waiting: int
    memory_bytes: int
    children: tuple[Child, ...]
    models: tuple[StationModel, ...]


@dataclass(frozen=True, slots=True)
class Station:
    """An address where pictures are looked at. `url` is without a password.

    `sentence`: what is wrong, or why nothing is known of its models. `away_since`: as far as this process noticed.
    """

    url: str
    is_reachable: bool
    sentence: str | None = None
    away_since: datetime | None = None
    about: About | None = None
