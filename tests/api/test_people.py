"""People over HTTP: every operation works, refuses strangers, and refuses what makes no sense."""

import pytest

from calotype.people.person import PeopleChanged
from tests.faces import NOWHERE, Faces, face_of, is_on, listed, refused, seen


@pytest.fixture
def faces(house):
    return Faces(house)


@pytest.fixture
async def ann(ada):
    answer = await ada.client.post("/people", json={"name": "Ann"})
    assert answer.status_code == 201
    return answer.json()["id"]


async def test_a_person_is_answered_in_the_published_shape(ada):
    body = {"name": "Ann", "birthDate": "1990-05-06", "isFavorite": True, "color": "abc"}
    answer = await ada.client.post("/people", json=body)
    assert answer.status_code == 201
    person = answer.json()
    assert person == {
        "id": person["id"],
        "name": "Ann",
        "birthDate": "1990-05-06",
        "thumbnailPath": "",
        "isHidden": False,
        "isFavorite": True,
        "color": "#abc",
        "updatedAt": person["updatedAt"],
    }
    assert (await ada.client.get(f"/people/{person['id']}")).json() == person
    plain = (await ada.client.post("/people", json={})).json()
    assert (plain["name"], plain["birthDate"]) == ("", None)
    assert "color" not in plain


@pytest.mark.parametrize("born", ["2999-01-01", "nonsense", "2024-02-30", ""])
async def test_nobody_is_born_tomorrow(ada, ann, born):
    for answer in (
        await ada.client.post("/people", json={"birthDate": born}),
        await ada.client.put(f"/people/{ann}", json={"birthDate": born}),
    ):
        assert answer.status_code == 400
        assert "Birth date cannot be in the future" in answer.text


async def test_bad_bodies_name_what_is_wrong(ada, ann):
    for method, path, body, field in (
        ("POST", "/people", {"name": 5}, "name"),
        ("POST", "/people", {"color": "blue"}, "color"),
        ("PUT", f"/people/{ann}", {"isHidden": "yes"}, "isHidden"),
        ("PUT", f"/people/{ann}", {"isHidden": None}, "isHidden"),
        ("PUT", "/people", {"people": [{"name": "x"}]}, "id"),
        ("POST", f"/people/{ann}/merge", {"ids": ["x"]}, "ids"),
        ("PUT", f"/people/{ann}/reassign", {"data": [{"assetId": NOWHERE}]}, "personId"),
        ("POST", f"/calotype/people/{ann}/split", {"faceIds": []}, "faceIds"),
        ("POST", "/faces", {}, "assetId"),
        ("DELETE", f"/faces/{NOWHERE}", {}, "force"),
    ):
        answer = await ada.client.request(method, path, json=body)
        assert answer.status_code == 400
        assert field in answer.text
    assert (await ada.client.get("/people", params={"size": 1001})).status_code == 400
    assert (await ada.client.get("/people", params={"withHidden": "maybe"})).status_code == 400
    assert (await ada.client.get("/people/nobody")).status_code == 400
    assert (await ada.client.get("/faces")).status_code == 400


async def test_a_change_changes_what_is_sent_and_an_empty_one_bumps_the_version(ada, ann):
    before = (await ada.client.get(f"/people/{ann}")).json()
    answer = await ada.client.put(f"/people/{ann}", json={})
    assert answer.status_code == 200
    assert answer.json()["updatedAt"] > before["updatedAt"]
    changed = (
        await ada.client.patch(f"/people/{ann}", json={"birthDate": "2001-02-03", "color": "#112233", "isHidden": True})
    ).json()
    assert (changed["name"], changed["birthDate"], changed["color"], changed["isHidden"]) == (
        "Ann",
        "2001-02-03",
        "#112233",
        True,
    )
    cleared = (await ada.client.put(f"/people/{ann}", json={"birthDate": None, "color": None, "name": ""})).json()
    assert (cleared["name"], cleared["birthDate"]) == ("", None)
    assert "color" not in cleared


