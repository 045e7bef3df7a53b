"""What a person decides about a group: keep some, throw others away, forget it all, or take a decision back.

Whatever the ones thrown away knew is carried over to the one that is kept, and how it was before is written down. As long
as they lie in the trash, the decision can be undone.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from calotype.assets import merge, trash
from calotype.assets.merge import Facts
from calotype.core.errors import Invalid
from calotype.core.ids import AssetId, UserId, new_id
from calotype.core.tx import Look, Row, Tx
from calotype.core.world import World
from calotype.duplicates import resolution_store, store
from calotype.duplicates.proof import Kind, Pair, weakest_link
from calotype.duplicates.store import Listed

# The albums room stands beside this one: the door brings its verbs along.
JoinAlbums = Callable[[Tx, Sequence[AssetId], AssetId], Awaitable[list[UUID]]]
LeaveAlbums = Callable[[Tx, AssetId, Sequence[UUID]], Awaitable[None]]

Reason = Literal["validation", "no_permission", "not_found"]

IN_BOTH = "An asset cannot be in both keepAssetIds and trashAssetIds"
IN_NEITHER = "Every asset must be in either keepAssetIds or trashAssetIds"
MAY_NOT_DELETE = "No permission to delete assets"
RESOLVED_ALREADY = "This group of duplicates was resolved already"
NOTHING_TO_UNDO = "There is no decision about this group that could be undone"
FOR_GOOD = "The trash was switched off when this was decided: the assets are deleted and cannot be restored"
EMPTIED = "The assets are no longer in the trash and cannot be restored"
MOST_SINGLED_OUT = 1000


@dataclass(frozen=True, slots=True)
class Group:
    """A group as it is shown, and why it is one."""

    listed: Listed
    kind: Kind
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to become of a group; ids that are not in it are passed over."""

    group: UUID
    keep: frozenset[UUID]
    throw_away: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing was done about one group."""

    reason: Reason
    sentence: str


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back, and what is gone for good."""

    back: tuple[AssetId, ...]
    gone: tuple[AssetId, ...]


async def groups(look: Look, owner: UserId, media_root: str) -> tuple[list[Group], list[UUID]]:
    """Groups of at least two, the oldest first; and those of one, which are to be cleared."""
    listed = await store.groups(look, owner, media_root)
    whole = [each for each in listed if len(each.ids) > 1]
    pairs = await store.pairs_of(look, owner, [each.id for each in whole]) if whole else {}
    found: list[Group] = []
    for each in whole:
        members = set(each.ids)
        inner = tuple(pair for pair in pairs.get(each.id, []) if {pair.one, pair.other} <= members)
        found.append(Group(each, weakest_link(each.ids, inner), inner))
    return found, [each.id for each in listed if len(each.ids) == 1]


# Deciding -----------------------------------------------------------------------------------------------------------


async def forget(tx: Tx, owner: UserId, groups: Sequence[UUID]) -> None:
    """They are no duplicates: the assets stay, and are not taken for the same again unless all is judged anew."""
    await store.take_turns(tx, owner)
    for group in sorted(set(groups)):
        await _forget(tx, owner, await merge.join_groups(tx, owner, [group], None))


async def _forget(tx: Tx, owner: UserId, ids: Sequence[AssetId]) -> None:
    await store.drop_inner_pairs(tx, ids)
    await store.dismiss(tx, ids, new_id())


async def single_out(tx: Tx, owner: UserId, ids: Sequence[AssetId]) -> None:
    """A person takes these out of their groups: they are no duplicates of each other, nor of those who stay."""
    await store.take_turns(tx, owner)
    known = await store.groups_of(tx, ids)
    touched = {group for group in known.values() if group is not None}
    members = await store.members(tx, owner, sorted(touched)) if touched else {}
    for group in sorted(members):
        leaving = [id for id in members[group] if id in known]
        staying = [id for id in members[group] if id not in known]
        await _forget(tx, owner, leaving)
        for one, other in [(one, other) for one in leaving for other in staying][:MOST_SINGLED_OUT]:
            await _forget(tx, owner, [one, other])


