"""Erasing a person, however much is theirs."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from calotype.accounts import users
from calotype.accounts.caller import Caller
from calotype.accounts.users import UserErased
from calotype.core.errors import Offline
from calotype.core.ids import UserId
from calotype.core.jobs import Done, Later, Skip
from calotype.core.ports import Job
from calotype.outside import derivatives
from calotype.timeline import months
from calotype.work import erasure, sweep
from tests.working import picture, until_blocked

MANY = """
    INSERT INTO asset (owner_id, type, original_key, original_name, checksum, size_bytes, taken_at, local_taken,
                       file_modified_at, uploaded_taken_at)
    SELECT $1::uuid, 'IMAGE', 'upload/' || $1::uuid::text || '/' || n, n || '.jpg',
           sha256(($1::uuid::text || n)::bytea), 10, at, at AT TIME ZONE 'UTC', at, at
      FROM generate_series(1, $2::int) AS n, LATERAL (SELECT timestamptz '2015-01-01Z' + n * interval '1 day' AS at) AS t
"""
STACKS = """
    WITH led AS (INSERT INTO stack (owner_id, primary_asset_id)
                 SELECT owner_id, id FROM asset WHERE owner_id = $1 ORDER BY id LIMIT 20
                 RETURNING id, primary_asset_id)
    UPDATE asset SET stack_id = led.id FROM led WHERE asset.id = led.primary_asset_id
"""


class Killed(BaseException):
    """The worker is gone, in the middle of what it did."""


@pytest.fixture
async def admin(house):
    return Caller(UserId((await house.person(is_admin=True)).id), True)


async def remove(house, admin, person) -> Job:
    """Take somebody's access away at once; the job that erases them."""
    async with house.world.writing() as tx:
        await users.remove(tx, admin, person.id, at_once=True, now=house.world.clock.now())
    (job,) = [job for job in house.jobs if job.name == "UserDelete"]
    house.jobs.remove(job)
    return job


async def restore(house, person) -> None:
    async with house.world.writing() as tx:
        await users.restore(tx, UserId(person.id))


async def left(house, person, table: str = "asset") -> int:
    (row,) = await house.sql(f"SELECT count(*) AS n FROM {table} WHERE owner_id = $1", person.id)
    return row["n"]


async def stands(house, person) -> bool:
    return bool(await house.sql("SELECT FROM users WHERE id = $1", person.id))


def files_of(house, person) -> list[Path]:
    """Something that each of their folders holds."""
    found = [
        house.media / "upload" / str(person.id) / "ab" / "cd" / "a.jpg",
        house.media / "encoded-video" / str(person.id) / "ab" / "cd" / "a-MP.mp4",
        house.data / "thumbs" / str(person.id) / "ab" / "cd" / "a_thumbnail.webp",
        house.data / "profile" / str(person.id) / "a.webp",
    ]
    for path in found:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return found


async def test_erasing_takes_rows_files_and_months_and_nothing_of_others_and_may_run_twice(house, ada, admin) -> None:
    bob = await house.person()
    gone, kept = files_of(house, bob), files_of(house, ada)
    await house.sql(MANY, bob.id, 5000)
    await house.sql(STACKS, bob.id)
    await house.sql(MANY, ada.id, 30)
    async with house.world.writing() as tx:
        await months.fold(tx)
    await house.sql("UPDATE asset SET is_favorite = true WHERE owner_id = $1 AND size_bytes = 10", bob.id)
    job = await remove(house, admin, bob)
    for _ in range(2):
        assert await house.run(job) == Done()
    async with house.world.writing() as tx:
        await months.fold(tx)
    assert not any(path.exists() for path in gone)
    assert all(path.exists() for path in kept)
    assert not await stands(house, bob)
    tables = ("asset", "stack", "timeline_change", "timeline_month")
    assert [await left(house, bob, table) for table in tables] == [0, 0, 0, 0]
    assert await left(house, ada) == 30
    assert await left(house, ada, "timeline_month") > 0
    assert [event for event in house.told if isinstance(event, UserErased)] == [UserErased(UserId(bob.id))]


async def test_what_was_cut_off_goes_on_where_it_stopped(house, admin, monkeypatch) -> None:
    bob = await house.person()
    gone = files_of(house, bob)
    await house.sql(MANY, bob.id, 3000)
    job = await remove(house, admin, bob)
    monkeypatch.setattr(erasure, "AT_ONCE", 1000)
    batches: list[int] = []

    async def killed(tx, owner, limit):
        if len(batches) == 2:
            raise Killed
        batches.append(await original(tx, owner, limit))
        return batches[-1]

    original = erasure.trash.erase_some
    monkeypatch.setattr(erasure.trash, "erase_some", killed)
    with pytest.raises(Killed):
        await house.run(job)
    assert await left(house, bob) == 1000, "what was done stays done"
    assert await stands(house, bob)
    assert all(path.exists() for path in gone)
    monkeypatch.setattr(erasure.trash, "erase_some", original)
    await house.run(Job("UserDeleteCheck", "backgroundTask"))  # the queue forgot; the night does not
    assert ("UserDelete", Done()) in await house.work("backgroundTask")
    assert await left(house, bob) == 0
    assert not await stands(house, bob)
    assert not any(path.exists() for path in gone)


