"""How much of what is near a search by meaning finds, and how long it takes: `python bench/vectors.py --assets 100000`.

Starts a Postgres of its own, fills it by COPY with made-up photos of three owners (all, a third and a thirtieth of the
size) and vectors that lie in clusters of clusters, as pictures do, and asks the way the server does. What is found is
compared with comparing every vector. `--no-index` leaves the owners' indexes out. `--keep FOLDER` leaves the filled
database there; `--again FOLDER` asks it once more without filling it: half an hour less for a million. `--shared-buffers
128MB` asks with the memory that Calotype's own Postgres has.
"""

import argparse
import asyncio
import os
import random
import shutil
import tempfile
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import asyncpg
import numpy as np
from seed import COLUMNS
from seed import asset as made_up

from calotype.core.clock import Clock
from calotype.core.config import Config
from calotype.core.world import World
from calotype.outside import migrate
from calotype.outside.embedded import Postgres
from calotype.outside.postgres import connect
from calotype.search import embedding_store, store, vectors
from calotype.search.query import Condition, Filters, Reach

NUMBERS = 512
LATENT = 40  # how many independent directions the vectors really have
CHUNK = 20_000
WANTED = 100
MEMORY = ("max_wal_size = '8GB'", "work_mem = '64MB'", "synchronous_commit = off")


