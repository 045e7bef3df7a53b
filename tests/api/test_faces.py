"""Faces over HTTP."""

import pytest

from tests.faces import NOWHERE, Faces, face_of, is_on, listed, refused, seen


@pytest.fixture
def faces(house):
    return Faces(house)


@pytest.fixture
async def ann(ada):
    answer = await ada.client.post("/people", json={"name": "Ann"})
    assert answer.status_code == 201
    return answer.json()["id"]


async def test_faces_of_a_photo_from_left_to_right(house, ada, ann, faces):
    asset = await ada.asset()
    await faces.keep(
        asset, seen(200, 10, 250, 70), seen(10, 10, 60, 70), seen(500, 10, 550, 70), width=1000, height=800
    )
    await house.sql("UPDATE face SET person_id = $1 WHERE asset_id = $2 AND x1 = 10", ann, asset)
    await house.sql("UPDATE face SET is_visible = false WHERE asset_id = $1 AND x1 = 500", asset)
    answer = await ada.client.get("/faces", params={"id": asset})
    assert answer.status_code == 200
    first, second = answer.json()
    assert first == {
        "id": first["id"],
        "imageWidth": 1000,
        "imageHeight": 800,
        "boundingBoxX1": 10,
        "boundingBoxY1": 10,
        "boundingBoxX2": 60,
        "boundingBoxY2": 70,
        "sourceType": "machine-learning",
        "person": (await ada.client.get(f"/people/{ann}")).json(),
    }
    assert (second["boundingBoxX1"], second["person"]) == (200, None)


async def test_a_face_is_drawn_and_stands_for_somebody_who_had_none(house, ada, ann):
    asset = await ada.asset()
    body = {
        "assetId": asset,
        "personId": ann,
        "imageWidth": 512,
        "imageHeight": 345,
        "x": -10,
        "y": 10,
        "width": 50,
        "height": 0,
    }
    refused(await ada.client.post("/faces", json=body), "Asset does not have valid dimensions")
    await house.sql("UPDATE asset SET width = 512, height = 345 WHERE id = $1", asset)
    answer = await ada.client.post("/faces", json=body)
    assert (answer.status_code, answer.content) == (201, b"")
    (face,) = (await ada.client.get("/faces", params={"id": asset})).json()
    assert (face["boundingBoxX1"], face["boundingBoxX2"], face["boundingBoxY2"]) == (-10, 40, 10)
    assert (face["sourceType"], face["person"]["id"], face["imageWidth"]) == ("manual", ann, 512)
    assert str((await house.row(ann, "person"))["feature_face_id"]) == face["id"]
    assert (await listed(ada.client))["total"] == 1
    answer = await ada.client.post("/faces", json={**body, "x": 2**40})
    refused(answer, "x: no picture reaches that far.")
    assert (await ada.client.post("/faces", json={**body, "x": 1.5})).status_code == 400


async def test_a_face_is_somebody_else(house, ada, ann, faces):
    bob = (await ada.client.post("/people", json={"name": "Bob"})).json()["id"]
    (asset,) = await is_on(house, ada, faces, bob)
    face = await face_of(house, asset)
    answer = await ada.client.put(f"/faces/{ann}", json={"id": face})
    assert (answer.status_code, answer.json()["id"]) == (200, ann)
    assert str((await house.row(face, "face"))["person_id"]) == ann
    assert str((await house.row(ann, "person"))["feature_face_id"]) == face
    refused(await ada.client.put(f"/faces/{ann}", json={"id": NOWHERE}), "Not found or no person.create access")
    refused(await ada.client.put(f"/faces/{NOWHERE}", json={"id": face}), "Not found or no person.update access")
    await house.sql("UPDATE asset SET visibility = 'locked' WHERE id = $1", asset)
    refused(await ada.client.put(f"/faces/{bob}", json={"id": face}), "Not found or no person.create access")


