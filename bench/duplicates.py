"""Which edits are found, which pairs are wrong, and what looking for candidates costs.

    .venv/bin/python bench/duplicates.py                      edits of generated photos, and of none other
    .venv/bin/python bench/duplicates.py --photos FOLDER      of real ones beside them
    .venv/bin/python bench/duplicates.py --assets 1000000     candidate search in a made-up library of that size

Found without a model means that the hash led to the copy and its pixels proved it; with one, that the model did.
"""

import argparse
import asyncio
import itertools
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import numpy as np
from PIL import Image, ImageOps

sys.path.insert(0, str(Path(__file__).parent.parent))

from calotype.core.ids import AssetId
from calotype.duplicates.find import HASH_BITS
from calotype.duplicates.likeness import TURNED_BITS, TURNS, differing_bits, judge, near_quarter, quarters, turned_hash
from calotype.duplicates.subject import Subject
from calotype.outside.likeness import hash_of, pixels_hash, tiny
from tests.drawn import SCENES, scene_picture
from tests.duplicates.pictures import EDITS, SAME, photo

NEAR, PREVIEW = 0.01, 1440


def subject(picture: Image.Image) -> Subject:
    pixels = np.asarray(picture.convert("RGB"))
    height, width = pixels.shape[:2]
    copy = tiny(pixels)
    hashed = pixels_hash(pixels, width_px=width, height_px=height, icc=None)
    return Subject(
        AssetId(uuid4()), "IMAGE", uuid4().bytes, hashed, hash_of(copy), (copy,), None, width, height, None, None,
        SimpleNamespace(),  # type: ignore[arg-type]  # no camera, so that no clock is read
    )  # fmt: skip


def photos_of(folder: Path) -> Iterator[Image.Image]:
    for path in sorted(folder.rglob("*")):
        try:
            with Image.open(path) as opened:
                picture = ImageOps.exif_transpose(opened).convert("RGB")
        except (OSError, ValueError):
            continue
        picture.thumbnail((PREVIEW, PREVIEW))
        yield picture


def is_led_to(one: Subject, other: Subject) -> bool:
    """Whether the quarters of the hash lead from one to the other, as in `find`."""
    if one.hash is None or other.hash is None:
        return False
    near = any(
        theirs in near_quarter(own) for own, theirs in zip(quarters(one.hash), quarters(other.hash), strict=True)
    )
    if near and differing_bits(one.hash, other.hash) <= HASH_BITS:
        return True
    for turn in TURNS[1:]:
        turned = turned_hash(one.hash, turn)
        same = any(a == b for a, b in zip(quarters(turned), quarters(other.hash), strict=True))
        if same and differing_bits(turned, other.hash) <= TURNED_BITS:
            return True
    return False


def edits(pictures: list[Image.Image]) -> None:
    every: dict[str, Callable[[Image.Image], Image.Image]] = {**SAME, **EDITS}
    print(f"{'':24}{'bits':>12}{'led to':>10}{'no model':>10}{'model':>10}   of {len(pictures)}")
    originals = [subject(picture) for picture in pictures]
    for name, edit in every.items():
        bits: list[int] = []
        led = alone = together = 0
        for picture, one in zip(pictures, originals, strict=True):
            other = subject(edit(picture))
            bits.append(differing_bits(one.hash or 0, other.hash or 0))
            is_led = is_led_to(one, other)
            led += is_led
            alone += is_led and judge(one, other, distance=None, most_distance=NEAR) is not None
            together += judge(one, other, distance=0.05, most_distance=NEAR) is not None
        middle = f"{sorted(bits)[len(bits) // 2]} ({min(bits)}-{max(bits)})"
        print(f"{name:24}{middle:>12}{led:>10}{alone:>10}{together:>10}")


def false_pairs(pictures: list[Image.Image], what: str) -> None:
    subjects = [subject(picture) for picture in pictures]
    pairs = list(itertools.combinations(subjects, 2))
    begun = time.process_time()
    wrong = sum(
        is_led_to(one, other) and judge(one, other, distance=None, most_distance=NEAR) is not None
        for one, other in pairs
    )
    asked = random.Random(1).sample(pairs, min(300, len(pairs)))
    begun = time.process_time()
    unsure = sum(judge(one, other, distance=0.1, most_distance=NEAR) is not None for one, other in asked)
    each_ms = (time.process_time() - begun) / len(asked) * 1000
    nearest = min(differing_bits(one.hash or 0, other.hash or 0) for one, other in pairs)
    print(f"{what}: {wrong} wrong of {len(pairs)} pairs without a model; {unsure} of {len(asked)} that a model finds")
    print(
        f"  nearly alike (0.1); nearest hashes {nearest} bits apart; {each_ms:.1f} ms CPU a verdict with all searches"
    )


