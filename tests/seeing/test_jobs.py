"""Searching every photo for faces once more, as an administrator asked for it."""

from uuid import UUID

import pytest

from calotype.core.ports import Job
from tests.faces import Faces, face_of, seen, somebody

ALL = "AssetDetectFacesQueueAll"


@pytest.mark.parametrize(("force", "cleans"), [(None, True), (True, True), (False, False)])
async def test_people_without_a_face_go_when_all_photos_are_searched_again(house, ada, force, cleans: bool):
    house.jobs.clear()
    await house.run(Job(ALL, "faceDetection", {} if force is None else {"force": force}))
    assert [job.queue for job in house.jobs if job.name == "PersonCleanup"] == ["backgroundTask"] * cleans


async def test_with_force_whom_the_machine_made_goes_at_once_and_whom_somebody_named_stays(house, ada):
    faces = Faces(house)
    first, second = await faces.photo(ada, "ann"), await faces.photo(ada, "bob")
    ann = (await ada.client.post("/people", json={"name": "Ann"})).json()["id"]
    await house.sql("UPDATE face SET person_id = $1 WHERE id = $2", ann, await face_of(house, first))
    await house.sql("INSERT INTO person (id, owner_id) SELECT id, owner_id FROM face WHERE asset_id = $1", second)
    await house.sql("UPDATE face SET person_id = id WHERE asset_id = $1", second)
    await house.run(Job(ALL, "faceDetection", {}))
    assert len(await house.sql("SELECT FROM person")) == 2
    await house.run(Job(ALL, "faceDetection", {"force": True}))
    assert [row["asset_id"] for row in await house.sql("SELECT asset_id FROM face")] == [UUID(first)]
    assert [row["name"] for row in await house.sql("SELECT name FROM person")] == ["Ann"]


async def test_a_named_face_that_a_new_model_finds_again_is_still_theirs_and_one_it_does_not_find_goes(house, ada):
    faces = Faces(house)
    found, lost = await faces.photo(ada, "ann"), await faces.photo(ada, "ann", like=0.9)
    ann = (await ada.client.post("/people", json={"name": "Ann"})).json()["id"]
    await house.sql("UPDATE face SET person_id = $1", ann)
    await house.run(Job(ALL, "faceDetection", {"force": True}))
    await faces.keep(found, seen(3, 12, 82, 101, vector=somebody("ann, to another")), model="another")
    await faces.keep(lost, model="another")
    (face,) = await house.sql("SELECT asset_id, person_id, model FROM face")
    assert (face["asset_id"], face["person_id"], face["model"]) == (UUID(found), UUID(ann), "another")
