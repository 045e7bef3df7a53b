"""SQL of look-alikes: who may be one, which pairs are, and what people said about them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString, cast
from uuid import UUID

from calotype.assets.store import ASSET_TAGS_JSON
from calotype.core.ids import AssetId, UserId
from calotype.core.sql import Sql, sql
from calotype.core.tx import Look, Row, Tx
from calotype.duplicates.proof import Kind, Pair, Proof
from calotype.duplicates.subject import Subject

# Only these are compared and shown; what is locked, thrown away, stacked or half of a live photo never is.
ELIGIBLE: LiteralString = """asset.status = 'active' AND asset.visibility IN ('archive', 'timeline')
       AND asset.stack_id IS NULL AND NOT asset.is_motion_part"""

# Candidates ---------------------------------------------------------------------------------------------------------

SUBJECTS = sql(
    """
    SELECT asset.id, asset.owner_id, asset.type, asset.checksum, asset.width, asset.height, asset.make, asset.model,
           asset.local_taken, asset.exposure_time, asset.iso, asset.f_number, likeness.pixels, likeness.hash,
           likeness.tinies, likeness.duration_ms
      FROM asset
      LEFT JOIN likeness ON likeness.asset_id = asset.id
     WHERE asset.id = ANY(:ids::uuid[])
       AND """
    + ELIGIBLE
)
# Each quarter of the hash is looked up by itself: a few dozen places in four small indexes, whatever the library's size.
# Of each only the nearest are kept: among ten thousand photos of one wall every quarter finds all of them.
_NEAR_QUARTER: LiteralString = """
        (SELECT asset_id, bit_count((hash # :hash::bigint)::bit(64)) AS bits FROM likeness
          WHERE owner_id = :owner_id AND hash IS NOT NULL AND ({quarter})::integer = ANY({places}::integer[])
            AND bit_count((hash # :hash::bigint)::bit(64)) <= :most_bits AND asset_id <> :id
          ORDER BY bits, asset_id LIMIT :most)"""
_TURNED_QUARTER: LiteralString = """
        (SELECT asset_id, bit_count((hash # turned)::bit(64)) AS bits FROM unnest(:turned::bigint[]) AS turned
           JOIN likeness ON owner_id = :owner_id AND hash IS NOT NULL AND ({quarter})::integer = ({turned})::integer
          WHERE bit_count((hash # turned)::bit(64)) <= :most_turned_bits AND asset_id <> :id
          ORDER BY bits, asset_id LIMIT :most * cardinality(:turned::bigint[]))"""
_QUARTERS: tuple[tuple[LiteralString, LiteralString], ...] = (
    ("hash & 65535", ":first"),
    ("hash >> 16 & 65535", ":second"),
    ("hash >> 32 & 65535", ":third"),
    ("hash >> 48 & 65535", ":fourth"),
)
_HITS: LiteralString = "\n        UNION ALL".join(
    [
        *[_NEAR_QUARTER.replace("{quarter}", quarter).replace("{places}", places) for quarter, places in _QUARTERS],
        *[
            _TURNED_QUARTER.replace("{quarter}", quarter).replace("{turned}", quarter.replace("hash", "turned"))
            for quarter, _ in _QUARTERS
        ],
    ]
)
NEAR_HASHES = sql(
    "WITH hit AS ("
    + _HITS
    + """)
    SELECT asset_id AS id FROM hit
     GROUP BY asset_id
     ORDER BY min(bits), asset_id
     LIMIT :most
"""
)
AS_LONG = sql("""
    SELECT asset_id AS id FROM likeness
     WHERE owner_id = :owner_id AND duration_ms BETWEEN :least_ms AND :most_ms AND asset_id <> :id
     ORDER BY abs(duration_ms - :duration_ms), asset_id LIMIT :most
""")

# Meaning: the vectors belong to the search; they are only read here.
MODEL = sql("""
    SELECT model.id, model.dimensions, embedding.vector::text AS vector,
           EXISTS (SELECT FROM embedding_index AS index WHERE index.model_id = model.id AND index.owner_id = :owner_id)
               AS has_index
      FROM embedding_model AS model
      JOIN embedding ON embedding.model_id = model.id AND embedding.asset_id = :id
     WHERE model.state = 'used'
""")
DISTANCES = sql("""
    SELECT asset_id AS id, vector <=> :vector::text::halfvec AS distance
      FROM embedding
     WHERE asset_id = ANY(:ids::uuid[]) AND model_id = :model_id
""")
# Without an index of the owner's own, each of the first so many vectors is compared.
NEAR_EACH = sql("""
    SELECT asset_id AS id, vector <=> (SELECT :vector::text::halfvec) AS distance
      FROM (SELECT asset_id, vector FROM embedding WHERE model_id = :model_id AND owner_id = :owner_id LIMIT :each) AS own
     WHERE asset_id <> :id
     ORDER BY distance, asset_id
     LIMIT :most
""")
# Owner, model and length stand there as literals: with arguments the planner could not prove the index to fit.
_NEAR: LiteralString = """
    SELECT asset_id AS id, vector::halfvec({dimensions}) <=> (SELECT $1::text::halfvec({dimensions})) AS distance
      FROM embedding
     WHERE owner_id = '{owner}' AND model_id = {model}
     ORDER BY vector::halfvec({dimensions}) <=> (SELECT $1::text::halfvec({dimensions}))
     LIMIT $2
"""
# For this transaction only: without sorting, the index is the only way that is left.
BY_INDEX = sql("""
    SELECT set_config('hnsw.ef_search', '200', true), set_config('enable_sort', 'off', true),
           set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true)
""")


@dataclass(frozen=True, slots=True)
class Meaning:
    """An asset's vector of the model that answers searches."""

    model_id: int
    dimensions: int
    vector: str
    has_index: bool


async def subjects(look: Look, ids: Sequence[AssetId]) -> dict[AssetId, tuple[UserId, Subject]]:
    """Owner and what is compared, of those that may be compared at all."""
    rows = await look.all(SUBJECTS, ids=ids)
    return {row["id"]: (row["owner_id"], _subject(row)) for row in rows}


def _subject(row: Row) -> Subject:
    return Subject(
        id=row["id"],
        type=row["type"],
        checksum=row["checksum"],
        pixels=row["pixels"],
        hash=row["hash"],
        tinies=tuple(row["tinies"] or ()),
        duration_ms=row["duration_ms"],
        width=row["width"],
        height=row["height"],
        make=row["make"],
        model=row["model"],
        local_taken=row["local_taken"],
        exposure=(row["exposure_time"], row["iso"], row["f_number"]),
    )


async def near_hashes(
    look: Look,
    owner: UserId,
    subject: Subject,
    *,
    quarters: Sequence[Sequence[int]],
    turned: Sequence[int],
    most_bits: int,
    most_turned_bits: int,
    most: int,
) -> list[AssetId]:
    """Those whose hash is near, the nearest first; or near one of `turned`. `quarters`: what to look up in each."""
    first, second, third, fourth = quarters
    rows = await look.all(
        NEAR_HASHES,
        owner_id=owner,
        id=subject.id,
        hash=subject.hash,
        turned=turned,
        first=first,
        second=second,
        third=third,
        fourth=fourth,
        most_bits=most_bits,
        most_turned_bits=most_turned_bits,
        most=most,
    )
    return _ids(rows)


async def as_long(look: Look, owner: UserId, subject: Subject, *, by_ms: int, most: int) -> list[AssetId]:
    """Videos that last about as long, the nearest first."""
    duration_ms = subject.duration_ms or 0
    rows = await look.all(
        AS_LONG,
        owner_id=owner,
        id=subject.id,
        duration_ms=duration_ms,
        least_ms=duration_ms - by_ms,
        most_ms=duration_ms + by_ms,
        most=most,
    )
    return _ids(rows)


async def meaning(look: Look, owner: UserId, id: AssetId) -> Meaning | None:
    """`None` as long as no model has seen it."""
    row = await look.one(MODEL, owner_id=owner, id=id)
    return Meaning(row["id"], row["dimensions"], row["vector"], row["has_index"]) if row else None


async def near_meanings(
    look: Look, owner: UserId, id: AssetId, meaning: Meaning, *, most: int, each: int
) -> list[AssetId]:
    """The nearest by meaning. `look` must be a transaction; what is asked in it afterwards is planned for the index."""
    if not meaning.has_index:
        return _ids(
            await look.all(
                NEAR_EACH,
                owner_id=owner,
                id=id,
                model_id=meaning.model_id,
                vector=meaning.vector,
                most=most,
                each=each,
            )
        )
    await look.all(BY_INDEX)
    # A uuid and two whole numbers that come from our own tables: as harmless as literals.
    text = _NEAR.replace("{owner}", str(UUID(str(owner)))).replace("{model}", str(int(meaning.model_id)))
    text = text.replace("{dimensions}", str(int(meaning.dimensions)))
    found = await look.all(Sql(text, ("vector", "most")), vector=meaning.vector, most=most + 1)
    return [each for each in _ids(found) if each != id]


async def distances(look: Look, meaning: Meaning, ids: Sequence[AssetId]) -> dict[AssetId, float]:
    """How far others are by meaning, as far as the same model has seen them."""
    rows = await look.all(DISTANCES, vector=meaning.vector, model_id=meaning.model_id, ids=ids)
    return {row["id"]: row["distance"] for row in rows}


# Groups -------------------------------------------------------------------------------------------------------------

TURN = sql("SELECT pg_advisory_xact_lock(hashtextextended('duplicates' || :owner_id::text, 0))")
GROUPS_OF = sql(
    "SELECT asset.id, asset.duplicate_id FROM asset WHERE asset.id = ANY(:ids::uuid[]) AND "
    + ELIGIBLE
    + " ORDER BY asset.id"
)
MEMBERS = sql(
    """
    SELECT asset.id, asset.duplicate_id FROM asset
     WHERE asset.owner_id = :owner_id AND asset.duplicate_id = ANY(:group_ids::uuid[]) AND """
    + ELIGIBLE
    + " ORDER BY asset.local_taken, asset.id"
)
KEEP_PAIR = sql("""
    INSERT INTO duplicate_pair (low_id, high_id, kind, evidence)
    VALUES (:low_id, :high_id, :kind, :evidence)
    ON CONFLICT (low_id, high_id) DO UPDATE SET kind = excluded.kind, evidence = excluded.evidence
     WHERE (duplicate_pair.kind, duplicate_pair.evidence) IS DISTINCT FROM (excluded.kind, excluded.evidence)
""")
DROP_PAIRS = sql("""
    DELETE FROM duplicate_pair
     WHERE (low_id = :id AND high_id = ANY(:others::uuid[])) OR (high_id = :id AND low_id = ANY(:others::uuid[]))
""")
DROP_INNER_PAIRS = sql("DELETE FROM duplicate_pair WHERE low_id = ANY(:ids::uuid[]) AND high_id = ANY(:ids::uuid[])")
DROP_ALL_PAIRS = sql("DELETE FROM duplicate_pair")
LIST = sql(
    "SELECT asset.duplicate_id, '[' || string_agg("
    + ASSET_TAGS_JSON
    + """, ',' ORDER BY asset.local_taken, asset.id) || ']' AS assets,
           array_agg(asset.id ORDER BY asset.local_taken, asset.id) AS ids,
           (array_agg(asset.id ORDER BY asset.size_bytes DESC, num_nonnulls(asset.make, asset.model, asset.lens_model,
                asset.f_number, asset.focal_length, asset.iso, asset.exposure_time, asset.date_time_original,
                asset.time_zone, asset.latitude, asset.longitude, asset.city, asset.rating, nullif(asset.description, ''),
                asset.profile_description, asset.colorspace, asset.projection_type) DESC, asset.local_taken, asset.id))[1]
                AS best
      FROM asset
     WHERE asset.owner_id = :viewer AND asset.duplicate_id IS NOT NULL AND """
    + ELIGIBLE
    + """
     GROUP BY asset.duplicate_id
     ORDER BY min(asset.local_taken), asset.duplicate_id
"""
)
PAIRS_OF = sql("""
    SELECT low.duplicate_id, pair.low_id, pair.high_id, pair.kind, pair.evidence
      FROM asset AS low
      JOIN duplicate_pair AS pair ON pair.low_id = low.id
      JOIN asset AS high ON high.id = pair.high_id AND high.duplicate_id = low.duplicate_id
     WHERE low.owner_id = :owner_id AND low.duplicate_id = ANY(:group_ids::uuid[])
     ORDER BY pair.low_id, pair.high_id
""")


@dataclass(frozen=True, slots=True)
class Listed:
    """A group as it is shown. `assets`: JSON; `best`: which one to keep, if nobody says otherwise."""

    id: UUID
    assets: str
    ids: tuple[AssetId, ...]
    best: AssetId


async def take_turns(tx: Tx, owner: UserId) -> None:
    """One change of an owner's groups at a time, until the end of the unit of work. Ask before reading them."""
    await tx.run(TURN, owner_id=str(owner))


async def groups_of(look: Look, ids: Sequence[AssetId]) -> dict[AssetId, UUID | None]:
    """The groups of those that may be in one at all."""
    return {row["id"]: row["duplicate_id"] for row in await look.all(GROUPS_OF, ids=ids)}


async def members(look: Look, owner: UserId, groups: Sequence[UUID]) -> dict[UUID, list[AssetId]]:
    """Who shows in each of these groups; a group that nobody shows in is not among them."""
    found: dict[UUID, list[AssetId]] = {}
    for row in await look.all(MEMBERS, owner_id=owner, group_ids=groups):
        found.setdefault(row["duplicate_id"], []).append(row["id"])
    return found


async def keep_pairs(tx: Tx, pairs: Iterable[Pair]) -> None:
    """Note why; a second time replaces the first."""
    rows: list[dict[str, Any]] = []
    for pair in pairs:
        low, high = sorted((pair.one, pair.other))
        evidence = dict(pair.proof.evidence)
        rows.append({"low_id": low, "high_id": high, "kind": pair.proof.kind.value, "evidence": evidence})
    if rows:
        await tx.many(KEEP_PAIR, sorted(rows, key=lambda row: (row["low_id"], row["high_id"])))


async def drop_pairs(tx: Tx, id: AssetId, others: Sequence[AssetId]) -> None:
    """They have nothing to do with each other after all."""
    if others:
        await tx.run(DROP_PAIRS, id=id, others=others)


async def drop_inner_pairs(tx: Tx, ids: Sequence[AssetId]) -> None:
    """Forget why these were taken for the same."""
    await tx.run(DROP_INNER_PAIRS, ids=ids)


async def forget_everything(tx: Tx) -> None:
    """Pairs and dismissals of everybody: all is judged anew."""
    await tx.run(DROP_ALL_PAIRS)
    await tx.run(DROP_ALL_DISMISSALS)


async def groups(look: Look, owner: UserId, media_root: str) -> list[Listed]:
    """Groups of the owner, the oldest first; those of one too."""
    rows = await look.all(LIST, viewer=owner, media_root=media_root)
    return [Listed(row["duplicate_id"], row["assets"], tuple(row["ids"]), row["best"]) for row in rows]


async def pairs_of(look: Look, owner: UserId, groups: Sequence[UUID]) -> dict[UUID, list[Pair]]:
    """Why each group is one."""
    found: dict[UUID, list[Pair]] = {}
    for row in await look.all(PAIRS_OF, owner_id=owner, group_ids=groups):
        proof = Proof(Kind(row["kind"]), row["evidence"])
        found.setdefault(row["duplicate_id"], []).append(Pair(row["low_id"], row["high_id"], proof))
    return found


# Wanted -------------------------------------------------------------------------------------------------------------

NOW = sql("SELECT clock_timestamp()")
WANTED = sql("""
    SELECT asset_id AS id FROM duplicate_wanted
     WHERE since < :before AND asset_id > :after
     ORDER BY asset_id LIMIT :limit
""")
EVERY = sql(
    """
    SELECT asset.id FROM asset
     WHERE asset.id > :after AND """
    + ELIGIBLE
    + " ORDER BY asset.id LIMIT :limit"
)


async def now(look: Look) -> datetime:
    """The database's clock, by which `since` is written."""
    return await look.value(NOW)


async def wanted(look: Look, *, after: UUID, before: datetime, limit: int) -> list[AssetId]:
    """A page of what must still be compared and was wanted before an instant, by id."""
    return _ids(await look.all(WANTED, after=after, before=before, limit=limit))


async def every(look: Look, *, after: UUID, limit: int) -> list[AssetId]:
    """A page of all that may be compared, by id."""
    return _ids(await look.all(EVERY, after=after, limit=limit))


# Verdicts -----------------------------------------------------------------------------------------------------------

DISMISSED = sql("""
    SELECT DISTINCT other.asset_id AS id
      FROM duplicate_dismissal AS mine
      JOIN duplicate_dismissal AS other ON other.verdict_id = mine.verdict_id
     WHERE mine.asset_id = :id AND other.asset_id = ANY(:others::uuid[])
""")
DISMISS = sql("""
    INSERT INTO duplicate_dismissal (asset_id, verdict_id)
    SELECT id, :verdict_id FROM asset WHERE id = ANY(:ids::uuid[])
    ON CONFLICT DO NOTHING
""")
RECALL = sql("DELETE FROM duplicate_dismissal WHERE verdict_id = :verdict_id")
DROP_ALL_DISMISSALS = sql("DELETE FROM duplicate_dismissal")


async def dismissed(look: Look, id: AssetId, others: Sequence[AssetId]) -> set[AssetId]:
    """Those of the others of which somebody said that they are no duplicates of this one."""
    return set(_ids(await look.all(DISMISSED, id=id, others=others)))


async def dismiss(tx: Tx, ids: Sequence[AssetId], verdict: UUID) -> None:
    """These are no duplicates of each other."""
    await tx.run(DISMISS, ids=ids, verdict_id=verdict)


async def recall(tx: Tx, verdict: UUID) -> None:
    """Take that back."""
    await tx.run(RECALL, verdict_id=verdict)


def _ids(rows: Iterable[Row]) -> list[AssetId]:
    return [cast(AssetId, row["id"]) for row in rows]
