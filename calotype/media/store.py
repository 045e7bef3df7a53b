"""SQL for what was made from the bytes (`asset_file`) and for what could not be made (`asset_problem`)."""

from collections.abc import Sequence
from dataclasses import dataclass

from calotype.core.ids import AssetId
from calotype.core.sql import sql
from calotype.core.tx import Look, Tx

SAVE_FILE = sql("""
    INSERT INTO asset_file (asset_id, type, path, size_bytes, is_edited, is_progressive, is_transparent)
    VALUES (:asset_id, :type, :path, :size_bytes, false, :is_progressive, :is_transparent)
    ON CONFLICT (asset_id, type, is_edited)
    DO UPDATE SET path = excluded.path, size_bytes = excluded.size_bytes, is_progressive = excluded.is_progressive,
                  is_transparent = excluded.is_transparent, updated_at = clock_timestamp()
""")
FORGET_FILES = sql("""
    DELETE FROM asset_file
     WHERE asset_id = :asset_id AND type = ANY(:types) AND NOT is_edited
    RETURNING path
""")
NOTE_PROBLEM = sql("""
    INSERT INTO asset_problem (asset_id, step, reason)
    SELECT id, :step, :reason FROM asset WHERE id = :asset_id
    ON CONFLICT (asset_id, step)
    DO UPDATE SET reason = excluded.reason, attempts = asset_problem.attempts + 1, at = clock_timestamp()
""")
HAS_PROBLEM = sql("SELECT EXISTS (SELECT FROM asset_problem WHERE asset_id = :asset_id AND step = :step)")
SOLVE = sql("DELETE FROM asset_problem WHERE asset_id = :asset_id AND step = :step")
PROBLEMS_OF = sql("SELECT asset_id, step FROM asset_problem WHERE asset_id = ANY(:ids::uuid[])")

# Whole assets, so that a page never ends between two files of one.
PAGE_OF_FILES = sql("""
    SELECT asset_id, array_agg(type) AS types, array_agg(path) AS paths, array_agg(size_bytes) AS sizes
      FROM asset_file
     WHERE asset_id > :after AND NOT is_edited AND type <> 'sidecar'
     GROUP BY asset_id
     ORDER BY asset_id
     LIMIT :limit
""")


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A derivative. `path` is relative to the data folder."""

    type: str
    path: str
    size_bytes: int
    is_progressive: bool = False
    is_transparent: bool = False


@dataclass(frozen=True, slots=True)
class Derivatives:
    """What was made of an asset: type, path relative to the data folder, size in bytes."""

    asset_id: AssetId
    files: tuple[tuple[str, str, int], ...]


async def page_of_files(look: Look, after: AssetId, limit: int) -> list[Derivatives]:
    """What was made of the next so many assets in the order of their ids."""
    rows = await look.all(PAGE_OF_FILES, after=after, limit=limit)
    return [
        Derivatives(row["asset_id"], tuple(zip(row["types"], row["paths"], row["sizes"], strict=True))) for row in rows
    ]


async def save_files(tx: Tx, asset_id: AssetId, files: Sequence[MadeFile]) -> None:
    """Note what was made; a second run replaces the first."""
    await tx.many(
        SAVE_FILE,
        [
            {
                "asset_id": asset_id,
                "type": f.type,
                "path": f.path,
                "size_bytes": f.size_bytes,
                "is_progressive": f.is_progressive,
                "is_transparent": f.is_transparent,
            }
            for f in files
        ],
    )


async def forget_files(tx: Tx, asset_id: AssetId, types: Sequence[str]) -> list[str]:
    """Drop the rows; the paths whose files are to go after commit."""
    return [row["path"] for row in await tx.all(FORGET_FILES, asset_id=asset_id, types=list(types))]


async def note_problem(tx: Tx, asset_id: AssetId, step: str, reason: str) -> None:
    """Keep why a step failed, so that it is not tried for ever and its owner can see it. Harmless for a gone asset."""
    text = reason.replace("\0", "").encode(errors="replace").decode()
    await tx.run(NOTE_PROBLEM, asset_id=asset_id, step=step, reason=text[:500])


async def solve(tx: Tx, asset_id: AssetId, step: str) -> None:
    """The step worked: forget that it once did not."""
    await tx.run(SOLVE, asset_id=asset_id, step=step)


async def problems_of(look: Look, asset_ids: Sequence[AssetId]) -> set[tuple[AssetId, str]]:
    """Assets and the steps that failed for them."""
    return {(row["asset_id"], row["step"]) for row in await look.all(PROBLEMS_OF, ids=list(asset_ids))}


async def has_problem(look: Look, asset_id: AssetId, step: str) -> bool:
    """Whether the step failed and nobody asked to try again."""
    return await look.value(HAS_PROBLEM, asset_id=asset_id, step=step)
