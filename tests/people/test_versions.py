"""What those who sync hear of faces and people: a new version of what changed, a tombstone for what is gone, and no more."""

import pytest

from tests.faces import face_of


class Ear:
    """Hears what is new since it last listened."""

    def __init__(self, house) -> None:
        self.house = house
        self.known: dict[str, str] = {}

    async def listen(self) -> dict[str, set[str]]:
        fresh: dict[str, set[str]] = {"face": set(), "person": set(), "gone": set()}
        for kind in ("face", "person"):
            for row in await self.house.sql(f"SELECT id, update_id FROM {kind}"):
                if self.known.get(str(row["id"])) != str(row["update_id"]):
                    fresh[kind].add(str(row["id"]))
                    self.known[str(row["id"])] = str(row["update_id"])
        fresh["gone"] = {str(row["subject_id"]) for row in await self.house.sql("SELECT subject_id FROM tombstone")}
        await self.house.sql("DELETE FROM tombstone")
        return fresh


@pytest.fixture
async def people(house, ada, faces):
    """Ann and Bob with a face each, both of whom somebody named, and an ear that knows of them."""
    found = {}
    for name in ("ann", "bob"):
        asset = await faces.photo(ada, name)
        face = await face_of(house, asset)
        id = (await ada.client.post("/people", json={"name": name})).json()["id"]
        await ada.client.put(f"/faces/{id}", json={"id": face})
        found[name] = (id, face, asset)
    await house.work()
    ear = Ear(house)
    await ear.listen()
    return found, ear


async def test_a_new_name_is_a_new_version_of_the_person_alone(house, ada, people):
    found, ear = people
    await ada.client.put(f"/people/{found['ann'][0]}", json={"name": "Anna"})
    await house.work()
    assert await ear.listen() == {"face": set(), "person": {found["ann"][0]}, "gone": set()}


async def test_who_is_merged_is_gone_and_their_faces_are_new(ada, people):
    found, ear = people
    await ada.client.post(f"/people/{found['ann'][0]}/merge", json={"ids": [found["bob"][0]]})
    heard = await ear.listen()
    assert heard["face"] == {found["bob"][1]}
    assert heard["gone"] == {found["bob"][0]}


async def test_a_face_that_is_somebody_else_is_a_new_version_of_it(ada, people):
    found, ear = people
    await ada.client.put(f"/faces/{found['ann'][0]}", json={"id": found["bob"][1]})
    heard = await ear.listen()
    assert heard["face"] == {found["bob"][1]}
    assert heard["gone"] == set()


async def test_who_is_forgotten_is_gone_and_their_faces_are_new(ada, people):
    found, ear = people
    await ada.client.delete(f"/people/{found['ann'][0]}")
    heard = await ear.listen()
    assert (heard["face"], heard["gone"]) == ({found["ann"][1]}, {found["ann"][0]})


async def test_a_face_that_was_taken_away_is_a_new_version_and_one_that_was_removed_a_tombstone(ada, people):
    found, ear = people
    _, face, _ = found["ann"]
    await ada.client.request("DELETE", f"/faces/{face}", json={"force": False})
    heard = await ear.listen()
    assert (heard["face"], heard["gone"]) == ({face}, set())
    await ada.client.request("DELETE", f"/faces/{face}", json={"force": True})
    assert (await ear.listen())["gone"] == {face}


async def test_what_a_machine_remembers_of_a_face_is_no_new_version(house, people):
    _, ear = people
    await house.sql("UPDATE face SET cluster_id = gen_random_uuid(), looked_at = now(), is_pinned = false")
    assert await ear.listen() == {"face": set(), "person": set(), "gone": set()}
