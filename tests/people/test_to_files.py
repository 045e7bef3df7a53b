"""Names that somebody gives here reach the XMP beside the photos, and come back from there as the same people."""

import asyncio
import json
import shutil
import subprocess

import pytest

from calotype.core.jobs import Done, Later, Skip
from calotype.core.ports import Job
from calotype.media import names_store, sidecar
from calotype.people import missing, to_files
from tests.faces import face_of, listed, seen, somebody
from tests.people.test_regions import faces_of, named
from tests.working import dated, picture, settle, until_blocked

MWG, SHOWN = "XMP-mwg-rs:Regions", "XMP-Iptc4xmpExt:PersonInImage"
FIELDS = {"fileCreatedAt": "2024-03-01T10:00:00.000Z", "fileModifiedAt": "2024-03-01T10:00:00.000Z"}
# A program that knows more than we do: a focus point, a dog, somebody without a name, and words of its own in each.
FOREIGN = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"
 xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#" xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#"
 xmlns:their="http://example.com/theirs/">
<mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:AppliedToDimensions stDim:w="320" stDim:h="200" stDim:unit="pixel"/>
<mwg-rs:RegionList><rdf:Bag>
<rdf:li rdf:parseType="Resource"><mwg-rs:Type>Focus</mwg-rs:Type>
<mwg-rs:Area stArea:x="0.5" stArea:y="0.5" stArea:w="0.1" stArea:h="0.1" stArea:unit="normalized"/></rdf:li>
<rdf:li><rdf:Description mwg-rs:Type="Pet" their:breed="spaniel">
<mwg-rs:Area stArea:x="0.9" stArea:y="0.9" stArea:w="0.1" stArea:h="0.1" stArea:unit="normalized"/></rdf:Description></rdf:li>
<rdf:li rdf:parseType="Resource"><mwg-rs:Type>Face</mwg-rs:Type><their:sure>maybe</their:sure>
<mwg-rs:Area stArea:x="0.2" stArea:y="0.5" stArea:w="0.2" stArea:h="0.4" stArea:unit="normalized"/></rdf:li>
</rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions></rdf:Description></rdf:RDF></x:xmpmeta>"""


@pytest.fixture(autouse=True)
async def exchanging(house):
    await settle(house, "metadata.faces.import", True)


async def photo(house, owner, faces, *boxes, body: bytes | None = None, side: str | None = None) -> str:
    """A photo that was read, with faces that were found at these places of 320 × 200."""
    files = {"assetData": ("a.jpg", body or picture(exif=dated()))}
    files |= {"sidecarData": ("a.xmp", side.encode())} if side else {}
    answer = await owner.client.post("/assets", data=FIELDS, files=files)
    id = answer.json()["id"]
    await house.work()
    if boxes:
        await faces.keep(id, *(seen(*box) for box in boxes), width=320, height=200)
    house.jobs.clear()
    return id


async def person(house, owner, name: str, *faces: str) -> str:
    """Somebody of this name, who these faces are."""
    answer = await owner.client.post("/people", json={"name": name})
    id = answer.json()["id"]
    for face in faces:
        assert (await owner.client.put(f"/faces/{id}", json={"id": face})).status_code == 200
    return id


async def beside(house, asset: str) -> dict:
    """What the sidecar says."""
    row = await house.row(asset)
    return sidecar.parse((house.media / row["sidecar_key"]).read_bytes()) if row["sidecar_key"] else {}


async def names(house, asset: str) -> list[str]:
    """The names in the sidecar's list of regions, in its order; `` for none."""
    told = (await beside(house, asset)).get(MWG)
    return [region.get("mwg-rs:Name", "") for region in told["mwg-rs:RegionList"]] if told else []


async def unwritten(house) -> int:
    (row,) = await house.sql("SELECT count(*) AS n FROM names_unwritten")
    return row["n"] + (await house.sql("SELECT count(*) AS n FROM person_renamed"))[0]["n"]


