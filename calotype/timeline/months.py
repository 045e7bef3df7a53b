"""How many photos each month has, and which version of a month this is.

Counts are appended by triggers as photos come and go, and folded here into one row per kind of photo and month. Readers add
folded and unfolded rows, so a count is exact at every moment. `changes` never shrinks: a cached body is valid as long as it
stays the same (decision 0004). A person's months are counted beside their faces (`people/tally_store.py`, decision 0014).
"""

from datetime import date
from typing import LiteralString

from calotype.core.ids import UserId
from calotype.core.sql import sql
from calotype.core.tx import Look, Tx
from calotype.timeline.scope import Scope

FOLD = sql("""
    WITH gone AS (
        DELETE FROM timeline_change
         WHERE id IN (SELECT id FROM timeline_change ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED)
        RETURNING owner_id, axis, month, visibility, status, is_favorite, is_stacked_away, assets, changes
    )
    INSERT INTO timeline_month AS m (owner_id, axis, month, visibility, status, is_favorite, is_stacked_away, assets, changes)
    SELECT owner_id, axis, month, visibility, status, is_favorite, is_stacked_away, sum(assets), sum(changes)
      FROM gone
     GROUP BY 1, 2, 3, 4, 5, 6, 7
     ORDER BY 1, 2, 3, 4, 5, 6, 7
    ON CONFLICT (owner_id, axis, month, visibility, status, is_favorite, is_stacked_away)
    DO UPDATE SET assets = m.assets + excluded.assets, changes = m.changes + excluded.changes
""")

# Of rows (month, assets).
AS_BUCKETS: LiteralString = """
    SELECT coalesce('[' || string_agg('{"timeBucket":"' || month || '","count":' || assets || '}', ','
                                      ORDER BY CASE WHEN :newest_first THEN -(month - DATE '0001-01-01')
                                                    ELSE month - DATE '0001-01-01' END) || ']', '[]')
"""
COUNTS = sql(
    AS_BUCKETS
    + """
      FROM (SELECT month, sum(assets) AS assets
              FROM (SELECT month, assets
                      FROM timeline_month
                     WHERE owner_id = ANY(:owners) AND axis = :axis::text::"char"
                       AND visibility = ANY(:visibilities::asset_visibility[]) AND status = :status::asset_status
                       AND (:is_favorite::boolean IS NULL OR is_favorite = :is_favorite)
                       AND NOT (:without_stacked_away AND is_stacked_away)
                     UNION ALL
                    SELECT month, assets
                      FROM timeline_change
                     WHERE owner_id = ANY(:owners) AND axis = :axis::text::"char"
                       AND visibility = ANY(:visibilities::asset_visibility[]) AND status = :status::asset_status
                       AND (:is_favorite::boolean IS NULL OR is_favorite = :is_favorite)
                       AND NOT (:without_stacked_away AND is_stacked_away)) AS every
             GROUP BY month
            HAVING sum(assets) > 0) AS shown
"""
)
OF_PERSON = sql(
    AS_BUCKETS
    + """
      FROM (SELECT month, sum(assets) AS assets
              FROM person_month_now
             WHERE person_id = :person_id AND owner_id = ANY(:owners) AND place = ANY(:places::text[]::"char"[])
               AND NOT (:without_stacked_away AND is_stacked_away)
             GROUP BY month) AS shown
"""
)

VERSION = sql("""
    SELECT coalesce((SELECT sum(changes) FROM timeline_month
                      WHERE owner_id = ANY(:owners) AND axis = :axis::text::"char" AND month = :month), 0)
         + coalesce((SELECT sum(changes) FROM timeline_change
                      WHERE owner_id = ANY(:owners) AND axis = :axis::text::"char" AND month = :month), 0)
""")
# What was counted has a version of its own, what is not counted yet has ids; neither ever comes again.
VERSION_OF_PERSON = sql("""
    SELECT concat_ws('/',
        (SELECT string_agg(version::text, ',' ORDER BY version)
           FROM person_month WHERE person_id = :person_id AND place IN ('a', 't') AND month = :month),
        (SELECT string_agg(id::text, ',' ORDER BY id)
           FROM person_change WHERE person_id = :person_id AND place IN ('a', 't') AND month = :month))
""")

FORGET_CHANGES = sql("DELETE FROM timeline_change WHERE owner_id = :owner_id")
FORGET = sql("DELETE FROM timeline_month WHERE owner_id = :owner_id")

FOLD_AT_ONCE = 50_000


async def fold(tx: Tx) -> int:
    """Fold what was appended. How many months of a kind were touched. Two folders at once take different rows."""
    return await tx.run(FOLD, limit=FOLD_AT_ONCE)


async def counted(look: Look, scope: Scope) -> bytes:
    """The answer of /timeline/buckets for a scope that is made of whole timelines, as JSON."""
    text = await look.value(
        COUNTS,
        owners=list(scope.owners),
        axis=scope.axis,
        visibilities=list(scope.visibilities),
        status=scope.status,
        is_favorite=scope.is_favorite,
        without_stacked_away=scope.with_stacked,
        newest_first=scope.newest_first,
    )
    return str(text).encode()


async def counted_of_person(look: Look, scope: Scope) -> bytes:
    """The same for a scope that is made of a person's months."""
    text = await look.value(
        OF_PERSON,
        person_id=scope.person_id,
        owners=list(scope.owners),
        places=list(scope.places),
        without_stacked_away=scope.with_stacked,
        newest_first=scope.newest_first,
    )
    return str(text).encode()


async def version(look: Look, scope: Scope, month: date) -> str:
    """Another one with every change of what a bucket of this month shows."""
    photos = await look.value(VERSION, owners=list(scope.owners), axis=scope.axis, month=month)
    if scope.person_id is None:
        return str(photos)
    return f"{photos} {await look.value(VERSION_OF_PERSON, person_id=scope.person_id, month=month)}"


async def forget(tx: Tx, owner_id: UserId) -> None:
    """Drop the counts of an owner who is gone."""
    # First what is not folded yet: this waits for who is folding it now, and then sees the months made of it.
    await tx.run(FORGET_CHANGES, owner_id=owner_id)
    await tx.run(FORGET, owner_id=owner_id)
