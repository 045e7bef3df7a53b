"""Change one or many assets as a person wishes.

Facts that the file itself carries are locked until they are written to its sidecar, so that reading the file again does
not undo the edit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from calotype.assets import leftovers, store, upload
from calotype.assets.asset import (
    AssetHidden,
    AssetsEdited,
    Lockable,
    SidecarReplaced,
    check_live_video,
    read_moment,
    zone_of,
)
from calotype.assets.store import Change
from calotype.core.errors import Invalid
from calotype.core.ids import AssetId, UserId, new_id
from calotype.core.tx import Tx
from calotype.core.world import World
from calotype.storage import paths

CHUNK_ASSETS = 5000
LONGEST_SHIFT_MINUTES = 9999 * 366 * 24 * 60
NO_DATE = "This is not a date: write it like 2024-05-06T07:08:09+02:00."


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asks for; `None` leaves a value alone, `sets_…` says that null is meant. `shift_minutes` moves the
    date, `time_zone` (an IANA name) shows the same instant elsewhere."""

    is_favorite: bool | None = None
    visibility: str | None = None
    taken: str | None = None
    shift_minutes: int | None = None
    time_zone: str | None = None
    place: tuple[float, float] | None = None
    description: str | None = None
    sets_rating: bool = False
    rating: int | None = None
    sets_duplicate: bool = False
    duplicate_id: UUID | None = None


def plan(wish: Wish) -> Change:
    """The columns that change, and which of them must reach the sidecar. Raises `Invalid` for an unreadable date."""
    locked: list[str] = []
    new = Change(
        is_favorite=wish.is_favorite,
        visibility=wish.visibility,
        sets_duplicate=wish.sets_duplicate,
        duplicate_id=wish.duplicate_id,
    )
    if wish.taken is not None:
        moment = read_moment(wish.taken)
        if moment is None:
            raise Invalid(NO_DATE)
        new = replace(new, taken=moment.instant, time_zone=moment.time_zone)
        locked.append(Lockable.DATE_TIME_ORIGINAL)
        if moment.time_zone is not None:
            locked.append(Lockable.TIME_ZONE)
    if wish.shift_minutes is not None:
        if abs(wish.shift_minutes) > LONGEST_SHIFT_MINUTES:
            raise Invalid(NO_DATE)
        new = replace(new, shift_minutes=wish.shift_minutes)
        locked.append(Lockable.DATE_TIME_ORIGINAL)
    if wish.time_zone is not None and zone_of(wish.time_zone) is not None:
        # The sidecar carries a zone only as the offset of its date, so the date is written along.
        new = replace(new, time_zone=wish.time_zone, shift_minutes=new.shift_minutes or 0)
        locked += [Lockable.DATE_TIME_ORIGINAL, Lockable.TIME_ZONE]
    if wish.place is not None:
        new = replace(new, latitude=wish.place[0], longitude=wish.place[1])
        locked += [Lockable.LATITUDE, Lockable.LONGITUDE]
    if wish.description is not None:
        new = replace(new, description=wish.description)
        locked.append(Lockable.DESCRIPTION)
    if wish.sets_rating:
        new = replace(new, sets_rating=True, rating=wish.rating)
        locked.append(Lockable.RATING)
    return replace(new, locked=tuple(sorted({str(each) for each in locked})))


async def change(tx: Tx, owner: UserId, ids: Sequence[AssetId], wish: Wish) -> None:
    """Apply a wish to every one of the assets; the caller has asked the gate."""
    new = plan(wish)
    if new.is_empty or not ids:
        return
    ids = sorted(set(ids))  # one order for everybody, so that two such calls cannot block each other
    for start in range(0, len(ids), CHUNK_ASSETS):
        await store.change(tx, ids[start : start + CHUNK_ASSETS], new)
    if new.locked:
        tx.tell(AssetsEdited(owner, tuple(ids)))


async def link_live_video(tx: Tx, owner: UserId, photo: AssetId, video: AssetId | None) -> None:
    """Give a photo its moving part, or (`None`) let the video stand for itself again."""
    before = await store.live_link(tx, photo)
    if before is None:
        return
    if video is None:
        former: AssetId | None = before["live_video_id"]
        if former is None:
            return
        if before["is_motion_part"]:
            raise Invalid("Cannot unlink Android motion photos")
        await store.link_live_video(tx, photo, None)
        await store.show_video(tx, former, before["visibility"])
        return
    check_live_video(await store.live_video(tx, video), owner)
    await store.link_live_video(tx, photo, video)
    if await store.hide_live_video(tx, video):
        tx.tell(AssetHidden(owner, video))


@dataclass(frozen=True, slots=True)
class CopyWish:
    """What to carry over."""

    sidecar: bool = True
    stack: bool = True
    favorite: bool = True


async def copy(tx: Tx, world: World, owner: UserId, source: AssetId, target: AssetId, wish: CopyWish) -> None:
    """Carry favourite, stack and sidecar over to another asset. The sidecar's bytes travel before `tx` begins."""
    if source == target:
        raise Invalid("Source and target id must be distinct")
    copied = await _copy_sidecar(tx, world, source, target) if wish.sidecar else None
    pair = await store.pair_for_copy(tx, source, target)
    if len(pair) < 2:
        raise Invalid("Both assets must exist")
    if wish.favorite:
        await store.set_favourite(tx, target, is_favorite=pair[source]["is_favorite"])
    if wish.stack and pair[source]["stack_id"] not in (None, pair[target]["stack_id"]):
        await store.join_stack(tx, target, pair[source]["stack_id"], other=pair[target]["stack_id"])
    if copied is not None:
        await store.set_sidecar(tx, target, copied)
        tx.tell(SidecarReplaced(target, owner))
        former: str | None = pair[target]["sidecar_key"]
        if former is not None:
            await leftovers.leave_to_job(tx, [former])


async def _copy_sidecar(tx: Tx, world: World, source: AssetId, target: AssetId) -> str | None:
    """The key of a copy beside the target's original; `None` when the source has none."""
    async with world.glancing() as look:
        given, taking = await store.sidecar(look, source), await store.sidecar(look, target)
    if given is None or taking is None or given[0] is None:
        return None
    size = (await world.files.stat(given[0])).size
    # A name that nobody used before: nothing is overwritten, and a copy that was cut off is not in the way of the next.
    key = paths.sidecar_key(f"{taking[1]}.{new_id().hex[:8]}")
    incoming = await world.files.begin(key)
    try:
        async for chunk in world.files.open_range(given[0], 0, size):
            await incoming.write(chunk)
        await incoming.finish()
    except BaseException:
        await incoming.abort()
        raise
    tx.undo(lambda: upload.discard(world, [key]))
    return key
