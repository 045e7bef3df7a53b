"""Doors for the worker: what is removed, and what must not be."""

from pathlib import Path

import pytest

from calotype.api import app
from calotype.assets import jobs, leftover_store
from calotype.core.jobs import Done
from calotype.outside.postgres import connect
from tests.world import House, built_house


@pytest.fixture
async def house(postgres_url_of, tmp_path: Path):
    pool = await connect(await postgres_url_of("assetjobs"), size=4)
    async with built_house(pool, app.Application(), tmp_path) as made:
        yield made
    await pool.close()


async def test_a_file_that_a_row_points_to_is_never_removed(house: House):
    ada = await house.person()
    row = await house.row(await ada.asset(b"kept"))
    sidecar = f"{row['original_key']}.xmp"
    await house.sql("UPDATE asset SET sidecar_key = $2 WHERE id = $1", row["id"], sidecar)
    stray = f"{row['original_key']}.stray"
    for key in (sidecar, stray):
        (house.media / key).write_bytes(b"x")
    async with house.world.writing() as tx:
        id = await leftover_store.note(tx, [row["original_key"], sidecar, stray], [])
    assert await jobs.delete_files(house.world, {"id": str(id)}) == Done()
    assert (house.media / row["original_key"]).read_bytes() == b"kept"
    assert (house.media / sidecar).exists()
    assert not (house.media / stray).exists()
