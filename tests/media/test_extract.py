"""From the bytes to the row: what a file says, what becomes of files that say nothing, and what follows."""

import asyncio
import io
import os
import signal
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from PIL import Image

from calotype.core.jobs import Done, Later, Skip
from calotype.core.ports import Job
from calotype.media.events import FactsRead, PreviewsMade
from calotype.media.extract import storable
from calotype.outside.decoders import DecoderDied
from calotype.work import sweep
from tests.working import dated, film, picture, until_blocked

SYNC_ASSET = """
         id     ownerId     originalFileName     thumbhash     checksum     fileCreatedAt
    fileModifiedAt     createdAt     localDateTime     duration     type     deletedAt
    isFavorite     visibility     livePhotoVideoId     stackId     libraryId     width     height
    isEdited
"""
SYNC_EXIF = """
         assetId     description     exifImageWidth     exifImageHeight     fileSizeInByte
    orientation     dateTimeOriginal     modifyDate     timeZone     latitude     longitude
    projectionType     city     state     country     make     model     lensModel     fNumber
    focalLength     iso     exposureTime     profileDescription     rating     fps
"""


def read(id: str, source: str | None = None) -> Job:
    return Job("AssetExtractMetadata", "metadataExtraction", {"id": id, "source": source})


async def problems(house, id: str) -> dict[str, str]:
    rows = await house.sql("SELECT step, reason FROM asset_problem WHERE asset_id = $1", id)
    return {row["step"]: row["reason"] for row in rows}


async def test_an_upload_is_read_shown_and_announced(house, ada):
    id = await ada.asset(picture(exif=dated()), "IMG_1.jpg")
    done = [name for name, _ in await house.work()]
    assert done == ["AssetExtractMetadata", "AssetGenerateThumbnails"]
    row = await house.row(id)
    assert (row["make"], row["width"], row["height"], row["time_zone"]) == ("Maker", 320, 200, "UTC+2")
    assert row["taken_at"].isoformat() == "2021-07-08T07:10:11+00:00"
    assert row["local_taken"].isoformat() == "2021-07-08T09:10:11"
    assert row["taken_at"] == row["date_time_original"]
    assert row["metadata_at"]
    assert row["previews_at"]
    assert 5 <= len(row["thumbhash"]) <= 25
    files = await house.sql("SELECT * FROM asset_file WHERE asset_id = $1 ORDER BY type", id)
    assert [file["type"] for file in files] == ["preview", "thumbnail"]
    for file in files:
        assert (house.data / file["path"]).stat().st_size == file["size_bytes"]
    told = [event for event in house.told if isinstance(event, FactsRead | PreviewsMade)]
    assert [(type(event), event.source) for event in told] == [(FactsRead, "upload"), (PreviewsMade, "upload")]
    assert await problems(house, id) == {}


async def test_the_live_messages_carry_exactly_what_the_apps_parse(house, ada):
    id = await ada.asset(picture(exif=dated()), "IMG_1.jpg")
    await house.work()
    success, ready = house.heard
    assert (success.to, success.event, ready.event) == (str(ada.id), "on_upload_success", "AssetUploadReadyV2")
    (shown,) = success.arguments
    assert (shown["id"], shown["originalFileName"]) == (id, "IMG_1.jpg")
    (message,) = ready.arguments
    assert set(message) == {"asset", "exif"}
    assert sorted(message["asset"]) == sorted(SYNC_ASSET.split())
    assert sorted(message["exif"]) == sorted(SYNC_EXIF.split())
    assert message["asset"]["fileCreatedAt"] == "2021-07-08T07:10:11.000Z"
    assert message["asset"]["localDateTime"] == "2021-07-08T09:10:11.000Z"
    assert message["exif"]["dateTimeOriginal"] == "2021-07-08T07:10:11.000Z"
    assert message["asset"]["width"] == 320
    assert message["asset"]["thumbhash"]
    assert message["asset"]["duration"] is None


async def test_reading_again_changes_nothing_and_draws_nothing_again(house, ada):
    id = await ada.asset(picture(exif=dated()))
    await house.work()
    before, house.heard[:] = dict(await house.row(id)), []
    assert await house.run(read(id)) == Done()
    after = dict(await house.row(id))
    for name in ("metadata_at", "updated_at", "update_id"):
        del before[name], after[name]
    assert before == after
    assert house.jobs == []
    assert [message.event for message in house.heard] == ["on_asset_update"]


async def test_an_asset_that_is_gone_is_skipped(house, ada):
    id = await ada.asset(picture())
    await house.sql("DELETE FROM asset")
    assert {type(outcome) for _, outcome in await house.work()} == {Skip}
    assert await house.sql("SELECT * FROM asset_problem") == []
    assert (await ada.client.get(f"/assets/{id}")).status_code == 400


def bomb() -> bytes:
    body = io.BytesIO()
    Image.new("1", (16_000, 16_000)).save(body, "PNG")
    return body.getvalue()