async def test_many_are_changed_each_by_itself(house, ada, eve, ann):
    foreign = (await eve.client.post("/people", json={"name": "Hers"})).json()["id"]
    body = {"people": [{"id": ann, "name": "Anna", "color": "#fff"}, {"id": foreign, "name": "Mine"},
                       {"id": ann, "featureFaceAssetId": NOWHERE}]}  # fmt: skip
    assert (await ada.client.put("/people", json=body)).json() == [
        {"id": ann, "success": True},
        {"id": foreign, "success": False, "error": "unknown"},
        {"id": ann, "success": False, "error": "unknown"},
    ]
    person = (await ada.client.get(f"/people/{ann}")).json()
    assert person["name"] == "Anna"
    assert "color" not in person
    assert (await eve.client.get(f"/people/{foreign}")).json()["name"] == "Hers"
    assert (await ada.client.put("/people", json={"people": []})).json() == []


async def test_strangers_and_links_learn_nothing(house, ada, eve, ann, faces):
    (asset,) = await is_on(house, ada, faces, ann)
    face = await face_of(house, asset)
    theirs = (await eve.client.post("/people", json={"name": "Eve"})).json()["id"]
    client = eve.client
    for id in (ann, NOWHERE):
        refused(await client.get(f"/people/{id}"), "Not found or no person.read access")
        refused(await client.put(f"/people/{id}", json={"name": "x"}), "Not found or no person.update access")
        refused(await client.delete(f"/people/{id}"), "Not found or no person.delete access")
        refused(
            await client.request("DELETE", "/people", json={"ids": [theirs, id]}),
            "Not found or no person.delete access",
        )
        refused(await client.get(f"/people/{id}/statistics"), "Not found or no person.statistics access")
        refused(await client.get(f"/people/{id}/thumbnail"), "Not Found", 404)
        refused(await client.put(f"/people/{id}/reassign", json={"data": []}), "Not found or no person.update access")
        refused(await client.post(f"/people/{id}/merge", json={"ids": []}), "Not found or no person.update access")
        refused(await client.post("/people/merge", json={"ids": [id, theirs]}), "Not found or no person.update access")
        refused(
            await client.post(f"/calotype/people/{id}/split", json={"faceIds": [face]}),
            "Not found or no person.update access",
        )
        refused(await client.put(f"/faces/{id}", json={"id": face}), "Not found or no person.update access")
        refused(await client.get("/people", params={"closestPersonId": id}), "Person not found", 404)
        box = {"assetId": await eve.asset(), "imageWidth": 9, "imageHeight": 9, "x": 1, "y": 1, "width": 1, "height": 1}
        refused(await client.post("/faces", json={**box, "personId": id}), "Not found or no person.read access")
    refused(await client.put(f"/faces/{theirs}", json={"id": face}), "Not found or no person.create access")
    refused(
        await client.post(f"/calotype/people/{theirs}/split", json={"faceIds": [face]}),
        "Not found or no person.create access",
    )
    refused(
        await client.request("DELETE", f"/faces/{face}", json={"force": True}), "Not found or no face.delete access"
    )
    refused(await client.get("/faces", params={"id": asset}), "Not found or no asset.read access")
    refused(await client.post("/faces", json={**box, "assetId": asset, "personId": theirs}),
            "Not found or no asset.update access")  # fmt: skip
    moved = {"data": [{"personId": ann, "assetId": asset}]}
    assert (await client.put(f"/people/{theirs}/reassign", json=moved)).status_code == 200
    (row,) = await house.sql("SELECT person_id FROM face WHERE asset_id = $1", asset)
    assert str(row["person_id"]) == ann
    assert (await eve.client.get(f"/people/{theirs}")).status_code == 200
    assert (await house.client().get("/people")).status_code == 401


