"""SQL: the nearest vectors, by looking at each of a set or through an owner's index, and the building of such indexes."""

from dataclasses import dataclass
from typing import LiteralString, cast
from uuid import UUID

from calotype.core.ids import AssetId, UserId
from calotype.core.sql import Sql, Where, sql
from calotype.core.tx import Look, QuickLook
from calotype.search.embedding_store import Model

# The set is found first, by whatever index fits its conditions; then every vector in it is compared. The subselect keeps
# Postgres from reading the question's text once a row.
_EACH: LiteralString = """
    WITH chosen AS MATERIALIZED (SELECT asset.id FROM asset WHERE {source} AND {where})
    SELECT chosen.id, embedding.vector <=> (SELECT :query::text::halfvec) AS distance
      FROM chosen
      JOIN embedding ON embedding.asset_id = chosen.id AND embedding.model_id = :model_id
     ORDER BY distance, chosen.id
     LIMIT :reach
"""
# The index hands out its rows roughly in order, and goes on until enough of them fulfil the conditions; they are sorted
# again. Owner, model and length stand there as literals: with arguments the planner could not prove the index to fit.
_THROUGH_INDEX: LiteralString = """
    WITH near AS MATERIALIZED (
        SELECT asset.id, embedding.vector::halfvec({dimensions}) <=> (SELECT :query::text::halfvec({dimensions})) AS distance
          FROM embedding
          JOIN asset ON asset.id = embedding.asset_id
         WHERE embedding.owner_id = '{owner}' AND embedding.model_id = {model}
           AND {where}
         ORDER BY embedding.vector::halfvec({dimensions}) <=> (SELECT :query::text::halfvec({dimensions}))
         LIMIT :reach)
    SELECT id, distance FROM near ORDER BY distance, id
"""
_EXPECTED: LiteralString = """
    EXPLAIN (FORMAT JSON) SELECT FROM asset WHERE asset.owner_id = :owner AND {where}
"""
# One more than may be is enough to see that there are too many; then nothing is compared. How many there
# were stands in a row without an id.
_EACH_OF_FEW: LiteralString = """
    WITH chosen AS MATERIALIZED (SELECT asset.id FROM asset WHERE asset.owner_id = :owner AND {where} LIMIT :most + 1),
    counted AS MATERIALIZED (SELECT count(*) AS candidates FROM chosen)
    SELECT NULL::uuid AS id, candidates::float8 AS distance FROM counted
     UNION ALL
    (SELECT chosen.id, embedding.vector <=> (SELECT :query::text::halfvec) AS distance
       FROM counted
      CROSS JOIN chosen
       JOIN embedding ON embedding.asset_id = chosen.id AND embedding.model_id = :model_id
      WHERE counted.candidates <= :most
      ORDER BY distance, chosen.id
      LIMIT :reach)
"""
_OF_OWNERS: LiteralString = "asset.owner_id = ANY(:owners::uuid[])"
_OF_ALBUMS: LiteralString = "asset.id IN (SELECT asset_id FROM album_asset WHERE album_id = ANY(:album_ids::uuid[]))"

# For this transaction only. Without sorting and hashing, the index is the only way that is left.
TUNE = sql("""
    SELECT set_config('hnsw.ef_search', :ef_search, true), set_config('hnsw.iterative_scan', 'relaxed_order', true),
           set_config('hnsw.max_scan_tuples', :most_tuples, true), set_config('enable_sort', 'off', true),
           set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
           set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true)
""")
BUILD_WITH = sql("""
    SELECT set_config('maintenance_work_mem', :memory, false),
           set_config('max_parallel_maintenance_workers', '0', false)
""")
BUILD_AS_EVER = sql("""
    SELECT set_config('maintenance_work_mem', NULL, false), set_config('max_parallel_maintenance_workers', NULL, false)
""")


@dataclass(frozen=True, slots=True)
class Near:
    """A photo and how far its vector is from the question's: 0 the same direction, 1 nothing in common."""

    id: AssetId
    distance: float


async def each(
    look: Look, where: Where, *, owners: list[UserId], album_ids: list[UUID], model: Model, query: str, reach: int
) -> list[Near]:
    """The nearest `reach` of a set, exactly: of these albums if there are any, else of these owners."""
    source = _OF_ALBUMS if album_ids else _OF_OWNERS
    arguments = where.arguments | {
        "owners": owners,
        "album_ids": album_ids,
        "model_id": model.id,
        "query": query,
        "reach": reach,
    }
    rows = await look.all(where.into(_EACH.replace("{source}", source)), **arguments)
    return [Near(AssetId(row["id"]), row["distance"]) for row in rows]


