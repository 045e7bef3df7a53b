"""How we are: what can be reached now, and the figures that operators watch."""

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from calotype import __version__
from calotype.core.errors import Problem
from calotype.core.ports import Counts
from calotype.core.tx import AWAY
from calotype.core.world import World
from calotype.outside import inference
from calotype.server import queues, store
from calotype.settings import current
from calotype.storage import roots
from calotype.storage.root import RETRY_AFTER_S

PATIENCE_S = 3.0
PROBE_KEY = "health"
# Behind these wait photos; other queues are housekeeping that nobody looks at.
PHOTO_QUEUES = ("metadataExtraction", "thumbnailGeneration", "videoConversion", "sidecar", "editor")

Link = Literal["online", "away"]


@dataclass(frozen=True, slots=True)
class Part:
    """Something we depend on."""

    state: str


@dataclass(frozen=True, slots=True)
class StoragePart:
    """The media root. The sentence is for a person; `None` while all is well."""

    state: str
    sentence: str | None
    retry_after_seconds: int | None


@dataclass(frozen=True, slots=True)
class Health:
    """`status` is `ok`, `degraded` (part of the house works) or `down` (nothing can be answered)."""

    status: Literal["ok", "degraded", "down"]
    storage: StoragePart
    database: Part
    cache: Part
    inference: Part


@dataclass(frozen=True, slots=True)
class Figure:
    """A gauge: label names and, per combination of label values, its value."""

    name: str
    meaning: str
    labels: tuple[str, ...]
    values: Sequence[tuple[tuple[str, ...], float]]


async def database_answers(world: World) -> bool:
    """Whether Postgres answers within three seconds."""
    try:
        async with asyncio.timeout(PATIENCE_S), world.glancing() as look:
            return await store.answers(look)
    except (Problem, *AWAY):
        return False


async def cache_answers(world: World) -> bool:
    """Whether Valkey keeps what we give it."""
    await world.cache.put(PROBE_KEY, b"1", ttl_s=60)
    return await world.cache.get(PROBE_KEY) == b"1"


async def _inference(world: World) -> str:
    try:
        async with asyncio.timeout(PATIENCE_S):
            settings = await current.read(world)
    except (Problem, *AWAY):
        settings = current.defaults(world.config)
    learning = settings.machine_learning
    if not learning.enabled:
        return "off"
    return "online" if any(await asyncio.gather(*map(inference.answers, learning.urls))) else "away"


async def look(world: World) -> Health:
    """Ask everything we depend on."""
    async with asyncio.TaskGroup() as group:
        database = group.create_task(database_answers(world))
        cache = group.create_task(cache_answers(world))
        vision = group.create_task(_inference(world))
    root = roots.state_of(world)
    storage = StoragePart(
        root.state.value,
        None if root.is_online else root.sentence,
        None if root.is_online else RETRY_AFTER_S,
    )
    all_well = database.result() and cache.result() and root.is_online and vision.result() != "away"
    return Health(
        "down" if not database.result() else "ok" if all_well else "degraded",
        storage,
        Part(_link(database.result())),
        Part(_link(cache.result())),
        Part(vision.result()),
    )


def _link(answers: bool) -> Link:
    return "online" if answers else "away"


async def busy(world: World) -> int:
    """Steps of processing that photos still wait for, active ones included. Raises `Offline`."""
    counts: list[Counts] = await asyncio.gather(*(world.queue.counts(queue) for queue in PHOTO_QUEUES))
    return sum(c.active + c.waiting + c.delayed + c.paused for c in counts)


async def figures(world: World) -> list[Figure]:
    """Everything a monitoring system may plot. What cannot be asked now is left out."""
    found = [
        Figure("calotype_info", "The version that runs.", ("version",), [((__version__,), 1)]),
        Figure(
            "calotype_up",
            "Whether a part answers (1) or not (0).",
            ("part",),
            [
                (("database",), float(await database_answers(world))),
                (("cache",), float(await cache_answers(world))),
                (("storage",), float(roots.state_of(world).is_online)),
            ],
        ),
    ]
    with suppress(Problem):
        found += await _queues(world)
    return [*found, *await _disks(world)]


async def _queues(world: World) -> list[Figure]:
    states = await queues.states(world)
    counts: dict[str, Counts] = {each.name: each.counts for each in states}
    paused = [((each.name,), float(each.is_paused)) for each in states]
    words = ("active", "waiting", "delayed", "paused", "failed")
    jobs = [((queue, word), float(getattr(c, word))) for queue, c in counts.items() for word in words]
    return [
        Figure("calotype_queue_jobs", "Jobs by queue and state.", ("queue", "state"), jobs),
        Figure("calotype_queue_paused", "Whether a queue is paused.", ("queue",), paused),
    ]


async def _disks(world: World) -> list[Figure]:
    data_free, data_total = await asyncio.to_thread(_space, world.config.data)
    free, total = [(("data",), float(data_free))], [(("data",), float(data_total))]
    root = roots.state_of(world)
    if root.free_bytes is not None:
        free.append((("media",), float(root.free_bytes)))
    if root.total_bytes is not None:
        total.append((("media",), float(root.total_bytes)))
    return [
        Figure("calotype_disk_free_bytes", "Room left on a volume.", ("volume",), free),
        Figure("calotype_disk_size_bytes", "Size of a volume.", ("volume",), total),
    ]


def _space(folder: Path) -> tuple[int, int]:
    volume = os.statvfs(folder)
    return volume.f_bavail * volume.f_frsize, volume.f_blocks * volume.f_frsize
