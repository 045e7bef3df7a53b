"""Names that other programs wrote into a file become people here, and never overrule what somebody said here."""

import pytest

from calotype.core.jobs import Skip
from calotype.core.ports import Job
from calotype.people import missing
from tests.faces import listed, seen
from tests.working import picture, settle

PACKET = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"
 xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#" xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#">
<mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:AppliedToDimensions stDim:w="320" stDim:h="200" stDim:unit="pixel"/>
<mwg-rs:RegionList><rdf:Bag>{regions}</rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>
</rdf:Description></rdf:RDF></x:xmpmeta>"""
REGION = """<rdf:li rdf:parseType="Resource"><mwg-rs:Name>{name}</mwg-rs:Name><mwg-rs:Type>Face</mwg-rs:Type>
<mwg-rs:Area stArea:x="{x}" stArea:y="0.5" stArea:w="0.2" stArea:h="0.4" stArea:unit="normalized"/></rdf:li>"""


def named(*names: str) -> bytes:
    """A photo with faces of these names from left to right."""
    regions = "".join(REGION.format(name=name, x=0.2 + 0.3 * n) for n, name in enumerate(names))
    return picture(320, 200, xmp=PACKET.format(regions=regions).encode())


@pytest.fixture(autouse=True)
async def importing(house):
    await settle(house, "metadata.faces.import", True)


async def faces_of(client, asset):
    return (await client.get("/faces", params={"id": asset})).json()


async def test_names_in_a_file_become_people(house, ada):
    asset = await ada.asset(named("Ann", "Bob"))
    await house.work()
    ann, bob = await faces_of(ada.client, asset)
    assert [(face["person"]["name"], face["sourceType"]) for face in (ann, bob)] == [("Ann", "exif"), ("Bob", "exif")]
    assert (ann["boundingBoxX1"], ann["boundingBoxX2"], ann["imageWidth"]) == (32, 96, 320)
    second = await ada.asset(named("ANN"))
    await house.work()
    (face,) = await faces_of(ada.client, second)
    assert face["person"]["id"] == ann["person"]["id"]
    assert {each["name"] for each in (await listed(ada.client))["people"]} == {"Ann", "Bob"}


async def test_reading_the_file_again_changes_nothing(house, ada):
    asset = await ada.asset(named("Ann"))
    await house.work()
    before = await house.sql("SELECT id, person_id, update_id FROM face WHERE asset_id = $1", asset)
    await house.run(Job("AssetExtractMetadata", "metadataExtraction", {"id": asset}))
    await house.work()
    assert await house.sql("SELECT id, person_id, update_id FROM face WHERE asset_id = $1", asset) == before
    assert (await listed(ada.client))["total"] == 1


async def test_a_face_that_was_found_gets_the_name_of_the_file(house, ada, faces):
    asset = await ada.asset(named("Ann"))
    await faces.keep(asset, seen(34, 62, 94, 138), width=320, height=200)
    await house.work()
    (face,) = await faces_of(ada.client, asset)
    assert (face["person"]["name"], face["sourceType"]) == ("Ann", "machine-learning")


async def test_what_somebody_said_here_wins(house, ada):
    asset = await ada.asset(named("Ann"))
    await house.work()
    (face,) = await faces_of(ada.client, asset)
    await ada.client.put(f"/people/{face['person']['id']}", json={"name": "Anna"})
    await house.run(Job("AssetExtractMetadata", "metadataExtraction", {"id": asset}))
    await house.work()
    (again,) = await faces_of(ada.client, asset)
    assert again["person"]["name"] == "Anna"
    bob = (await ada.client.post("/people", json={"name": "Bob"})).json()["id"]
    await ada.client.put(f"/faces/{bob}", json={"id": face["id"]})
    await house.run(Job("AssetExtractMetadata", "metadataExtraction", {"id": asset}))
    await house.work()
    assert [each["person"]["name"] for each in await faces_of(ada.client, asset)] == ["Bob"]


async def test_switched_off_nothing_is_taken_over(house, ada):
    await settle(house, "metadata.faces.import", False)
    asset = await ada.asset(named("Ann"))
    await house.work()
    assert await faces_of(ada.client, asset) == []
    assert await house.run(Job("PeopleFromFile", "facialRecognition", {"id": asset})) == Skip("the file names no faces")


async def test_names_whose_job_was_lost_are_found_again(house, ada):
    asset = await ada.asset(named("Ann"))
    await house.work("metadataExtraction")
    house.jobs.clear()
    assert await missing.sweep(house.world) >= 1
    await house.work("facialRecognition")
    assert [each["person"]["name"] for each in await faces_of(ada.client, asset)] == ["Ann"]