async def test_a_face_that_was_given_a_name_is_written(house, ada, faces):
    asset = await photo(house, ada, faces, (32, 60, 96, 140))
    await person(house, ada, "Ann", await face_of(house, asset))
    await house.work()
    told = await beside(house, asset)
    assert told[SHOWN] == ["Ann"]
    assert told[MWG]["mwg-rs:AppliedToDimensions"] == {"stDim:w": "320", "stDim:h": "200", "stDim:unit": "pixel"}
    (region,) = told[MWG]["mwg-rs:RegionList"]
    assert (region["mwg-rs:Name"], region["mwg-rs:Type"], region["mwg-rs:Area"]["stArea:unit"]) == (
        "Ann", "Face", "normalized",
    )  # fmt: skip
    sides = [float(region["mwg-rs:Area"][f"stArea:{side}"]) for side in "xywh"]
    assert sides == pytest.approx([64 / 320, 100 / 200, 64 / 320, 80 / 200], abs=1e-3)
    assert await unwritten(house) == 0


async def test_writing_names_reads_nothing_again_and_draws_nothing(house, ada, faces):
    asset = await photo(house, ada, faces, (32, 60, 96, 140))
    await person(house, ada, "Ann", await face_of(house, asset))
    assert {name for name, _ in await house.work()} == {"PeopleToFiles", "SidecarWrite", "PersonGenerateThumbnail"}


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="the program is not installed here")
async def test_other_programs_read_what_we_write(house, ada, faces, tmp_path):
    asset = await photo(house, ada, faces, (32, 60, 96, 140), side=FOREIGN)
    await person(house, ada, "Ánn “O'Neill” <&>", await face_of(house, asset))
    await house.work()
    path = house.media / (await house.row(asset))["sidecar_key"]
    said = await asyncio.to_thread(
        subprocess.run,
        ["exiftool", "-j", "-struct", "-charset", "utf8", "-XMP-mwg-rs:all", "-XMP-iptcExt:all", "-warning", str(path)],
        capture_output=True, check=True,
    )  # fmt: skip
    (found,) = json.loads(said.stdout)
    assert "Warning" not in found
    assert found["PersonInImage"] == ["Ánn “O'Neill” <&>"]
    assert found["RegionInfo"]["AppliedToDimensions"] == {"W": 320, "H": 200, "Unit": "pixel"}
    regions = found["RegionInfo"]["RegionList"]
    assert [(each.get("Type"), each.get("Name")) for each in regions] == [
        ("Focus", None), ("Pet", None), ("Face", "Ánn “O'Neill” <&>"),
    ]  # fmt: skip


async def test_whoever_is_written_is_the_same_person_in_another_library(house, ada, eve, faces):
    body = picture(exif=dated())
    asset = await photo(house, ada, faces, (32, 60, 96, 140), (200, 40, 260, 120), body=body)
    await person(house, ada, "Ann", await face_of(house, asset, 0))
    await person(house, ada, "Bob", await face_of(house, asset, 1))
    await house.work()
    side = (house.media / (await house.row(asset))["sidecar_key"]).read_text()
    copy = await photo(house, eve, faces, body=body, side=side)
    ann, bob = await faces_of(eve.client, copy)
    assert [ann["person"]["name"], bob["person"]["name"]] == ["Ann", "Bob"]
    corners = [ann[f"boundingBox{corner}"] for corner in ("X1", "Y1", "X2", "Y2")]
    assert (corners, ann["imageWidth"], ann["imageHeight"]) == ([32, 60, 96, 140], 320, 200)
    assert {each["name"] for each in (await listed(eve.client))["people"]} == {"Ann", "Bob"}


