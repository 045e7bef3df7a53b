"""What there is on this machine, for whoever looks after it: the models with their terms and state, and the children.

Nothing is loaded or fetched for it, and the files are only counted.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from calotype import __version__
from calotype.inference import bound, verdict
from calotype.inference.catalogue import HUB, OCR_STORE, PRESETS, TYPES, Model, clean, known, models
from calotype.inference.hosts import Family
from calotype.inference.library import Standing

Json = dict[str, Any]

# Which child hosts a type of a task.
FAMILIES: dict[str, tuple[str, ...]] = {"clip": ("clip", "words"), "facial-recognition": ("faces",), "ocr": ("ocr",)}
NON_COMMERCIAL = ("non-commercial", "CC-BY-NC-4.0")
BUNDLED = "came with Calotype"
BY_HAND = "put here by somebody"


class Shelf(Protocol):
    """What is asked of whoever keeps the models."""

    @property
    def allow_fetch(self) -> bool: ...
    def standing(self, task: str, name: str, kind: str) -> Standing: ...
    def strangers(self) -> Iterator[tuple[str, str]]: ...


def health(families: Mapping[str, Family], *, waiting: int, most_waiting: int) -> Json:
    """The service itself and its children. Memory in bytes."""
    return {
        "version": __version__,
        "waiting": waiting,
        "mostWaiting": most_waiting,
        "memoryBytes": bound.own_rss_mib() << 20,
        "children": [
            {
                "family": name,
                "isAlive": family.pid is not None,
                "waiting": family.in_hand,
                "memoryBytes": family.rss_mib << 20,
                "limitBytes": family.memory_mib << 20,
                "starts": family.figures.starts,
                "falls": sum(family.figures.falls.values()),
                "loaded": sorted(family.loaded),
            }
            for name, family in families.items()
        ],
    }


def listed(families: Mapping[str, Family], shelf: Shelf) -> list[Json]:
    """Every model that can be chosen here: those we recommend first, then ours, then what somebody put in place."""
    whys = {(preset.task, preset.name): preset.why for preset in PRESETS}
    every = {(model.task, model.name): model for model in models() if _is_whole(model)}
    order = [*(key for key in whys if key in every), *(key for key in every if key not in whys)]
    found = [_ours(every[key], whys.get(key, ""), families, shelf) for key in order]
    return found + [_strangers(task, name, families, shelf) for task, name in shelf.strangers()]


def _is_whole(model: Model) -> bool:
    """Whether it can be chosen alone; some only lend a type to others."""
    only = model.source.only if model.source else dict[str, str]()
    return not only or all(
        kind in model.shares or any(path.startswith(f"{kind}/") for path in only) for kind in model.types
    )


def _ours(model: Model, why: str, families: Mapping[str, Family], shelf: Shelf) -> Json:
    return _told(model.task, model.name, families, shelf) | {
        "licence": model.licence,
        "notice": model.note,
        "isNonCommercial": model.licence in NON_COMMERCIAL,
        "source": _source(model),
        "why": why,
        "isPreset": bool(why),
        "languages": model.languages,
        "dimensions": model.dimension,
        "expectedBytes": model.mib << 20,
        "canFetch": shelf.allow_fetch and bool(model.source or model.files),
    }


def _strangers(task: str, name: str, families: Mapping[str, Family], shelf: Shelf) -> Json:
    return _told(task, name, families, shelf) | {
        "licence": "",
        "notice": "",
        "isNonCommercial": False,
        "source": BY_HAND,
        "why": "",
        "isPreset": False,
        "languages": "",
        "dimensions": 0,
        "expectedBytes": 0,
        "canFetch": False,
    }


def _told(task: str, name: str, families: Mapping[str, Family], shelf: Shelf) -> Json:
    standings = {kind: shelf.standing(task, name, kind) for kind in TYPES[task]}
    return {
        "task": task,
        "name": name,
        "state": _state(list(standings.values())),
        "doneBytes": sum(each.done_bytes for each in standings.values()),
        "totalBytes": _total(list(standings.values())),
        "reason": next((each.reason for each in standings.values() if each.reason), ""),
        "sizeBytes": sum(_size(each.folder) for each in standings.values() if each.folder),
        "parts": [
            {"type": kind, "state": each.state, "trial": _trial(each.folder)} for kind, each in standings.items()
        ],
        "runs": [run for family in FAMILIES[task] for run in _runs(name, families[family])],
    }


def _state(standings: list[Standing]) -> str:
    states = {each.state for each in standings}
    for state in ("fetching", "failed"):
        if state in states:
            return state
    if states == {"present"}:
        return "present"
    return "partial" if "present" in states else "missing"  # words are fetched when somebody first searches


def _total(standings: list[Standing]) -> int:
    fetched = [each for each in standings if each.state == "fetching"]
    return sum(each.total_bytes for each in fetched) if all(each.total_bytes for each in fetched) else 0


def _runs(name: str, family: Family) -> Iterator[Json]:
    """How the model runs, or ran last, in a child. It is told under the names that were asked for."""
    for told, about in tuple(family.figures.models.items()):  # the event loop adds to them meanwhile
        if name in {clean(each) for each in told.split(", ")}:
            yield {
                "family": family.name,
                "isLoaded": told in family.loaded,
                "provider": about.get("provider", ""),
                "precision": about.get("precision", ""),
                "fellBack": about.get("fell_back", ""),
            }


def _trial(folder: Path | None) -> Json | None:
    """What the self-tests found about the files that lie there now, one that passed first; `None` where there was none."""
    if folder is None:
        return None
    now, read = verdict.stamp(folder), [verdict.read(folder, small) for small in verdict.SMALL]
    found = sorted((each for each in read if each and each.stamp == now), key=lambda each: not each.is_passed)
    if not found:
        return None
    first = found[0]
    return {"isPassed": first.is_passed, "reason": first.reason, "cosine": first.cosine, "order": first.order}


def _source(model: Model) -> str:
    if model.source:
        return f"{HUB}/{model.source.repository}"
    if any(model.files.values()):
        return OCR_STORE
    shared = next((found for name in model.shares.values() if (found := known(model.task, name))), None)
    return _source(shared) if shared else BUNDLED


def _size(path: Path) -> int:
    files = [path] if path.is_file() else path.rglob("*")
    total = 0
    for file in files:
        try:
            total += file.stat().st_size if file.is_file() else 0
        except OSError:  # deleted in this moment
            continue
    return total
