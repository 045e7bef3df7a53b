"""Adding, changing, removing and restoring people."""

import json
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

from calotype.accounts import store, usage, users
from calotype.accounts.caller import Caller, KeyCredential
from calotype.accounts.users import NewPerson, UserErased, UserRemoved
from calotype.core.errors import Forbidden, Invalid
from calotype.core.ids import ApiKeyId, UserId


async def create(house, name="Bob", **fields):
    person = NewPerson(email=f"{name.lower()}@example.com", name=name, password="password", **fields)
    async with house.world.writing() as tx:
        return await users.create(tx, person)


async def refused(house, sentence: str, attempt) -> None:
    with pytest.raises(Invalid) as refusal:
        async with house.world.writing() as tx:
            await attempt(tx)
    assert refusal.value.sentence == sentence


async def test_the_first_person_is_an_administrator(house) -> None:
    with pytest.raises(Invalid, match=r"The first registered account must the administrator\."):
        await create(house)
    assert (await create(house, "Ada", is_admin=True)).is_admin
    assert not (await create(house, "Bob")).is_admin


async def test_addresses_and_labels_are_given_out_once_even_those_of_removed_people(house) -> None:
    ada = await house.person("Ada", is_admin=True)
    caller = Caller(ada.id, True)
    bob = await create(house, "Bob", storage_label="b..ob")
    assert bob.storage_label == "bob"
    async with house.world.writing() as tx:
        await users.remove(tx, caller, bob.id, at_once=False, now=house.clock.now())
    with pytest.raises(Invalid, match="Email is not available"):
        await create(house, "Bob")
    with pytest.raises(Invalid, match="Storage label already in use by another account"):
        await create(house, "Eve", storage_label="bob")
    await refused(house, "Email is not available", lambda tx: users.change(tx, ada.id, {"email": "bob@example.com"}))
    async with house.world.writing() as tx:  # one's own address is no obstacle
        await users.change(tx, ada.id, {"email": "ada@example.com", "storage_label": "ada"})


async def test_only_what_is_given_changes(house) -> None:
    ada = await house.person(avatar_color="pink", quota_bytes=100)
    async with house.world.writing() as tx:
        changed = await users.change(tx, ada.id, {"name": "Ada L."})
    assert (changed.name, changed.avatar_color, changed.quota_bytes) == ("Ada L.", "pink", 100)
    async with house.world.writing() as tx:
        changed = await users.change(tx, ada.id, {"chosen_color": None, "quota_bytes": None})
    assert changed.chosen_color is None
    assert changed.quota_bytes is None


async def test_a_new_quota_counts_again_what_is_used(house) -> None:
    ada = await house.person()
    await house.asset(ada, size_bytes=70)
    await house.asset(ada, size_bytes=30, library_id=uuid4())  # what a watched folder holds does not count
    async with house.world.writing() as tx:
        changed = await users.change(tx, ada.id, {"quota_bytes": 100})
    assert changed.usage_bytes == 70


async def test_room_is_claimed_up_to_the_quota_and_given_back(house) -> None:
    ada = await house.person(quota_bytes=100)
    async with house.world.writing() as tx:
        assert await usage.claim(tx, ada.id, 60)
        assert await usage.claim(tx, ada.id, 40)
        assert not await usage.claim(tx, ada.id, 1)
        await usage.add_usage(tx, ada.id, -50)
        assert await usage.claim(tx, ada.id, 50)
        await usage.add_usage(tx, ada.id, -(10**9))
        assert (await users.get(tx, ada.id)).usage_bytes == 0


async def test_changing_oneself_resets_the_demand_for_a_new_password(house) -> None:
    ada = await house.person()
    caller, _ = await house.login(ada)
    async with house.world.writing() as tx:
        changed = await users.change_own(tx, caller, {"password": "new password"})
    assert not changed.should_change_password
    assert changed.has_password
    await refused(house, "No fields to update", lambda tx: users.change_own(tx, caller, {}))
    await refused(house, "password is required", lambda tx: users.change_own(tx, caller, {"password": ""}))


async def test_a_limited_key_cannot_set_a_password_and_log_in_with_it(house) -> None:
    ada = await house.person()
    limited = Caller(ada.id, False, key=KeyCredential(ApiKeyId(uuid4()), frozenset({"user.update"})))
    with pytest.raises(Forbidden, match="Missing required permission: all"):
        async with house.world.writing() as tx:
            await users.change_own(tx, limited, {"password": "new password"})
    async with house.world.writing() as tx:
        assert (await users.change_own(tx, limited, {"name": "A"})).name == "A"


async def test_nobody_makes_or_unmakes_themselves_an_administrator(house) -> None:
    ada, bob = await house.person("Ada", is_admin=True), await house.person("Bob")
    caller = Caller(ada.id, True)
    await refused(
        house,
        "Admin status can only be changed by another admin",
        lambda tx: users.change_other(tx, caller, ada.id, {"is_admin": False}),
    )
    async with house.world.writing() as tx:
        assert (await users.change_other(tx, caller, bob.id, {"is_admin": True})).is_admin


