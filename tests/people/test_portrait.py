"""The portrait of a person: where the face is, in the published size, and drawn again when it must be."""

import io

import pytest
from PIL import Image

from calotype.core.errors import Offline
from calotype.core.jobs import Done, Skip
from calotype.core.ports import Job
from calotype.people import missing, portrait
from calotype.people.person import PortraitMade
from tests.faces import face_of, seen


def coloured(size=(1200, 800), face=(700, 300, 800, 400)) -> bytes:
    """A blue picture with a red face in it."""
    made = Image.new("RGB", size, (0, 0, 255))
    made.paste((255, 0, 0), face)
    body = io.BytesIO()
    made.save(body, "JPEG", quality=95)
    return body.getvalue()


@pytest.fixture
async def ann(house, ada, faces):
    """Somebody with a face in the red square."""
    asset = await ada.asset(coloured())
    await house.work("metadataExtraction", "thumbnailGeneration")
    await faces.keep(asset, seen(700, 300, 800, 400), width=1200, height=800)
    person = (await ada.client.post("/people", json={"name": "Ann"})).json()["id"]
    assert (await ada.client.put(f"/faces/{person}", json={"id": await face_of(house, asset)})).status_code == 200
    return person, asset


async def drawn(ada, person) -> Image.Image:
    answer = await ada.client.get(f"/people/{person}/thumbnail")
    assert answer.status_code == 200
    return Image.open(io.BytesIO(answer.content))


async def test_the_portrait_is_the_face_with_a_little_around_it(house, ada, ann):
    person, _ = ann
    await house.work("thumbnailGeneration")
    picture = await drawn(ada, person)
    assert (picture.size, picture.format) == ((250, 250), "JPEG")
    red, _, blue = picture.getpixel((125, 125))
    assert (red > 200, blue < 60) == (True, True)
    red, _, blue = picture.getpixel((3, 3))
    assert (red < 60, blue > 200) == (True, True)
    assert (house.told[-1].person_id, type(house.told[-1])) == ((await house.row(person, "person"))["id"], PortraitMade)
    (message,) = [message for message in house.heard if message.event == "on_person_thumbnail"]
    assert (message.to, message.arguments) == (str(ada.id), (person,))
    shown = (await ada.client.get(f"/people/{person}")).json()
    assert shown["thumbnailPath"].endswith(f"/{person}.jpeg")
    assert await portrait.make(house.world, (await house.row(person, "person"))["id"]) == Skip(
        "the portrait shows this face already"
    )


async def test_another_face_another_portrait(house, ada, ann, faces):
    person, _ = ann
    await house.work("thumbnailGeneration")
    before = (await ada.client.get(f"/people/{person}")).json()["updatedAt"]
    other = await ada.asset(coloured(face=(0, 0, 1200, 800)))
    await house.work("metadataExtraction", "thumbnailGeneration")
    await faces.keep(other, seen(100, 100, 300, 300), width=1200, height=800)
    await ada.client.put(f"/faces/{person}", json={"id": await face_of(house, other)})
    assert (await ada.client.put(f"/people/{person}", json={"featureFaceAssetId": other})).status_code == 200
    await house.work("thumbnailGeneration")
    red, _, blue = (await drawn(ada, person)).getpixel((3, 3))
    assert (red > 200, blue < 60) == (True, True)
    assert (await ada.client.get(f"/people/{person}")).json()["updatedAt"] > before


async def test_a_portrait_from_a_photo_that_is_locked_goes_and_another_comes(house, ada, ann, faces):
    person, asset = ann
    await house.work("thumbnailGeneration")
    await house.sql("UPDATE asset SET visibility = 'locked' WHERE id = $1", asset)
    assert (await ada.client.get(f"/people/{person}/thumbnail")).status_code == 404
    assert await portrait.make(house.world, (await house.row(person, "person"))["id"]) == Skip(
        "nobody of this id has a face that may be shown"
    )
    other = await ada.asset(coloured((1300, 800)))
    await house.work("metadataExtraction", "thumbnailGeneration")
    await faces.keep(other, seen(700, 300, 800, 400), width=1200, height=800)
    await house.sql("UPDATE face SET person_id = $1 WHERE asset_id = $2", person, other)
    house.jobs.clear()
    house.world.clock.stopped_at = house.world.clock.now() + missing.SETTLE * 2
    assert await missing.sweep(house.world) == 1  # what nobody queued is found
    await house.work("thumbnailGeneration")
    assert (await drawn(ada, person)).size == (250, 250)
    assert str((await house.row(person, "person"))["feature_face_id"]) == await face_of(house, other)


async def test_a_torn_original_gives_a_portrait_from_the_preview(house, ada, ann):
    person, asset = ann
    (house.media / (await house.row(asset))["original_key"]).write_bytes(b"torn")
    assert await house.run(Job("PersonGenerateThumbnail", "thumbnailGeneration", {"id": person})) == Done()
    assert (await drawn(ada, person)).size == (250, 250)


async def test_what_cannot_be_drawn_is_not_tried_for_ever(house, ada, ann):
    person, asset = ann
    (house.media / (await house.row(asset))["original_key"]).write_bytes(b"torn")
    await house.sql("DELETE FROM asset_file WHERE asset_id = $1", asset)
    assert isinstance(await house.run(Job("PersonGenerateThumbnail", "thumbnailGeneration", {"id": person})), Skip)
    assert (await house.row(person, "person"))["portrait_fault"]
    house.jobs.clear()
    house.world.clock.stopped_at = house.world.clock.now() + missing.SETTLE * 2
    assert await missing.sweep(house.world) == 0


async def test_a_storage_that_is_away_costs_nothing(house, ada, ann):
    person, _ = ann
    job = Job("PersonGenerateThumbnail", "thumbnailGeneration", {"id": person})
    await house.unplug()
    with pytest.raises(Offline):
        await house.run(job)
    await house.plug_in()
    assert await house.run(job) == Done()


async def test_somebody_who_is_gone_leaves_no_picture_behind(house, ada, ann):
    person, _ = ann
    await house.work("thumbnailGeneration")
    path = house.data / (await house.row(person, "person"))["portrait_path"]
    assert path.exists()
    await ada.client.delete(f"/people/{person}")
    assert not path.exists()
    assert isinstance(await house.run(Job("PersonGenerateThumbnail", "thumbnailGeneration", {"id": person})), Skip)
