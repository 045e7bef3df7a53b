"""A library at a glance, people and places by name, and what is to be read in pictures."""

from uuid import UUID

import pytest


async def place(house, ids, city: str) -> None:
    await house.sql("UPDATE asset SET city = $1 WHERE id = ANY($2)", city, [UUID(id) for id in ids])


async def test_each_city_shows_its_latest_photo(house, ada, eve):
    first, second, oslo, hidden = [await ada.asset() for _ in range(4)]
    await place(house, [first, second], "Rome")
    await place(house, [oslo], "oslo")
    await place(house, [hidden], "Zurich")
    await house.sql("UPDATE asset SET visibility = 'archive' WHERE id = $1", UUID(hidden))
    await house.sql("UPDATE asset SET taken_at = taken_at + interval '1 day' WHERE id = $1", UUID(second))
    found = (await ada.client.get("/search/cities")).json()
    assert [item["id"] for item in found] == [oslo, second]
    assert found[0]["exifInfo"]["city"] == "oslo"
    assert (await eve.client.get("/search/cities")).json() == []
    await house.sql(
        "INSERT INTO partner (shared_by_id, shared_with_id, in_timeline) VALUES ($1, $2, true)", ada.id, eve.id
    )
    assert [item["id"] for item in (await eve.client.get("/search/cities")).json()] == [oslo, second]


async def test_explore_shows_well_known_cities_and_what_came_last(house, ada, eve):
    ids = [await ada.asset() for _ in range(6)]
    await place(house, ids[:5], "Rome")
    await place(house, ids[5:], "Oslo")
    cities, latest = (await ada.client.get("/search/explore")).json()
    assert cities["fieldName"] == "exifInfo.city"
    assert [item["value"] for item in cities["items"]] == ["Rome"]
    assert cities["items"][0]["data"]["id"] in ids[:5]
    assert latest["fieldName"] == "createdAt"
    assert {item["data"]["id"] for item in latest["items"]} == set(ids)
    assert all(item["value"] == item["data"]["createdAt"] for item in latest["items"])
    await house.sql("UPDATE asset SET visibility = 'locked' WHERE id = ANY($1)", [UUID(id) for id in ids])
    assert [group["items"] for group in (await ada.client.get("/search/explore")).json()] == [[], []]
    assert [group["items"] for group in (await eve.client.get("/search/explore")).json()] == [[], []]


@pytest.mark.parametrize(
    ("asked", "names"), [("ann", ["Ann Ö", "Anne"]), ("ANN O", ["Ann Ö", "Anne"]), ("xyz", []), ("hid", [])]
)
async def test_people_are_found_by_about_their_name(house, ada, eve, asked, names):
    for name, is_hidden in (("Anne", False), ("Ann Ö", False), ("Hidden", True), ("", False)):
        await house.sql("INSERT INTO person (owner_id, name, is_hidden) VALUES ($1, $2, $3)", ada.id, name, is_hidden)
    answer = await ada.client.get("/search/person", params={"name": asked})
    assert [person["name"] for person in answer.json()] == names
    assert (await eve.client.get("/search/person", params={"name": asked})).json() == []


async def test_hidden_people_are_found_on_request(house, ada):
    await house.sql("INSERT INTO person (owner_id, name, is_hidden) VALUES ($1, 'Hidden', true)", ada.id)
    answer = await ada.client.get("/search/person", params={"name": "hidden", "withHidden": "true"})
    assert [person["name"] for person in answer.json()] == ["Hidden"]
    assert (await ada.client.get("/search/person")).status_code == 400


async def test_text_in_a_picture_is_told_line_by_line(house, ada, eve):
    id = await ada.asset()
    assert (await ada.client.get(f"/assets/{id}/ocr")).json() == []
    await house.sql(
        """INSERT INTO text_line (asset_id, place, text, corners, box_score, text_score, is_visible)
           VALUES ($1, 1, 'world', '{0,0,1,0,1,1,0,1}', 0.5, 0.6, true),
                  ($1, 0, 'hello', '{0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8}', 0.9, 0.8, true),
                  ($1, 2, 'cut away', '{0,0,0,0,0,0,0,0}', 0.9, 0.8, false)""",
        UUID(id),
    )
    first, second = (await ada.client.get(f"/assets/{id}/ocr")).json()
    assert [first["text"], second["text"]] == ["hello", "world"]
    assert first["assetId"] == id
    assert [first[corner] for corner in ("x1", "y1", "x4", "y4", "boxScore", "textScore")] == [
        0.1,
        0.2,
        0.7,
        0.8,
        0.9,
        0.8,
    ]
    assert (await eve.client.get(f"/assets/{id}/ocr")).status_code == 400


@pytest.mark.parametrize(
    ("asked", "is_found"),
    [
        ("receipt", True),
        ("RECEIPTS", True),
        ("café", True),
        ("cafe central", True),
        ("eipt", True),
        ("東京", True),
        ("12%", True),
        ("2%0", False),
        ("\\", False),
        ("bank", False),
    ],
)
async def test_photos_are_found_by_words_in_the_picture(house, ada, asked, is_found):
    id = await ada.asset()
    await house.sql(
        "INSERT INTO asset_text (asset_id, words, read_at) VALUES ($1, fold($2::text), now())",
        UUID(id),
        "Café Central\nRECEIPT No 12% of 200\n東京タワー",
    )
    await house.sql("INSERT INTO asset_text (asset_id, words, read_at) VALUES ($1, '', now())", UUID(await ada.asset()))
    answer = await ada.client.post("/search/metadata", json={"ocr": asked})
    assert [item["id"] for item in answer.json()["assets"]["items"]] == ([id] if is_found else [])
