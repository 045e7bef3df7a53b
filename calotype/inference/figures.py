"""The page that Prometheus reads from the inference service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from calotype.inference import bound
from calotype.inference.download import Progress
from calotype.inference.hosts import Family

Labels = dict[str, str]


@dataclass(slots=True)
class Counts:
    """Requests by status, and the time they took together."""

    requests: dict[int, int] = field(default_factory=dict[int, int])
    seconds: float = 0

    def count(self, status: int, took_s: float) -> None:
        """One request was answered."""
        self.requests[status] = self.requests.get(status, 0) + 1
        self.seconds += took_s


def page(counts: Counts, families: Mapping[str, Family], waiting: int, fetching: Sequence[Progress]) -> str:
    """Everything as Prometheus text."""
    parts: list[str] = []
    statuses: list[tuple[Labels, float]] = [({"status": str(status)}, n) for status, n in counts.requests.items()]
    _add(parts, "requests_total", "counter", "Requests to /predict, by status.", statuses)
    _add(parts, "request_seconds_total", "counter", "Time that requests took together.", [({}, counts.seconds)])
    _add(parts, "waiting", "gauge", "Requests that are being answered.", [({}, waiting)])
    every = [({"family": name}, family) for name, family in families.items()]
    _add(parts, "answers_total", "counter", "Answers by children.", [(k, f.figures.answered) for k, f in every])
    _add(parts, "batched_total", "counter", "Answers computed with others.", [(k, f.figures.batched) for k, f in every])
    _add(parts, "busy_seconds_total", "counter", "Time of questions.", [(k, f.figures.busy_s) for k, f in every])
    _add(parts, "retried_total", "counter", "Questions asked again.", [(k, f.figures.retried) for k, f in every])
    _add(parts, "child_starts_total", "counter", "Children started.", [(k, f.figures.starts) for k, f in every])
    falls: list[tuple[Labels, float]] = [
        (k | {"reason": reason}, n) for k, f in every for reason, n in f.figures.falls.items()
    ]
    _add(parts, "child_falls_total", "counter", "Children that died or were replaced.", falls)
    _add(parts, "child_memory_bytes", "gauge", "Memory of the child.", [(k, f.rss_mib << 20) for k, f in every])
    models = [
        (k | {"model": name, **{key: str(about.get(key, "")) for key in ("provider", "precision", "fell_back")}}, 1.0)
        for k, f in every
        for name, about in f.figures.models.items()
    ]
    _add(parts, "model", "gauge", "How a model runs; fell_back tells why not on something faster.", models)
    fetches = [({"model": each.model, "type": each.kind}, each) for each in fetching]
    _add(parts, "fetched_bytes", "gauge", "Of models being fetched.", [(k, p.done_bytes) for k, p in fetches])
    _add(
        parts,
        "fetch_size_bytes",
        "gauge",
        "Of models being fetched, 0: unknown.",
        [(k, p.total_bytes) for k, p in fetches],
    )
    _add(parts, "memory_bytes", "gauge", "Memory of the service itself.", [({}, bound.own_rss_mib() << 20)])
    return "\n".join(parts) + "\n"


def _add(parts: list[str], name: str, kind: str, meaning: str, values: list[tuple[Any, float]]) -> None:
    parts += [f"# HELP calotype_inference_{name} {meaning}", f"# TYPE calotype_inference_{name} {kind}"]
    for labels, value in values:
        words = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        parts.append(
            f"calotype_inference_{name}{{{words}}} {value:g}" if words else f"calotype_inference_{name} {value:g}"
        )


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", " ")
