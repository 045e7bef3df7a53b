"""What runs by itself or at each request reads what it answers with, not the library.

Each statement is run over a few thousand rows and may touch a few hundred. The planner takes the whole of a small table
more readily than it would of a large one, so sequential scans are switched off here: one that is left has no index to go
by, and an index that is read from end to end is seen by the rows it touched.
"""

import json
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from calotype.assets import facts_store
from calotype.core.sql import Sql
from calotype.core.tx import QuickLook
from calotype.duplicates import find
from calotype.duplicates import store as duplicates
from calotype.duplicates.subject import Subject
from calotype.people import cluster_store, person_store, portrait_store, tally_store
from calotype.search import everything_store, explore_store, store
from calotype.search.query import Condition, Filters, Order, Reach
from calotype.timeline import buckets
from calotype.timeline.scope import Scope
from tests.working import ada, children, gazetteer, house, work_pool, worker_application

__all__ = ["ada", "children", "gazetteer", "house", "work_pool", "worker_application"]

PHOTOS = 4000
FEW = 1000  # rows that one statement may touch
LARGE = {"asset", "face", "likeness", "embedding", "asset_text", "face_scan"}
START = UUID(int=0)
CROWD = 1311768467463790320  # the hash of some, which all look alike

FILL = (
    """INSERT INTO asset (owner_id, type, original_key, original_name, checksum, size_bytes, taken_at, local_taken,
                          file_modified_at, uploaded_taken_at, city, country, make, width, height, metadata_at, previews_at,
                          transcode_checked_at, created_at)
       SELECT $1, CASE WHEN n % 10 = 0 THEN 'VIDEO' ELSE 'IMAGE' END::asset_type, 'upload/' || n, 'IMG_' || n || '.jpg',
              sha256(n::text::bytea), 1000 + n, t, t, t, t, 'City ' || n % 40, 'Country ' || n % 8, 'Make ' || n % 5, 40, 30,
              t, t, t, t
         FROM generate_series(1, $2::integer) AS n,
              LATERAL (SELECT timestamptz '2020-01-01' + n * interval '1 hour') AS u(t)""",
    """INSERT INTO person (owner_id, name, portrait_path)
       SELECT $1, CASE WHEN n < 10 THEN 'Person ' || n ELSE '' END, 'x' FROM generate_series(1, $2::integer / 200) AS n""",
    """INSERT INTO face (asset_id, owner_id, person_id, x1, y1, x2, y2, image_width, image_height, source_type, model, place,
                         looked_at)
       SELECT asset.id, asset.owner_id,
              people.ids[CASE WHEN asset.size_bytes % 3 = 0 THEN 1 ELSE 2 + asset.size_bytes % 19 END],
              1, 1, 50, 50, 100, 100, 'machine-learning', 'toy', 't', now()
         FROM asset, (SELECT array_agg(id ORDER BY id) AS ids FROM person) AS people
        WHERE asset.owner_id = $1 AND $2::integer > 0""",
    """UPDATE person SET feature_face_id = face.id, portrait_face_id = face.id
         FROM (SELECT DISTINCT ON (person_id) person_id, id FROM face ORDER BY person_id, id) AS face
        WHERE person.id = face.person_id AND person.owner_id = $1 AND $2::integer > 0""",
    """INSERT INTO likeness (asset_id, owner_id, pixels, hash)
       SELECT id, owner_id, checksum, CASE WHEN size_bytes % 20 = 0 THEN 1311768467463790320
                                           ELSE hashtextextended(original_name, 1) END
         FROM asset WHERE owner_id = $1 AND $2::integer > 0""",
)


class Witness(QuickLook):
    """Asks Postgres how it went about each statement, and remembers how many rows that touched."""

    touched: dict[str, int]

    async def all(self, statement: Sql, **arguments: Any) -> Any:
        connection = await self._ready()
        (row,) = await connection.fetch(
            "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + statement.text, *statement.values(arguments)
        )
        plan = json.loads(row[0]) if isinstance(row[0], str) else row[0]
        self._count(plan[0]["Plan"])
        return await super().all(statement, **arguments)

    async def one(self, statement: Sql, **arguments: Any) -> Any:
        rows = await self.all(statement, **arguments)
        return rows[0] if rows else None

    async def value(self, statement: Sql, **arguments: Any) -> Any:
        row = await self.one(statement, **arguments)
        return row[0] if row else None

    def _count(self, node: dict[str, Any]) -> None:
        name = node.get("Relation Name")
        if name in LARGE:
            each = sum(
                node.get(fact, 0) for fact in ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
            )
            self.touched[name] = self.touched.get(name, 0) + round(each * node["Actual Loops"])
        for child in node.get("Plans", ()):
            self._count(child)


