"""Queues as an administrator sees and turns them. Work is only started by its public job name."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from calotype.core.errors import Invalid, NotYet
from calotype.core.jobs import QUEUES
from calotype.core.ports import Counts, Job, JobState, Listed
from calotype.core.world import World

NEVER_PAUSED = "backgroundTask"
LIST_LIMIT = 1000

# What a person starts → the job that finds and queues the work.
STARTS = {
    "thumbnailGeneration": "AssetGenerateThumbnailsQueueAll",
    "metadataExtraction": "AssetExtractMetadataQueueAll",
    "videoConversion": "AssetEncodeVideoQueueAll",
    "sidecar": "SidecarQueueAll",
    "duplicateDetection": "AssetDetectDuplicatesQueueAll",
    "smartSearch": "SmartSearchQueueAll",
    "faceDetection": "AssetDetectFacesQueueAll",
    "facialRecognition": "FacialRecognitionQueueAll",
    "ocr": "OcrQueueAll",
}
# Published as startable; the capability that brings the work itself.
LATER = {
    "storageTemplateMigration": "storage templates",
    "migration": "storage templates",
    "library": "external libraries",
    "backupDatabase": "backups and maintenance",
}
MANUAL = {"user-cleanup": "UserDeleteCheck", "person-cleanup": "PersonCleanup"}
MANUAL_LATER = {
    "tag-cleanup": "tags and stacks",
    "memory-cleanup": "memories",
    "memory-create": "memories",
    "backup-database": "backups and maintenance",
    **{
        f"integrity-{what}{then}": "backups and maintenance"
        for what in ("missing-files", "untracked-files", "checksum-mismatch")
        for then in ("", "-refresh", "-delete-all")
    },
}


@dataclass(frozen=True, slots=True)
class State:
    """One queue now."""

    name: str
    is_paused: bool
    counts: Counts


async def state(world: World, queue: str) -> State:
    """One queue now. Raises `Offline`."""
    is_paused, counts = await asyncio.gather(world.queue.is_paused(queue), world.queue.counts(queue))
    return State(queue, is_paused, counts)


async def states(world: World) -> list[State]:
    """Every queue, in the published order. Raises `Offline`."""
    return list(await asyncio.gather(*(state(world, queue) for queue in QUEUES)))


async def set_paused(world: World, queue: str, *, is_paused: bool, even_background: bool = False) -> None:
    """Pause or resume. Raises `Invalid` for the queue that housekeeping needs, unless `even_background`."""
    if is_paused and queue == NEVER_PAUSED and not even_background:
        raise Invalid("The BackgroundTask queue cannot be paused")
    await (world.queue.pause(queue) if is_paused else world.queue.resume(queue))


async def jobs(world: World, queue: str, states: Sequence[JobState] | None) -> list[Listed]:
    """Jobs of a queue: active ones first, newest first within a state."""
    order: Sequence[JobState] = ("active", "failed", "completed", "delayed", "waiting", "paused")
    found = await world.queue.jobs(queue, states or order, LIST_LIMIT)
    return sorted(found, key=lambda each: (each.state != "active", order.index(each.state), -each.at_ms))


async def empty(world: World, queue: str, *, failed: bool) -> None:
    """Drop what waits; with `failed`, also what failed."""
    await world.queue.empty(queue)
    if failed:
        await world.queue.clear_failed(queue)


async def start(world: World, queue: str, *, force: bool | None) -> None:
    """Start the work of a queue: all of it with `force`, else what is missing.

    Raises `Invalid` when it runs already or cannot be started, `NotYet` for work that a later release brings.
    """
    if queue in LATER:
        raise NotYet(f"The work of the {queue} queue arrives with {LATER[queue]}.")
    if queue not in STARTS:
        raise Invalid(f"Invalid job name: {queue}")
    if (await world.queue.counts(queue)).active:
        raise Invalid("Job is already running")
    await world.queue.put([Job(STARTS[queue], queue, {} if force is None else {"force": force})])


async def start_manual(world: World, name: str) -> None:
    """Start one of the jobs that an administrator may ask for by name. Raises `NotYet`."""
    if name in MANUAL_LATER:
        raise NotYet(f"The job {name} arrives with {MANUAL_LATER[name]}.")
    await world.queue.put([Job(MANUAL[name], "backgroundTask")])


async def command(world: World, queue: str, word: str, *, force: bool | None) -> None:
    """The older way to turn a queue: start, pause, resume, empty, clear-failed."""
    match word:
        case "start":
            await start(world, queue, force=force)
        case "pause":
            await set_paused(world, queue, is_paused=True, even_background=True)
        case "resume":
            await set_paused(world, queue, is_paused=False)
        case "empty":
            await world.queue.empty(queue)
        case _:
            await world.queue.clear_failed(queue)
