"""Names on their way from people to the files beside their photos, a page at a time: somebody may be on very many."""

from uuid import UUID

from calotype.core.ids import AssetId
from calotype.core.jobs import Done, Outcome, Skip
from calotype.core.ports import Job
from calotype.core.tx import Tx
from calotype.core.world import World
from calotype.media import names_store
from calotype.people import renamed_store
from calotype.settings import current

PAGE = 1000


async def queue(world: World) -> Outcome:
    """Queue the writing of every photo on which a name changed. Doing it again queues nothing twice."""
    if not (await current.read(world)).metadata.faces.import_:
        return Skip("names are not exchanged with files")
    found = 0
    while True:
        async with world.writing() as tx:
            is_more = await _mark(tx)
            ids = await names_store.queue(tx, PAGE, world.clock.now())
        if ids:
            await world.queue.put([writing(id) for id in ids])
        found += len(ids)
        if not is_more and not ids:
            return Done() if found else Skip("every name is written")


def writing(id: AssetId) -> Job:
    """Write who is in a photo."""
    return Job("SidecarWrite", "sidecar", {"id": str(id)})


async def _mark(tx: Tx) -> bool:
    """Mark a page of the photos of somebody who was renamed. Whether there was one."""
    renamed = await renamed_store.next_one(tx)
    if renamed is None:
        return False
    person: UUID = renamed["person_id"]
    photos = await names_store.photos_of(tx, person, renamed["after"], PAGE)
    await names_store.mark(tx, photos)
    if len(photos) < PAGE:
        await renamed_store.all_are_marked(tx, person)
    else:
        await renamed_store.are_marked_to(tx, person, photos[-1])
    return True
