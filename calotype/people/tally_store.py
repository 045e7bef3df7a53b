"""SQL of the tables `person_month`, `person_tally` and `person_change`: how often everybody shows, by month and in all.

Somebody may be on a hundred thousand photos, so they are counted when that changes. Triggers note in which months it did;
whoever reads meanwhile counts just those (`person_month_now`), so that a number is right at every moment, and the worker
writes it down (decision 0014).
"""

from typing import LiteralString
from uuid import UUID

from calotype.core.ids import UserId
from calotype.core.sql import sql
from calotype.core.tx import Look, Tx

# For a WITH: `person_id` and `faces` of everybody of :owner_id who shows at least one on the timeline.
COUNTED: LiteralString = """counted AS MATERIALIZED (
        SELECT tally.person_id, tally.faces
          FROM person_tally AS tally
         WHERE tally.owner_id = :owner_id
           AND NOT EXISTS (SELECT FROM person_change AS change
                            WHERE change.owner_id = :owner_id AND change.person_id = tally.person_id AND change.place = 't')
         UNION ALL
        SELECT changed.person_id, shown.faces
          FROM (SELECT DISTINCT person_id FROM person_change WHERE owner_id = :owner_id AND place = 't') AS changed
         CROSS JOIN LATERAL (
            SELECT sum(now.faces)::bigint AS faces
              FROM person_month_now AS now
             WHERE now.person_id = changed.person_id AND now.place = 't') AS shown
         WHERE shown.faces > 0)"""

ASSETS = sql("""
    SELECT coalesce(sum(assets), 0)::bigint
      FROM person_month_now
     WHERE owner_id = :owner_id AND person_id = :id AND place = 't'
""")

TURN = sql("SELECT pg_try_advisory_xact_lock(hashtext('person_tally'))")
# One statement, so that what is removed and what is counted are of the same instant: a face that changes after it leaves a
# row that is still there.
FOLD = sql("""
    WITH gone AS (
        DELETE FROM person_change WHERE id IN (SELECT id FROM person_change ORDER BY id LIMIT :limit)
        RETURNING owner_id, person_id, place, month, is_stacked_away),
    fresh AS MATERIALIZED (
        SELECT changed.owner_id, changed.person_id, changed.place, changed.month, changed.is_stacked_away,
               shown.faces, shown.assets
          FROM (SELECT DISTINCT owner_id, person_id, place, month, is_stacked_away FROM gone) AS changed
         CROSS JOIN LATERAL (
            SELECT count(*) AS faces, count(DISTINCT face.asset_id) AS assets
              FROM face
             WHERE face.person_id = changed.person_id AND face.place = changed.place AND face.month = changed.month
               AND face.is_stacked_away = changed.is_stacked_away AND face.is_visible AND face.deleted_at IS NULL) AS shown),
    empty AS (
        DELETE FROM person_month AS known USING fresh
         WHERE fresh.faces = 0 AND known.person_id = fresh.person_id AND known.place = fresh.place
           AND known.month = fresh.month AND known.is_stacked_away = fresh.is_stacked_away),
    written AS (
        INSERT INTO person_month (owner_id, person_id, place, month, is_stacked_away, faces, assets)
        SELECT owner_id, person_id, place, month, is_stacked_away, faces, assets FROM fresh WHERE faces > 0
        ON CONFLICT (person_id, place, month, is_stacked_away)
        DO UPDATE SET faces = excluded.faces, assets = excluded.assets, version = next_version())
    SELECT DISTINCT owner_id, person_id FROM fresh WHERE place = 't'
""")
SUM_UP = sql("""
    INSERT INTO person_tally (owner_id, person_id, faces)
    SELECT owner_id, person_id, sum(faces) FROM person_month
     WHERE person_id = ANY(:ids::uuid[]) AND place = 't'
     GROUP BY owner_id, person_id
    ON CONFLICT (owner_id, person_id) DO UPDATE SET faces = excluded.faces
""")
FORGET = sql("""
    DELETE FROM person_tally
     WHERE owner_id = ANY(:owners::uuid[]) AND person_id = ANY(:ids::uuid[])
       AND NOT EXISTS (SELECT FROM person_month
                        WHERE person_month.person_id = person_tally.person_id AND person_month.place = 't')
""")


async def fold(tx: Tx, *, limit: int = 50_000) -> None:
    """Write down the numbers of months in which faces changed. While another does, nothing happens."""
    if not await tx.value(TURN):
        return
    rows = await tx.all(FOLD, limit=limit)
    if rows:
        ids = [row["person_id"] for row in rows]
        await tx.run(SUM_UP, ids=ids)
        await tx.run(FORGET, ids=ids, owners=list({row["owner_id"] for row in rows}))


async def assets(look: Look, id: UUID, owner_id: UserId) -> int:
    """On how many photos of the timeline somebody is."""
    return int(await look.value(ASSETS, id=id, owner_id=owner_id))