async def test_a_face_is_taken_away_softly_or_for_good(house, ada, ann, faces):
    first, second = await is_on(house, ada, faces, ann, 2)
    face = await face_of(house, first)
    await ada.client.put(f"/people/{ann}", json={"featureFaceAssetId": first})
    for force in (False, False):
        assert (await ada.client.request("DELETE", f"/faces/{face}", json={"force": force})).status_code == 204
    assert (await ada.client.get("/faces", params={"id": first})).json() == []
    assert (await house.row(face, "face"))["deleted_at"] is not None
    assert str((await house.row(ann, "person"))["feature_face_id"]) == await face_of(house, second)
    assert (await ada.client.request("DELETE", f"/faces/{face}", json={"force": True})).status_code == 204
    assert (await house.sql("SELECT FROM face WHERE id = $1", face)) == []
    refused(
        await ada.client.request("DELETE", f"/faces/{face}", json={"force": True}), "Not found or no face.delete access"
    )


async def test_partners_see_faces_but_nobody_in_them(house, ada, eve, ann, faces):
    (asset,) = await is_on(house, ada, faces, ann)
    await house.sql("INSERT INTO partner (shared_by_id, shared_with_id) VALUES ($1, $2)", ada.id, eve.id)
    (face,) = (await eve.client.get("/faces", params={"id": asset})).json()
    assert face["person"] is None


async def test_a_photo_says_who_is_in_it_to_its_owner_alone(house, ada, eve, ann, faces):
    (asset,) = await is_on(house, ada, faces, ann)
    await ada.client.put(f"/people/{ann}", json={"color": "#abc", "isHidden": True})
    await house.sql(
        "INSERT INTO partner (shared_by_id, shared_with_id, in_timeline) VALUES ($1, $2, true)", ada.id, eve.id
    )
    person = (await ada.client.get(f"/people/{ann}")).json()
    for answer in (
        await ada.client.get(f"/assets/{asset}"),
        await ada.client.put(f"/assets/{asset}", json={"isFavorite": True}),
    ):
        (shown,) = answer.json()["people"]
        assert shown | {"updatedAt": ""} == person | {"updatedAt": ""}
    assert (await eve.client.get(f"/assets/{asset}")).json()["people"] == []
    for path in ("/search/metadata", "/search/random"):
        for client, asked, count in ((ada.client, True, 1), (ada.client, False, 0), (eve.client, True, 0)):
            found = (await client.post(path, json={"withPeople": asked, "withExif": True})).json()
            items = found if isinstance(found, list) else found["assets"]["items"]
            assert [len(item["people"]) for item in items] == [count]
    await house.sql("UPDATE face SET deleted_at = now() WHERE asset_id = $1", asset)
    assert (await ada.client.get(f"/assets/{asset}")).json()["people"] == []


async def test_photos_of_somebody_are_found_and_make_a_timeline(house, ada, ann, faces):
    bob = (await ada.client.post("/people", json={"name": "Bob"})).json()["id"]
    both, alone = await is_on(house, ada, faces, ann, 2)
    await faces.keep(both, seen(0, 10, 80, 100), seen(300, 10, 380, 100))
    await house.sql("UPDATE face SET person_id = $1 WHERE asset_id = $2 AND x1 = 300", bob, both)
    other = await ada.asset()

    async def found(**body):
        answer = await ada.client.post("/search/metadata", json=body)
        return {item["id"] for item in answer.json()["assets"]["items"]}

    assert await found(personIds=[ann]) == {both, alone}
    assert await found(personIds=[ann, bob]) == {both}
    assert await found(filter={"personIds": {"any": [bob, NOWHERE]}}) == {both}
    assert await found(filter={"personIds": {"none": [bob]}}) == {alone, other}
    assert await found(filter={"hasPeople": {"eq": False}}) == {other}
    await faces.keep(other, seen(0, 10, 80, 100))  # somebody, although nobody knows who
    assert await found(filter={"hasPeople": {"eq": True}}) == {both, alone, other}
    buckets = (await ada.client.get("/timeline/buckets", params={"personId": ann})).json()
    assert sum(bucket["count"] for bucket in buckets) == 2
    month = buckets[0]["timeBucket"]
    tiles = (await ada.client.get("/timeline/bucket", params={"personId": bob, "timeBucket": month})).json()
    assert tiles["id"] == [both]
    assert (await ada.client.get("/timeline/buckets", params={"personId": NOWHERE})).json() == []
