"""For an administrator: who looks at pictures, with which models, and how far they are."""

import asyncio
import hashlib
import json
import time
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from calotype.core.errors import Offline
from calotype.core.stations import Station
from calotype.core.world import World
from calotype.search import embedding_store as embeddings
from calotype.seeing import progress_store as store
from calotype.seeing.progress_store import Counts
from calotype.seeing.steps import QUEUE
from calotype.settings import current
from calotype.settings.settings import MachineLearning

# Counting may take a fiftieth of the time in which somebody watches.
PAUSES = 50
LEAST_S, MOST_S = 2, 900
AWAY_S = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is asked of each picture. `waiting`, `active`: jobs; `None` while the broker is away.

    Pictures that are neither `done` nor `failed` are yet to be looked at.
    """

    step: str
    is_on: bool
    model: str
    done: int
    failed: int
    missing: int
    waiting: int | None
    active: int | None
    is_paused: bool | None


@dataclass(frozen=True, slots=True)
class ModelChange:
    """A model that is on its way: searches are answered by `before` until `after` has seen everything."""

    before: str
    after: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Seeing:
    """All of it. `photos`: pictures that can be looked at."""

    is_enabled: bool
    photos: int
    steps: tuple[Step, ...]
    change: ModelChange | None
    stations: tuple[Station, ...]


async def look(world: World) -> Seeing:
    """How things stand now. Takes about two seconds at most when an address hangs."""
    learning = (await current.read(world)).machine_learning
    async with asyncio.TaskGroup() as group:
        stations = group.create_task(_stations(world))
        counts = group.create_task(_counts(world, learning.clip.model_name))
        used = group.create_task(_used(world))
    found = counts.result()
    models = {
        "embedding": learning.clip.model_name,
        "faces": learning.facial_recognition.model_name,
        "text": learning.ocr.model_name,
    }
    steps = tuple([await _step(world, learning, step, model, found) for step, model in models.items()])
    change = _change(used.result(), steps[0]) if steps[0].is_on else None
    return Seeing(learning.enabled, found.photos, steps, change, stations.result())


async def _step(world: World, learning: MachineLearning, step: str, model: str, counts: Counts) -> Step:
    done, failed = min(counts.done[step], counts.photos), counts.failed[step]
    missing = max(0, counts.photos - done - failed)
    try:
        jobs, is_paused = await world.queue.counts(QUEUE[step]), await world.queue.is_paused(QUEUE[step])
    except Offline:
        return Step(step, step in learning.steps, model, done, failed, missing, None, None, None)
    waiting = jobs.waiting + jobs.delayed + jobs.paused
    return Step(step, step in learning.steps, model, done, failed, missing, waiting, jobs.active, is_paused)


def _change(used: str | None, wanted: Step) -> ModelChange | None:
    if used is None or used == wanted.model:
        return None
    return ModelChange(used, wanted.model, wanted.done, wanted.done + wanted.missing)


async def _used(world: World) -> str | None:
    async with world.glancing() as look:
        model = await embeddings.used(look)
    return model.name if model else None


async def _counts(world: World, model: str) -> Counts:
    """Counted now, or not long ago: the longer counting takes, the longer it is remembered."""
    key = f"seeing:counts:{model}"
    if kept := await world.cache.get(key):
        return Counts(**json.loads(kept))
    began = time.monotonic()
    async with world.glancing() as look:
        found = await store.counts(look, model)
    rest_s = min(MOST_S, max(LEAST_S, round(PAUSES * (time.monotonic() - began))))
    await world.cache.put(key, json.dumps(asdict(found)).encode(), ttl_s=rest_s)
    return found


async def _stations(world: World) -> tuple[Station, ...]:
    return tuple([await _since(world, station) for station in await world.vision.stations()])


async def _since(world: World, station: Station) -> Station:
    """Each process notices by itself that an address is away; the first of them knows best since when."""
    key = f"seeing:away:{hashlib.sha256(station.url.encode()).hexdigest()}"
    if station.away_since is None:
        await world.cache.forget(key)
        return station
    kept = await world.cache.get(key)
    since = min(station.away_since, datetime.fromisoformat(kept.decode())) if kept else station.away_since
    await world.cache.put(key, since.isoformat().encode(), ttl_s=AWAY_S)
    return replace(station, away_since=since)
