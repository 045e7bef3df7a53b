"""From a request's entries to what is asked of which family (pure)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

TYPES: dict[str, tuple[str, ...]] = {
    "clip": ("visual", "textual"),
    "facial-recognition": ("detection", "recognition"),
    "ocr": ("detection", "recognition"),
}
FAMILIES = {"facial-recognition": "faces", "ocr": "ocr"}
FULL_PX = 1440  # the shorter side that faces and text are looked for in: what a preview has
MALFORMED = "Invalid request format."


class Refused(Exception):
    """A request that cannot be served: the status, a sentence, and what is at fault.

    `fault`: request, picture (this very picture will never do), model, busy (try again), service.
    """

    def __init__(self, status: int, sentence: str, fault: str = "request") -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Preload:
    """A model that is loaded before anybody asks."""

    task: str
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Step:
    """One question to one family. `models`: the name for each type."""

    task: str
    family: str
    models: Mapping[str, str]
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])

    @property
    def needs(self) -> Literal["image", "text"]:
        """What the question is about."""
        return "text" if self.family == "words" else "image"


def read(entries: str) -> list[Step]:
    """Raises `Refused`."""
    try:
        said = json.loads(entries)
    except (ValueError, RecursionError) as error:
        raise Refused(422, MALFORMED) from error
    if not isinstance(said, dict) or not said:
        raise Refused(422, MALFORMED)
    return [_step(task, types) for task, types in cast("dict[str, Any]", said).items()]


def _step(task: str, types: Any) -> Step:
    if task not in TYPES or not isinstance(types, dict) or not types:
        raise Refused(422, MALFORMED)
    models: dict[str, str] = {}
    options: dict[str, Mapping[str, Any]] = {}
    for kind, entry in cast("dict[str, Any]", types).items():
        if kind not in TYPES[task] or not isinstance(entry, dict):
            raise Refused(422, MALFORMED)
        said = cast("dict[str, Any]", entry)
        name, given = said.get("modelName"), said.get("options") or dict[str, Any]()
        if not isinstance(name, str) or not name or not isinstance(given, dict):
            raise Refused(422, MALFORMED)
        models[kind], options[kind] = name, cast("dict[str, Any]", given)
    if task == "clip":
        if len(models) > 1:
            raise Refused(422, MALFORMED)  # one answer stands under one key
        return Step(task, "words" if "textual" in models else "clip", models, options)
    if "detection" not in models:
        raise Refused(400, f"Task {task} of type recognition depends on output of detection")
    if "recognition" not in models:
        raise Refused(400, f"Task {task} of type detection is of use only with recognition")
    return Step(task, FAMILIES[task], models, options)


def preload_steps(preloads: tuple[Preload, ...]) -> list[Step]:
    """What to load. A pair of types is one sight: the n-th name of one goes with the n-th of the other."""
    steps: list[Step] = []
    named: dict[tuple[str, str], list[str]] = {}
    for each in preloads:
        named.setdefault((each.task, each.kind), []).append(each.name)
    for (task, kind), names in named.items():
        if task == "clip":
            steps += [Step(task, "words" if kind == "textual" else "clip", {kind: name}) for name in names]
        elif kind == "detection":
            others = named.get((task, "recognition"), names)
            steps += [
                Step(task, FAMILIES[task], {"detection": one, "recognition": other})
                for one, other in zip(names, others, strict=False)
            ]
    return steps


def least_px(step: Step, size_px: int) -> int:
    """The shorter side that this step needs of a picture.  size_px: the model's own, for CLIP."""
    if step.family == "clip":  # half as much again: less drift than eight bits bring (docs/decisions/0009)
        return size_px * 3 // 2
    wanted = step.options.get("detection", {}).get("maxResolution")
    return max(FULL_PX, 2 * wanted) if isinstance(wanted, int) and 0 < wanted < 10_000 else FULL_PX
