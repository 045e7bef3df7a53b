"""Shapes of what an administrator is told about seeing: services, models with their terms, progress."""

from typing import Literal

from calotype.core.stations import State
from calotype.wire.base import IsoDateTime, Wire

StepName = Literal["embedding", "faces", "text"]


class ModelTrial(Wire):
    """How a model with fewer bits compares with itself; `cosine` and `order` are the least that was found."""

    is_passed: bool
    reason: str
    cosine: float
    order: float


class ModelPart(Wire):
    type: str
    state: State
    trial: ModelTrial | None


class ModelRun(Wire):
    """How it runs in a child, or ran last. `fell_back`: why not on something faster."""

    family: str
    is_loaded: bool
    provider: str
    precision: str
    fell_back: str


class StationModel(Wire):
    """Sizes in bytes, 0 where they are not known."""

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
    runs: tuple[ModelRun, ...]


class StationChild(Wire):
    family: str
    is_alive: bool
    waiting: int
    memory_bytes: int
    limit_bytes: int
    falls: int
    loaded: tuple[str, ...]


class StationAbout(Wire):
    version: str
    waiting: int
    most_waiting: int
    memory_bytes: int
    children: tuple[StationChild, ...]
    models: tuple[StationModel, ...]


class Station(Wire):
    """An inference service. `about` is null for one that is away, or that does not tell."""

    url: str
    is_reachable: bool
    sentence: str | None
    away_since: IsoDateTime | None
    about: StationAbout | None


class SeeingStep(Wire):
    """How many pictures were looked at. Counts of jobs are null while the work queue is away."""

    step: StepName
    is_on: bool
    model: str
    done: int
    failed: int
    missing: int
    waiting: int | None
    active: int | None
    is_paused: bool | None


class ModelChange(Wire):
    """Searches are answered by `before` until `after` has seen everything."""

    before: str
    after: str
    done: int
    total: int


class Seeing(Wire):
    is_enabled: bool
    photos: int
    steps: tuple[SeeingStep, ...]
    change: ModelChange | None
    stations: tuple[Station, ...]
