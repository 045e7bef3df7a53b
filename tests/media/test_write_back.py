"""A person's edits reach the XMP beside the original, and nothing is lost on the way."""

import asyncio
import hashlib
from pathlib import Path

import pytest

from calotype.core.errors import Offline
from calotype.core.jobs import Done, Later, Skip
from calotype.core.ports import Job
from calotype.media import sidecar, write_back
from calotype.storage.root import Root, State
from tests.working import dated, picture, until_blocked

WRITE = "SidecarWrite"
FOREIGN = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/" crs:Exposure2012="+0.50"/>
</rdf:RDF></x:xmpmeta>"""


@pytest.fixture
async def photo(house, ada) -> str:
    id = await ada.asset(picture(exif=dated()), "IMG_1.jpg")
    await house.work()
    house.heard.clear()
    return id


async def edit(ada, id: str, **wish) -> None:
    answer = await ada.client.put(f"/assets/{id}", json=wish)
    assert answer.status_code == 200, answer.text


async def packet(house, id: str) -> dict:
    row = await house.row(id)
    assert row["sidecar_key"] == f"{row['original_key']}.xmp"
    return sidecar.parse((house.media / row["sidecar_key"]).read_bytes())


async def beside(house, id: str) -> list[str]:
    """What lies beside the original, without the name they share."""
    original: Path = house.media / (await house.row(id))["original_key"]
    return sorted(path.name.removeprefix(original.name) for path in original.parent.iterdir())


async def test_an_edit_reaches_the_sidecar_and_is_read_from_there(house, ada, photo):
    original = house.media / (await house.row(photo))["original_key"]
    before = hashlib.sha256(original.read_bytes()).hexdigest()
    await edit(
        ada,
        photo,
        description="At the sea ☀",
        rating=4,
        dateTimeOriginal="2020-05-06T07:08:09.000+03:00",
        latitude=48.8566,
        longitude=2.3522,
    )
    row = await house.row(photo)
    assert set(row["locked_fields"]) == {
        "dateTimeOriginal", "description", "latitude", "longitude", "rating", "timeZone",
    }  # fmt: skip
    await house.work()
    assert house.jobs == []
    told = await packet(house, photo)
    assert told["XMP-dc:description"] == told["XMP-tiff:ImageDescription"] == "At the sea ☀"
    assert told["XMP-exif:DateTimeOriginal"] == "2020-05-06T07:08:09+03:00"
    assert (told["XMP-xmp:Rating"], told["XMP-exif:GPSLatitude"]) == ("4", "48,51.3960000000N")
    row = await house.row(photo)
    assert row["locked_fields"] == []
    assert (row["description"], row["rating"]) == ("At the sea ☀", 4)
    assert row["latitude"] == pytest.approx(48.8566)
    assert row["taken_at"].isoformat() == "2020-05-06T04:08:09+00:00"
    # A position says more about the zone than the offset of an edit: it was summer in Paris.
    assert row["time_zone"] == "Europe/Paris"
    assert row["local_taken"].isoformat() == "2020-05-06T06:08:09"
    assert row["country"] == "France"
    assert hashlib.sha256(original.read_bytes()).hexdigest() == before
    (message,) = house.heard
    assert (message.to, message.event) == (str(ada.id), "on_asset_update")
    assert message.arguments[0]["exifInfo"]["description"] == "At the sea ☀"
    assert await beside(house, photo) == ["", ".xmp"]


async def test_an_edit_draws_nothing_again(house, ada, photo):
    await edit(ada, photo, description="new")
    assert {name for name, _ in await house.work()} == {WRITE, "AssetExtractMetadata"}


async def test_the_second_edit_keeps_the_first(house, ada, photo):
    await edit(ada, photo, description="first")
    await house.work()
    await edit(ada, photo, rating=5)
    await house.work()
    told = await packet(house, photo)
    assert (told["XMP-dc:description"], told["XMP-xmp:Rating"]) == ("first", "5")
    row = await house.row(photo)
    assert (row["description"], row["rating"], row["locked_fields"]) == ("first", 5, [])
    assert await beside(house, photo) == ["", ".xmp"]


async def test_a_rating_and_a_text_can_be_taken_away(house, ada, photo):
    await edit(ada, photo, description="first", rating=3)
    await house.work()
    await edit(ada, photo, description="", rating=None)
    await house.work()
    row = await house.row(photo)
    assert (row["description"], row["rating"], row["locked_fields"]) == ("", None, [])


async def test_what_another_program_wrote_stays(house, ada):
    original = picture()
    fields = {"fileCreatedAt": "2024-03-01T10:00:00.000Z", "fileModifiedAt": "2024-03-01T10:00:00.000Z"}
    answer = await ada.client.post(
        "/assets", data=fields, files={"assetData": ("a.jpg", original), "sidecarData": ("a.xmp", FOREIGN.encode())}
    )
    id = answer.json()["id"]
    await house.work()
    await edit(ada, id, description="mine")
    await house.work()
    row = await house.row(id)
    assert "Exposure2012" in (house.media / row["sidecar_key"]).read_text()
    assert (await packet(house, id))["XMP-dc:description"] == "mine"


async def test_a_sidecar_that_is_no_xmp_is_left_alone_and_told(house, ada, photo):
    key = f"{(await house.row(photo))['original_key']}.xmp"
    (house.media / key).write_text("a shopping list")
    await house.sql("UPDATE asset SET sidecar_key = $1", key)
    await edit(ada, photo, description="mine")
    assert {type(outcome) for _, outcome in await house.work()} == {Skip}
    assert (house.media / key).read_text() == "a shopping list"
    (problem,) = await house.sql("SELECT step, reason FROM asset_problem")
    assert problem["step"] == "sidecar"
    row = await house.row(photo)
    assert (row["description"], row["locked_fields"]) == ("mine", ["description"])


async def test_an_edit_while_it_is_written_is_written_too(house, ada, photo):
    await edit(ada, photo, description="one")
    (job,) = house.jobs
    house.jobs.clear()
    connection = await house.world.pool.acquire()
    held = connection.transaction()
    await held.start()
    await connection.execute("UPDATE asset SET description = 'two'")
    running = asyncio.create_task(house.run(job))
    await until_blocked(house)  # until the first text is in a file and the row is waited for
    await held.commit()
    await house.world.pool.release(connection)
    assert isinstance(await running, Later)
    assert await beside(house, photo) == [""]
    assert (await house.row(photo))["locked_fields"] == ["description"]
    assert await house.run(job) == Done()
    assert (await packet(house, photo))["XMP-dc:description"] == "two"
    await house.work()
    assert (await house.row(photo))["description"] == "two"


async def test_being_cut_off_before_the_commit_leaves_the_old_sidecar(house, ada, photo):
    await edit(ada, photo, description="one")
    await house.work()
    old = await packet(house, photo)
    await edit(ada, photo, description="two")
    (job,) = house.jobs
    await house.sql(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''cut off''; END'"
    )
    await house.sql(
        "CREATE TRIGGER refuse BEFORE UPDATE OF sidecar_key ON asset FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    try:
        with pytest.raises(Exception, match="cut off"):
            await house.run(job)
    finally:
        await house.sql("DROP FUNCTION refuse CASCADE")
    assert await packet(house, photo) == old
    assert await beside(house, photo) == ["", ".xmp"]
    assert (await house.row(photo))["locked_fields"] == ["description"]
    await house.sql("DELETE FROM asset_problem")
    await house.work()
    assert (await packet(house, photo))["XMP-dc:description"] == "two"


async def test_being_cut_off_before_the_usual_name_is_taken_loses_nothing(house, ada, photo):
    await edit(ada, photo, description="one")
    await house.work()
    row = await house.row(photo)
    # The row names a file that was moved to its usual place a moment before.
    await house.sql("UPDATE asset SET sidecar_key = $1", f"{row['original_key']}.0badcafe.xmp")
    await house.run(Job("AssetExtractMetadata", "metadataExtraction", {"id": photo}))
    assert (await house.row(photo))["description"] == "one"
    await edit(ada, photo, rating=2)
    await house.work()
    told = await packet(house, photo)
    assert (told["XMP-dc:description"], told["XMP-xmp:Rating"]) == ("one", "2")


class Killed(BaseException):
    """The worker is gone."""


@pytest.mark.parametrize("step", ["content", "remove", "move", "said"])
async def test_being_cut_off_while_the_usual_name_is_taken_heals_when_the_job_runs_again(
    house, ada, photo, monkeypatch, step: str
):
    await edit(ada, photo, description="one")
    await house.work()
    await edit(ada, photo, rating=2)
    (job,) = house.jobs
    house.jobs.clear()
    usual = f"{(await house.row(photo))['original_key']}.xmp"

    async def killed(*arguments: object, **_: object) -> None:
        raise Killed

    real = write_back._content

    async def killed_after_commit(world, key):
        if (await house.row(photo))["locked_fields"] == []:
            raise Killed
        return await real(world, key)

    with monkeypatch.context() as patch:
        if step == "content":
            patch.setattr(write_back, "_content", killed_after_commit)
        elif step == "said":
            patch.setattr(write_back.facts_store, "set_sidecar", killed)
        else:
            patch.setattr(type(house.world.files), step, killed)
        with pytest.raises(Killed):
            await house.run(job)
    row = await house.row(photo)
    assert row["locked_fields"] == []
    assert row["sidecar_key"] != usual, "it was cut off too late"
    # Whatever happened, the reading finds both edits.
    await house.run(Job("AssetExtractMetadata", "metadataExtraction", {"id": photo}))
    row = await house.row(photo)
    assert (row["description"], row["rating"]) == ("one", 2)
    assert await house.run(job) == Done()
    assert await beside(house, photo) == ["", ".xmp"]
    told = await packet(house, photo)
    assert (told["XMP-dc:description"], told["XMP-xmp:Rating"]) == ("one", "2")
    assert await house.run(job) == Skip("nothing was edited")


async def test_what_somebody_put_there_meanwhile_is_not_taken_for_our_old_one(house, ada, photo, monkeypatch):
    await edit(ada, photo, description="one")
    await house.work()
    await edit(ada, photo, rating=2)
    (job,) = house.jobs
    house.jobs.clear()
    usual = house.media / f"{(await house.row(photo))['original_key']}.xmp"
    real = write_back._put

    async def interrupted(world, key, content):
        usual.write_text(FOREIGN)
        await real(world, key, content)

    monkeypatch.setattr(write_back, "_put", interrupted)
    assert await house.run(job) == Done()
    assert usual.read_text() == FOREIGN
    row = await house.row(photo)
    assert sidecar.parse((house.media / row["sidecar_key"]).read_bytes())["XMP-xmp:Rating"] == "2"


async def test_two_writers_at_once_leave_one_sidecar(house, ada, photo):
    await edit(ada, photo, description="one")
    await house.work()
    await edit(ada, photo, description="two")
    (job,) = house.jobs
    house.jobs.clear()
    outcomes = await asyncio.gather(*(house.run(job) for _ in range(4)))
    assert Done() in outcomes
    await asyncio.gather(*(house.run(job) for _ in range(2)))
    await house.work()
    assert await beside(house, photo) == ["", ".xmp"]
    assert (await packet(house, photo))["XMP-dc:description"] == "two"
    assert (await house.row(photo))["locked_fields"] == []


async def test_a_storage_that_is_away_keeps_the_edit_waiting(house, ada, photo):
    await edit(ada, photo, description="one")
    house.root.now = Root(State.ABSENT)
    (job,) = house.jobs
    with pytest.raises(Offline):
        await house.run(job)
    assert await house.sql("SELECT * FROM asset_problem") == []
    assert (await house.row(photo))["locked_fields"] == ["description"]


async def test_an_edit_before_the_first_reading_is_not_lost(house, ada):
    id = await ada.asset(picture(exif=dated()))
    await edit(ada, id, description="early", dateTimeOriginal="1999-12-31T23:59:59+01:00")
    await house.work()
    row = await house.row(id)
    assert (row["description"], row["taken_at"].isoformat()) == ("early", "1999-12-31T22:59:59+00:00")
    assert row["local_taken"].isoformat() == "1999-12-31T23:59:59"
    assert row["locked_fields"] == []


async def test_a_place_that_is_edited_and_not_yet_written_gives_the_names_of_its_places(house, ada, photo):
    await edit(ada, photo, latitude=35.6812, longitude=139.7671)
    house.jobs.clear()
    await house.run(Job("AssetExtractMetadata", "metadataExtraction", {"id": photo}))
    row = await house.row(photo)
    assert (row["country"], set(row["locked_fields"])) == ("Japan", {"latitude", "longitude"})


async def test_tags_that_a_person_gave_reach_the_sidecar_and_stay(house, ada, photo):
    await house.sql("INSERT INTO tag (owner_id, value) VALUES ($1, 'Animals'), ($1, 'Animals/Dogs')", ada.id)
    await house.sql("INSERT INTO tag_asset SELECT $1, id FROM tag WHERE value = 'Animals/Dogs'", photo)
    await house.sql("UPDATE asset SET locked_fields = '{tags}'")
    await house.run(Job("AssetExtractMetadata", "metadataExtraction", {"id": photo}))
    assert len(await house.sql("SELECT FROM tag_asset")) == 1
    await house.run(Job(WRITE, "sidecar", {"id": photo}))
    await house.work()
    assert (await packet(house, photo))["XMP-digiKam:TagsList"] == ["Animals/Dogs"]
    assert (await house.row(photo))["locked_fields"] == []
    rows = await house.sql("SELECT value FROM tag JOIN tag_asset ON tag_asset.tag_id = tag.id")
    assert [row["value"] for row in rows] == ["Animals/Dogs"]
