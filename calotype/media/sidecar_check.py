"""Is there an XMP beside an original that its row does not know?"""

from calotype.assets import facts_store
from calotype.assets.asset import SidecarReplaced
from calotype.core.errors import Missing
from calotype.core.ids import AssetId, UserId
from calotype.core.jobs import Done, Later, Outcome, Skip
from calotype.core.world import World
from calotype.media import sidecar, write_back
from calotype.storage import paths


async def check(world: World, id: AssetId) -> Outcome:
    """Let the row name the sidecar that is there, and have the facts read again: what it says may have changed too.

    A sidecar that vanished is no reason to forget what it said: then everything stays as it is.
    """
    async with world.glancing() as look:
        row = await facts_store.to_process(look, id)
    if row is None:
        return Skip("the asset is gone")
    original, known = row["original_key"], row["sidecar_key"]
    if known is not None and await write_back.take_usual_name(world, id, original):
        known = paths.sidecar_key(original)
    found = await _find(world, original, known)
    if found is None:
        return Skip("it has no sidecar" if known is None else "its sidecar is gone")
    async with world.writing() as tx:
        if await facts_store.hold_sidecar(tx, id) != known:
            return Later(1, "its sidecar was replaced while it was looked for")
        if found != known:
            await facts_store.set_sidecar(tx, id, found)
        tx.tell(SidecarReplaced(id, UserId(row["owner_id"])))
    return Done()


async def _find(world: World, original: str, known: str | None) -> str | None:
    for key in sidecar.candidates(original, known):
        try:
            await world.files.stat(key)
        except Missing:
            continue
        return key
    return None
