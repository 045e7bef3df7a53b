"""Sessions and API keys over HTTP."""

import re
from uuid import uuid4

import pytest

PUBLIC = {"id", "createdAt", "updatedAt", "current", "deviceType", "deviceOS", "appVersion", "isPendingSyncReset"}


def message(answer, status: int = 400) -> str:
    assert answer.status_code == status, answer.text
    return answer.json()["message"]


async def create(client, *permissions: str, **fields: str):
    return await client.post("/api-keys", json={"permissions": list(permissions), **fields})


# Sessions -----------------------------------------------------------------------------------------------------------


async def test_sessions_are_listed_for_their_owner_with_the_current_one_marked(house, ada, eve) -> None:
    child = await ada.client.post("/sessions", json={"duration": 900, "deviceType": "TV", "deviceOS": "webOS"})
    assert child.status_code == 201
    made = child.json()
    assert set(made) == PUBLIC | {"token", "expiresAt"}
    assert (made["current"], made["deviceType"], made["deviceOS"], made["appVersion"]) == (False, "TV", "webOS", None)
    listed = (await ada.client.get("/sessions")).json()
    assert {each["id"]: each["current"] for each in listed} == {str(ada.session_id): True, made["id"]: False}
    (own,) = [each for each in listed if each["current"]]
    assert set(own) == PUBLIC  # one that never ends has no `expiresAt`
    television = house.client().get("/users/me", params={"sessionKey": made["token"]})
    assert (await television).json()["id"] == str(ada.id)
    assert [each["id"] for each in (await eve.client.get("/sessions")).json()] == [str(eve.session_id)]


async def test_a_session_for_a_device_needs_a_session_and_a_body(house, ada) -> None:
    secret = (await create(ada.client, "all")).json()["secret"]
    script = house.client(**{"x-api-key": secret})
    assert message(await script.post("/sessions", json={})) == "This endpoint can only be used with a session token"
    assert message(await ada.client.post("/sessions", json={"duration": 0})) == "Validation failed"
    missing = await ada.client.post("/sessions")
    assert missing.json()["errors"][0]["message"] == "Invalid input: expected object, received undefined"
    assert all(not each["current"] for each in (await script.get("/sessions")).json())


async def test_a_device_is_asked_to_sync_anew(ada, eve) -> None:
    path = f"/sessions/{ada.session_id}"
    for method in ("PUT", "PATCH"):
        changed = await ada.client.request(method, path, json={"isPendingSyncReset": True})
        assert changed.json()["isPendingSyncReset"] is True
    assert message(await ada.client.put(path, json={})) == "No fields to update"
    refusal = "Not found or no session.update access"
    assert message(await eve.client.put(path, json={"isPendingSyncReset": True})) == refusal
    assert message(await ada.client.put(f"/sessions/{uuid4()}", json={"isPendingSyncReset": True})) == refusal


async def test_sessions_are_ended_one_by_one_or_all_the_others(house, ada, eve) -> None:
    tokens = [(await ada.client.post("/sessions", json={})).json() for _ in range(3)]
    first, *others = tokens
    refusal = "Not found or no authDevice.delete access"
    assert message(await eve.client.delete(f"/sessions/{first['id']}")) == refusal
    assert (await ada.client.delete(f"/sessions/{first['id']}")).status_code == 204
    assert message(await ada.client.delete(f"/sessions/{first['id']}")) == refusal
    assert message(await house.client(first["token"]).get("/users/me"), 401) == "Invalid user token"
    assert (await ada.client.delete("/sessions")).status_code == 204
    for other in others:
        assert (await house.client(other["token"]).get("/users/me")).status_code == 401
    assert (await ada.client.get("/users/me")).status_code == 200


async def test_the_locked_folder_is_closed_on_another_device(house, ada, eve) -> None:
    await house.elevate(ada)
    assert (await ada.client.get("/auth/status")).json()["isElevated"]
    path = f"/sessions/{ada.session_id}/lock"
    assert message(await eve.client.post(path)) == "Not found or no session.lock access"
    assert (await ada.client.post(path)).status_code == 204
    assert not (await ada.client.get("/auth/status")).json()["isElevated"]


# API keys -----------------------------------------------------------------------------------------------------------


