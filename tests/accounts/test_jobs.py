"""What happens to accounts in the background."""

from datetime import timedelta
from uuid import uuid4

import pytest

from calotype.accounts import jobs, users
from calotype.accounts.caller import Caller
from calotype.core.jobs import Done
from calotype.core.ports import Job


@pytest.fixture
async def admin(house):
    return Caller((await house.person("Eve", is_admin=True)).id, True)


async def remove(house, admin, user, *, at_once: bool = False) -> None:
    async with house.world.writing() as tx:
        await users.remove(tx, admin, user.id, at_once=at_once, now=house.clock.now())


async def test_removed_people_are_to_be_erased_when_their_days_of_grace_are_over(house, admin) -> None:
    bob = await house.person("Bob")
    await remove(house, admin, bob)
    house.wait(days=6)
    assert await jobs.check_removed(house.world, {}) == Done()
    assert house.world.queue.jobs_put == []
    house.wait(days=2)
    await jobs.check_removed(house.world, {})
    assert house.world.queue.jobs_put == [Job("UserDelete", "backgroundTask", {"id": str(bob.id), "force": False})]


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
