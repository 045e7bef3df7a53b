"""Faces find their people, and what somebody said about people is never undone."""

import asyncio

import pytest

from calotype.core.jobs import Done, Skip
from calotype.core.ports import Job
from calotype.people import recognise
from tests.working import settle


async def sort(house, owner, **data):
    return await house.run(Job("FacialRecognition", "facialRecognition", {"ownerId": str(owner.id), **data}))


async def who(house, *assets):
    """The person of the first face of each photo."""
    found = []
    for asset in assets:
        (row,) = await house.sql("SELECT person_id FROM face WHERE asset_id = $1 ORDER BY x1 LIMIT 1", asset)
        found.append(row["person_id"])
    return found


@pytest.fixture(autouse=True)
async def learning(house):
    await settle(house, "machineLearning.enabled", True)
    await settle(house, "machineLearning.facialRecognition.modelName", "toy")
    house.jobs.clear()


async def test_faces_become_people_once_there_are_enough_of_them(house, ada, faces):
    first, second = await faces.photo(ada, "ann"), await faces.photo(ada, "ann")
    assert await sort(house, ada) == Done()
    assert await who(house, first, second) == [None, None]
    third = await faces.photo(ada, "ann")
    stranger = await faces.photo(ada, "stranger")
    assert await sort(house, ada) == Done()
    people = await who(house, first, second, third)
    assert len(set(people)) == 1
    assert people[0] is not None
    assert await who(house, stranger) == [None]
    person = await house.row(people[0], "person")
    assert person["feature_face_id"] is not None
    assert (person["name"], person["is_anchor"]) == ("", False)
    assert await sort(house, ada) == Skip("no face waits")


async def test_what_a_worker_remembers_and_what_postgres_knows_give_the_same_people(house, ada, faces):
    for _ in range(3):
        await faces.photo(ada, "ann", "bob")
    await sort(house, ada)
    recognise._memories.clear()
    later = await faces.photo(ada, "bob", "ann")
    await sort(house, ada)
    rows = await house.sql("SELECT person_id, count(*) AS n FROM face GROUP BY 1")
    assert sorted(row["n"] for row in rows) == [4, 4]
    assert (await who(house, later))[0] is not None


async def test_faces_of_one_photo_are_never_one_person(house, ada, faces):
    photos = [await faces.photo(ada, "twin", "twin", like=0.99) for _ in range(4)]
    await sort(house, ada, tidy=True)
    for photo in photos:
        rows = await house.sql("SELECT person_id FROM face WHERE asset_id = $1", photo)
        assert len({row["person_id"] for row in rows}) == 2


async def test_everybody_has_people_of_their_own(house, ada, eve, faces):
    mine = [await faces.photo(ada, "ann") for _ in range(3)]
    theirs = [await faces.photo(eve, "ann") for _ in range(3)]
    await sort(house, ada)
    assert await who(house, *theirs) == [None] * 3
    await sort(house, eve)
    assert set(await who(house, *mine)) & set(await who(house, *theirs)) == set()


async def test_locked_and_trashed_photos_wait_until_they_are_shown(house, ada, faces):
    hidden = await faces.photo(ada, "ann", visibility="locked")
    for _ in range(3):
        await faces.photo(ada, "ann")
    await sort(house, ada)
    assert await who(house, hidden) == [None]
    await house.sql("UPDATE asset SET visibility = 'timeline' WHERE id = $1", hidden)
    await sort(house, ada)
    assert (await who(house, hidden))[0] is not None


async def test_two_clusters_that_turn_out_to_be_one_are_joined_and_a_name_survives(house, ada, faces):
    one = [await faces.photo(ada, "ann") for _ in range(3)]
    await sort(house, ada)
    (ann,) = set(await who(house, *one))
    await ada.client.put(f"/people/{ann}", json={"name": "Ann"})
    # As if the machine had thought these were somebody else.
    two = [await faces.photo(ada, "ann") for _ in range(4)]
    await house.sql("INSERT INTO person (id, owner_id) VALUES ('22222222-2222-4222-8222-222222222222', $1)", ada.id)
    await house.sql(
        "UPDATE face SET person_id = '22222222-2222-4222-8222-222222222222', looked_at = now() WHERE asset_id = ANY($1)",
        two,
    )
    await house.sql("UPDATE people_state SET unmerged = 4, version = version + 1 WHERE owner_id = $1", ada.id)
    assert await sort(house, ada, tidy=True) == Done()
    assert set(await who(house, *one, *two)) == {ann}
    assert await house.sql("SELECT FROM person WHERE id = '22222222-2222-4222-8222-222222222222'") == []
    assert (await house.row(ann, "person"))["name"] == "Ann"


