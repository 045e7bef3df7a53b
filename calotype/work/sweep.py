"""What is missing? For each derived thing one question, asked of Postgres.

This is our outbox: a queue that was flushed, a worker that was killed, a broker that was away when the photo came all end
here. The sweep only acts on a queue that is idle, because what is missing then is certainly not on its way.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from calotype.assets import facts_store, leftover_store
from calotype.core import log
from calotype.core.ids import AssetId
from calotype.core.jobs import Done, Outcome, Skip, job
from calotype.core.ports import Job
from calotype.core.world import World
from calotype.duplicates import missing as duplicates
from calotype.people import missing as people
from calotype.seeing import missing

PAGE = 5000
SETTLE = timedelta(seconds=20)  # younger work may still be between commit and queue


@dataclass(frozen=True, slots=True)
class Question:
    """A step, the queue and job that do it, and what the job is told."""

    step: str
    queue: str
    job: str
    source: str | None = None
    type: str | None = None


QUESTIONS = {
    question.step: question
    for question in (
        Question("metadata", "metadataExtraction", "AssetExtractMetadata", source="upload"),
        Question("previews", "thumbnailGeneration", "AssetGenerateThumbnails", source="upload"),
        Question("likeness", "thumbnailGeneration", "AssetMakeLikeness"),
        Question("transcode", "videoConversion", "AssetEncodeVideo", type="VIDEO"),
        Question("sidecar", "sidecar", "SidecarWrite"),
        Question("removal", "backgroundTask", "AssetDelete"),
    )
}

LEFTOVERS = "backgroundTask"
LOOK_BESIDE = Question("sidecar-check", "sidecar", "SidecarCheck")


def _jobs(question: Question, ids: list[AssetId]) -> list[Job]:
    data: dict[str, Any] = {"source": question.source} if question.source else {}
    return [Job(question.job, question.queue, {"id": str(id), **data}) for id in ids]


async def sweep(world: World, question: Question, *, settle: timedelta = SETTLE) -> int:
    """Queue a page of what is missing, unless the queue is busy or paused. How many were queued."""
    if not await _is_idle(world, question.queue):
        return 0
    async with world.glancing() as look:
        ids = await facts_store.missing(look, question.step, before=world.clock.now() - settle, limit=PAGE)
    if ids:
        await world.queue.put(_jobs(question, ids))
        log.say("swept", step=question.step, found=len(ids))
    return len(ids)


async def sweep_leftovers(world: World, *, settle: timedelta = SETTLE) -> int:
    """Queue a page of files that should be gone by now, unless the queue is busy or paused. How many."""
    if not await _is_idle(world, LEFTOVERS):
        return 0
    async with world.glancing() as look:
        waiting = await leftover_store.waiting(look, before=world.clock.now() - settle, limit=PAGE)
    if waiting:
        await world.queue.put(
            [
                Job("UserDelete", LEFTOVERS, {"id": str(each.person_id)})
                if each.person_id
                else Job("FileDelete", LEFTOVERS, {"id": str(each.id)})
                for each in waiting
            ]
        )
        log.say("swept", step="leftovers", found=len(waiting))
    return len(waiting)


async def _is_idle(world: World, queue: str) -> bool:
    counts = await world.queue.counts(queue)
    if counts.active + counts.waiting + counts.delayed + counts.paused > 0:
        return False
    return not await world.queue.is_paused(queue)


async def queue_every(world: World, question: Question, *, without_sidecar: bool = False) -> int:
    """Queue all assets, page by page, as an administrator asked. How many."""
    after, total = AssetId(UUID(int=0)), 0
    while True:
        async with world.glancing() as look:
            ids = await facts_store.every(
                look, after=after, limit=PAGE, type=question.type, without_sidecar=without_sidecar
            )
        if not ids:
            return total
        await world.queue.put(_jobs(question, ids))
        after, total = ids[-1], total + len(ids)


@job("Sweep", queue="backgroundTask")
async def sweep_all(world: World, data: dict[str, Any]) -> Outcome:
    """Ask every question once."""
    found = [await sweep(world, question) for question in QUESTIONS.values()]
    found.append(await sweep_leftovers(world))
    found.append(await missing.sweep(world))
    found.append(await people.sweep(world))
    found.append(await duplicates.sweep(world))
    return Done() if any(found) else Skip("nothing is missing")


@job("SidecarQueueAll", queue="sidecar")
async def check_sidecars(world: World, data: dict[str, Any]) -> Outcome:
    """Look for a sidecar beside every asset without a known one, and write waiting edits; `force`: beside every asset."""
    await _queue_missing(world, QUESTIONS["sidecar"])
    await queue_every(world, LOOK_BESIDE, without_sidecar=not data.get("force"))
    return Done()


def _queue_all(step: str) -> Callable[[World, dict[str, Any]], Awaitable[Outcome]]:
    async def handler(world: World, data: dict[str, Any]) -> Outcome:
        """Queue this step for every asset that lacks it; `force`: for every asset."""
        question = QUESTIONS[step]
        if data.get("force"):
            await queue_every(world, question)
        else:
            await _queue_missing(world, question)
        return Done()

    return handler


async def _queue_missing(world: World, question: Question) -> None:
    # Asked by a person: what is missing now, however young, even while the queue is paused or busy.
    async with world.glancing() as look:
        ids = await facts_store.missing(look, question.step, before=world.clock.now(), limit=100_000)
    for start in range(0, len(ids), PAGE):
        await world.queue.put(_jobs(question, ids[start : start + PAGE]))


for _name, _queue, _step in (
    ("AssetExtractMetadataQueueAll", "metadataExtraction", "metadata"),
    ("AssetGenerateThumbnailsQueueAll", "thumbnailGeneration", "previews"),
    ("AssetEncodeVideoQueueAll", "videoConversion", "transcode"),
):
    job(_name, queue=_queue)(_queue_all(_step))
