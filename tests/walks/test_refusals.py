"""Starts that would do harm are refused with a sentence, and a volume that runs full refuses uploads only."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from calotype.outside.embedded import postgres_url, run_folder
from tests.walks.conftest import House, photo, until

MIB = 1024 * 1024


def execute(house: House, statement: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(postgres_url(run_folder(house.data)))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())


def refused(house: House) -> str:
    """What it says when it does not start."""
    before = len(house.words())
    house.launch()
    assert house.process is not None
    status = house.process.wait(60)
    house.process = None
    assert status not in (0, 1, -9), house.words()[-3000:]
    return house.words()[before:]


def test_a_database_newer_than_the_code_is_refused(house: House):
    execute(house, "UPDATE alembic_version SET version_num = '9999'")
    house.stop()
    assert "does not know" in refused(house)


def test_an_older_database_is_refused_until_a_person_accepts_it(house: House):
    asset = house.upload(photo(1))
    execute(house, "UPDATE instance SET epoch = 0")
    house.stop()
    marker = (house.media / ".calotype").read_bytes()
    said = refused(house)
    assert "The database is older than the media folder" in said
    assert "calotype admin accept-storage" in said
    assert (house.media / ".calotype").read_bytes() == marker
    accepted = house.command("admin", "accept-storage")
    assert accepted.returncode == 0, accepted.stderr
    house.start()
    until(lambda: house.original(asset).content == photo(1))


def test_an_older_copy_of_the_media_folder_is_refused(house: House):
    house.stop()
    shutil.copytree(house.media, house.folder / "snapshot")
    for _ in range(2):  # one start may be missing, because a marker is written after the database
        house.start()
        house.stop()
    shutil.rmtree(house.media)
    (house.folder / "snapshot").rename(house.media)
    assert "The media folder is older than the database" in refused(house)


def test_a_media_folder_with_photos_is_not_taken_over_by_a_new_database(house: House):
    house.upload(photo(1))
    house.stop()
    before = {path: path.stat().st_mtime_ns for path in house.media.rglob("*")}
    shutil.rmtree(house.data)
    assert "already holds photos" in refused(house)
    assert {path: path.stat().st_mtime_ns for path in house.media.rglob("*")} == before


@pytest.fixture(params=["media", "data"])
def small(request: pytest.FixtureRequest) -> Iterator[tuple[House, Path]]:
    """An installation of which one volume is small, and that volume."""
    with tempfile.TemporaryDirectory(prefix="calotype-walk-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        volume = folder / request.param
        volume.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512m", "none", volume], check=False)
        if mounted.returncode != 0:
            pytest.skip("This needs a volume of its own, and this machine lets us mount none.")
        house = House(folder, CALOTYPE_MIN_FREE_MIB="64")
        try:
            yield house.start().move_in(), volume
        finally:
            house.stop()
            house.client.close()
            subprocess.run(["umount", volume], check=True)


def test_a_full_volume_refuses_uploads_with_507_and_lets_photos_be_deleted(small: tuple[House, Path]):
    house, volume = small
    photos = [house.upload(photo(n)) for n in range(2)]
    until(lambda: all(house.is_processed(asset) for asset in photos))
    before = house.originals()
    room = os.statvfs(volume)
    with (volume / "somebody-elses.bin").open("wb") as filler:
        for _ in range(room.f_bavail * room.f_frsize // MIB - 40):
            filler.write(bytes(MIB))

    answer = house.send(photo(9))
    assert answer.status_code == 507
    assert "full" in answer.json()["message"]
    assert house.originals() == before
    assert house.original(photos[1]).content == photo(1)
    house.client.request("DELETE", "/assets", json={"ids": [photos[0]], "force": True}).raise_for_status()
    until(lambda: len(house.originals()) == 1)

    (volume / "somebody-elses.bin").unlink()
    assert house.upload(photo(9))