def torn() -> bytes:
    whole = picture(1000, 800, quality=95)
    return whole[: len(whole) // 20]


BROKEN = {
    "a bomb": ("bomb.png", bomb),
    "a torn picture": ("torn.jpg", torn),
    "text that says it is a picture": ("text.jpg", lambda: b"Dear diary, today " * 50),
    "nothing between the header and the end": ("empty.png", lambda: b"\x89PNG\r\n\x1a\n" + bytes(16)),
    "a picture without pixels": ("zero.gif", lambda: b"GIF89a" + bytes(4) + b"\x00\x00\x00;"),
}


@pytest.mark.parametrize("case", BROKEN)
async def test_what_cannot_be_shown_ends_in_a_sentence_not_in_a_loop(house, ada, case: str):
    name, make = BROKEN[case]
    content = make()
    id = await ada.asset(content, name)
    await house.work()
    found = await problems(house, id)
    assert "previews" in found
    assert found["previews"].endswith(".")
    assert str(house.data) not in found["previews"]
    row = await house.row(id)
    assert (row["previews_at"], row["thumbhash"]) == (None, None)
    assert row["metadata_at"]
    for question in sweep.QUESTIONS.values():
        await sweep.sweep(house.world, question, settle=-sweep.SETTLE)
    assert house.jobs == []
    assert (await ada.client.get(f"/assets/{id}/original")).content == content
    assert list(house.data.glob("thumbs/**/*.*")) == []


async def test_a_person_may_ask_to_try_again(house, ada):
    id = await ada.asset(b"not a picture", "a.jpg")
    await house.work()
    listed = (await ada.client.get(f"/calotype/assets/{id}/problems")).json()
    assert [each["step"] for each in listed] == ["previews"]
    for _ in range(2):
        answer = await ada.client.post(f"/calotype/assets/{id}/retry")
        assert answer.status_code == 204
        assert [job.name for job in house.jobs] == ["AssetGenerateThumbnails"]
        await house.work()
    assert list(await problems(house, id)) == ["previews"]
    key = (await house.row(id))["original_key"]
    (house.media / key).write_bytes(picture())
    await ada.client.post(f"/calotype/assets/{id}/retry")
    await house.work()
    assert await problems(house, id) == {}
    assert (await house.row(id))["previews_at"]


async def test_failing_again_counts(house, ada):
    id = await ada.asset(b"not a picture", "a.jpg")
    await house.work()
    await house.run(Job("AssetGenerateThumbnails", "thumbnailGeneration", {"id": id}))
    (problem,) = await house.sql("SELECT attempts FROM asset_problem WHERE asset_id = $1", id)
    assert problem["attempts"] == 2


async def test_a_wrong_extension_is_no_fault(house, ada):
    id = await ada.asset(picture(format="PNG"), "really-a-png.jpg")
    await house.work()
    assert await problems(house, id) == {}
    assert (await house.row(id))["previews_at"]


async def test_of_a_video_nobody_can_open_nothing_is_known(house, ada):
    id = await ada.asset(b"This is no video. " * 40, "film.mp4")
    await house.work()
    row = await house.row(id)
    assert row["metadata_at"]
    assert (row["date_time_original"], row["time_zone"], row["width"], row["video"]) == (None, None, None, None)
    shown = (await ada.client.get(f"/assets/{id}")).json()
    assert shown["hasMetadata"] is True
    exif = shown["exifInfo"]
    assert {name for name, value in exif.items() if value not in (None, "")} == {"fileSizeInByte"}
    found = await problems(house, id)
    assert set(found) == {"metadata", "previews"}
    for question in sweep.QUESTIONS.values():
        await sweep.sweep(house.world, question, settle=-sweep.SETTLE)
    assert house.jobs == []


@asynccontextmanager
async def nobody_lives_long(children):
    async def kill() -> None:
        while True:
            for child in list(children._busy):
                with suppress(ProcessLookupError):
                    os.kill(child.process.pid, signal.SIGKILL)
            await asyncio.sleep(0.002)

    await children.close()  # a fresh one takes long enough to start that none is missed
    killing = asyncio.create_task(kill())
    try:
        yield
    finally:
        killing.cancel()
        await children.close()  # those that were killed after their answer


async def test_a_killed_decoder_is_noted_and_forgotten_when_it_works_again(house, ada, children):
    id = await ada.asset(picture(exif=dated()))
    for step in ("metadata", "previews"):
        (job,) = house.jobs
        house.jobs.clear()
        async with nobody_lives_long(children):
            with pytest.raises(DecoderDied):
                await house.run(job)
        assert (await problems(house, id))[step] == "The decoder was killed (SIGKILL)."
        assert list(house.data.glob("thumbs/**/*.*")) == []
        assert await house.run(job) == Done()
        assert await problems(house, id) == {}


async def test_a_missing_original_is_told_and_waits_for_a_person(house, ada):
    id = await ada.asset(picture())
    key = (await house.row(id))["original_key"]
    aside = house.media / f"{key}.aside"
    (house.media / key).rename(aside)
    await house.work()
    assert await problems(house, id) == {"metadata": "The original is not where it should be."}
    assert await sweep.sweep(house.world, sweep.QUESTIONS["metadata"], settle=-sweep.SETTLE) == 0
    aside.rename(house.media / key)
    await ada.client.post(f"/calotype/assets/{id}/retry")
    await house.work()
    assert (await house.row(id))["previews_at"]


async def test_a_storage_that_is_away_is_no_fault_of_the_file(house, ada):
    from calotype.core.errors import Offline
    from calotype.storage.root import Root, State

    id = await ada.asset(picture())
    (job,) = house.jobs
    house.root.now = Root(State.ABSENT)
    with pytest.raises(Offline):
        await house.run(job)
    assert await problems(house, id) == {}


async def test_facts_read_beside_a_sidecar_that_was_replaced_meanwhile_are_not_kept(house, ada):
    id = await ada.asset(picture(exif=dated()))
    (job,) = house.jobs
    connection = await house.world.pool.acquire()
    held = connection.transaction()
    await held.start()
    await connection.execute("UPDATE asset SET sidecar_key = 'newer', description = 'newer'")
    running = asyncio.create_task(house.run(job))
    await until_blocked(house)  # until it has read the file and waits for the row
    await held.commit()
    await house.world.pool.release(connection)
    assert isinstance(await running, Later)
    row = await house.row(id)
    assert (row["metadata_at"], row["description"]) == (None, "newer")


async def test_the_same_job_twice_at_once_leaves_one_state(house, ada, tmp_path: Path):
    ids = [await ada.asset(picture(exif=dated())), await ada.asset(film(tmp_path), "a.mp4")]
    jobs, house.jobs[:] = list(house.jobs), []
    outcomes = await asyncio.gather(*(house.run(job) for job in jobs * 2))
    assert set(map(type, outcomes)) <= {Done}
    jobs, house.jobs[:] = list(house.jobs), []
    await asyncio.gather(*(house.run(job) for job in jobs * 2))
    for id in ids:
        assert await problems(house, id) == {}
        files = await house.sql("SELECT * FROM asset_file WHERE asset_id = $1 ORDER BY type", id)
        assert [file["type"] for file in files] == ["preview", "thumbnail"]
        for file in files:
            assert (house.data / file["path"]).stat().st_size == file["size_bytes"]
    assert list(house.data.glob("**/.*.part")) == []


async def test_tags_of_the_file_become_tags(house, ada):
    body = io.BytesIO()
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:digiKam="http://www.digikam.org/ns/1.0/"><digiKam:TagsList><rdf:Seq>'
        "<rdf:li>Animals/Dogs</rdf:li></rdf:Seq></digiKam:TagsList></rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    Image.new("RGB", (64, 48)).save(body, "JPEG", xmp=packet.encode())
    id = await ada.asset(body.getvalue())
    await house.work()
    await house.run(read(id))
    rows = await house.sql(
        "SELECT tag.value FROM tag JOIN tag_asset ON tag_asset.tag_id = tag.id WHERE asset_id = $1", id
    )
    assert [row["value"] for row in rows] == ["Animals/Dogs"]


@pytest.mark.parametrize(
    ("value", "column", "kept"),
    [
        ("Acme\0junk", "make", "Acmejunk"),
        ("half \ud800 a character", "make", "half ? a character"),
        ("x" * 9000, "model", "x" * 500),
        ("x" * 9000, "description", "x" * 9000),
        (2**31, "width", None),
        (2**31 - 1, "width", 2**31 - 1),
        (2**15, "bits_per_sample", None),
        (float("inf"), "fps", None),
        ({"tags": {"a\0": "b\0"}, "bit_rate": 2**40}, None, {"tags": {"a": "b"}, "bit_rate": 2**40}),
    ],
)
def test_what_a_stranger_wrote_fits_the_column(value, column: str | None, kept):
    assert storable(value, column) == kept


async def test_a_sidecar_full_of_nonsense_stops_nothing(house, ada):
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:ImageWidth="99999999999"'
        f' tiff:ImageLength="99999999999" tiff:BitsPerSample="99999999" tiff:Make="{"M" * 9000}"/></rdf:RDF></x:xmpmeta>'
    )
    fields = {"fileCreatedAt": "2024-03-01T10:00:00.000Z", "fileModifiedAt": "2024-03-01T10:00:00.000Z"}
    files = {"assetData": ("a.jpg", picture()), "sidecarData": ("a.xmp", packet.encode())}
    id = (await ada.client.post("/assets", data=fields, files=files)).json()["id"]
    await house.work()
    assert await problems(house, id) == {}
    row = await house.row(id)
    assert (row["make"], row["bits_per_sample"], row["width"], row["height"]) == ("M" * 500, None, 320, 200)