async def test_who_is_listed_and_in_which_order(house, ada, faces):
    people = {}
    for name, count, extra in (
        ("Zoe", 1, {}),
        ("Ann", 1, {}),
        ("", 3, {}),
        ("Bob", 2, {}),
        ("Fay", 1, {"isFavorite": True}),
        ("Hid", 5, {"isHidden": True}),
        ("none", 0, {}),
    ):
        people[name] = (await ada.client.post("/people", json={"name": name, **extra})).json()["id"]
        await is_on(house, ada, faces, people[name], count)
    rare = (await ada.client.post("/people", json={})).json()["id"]
    await is_on(house, ada, faces, rare, 2)
    page = await listed(ada.client)
    assert [each["name"] for each in page["people"]] == ["Fay", "Bob", "Ann", "Zoe", ""]
    assert (page["total"], page["hidden"], page["hasNextPage"]) == (7, 1, False)
    everybody = await listed(ada.client, withHidden="true")
    assert [each["name"] for each in everybody["people"]] == ["Fay", "Bob", "Ann", "Zoe", "", "Hid"]
    pages = [await listed(ada.client, page=number, size=2) for number in (1, 2, 3, 4)]
    assert [[each["name"] for each in page["people"]] for page in pages] == [["Fay", "Bob"], ["Ann", "Zoe"], [""], []]
    assert [page["hasNextPage"] for page in pages] == [True, True, False, False]
    await ada.client.put("/users/me/preferences", json={"people": {"minimumFaces": 2}})
    assert len((await listed(ada.client))["people"]) == 6


async def test_what_is_locked_trashed_or_archived_counts_for_nobody(house, ada, ann, faces):
    for state in ("visibility = 'locked'", "visibility = 'archive'", "status = 'trashed', deleted_at = now()"):
        (asset,) = await is_on(house, ada, faces, ann)
        assert (await listed(ada.client))["total"] == 1
        await house.sql(f"UPDATE asset SET {state} WHERE id = $1", asset)
        assert (await listed(ada.client)) == {"people": [], "hasNextPage": False, "total": 0, "hidden": 0}
        assert (await ada.client.get(f"/people/{ann}/statistics")).json() == {"assets": 0}
    await house.elevate(ada)
    assert (await listed(ada.client))["total"] == 0
    first, second = await is_on(house, ada, faces, ann, 2)
    await faces.keep(second, seen(0, 10, 80, 100), seen(300, 10, 400, 100))
    await house.sql("UPDATE face SET person_id = $1 WHERE asset_id = $2", ann, second)
    assert (await ada.client.get(f"/people/{ann}/statistics")).json() == {"assets": 2}
    await house.sql("UPDATE face SET is_visible = false WHERE asset_id = $1", first)
    assert (await ada.client.get(f"/people/{ann}/statistics")).json() == {"assets": 1}


async def test_the_most_alike_come_first(house, ada, faces):
    people = {}
    for name, who in (("Ann", "a"), ("Bob", "b"), ("Cid", "c")):
        people[name] = (await ada.client.post("/people", json={"name": name})).json()["id"]
        asset = await faces.photo(ada, who)
        await house.sql("UPDATE face SET person_id = $1 WHERE asset_id = $2", people[name], asset)
        await house.sql(
            "UPDATE person SET feature_face_id = $1 WHERE id = $2", await face_of(house, asset), people[name]
        )
    near = await faces.photo(ada, "c")
    for query in ({"closestPersonId": people["Cid"]}, {"closestAssetId": await face_of(house, near)}):
        assert (await listed(ada.client, **query))["people"][0]["name"] == "Cid"
    assert (await listed(ada.client, closestAssetId=NOWHERE))["people"][0]["name"] == "Ann"
    faceless = (await ada.client.post("/people", json={"name": "X"})).json()["id"]
    refused(await ada.client.get("/people", params={"closestPersonId": faceless}), "Person not found", 404)


async def test_a_photo_is_chosen_to_stand_for_somebody(house, ada, ann, faces):
    _, second = await is_on(house, ada, faces, ann, 2)
    answer = await ada.client.put(f"/people/{ann}", json={"featureFaceAssetId": second})
    assert answer.status_code == 200
    row = await house.row(ann, "person")
    assert str(row["feature_face_id"]) == await face_of(house, second)
    assert [event.person_ids for event in house.told if isinstance(event, PeopleChanged)] == [(row["id"],)]
    elsewhere = await ada.asset()
    refused(
        await ada.client.put(f"/people/{ann}", json={"featureFaceAssetId": elsewhere}),
        "Invalid assetId for feature face or asset is offline",
    )
    refused(
        await ada.client.put(f"/people/{ann}", json={"featureFaceAssetId": NOWHERE}),
        "Not found or no asset.read access",
    )
    await house.sql("UPDATE asset SET visibility = 'locked' WHERE id = $1", second)
    assert (await house.row(ann, "person"))["feature_face_id"] is None