async def test_reading_our_own_words_back_doubles_nobody_and_writes_nothing(house, ada, faces):
    asset = await photo(house, ada, faces, (32, 60, 96, 140), (-50, 40, 20, 120))
    await person(house, ada, "Ann", await face_of(house, asset, 1))
    await person(house, ada, "Bob", await face_of(house, asset, 0))
    await house.work()
    key = (await house.row(asset))["sidecar_key"]
    before = await house.sql("SELECT id, person_id, update_id FROM face ORDER BY id")
    content = (house.media / key).read_bytes()
    await house.run(Job("SidecarCheck", "sidecar", {"id": asset}))
    await house.work()
    assert await house.sql("SELECT id, person_id, update_id FROM face ORDER BY id") == before
    assert (await listed(ada.client))["total"] == 2
    assert (house.media / key).read_bytes() == content
    assert await unwritten(house) == 0


async def test_a_new_name_replaces_the_old_one(house, ada, faces):
    asset = await photo(house, ada, faces, (32, 60, 96, 140))
    id = await person(house, ada, "Ann", await face_of(house, asset))
    await house.work()
    await ada.client.put(f"/people/{id}", json={"name": "Anna"})
    await house.work()
    assert (await names(house, asset), (await beside(house, asset))[SHOWN]) == (["Anna"], ["Anna"])
    await house.run(Job("AssetExtractMetadata", "metadataExtraction", {"id": asset}))
    await house.work()
    assert [each["name"] for each in (await listed(ada.client))["people"]] == ["Anna"]


async def test_a_name_that_is_taken_away_is_gone_from_the_file_too(house, ada, faces):
    asset = await photo(house, ada, faces, (32, 60, 96, 140))
    id = await person(house, ada, "Ann", await face_of(house, asset))
    await house.work()
    await ada.client.put(f"/people/{id}", json={"name": ""})
    await house.work()
    assert (await names(house, asset), SHOWN in await beside(house, asset)) == ([], False)


async def test_a_person_who_is_forgotten_does_not_come_back_from_the_file(house, ada, faces):
    asset = await photo(house, ada, faces, body=named("Ann", "Bob"))
    ann, _ = await faces_of(ada.client, asset)
    await ada.client.delete(f"/people/{ann['person']['id']}")
    # Not even when the file is read again before it was written to.
    await house.run(Job("AssetExtractMetadata", "metadataExtraction", {"id": asset}))
    await house.run(Job("PeopleFromFile", "facialRecognition", {"id": asset}))
    assert [each["person"] and each["person"]["name"] for each in await faces_of(ada.client, asset)] == [None, "Bob"]
    await house.work()
    assert await names(house, asset) == ["Bob"]
    await house.run(Job("AssetExtractMetadata", "metadataExtraction", {"id": asset}))
    await house.work()
    assert [each["name"] for each in (await listed(ada.client))["people"]] == ["Bob"]


async def test_two_who_become_one_have_one_name(house, ada, faces):
    first = await photo(house, ada, faces, (32, 60, 96, 140))
    second = await photo(house, ada, faces, (32, 60, 96, 140))
    ann = await person(house, ada, "Ann", await face_of(house, first))
    nina = await person(house, ada, "Nina", await face_of(house, second))
    await house.work()
    await ada.client.post(f"/people/{ann}/merge", json={"ids": [nina]})
    await house.work()
    assert [await names(house, first), await names(house, second)] == [["Ann"], ["Ann"]]


async def test_a_face_that_is_somebody_else_gets_that_name(house, ada, faces):
    one = await photo(house, ada, faces, (32, 60, 96, 140))
    two = await photo(house, ada, faces, (32, 60, 96, 140))
    ann = await person(house, ada, "Ann", await face_of(house, one), await face_of(house, two))
    await house.work()
    split = {"faceIds": [await face_of(house, two)], "name": "Bea"}
    assert (await ada.client.post(f"/calotype/people/{ann}/split", json=split)).status_code == 201
    await house.work()
    assert [await names(house, one), await names(house, two)] == [["Ann"], ["Bea"]]
    body = {"data": [{"personId": ann, "assetId": one}]}
    bea = (await house.sql("SELECT id FROM person WHERE name = 'Bea'"))[0]["id"]
    await ada.client.put(f"/people/{bea}/reassign", json=body)
    await house.work()
    assert await names(house, one) == ["Bea"]


