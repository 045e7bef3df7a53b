"""Notifications in the app."""

import pytest


@pytest.fixture
async def boss(house):
    return await house.person(is_admin=True)


async def told(boss, person, **more) -> dict:
    answer = await boss.client.post("/admin/notifications", json={"userId": str(person.id), "title": "Hello", **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_notice_arrives_with_only_the_keys_it_has(boss, ada):
    made = await told(boss, ada)
    assert sorted(made) == ["createdAt", "id", "level", "title", "type"]
    assert (made["level"], made["type"]) == ("info", "Custom")
    full = await told(boss, ada, description="More", level="error", type="JobFailed", data={"albumId": "x"})
    assert (full["description"], full["data"]) == ("More", {"albumId": "x"})
    assert [each["id"] for each in (await ada.client.get("/notifications")).json()] == [full["id"], made["id"]]


async def test_notices_are_found_by_what_they_are(boss, ada):
    one = await told(boss, ada, level="error")
    await told(boss, ada, type="SystemMessage")
    for query in (f"id={one['id']}", "level=error", "type=Custom", "unread=true&level=error"):
        found = (await ada.client.get(f"/notifications?{query}")).json()
        assert [each["id"] for each in found] == [one["id"]], query


async def test_reading_one_and_many(boss, ada):
    one, two = await told(boss, ada), await told(boss, ada)
    read = await ada.client.put(f"/notifications/{one['id']}", json={"readAt": "2024-01-01T00:00:00Z"})
    assert read.json()["readAt"] == "2024-01-01T00:00:00.000Z"
    assert [n["id"] for n in (await ada.client.get("/notifications?unread=true")).json()] == [two["id"]]
    many = {"ids": [one["id"], two["id"]], "readAt": None}
    assert (await ada.client.put("/notifications", json=many)).status_code == 204
    assert len((await ada.client.get("/notifications?unread=true")).json()) == 2
    assert "readAt" not in (await ada.client.put(f"/notifications/{one['id']}", json={})).json()


async def test_removed_notices_are_gone(boss, ada):
    one, two = await told(boss, ada), await told(boss, ada)
    assert (await ada.client.delete(f"/notifications/{one['id']}")).status_code == 204
    assert (await ada.client.get(f"/notifications/{one['id']}")).json() == {"message": "Notification not found"}
    assert (await ada.client.request("DELETE", "/notifications", json={"ids": [two["id"]]})).status_code == 204
    assert (await ada.client.get("/notifications")).json() == []


async def test_other_peoples_notices_are_unknown(boss, ada, eve):
    one = await told(boss, ada)
    for method, path, body in (
        ("GET", f"/notifications/{one['id']}", None),
        ("PUT", f"/notifications/{one['id']}", {}),
        ("DELETE", "/notifications", {"ids": [one["id"]]}),
    ):
        answer = await eve.client.request(method, path, json=body)
        assert answer.status_code == 400
        assert answer.json()["message"].startswith("Not found or no notification.")
    assert (await eve.client.get("/notifications")).json() == []


async def test_nonsense_is_refused(boss, ada):
    assert (await ada.client.put("/notifications", json={"ids": []})).status_code == 400
    assert (await ada.client.get("/notifications?level=loud")).status_code == 400
    assert (await ada.client.post("/admin/notifications", json={})).status_code == 403
