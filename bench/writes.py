"""What a photo's rows cost Postgres: `python bench/writes.py URL [URL …] --photos 1000 [--faces 2]`.

Runs the statements of a photo's life (upload, facts, previews and, where people are, faces that are somebody; transcoding
aside) against databases that `seed.py` filled, a unit of work each, and reads the CPU of the whole Postgres and the bytes of
its log. Several URLs are measured in turns, round after round, so that what else the machine does meets them alike. The rows
are removed afterwards.
"""

import argparse
import asyncio
import hashlib
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from measure import cpu_s, table, tree

from calotype.accounts import usage
from calotype.assets import facts_store, store
from calotype.core.ids import AssetId, UserId
from calotype.core.tx import Tx
from calotype.media import store as media
from calotype.outside.postgres import PgPool, connect
from calotype.people import cluster_store
from calotype.people import store as faces_store
from calotype.people.person import Box

OWNER = "INSERT INTO users (email, name) VALUES ('bench@example.com', 'Bench') ON CONFLICT (email) DO NOTHING"


def facts(rnd: random.Random, taken: datetime) -> dict[str, Any]:
    """What a telephone writes into a picture."""
    return {
        "make": "Apple", "model": "iPhone 15 Pro", "lens_model": "iPhone 15 Pro back triple camera 6.765mm f/1.78",
        "f_number": 1.78, "focal_length": 6.765, "iso": rnd.choice((50, 80, 200)), "exposure_time": "1/120",
        "exif_width": 4032, "exif_height": 3024, "width": 4032, "height": 3024, "orientation": "1", "taken_at": taken,
        "local_taken": taken.replace(tzinfo=None), "time_zone": "UTC+2", "latitude": 38.7 + rnd.random(),
        "longitude": -9.1 + rnd.random(), "city": "Lisbon", "state": "Lisbon", "country": "Portugal", "description": "",
        "rating": None, "projection_type": None, "profile_description": None, "colorspace": "sRGB", "bits_per_sample": 8,
        "fps": None, "live_photo_cid": None, "auto_stack_id": None, "video": None, "duration_ms": None,
    }  # fmt: skip


async def photo(pool: PgPool, owner: UserId, number: int, rnd: random.Random, people: list[UUID]) -> AssetId:
    """The units of work of one photo, as uploading, reading and showing it and finding these people would write them."""
    id = AssetId(uuid4())
    key = f"upload/{owner}/{str(id)[:2]}/{str(id)[2:4]}/{id}.jpg"
    taken = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number, seconds=rnd.random())
    digest = hashlib.sha1(id.bytes, usedforsecurity=False).digest()
    row = store.NewRow(
        id=id, owner_id=owner, kind="IMAGE", visibility="timeline", is_favorite=False, original_key=key,
        original_name=f"IMG_{number % 10000:04d}.HEIC", sidecar_key=None, checksum=digest, proof=digest + digest[:12],
        size_bytes=rnd.randrange(800_000, 6_000_000), taken_at=taken, local_taken=taken.replace(tzinfo=None),
        file_modified_at=taken, duration_ms=None, live_video_id=None,
    )  # fmt: skip
    await _unit(pool, lambda tx: _upload(tx, row))
    await _unit(pool, lambda tx: _facts(tx, id, facts(rnd, taken)))
    await _unit(pool, lambda tx: _previews(tx, id, rnd.randbytes(21)))
    if people:
        faces = [
            faces_store.NewFace(uuid4(), Box(n * 90, 0, n * 90 + 80, 80, 1440, 1080), "machine-learning", score=0.9)
            for n in range(len(people))
        ]
        await _unit(pool, lambda tx: _faces(tx, id, owner, faces))
        await _unit(pool, lambda tx: _who(tx, faces, people))
    return id


async def _unit(pool: PgPool, work: Callable[[Tx], Awaitable[None]]) -> None:
    tx = Tx(pool)
    await work(tx)
    await tx.commit()


async def _upload(tx: Tx, row: store.NewRow) -> None:
    await store.before_upload(tx, row.owner_id, row.checksum, None)
    await store.insert(tx, row)
    await usage.claim(tx, row.owner_id, row.size_bytes)


async def _facts(tx: Tx, id: AssetId, found: dict[str, Any]) -> None:
    await facts_store.to_process(tx, id)
    await facts_store.save_facts(tx, id, now=datetime.now(UTC), sidecar_key=None, **found)
    await media.solve(tx, id, "metadata")