async def test_forgetting_somebody_frees_their_faces(house, ada, ann, faces):
    (asset,) = await is_on(house, ada, faces, ann)
    portrait = house.data / "thumbs" / "portrait.jpeg"
    portrait.parent.mkdir(parents=True)
    portrait.write_bytes(b"jpeg")
    face = await face_of(house, asset)
    await house.sql(
        "UPDATE person SET portrait_path = 'thumbs/portrait.jpeg', portrait_face_id = $2 WHERE id = $1", ann, face
    )
    assert (await ada.client.delete(f"/people/{ann}")).status_code == 204
    assert not portrait.exists()
    (row,) = await house.sql("SELECT person_id, is_pinned FROM face WHERE asset_id = $1", asset)
    assert (row["person_id"], row["is_pinned"]) == (None, False)
    (stone,) = await house.sql("SELECT subject_id FROM tombstone WHERE kind = 'person' AND owner_id = $1", ada.id)
    assert str(stone["subject_id"]) == ann
    one, two = [(await ada.client.post("/people", json={})).json()["id"] for _ in range(2)]
    assert (await ada.client.request("DELETE", "/people", json={"ids": [one, NOWHERE]})).status_code == 400
    assert (await ada.client.get(f"/people/{one}")).status_code == 200
    assert (await ada.client.request("DELETE", "/people", json={"ids": [one, two]})).status_code == 204
    assert (await ada.client.get(f"/people/{two}")).status_code == 400
    assert (await ada.client.request("DELETE", "/people", json={"ids": []})).status_code == 204


async def test_the_portrait_is_served_with_a_weak_tag_and_never_from_a_locked_photo(house, ada, ann, faces):
    (asset,) = await is_on(house, ada, faces, ann)
    refused(await ada.client.get(f"/people/{ann}/thumbnail"), "Not Found", 404)
    path = house.data / "thumbs" / "p.jpeg"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"jpeg")
    face = await face_of(house, asset)
    await house.sql("UPDATE person SET portrait_path = 'thumbs/p.jpeg' WHERE id = $1", ann)
    await house.sql("UPDATE person SET portrait_face_id = $2, feature_face_id = $2 WHERE id = $1", ann, face)
    answer = await ada.client.get(f"/people/{ann}/thumbnail")
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, b"jpeg", "image/jpeg")
    assert answer.headers["cache-control"] == "private, no-cache, no-transform"
    assert "content-disposition" not in answer.headers
    tag = answer.headers["etag"]
    assert tag.startswith('W/"')
    again = await ada.client.get(f"/people/{ann}/thumbnail", headers={"if-none-match": tag})
    assert again.status_code == 304
    person = (await ada.client.get(f"/people/{ann}")).json()
    assert person["thumbnailPath"] == f"{house.data}/thumbs/p.jpeg"
    await house.sql("UPDATE asset SET visibility = 'locked' WHERE id = $1", asset)
    refused(await ada.client.get(f"/people/{ann}/thumbnail"), "Not Found", 404)
    assert (await ada.client.get(f"/people/{ann}")).json()["thumbnailPath"] == ""


# Merging and parting --------------------------------------------------------------------------------------------------