async def test_removed_people_cannot_be_changed_or_found_but_come_back(house) -> None:
    ada, bob = await house.person("Ada", is_admin=True), await house.person("Bob")
    caller = Caller(ada.id, True)
    async with house.world.writing() as tx:
        removed = await users.remove(tx, caller, bob.id, at_once=False, now=house.clock.now())
    assert (removed.status, removed.deleted_at) == ("deleted", house.clock.now())
    await refused(house, "User not found", lambda tx: users.change(tx, bob.id, {"name": "x"}))
    await refused(house, "User not found", lambda tx: users.get_active(tx, bob.id))
    async with house.world.glancing() as look:
        assert (await users.get(look, bob.id)).id == bob.id
        assert [user.id for user in await users.visible(look, caller, is_public=False)] == [ada.id]
        assert len(await store.listed(look, with_deleted=True, id=None)) == 2
    for _ in range(2):  # restoring twice is no error
        async with house.world.writing() as tx:
            restored = await users.restore(tx, bob.id)
        assert (restored.status, restored.deleted_at) == ("active", None)


async def test_removing_at_once_is_told_and_removing_oneself_is_refused(house) -> None:
    ada, bob = await house.person("Ada", is_admin=True), await house.person("Bob")
    caller = Caller(ada.id, True)
    async with house.world.writing() as tx:
        removed = await users.remove(tx, caller, bob.id, at_once=True, now=house.clock.now())
    assert removed.status == "removing"
    assert UserRemoved(bob.id) in house.told
    with pytest.raises(Forbidden, match="Cannot delete your own account"):
        async with house.world.writing() as tx:
            await users.remove(tx, caller, ada.id, at_once=True, now=house.clock.now())
    await refused(
        house,
        "User not found",
        lambda tx: users.remove(tx, caller, UserId(uuid4()), at_once=False, now=house.clock.now()),
    )


async def test_only_removed_people_are_erased(house) -> None:
    ada, bob = await house.person("Ada", is_admin=True), await house.person("Bob")
    await house.asset(bob)
    async with house.world.writing() as tx:
        assert not await users.erase(tx, bob.id)
        await users.remove(tx, Caller(ada.id, True), bob.id, at_once=False, now=house.clock.now())
    async with house.world.writing() as tx:
        assert await users.erase(tx, bob.id)
    assert UserErased(bob.id) in house.told
    assert await house.execute("SELECT count(*) FROM asset") == 0
    async with house.world.writing() as tx:
        assert not await users.erase(tx, bob.id)


async def test_preferences_are_stored_as_differences(house) -> None:
    ada = await house.person()
    stored = "SELECT value FROM user_metadata WHERE key = 'preferences'"
    async with house.world.writing() as tx:
        tree = await users.change_preferences(tx, ada.id, {"people": {"minimumFaces": 5}})
    assert tree["people"]["minimumFaces"] == 5
    assert await house.execute(stored) == '{"people": {"minimumFaces": 5}}'
    async with house.world.writing() as tx:
        await users.change_preferences(tx, ada.id, {"people": {"minimumFaces": 3}})
    assert await house.execute(stored) is None


async def test_onboarding_is_off_until_it_is_set(house) -> None:
    ada = await house.person()
    async with house.world.writing() as tx:
        assert not await users.is_onboarded(tx, ada.id)
        await users.set_onboarded(tx, ada.id, True)
        assert await users.is_onboarded(tx, ada.id)


def test_a_heat_map_spans_fifty_two_weeks_unless_it_is_asked_otherwise() -> None:
    today = date(2026, 5, 1)
    assert users.heatmap_range(None, None, today) == (today - timedelta(days=363), today)
    assert users.heatmap_range(None, date(2025, 1, 1), today) == (date(2024, 1, 4), date(2025, 1, 1))
    assert users.heatmap_range(date(2026, 4, 1), None, today) == (date(2026, 4, 1), today)


async def test_a_day_is_counted_by_upload_in_utc_and_by_capture_on_the_clock_of_the_place(house) -> None:

    ada = await house.person()
    late, midnight = datetime(2026, 4, 1, 23, 59, tzinfo=UTC), datetime(2026, 4, 2, tzinfo=UTC)
    taken = datetime.fromisoformat("2024-03-01T23:00:00")
    await house.asset(ada, created_at=late, local_taken=taken)
    await house.asset(ada, created_at=midnight, local_taken=taken + timedelta(hours=1))
    await house.asset(ada, status="trashed", deleted_at=house.clock.now(), created_at=datetime(2026, 4, 1, tzinfo=UTC))
    async with house.world.glancing() as look:
        uploaded = await store.uploaded_by_day(look, ada.id, date(2026, 4, 1), date(2026, 4, 1))
        by_capture = await store.taken_by_day(look, ada.id, date(2024, 3, 1), date(2024, 3, 2))
    assert uploaded == {date(2026, 4, 1): 1}
    assert by_capture == {date(2024, 3, 1): 1, date(2024, 3, 2): 1}


async def test_statements_and_code_derive_the_same_colour(house) -> None:
    for name in ("Ada", "Bob", "Eve", "Zoe"):
        await house.person(name)
    await house.person("Pia", avatar_color="pink")
    rows = await house.execute(f"SELECT json_object_agg(users.email, {store.AVATAR_COLOR}) FROM users")
    async with house.world.glancing() as look:
        assert json.loads(rows) == {user.email: user.avatar_color for user in await store.active(look)}
