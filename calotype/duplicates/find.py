"""Compare assets with the rest of their owner's library, and keep their groups as what was found says."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from calotype.assets import merge
from calotype.core.ids import AssetId, UserId, new_id
from calotype.core.jobs import Done, Outcome, Skip
from calotype.core.tx import Look, Tx
from calotype.core.world import World
from calotype.duplicates import batch_store, likeness, store
from calotype.duplicates.proof import Kind, Pair, Proof
from calotype.duplicates.subject import Subject
from calotype.settings import current

MOST = 64  # candidates from each way of looking, and members that one comparison finds at most
MOST_VIDEOS = 256  # of about the same length
ENOUGH_PAIRS = 8  # kept for one asset: a thousand copies need no million reasons
MOST_PARTS = 8  # comparisons that look for crops, which take milliseconds
HASH_BITS = 16
EACH_VECTOR = 30_000  # vectors compared one by one for an owner without an index
CERTAIN = frozenset({Kind.SAME_BYTES, Kind.SAME_PIXELS})


@dataclass(frozen=True, slots=True)
class _Seen:
    """An asset's candidates, and how far they are by meaning."""

    subject: Subject
    owner: UserId
    others: tuple[Subject, ...]
    distances: dict[AssetId, float]


async def compare(world: World, ids: Sequence[AssetId]) -> Outcome:
    """Find what is the same or alike; nothing else is in the groups of these assets afterwards.

    An import brings hundreds at once: most of them look like nothing else, and cost a share of a few statements.
    """
    settings = (await current.read(world)).machine_learning
    if not settings.duplicate_detection.enabled:
        return Skip("the detection of duplicates is switched off")
    async with world.looking() as look:
        began = await store.now(look)
        seen = await _candidates(look, ids)
        groups = await store.groups_of(look, [each.subject.id for each in seen])
    alone: list[AssetId] = sorted({*ids} - {each.subject.id for each in seen})
    for each in seen:
        id = each.subject.id
        if settings.enabled and settings.clip.enabled:
            each = await _with_meaning(world, each)
        if not each.others and groups.get(id) is None:
            alone.append(id)
            continue
        found = _judged(each, settings.duplicate_detection.max_distance)
        async with world.writing() as tx:
            await _keep(tx, each, found)
            await batch_store.note_compared(tx, [id], began)
    if alone:
        async with world.writing() as tx:
            await batch_store.note_compared(tx, alone, began)
    return Done() if seen else Skip("it is not to be compared")


async def _candidates(look: Look, ids: Sequence[AssetId]) -> list[_Seen]:
    """Of each that may be compared: what lies near by anything but meaning."""
    known = await store.subjects(look, ids)
    found = await batch_store.same(look, list(known), MOST)
    for id, (owner, subject) in known.items():
        if subject.hash is not None:
            found[id] += await _near_hashes(look, owner, subject, subject.hash)
        if subject.duration_ms:
            by_ms = round(max(likeness.VIDEO_S * 1000, likeness.VIDEO_SHARE * subject.duration_ms))
            found[id] += await store.as_long(look, owner, subject, by_ms=by_ms, most=MOST_VIDEOS)
    others = await store.subjects(look, sorted({other for each in found.values() for other in each}))
    return [
        _Seen(
            subject,
            owner,
            tuple(others[i][1] for i in sorted({*found[id]}) if i in others and others[i][0] == owner),
            {},
        )
        for id, (owner, subject) in known.items()
    ]


async def _with_meaning(world: World, seen: _Seen) -> _Seen:
    """Also what a model finds alike, and how far everything is by that."""
    async with world.looking() as look:
        meaning = await store.meaning(look, seen.owner, seen.subject.id)
        if meaning is None:
            return seen
        distances = await store.distances(look, meaning, [other.id for other in seen.others])
        # Last: afterwards Postgres plans in this transaction for the index of vectors.
        near = await store.near_meanings(look, seen.owner, seen.subject.id, meaning, most=MOST, each=EACH_VECTOR)
        further = set(near) - {other.id for other in seen.others}
        others = seen.others + await _of_owner(look, seen.owner, further)
        distances |= await store.distances(look, meaning, sorted(further))
    return replace(seen, others=others, distances=distances)


