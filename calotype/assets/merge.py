"""What several assets say about one and the same photo, brought together on one of them; and taken apart again."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from calotype.assets import merge_store as store
from calotype.assets.asset import AssetsEdited, Lockable
from calotype.core.ids import AssetId, UserId
from calotype.core.tx import Tx

SAME_PLACE_DEGREES = 1e-5  # about a metre: what a place loses when it is written to a file and read again


@dataclass(frozen=True, slots=True)
class Facts:
    """What people know of a photo, beyond its bytes. `place` is latitude and longitude."""

    is_favorite: bool
    visibility: str
    rating: int | None
    description: str
    place: tuple[float, float] | None


_WORDS = ("timeline", "archive", "locked")  # the later ones win: nobody puts a photo aside by accident


def merged(kept: Facts, others: Sequence[Facts]) -> Facts:
    """What one photo must say so that nothing is lost of what the others said."""
    every = (kept, *others)
    places = [facts.place for facts in every if facts.place is not None]
    agree = bool(places) and all(_is_same_place(places[0], place) for place in places)
    ratings = [facts.rating for facts in every if facts.rating is not None]
    lines = [line.strip() for facts in every for line in facts.description.splitlines()]
    return Facts(
        is_favorite=any(facts.is_favorite for facts in every),
        visibility=max((facts.visibility for facts in every), key=lambda word: _rank(word)),
        rating=max(ratings, default=None),
        description="\n".join(dict.fromkeys(line for line in lines if line)),
        place=(kept.place or places[0]) if agree else kept.place,
    )


def _rank(visibility: str) -> int:
    return _WORDS.index(visibility) if visibility in _WORDS else -1


def _is_same_place(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return all(abs(a - b) <= SAME_PLACE_DEGREES for a, b in zip(one, other, strict=True))


async def facts(tx: Tx, ids: Sequence[AssetId]) -> dict[AssetId, Facts]:
    """What they say, held until the unit of work ends."""
    return {
        row["id"]: Facts(
            row["is_favorite"],
            row["visibility"],
            row["rating"],
            row["description"],
            None if row["latitude"] is None or row["longitude"] is None else (row["latitude"], row["longitude"]),
        )
        for row in await store.facts(tx, ids)
    }


async def put_facts(tx: Tx, owner: UserId, id: AssetId, old: Facts, new: Facts, *, tags_too: bool) -> None:
    """Let an asset that says `old` say `new`, in its sidecar too. `tags_too`: its tags changed as well."""
    locked = {Lockable.TAGS} if tags_too else set[Lockable]()
    if new.rating != old.rating:
        locked.add(Lockable.RATING)
    if new.description != old.description:
        locked.add(Lockable.DESCRIPTION)
    if new.place != old.place:
        locked |= {Lockable.LATITUDE, Lockable.LONGITUDE}
    if new == old and not locked:
        return
    latitude, longitude = new.place or (None, None)
    await store.put_facts(
        tx,
        id,
        is_favorite=new.is_favorite,
        visibility=new.visibility,
        rating=new.rating,
        description=new.description,
        latitude=latitude,
        longitude=longitude,
        locked=sorted(locked),
    )
    if locked:
        tx.tell(AssetsEdited(owner, (id,)))


async def share_tags(tx: Tx, sources: Sequence[AssetId], target: AssetId) -> list[UUID]:
    """The target carries the tags of all sources; which of them are new to it. The caller writes the sidecar."""
    return await store.share_tags(tx, sources, target)


async def drop_tags(tx: Tx, id: AssetId, tags: Sequence[UUID]) -> int:
    """The asset carries these tags no more; how many it carried."""
    return await store.drop_tags(tx, id, tags)


async def in_trash(tx: Tx, ids: Sequence[AssetId]) -> list[AssetId]:
    """Those of them that can be restored, held until the unit of work ends."""
    return await store.in_trash(tx, ids)


async def set_group(tx: Tx, ids: Sequence[AssetId], group: UUID | None) -> int:
    """These are taken for the same; `None`: for themselves. How many changed."""
    return await store.set_group(tx, sorted(ids), group) if ids else 0


async def join_groups(tx: Tx, owner: UserId, groups: Sequence[UUID], group: UUID | None) -> list[AssetId]:
    """All of these groups become one; `None`: none. Who was in them."""
    return await store.join_groups(tx, owner, groups, group) if groups else []


async def clear_lonely(tx: Tx, owner: UserId, groups: Sequence[UUID]) -> None:
    """Groups in which only one still shows are none."""
    await store.clear_lonely(tx, owner, groups)


async def clear_groups(tx: Tx) -> None:
    """Nobody's assets are taken for the same any more."""
    await store.clear_groups(tx)
