"""SQL: what models make of pictures, the models themselves, and the indexes of owners."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from calotype.core.ids import AssetId, UserId
from calotype.core.sql import sql
from calotype.core.tx import Look, Tx

MODELS = sql("SELECT id, name, dimensions, state FROM embedding_model WHERE state <> 'leaving' ORDER BY state, id")
ADD_MODEL = sql("""
    INSERT INTO embedding_model (name, dimensions, state)
    VALUES (:name, :dimensions, CASE WHEN EXISTS (SELECT FROM embedding_model WHERE state = 'used') THEN 'coming'
                                     ELSE 'used' END)
    ON CONFLICT (name) DO UPDATE SET state = CASE embedding_model.state WHEN 'used' THEN 'used' ELSE 'coming' END
    RETURNING id, name, dimensions, state
""")
KEEP = sql("""
    INSERT INTO embedding (asset_id, model_id, owner_id, vector)
    VALUES (:asset_id, :model_id, :owner_id, :vector::text::halfvec)
    ON CONFLICT (asset_id, model_id) DO UPDATE SET vector = excluded.vector
""")
VECTOR = sql("SELECT vector::text FROM embedding WHERE asset_id = :asset_id AND model_id = :model_id")
# One model takes another's place in one statement's time: between two searches, never during one.
RETIRE = sql("UPDATE embedding_model SET state = 'leaving' WHERE id = :id")
CROWN = sql("UPDATE embedding_model SET state = 'used' WHERE id = :id")
TURN = sql("SELECT pg_advisory_xact_lock(hashtext('embedding_model'))")
LEAVING = sql("SELECT id FROM embedding_model WHERE state = 'leaving' ORDER BY id LIMIT 1")
NOT_WANTED = sql("UPDATE embedding_model SET state = 'leaving' WHERE state = 'coming' AND name <> :name")
FORGET_SOME = sql("""
    DELETE FROM embedding
     WHERE (asset_id, model_id) IN (SELECT asset_id, model_id FROM embedding WHERE model_id = :model_id LIMIT :limit)
""")
FORGET_MODEL = sql("DELETE FROM embedding_model WHERE id = :id AND state = 'leaving'")
INDEXES = sql(
    "SELECT owner_id, name, vectors FROM embedding_index WHERE model_id = :model_id AND owner_id = ANY(:owners)"
)
INDEXES_OF_MODEL = sql("SELECT owner_id, name, vectors FROM embedding_index WHERE model_id = :model_id")
NOTE_INDEX = sql("""
    INSERT INTO embedding_index (owner_id, model_id, name, vectors) VALUES (:owner_id, :model_id, :name, :vectors)
    ON CONFLICT (owner_id, model_id)
    DO UPDATE SET name = excluded.name, vectors = excluded.vectors, built_at = clock_timestamp()
""")
FORGET_INDEX = sql("DELETE FROM embedding_index WHERE owner_id = :owner_id AND model_id = :model_id")
LARGE_OWNERS = sql("""
    SELECT owner_id, count(*) AS vectors
      FROM embedding
     WHERE model_id = :model_id
     GROUP BY owner_id
    HAVING count(*) >= :least
     ORDER BY vectors
""")
# Indexes that stand, and whether they are whole: one that was interrupted stays behind as invalid.
STANDING = sql("""
    SELECT class.relname AS name, index.indisvalid AS is_whole, coalesce(class.reloptions, '{}') AS options
      FROM pg_index AS index
      JOIN pg_class AS class ON class.oid = index.indexrelid
     WHERE index.indrelid = 'embedding'::regclass AND class.relname LIKE 'embedding\\_near\\_%'
""")

State = Literal["used", "coming"]


@dataclass(frozen=True, slots=True)
class Standing:
    """An index in Postgres. One whose building was interrupted is not whole. `options`: such as "m=16"."""

    is_whole: bool
    options: frozenset[str]


@dataclass(frozen=True, slots=True)
class Model:
    """A model whose vectors we keep. `dimensions`: how many numbers each vector has."""

    id: int
    name: str
    dimensions: int
    state: State


@dataclass(frozen=True, slots=True)
class Index:
    """An owner's own index, and how many vectors it was built over."""

    owner_id: UserId
    name: str
    vectors: int