async def test_people_somebody_spoke_of_are_never_joined(house, ada, faces):
    photos = [await faces.photo(ada, "ann") for _ in range(6)]
    await sort(house, ada)
    (ann,) = set(await who(house, *photos))
    await ada.client.put(f"/people/{ann}", json={"name": "Ann"})
    face = (await house.sql("SELECT id FROM face WHERE asset_id = $1", photos[0]))[0]["id"]
    made = (await ada.client.post(f"/calotype/people/{ann}/split", json={"faceIds": [str(face)]})).json()
    for _ in range(2):
        await faces.photo(ada, "ann")
        await house.sql("UPDATE people_state SET unmerged = 9 WHERE owner_id = $1", ada.id)
        await sort(house, ada, tidy=True)
        now = await who(house, *photos)
        assert str(now[0]) == made["id"]
        assert set(now[1:]) == {ann}


async def test_what_somebody_merged_stays_merged_although_it_looks_like_two(house, ada, faces):
    child = [await faces.photo(ada, "ann as a child") for _ in range(3)]
    adult = [await faces.photo(ada, "ann") for _ in range(3)]
    await sort(house, ada)
    (young,), (old,) = set(await who(house, *child)), set(await who(house, *adult))
    assert young != old
    assert (await ada.client.post(f"/people/{old}/merge", json={"ids": [str(young)]})).json()[0]["success"]
    await faces.photo(ada, "ann")
    await sort(house, ada, tidy=True)
    assert set(await who(house, *child, *adult)) == {old}
    await sort(house, ada, force=True)
    assert set(await who(house, *child, *adult)) == {old}


@pytest.mark.parametrize("forgets", [False, True])
async def test_whoever_was_merged_of_two_unlike_looks_is_known_by_either_again(house, ada, faces, forgets: bool):
    child = [await faces.photo(ada, "ann as a child", like=0.75) for _ in range(6)]
    adult = [await faces.photo(ada, "ann", like=0.75) for _ in range(6)]
    await sort(house, ada, tidy=True)
    (young,), (old,) = set(await who(house, *child)), set(await who(house, *adult))
    await ada.client.post(f"/people/{old}/merge", json={"ids": [str(young)]})
    for _ in range(2):
        if forgets:
            recognise._memories.clear()
        again = [await faces.photo(ada, "ann as a child", like=0.75) for _ in range(4)]
        again += [await faces.photo(ada, "ann", like=0.75) for _ in range(4)]
        await sort(house, ada, tidy=True)
        assert set(await who(house, *again)) == {old}
    # Somebody new is still somebody new.
    others = [await faces.photo(ada, "eve", like=0.75) for _ in range(4)]
    await sort(house, ada, tidy=True)
    assert old not in await who(house, *others)


async def test_a_cluster_that_is_like_one_of_the_looks_joins_it(house, ada, faces):
    child = [await faces.photo(ada, "ann as a child", like=0.75) for _ in range(6)]
    adult = [await faces.photo(ada, "ann", like=0.75) for _ in range(6)]
    await sort(house, ada, tidy=True)
    (young,), (old,) = set(await who(house, *child)), set(await who(house, *adult))
    stray = [await faces.photo(ada, "ann as a child", like=0.75) for _ in range(4)]
    stranger = (await ada.client.post("/people", json={})).json()["id"]
    await house.sql("UPDATE person SET is_anchor = false WHERE id = $1", stranger)
    for asset in stray:
        await house.sql("UPDATE face SET person_id = $1, looked_at = now() WHERE asset_id = $2", stranger, asset)
    await ada.client.post(f"/people/{old}/merge", json={"ids": [str(young)]})
    await house.sql("UPDATE people_state SET unmerged = 1")
    await sort(house, ada, tidy=True)
    assert set(await who(house, *child, *adult, *stray)) == {old}
    rows = await house.sql("SELECT cluster_id, count(*) AS n FROM face GROUP BY 1")
    assert {(row["cluster_id"], row["n"]) for row in rows} == {(None, 6), (young, 10)}
    # Parted again, the child is somebody with one look.
    ids = [str(row["id"]) for row in await house.sql("SELECT id FROM face WHERE cluster_id = $1", young)]
    made = await ada.client.post(f"/calotype/people/{old}/split", json={"faceIds": ids, "name": "Bea"})
    later = await faces.photo(ada, "ann as a child", like=0.75)
    await sort(house, ada)
    assert [str(each) for each in await who(house, later)] == [made.json()["id"]]


async def test_a_face_somebody_gave_to_somebody_stays_there(house, ada, faces):
    ann = [await faces.photo(ada, "ann") for _ in range(3)]
    bob = [await faces.photo(ada, "bob") for _ in range(3)]
    await sort(house, ada)
    (is_ann,), (is_bob,) = set(await who(house, *ann)), set(await who(house, *bob))
    face = (await house.sql("SELECT id FROM face WHERE asset_id = $1", bob[0]))[0]["id"]
    assert (await ada.client.put(f"/faces/{is_ann}", json={"id": str(face)})).status_code == 200
    for data in ({"tidy": True}, {"force": True}):
        await faces.photo(ada, "bob")
        await sort(house, ada, **data)
        assert await who(house, bob[0]) == [is_ann]
    assert (await who(house, bob[1]))[0] == is_bob


