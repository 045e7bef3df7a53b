"""SQL: how many pictures were looked at, over the tables of several rooms."""

from dataclasses import dataclass

from calotype.core.sql import sql
from calotype.core.tx import Look

# Reads the library from end to end; whoever asks remembers the answer.
COUNTS = sql("""
    SELECT count(*) AS photos,
           count(embedding.asset_id) AS embedding,
           count(face_scan.asset_id) AS faces,
           count(asset_text.asset_id) AS text
      FROM asset
      LEFT JOIN embedding ON embedding.asset_id = asset.id
                         AND embedding.model_id = (SELECT id FROM embedding_model WHERE name = :model)
      LEFT JOIN face_scan ON face_scan.asset_id = asset.id
      LEFT JOIN asset_text ON asset_text.asset_id = asset.id
     WHERE asset.status = 'active'
       AND asset.visibility <> 'hidden'
       AND asset.previews_at IS NOT NULL
""")
FAILED = sql("""
    SELECT count(*) FILTER (WHERE problem.step = 'embedding') AS embedding,
           count(*) FILTER (WHERE problem.step = 'faces') AS faces,
           count(*) FILTER (WHERE problem.step = 'text') AS text
      FROM asset_problem AS problem
      JOIN asset ON asset.id = problem.asset_id
     WHERE problem.step IN ('embedding', 'faces', 'text')
       AND asset.status = 'active'
       AND asset.visibility <> 'hidden'
""")


@dataclass(frozen=True, slots=True)
class Counts:
    """Pictures by step: all that have a preview, those that were looked at, those that cannot be."""

    photos: int
    done: dict[str, int]
    failed: dict[str, int]


async def counts(look: Look, model: str) -> Counts:
    """How far the library is, for embeddings by this model."""
    done, failed = await look.one(COUNTS, model=model), await look.one(FAILED)
    assert done is not None
    assert failed is not None  # aggregates always have a row
    steps = ("embedding", "faces", "text")
    return Counts(done["photos"], {step: done[step] for step in steps}, {step: failed[step] for step in steps})