async def models(look: Look) -> list[Model]:
    """The one that answers, and the one that may be on its way; those that leave are not among them."""
    rows = await look.all(MODELS)
    return [Model(row["id"], row["name"], row["dimensions"], row["state"]) for row in rows]


async def used(look: Look) -> Model | None:
    """The model that answers searches; `None` as long as nothing was ever embedded."""
    return next((model for model in await models(look) if model.state == "used"), None)


async def add_model(tx: Tx, name: str, dimensions: int) -> Model:
    """The model by that name, new if need be. The first one answers at once; a later one when it is complete."""
    row = await tx.one(ADD_MODEL, name=name, dimensions=dimensions)
    assert row is not None  # an insert that updates on conflict always returns
    return Model(row["id"], row["name"], row["dimensions"], row["state"])


async def keep(tx: Tx, asset: AssetId, owner: UserId, model: Model, vector: str) -> None:
    """Note what the model makes of the picture; a second time replaces the first."""
    await tx.run(KEEP, asset_id=asset, owner_id=owner, model_id=model.id, vector=vector)


async def vector_of(look: Look, asset: AssetId, model: Model) -> str | None:
    """The vector as text."""
    return await look.value(VECTOR, asset_id=asset, model_id=model.id)


async def take_turns(tx: Tx) -> None:
    """One change of models at a time, until the end of the unit of work."""
    await tx.run(TURN)


async def replace_used(tx: Tx, old: Model | None, new: Model) -> None:
    """From now on the new one answers."""
    if old is not None:
        await tx.run(RETIRE, id=old.id)
    await tx.run(CROWN, id=new.id)


async def drop_others(tx: Tx, wanted: str) -> int:
    """Give up models that were on their way and are wanted no more. How many."""
    return await tx.run(NOT_WANTED, name=wanted)


async def leaving(look: Look) -> int | None:
    """A model whose vectors are to go."""
    return await look.value(LEAVING)


async def forget_some(tx: Tx, model_id: int, limit: int) -> int:
    """Remove some vectors of a model, and when none is left the model. How many vectors went."""
    gone = await tx.run(FORGET_SOME, model_id=model_id, limit=limit)
    if gone == 0:
        await tx.run(FORGET_MODEL, id=model_id)
    return gone


async def indexes(look: Look, model: Model, owners: list[UserId]) -> dict[UserId, Index]:
    """Those of the owners that have an index of their own."""
    rows = await look.all(INDEXES, model_id=model.id, owners=owners)
    return {row["owner_id"]: Index(row["owner_id"], row["name"], row["vectors"]) for row in rows}


async def indexes_of(look: Look, model_id: int) -> dict[UUID, Index]:
    """Every index that was noted for a model."""
    rows = await look.all(INDEXES_OF_MODEL, model_id=model_id)
    return {row["owner_id"]: Index(row["owner_id"], row["name"], row["vectors"]) for row in rows}


async def standing(look: Look) -> dict[str, Standing]:
    """The indexes that there are in Postgres, by name."""
    return {row["name"]: Standing(row["is_whole"], frozenset(row["options"])) for row in await look.all(STANDING)}


async def large_owners(look: Look, model: Model, least: int) -> list[tuple[UserId, int]]:
    """Owners with at least so many vectors, and how many, the smallest first. Reads an index from end to end."""
    return [
        (UserId(row["owner_id"]), row["vectors"])
        for row in await look.all(LARGE_OWNERS, model_id=model.id, least=least)
    ]


async def note_index(tx: Tx, owner: UserId, model_id: int, name: str, vectors: int) -> None:
    """The index stands and may be used."""
    await tx.run(NOTE_INDEX, owner_id=owner, model_id=model_id, name=name, vectors=vectors)


async def forget_index(tx: Tx, owner: UUID, model_id: int) -> None:
    """The index must not be used any more."""
    await tx.run(FORGET_INDEX, owner_id=owner, model_id=model_id)
