"""Keys, and that none of them ever grows beyond who made it."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calotype.accounts import api_keys, key_store, secret
from calotype.accounts.caller import Caller, KeyCredential
from calotype.core.errors import Invalid

SOME = ("asset.read", "asset.upload", "album.read", "apiKey.create", "apiKey.update", "apiKey.rotate")


async def test_a_key_opens_what_it_was_given_and_nothing_else(house) -> None:
    caller, _ = await house.key(await house.person(), "asset.read")
    assert caller.holds("asset.read")
    assert caller.holds("any")
    assert not caller.holds("asset.delete")
    assert not caller.holds("all")
    everything, _ = await house.key(await house.person("Bob"), "all")
    assert everything.holds("asset.delete")
    assert everything.holds("all")


async def test_a_key_keeps_its_permissions_as_they_were_sent(house) -> None:
    ada = await house.person()
    async with house.world.writing() as tx:
        key, text = await api_keys.create(
            tx, Caller(ada.id, False), name="", permissions=["asset.read", "album.read", "asset.read"]
        )
    assert key.name == "API Key"
    assert key.permissions == ["asset.read", "album.read", "asset.read"]
    assert await house.execute("SELECT key_hash FROM api_key") == secret.token_hash(text)


async def test_a_key_ends_at_once_when_it_is_removed_or_rotated(house) -> None:
    ada = await house.person()
    caller, text = await house.key(ada, "all")
    async with house.world.writing() as tx:
        rotated, fresh = await api_keys.rotate(tx, caller, caller.key.id)
    assert rotated.id == caller.key.id
    assert await api_keys.recognise(house.world, text) is None
    assert (await api_keys.recognise(house.world, fresh)) == caller
    async with house.world.writing() as tx:
        await api_keys.remove(tx, caller, caller.key.id)
    assert await api_keys.recognise(house.world, fresh) is None


async def test_keys_of_others_are_unknown(house) -> None:
    caller, _ = await house.key(await house.person("Ada"), "all")
    eve = Caller((await house.person("Eve", is_admin=True)).id, True)
    async with house.world.writing() as tx:
        for attempt in (
            lambda: api_keys.get(tx, eve, caller.key.id),
            lambda: api_keys.update(tx, eve, caller.key.id, name="x", permissions=None),
            lambda: api_keys.rotate(tx, eve, caller.key.id),
            lambda: api_keys.remove(tx, eve, caller.key.id),
        ):
            with pytest.raises(Invalid, match="API Key not found"):
                await attempt()


async def test_a_key_may_rename_a_stronger_one_but_not_learn_its_secret(house) -> None:
    ada = await house.person()
    strong, _ = await house.key(ada, "all")
    weak, _ = await house.key(ada, "apiKey.update", "apiKey.rotate", "apiKey.create")
    async with house.world.writing() as tx:
        assert (await api_keys.update(tx, weak, strong.key.id, name="mine", permissions=None)).name == "mine"
        for attempt in (
            lambda: api_keys.rotate(tx, weak, strong.key.id),
            lambda: api_keys.update(tx, weak, weak.key.id, name=None, permissions=["all"]),
            lambda: api_keys.create(tx, weak, name="x", permissions=["asset.read"]),
        ):
            with pytest.raises(Invalid, match="Cannot grant permissions you do not have"):
                await attempt()


step = st.tuples(
    st.sampled_from(("create", "update", "rotate")),
    st.integers(0, 5),  # which of the keys that the intruder holds acts
    st.integers(0, 8),  # on which of all the keys
    st.lists(st.sampled_from((*SOME, "all")), min_size=1, max_size=3),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.lists(st.sampled_from(SOME), min_size=1, unique=True), steps=st.lists(step, max_size=8))
async def test_no_sequence_of_key_operations_reaches_beyond_the_first_key(house, start, steps) -> None:
    """The intruder holds one key of an account that also has an almighty one, and uses every secret they learn."""
    await house.execute("DELETE FROM users")
    ada = await house.person()
    almighty, _ = await house.key(ada, "all")
    first, _ = await house.key(ada, *start)
    held, everything = [first.key.id], [almighty.key.id, first.key.id]
    for operation, actor, target, permissions in steps:
        async with house.world.glancing() as look:
            key = await key_store.one(look, ada.id, held[actor % len(held)])
        caller = Caller(ada.id, False, key=KeyCredential(key.id, frozenset(key.permissions)))
        on = everything[target % len(everything)]
        try:
            async with house.world.writing() as tx:
                if operation == "create":
                    made, _ = await api_keys.create(tx, caller, name="x", permissions=permissions)
                    held.append(made.id)
                    everything.append(made.id)
                elif operation == "update":
                    await api_keys.update(tx, caller, on, name=None, permissions=permissions)
                else:
                    await api_keys.rotate(tx, caller, on)
                    if on not in held:
                        held.append(on)
        except Invalid:
            pass
    async with house.world.glancing() as look:
        for id in held:
            assert set((await key_store.one(look, ada.id, id)).permissions) <= set(start)
