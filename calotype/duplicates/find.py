"""Compare one asset with the rest of its owner's library, and keep its group as what was found says."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from calotype.assets import merge
from calotype.core.ids import AssetId, UserId, new_id
from calotype.core.jobs import Done, Outcome, Skip
from calotype.core.tx import Look, Tx
from calotype.core.world import World
from calotype.duplicates import likeness, store
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


async def compare(world: World, id: AssetId) -> Outcome:
    """Find what is the same or alike; nothing else is in its group afterwards."""
    settings = (await current.read(world)).machine_learning
    if not settings.duplicate_detection.enabled:
        return Skip("the detection of duplicates is switched off")
    by_meaning = settings.enabled and settings.clip.enabled
    async with world.looking() as look:
        began = await store.now(look)
        seen = await _candidates(look, id, by_meaning=by_meaning)
    if seen is None:
        async with world.writing() as tx:
            await store.note_compared(tx, id, began)
        return Skip("it is not to be compared")
    found = _judged(seen, settings.duplicate_detection.max_distance)
    async with world.writing() as tx:
        await _keep(tx, seen, found)
        await store.note_compared(tx, id, began)
    return Done()


async def _candidates(look: Look, id: AssetId, *, by_meaning: bool) -> _Seen | None:
    own = (await store.subjects(look, [id])).get(id)
    if own is None:
        return None
    owner, subject = own
    found = await store.partners(look, id)
    found += await store.same_bytes(look, owner, subject, MOST)
    if subject.pixels is not None:
        found += await store.same_pixels(look, owner, subject, MOST)
    if subject.hash is not None:
        found += await _near_hashes(look, owner, subject, subject.hash)
    if subject.duration_ms:
        by_ms = round(max(likeness.VIDEO_S * 1000, likeness.VIDEO_SHARE * subject.duration_ms))
        found += await store.as_long(look, owner, subject, by_ms=by_ms, most=MOST_VIDEOS)
    meaning = await store.meaning(look, owner, id) if by_meaning else None
    others = await _of_owner(look, owner, found)
    if meaning is None:
        return _Seen(subject, owner, others, {})
    distances = await store.distances(look, meaning, [other.id for other in others])
    # Last: afterwards Postgres plans in this transaction for the index of vectors.
    near = await store.near_meanings(look, owner, id, meaning, most=MOST, each=EACH_VECTOR)
    further = set(near) - {other.id for other in others}
    others += await _of_owner(look, owner, further)
    distances |= await store.distances(look, meaning, sorted(further))
    return _Seen(subject, owner, others, distances)


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