async def test_nobody_is_in_a_photo_from_before_they_were_born(house, ada, faces):
    recent = [await faces.photo(ada, "ann") for _ in range(3)]
    await sort(house, ada)
    (ann,) = set(await who(house, *recent))
    await ada.client.put(f"/people/{ann}", json={"name": "Ann", "birthDate": "2020-01-01"})
    old = await faces.photo(ada, "ann", taken_at="1980-05-05")
    new = await faces.photo(ada, "ann")
    await sort(house, ada)
    assert await who(house, old, new) == [None, ann]


async def test_a_change_by_somebody_while_faces_are_sorted_wins(house, ada, faces, monkeypatch):
    photos = [await faces.photo(ada, "ann") for _ in range(3)]
    await sort(house, ada)
    (ann,) = set(await who(house, *photos))
    later = await faces.photo(ada, "ann")
    thread = asyncio.to_thread
    changes = 0

    async def slowly(work, *arguments):
        nonlocal changes
        found = await thread(work, *arguments)
        if changes == 0:
            changes += 1
            assert (await ada.client.delete(f"/people/{ann}")).status_code == 204
        return found

    recognise._memories.clear()
    monkeypatch.setattr(recognise.asyncio, "to_thread", slowly)
    assert await sort(house, ada) == Done()
    assert changes == 1
    (now,) = set(await who(house, *photos, later))
    assert now not in (ann, None)


async def test_a_worker_killed_between_sorting_and_writing_loses_nothing(house, ada, faces, monkeypatch):
    photos = [await faces.photo(ada, "ann") for _ in range(3)]

    async def killed(*_, **__):
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(recognise.cluster_store, "begin_people", killed)
        with pytest.raises(asyncio.CancelledError):
            await sort(house, ada)
    assert await who(house, *photos) == [None] * 3
    assert await sort(house, ada) == Done()
    assert len(set(await who(house, *photos)) - {None}) == 1


async def test_vectors_of_another_size_are_left_alone_and_stop_nobody(house, ada, faces):
    from tests.faces import seen

    photos = [await faces.photo(ada, "ann") for _ in range(3)]
    odd = await ada.asset()
    await faces.keep(odd, seen(0, 0, 10, 10, vector=[1.0, 0.0]))
    assert await sort(house, ada) == Done()
    assert await who(house, odd) == [None]
    assert len(set(await who(house, *photos)) - {None}) == 1
    assert await sort(house, ada) == Skip("no face waits")


async def test_the_published_rule_is_there_for_those_who_want_it(house, ada, faces):
    await settle(house, "machineLearning.facialRecognition.clustering", "neighbours")
    photos = [await faces.photo(ada, "ann") for _ in range(3)]
    alone = await faces.photo(ada, "stranger")
    assert await sort(house, ada) == Done()
    (ann,) = set(await who(house, *photos))
    assert ann is not None
    assert await who(house, alone) == [None]
    more = await faces.photo(ada, "ann")
    await sort(house, ada)
    assert await who(house, more) == [ann]
    assert await sort(house, ada) == Skip("no face waits")


async def test_all_of_it_again_keeps_names_and_finds_the_rest_anew(house, ada, faces):
    ann = [await faces.photo(ada, "ann") for _ in range(3)]
    bob = [await faces.photo(ada, "bob") for _ in range(3)]
    await sort(house, ada)
    (is_ann,), (is_bob,) = set(await who(house, *ann)), set(await who(house, *bob))
    await ada.client.put(f"/people/{is_ann}", json={"name": "Ann"})
    assert await house.run(Job("FacialRecognitionQueueAll", "facialRecognition", {"force": True})) == Done()
    await house.work("facialRecognition")
    assert set(await who(house, *ann)) == {is_ann}
    (again,) = set(await who(house, *bob))
    assert again not in (None, is_bob)
    assert await house.sql("SELECT FROM person WHERE id = $1", is_bob) == []


async def test_switched_off_nothing_is_sorted(house, ada, faces):
    await settle(house, "machineLearning.facialRecognition.enabled", False)
    await faces.photo(ada, "ann")
    assert isinstance(await sort(house, ada), Skip)


async def test_somebody_without_a_face_goes_after_a_day(house, ada, faces):
    await ada.client.post("/people", json={"name": "Ann"})
    cleanup = Job("PersonCleanup", "backgroundTask")
    assert await house.run(cleanup) == Skip("everybody has a face")
    await house.sql("ALTER TABLE person DISABLE TRIGGER person_touch")
    await house.sql("UPDATE person SET updated_at = now() - interval '2 days'")
    await house.sql("ALTER TABLE person ENABLE TRIGGER person_touch")
    assert await house.run(cleanup) == Done()
    assert await house.sql("SELECT FROM person") == []