def making() -> None:
    pixels = np.asarray(photo(1, 1920, 1440))
    small = np.asarray(photo(1, 333, 250))
    for what, work in {
        "tiny copy and hash": lambda: hash_of(tiny(small)),
        "hash of 1920×1440 pixels": lambda: pixels_hash(pixels, width_px=4032, height_px=3024, icc=None),
    }.items():
        work()
        begun = time.process_time()
        for _ in range(50):
            work()
        print(f"{what}: {(time.process_time() - begun) / 50 * 1000:.2f} ms CPU")


async def search(assets: int) -> None:
    """Time of the one statement that finds candidates by hash, in a library of random hashes and their near copies."""
    import asyncpg

    from calotype.core.tx import QuickLook
    from calotype.duplicates import store
    from calotype.duplicates.find import MOST
    from calotype.outside import migrate
    from calotype.outside.embedded import Postgres, postgres_url
    from calotype.outside.postgres import connect

    folder = Path(tempfile.mkdtemp(prefix="calotype-bench-"))
    folder.chmod(0o755)  # noqa: ASYNC240 — nobody else waits here
    server = Postgres(folder / "postgres", folder / "run", settings=("fsync = off", "synchronous_commit = off"))
    server.prepare()
    server.start()
    server.wait()
    try:
        url = postgres_url(server.sockets, "postgres")
        await migrate.migrate(url)
        connection = await asyncpg.connect(url)
        owner = uuid4()
        # Only this table matters here: its rows need no assets.
        await connection.execute("ALTER TABLE likeness DROP CONSTRAINT likeness_asset_id_fkey")
        await connection.execute("ALTER TABLE likeness DISABLE TRIGGER USER")
        numbers = np.random.default_rng(1)
        blank = bytes(608)
        for start in range(0, assets, 50_000):
            count = min(50_000, assets - start)
            hashes = numbers.integers(-(2**63), 2**63 - 1, count)
            # Photos are not evenly spread: every tenth has one of 1000 common coarse shapes.
            hashes[::10] = (hashes[::10] & 0xFFFF) | (numbers.integers(0, 1000, len(hashes[::10])) << 20)
            rows = [(uuid4(), owner, uuid4().bytes, int(hash), [blank]) for hash in hashes]
            columns = ["asset_id", "owner_id", "pixels", "hash", "tinies"]
            await connection.copy_records_to_table("likeness", records=rows, columns=columns)
        await connection.execute("VACUUM ANALYZE likeness")
        sizes = await connection.fetchrow(
            "SELECT pg_table_size('likeness') AS rows, pg_indexes_size('likeness') AS indexes"
        )
        some = await connection.fetch("SELECT asset_id, hash FROM likeness LIMIT 200")
        await connection.close()
        pool = await connect(url, size=1)
        look = QuickLook(pool)
        begun, times = resource.getrusage(resource.RUSAGE_SELF), []
        found = 0
        for row in some:
            hash = row["hash"]
            turned = [turned_hash(hash, turn) for turn in TURNS[1:]]
            places = [near_quarter(quarter) for quarter in quarters(hash)]
            asked = SimpleNamespace(id=row["asset_id"], hash=hash)
            start = time.perf_counter()
            found += len(
                await store.near_hashes(
                    look, owner, asked, quarters=places, turned=turned, most_bits=HASH_BITS,  # type: ignore[arg-type]
                    most_turned_bits=TURNED_BITS, most=MOST,
                )
            )  # fmt: skip
            times.append((time.perf_counter() - start) * 1000)
        used = resource.getrusage(resource.RUSAGE_SELF).ru_utime - begun.ru_utime
        await look.close()
        await pool.close()
        times.sort()
        print(f"{assets} assets: {sizes['rows'] >> 20} MiB of rows, {sizes['indexes'] >> 20} MiB of indexes")
        print(
            f"  candidates by hash: median {times[100]:.1f} ms, p95 {times[190]:.1f} ms, {found / 200:.1f} found each;"
        )
        print(f"  {used / 200 * 1000:.1f} ms CPU of the asking process")
    finally:
        server.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--assets", type=int)
    chosen = parser.parse_args()
    if chosen.assets:
        asyncio.run(search(chosen.assets))
        raise SystemExit
    making()
    generated = [photo(seed) for seed in range(20)]
    edits(generated)
    false_pairs(generated + [photo(seed) for seed in range(20, 40)], "generated")
    false_pairs([scene_picture(scene, seed=seed) for scene in SCENES for seed in range(4)], "drawn scenes of 8 kinds")
    if chosen.photos:
        real = list(photos_of(chosen.photos))
        edits(real)
        false_pairs(real, "real photos")
