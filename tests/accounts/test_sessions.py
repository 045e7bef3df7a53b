"""Sessions from login to the nightly cleaning."""

import re
from datetime import timedelta

import pytest

from calotype.accounts import secret, session_store, sessions, users
from calotype.accounts.recent import RECENT
from calotype.accounts.sessions import SessionEnded
from calotype.core.errors import Invalid

CHROME = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36"}
APP = {"user-agent": "immich-android/3.1.0", "devicemodel": "Pixel 7", "devicetype": "Android"}


async def one(house, id):
    async with house.world.glancing() as look:
        return await session_store.one(look, id)


async def test_a_token_stands_for_its_owner_until_the_session_ends(house) -> None:
    ada = await house.person()
    caller, token = await house.login(ada)
    assert re.fullmatch(r"\w{38,43}", token)
    assert await sessions.recognise(house.world, token, {}) == caller
    async with house.world.writing() as tx:
        await sessions.end(tx, caller.session.id)
    assert await sessions.recognise(house.world, token, {}) is None  # at once, although it was known a moment ago
    assert house.told[-1] == SessionEnded(caller.session.id, ada.id)


async def test_only_the_hash_of_a_token_is_kept(house) -> None:
    _, token = await house.login(await house.person())
    assert await house.execute("SELECT token_hash FROM session") == secret.token_hash(token)


async def test_an_unknown_token_is_nobodys(house) -> None:
    assert await sessions.recognise(house.world, "made-up", {}) is None


async def test_ending_a_session_twice_is_no_error(house) -> None:
    caller, _ = await house.login(await house.person())
    for _ in range(2):
        async with house.world.writing() as tx:
            await sessions.end(tx, caller.session.id)
    assert len([event for event in house.told if isinstance(event, SessionEnded)]) == 1


async def test_a_session_ends_with_its_time_and_its_child_never_later(house) -> None:
    ada = await house.person()
    now = house.clock.now()
    caller, token = await house.login(ada, expires_at=now + timedelta(hours=1))
    async with house.world.writing() as tx:
        child, child_token = await sessions.issue_child(
            tx, caller.session.id, ada.id, device_type="TV", device_os="", lasts_s=7200, now=now
        )
        endless, _ = await sessions.issue_child(
            tx, caller.session.id, ada.id, device_type="TV", device_os="", lasts_s=None, now=now
        )
    assert child.expires_at == endless.expires_at == now + timedelta(hours=1)
    assert await sessions.recognise(house.world, child_token, {}) is not None
    house.wait(hours=1, seconds=1)
    assert await sessions.recognise(house.world, token, {}) is None
    assert await sessions.recognise(house.world, child_token, {}) is None


async def test_a_child_goes_with_its_parent_and_is_told(house) -> None:
    ada = await house.person()
    caller, _ = await house.login(ada)
    async with house.world.writing() as tx:
        child, token = await sessions.issue_child(
            tx, caller.session.id, ada.id, device_type="TV", device_os="webOS", lasts_s=900, now=house.clock.now()
        )
    assert child.expires_at == house.clock.now() + timedelta(minutes=15)
    async with house.world.writing() as tx:
        await sessions.end(tx, caller.session.id)
    assert await sessions.recognise(house.world, token, {}) is None
    assert {event.session_id for event in house.told} >= {caller.session.id, child.id}


async def test_logging_out_everywhere_else_keeps_the_session_that_asks(house) -> None:
    ada, bob = await house.person("Ada"), await house.person("Bob")
    caller, token = await house.login(ada)
    _, other = await house.login(ada)
    _, bobs = await house.login(bob)
    async with house.world.writing() as tx:
        await sessions.end_all(tx, ada.id, but=caller.session.id)
    assert await sessions.recognise(house.world, token, {}) is not None
    assert await sessions.recognise(house.world, other, {}) is None
    assert await sessions.recognise(house.world, bobs, {}) is not None


async def test_the_device_is_noted_again_after_an_hour(house) -> None:
    caller, token = await house.login(await house.person())
    house.wait(minutes=59)
    await sessions.recognise(house.world, token, APP)
    assert (await one(house, caller.session.id)).app_version == "3.1.0"  # a new app version is noted at once
    house.wait(minutes=59)
    await sessions.recognise(house.world, token, {"devicemodel": "Pixel 8"})
    assert (await one(house, caller.session.id)).device_type == "Pixel 7"
    house.wait(hours=1, seconds=1)
    await sessions.recognise(house.world, token, CHROME)
    noted = await one(house, caller.session.id)
    assert (noted.device_type, noted.device_os) == ("Chrome", "Linux")
    assert noted.updated_at == house.clock.now()


