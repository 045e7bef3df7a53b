"""Sidecars that other programs put beside originals are found when somebody asks for it."""

import pytest

from calotype.core.jobs import Done, Later, Skip
from calotype.core.ports import Job
from calotype.media import sidecar, sidecar_check
from calotype.storage import paths
from tests.working import picture

ALL = Job("SidecarQueueAll", "sidecar", {"force": True})
MISSING = Job("SidecarQueueAll", "sidecar", {"force": False})


def check(id: str) -> Job:
    return Job("SidecarCheck", "sidecar", {"id": id})


def says(text: str) -> bytes:
    return sidecar.apply_edits(None, sidecar.Edits(description=text))


@pytest.fixture
async def photo(house, ada) -> str:
    id = await ada.asset(picture())
    await house.work()
    return id


async def put(house, id: str, text: str) -> str:
    """What another program does; the sidecar's key."""
    key = paths.sidecar_key((await house.row(id))["original_key"])
    (house.media / key).write_bytes(says(text))
    return key


async def test_a_sidecar_that_is_there_now_is_found_and_read(house, photo):
    key = await put(house, photo, "from elsewhere")
    assert await house.run(MISSING) == Done()
    assert [name for name, _ in await house.work()] == ["SidecarCheck", "AssetExtractMetadata"]
    row = await house.row(photo)
    assert (row["sidecar_key"], row["description"]) == (key, "from elsewhere")
    await house.run(MISSING)
    assert house.jobs == []


async def test_everything_again_reads_what_changed_in_a_known_sidecar(house, photo):
    await put(house, photo, "first")
    await house.run(MISSING)
    await house.work()
    await put(house, photo, "second")
    await house.run(ALL)
    await house.work()
    assert (await house.row(photo))["description"] == "second"


async def test_where_there_is_none_nothing_is_read(house, photo):
    assert await house.run(check(photo)) == Skip("it has no sidecar")
    assert house.jobs == []


async def test_a_sidecar_that_vanished_takes_nothing_along(house, photo):
    key = await put(house, photo, "kept")
    await house.run(MISSING)
    await house.work()
    (house.media / key).unlink()
    assert await house.run(check(photo)) == Skip("its sidecar is gone")
    assert house.jobs == []
    row = await house.row(photo)
    assert (row["sidecar_key"], row["description"]) == (key, "kept")


async def test_an_edit_that_waits_is_written_and_wins(house, ada, photo):
    await put(house, photo, "from elsewhere")
    await ada.client.put(f"/assets/{photo}", json={"description": "mine"})
    house.jobs.clear()
    await house.run(MISSING)
    assert [job.name for job in house.jobs] == ["SidecarWrite", "SidecarCheck"]
    await house.work()
    row = await house.row(photo)
    assert (row["description"], row["locked_fields"]) == ("mine", [])


async def test_a_sidecar_that_is_replaced_meanwhile_is_looked_for_again(house, photo, monkeypatch):
    key = await put(house, photo, "one")
    find = sidecar_check._find

    async def overtaken(*arguments):
        found = await find(*arguments)
        await house.sql("UPDATE asset SET sidecar_key = $1", f"{key}.other")
        return found

    monkeypatch.setattr(sidecar_check, "_find", overtaken)
    assert isinstance(await house.run(check(photo)), Later)
    assert (await house.row(photo))["sidecar_key"] == f"{key}.other"


async def test_who_is_gone_is_not_looked_for(house):
    gone = check("00000000-0000-4000-8000-000000000000")
    assert await house.run(gone) == Skip("the asset is gone")
