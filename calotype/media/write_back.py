"""A person's edits into the XMP beside the original, so that they survive us."""

from datetime import datetime

from calotype.assets import asset, facts_store, tag_store
from calotype.assets.asset import FilesDiscarded
from calotype.core.errors import Invalid, Missing
from calotype.core.ids import AssetId, new_id
from calotype.core.jobs import Done, Later, Outcome, Skip
from calotype.core.tx import Row
from calotype.core.world import World
from calotype.media import sidecar, store
from calotype.media.events import SidecarWritten
from calotype.storage import paths


async def write_sidecar(world: World, id: AssetId) -> Outcome:
    """Write the locked fields and free them. When the row changed meanwhile, it is written again."""
    async with world.glancing() as look:
        row = await facts_store.to_process(look, id)
        if row is None:
            return Skip("the asset is gone")
        if not row["locked_fields"]:
            return Skip("nothing was edited")
        values = await tag_store.values_of(look, id) if "tags" in row["locked_fields"] else ()
    old = await _read(world, row["sidecar_key"])
    try:
        packet = sidecar.apply_edits(old, _edits(row, values))
    except Invalid as error:
        async with world.writing() as tx:
            await store.note_problem(tx, id, "sidecar", error.sentence)
        return Skip(error.sentence)
    # Never overwritten: a new file, then the row points to it, then the old one goes. There is always a whole sidecar.
    key = paths.sidecar_key(row["original_key"] if old is None else f"{row['original_key']}.{new_id().hex[:8]}")
    incoming = await world.files.begin(key)
    try:
        await incoming.write(packet)
        await incoming.finish()
    finally:
        await incoming.abort()
    async with world.writing() as tx:
        tx.undo(lambda: world.files.remove(key))
        is_current = await facts_store.unlock(
            tx, id, written=list(row["locked_fields"]), sidecar_key=key, update_id=row["update_id"]
        )
        if is_current:
            await store.solve(tx, id, "sidecar")
            tx.tell(SidecarWritten(id))
        obsolete = row["sidecar_key"] if is_current else key
        if obsolete is not None and obsolete != (key if is_current else None):
            tx.tell(FilesDiscarded((obsolete,)))
    return Done() if is_current else Later(1, "it was edited while it was written")


async def _read(world: World, key: str | None) -> bytes | None:
    if key is None:
        return None
    try:
        size = (await world.files.stat(key)).size
        return b"".join([chunk async for chunk in world.files.open_range(key, 0, size)])
    except Missing:
        return None


def _edits(row: Row, tags: tuple[str, ...]) -> sidecar.Edits:
    locked = set(row["locked_fields"])
    is_placed = locked & {"latitude", "longitude"} and row["latitude"] is not None and row["longitude"] is not None
    return sidecar.Edits(
        description=row["description"] if "description" in locked else None,
        taken_at=_moment(row) if locked & {"dateTimeOriginal", "timeZone"} else None,
        position=(row["latitude"], row["longitude"]) if is_placed else None,
        rating=(row["rating"] or 0) if "rating" in locked else None,
        tags=tags if "tags" in locked else None,
    )


def _moment(row: Row) -> datetime | None:
    instant: datetime | None = row["date_time_original"]
    if instant is None:
        return None
    zone = asset.zone_of(row["time_zone"]) if row["time_zone"] else None
    return instant.astimezone(zone) if zone else instant