async def test_the_locked_folder_stays_open_while_somebody_is_at_it(house) -> None:
    caller, token = await house.login(await house.person(pin_hash="x"))
    async with house.world.writing() as tx:
        await sessions.elevate(tx, caller.session.id, house.clock.now())
    opened = house.clock.now()

    async def until():
        found = await sessions.recognise(house.world, token, {})
        return found.session.pin_expires_at

    assert await until() == opened + timedelta(minutes=15)
    house.wait(minutes=9)  # six minutes left: nothing to extend
    assert await until() == opened + timedelta(minutes=15)
    house.wait(minutes=3)  # three minutes left: five more from now
    assert await until() == house.clock.now() + timedelta(minutes=5)
    house.wait(minutes=5, seconds=1)
    found = await sessions.recognise(house.world, token, {})
    assert not found.is_elevated(house.clock.now())


async def test_a_session_of_someone_with_a_pin_is_asked_for_anew_until_it_is_open(house) -> None:
    caller, token = await house.login(await house.person(pin_hash="x"))
    await sessions.recognise(house.world, token, {})
    assert RECENT.get(secret.token_hash(token)) is None  # another process may open the folder any moment
    async with house.world.writing() as tx:
        await sessions.elevate(tx, caller.session.id, house.clock.now())
    assert (await sessions.recognise(house.world, token, {})).is_elevated(house.clock.now())
    assert RECENT.get(secret.token_hash(token)) is not None
    async with house.world.writing() as tx:
        await sessions.lock(tx, caller.session.id)
    assert not (await sessions.recognise(house.world, token, {})).is_elevated(house.clock.now())


async def test_what_was_read_before_a_change_is_not_remembered_after_it(house) -> None:
    _, token = await house.login(await house.person())
    token_hash, generation = secret.token_hash(token), RECENT.generation
    caller = await sessions.recognise(house.world, token, {})
    await RECENT.forget()
    RECENT.keep(token_hash, caller, generation=generation)
    assert RECENT.get(token_hash) is None


async def test_removed_people_are_refused_at_once_and_welcome_again_after_restore(house) -> None:
    admin, ada = await house.person("Eve", is_admin=True), await house.person("Ada")
    boss, _ = await house.login(admin)
    _, token = await house.login(ada)
    assert await sessions.recognise(house.world, token, {}) is not None
    async with house.world.writing() as tx:
        await users.remove(tx, boss, ada.id, at_once=False, now=house.clock.now())
    assert await sessions.recognise(house.world, token, {}) is None
    async with house.world.writing() as tx:
        await users.restore(tx, ada.id)
    assert await sessions.recognise(house.world, token, {}) is not None


async def test_the_nightly_cleaning_ends_what_nobody_uses(house) -> None:
    ada = await house.person()
    old, _ = await house.login(ada)
    house.wait(days=89)
    fresh, _ = await house.login(ada)
    await house.execute("UPDATE session SET updated_at = $1 WHERE id = $2", house.clock.now(), fresh.session.id)
    short, _ = await house.login(ada, expires_at=house.clock.now() + timedelta(hours=1))
    await house.execute("UPDATE session SET updated_at = $1 WHERE id = $2", house.clock.now(), short.session.id)
    house.wait(days=2)
    async with house.world.writing() as tx:
        assert await sessions.clean_up(tx, house.clock.now()) == 2
    assert await one(house, old.session.id) is None
    assert await one(house, short.session.id) is None
    assert await one(house, fresh.session.id) is not None


async def test_a_session_can_only_be_asked_to_sync_anew(house) -> None:
    caller, _ = await house.login(await house.person())
    async with house.world.writing() as tx:
        changed = await sessions.update(tx, caller.session.id, is_pending_sync_reset=True)
        assert changed.is_pending_sync_reset
        with pytest.raises(Invalid, match="No fields to update"):
            await sessions.update(tx, caller.session.id, is_pending_sync_reset=None)