async def test_merging_takes_over_faces_name_and_birth_date(house, ada, eve, faces):
    async def made(**body):
        return (await ada.client.post("/people", json=body)).json()["id"]

    main, first, second = await made(), await made(birthDate="1990-01-01", color="#fff"), await made(name="Ann")
    foreign = (await eve.client.post("/people", json={})).json()["id"]
    await is_on(house, ada, faces, first)
    await is_on(house, ada, faces, second, 2)
    answer = await ada.client.post(f"/people/{main}/merge", json={"ids": [first, foreign, second, first, NOWHERE]})
    assert answer.status_code == 200
    assert answer.json() == [
        {"id": first, "success": True},
        {"id": foreign, "success": False, "error": "no_permission"},
        {"id": second, "success": True},
        {"id": first, "success": False, "error": "not_found"},
        {"id": NOWHERE, "success": False, "error": "no_permission"},
    ]
    person = (await ada.client.get(f"/people/{main}")).json()
    assert (person["name"], person["birthDate"]) == ("Ann", "1990-01-01")
    assert "color" not in person
    assert (await ada.client.get(f"/people/{main}/statistics")).json() == {"assets": 3}
    assert (await ada.client.get(f"/people/{first}")).status_code == 400
    assert (await house.row(main, "person"))["feature_face_id"] is not None
    refused(
        await ada.client.post(f"/people/{main}/merge", json={"ids": [main]}), "Cannot merge a person into themselves"
    )


async def test_merging_by_list_keeps_the_first(house, ada, ann, faces):
    other = (await ada.client.post("/people", json={"name": "Other"})).json()["id"]
    await is_on(house, ada, faces, other)
    answer = await ada.client.post("/people/merge", json={"ids": [ann, other]})
    assert (answer.status_code, answer.json()) == (200, [{"id": other, "success": True}])
    assert (await ada.client.get(f"/people/{ann}")).json()["name"] == "Ann"
    assert (await ada.client.post("/people/merge", json={"ids": [ann]})).json() == []
    assert (await ada.client.post("/people/merge", json={"ids": []})).status_code == 400
    refused(await ada.client.post("/people/merge", json={"ids": [ann, ann]}), "Cannot merge a person into themselves")


async def test_some_faces_are_somebody_else(house, ada, ann, faces):
    photos = await is_on(house, ada, faces, ann, 3)
    await ada.client.put(f"/people/{ann}", json={"featureFaceAssetId": photos[0]})
    answer = await ada.client.post(
        f"/calotype/people/{ann}/split", json={"faceIds": [await face_of(house, photos[0])], "name": "Bea"}
    )
    assert answer.status_code == 201, answer.text
    bea = answer.json()
    assert bea["name"] == "Bea"
    assert (await ada.client.get(f"/people/{bea['id']}/statistics")).json() == {"assets": 1}
    assert (await ada.client.get(f"/people/{ann}/statistics")).json() == {"assets": 2}
    assert str((await house.row(ann, "person"))["feature_face_id"]) != await face_of(house, photos[0])
    assert (await house.row(bea["id"], "person"))["is_anchor"]
    other = await faces.photo(ada, "other")
    refused(
        await ada.client.post(f"/calotype/people/{ann}/split", json={"faceIds": [await face_of(house, other)]}),
        "faceIds: each must be a face of this person.",
    )


async def test_faces_on_photos_are_given_to_somebody_else(house, ada, ann, faces):
    bob = (await ada.client.post("/people", json={"name": "Bob"})).json()["id"]
    one, two = await is_on(house, ada, faces, bob, 2)
    items = [
        {"personId": bob, "assetId": one},
        {"personId": NOWHERE, "assetId": two},
        {"personId": bob, "assetId": NOWHERE},
    ]
    answer = await ada.client.put(f"/people/{ann}/reassign", json={"data": items})
    assert answer.status_code == 200
    assert [each["id"] for each in answer.json()] == [ann] * 3
    assert (await ada.client.get(f"/people/{ann}/statistics")).json() == {"assets": 1}
    assert (await house.sql("SELECT is_pinned FROM face WHERE asset_id = $1", one))[0]["is_pinned"]
    await house.sql("UPDATE asset SET visibility = 'locked' WHERE id = $1", two)
    await ada.client.put(f"/people/{ann}/reassign", json={"data": [{"personId": bob, "assetId": two}]})
    assert str((await house.sql("SELECT person_id FROM face WHERE asset_id = $1", two))[0]["person_id"]) == bob