async def resolve(
    tx: Tx,
    world: World,
    owner: UserId,
    wish: Wish,
    *,
    may_delete: bool,
    for_good: bool,
    join_albums: JoinAlbums,
) -> Refusal | None:
    """Carry out one wish, or say why not. `for_good`: there is no trash, and nothing can be undone."""
    await store.take_turns(tx, owner)
    members = (await store.members(tx, owner, [wish.group])).get(wish.group, [])
    if not members:
        return Refusal("not_found", RESOLVED_ALREADY)
    kept = [id for id in members if id in wish.keep]
    thrown = [id for id in members if id in wish.throw_away]
    if set(kept) & set(thrown):
        return Refusal("validation", IN_BOTH)
    if len(kept) + len(thrown) < len(members):
        return Refusal("validation", IN_NEITHER)
    if thrown and not may_delete:
        return Refusal("no_permission", MAY_NOT_DELETE)
    verdict = new_id()
    merged = await _merge(tx, owner, kept[0], thrown, join_albums) if len(kept) == 1 and thrown else None
    await merge.join_groups(tx, owner, [wish.group], None)
    if len(kept) > 1:
        await store.dismiss(tx, kept, verdict)
    if thrown:
        await trash.throw_away(tx, world, thrown, for_good=for_good)
    await resolution_store.note_resolution(
        tx,
        verdict,
        owner,
        wish.group,
        kept=kept,
        trashed=thrown,
        merge=merged,
        is_for_good=for_good and bool(thrown),
        now=world.clock.now(),
    )
    return None


async def _merge(
    tx: Tx, owner: UserId, kept: AssetId, thrown: Sequence[AssetId], join_albums: JoinAlbums
) -> dict[str, Any]:
    """Carry over what the others knew; how it was before and after, as JSON."""
    known = await merge.facts(tx, [kept, *thrown])
    before = known[kept]
    after = merge.merged(before, [known[id] for id in thrown])
    tags = await merge.share_tags(tx, thrown, kept)
    albums = await join_albums(tx, thrown, kept)
    await merge.put_facts(tx, owner, kept, before, after, tags_too=bool(tags))
    return {
        "before": asdict(before),
        "after": asdict(after),
        "tagIds": [str(id) for id in tags],
        "albumIds": [str(id) for id in albums],
    }


# Taking back --------------------------------------------------------------------------------------------------------


async def undo(tx: Tx, world: World, owner: UserId, group: UUID, *, leave_albums: LeaveAlbums) -> Restored:
    """Take the last decision about a group back: what was thrown away returns, what was carried over goes again.

    A fact that somebody changed since stays as they left it. Raises `Invalid` when nothing can be taken back.
    """
    await store.take_turns(tx, owner)
    decided = await resolution_store.resolution(tx, owner, group)
    if decided is None:
        raise Invalid(NOTHING_TO_UNDO)
    if decided["is_for_good"]:
        raise Invalid(FOR_GOOD)
    thrown: list[AssetId] = decided["trashed_ids"]
    back = await merge.in_trash(tx, thrown)
    if thrown and not back:
        raise Invalid(EMPTIED)
    await trash.restore(tx, back)
    if decided["merge"] is not None:
        await _unmerge(tx, owner, decided, leave_albums)
    await store.recall(tx, decided["id"])
    # Who joined another group since stays there.
    here = [id for id, now in (await store.groups_of(tx, [*decided["kept_ids"], *back])).items() if now is None]
    await merge.set_group(tx, here, group)
    await resolution_store.note_undone(tx, decided["id"], world.clock.now())
    return Restored(tuple(back), tuple(id for id in thrown if id not in set(back)))


async def _unmerge(tx: Tx, owner: UserId, decided: Row, leave_albums: LeaveAlbums) -> None:
    (kept,) = decided["kept_ids"]
    found = (await merge.facts(tx, [kept])).get(kept)
    if found is None or found.visibility == "locked":  # what is locked by now is left alone
        return
    carried: dict[str, Any] = decided["merge"]
    before, after = _facts(carried["before"]), _facts(carried["after"])
    restored = Facts(
        **{
            name: getattr(before, name) if getattr(found, name) == getattr(after, name) else getattr(found, name)
            for name in Facts.__dataclass_fields__
        }
    )
    dropped = await merge.drop_tags(tx, kept, [UUID(id) for id in carried["tagIds"]])
    await leave_albums(tx, kept, [UUID(id) for id in carried["albumIds"]])
    await merge.put_facts(tx, owner, kept, found, restored, tags_too=dropped > 0)


def _facts(kept: dict[str, Any]) -> Facts:
    place: list[float] | None = kept["place"]
    where = None if place is None else (place[0], place[1])
    return Facts(kept["is_favorite"], kept["visibility"], kept["rating"], kept["description"], where)


@dataclass(frozen=True, slots=True)
class Decision:
    """Something that was decided. `trashed`: those that still lie in the trash."""

    group: UUID
    at: datetime
    kept: tuple[AssetId, ...]
    trashed: tuple[AssetId, ...]
    can_be_undone: bool


async def decisions(look: Look, owner: UserId, limit: int) -> list[Decision]:
    """What was decided and not taken back, the newest first."""
    return [
        Decision(
            row["group_id"],
            row["resolved_at"],
            tuple(row["kept_ids"]),
            tuple(row["trashed_ids"]),
            not row["is_for_good"] and bool(row["trashed_ids"] or not row["threw_away"]),
        )
        for row in await resolution_store.resolutions(look, owner, limit)
    ]
