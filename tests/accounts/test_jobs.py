"""What happens to accounts in the background."""

from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from calotype.accounts import jobs, users
from calotype.accounts.caller import Caller
from calotype.accounts.users import UserErased
from calotype.core.jobs import Done, Later, Skip
from calotype.core.ports import Job
from calotype.outside.keys import MARKER


@pytest.fixture
async def admin(house):
    return Caller((await house.person("Eve", is_admin=True)).id, True)


async def remove(house, admin, user, *, at_once: bool = False) -> None:
    async with house.world.writing() as tx:
        await users.remove(tx, admin, user.id, at_once=at_once, now=house.clock.now())


def files_of(house, user) -> list[Path]:
    """Something that each of their folders holds."""
    root, id = house.world.config.data, str(user.id)
    found = [
        root / "media" / "upload" / id / "ab" / "cd" / "a.jpg",
        root / "media" / "encoded-video" / id / "ab" / "cd" / "a-MP.mp4",
        root / "thumbs" / id / "ab" / "cd" / "a_thumbnail.webp",
        root / "profile" / id / "a.webp",
    ]
    for path in found:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return found


async def test_removed_people_are_erased_when_their_days_of_grace_are_over(house, admin) -> None:
    bob = await house.person("Bob")
    await remove(house, admin, bob)
    house.wait(days=6)
    assert await jobs.check_removed(house.world, {}) == Done()
    assert house.world.queue.jobs_put == []
    assert isinstance(await jobs.erase_user(house.world, {"id": str(bob.id)}), Skip)
    house.wait(days=2)
    await jobs.check_removed(house.world, {})
    assert house.world.queue.jobs_put == [Job("UserDelete", "backgroundTask", {"id": str(bob.id), "force": False})]
    assert await jobs.erase_user(house.world, house.world.queue.jobs_put[0].data) == Done()
    assert await house.execute("SELECT count(*) FROM users WHERE id = $1", bob.id) == 0


async def test_erasing_takes_rows_and_files_and_nothing_of_others_and_may_run_twice(house, admin) -> None:
    bob, ada = await house.person("Bob"), await house.person("Ada")
    gone, kept = files_of(house, bob), files_of(house, ada)
    await house.asset(bob)
    await remove(house, admin, bob, at_once=True)
    for _ in range(2):
        assert await jobs.erase_user(house.world, {"id": str(bob.id), "force": True}) == Done()
    assert not any(path.exists() for path in gone)
    assert all(path.exists() for path in kept)
    assert await house.execute("SELECT count(*) FROM asset") == 0
    assert [event for event in house.told if isinstance(event, UserErased)] == [UserErased(bob.id)]


async def test_files_left_by_a_run_that_was_cut_off_are_found_again(house) -> None:
    bob = await house.person("Bob")
    gone = files_of(house, bob)
    await house.execute("DELETE FROM users WHERE id = $1", bob.id)
    assert await jobs.erase_user(house.world, {"id": str(bob.id), "force": True}) == Done()
    assert not any(path.exists() for path in gone)


async def test_while_the_storage_is_away_the_files_wait(house, admin) -> None:
    bob = await house.person("Bob")
    await remove(house, admin, bob, at_once=True)
    (house.world.config.data / "media" / MARKER).unlink()
    outcome = await jobs.erase_user(house.world, {"id": str(bob.id), "force": True})
    assert isinstance(outcome, Later)


async def test_somebody_restored_meanwhile_is_not_erased(house, admin) -> None:
    bob = await house.person("Bob")
    await remove(house, admin, bob, at_once=True)
    async with house.world.writing() as tx:
        await users.restore(tx, bob.id)
    kept = files_of(house, bob)
    assert isinstance(await jobs.erase_user(house.world, {"id": str(bob.id), "force": True}), Skip)
    assert all(path.exists() for path in kept)


async def test_usage_is_counted_again(house) -> None:
    ada = await house.person(quota_bytes=1000)
    await house.asset(ada, size_bytes=70)
    await house.asset(ada, size_bytes=5, library_id=uuid4())
    await jobs.recount_usage(house.world, {})
    assert await house.execute("SELECT usage_bytes FROM users WHERE id = $1", ada.id) == 70


async def test_old_sessions_are_cleaned_up(house) -> None:
    ada = await house.person()
    await house.login(ada, expires_at=house.clock.now() + timedelta(hours=1))
    house.wait(hours=2)
    assert await jobs.clean_up_sessions(house.world, {}) == Done()
    assert await house.execute("SELECT count(*) FROM session") == 0