async def through_index(
    look: Look, where: Where, *, owner: UserId, model: Model, query: str, reach: int, ef_search: int, most_tuples: int
) -> list[Near]:
    """Nearly always the nearest `reach` of an owner with an index. `look` must be a transaction."""
    await look.all(TUNE, ef_search=str(ef_search), most_tuples=str(most_tuples))
    statement = where.into(_filled(_THROUGH_INDEX, owner, model))
    rows = await look.all(statement, **where.arguments | {"query": query, "reach": reach})
    return [Near(AssetId(row["id"]), row["distance"]) for row in rows]


async def expected(look: Look, where: Where, *, owner: UserId) -> float:
    """How many of an owner's photos Postgres expects to fulfil the conditions, from what it knows of their columns."""
    plan = await look.value(where.into(_EXPECTED), **where.arguments | {"owner": owner})
    return float(plan[0]["Plan"]["Plan Rows"])


async def each_of_few(
    look: Look, where: Where, *, owner: UserId, model: Model, query: str, reach: int, most: int
) -> list[Near] | None:
    """The nearest `reach` of what fulfils the conditions, exactly; `None` when that is more than `most`."""
    arguments = where.arguments | {"owner": owner, "model_id": model.id, "query": query, "reach": reach, "most": most}
    rows = await look.all(where.into(_EACH_OF_FEW), **arguments)
    if any(row["id"] is None and row["distance"] > most for row in rows):
        return None
    return [Near(AssetId(row["id"]), row["distance"]) for row in rows if row["id"] is not None]


def _filled(template: LiteralString, owner: UserId, model: Model) -> LiteralString:
    # A uuid and two whole numbers that come from our own tables: as harmless as literals.
    text = template.replace("{owner}", str(UUID(str(owner)))).replace("{model}", str(int(model.id)))
    return cast(LiteralString, text.replace("{dimensions}", str(int(model.dimensions))))


# Building ----------------------------------------------------------------------------------------------------------------

# A moment of more photos than there are candidates is linked to itself alone, and is found only if one of them happens to be
# on an upper floor (each sixteenth is). With 64 candidates one question in 75 found nothing right among a million; a moment of
# more than 200 is always on an upper floor.
OPTIONS = frozenset(("m=16", "ef_construction=200"))
_WITH: LiteralString = "m = 16, ef_construction = 200"
_CREATE: LiteralString = (
    """
    CREATE INDEX CONCURRENTLY IF NOT EXISTS {name}
        ON embedding USING hnsw ((vector::halfvec({dimensions})) halfvec_cosine_ops) WITH ("""
    + _WITH
    + """)
     WHERE owner_id = '{owner}' AND model_id = {model}
"""
)
_SET: LiteralString = "ALTER INDEX {name} SET (" + _WITH + ")"
_REBUILD: LiteralString = "REINDEX INDEX CONCURRENTLY {name}"
_DROP: LiteralString = "DROP INDEX CONCURRENTLY IF EXISTS {name}"

LONGEST_BUILD_S = 6 * 3600.0


def index_name(owner: UserId, model: Model) -> str:
    """What an owner's index is called."""
    return f"embedding_near_{model.id}_{UUID(str(owner)).hex}"


async def build(look: QuickLook, owner: UserId, model: Model, *, memory_mib: int) -> None:
    """Build an owner's index while everything goes on. Takes minutes for a million."""
    text = _filled(_CREATE, owner, model).replace("{name}", index_name(owner, model))
    await _alone(look, text, memory_mib)


async def rebuild(look: QuickLook, owner: UserId, model: Model, *, memory_mib: int) -> None:
    """Build it anew, with today's options, beside the old one, which serves until then."""
    name = index_name(owner, model)
    await look.alone(_as_it_is(_SET.replace("{name}", name)), timeout_s=LONGEST_BUILD_S)
    await _alone(look, _REBUILD.replace("{name}", name), memory_mib)


async def drop(look: QuickLook, name: str) -> None:
    """Remove an index of ours by its name."""
    assert name.startswith("embedding_near_")
    assert name.replace("_", "").isalnum()
    await look.alone(_as_it_is(_DROP.replace("{name}", name)), timeout_s=LONGEST_BUILD_S)


async def _alone(look: QuickLook, text: str, memory_mib: int) -> None:
    await look.all(BUILD_WITH, memory=f"{memory_mib}MB")
    try:
        await look.alone(_as_it_is(text), timeout_s=LONGEST_BUILD_S)
    finally:
        await look.all(BUILD_AS_EVER)


def _as_it_is(text: str) -> Sql:
    return Sql(text, ())
