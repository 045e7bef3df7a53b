"""Passwords, PINs and guessing at them."""

import asyncio
import time
from datetime import timedelta

import pytest

from calotype.accounts import attempts, secret, sessions, sign_in, store
from calotype.accounts.caller import Caller
from calotype.accounts.device import Device
from calotype.core.errors import Invalid, TooMany, Unauthenticated

PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
async def known_hash() -> str:
    return await secret.slow_hash(PASSWORD)


async def log_in(house, email="ada@example.com", password=PASSWORD, address="192.0.2.1"):
    async with house.world.writing() as tx:
        return await sign_in.log_in(house.world, tx, email=email, password=password, device=Device(), address=address)


async def test_whoever_knows_the_password_gets_a_session(house, known_hash: str) -> None:
    ada = await house.person(password_hash=known_hash)
    signed_in = await log_in(house)
    assert signed_in.user.id == ada.id
    assert not signed_in.is_onboarded
    assert (await sessions.recognise(house.world, signed_in.token, {})).user_id == ada.id


async def test_unknown_wrong_passwordless_and_removed_look_the_same(house, known_hash: str) -> None:
    await house.person("Ada", password_hash=known_hash)
    await house.person("Bob")
    await house.person("Eve", password_hash=known_hash)
    await house.execute("UPDATE users SET deleted_at = now(), status = 'deleted' WHERE name = 'Eve'")
    took = {}
    for email, password in (
        ("nobody@example.com", PASSWORD),
        ("ada@example.com", "wrong"),
        ("ada@example.com", ""),
        ("bob@example.com", PASSWORD),
        ("eve@example.com", PASSWORD),
    ):
        begun = time.process_time()
        with pytest.raises(Unauthenticated) as refusal:
            await log_in(house, email, password)
        took[email, password] = time.process_time() - begun
        assert refusal.value.sentence == "Incorrect email or password"
    assert min(took.values()) > max(took.values()) / 3  # each was hashed; bcrypt's 60 ms outweigh everything else


async def test_passwords_beyond_bcrypts_limit_count_in_full() -> None:
    long = "x" * 100
    hash = await secret.slow_hash(long)
    assert await secret.matches(long, hash)
    assert not await secret.matches(long + "y", hash)
    assert not await secret.matches("x" * 72, hash)
    assert not await secret.matches("x", None)


async def test_guessing_is_slowed_for_one_account_from_one_address(house, known_hash: str) -> None:
    await house.person(password_hash=known_hash)
    cache = house.world.cache
    for _ in range(attempts.FROM_HERE.most):
        await attempts.count_login(cache, "ada@example.com", "192.0.2.1")
    with pytest.raises(TooMany) as refusal:
        await log_in(house)  # even with the right password
    assert refusal.value.retry_after_s == attempts.FROM_HERE.within_s
    await log_in(house, address="198.51.100.7")
    with pytest.raises(TooMany):  # case does not make it another account
        await attempts.count_login(cache, "ADA@example.com", "192.0.2.1")


async def test_many_addresses_do_not_help_but_keep_nobody_out_who_was_here_before(house, known_hash: str) -> None:
    await house.person(password_hash=known_hash)
    await log_in(house, address="192.0.2.1")
    cache = house.world.cache
    for each in range(attempts.FROM_ANYWHERE.most):
        await attempts.count_login(cache, "ada@example.com", f"203.0.113.{each}")
    with pytest.raises(TooMany):
        await log_in(house, address="198.51.100.7")
    await log_in(house, address="192.0.2.1")


async def test_one_address_may_not_try_everybody(house) -> None:
    cache = house.world.cache
    for each in range(attempts.ONE_ADDRESS.most):
        await attempts.count_login(cache, f"{each}@example.com", f"2001:db8::{each:x}")
    with pytest.raises(TooMany):  # the same /64 is the same customer
        await attempts.count_login(cache, "new@example.com", "2001:db8::ffff")
    await attempts.count_login(cache, "new@example.com", "2001:db8:1::1")


async def test_logging_in_forgets_ones_own_mistakes(house, known_hash: str) -> None:
    await house.person(password_hash=known_hash)
    for _ in range(3):
        for _ in range(attempts.FROM_HERE.most - 1):
            await attempts.count_login(house.world.cache, "ada@example.com", "192.0.2.1")
        await log_in(house)


async def test_without_a_cache_people_still_log_in(house, known_hash: str) -> None:
    class Away:
        async def get(self, key):
            return None

        async def put(self, key, value, *, ttl_s):
            pass

        async def count(self, key, *, ttl_s):
            return 0

        async def forget(self, *keys):
            pass

    for _ in range(50):
        await attempts.count_login(Away(), "ada@example.com", "192.0.2.1")