class Cloud:
    """Points in clusters of clusters; the same seed gives the same ones."""

    def __init__(self, size: int, seed: int = 7) -> None:
        self._rng = np.random.default_rng(seed)
        themes = self._rng.normal(size=(120, LATENT))
        scenes = max(400, size // 60)
        self._scenes = themes[self._rng.integers(0, len(themes), scenes)] + 0.6 * self._rng.normal(
            size=(scenes, LATENT)
        )
        self._out = self._rng.normal(size=(LATENT, NUMBERS)) / LATENT**0.5

    def points(self, count: int) -> np.ndarray:
        """(count, 512) float32, of length one. Neighbours in the list are often of one scene, as photos of a day are."""
        scene = np.repeat(self._rng.integers(0, len(self._scenes), count // 12 + 1), 12)[:count]
        latent = self._scenes[scene] + 0.35 * self._rng.normal(size=(count, LATENT))
        points = latent @ self._out + 0.05 * self._rng.normal(size=(count, NUMBERS))
        return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)

    def question(self, seed: int) -> np.ndarray:
        """A point of the cloud that is no photo; the same for the same seed."""
        self._rng = np.random.default_rng(seed)
        return self.points(1)[0]


def text_of(point: np.ndarray) -> str:
    return "[" + ",".join(f"{number:.5f}" for number in point) + "]"


async def fill(connection: Any, owner: UUID, model: int, count: int, cloud: Cloud, rnd: random.Random) -> None:
    await connection.execute(
        "CREATE TEMP TABLE IF NOT EXISTS incoming (asset_id uuid, model_id smallint, owner_id uuid, vector text)"
    )
    for start in range(0, count, CHUNK):
        rows = [made_up(n, count, owner, rnd) for n in range(start, min(start + CHUNK, count))]
        await connection.copy_records_to_table("asset", records=rows, columns=COLUMNS)
        points = cloud.points(len(rows))
        told = [(row[0], model, owner, text_of(point)) for row, point in zip(rows, points, strict=True)]
        await connection.copy_records_to_table("incoming", records=told)
        await connection.execute(
            "INSERT INTO embedding SELECT asset_id, model_id, owner_id, vector::halfvec FROM incoming"
        )
        await connection.execute("TRUNCATE incoming")
        if start % 100_000 == 0:
            print(f"{start + len(rows):>9,} photos", flush=True)


@dataclass(frozen=True)
class Kind:
    """A class of searches."""

    name: str
    owner: UUID
    conditions: Callable[[random.Random], tuple[Condition, ...]]
    partners: tuple[UUID, ...] = ()


def _days(days: int) -> Callable[[random.Random], tuple[Condition, ...]]:
    def drawn(rnd: random.Random) -> tuple[Condition, ...]:
        start = datetime(2023, 6, 1, tzinfo=UTC).timestamp() + rnd.random() * 3600 * 24 * 1000
        after, before = (datetime.fromtimestamp(start + 86400 * n, UTC) for n in (0, days))
        return Condition("takenAt", "gte", after), Condition("takenAt", "lte", before)

    return drawn


def _city(rnd: random.Random) -> tuple[Condition, ...]:
    return (Condition("city", "eq", rnd.choice(("Lisbon", "Berlin", "Paris", "Rome"))),)


def kinds(all_of: UUID, third: UUID, thirtieth: UUID, person: UUID) -> list[Kind]:
    nothing: Callable[[random.Random], tuple[Condition, ...]] = lambda _: ()  # noqa: E731
    return [
        Kind("no filter", all_of, nothing),
        Kind("owner with 34 %", third, nothing),
        Kind("owner with 3.4 %", thirtieth, nothing),
        Kind("all three owners", all_of, nothing, (third, thirtieth)),
        Kind("a year", all_of, _days(365)),
        Kind("90 days", all_of, _days(90)),
        Kind("90 days, owner with 34 %", third, _days(90)),
        Kind("a week", all_of, _days(7)),
        Kind("a city", all_of, _city),
        Kind("a country", all_of, lambda _: (Condition("country", "eq", "Italy"),)),
        Kind("a camera make", all_of, lambda _: (Condition("make", "eq", "Apple"),)),
        Kind("a rare make", all_of, lambda _: (Condition("make", "eq", "NIKON CORPORATION"),)),
        Kind("a person", all_of, lambda _: (Condition("personIds", "all", [person]),)),
        Kind("a city in a year", all_of, lambda rnd: (*_city(rnd), *_days(365)(rnd))),
    ]


async def add_person(connection: Any, owner: UUID) -> UUID:
    """Somebody who is in every fiftieth photo."""
    person = await connection.fetchval("INSERT INTO person (owner_id, name) VALUES ($1, 'Ada') RETURNING id", owner)
    await connection.execute(
        """INSERT INTO face (asset_id, owner_id, person_id, x1, y1, x2, y2, image_width, image_height, source_type, place)
           SELECT id, owner_id, $2, 1, 1, 50, 50, 100, 100, 'machine-learning', face_place(visibility, status)
             FROM asset WHERE owner_id = $1 AND get_byte(uuid_send(id), 0) < 5""",
        owner,
        person,
    )
    return person


def cpu_s(root: int) -> float:
    """What a process and its children have used."""
    total, tick = 0, os.sysconf("SC_CLK_TCK")
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(folder.name) == root or int(fields[1]) == root:
                total += int(fields[11]) + int(fields[12])
    return total / tick


ROW = np.dtype(  # of a binary COPY of (uuid, halfvec); numbers come with the high byte first
    [
        *[("fields", ">i2"), ("id_bytes", ">i4"), ("id", "V16")],
        *[("bytes", ">i4"), ("size", ">i2"), ("unused", ">i2"), ("vector", ">f2", NUMBERS)],
    ]
)
HEADER_BYTES, TRAILER_BYTES = 19, 2


class Truth:
    """Every vector, read once, and compared here: what Postgres should have found."""

    def __init__(self, path: Path) -> None:
        rows = (path.stat().st_size - HEADER_BYTES - TRAILER_BYTES) // ROW.itemsize
        self._rows = np.memmap(path, ROW, mode="r", offset=HEADER_BYTES, shape=(rows,))
        self._places = {bytes(id): place for place, id in enumerate(self._rows["id"])}

    @staticmethod
    async def read(connection: Any, folder: Path) -> "Truth":
        path = folder / "vectors.copy"
        if not path.exists():
            await connection.copy_from_query(
                "SELECT asset_id, vector FROM embedding", output=path, format="binary", timeout=3600
            )
        return Truth(path)

    def nearest(self, questions: list[np.ndarray], candidates: list[list[UUID]]) -> list[set[UUID]]:
        found = []
        for question, ids in zip(questions, candidates, strict=True):
            places = np.array(sorted(place for id in ids if (place := self._places.get(id.bytes)) is not None))
            asked = question.astype(np.float16).astype(np.float32)
            alike = np.empty(len(places), np.float32)
            for start in range(0, len(places), CHUNK):
                vectors = self._rows["vector"][places[start : start + CHUNK]].astype(np.float32)
                alike[start : start + CHUNK] = vectors @ asked / np.linalg.norm(vectors, axis=1)
            best = np.argsort(-alike, kind="stable")[:WANTED]
            found.append({UUID(bytes=bytes(self._rows["id"][places[each]])) for each in best})
        return found


async def measure(world: World, truth: Truth, kind: Kind, cloud: Cloud, questions: int, root: int) -> dict[str, Any]:
    model = await _used(world)
    rnd = random.Random(3)
    reach = Reach(cast("Any", kind.owner), cast("Any", kind.partners))
    points = [cloud.question(zlib.crc32(f"{kind.name} {n}".encode())) for n in range(questions)]
    asked = [(text_of(point), Filters(kind.conditions(rnd))) for point in points]
    candidates: list[list[UUID]] = []
    kept: dict[str, list[UUID]] = {}
    for _, filters in asked:
        if str(filters) not in kept:
            kept[str(filters)] = await _ids(world, filters, reach, [kind.owner, *kind.partners])
        candidates.append(kept[str(filters)])
    right_ones = truth.nearest(points, candidates)
    took, recall = [], []
    for question, filters in asked[:3]:  # warm
        await vectors.near(world, model, question, filters, reach, media_root="/", size=WANTED)
    before = cpu_s(root)
    for (question, filters), right in zip(asked, right_ones, strict=True):
        begun = time.perf_counter()
        found = await vectors.near(world, model, question, filters, reach, media_root="/", size=WANTED)
        took.append((time.perf_counter() - begun) * 1000)
        recall.append(len({each.id for each in found} & right) / max(1, len(right)))
    used = (cpu_s(root) - before) * 1000 / questions
    p50, p95 = np.percentile(took, [50, 95])
    return {
        "searches": kind.name,
        "candidates": int(np.median([len(ids) for ids in candidates])),
        "recall": float(np.mean(recall)),
        "worst": float(np.min(recall)),
        "p50": float(p50),
        "p95": float(p95),
        "cpu": used,
    }


async def _ids(world: World, filters: Filters, reach: Reach, owners: list[UUID]) -> list[UUID]:
    where = store.conditions(filters, reach, "/")
    statement = where.into("SELECT asset.id FROM asset WHERE asset.owner_id = ANY(:owners::uuid[]) AND {where}")
    async with world.glancing() as look:
        return [row["id"] for row in await look.all(statement, **where.arguments | {"owners": owners})]


async def _used(world: World) -> embedding_store.Model:
    async with world.glancing() as look:
        model = await embedding_store.used(look)
    assert model
    return model


async def fill_all(given: argparse.Namespace, postgres: Postgres) -> None:
    await migrate.migrate(postgres.url)
    connection = await asyncpg.connect(postgres.url)
    cloud, rnd = Cloud(given.assets), random.Random(1)
    model = await connection.fetchval(
        "INSERT INTO embedding_model (name, dimensions, state) VALUES ('bench', 512, 'used') RETURNING id"
    )
    owners = [uuid4() for _ in range(3)]
    sizes = [given.assets, int(given.assets * 0.34), int(given.assets * 0.034)]
    for owner, size in zip(owners, sizes, strict=True):
        await connection.execute("INSERT INTO users (id, email, name) VALUES ($1, $2, 'x')", owner, str(owner))
        await fill(connection, owner, model, size, cloud, rnd)
    await add_person(connection, owners[0])
    await connection.execute("VACUUM ANALYZE asset, embedding, face")
    await connection.close()


async def run(given: argparse.Namespace, postgres: Postgres) -> None:
    if not given.again:
        await fill_all(given, postgres)
    connection = await asyncpg.connect(postgres.url)
    owned = await connection.fetch("SELECT owner_id, count(*) AS size FROM asset GROUP BY 1 ORDER BY 2 DESC")
    owners = [row["owner_id"] for row in owned]
    person = await connection.fetchval("SELECT id FROM person WHERE name = 'Ada'")
    cloud = Cloud(owned[0]["size"])
    pool = await connect(postgres.url, size=3)
    truth = await Truth.read(connection, postgres.folder.parent)
    nothing = cast("Any", None)
    world = World(Config(), pool, nothing, nothing, nothing, nothing, nothing, Clock(), nothing)
    assert postgres.process
    root = postgres.process.pid
    if not given.no_index:
        before, begun = cpu_s(root), time.perf_counter()
        await vectors.tidy(world)
        print(f"indexes: {time.perf_counter() - begun:.0f} s, {cpu_s(root) - before:.0f} CPU-s")
    rows = await connection.fetch(
        "SELECT relname, pg_relation_size(oid) / 1e6 AS mb FROM pg_class WHERE relname LIKE 'embedding%' ORDER BY 2 DESC"
    )
    print(", ".join(f"{row['relname'][:18]} {row['mb']:.0f} MB" for row in rows))
    # Warm: what is read for the first time after a start says how fast the disk is.
    await connection.execute("CREATE EXTENSION IF NOT EXISTS pg_prewarm")
    await connection.execute(
        "SELECT pg_prewarm(oid::regclass) FROM pg_class WHERE relname LIKE 'embedding%' AND relkind IN ('r', 'i')"
    )
    print(
        "\n| searches | candidates | recall@100 | worst | p50 ms | p95 ms | CPU ms of Postgres |\n|---|---|---|---|---|---|---|"
    )
    for kind in kinds(owners[0], owners[1], owners[2], person):
        if given.only and not any(word in kind.name for word in given.only):
            continue
        found = await measure(world, truth, kind, cloud, given.questions, root)
        print(
            f"| {found['searches']} | {found['candidates']:,} | {found['recall']:.3f} | {found['worst']:.2f} "
            f"| {found['p50']:.0f} | {found['p95']:.0f} | {found['cpu']:.0f} |",
            flush=True,
        )
    await connection.close()
    await pool.close()


def main() -> None:
    """Fill, build, ask, print the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--assets", type=int, default=100_000)
    arguments.add_argument("--questions", type=int, default=40)
    arguments.add_argument("--no-index", action="store_true")
    arguments.add_argument("--keep", type=Path, help="a new folder for the database, which stays there")
    arguments.add_argument("--again", type=Path, help="the folder of an earlier --keep")
    arguments.add_argument("--only", action="append", help="a word of the searches to ask; may be given several times")
    arguments.add_argument("--shared-buffers", default="2GB")
    given = arguments.parse_args()
    kept = given.again or given.keep
    folder = kept or Path(tempfile.mkdtemp(prefix="calotype-vectors-"))
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    settings = (*MEMORY, f"shared_buffers = '{given.shared_buffers}'")
    postgres = Postgres(folder / "postgres", folder / "run", settings=settings)
    try:
        postgres.prepare()
        postgres.start()
        postgres.wait()
        asyncio.run(run(given, postgres))
    finally:
        postgres.stop()
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