async def test_a_face_that_somebody_draws_and_takes_away_again(house, ada, faces):
    asset = await photo(house, ada, faces)
    ann = await person(house, ada, "Ann")
    drawn = {"assetId": asset, "personId": ann, "imageWidth": 320, "imageHeight": 200}
    await ada.client.post("/faces", json={**drawn, "x": 10, "y": 20, "width": 40, "height": 50})
    await house.work()
    assert await names(house, asset) == ["Ann"]
    await ada.client.request("DELETE", f"/faces/{await face_of(house, asset)}", json={"force": False})
    await house.work()
    assert await names(house, asset) == []


async def test_what_another_program_wrote_stays_and_is_not_doubled(house, ada, faces):
    asset = await photo(house, ada, faces, (32, 60, 96, 140), (150, 20, 200, 60), side=FOREIGN)
    await person(house, ada, "Ann", await face_of(house, asset, 0))
    await person(house, ada, "Bob", await face_of(house, asset, 1))
    await house.work()
    assert await names(house, asset) == ["", "", "Ann", "Bob"]
    text = (house.media / (await house.row(asset))["sidecar_key"]).read_text()
    assert "spaniel" in text
    assert "<their:sure>maybe</their:sure>" in text
    ann = (await house.sql("SELECT id FROM person WHERE name = 'Ann'"))[0]["id"]
    await ada.client.delete(f"/people/{ann}")
    await house.work()
    assert await names(house, asset) == ["", "", "Bob"]


async def test_people_of_the_photo_itself_whom_nobody_knows_yet_are_not_lost(house, ada, faces):
    await settle(house, "metadata.faces.import", False)
    asset = await photo(house, ada, faces, (250, 10, 300, 60), body=named("Zoe"))
    await settle(house, "metadata.faces.import", True)
    await person(house, ada, "Ann", await face_of(house, asset))
    await house.work()
    # The photo says Zoe, and from now on its sidecar is what counts: so it says both, and Zoe is somebody here.
    assert sorted(await names(house, asset)) == ["Ann", "Zoe"]
    assert {each["person"]["name"] for each in await faces_of(ada.client, asset)} == {"Ann", "Zoe"}
    assert await unwritten(house) == 0


async def test_names_stay_here_while_they_are_not_exchanged_and_travel_afterwards(house, ada, faces):
    await settle(house, "metadata.faces.import", False)
    asset = await photo(house, ada, faces, (32, 60, 96, 140))
    id = await person(house, ada, "Ann", await face_of(house, asset))
    await ada.client.put(f"/people/{id}", json={"name": "Anna"})
    assert {type(outcome) for name, outcome in await house.work() if name != "PersonGenerateThumbnail"} == {Skip}
    assert (await house.row(asset))["sidecar_key"] is None
    await settle(house, "metadata.faces.import", True)
    house.jobs.clear()
    await house.sql("UPDATE names_unwritten SET since = since - interval '1 hour'")
    await house.sql("UPDATE person_renamed SET since = since - interval '1 hour'")
    await missing.sweep(house.world)
    await house.work()
    assert await names(house, asset) == ["Anna"]


async def test_names_whose_job_was_lost_are_found_again(house, ada, faces):
    asset = await photo(house, ada, faces, (32, 60, 96, 140))
    await person(house, ada, "Ann", await face_of(house, asset))
    await house.run(Job("PeopleToFiles", "sidecar", {}))
    house.jobs.clear()
    await house.sql("UPDATE names_unwritten SET since = since - interval '1 hour'")
    assert await missing.sweep(house.world) >= 1
    await house.work()
    assert await names(house, asset) == ["Ann"]


