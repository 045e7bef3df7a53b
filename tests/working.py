"""Fixtures of a house in which things follow from each other: uploads are read, shown, written back. And media to do
it with.
"""

import asyncio
import io
import itertools
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest
from PIL import Image

from calotype.api import app
from calotype.media import geocode
from calotype.outside import decoders
from calotype.outside.decoders import Decoders
from calotype.outside.postgres import connect
from calotype.work import worker
from tests.world import House, Person, built_house

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
async def work_pool(postgres_url_of) -> AsyncIterator[Any]:
    pool = await connect(await postgres_url_of("work"), size=8)
    yield pool
    await pool.close()


@pytest.fixture(scope="session")
def worker_application() -> app.Application:
    worker.load_jobs()
    return app.Application()


@pytest.fixture(scope="session")
async def children() -> AsyncIterator[Decoders]:
    """Decoder children for every test: starting one takes half a second."""
    pool = Decoders(count=2, memory_mib=1536, timeout_s=60, max_pixels=20_000_000, idle_s=600)
    yield pool
    await pool.close()


@pytest.fixture(scope="session")
def gazetteer(request: pytest.FixtureRequest) -> geocode.Places:
    """Made once and kept in pytest's cache: it takes ten seconds."""
    assert request.config.cache
    return geocode.places(Path(request.config.cache.mkdir("places")))


@pytest.fixture
async def house(work_pool, worker_application, children, gazetteer, tmp_path: Path) -> AsyncIterator[House]:
    connection = await work_pool.acquire()
    await connection.execute("TRUNCATE users, setting, embedding_model, leftover CASCADE")
    await work_pool.release(connection)
    async with built_house(work_pool, worker_application, tmp_path, works=True) as house:
        decoders._pools.setdefault(asyncio.get_running_loop(), {})[house.world.config] = children
        geocode._open[tmp_path] = gazetteer
        yield house


@pytest.fixture
async def ada(house: House) -> Person:
    return await house.person()


def picture(width: int = 320, height: int = 200, format: str = "JPEG", **options: Any) -> bytes:
    """A picture nobody has sent before. `options` are Pillow's."""
    made = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    made.paste(Image.frombytes("RGB", (16, 16), os.urandom(768)))
    body = io.BytesIO()
    made.save(body, format, **options)
    return body.getvalue()


def dated(when: str = "2021:07:08 09:10:11", **tags: Any) -> Image.Exif:
    """EXIF with a date and an offset of two hours."""
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    photo = exif.get_ifd(0x8769)
    photo[0x9003] = when
    photo[0x9011] = "+02:00"
    return exif


def film(folder: Path, name: str = "film.mp4", *arguments: str, codec: str = "libx264", seconds: float = 1) -> bytes:
    """A short video with a date, unlike any other. `arguments` are ffmpeg's, for the output."""
    path = folder / f"{next(_numbers)}-{name}"
    source = f"testsrc=size=64x48:rate=10:duration={seconds}"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", source]
    command += ["-c:v", codec, "-pix_fmt", "yuv420p", "-metadata", "creation_time=2021-07-08T09:10:11Z"]
    command += ["-metadata", f"comment={os.urandom(8).hex()}", *arguments]
    subprocess.run([*command, str(path)], check=True, timeout=60)
    body = path.read_bytes()
    path.unlink()
    return body


async def settle(house: House, path: str, value: Any) -> None:
    """Change one of the settings, as an administrator would (`image.preview.size`)."""
    boss = await house.person(is_admin=True)
    tree = (await boss.client.get("/system-config")).json()
    *branch, leaf = path.split(".")
    here = tree
    for key in branch:
        here = here[key]
    here[leaf] = value
    answer = await boss.client.put("/system-config", json=tree)
    assert answer.status_code == 200, answer.text


async def until_blocked(house: House, count: int = 1) -> None:
    """Until so many units of work wait for a row that the test holds."""
    waiting = (
        "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with asyncio.timeout(30):
        while (await house.sql(waiting))[0]["n"] < count:  # noqa: ASYNC110 — Postgres tells nobody
            await asyncio.sleep(0.05)