async def _of_owner(look: Look, owner: UserId, ids: Iterable[AssetId]) -> tuple[Subject, ...]:
    wanted = sorted(set(ids))
    known = await store.subjects(look, wanted) if wanted else {}
    return tuple(other for whose, other in known.values() if whose == owner)


async def _near_hashes(look: Look, owner: UserId, subject: Subject, hash: int) -> list[AssetId]:
    """Hashes that differ in few bits, or in next to none once the picture is mirrored or turned."""
    turned = [likeness.turned_hash(hash, turn) for turn in likeness.TURNS[1:]]
    places = [likeness.near_quarter(quarter) for quarter in likeness.quarters(hash)]
    return await store.near_hashes(
        look,
        owner,
        subject,
        quarters=places,
        turned=turned,
        most_bits=HASH_BITS,
        most_turned_bits=likeness.TURNED_BITS,
        most=MOST,
    )


def _judged(seen: _Seen, most_distance: float) -> dict[AssetId, Proof | None]:
    """A verdict on each candidate that was looked at, the most promising first."""
    found: dict[AssetId, Proof | None] = {}
    parts = certain = 0
    for other in sorted(seen.others, key=lambda other: _promise(seen, other)):
        if certain >= ENOUGH_PAIRS and len(found) >= MOST:
            break
        proof = likeness.judge(
            seen.subject,
            other,
            distance=seen.distances.get(other.id),
            most_distance=most_distance,
            searches_parts=parts < MOST_PARTS,
        )
        found[other.id] = proof
        if proof is None or proof.kind in (Kind.EDITED, Kind.SIMILAR):
            parts += 1
        elif proof.kind in CERTAIN:
            certain += 1
    return found


def _promise(seen: _Seen, other: Subject) -> tuple[int, float, AssetId]:
    subject = seen.subject
    is_same = other.checksum == subject.checksum or (other.pixels is not None and other.pixels == subject.pixels)
    bits = 64
    if subject.hash is not None and other.hash is not None:
        bits = likeness.differing_bits(subject.hash, other.hash)
    return (0 if is_same else 1, min(bits, 200 * seen.distances.get(other.id, 1.0)), other.id)


async def _keep(tx: Tx, seen: _Seen, judged: dict[AssetId, Proof | None]) -> None:
    """Under the owner's turn, so that two comparisons at once end in one group."""
    id = seen.subject.id
    await store.take_turns(tx, seen.owner)
    proofs = {other: proof for other, proof in judged.items() if proof is not None}
    groups = await store.groups_of(tx, [id, *proofs])
    if id not in groups:
        return  # thrown away or locked since we looked
    no = await store.dismissed(tx, id, list(proofs)) if proofs else set[AssetId]()
    proofs = {other: proof for other, proof in proofs.items() if other in groups and other not in no}
    await store.drop_pairs(tx, id, [other for other in judged if other not in proofs])
    best = likeness.strongest(list(proofs.items()), MOST)
    await store.keep_pairs(tx, [Pair(id, other, proof) for other, proof in best[:ENOUGH_PAIRS]])
    await _join(tx, seen.owner, id, [other for other, _ in best], groups)


async def _join(
    tx: Tx, owner: UserId, id: AssetId, others: Sequence[AssetId], groups: dict[AssetId, UUID | None]
) -> None:
    own = groups[id]
    if not others:
        if own is not None:
            await merge.set_group(tx, [id], None)
        return
    touched = [group for group in dict.fromkeys(groups[other] for other in others) if group is not None]
    group = own or (touched[0] if touched else new_id())
    await merge.join_groups(tx, owner, [each for each in touched if each != group], group)
    await merge.set_group(tx, [id, *others], group)