async def test_somebody_on_many_photos_is_queued_in_pages_and_each_photo_once(house, ada, faces, monkeypatch):
    monkeypatch.setattr(to_files, "PAGE", 2)
    assets = [await photo(house, ada, faces, (32, 60, 96, 140)) for _ in range(5)]
    id = await person(house, ada, "Ann", *[await face_of(house, asset) for asset in assets])
    await house.work()
    await ada.client.put(f"/people/{id}", json={"name": "Anna"})
    await ada.client.put(f"/people/{id}", json={"name": "Anne"})
    done = await house.work()
    assert [name for name, outcome in done if name == "SidecarWrite" and outcome == Done()] == ["SidecarWrite"] * 5
    assert [await names(house, asset) for asset in assets] == [["Anne"]] * 5
    assert await unwritten(house) == 0


async def test_very_many_photos_are_queued_as_others_are_written(house, ada, faces, monkeypatch):
    monkeypatch.setattr(to_files, "PAGE", 2)
    monkeypatch.setattr(to_files, "MOST_WAITING", 3)
    assets = [await photo(house, ada, faces, (32, 60, 96, 140)) for _ in range(9)]
    await person(house, ada, "Ann", *[await face_of(house, asset) for asset in assets])
    house.jobs.clear()
    for queued in (4, 4, 1):
        outcome = await house.run(missing.names())
        assert len(house.jobs) == queued
        assert (type(outcome) is Later) == (queued == 4)
        await house.work()
    assert [await names(house, asset) for asset in assets] == [["Ann"]] * 9


async def test_who_is_renamed_while_the_name_is_written_is_written_again(house, ada, faces):
    asset = await photo(house, ada, faces, (32, 60, 96, 140))
    id = await person(house, ada, "Ann", await face_of(house, asset))
    house.jobs.clear()
    writing = Job("SidecarWrite", "sidecar", {"id": asset})
    connection = await house.world.pool.acquire()
    held = connection.transaction()
    await held.start()
    await connection.execute("SELECT FROM asset FOR UPDATE")
    running = asyncio.create_task(house.run(writing))
    await until_blocked(house)  # the old name is in a file, and the row is waited for
    await ada.client.put(f"/people/{id}", json={"name": "Anna"})
    await connection.execute("UPDATE names_unwritten SET version = next_version()")
    await held.commit()
    await house.world.pool.release(connection)
    assert isinstance(await running, Later)
    assert await house.run(writing) == Done()
    await house.work()
    assert await names(house, asset) == ["Anna"]


async def test_an_edit_and_a_name_go_into_one_file(house, ada, faces):
    asset = await photo(house, ada, faces, (32, 60, 96, 140))
    await person(house, ada, "Ann", await face_of(house, asset))
    await ada.client.put(f"/assets/{asset}", json={"description": "At the sea"})
    await house.work()
    assert (await names(house, asset), (await beside(house, asset))["XMP-dc:description"]) == (["Ann"], "At the sea")
    assert (await house.row(asset))["description"] == "At the sea"


async def test_a_sidecar_that_is_no_xmp_is_left_alone_and_told(house, ada, faces):
    asset = await photo(house, ada, faces, (32, 60, 96, 140), side=FOREIGN)
    path = house.media / (await house.row(asset))["sidecar_key"]
    path.write_text("a shopping list")
    await person(house, ada, "Ann", await face_of(house, asset))
    await house.work()
    assert path.read_text() == "a shopping list"
    assert [row["step"] for row in await house.sql("SELECT step FROM asset_problem")] == ["sidecar"]
    async with house.world.glancing() as look:
        assert await names_store.unwritten(look, before=house.world.clock.now(), limit=9) == []