async def test_a_key_is_shown_once_and_works_as_far_as_it_goes(house, ada) -> None:
    answer = await create(ada.client, "asset.upload", "asset.read", name="cli")
    assert answer.status_code == 201
    made = answer.json()
    assert set(made) == {"secret", "apiKey", "id", "name", "createdAt", "updatedAt", "permissions"}
    assert made["apiKey"] == {name: made[name] for name in ("id", "name", "createdAt", "updatedAt", "permissions")}
    assert made["permissions"] == ["asset.upload", "asset.read"]
    assert re.fullmatch(r"\w{38,43}", made["secret"])
    script = house.client(**{"x-api-key": made["secret"]})
    assert (await script.get("/api-keys/me")).json() == made["apiKey"]
    assert message(await script.get("/users/me"), 403) == "Missing required permission: user.read"
    assert message(await script.get("/api-keys"), 403) == "Missing required permission: apiKey.read"
    assert message(await ada.client.get("/api-keys/me"), 403) == "Not authenticated with an API Key"
    assert (await ada.client.get("/api-keys")).json() == [made["apiKey"]]
    assert (await ada.client.get(f"/api-keys/{made['id']}")).json() == made["apiKey"]


async def test_a_key_without_a_name_gets_one(ada) -> None:
    assert (await create(ada.client, "all")).json()["name"] == "API Key"
    assert (await create(ada.client, "all", name="")).json()["name"] == "API Key"


async def test_a_key_needs_permissions_that_exist(ada) -> None:
    assert (await create(ada.client)).json()["errors"] == [
        {
            "origin": "array",
            "code": "too_small",
            "minimum": 1,
            "inclusive": True,
            "path": ["permissions"],
            "message": "Too small: expected array to have >=1 items",
        }
    ]
    (fault,) = (await create(ada.client, "all", "asset.destroy")).json()["errors"]
    assert (fault["code"], fault["path"]) == ("invalid_value", ["permissions", 1])
    assert fault["message"].startswith('Invalid option: expected one of "all"|')


async def test_a_key_cannot_make_a_stronger_one(house, ada) -> None:
    limited = ("apiKey.create", "apiKey.update", "apiKey.rotate", "asset.read")
    weak = (await create(ada.client, *limited)).json()
    strong = (await create(ada.client, "all")).json()
    script = house.client(**{"x-api-key": weak["secret"]})
    refusal = "Cannot grant permissions you do not have"
    assert message(await create(script, "asset.delete")) == refusal
    assert message(await create(script, "all")) == refusal
    for id in (weak["id"], strong["id"]):
        assert message(await script.put(f"/api-keys/{id}", json={"permissions": ["all"]})) == refusal
    assert message(await script.post(f"/api-keys/{strong['id']}/rotate")) == refusal
    assert (await create(script, "asset.read")).status_code == 201


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_a_key_is_changed_by_its_owner_and_the_change_counts_at_once(house, ada, method: str) -> None:
    made = (await create(ada.client, "user.read")).json()
    script = house.client(**{"x-api-key": made["secret"]})
    assert (await script.get("/users/me")).status_code == 200
    path = f"/api-keys/{made['id']}"
    changed = await ada.client.request(method, path, json={"name": "new", "permissions": ["album.read"]})
    assert (changed.json()["name"], changed.json()["permissions"]) == ("new", ["album.read"])
    assert (await script.get("/users/me")).status_code == 403
    assert message(await ada.client.request(method, path, json={})) == "No fields to update"


async def test_a_rotated_key_has_another_secret_and_the_old_one_is_dead(house, ada) -> None:
    made = (await create(ada.client, "user.read")).json()
    old = house.client(**{"x-api-key": made["secret"]})
    assert (await old.get("/users/me")).status_code == 200
    rotated = await ada.client.post(f"/api-keys/{made['id']}/rotate")
    assert rotated.status_code == 201
    assert rotated.json()["id"] == made["id"]
    assert message(await old.get("/users/me"), 401) == "Invalid API key"
    assert (await house.client(**{"x-api-key": rotated.json()["secret"]}).get("/users/me")).status_code == 200


async def test_keys_of_others_are_unknown(house, ada, eve) -> None:
    made = (await create(ada.client, "all")).json()
    for id in (made["id"], str(uuid4())):
        path = f"/api-keys/{id}"
        for answer in (
            await eve.client.get(path),
            await eve.client.put(path, json={"name": "mine"}),
            await eve.client.post(f"{path}/rotate"),
            await eve.client.delete(path),
        ):
            assert message(answer) == "API Key not found"
    assert (await ada.client.delete(f"/api-keys/{made['id']}")).status_code == 204
    assert message(await house.client(**{"x-api-key": made["secret"]}).get("/users/me"), 401) == "Invalid API key"


async def test_strangers_have_no_sessions_and_no_keys(house) -> None:
    for method, path in (("GET", "/sessions"), ("POST", "/sessions"), ("GET", "/api-keys"), ("POST", "/api-keys")):
        assert message(await house.client().request(method, path, json={}), 401) == "Authentication required"
