"""Searching every photo for faces once more, as an administrator asked for it."""

import pytest

from calotype.core.ports import Job
from tests.faces import Faces, face_of

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
    assert await house.sql("SELECT FROM face") == []
    assert [row["name"] for row in await house.sql("SELECT name FROM person")] == ["Ann"]