async def test_nothing_is_written_beside_photos_of_others(house, ada, eve, faces):
    mine = await photo(house, ada, faces, (32, 60, 96, 140))
    theirs = await photo(house, eve, faces, (32, 60, 96, 140))
    ann = await person(house, ada, "Ann", await face_of(house, mine))
    refused = await ada.client.put(f"/faces/{ann}", json={"id": await face_of(house, theirs)})
    assert refused.status_code == 400
    drawn = {"assetId": theirs, "personId": ann, "imageWidth": 320, "imageHeight": 200}
    refused = await ada.client.post("/faces", json={**drawn, "x": 10, "y": 20, "width": 40, "height": 50})
    assert refused.status_code == 400
    await house.work()
    assert (await house.row(theirs))["sidecar_key"] is None
    assert await names(house, mine) == ["Ann"]


async def test_a_named_face_that_is_not_found_again_comes_back_from_the_file(house, ada, faces):
    asset = await photo(house, ada, faces, (32, 60, 96, 140))
    id = await person(house, ada, "Ann")
    await house.sql("UPDATE face SET person_id = $1", id)
    await ada.client.put(f"/people/{id}", json={"name": "Anna"})
    await house.work()
    await house.run(Job("AssetDetectFacesQueueAll", "faceDetection", {"force": True}))
    await faces.keep(asset, width=320, height=200)
    assert await house.sql("SELECT FROM face") == []
    await house.work()
    await missing.sweep(house.world)
    await house.work()
    assert [each["person"]["name"] for each in await faces_of(ada.client, asset)] == ["Anna"]


@pytest.fixture
async def learning(house):
    await settle(house, "machineLearning.enabled", True)
    await settle(house, "machineLearning.facialRecognition.modelName", "toy")
    house.jobs.clear()


async def recognised(house, ada, faces) -> list[str]:
    """Photos of somebody who was named, the last of which came afterwards."""
    assets = [await photo(house, ada, faces) for _ in range(4)]
    for number, asset in enumerate(assets):
        await faces.keep(asset, seen(32, 60, 96, 140, vector=somebody("ann", like=0.9, seed=number)))
        await house.run(Job("FacialRecognition", "facialRecognition", {"ownerId": str(ada.id)}))
        if number == 2:
            (row,) = await house.sql("SELECT id FROM person")
            await ada.client.put(f"/people/{row['id']}", json={"name": "Ann"})
    return assets


async def test_whom_the_machine_knows_later_is_written_too(house, ada, faces, learning):
    assets = await recognised(house, ada, faces)
    await house.work()
    assert [await names(house, asset) for asset in assets] == [["Ann"]] * 4


async def test_whom_the_machine_knew_while_names_stayed_here_is_written_once_they_travel(house, ada, faces, learning):
    await settle(house, "metadata.faces.import", False)
    assets = await recognised(house, ada, faces)
    await house.work()
    assert [await names(house, asset) for asset in assets] == [[]] * 4
    await settle(house, "metadata.faces.import", True)
    await house.run(Job("PeopleToFiles", "sidecar", {}))
    await house.work()
    assert [await names(house, asset) for asset in assets] == [["Ann"]] * 4


async def test_a_cluster_that_turns_out_to_be_somebody_with_a_name_is_written(house, ada, faces, learning):
    assets = await recognised(house, ada, faces)
    await house.work()
    # One that had been taken for somebody else, too few to be a person.
    stray = "11111111-1111-4111-8111-111111111111"
    await house.sql("UPDATE face SET person_id = NULL, cluster_id = $1 WHERE asset_id = $2", stray, assets[3])
    await house.sql("UPDATE people_state SET unmerged = 1, version = version + 1")
    await house.run(Job("SidecarWrite", "sidecar", {"id": assets[3]}))
    await house.run(Job("FacialRecognition", "facialRecognition", {"ownerId": str(ada.id), "tidy": True}))
    (row,) = await house.sql("SELECT count(*) AS n FROM names_unwritten WHERE asset_id = $1", assets[3])
    assert row["n"] == 1