async def test_two_visitors_at_once_make_one_administrator(house) -> None:
    async def sign_up(name: str):
        async with house.world.writing() as tx:
            return await sign_in.sign_up(house.world, tx, email=f"{name}@example.com", password=PASSWORD, name=name)

    outcomes = await asyncio.gather(sign_up("ada"), sign_up("bob"), return_exceptions=True)
    refusals = [each for each in outcomes if isinstance(each, Invalid)]
    assert [each.sentence for each in refusals] == ["Admin setup is not available"]
    (admin,) = [each for each in outcomes if not isinstance(each, Invalid)]
    assert (admin.is_admin, admin.storage_label, admin.should_change_password) == (True, "admin", True)
    with pytest.raises(Invalid, match="Admin setup is not available"):
        await sign_up("eve")


async def test_a_new_password_ends_every_other_session_and_no_key(house, known_hash: str) -> None:
    ada = await house.person(password_hash=known_hash)
    caller, token = await house.login(ada)
    _, other = await house.login(ada)
    await house.key(ada, "all")
    async with house.world.writing() as tx:
        with pytest.raises(Invalid, match="Wrong password"):
            await sign_in.change_password(house.world, tx, caller, old="wrong", new="new password")
    async with house.world.writing() as tx:
        await sign_in.change_password(house.world, tx, caller, old=PASSWORD, new="new password")
    assert await sessions.recognise(house.world, token, {}) is not None
    assert await sessions.recognise(house.world, other, {}) is None
    assert await house.execute("SELECT count(*) FROM api_key") == 1
    assert (await log_in(house, password="new password")).user.id == ada.id
    with pytest.raises(Unauthenticated):
        await log_in(house)


async def test_a_pin_opens_the_locked_folder_for_a_quarter_of_an_hour(house, known_hash: str) -> None:
    ada = await house.person(password_hash=known_hash)
    caller, token = await house.login(ada)
    world = house.world

    async def refused(sentence: str, attempt) -> None:
        with pytest.raises(Invalid) as refusal:
            async with world.writing() as tx:
                await attempt(tx)
        assert refusal.value.sentence == sentence

    await refused("User does not have a PIN code", lambda tx: sign_in.unlock(world, tx, caller, pin="123456"))
    async with world.writing() as tx:
        await sign_in.set_up_pin(tx, caller, pin="123456")
    await refused("User already has a PIN code", lambda tx: sign_in.set_up_pin(tx, caller, pin="123456"))
    await refused("Wrong PIN code", lambda tx: sign_in.unlock(world, tx, caller, pin="000000"))
    either = "Either password or pinCode is required"
    await refused(either, lambda tx: sign_in.unlock(world, tx, caller, pin=None))
    await refused(either, lambda tx: sign_in.change_pin(world, tx, caller, new="111111", pin=None, password=None))
    await refused(
        "Wrong password",  # of two proofs the password counts
        lambda tx: sign_in.change_pin(world, tx, caller, new="111111", pin="123456", password="wrong"),
    )
    async with world.writing() as tx:
        await sign_in.unlock(world, tx, caller, pin="123456")
    elevated = await sessions.recognise(world, token, {})
    assert elevated.session.pin_expires_at == house.clock.now() + timedelta(minutes=15)
    async with world.writing() as tx:
        await sign_in.change_pin(world, tx, caller, new="111111", pin=None, password=PASSWORD)
    async with world.writing() as tx:
        await sign_in.reset_pin(world, tx, caller, pin="111111", password=None)
    assert not (await sessions.recognise(world, token, {})).is_elevated(house.clock.now())
    async with world.glancing() as look:
        assert (await store.secrets(look, ada.id)).pin_hash is None


async def test_a_pin_cannot_be_tried_out(house) -> None:
    ada = await house.person(pin_hash=await secret.slow_hash("123456"))
    caller, _ = await house.login(ada)
    for _ in range(attempts.SECRETS.most):
        await attempts.count_secret(house.world.cache, ada.id)
    with pytest.raises(TooMany):
        async with house.world.writing() as tx:
            await sign_in.unlock(house.world, tx, caller, pin="123456")


async def test_keys_are_never_elevated(house) -> None:
    ada = await house.person(pin_hash="x")
    caller, _ = await house.key(ada, "all")
    for attempt in (lambda tx: sign_in.unlock(house.world, tx, caller, pin="1"), lambda tx: sign_in.lock(tx, caller)):
        with pytest.raises(Invalid, match="This endpoint can only be used with a session token"):
            async with house.world.writing() as tx:
                await attempt(tx)
    assert not Caller(ada.id, True, key=caller.key).is_elevated(house.clock.now())
