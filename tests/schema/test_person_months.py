"""Whoever was on photos before months of people were counted is counted from then on."""

from datetime import date
from uuid import UUID

import asyncpg
import pytest

from calotype.outside.migrate import SCHEMA

REVISION = "0010"
MAY, JUNE = date(2024, 5, 1), date(2024, 6, 1)


@pytest.fixture
async def before(postgres_url_of):
    """A database as it was until then."""
    connection = await asyncpg.connect(await postgres_url_of("before_months", template="template1"))
    for path in sorted(SCHEMA.glob("[0-9]*.sql")):
        if path.name < REVISION:
            await connection.execute(path.read_text())
    yield connection
    await connection.close()


async def photo(database, owner: UUID, day: str, *people: UUID, **columns: object) -> UUID:
    """A photo taken on a day, with a face for each of the people."""
    asset = await database.fetchval(
        "INSERT INTO asset (owner_id, type, original_key, original_name, checksum, size_bytes, taken_at, local_taken,"
        " file_modified_at, uploaded_taken_at) VALUES ($1, 'IMAGE', gen_random_uuid(), 'a.jpg',"
        " decode(md5(random()::text), 'hex'), 1, $2::text::timestamptz, $2::text::timestamp, now(), now()) RETURNING id",
        owner,
        day,
    )
    await database.executemany(
        "INSERT INTO face (asset_id, owner_id, person_id, x1, y1, x2, y2, image_width, image_height, source_type, place)"
        " VALUES ($1, $2, $3, 0, 0, 9, 9, 99, 99, 'manual', 't')",
        [(asset, owner, person) for person in people],
    )
    for column, value in columns.items():
        await database.execute(f"UPDATE asset SET {column} = $1 WHERE id = $2", value, asset)
    return asset


async def test_people_who_are_there_are_counted_when_the_schema_learns_it(before):
    owner = await before.fetchval("INSERT INTO users (email, name) VALUES ('a', 'a') RETURNING id")
    ann, bob = [
        await before.fetchval("INSERT INTO person (owner_id) VALUES ($1) RETURNING id", owner) for _ in range(2)
    ]
    await photo(before, owner, "2024-05-31 23:00", ann, ann, bob)
    await photo(before, owner, "2024-06-01 00:00", ann)
    await photo(before, owner, "2024-06-02", ann, is_stacked_away=True)
    await photo(before, owner, "2024-06-03", ann, visibility="archive")
    await photo(before, owner, "2024-06-04", ann, visibility="locked")
    await before.execute(next(SCHEMA.glob(f"{REVISION}_*.sql")).read_text())
    rows = await before.fetch(
        "SELECT person_id, place::text, month, is_stacked_away, faces, assets FROM person_month ORDER BY 1, 2, 3, 4"
    )
    right = [
        (ann, "a", JUNE, False, 1, 1),
        (ann, "t", MAY, False, 2, 1),
        (ann, "t", JUNE, False, 1, 1),
        (ann, "t", JUNE, True, 1, 1),
        (bob, "t", MAY, False, 1, 1),
    ]
    assert [tuple(row) for row in rows] == sorted(right)
    tally = await before.fetch("SELECT person_id, faces FROM person_tally")
    assert {row["person_id"]: row["faces"] for row in tally} == {ann: 4, bob: 1}
    # A release that does not know of months yet may still be running.
    await photo(before, owner, "2024-06-05", bob)
    assert [tuple(row) for row in await before.fetch("SELECT person_id, month FROM person_change")] == [(bob, JUNE)]
