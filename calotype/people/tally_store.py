"""SQL of the tables `person_tally` and `person_uncounted`: how many faces everybody shows on the timeline.

A million faces take most of a second to count, so they are counted when they change. Triggers note whose did; whoever
reads meanwhile counts just those people, so that a number is right at every moment, and the worker writes it down.
"""

from typing import LiteralString

from calotype.core.sql import sql
from calotype.core.tx import Tx

_SHOWN: LiteralString = "face.is_visible AND face.deleted_at IS NULL AND face.place = 't'"

# For a WITH: `person_id` and `faces` of everybody of :owner_id who shows at least one.
COUNTED: LiteralString = (
    """counted AS MATERIALIZED (
        SELECT tally.person_id, tally.faces
          FROM person_tally AS tally
         WHERE tally.owner_id = :owner_id
           AND NOT EXISTS (SELECT FROM person_uncounted AS changed
                            WHERE changed.owner_id = :owner_id AND changed.person_id = tally.person_id)
         UNION ALL
        SELECT changed.person_id, shown.faces
          FROM (SELECT DISTINCT person_id FROM person_uncounted WHERE owner_id = :owner_id) AS changed
         CROSS JOIN LATERAL (
            SELECT count(*) AS faces FROM face
             WHERE face.owner_id = :owner_id AND face.person_id = changed.person_id AND """
    + _SHOWN
    + """) AS shown
         WHERE shown.faces > 0)"""
)

TURN = sql("SELECT pg_try_advisory_xact_lock(hashtext('person_tally'))")
# One statement, so that what is removed and what is counted are of the same instant: a face that changes after it leaves a
# row that is still there.
FOLD = sql(
    """
    WITH gone AS (
        DELETE FROM person_uncounted WHERE id IN (SELECT id FROM person_uncounted ORDER BY id LIMIT :limit)
        RETURNING owner_id, person_id),
    fresh AS MATERIALIZED (
        SELECT changed.owner_id, changed.person_id,
               (SELECT count(*) FROM face
                 WHERE face.owner_id = changed.owner_id AND face.person_id = changed.person_id AND """
    + _SHOWN
    + """) AS faces
          FROM (SELECT DISTINCT owner_id, person_id FROM gone) AS changed),
    empty AS (
        DELETE FROM person_tally AS tally USING fresh
         WHERE tally.owner_id = fresh.owner_id AND tally.person_id = fresh.person_id AND fresh.faces = 0)
    INSERT INTO person_tally (owner_id, person_id, faces)
    SELECT owner_id, person_id, faces FROM fresh WHERE faces > 0
    ON CONFLICT (owner_id, person_id) DO UPDATE SET faces = excluded.faces
"""
)


async def fold(tx: Tx, *, limit: int = 50_000) -> None:
    """Write down the numbers of people whose faces changed. While another does, nothing happens."""
    if await tx.value(TURN):
        await tx.run(FOLD, limit=limit)