async def _previews(tx: Tx, id: AssetId, thumbhash: bytes) -> None:
    await facts_store.to_process(tx, id)
    await facts_store.save_previews(tx, id, thumbhash=thumbhash, width=4032, height=3024, now=datetime.now(UTC))
    await media.forget_files(tx, id, ("thumbnail", "preview", "fullsize"))
    made = [media.MadeFile(kind, f"thumbs/{id}_{kind}.webp", 17_000) for kind in ("thumbnail", "preview")]
    await media.save_files(tx, id, made)
    await media.solve(tx, id, "previews")


async def _faces(tx: Tx, id: AssetId, owner: UserId, faces: list[faces_store.NewFace]) -> None:
    asset = await faces_store.hold_asset(tx, id)
    assert asset is not None  # it was made just now
    await faces_store.add(tx, id, owner, asset["place"], faces)
    await faces_store.stamp(tx, id, "bench")


async def _who(tx: Tx, faces: list[faces_store.NewFace], people: list[UUID]) -> None:
    placed = cluster_store.Placed([face.id for face in faces], [*people], [None] * len(faces))
    await cluster_store.place(tx, placed, datetime.now(UTC))


class Database:
    """One that is measured: rounds of CPU milliseconds, log kilobytes and seconds a photo."""

    def __init__(self, url: str, pool: PgPool, ask: "asyncpg.Connection[asyncpg.Record]", postmaster: int) -> None:
        self.url, self.pool, self.ask, self.postmaster = url, pool, ask, postmaster
        self.cpu_ms: list[float] = []
        self.log_kib: list[float] = []
        self.photos_per_s: list[float] = []
        self.made: list[AssetId] = []

    async def round(self, photos: int, number: int, faces: int) -> None:
        """That many photos, one after the other, with so many faces each."""
        owner = UserId(UUID(str(await self.ask.fetchval("SELECT id FROM users WHERE email = 'bench@example.com'"))))
        rnd = random.Random(number)
        people = [
            row["id"] for row in await self.ask.fetch("SELECT id FROM person WHERE owner_id = $1 ORDER BY id", owner)
        ]
        before, at = cpu_s(tree(self.postmaster)), await self.ask.fetchval("SELECT pg_current_wal_insert_lsn()")
        begun = time.perf_counter()
        for each in range(photos):
            self.made.append(await photo(self.pool, owner, number * photos + each, rnd, rnd.sample(people, faces)))
        took_s = time.perf_counter() - begun
        # A checkpoint belongs to the price: pages that were changed must be written.
        written = await self.ask.fetchval("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), $1)", at)
        self.cpu_ms.append((cpu_s(tree(self.postmaster)) - before) * 1000 / photos)
        self.log_kib.append(float(written) / 1024 / photos)
        self.photos_per_s.append(photos / took_s)

    def line(self) -> dict[str, Any]:
        """Medians over the rounds."""
        middle = statistics.median
        return {
            "database": self.url,
            "Postgres CPU ms a photo": middle(self.cpu_ms),
            "least": min(self.cpu_ms),
            "most": max(self.cpu_ms),
            "log KiB a photo": middle(self.log_kib),
            "photos/s": middle(self.photos_per_s),
        }


async def opened(url: str) -> Database:
    """A connection that survives its statements being prepared, and the process everything of this Postgres hangs from."""
    pool = await connect(url, size=1)
    ask: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(url)
    await ask.execute(OWNER)
    folder = await ask.fetchval("SELECT current_setting('data_directory')")
    return Database(url, pool, ask, _postmaster(Path(folder)))


def _postmaster(folder: Path) -> int:
    return int((folder / "postmaster.pid").read_text().split()[0])


async def measure(urls: list[str], photos: int, rounds: int, *, faces: int, checkpoint: bool) -> list[dict[str, Any]]:
    """Rounds in turns over the databases; the first, unmeasured one warms caches and plans."""
    databases = [await opened(url) for url in urls]
    for number in range(rounds + 1):
        for database in databases:
            if checkpoint:  # so that each round's log carries the first pages after one, as a long import's does
                await database.ask.execute("CHECKPOINT")
            await database.round(photos, number, faces)
            if number == 0:
                database.cpu_ms, database.log_kib, database.photos_per_s = [], [], []
    for database in databases:
        await database.ask.execute("DELETE FROM asset WHERE id = ANY($1)", database.made)
        await database.pool.close()
        await database.ask.close()
    return [database.line() for database in databases]


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("urls", nargs="+")
    arguments.add_argument("--photos", type=int, default=500)
    arguments.add_argument(
        "--faces", type=int, default=0, help="on each photo; the people must be there (seed.py --people)"
    )
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--checkpoint", action="store_true", help="begin every round with a checkpoint")
    given = arguments.parse_args()
    rows = measure(given.urls, given.photos, given.rounds, faces=given.faces, checkpoint=given.checkpoint)
    print(table(asyncio.run(rows)))
