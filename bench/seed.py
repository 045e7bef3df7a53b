"""Fills a database with made-up photos by COPY: `python bench/seed.py URL --assets 1000000 [--people]`.

One owner, 43 months, one photo every two minutes or so; cameras, places, ratings and names in the proportions of a real
library. With people, one of them is on every ninth photo, four on every fiftieth, a thousand on 10 to 500 photos each, and
there are as many faces as photos; the rest of them are nobody's. The same seed gives the same rows.
"""

import argparse
import asyncio
import hashlib
import random
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import bcrypt

FIRST = datetime(2023, 5, 1, tzinfo=UTC)
MONTHS = 43
USUAL = datetime(2012, 6, 1, tzinfo=UTC)  # a month of the usual size, long before all others
USUAL_PHOTOS = 2400
CHUNK = 20_000
PASSWORD = "password-of-the-bench"

CAMERAS = [
    ("Apple", "iPhone 15 Pro", "iPhone 15 Pro back triple camera 6.765mm f/1.78", 34),
    ("Apple", "iPhone 12", "iPhone 12 back dual wide camera 4.2mm f/1.6", 22),
    ("Google", "Pixel 8", "Pixel 8 back camera 6.9mm f/1.68", 14),
    ("samsung", "SM-S918B", None, 12),
    ("Canon", "Canon EOS R5", "RF50mm F1.2 L USM", 6),
    ("SONY", "ILCE-7M4", "FE 24-70mm F2.8 GM II", 5),
    ("FUJIFILM", "X-T5", "XF23mmF1.4 R LM WR", 4),
    ("NIKON CORPORATION", "NIKON Z 8", "NIKKOR Z 24-120mm f/4 S", 2),
    ("motorola", "moto g54", None, 1),
]
CITIES = [
    (f"{name} {i}" if i else name, state, country, lat + i / 10, lon + i / 10)
    for i in range(12)
    for name, state, country, lat, lon in (
        ("Lisbon", "Lisbon", "Portugal", 38.72, -9.13),
        ("Berlin", "Berlin", "Germany", 52.52, 13.40),
        ("Paris", "Île-de-France", "France", 48.85, 2.35),
        ("Rome", "Latium", "Italy", 41.89, 12.48),
        ("Vienna", "Vienna", "Austria", 48.21, 16.37),
        ("New York City", "New York", "United States of America", 40.71, -74.01),
        ("Tokyo", "Tokyo", "Japan", 35.68, 139.69),
        ("Sydney", "New South Wales", "Australia", -33.87, 151.21),
    )
]
COLUMNS = (
    "id owner_id type visibility is_favorite original_key original_name checksum size_bytes taken_at local_taken "
    "file_modified_at uploaded_taken_at duration_ms width height thumbhash make model lens_model f_number focal_length iso "
    "exposure_time exif_width exif_height orientation date_time_original modify_date time_zone latitude longitude city state "
    "country description rating metadata_at previews_at transcode_checked_at created_at"
).split()