@pytest.mark.parametrize("fault", [Killed(), Offline("away")])
async def test_files_are_not_forgotten_when_the_queue_forgets_the_job_after_the_rows_are_gone(
    house, admin, monkeypatch, fault
) -> None:
    bob = await house.person()
    gone = files_of(house, bob)
    job = await remove(house, admin, bob)

    async def cut_off(key):
        raise fault

    monkeypatch.setattr(house.world.files._files, "remove", cut_off)
    with suppress(Killed):
        assert isinstance(await house.run(job), Later)
    monkeypatch.undo()
    await house.root.probe()
    assert not await stands(house, bob)
    assert all(path.exists() for path in gone)
    house.jobs.clear()  # a flushed Valkey
    assert await sweep.sweep_leftovers(house.world, settle=-sweep.SETTLE) == 1
    assert await house.work("backgroundTask") == [("UserDelete", Done())]
    assert not any(path.exists() for path in gone)
    assert await sweep.sweep_leftovers(house.world, settle=-sweep.SETTLE) == 0


async def test_a_folder_that_cannot_be_removed_is_tried_again(house, admin, monkeypatch) -> None:
    bob = await house.person()
    gone = files_of(house, bob)
    job = await remove(house, admin, bob)

    def refused(folder):
        raise PermissionError(folder)

    monkeypatch.setattr(derivatives.shutil, "rmtree", refused)
    assert isinstance(await house.run(job), Later)
    monkeypatch.undo()
    assert await sweep.sweep_leftovers(house.world, settle=-sweep.SETTLE) == 1
    assert await house.run(job) == Done()
    assert not any(path.exists() for path in gone)


async def test_somebody_restored_in_the_middle_keeps_what_is_left_and_every_file(house, admin, monkeypatch) -> None:
    bob = await house.person()
    kept = files_of(house, bob)
    await house.sql(MANY, bob.id, 300)
    job = await remove(house, admin, bob)
    monkeypatch.setattr(erasure, "AT_ONCE", 100)
    erase_some = erasure.trash.erase_some
    hold_removed = erasure.users.hold_removed
    batches: list[int] = []

    async def noted(tx, owner, limit):
        batches.append(await erase_some(tx, owner, limit))
        return batches[-1]

    async def interrupted(tx, id):
        if len(batches) == 1:
            await restore(house, bob)
        return await hold_removed(tx, id)

    monkeypatch.setattr(erasure.trash, "erase_some", noted)
    monkeypatch.setattr(erasure.users, "hold_removed", interrupted)
    assert await house.run(job) == Skip("restored meanwhile")
    assert await left(house, bob) == 200
    assert all(path.exists() for path in kept)
    assert (await bob.client.get("/users/me")).status_code == 200, "their sessions work again"


async def test_files_left_by_a_run_that_was_cut_off_are_found_again(house) -> None:
    bob = await house.person()
    gone = files_of(house, bob)
    await house.sql(
        "INSERT INTO timeline_month VALUES ($1, 't', '2024-01-01', 'timeline', 'active', false, false, 1, 1)", bob.id
    )
    await house.sql("DELETE FROM users WHERE id = $1", bob.id)
    assert await house.run(Job("UserDelete", "backgroundTask", {"id": str(bob.id), "force": True})) == Done()
    assert not any(path.exists() for path in gone)
    assert await left(house, bob, "timeline_month") == 0


async def test_nothing_is_erased_while_the_storage_is_away(house, admin) -> None:
    bob = await house.person()
    await bob.asset(picture())
    job = await remove(house, admin, bob)
    await house.unplug()
    assert isinstance(await house.run(job), Later)
    assert await left(house, bob) == 1
    await house.plug_in()
    assert await house.run(job) == Done()
    assert house.originals() == []


async def test_nobody_is_erased_who_was_restored_or_has_days_of_grace(house, admin) -> None:
    bob = await house.person()
    kept = files_of(house, bob)
    job = await remove(house, admin, bob)
    await restore(house, bob)
    assert isinstance(await house.run(job), Skip)
    removed_at = datetime(2026, 5, 1, 12, tzinfo=UTC)
    house.world.clock.stopped_at = removed_at
    async with house.world.writing() as tx:
        await users.remove(tx, admin, UserId(bob.id), at_once=False, now=removed_at)
    waiting = Job("UserDelete", "backgroundTask", {"id": str(bob.id), "force": False})
    house.world.clock.stopped_at = removed_at + timedelta(days=6)
    assert isinstance(await house.run(waiting), Skip)
    assert all(path.exists() for path in kept)
    house.world.clock.stopped_at = removed_at + timedelta(days=8)
    assert await house.run(waiting) == Done()
    assert not await stands(house, bob)


async def test_the_counts_of_somebody_erased_do_not_come_back(house, admin) -> None:
    """Who folds at the same moment does not write months for nobody."""
    bob = await house.person()
    await house.sql(MANY, bob.id, 10)
    job = await remove(house, admin, bob)
    async with house.world.writing() as tx:
        await months.fold(tx)
        erasing = asyncio.ensure_future(house.run(job))
        await until_blocked(house)
    assert await erasing == Done()
    assert await left(house, bob, "timeline_month") == 0
    assert await left(house, bob, "timeline_change") == 0
