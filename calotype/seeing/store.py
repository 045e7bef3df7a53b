"""SQL: what is known of a picture and what is not, over the tables of several rooms."""

from uuid import UUID

from calotype.core.ids import AssetId
from calotype.core.sql import sql
from calotype.core.tx import Look, Row

TO_SEE = sql("""
    SELECT asset.owner_id, asset.visibility, file.path AS preview, used.name AS used_model,
           EXISTS (SELECT FROM embedding JOIN embedding_model AS model ON model.id = embedding.model_id
                    WHERE embedding.asset_id = asset.id AND model.name = :model) AS has_embedding,
           EXISTS (SELECT FROM embedding
                    WHERE embedding.asset_id = asset.id AND embedding.model_id = used.id) AS has_used,
           EXISTS (SELECT FROM asset_text WHERE asset_text.asset_id = asset.id) AS has_text,
           EXISTS (SELECT FROM face_scan WHERE face_scan.asset_id = asset.id) AS has_faces,
           ARRAY(SELECT step FROM asset_problem AS problem WHERE problem.asset_id = asset.id) AS problems
      FROM asset
      LEFT JOIN asset_file AS file ON file.asset_id = asset.id AND file.type = 'preview' AND NOT file.is_edited
      LEFT JOIN embedding_model AS used ON used.state = 'used'
     WHERE asset.id = :id
       AND asset.status <> 'deleted'
""")

# A stretch of the library in the order of ids, and what each picture in it lacks. `last` is where the next one begins.
STRETCH = sql("""
    WITH stretch AS MATERIALIZED (
        SELECT id, status, visibility, previews_at FROM asset WHERE id > :after::uuid ORDER BY id LIMIT :limit)
    SELECT (SELECT id FROM stretch ORDER BY id DESC LIMIT 1) AS last,
           ARRAY(SELECT id FROM stretch
                  WHERE status = 'active' AND visibility <> 'hidden' AND previews_at < :before
                    AND NOT EXISTS (SELECT FROM embedding JOIN embedding_model AS model ON model.id = embedding.model_id
                                     WHERE embedding.asset_id = stretch.id AND model.name = :model)
                    AND NOT EXISTS (SELECT FROM asset_problem AS problem
                                     WHERE problem.asset_id = stretch.id AND problem.step = 'embedding')) AS embedding,
           ARRAY(SELECT id FROM stretch
                  WHERE status = 'active' AND visibility <> 'hidden' AND previews_at < :before
                    AND NOT EXISTS (SELECT FROM asset_text WHERE asset_text.asset_id = stretch.id)
                    AND NOT EXISTS (SELECT FROM asset_problem AS problem
                                     WHERE problem.asset_id = stretch.id AND problem.step = 'text')) AS text,
           ARRAY(SELECT id FROM stretch
                  WHERE status = 'active' AND visibility <> 'hidden' AND previews_at < :before
                    AND NOT EXISTS (SELECT FROM face_scan WHERE face_scan.asset_id = stretch.id)
                    AND NOT EXISTS (SELECT FROM asset_problem AS problem
                                     WHERE problem.asset_id = stretch.id AND problem.step = 'faces')) AS faces,
           ARRAY(SELECT id FROM stretch
                  WHERE status = 'active' AND visibility <> 'hidden' AND previews_at IS NOT NULL) AS every
""")


async def to_see(look: Look, id: AssetId, model: str) -> Row | None:
    """The picture and what is known of it. `preview`: path below the data folder. `None` when the asset is gone."""
    return await look.one(TO_SEE, id=id, model=model)


async def stretch(look: Look, *, after: UUID, limit: int, model: str, before: object) -> Row:
    """Which of the next `limit` assets lack an embedding, faces, text; `every`: all that have a preview.

    `last` is `None` behind the end of the library.
    """
    row = await look.one(STRETCH, after=after, limit=limit, model=model, before=before)
    assert row is not None  # no FROM: there always is one
    return row
