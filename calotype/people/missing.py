"""What is missing: faces without a person, people without a portrait. Found again after whatever was lost on the way."""

from datetime import datetime, timedelta

from calotype.core import log
from calotype.core.ids import UserId
from calotype.core.ports import Job
from calotype.core.world import World
from calotype.media import names_store
from calotype.people import cluster_store, portrait_store, renamed_store, to_files
from calotype.settings import current

PAGE = 5000
SETTLE = timedelta(seconds=20)


def recognition(owner: UserId, *, tidy: bool = False) -> Job:
    """Sort the waiting faces of an owner."""
    return Job("FacialRecognition", "facialRecognition", {"ownerId": str(owner)} | ({"tidy": True} if tidy else {}))


def names() -> Job:
    """Queue the writing of names that changed; one job at a time does it for all."""
    return Job("PeopleToFiles", "sidecar", id="people-to-files")


async def sweep(world: World, *, settle: timedelta = SETTLE) -> int:
    """Queue what is missing on queues that are idle. How many jobs."""
    before, found = world.clock.now() - settle, list[Job]()
    settled = await current.read(world)
    settings = settled.machine_learning
    if settings.enabled and settings.facial_recognition.enabled and await _is_idle(world, "facialRecognition"):
        async with world.glancing() as look:
            owners = await cluster_store.owners_waiting(look, settings.facial_recognition.model_name, before)
        found += [recognition(owner) for owner in owners]
    if await _is_idle(world, "facialRecognition"):
        async with world.glancing() as look:
            told = await names_store.regions_waiting(look, PAGE)
        found += [Job("PeopleFromFile", "facialRecognition", {"id": str(id)}) for id in told]
    if await _is_idle(world, "thumbnailGeneration"):
        async with world.glancing() as look:
            people = await portrait_store.due(look, before=before, limit=PAGE)
        found += [Job("PersonGenerateThumbnail", "thumbnailGeneration", {"id": str(id)}) for id in people]
    if settled.metadata.faces.import_ and await _is_idle(world, "sidecar"):
        found += await _names(world, before)
    if found:
        await world.queue.put(found)
        log.say("swept", step="people", found=len(found))
    return len(found)


async def _names(world: World, before: datetime) -> list[Job]:
    async with world.glancing() as look:
        if await renamed_store.is_anybody_waiting(look, before):
            return [names()]
        unwritten = await names_store.unwritten(look, before=before, limit=PAGE)
    return [to_files.writing(id) for id in unwritten]


async def _is_idle(world: World, queue: str) -> bool:
    counts = await world.queue.counts(queue)
    is_busy = counts.active + counts.waiting + counts.delayed + counts.paused > 0
    return not is_busy and not await world.queue.is_paused(queue)