@pytest.fixture
async def library(house, ada):
    """A library in which nothing is missing."""
    for statement in FILL:
        await house.sql(statement, ada.id, PHOTOS)
    await house.sql("DELETE FROM duplicate_wanted")
    await house.sql("DELETE FROM names_unwritten")
    async with house.world.writing() as tx:
        await tally_store.fold(tx)
    for table in (*LARGE, "person", "person_tally", "person_month"):
        await house.sql(f"ANALYZE {table}")
    return ada


@pytest.fixture
async def witness(house):
    look = Witness(house.world.pool)
    look.touched = {}
    connection = await look._ready()
    await connection.execute("SET enable_seqscan = off")
    yield look
    await connection.execute("RESET enable_seqscan")
    await look.close()


def before(house):
    return house.world.clock.now() + timedelta(days=1)


async def commonest(house):
    (row,) = await house.sql("SELECT person_id FROM face GROUP BY 1 ORDER BY count(*) DESC LIMIT 1")
    return row["person_id"]


def pages(*conditions):
    async def ask(look, house, owner):
        asked = Filters((Condition("visibility", "eq", "timeline"), *conditions))
        return await store.page(look, asked, Reach(owner.id), media_root="/x/", order=Order(), size=50)

    return ask


async def of_somebody_common(look, house, owner):
    found = await pages(Condition("personIds", "all", [await commonest(house)]))(look, house, owner)
    assert found.count == 50


async def near_a_crowd(look, house, owner):
    shape = (None, None, None, None, None, house.world.clock.now())
    subject = Subject(START, "IMAGE", b"", None, CROWD ^ 1, (), *shape)
    assert len(await find._near_hashes(look, owner.id, subject, CROWD ^ 1)) == find.MOST


async def people_page(look, house, owner):
    found = await person_store.page(look, owner.id, size=10, offset=0, with_hidden=False, min_faces=3)
    assert len(found.people) == 10
    assert found.total == PHOTOS // 200


def timeline_of(person, owner):
    return Scope(
        viewer=owner.id, owners=(owner.id,), visibilities=("archive", "timeline"), status="active", is_favorite=None,
        with_stacked=True, with_coordinates=False, hides_places=False, newest_first=True, by_creation=False, album_id=None,
        person_id=person, tag_id=None, box=None,
    )  # fmt: skip


async def months_of_somebody_common(look, house, owner):
    scope = timeline_of(await commonest(house), owner)
    found = json.loads(await buckets.months_of(look, scope))
    assert sum(month["count"] for month in found) == PHOTOS // 3
    await buckets.bucket_of(look, house.world.cache, scope, date.fromisoformat(found[0]["timeBucket"]))
    assert await tally_store.assets(look, scope.person_id, owner.id) == PHOTOS // 3


HOT = {
    **{
        f"the sweep for {step}": lambda look, house, owner, step=step: facts_store.missing(
            look, step, before=before(house), limit=5000
        )
        for step in facts_store.MISSING
    },
    "owners whose faces wait": lambda look, house, owner: cluster_store.owners_waiting(look, "toy", before(house)),
    "faces that wait": lambda look, house, owner: cluster_store.waiting(look, owner.id, "toy", 500),
    "portraits that are due": lambda look, house, owner: portrait_store.due(look, before=before(house), limit=5000),
    "what was not compared": lambda look, house, owner: duplicates.wanted(
        look, after=START, before=before(house), limit=5000
    ),
    "hashes near a crowd": near_a_crowd,
    "the page of people": people_page,
    "the timeline of somebody who is on a third of them": months_of_somebody_common,
    "photos of somebody who is on a third of them": of_somebody_common,
    "cities": lambda look, house, owner: explore_store.cities(look, [owner.id], viewer=owner.id, media_root="/x/"),
    "cities to explore": lambda look, house, owner: explore_store.well_known_cities(
        look, owner.id, media_root="/x/", least=5, limit=12
    ),
    "the latest": lambda look, house, owner: explore_store.latest(look, owner.id, media_root="/x/", limit=12),
    **{
        f"suggestions for {kind}": lambda look, house, owner, kind=kind: store.suggestions(look, kind, [owner.id])
        for kind in store.SUGGESTIONS
    },
    "the largest": lambda look, house, owner: store.page(
        look, Filters(), Reach(owner.id), media_root="/x/", order=Order("fileSizeInBytes"), size=50
    ),
    "names of places": lambda look, house, owner: everything_store.places(look, [owner.id], owner.id),
}


async def test_nothing_that_is_asked_often_reads_the_library(house, library, witness):
    too_many: dict[str, dict[str, int]] = {}
    for name, ask in HOT.items():
        witness.touched = {}
        await ask(witness, house, library)
        if found := {table: rows for table, rows in witness.touched.items() if rows > FEW}:
            too_many[name] = found
    assert too_many == {}


async def test_the_witness_sees_who_reads_it_all(house, library, witness):
    await store.count(witness, Filters((Condition("city", "ne", "x"),)), Reach(library.id), media_root="/x/")
    assert witness.touched["asset"] >= PHOTOS