OFTEN = (0.11, 0.02, 0.02, 0.02, 0.02)  # on which share of all photos those are who are on the most
SELDOM = 1000
PEOPLE = """
    INSERT INTO person (id, owner_id, name, portrait_path)
    SELECT id, $1, CASE WHEN n % 5 < 2 THEN 'Person ' || n ELSE '' END, 'thumbs/bench/person.jpg'
      FROM unnest($2::uuid[]) WITH ORDINALITY AS new (id, n)
"""
_FACES = """
    INSERT INTO face (asset_id, owner_id, person_id, x1, y1, x2, y2, image_width, image_height, source_type, score, place,
                      looked_at)
    SELECT asset.id, asset.owner_id, {person}, 100 * side, 100, 100 * side + 80, 200, 1440, 1080, 'machine-learning', 0.9,
           face_place(asset.visibility, asset.status), now()
"""
# Every hundredth of their photos shows them twice.
FACES_OF_FREQUENT = (
    _FACES.format(person="often.id")
    + """
      FROM asset
      JOIN unnest($2::uuid[], $3::float8[]) WITH ORDINALITY AS often (id, share, n)
        ON (hashtextextended(asset.id::text, n) & 1048575) < share * 1048576
     CROSS JOIN LATERAL generate_series(n, CASE WHEN asset.size_bytes % 100 = 0 THEN n + 1 ELSE n END) AS side
     WHERE asset.owner_id = $1 AND asset.visibility <> 'hidden'
"""
)
NUMBERED = """
    CREATE TEMPORARY TABLE photo AS
    SELECT id, row_number() OVER (ORDER BY taken_at, id) AS number FROM asset WHERE visibility <> 'hidden'
"""
FACES_OF_RARE = (
    _FACES.format(person="rare.id")
    + """
      FROM unnest($2::uuid[]) WITH ORDINALITY AS rare (id, n)
     CROSS JOIN LATERAL generate_series(1, 10 + n * 37 % 491) AS i
     CROSS JOIN (SELECT max(number) AS photos FROM photo) AS every
      JOIN photo ON photo.number = 1 + (hashtextextended(n || '-' || i, 0) & 9007199254740991) % every.photos
      JOIN asset ON asset.id = photo.id
     CROSS JOIN LATERAL (SELECT 7 + i % 5) AS place (side)
     WHERE asset.owner_id = $1
"""
)
FACES_OF_NOBODY = (
    _FACES.format(person="NULL::uuid")
    + """
      FROM asset, (SELECT 12) AS place (side)
     WHERE asset.owner_id = $1 AND asset.visibility <> 'hidden'
     ORDER BY md5(asset.id::text) LIMIT (SELECT count(*) FROM asset) - (SELECT count(*) FROM face)
"""
)
FEATURES = """
    UPDATE person SET feature_face_id = face.id, portrait_face_id = face.id
      FROM (SELECT DISTINCT ON (person_id) person_id, id FROM face WHERE place = 't' ORDER BY person_id, id) AS face
     WHERE face.person_id = person.id AND person.owner_id = $1
"""


def asset(
    number: int, total: int, owner: UUID, rnd: random.Random, taken: datetime | None = None
) -> tuple[object, ...]:
    """One row in the order of `COLUMNS`; taken at its place among `total` photos unless a time is given."""
    if taken is None:
        span_s = MONTHS * 30.44 * 86400
        taken = FIRST + timedelta(seconds=span_s * number / total + rnd.random() * 60)
    offset_h = rnd.choice((0, 1, 2, 2, 2, -5, 9))
    is_video = rnd.random() < 0.08
    upright = rnd.random() < 0.35
    width, height = (3024, 4032) if upright else (4032, 3024)
    make, model, lens, _ = rnd.choices(CAMERAS, weights=[c[3] for c in CAMERAS])[0]
    placed = rnd.random() < 0.7
    place = CITIES[min(int(rnd.expovariate(1 / 14)), len(CITIES) - 1)] if placed else (None,) * 5
    draw = rnd.random()
    visibility = "timeline" if draw < 0.95 else "archive" if draw < 0.97 else "hidden"
    name = f"IMG_{number % 10000:04d}.{'MOV' if is_video else 'HEIC' if rnd.random() < 0.4 else 'JPG'}"
    if rnd.random() < 0.1:
        name = f"Screenshot {taken:%Y-%m-%d at %H.%M.%S}.png"
    id = UUID(bytes=hashlib.md5(f"{owner}{number}".encode(), usedforsecurity=False).digest(), version=4)
    return (
        id, owner, "VIDEO" if is_video else "IMAGE", visibility, rnd.random() < 0.03,
        f"upload/{owner}/{str(id)[:2]}/{str(id)[2:4]}/{id}.jpg", name, hashlib.sha1(id.bytes, usedforsecurity=False).digest(),
        rnd.randrange(800_000, 6_000_000), taken, (taken + timedelta(hours=offset_h)).replace(tzinfo=None), taken, taken,
        rnd.randrange(1000, 90_000) if is_video else None, width, height, rnd.randbytes(21), make, model, lens, 1.8, 6.8,
        rnd.choice((50, 64, 100, 200, 400, 800)), "1/120", width, height, "1", taken, taken, f"UTC+{offset_h}", place[3],
        place[4], place[0], place[1], place[2],
        f"A walk with friends, day {number // 400}" if rnd.random() < 0.05 else "",
        rnd.choice((1, 2, 3, 4, 5)) if rnd.random() < 0.1 else None, taken, taken, taken,
        taken + timedelta(days=1),
    )  # fmt: skip


