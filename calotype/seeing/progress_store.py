"""SQL: how many pictures were looked at, over the tables of several rooms."""

from dataclasses import dataclass

from calotype.core.sql import sql
from calotype.core.tx import Look

# Two hundred thousand pictures in a tenth of a second: all that are shown are counted by the timeline, and what was seen
# in them by indexes. Only what is hidden or in the trash is looked at one by one, to be left out.
COUNTS = sql("""
    WITH model AS MATERIALIZED (
        SELECT id FROM embedding_model WHERE name = :model),
    aside AS MATERIALIZED (
        SELECT id FROM asset WHERE visibility = 'hidden'
         UNION ALL
        SELECT id FROM asset WHERE deleted_at IS NOT NULL AND visibility <> 'hidden'),
    apart AS MATERIALIZED (
        SELECT count((SELECT 1 FROM embedding
                       WHERE embedding.asset_id = aside.id AND embedding.model_id = (SELECT id FROM model))) AS embedding,
               count((SELECT 1 FROM face_scan WHERE face_scan.asset_id = aside.id)) AS faces,
               count((SELECT 1 FROM asset_text WHERE asset_text.asset_id = aside.id)) AS text
          FROM aside),
    shown AS MATERIALIZED (
        SELECT assets FROM timeline_month WHERE axis = 't' AND status = 'active' AND visibility <> 'hidden'
         UNION ALL
        SELECT assets FROM timeline_change WHERE axis = 't' AND status = 'active' AND visibility <> 'hidden')
    SELECT (SELECT coalesce(sum(assets), 0)::bigint FROM shown)
           - (SELECT count(*) FROM asset
               WHERE previews_at IS NULL AND status = 'active' AND visibility <> 'hidden') AS photos,
           (SELECT count(*) FROM embedding WHERE model_id = (SELECT id FROM model)) - apart.embedding AS embedding,
           (SELECT count(*) FROM face_scan) - apart.faces AS faces,
           (SELECT count(*) FROM asset_text) - apart.text AS text
      FROM apart
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
