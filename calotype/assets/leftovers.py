"""Files that nothing points to any more: written down with the change that leaves them behind, so that every one of them
goes in the end, whatever falls meanwhile.
"""

from collections.abc import Sequence

from calotype.assets import leftover_store, store
from calotype.assets.asset import FilesDiscarded
from calotype.core.errors import Problem
from calotype.core.ids import UserId
from calotype.core.tx import Tx
from calotype.core.world import World
from calotype.outside import derivatives


async def leave(tx: Tx, world: World, keys: Sequence[str], *, made: Sequence[str] = ()) -> None:
    """Remove files once this unit of work has taken away what pointed to them; a job does what fails then.

    keys: of the photo storage, and never to be used again; made: paths below the data folder.
    """
    if not keys and not made:
        return
    id = await leftover_store.note(tx, list(keys), list(made))

    async def remove() -> None:
        try:
            await _remove(world, keys, made)
            async with world.writing() as after:
                await leftover_store.forget(after, id)
        except Problem:
            await world.publish(world, [FilesDiscarded(id)])

    tx.after(remove)


async def leave_to_job(tx: Tx, keys: Sequence[str]) -> None:
    """The same for keys that may be used again meanwhile: the job sees whether they are."""
    tx.tell(FilesDiscarded(await leftover_store.note(tx, list(keys), [])))


async def leave_everything(tx: Tx, person: UserId) -> None:
    """All files of somebody who is erased with this unit of work; `UserDelete` removes them."""
    await leftover_store.note_person(tx, person)


async def forget_everything(tx: Tx, person: UserId) -> None:
    """None of their files is left."""
    await leftover_store.forget_person(tx, person)


async def clear(world: World, id: int) -> bool:
    """Remove what was written down, but no file that a row points to. False when it is gone already; raises `Offline`."""
    async with world.writing() as tx:
        found = await leftover_store.one(tx, id)
        if found is None:
            return False
        keys, made = found
        # Asked while nobody can give the name away, which is a rename's time: held across it on purpose.
        await leftover_store.hold(tx, keys)
        used = await store.keys_in_use(tx, keys)
        await _remove(world, [key for key in keys if key not in used], made)
        await leftover_store.forget(tx, id)
    return True


async def _remove(world: World, keys: Sequence[str], made: Sequence[str]) -> None:
    await derivatives.remove(world.config.data, made)
    for key in keys:
        await world.files.remove(key)