async def seed(url: str, total: int) -> UUID:
    """Add the rows; the owner's id. The owner can sign in as `bench@example.com`."""
    connection = await asyncpg.connect(url)
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    owner: UUID = await connection.fetchval(
        """INSERT INTO users (email, name, is_admin, should_change_password, password_hash)
           VALUES ('bench@example.com', 'Bench', true, false, $1)
           ON CONFLICT (email) DO UPDATE SET name = 'Bench' RETURNING id""",
        hashed,
    )
    begun, rnd = time.perf_counter(), random.Random(1)
    for start in range(0, total, CHUNK):
        rows = [asset(n, total, owner, rnd) for n in range(start, min(start + CHUNK, total))]
        await copy(connection, rows)
        if start % 200_000 == 0:
            print(f"{start + len(rows):>9,} rows, {time.perf_counter() - begun:.0f} s", flush=True)
    await usual_month(connection, owner)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()
    return owner


async def copy(connection: asyncpg.Connection, rows: list[tuple[object, ...]]) -> None:
    """Add photos and their thumbnails."""
    await connection.copy_records_to_table("asset", records=rows, columns=COLUMNS)
    files = [(row[0], "thumbnail", f"thumbs/bench/{row[0]}_thumbnail.webp", 17000) for row in rows]
    await connection.copy_records_to_table(
        "asset_file", records=files, columns=["asset_id", "type", "path", "size_bytes"]
    )


async def usual_month(connection: asyncpg.Connection, owner: UUID) -> None:
    """Add the month of the usual size, unless it is there. In a large library every other month has ten times as many."""
    if await connection.fetchval(
        "SELECT true FROM asset WHERE owner_id = $1 AND taken_at < $2 LIMIT 1", owner, FIRST - timedelta(days=365)
    ):
        return
    rnd = random.Random(2)
    step = timedelta(days=28) / USUAL_PHOTOS
    await copy(
        connection, [asset(10**8 + n, 0, owner, rnd, USUAL + timedelta(days=1) + n * step) for n in range(USUAL_PHOTOS)]
    )


def person_id(number: int) -> UUID:
    """Somebody; those who are on many photos come first."""
    return UUID(bytes=hashlib.md5(f"person {number}".encode(), usedforsecurity=False).digest(), version=4)


async def seed_people(url: str) -> None:
    """Put people on the photos, unless some are there."""
    connection = await asyncpg.connect(url)
    owner = await connection.fetchval("SELECT id FROM users WHERE email = 'bench@example.com'")
    if await connection.fetchval("SELECT NOT EXISTS (SELECT FROM person WHERE owner_id = $1)", owner):
        ids = [person_id(n) for n in range(len(OFTEN) + SELDOM)]
        await connection.execute(PEOPLE, owner, ids)
        await connection.execute(FACES_OF_FREQUENT, owner, ids[: len(OFTEN)], OFTEN)
        await connection.execute(NUMBERED)
        await connection.execute(FACES_OF_RARE, owner, ids[len(OFTEN) :])
        await connection.execute(FACES_OF_NOBODY, owner)
        await connection.execute(FEATURES, owner)
        await connection.execute("VACUUM ANALYZE")
    await connection.close()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("url")
    arguments.add_argument("--assets", type=int, default=100_000)
    arguments.add_argument("--people", action="store_true", help="put people on the photos")
    given = arguments.parse_args()
    print("owner", asyncio.run(seed(given.url, given.assets)))
    if given.people:
        asyncio.run(seed_people(given.url))
