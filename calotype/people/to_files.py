"""Names on their way from people to the files beside their photos, a page at a time: somebody may be on very many."""

from collections.abc import Sequence
from uuid import UUID

from calotype.core.ids import AssetId, UserId
from calotype.core.jobs import Done, Later, Outcome, Skip
from calotype.core.ports import Job
from calotype.core.tx import Tx
from calotype.core.world import World
from calotype.media import names_store
from calotype.people import renamed_store
from calotype.people.person import NamesChanged
from calotype.settings import current

PAGE = 1000
MOST_WAITING = 2000  # an edit of somebody else waits behind those


async def queue(world: World) -> Outcome:
    """Queue the writing of every photo on which a name changed, as the queue empties. Again it queues nothing twice."""
    if not (await current.read(world)).metadata.faces.import_:
        return Skip("names are not exchanged with files")
    count = 0
    while True:
        if (await world.queue.counts("sidecar")).waiting > MOST_WAITING:
            return Later(5, "others are being written")
        async with world.writing() as tx:
            is_more = await _mark(tx)
            ids = await names_store.queue(tx, PAGE, world.clock.now())
        if ids:
            await world.queue.put([writing(id) for id in ids])
        count += len(ids)
        if not is_more and not ids:
            return Done() if count else Skip("every name is written")


async def found(tx: Tx, owner: UserId, face_ids: Sequence[UUID], *, travels: bool) -> None:
    """The machine knew these faces; what it says of people with a name is to be written as what a person says.

    Unless `travels`, it is only remembered of whom: a row for each photo that comes in would be too many.
    """
    if not travels:
        await renamed_store.rename_named_of(tx, face_ids)
    elif await names_store.mark_photos_of_faces(tx, face_ids, named_only=True):
        tx.tell(NamesChanged(owner))


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
