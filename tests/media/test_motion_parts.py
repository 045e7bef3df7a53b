"""Photos that move: two files that belong together, and one file that holds both."""

import asyncio
import struct
from pathlib import Path

import pytest
from PIL import Image

from calotype.assets.asset import AssetHidden
from calotype.core.jobs import Done, Later
from calotype.core.ports import Job
from tests.working import film, picture, until_blocked

CID = "0D1F5A3E-1C7B-4F0E-9C2A-3A2B1C0D9E8F"


def apple_still() -> bytes:
    """A JPEG whose maker's note names its other half (tag 0x0011, as Apple writes it)."""
    text = CID.encode() + b"\0"
    entry = struct.pack(">HHII", 0x0011, 2, len(text), 14 + 2 + 12 + 4)
    note = b"Apple iOS\0\0\x01MM" + struct.pack(">H", 1) + entry + bytes(4) + text
    exif = Image.Exif()
    exif[0x010F] = "Apple"
    exif.get_ifd(0x8769)[0x927C] = note
    return picture(exif=exif)


def apple_film(folder: Path) -> bytes:
    return film(
        folder, "a.mov", "-movflags", "use_metadata_tags", "-metadata", f"com.apple.quicktime.content.identifier={CID}"
    )


def motion_photo(video: bytes) -> bytes:
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:GCamera="http://ns.google.com/photos/1.0/camera/"'
        f' GCamera:MicroVideo="1" GCamera:MicroVideoOffset="{len(video)}"/></rdf:RDF></x:xmpmeta>'
    )
    return picture(xmp=packet.encode()) + video


def read(id: str) -> Job:
    return Job("AssetExtractMetadata", "metadataExtraction", {"id": id})


async def usage(house, ada) -> int:
    return (await house.row(ada.id, "users"))["usage_bytes"]


@pytest.mark.parametrize("still_first", [True, False])
async def test_the_halves_of_a_live_photo_find_each_other(house, ada, tmp_path: Path, still_first: bool):
    files = [("IMG_1.JPG", apple_still()), ("IMG_1.MOV", apple_film(tmp_path))]
    ids: dict[str, str] = {}
    for name, content in files if still_first else reversed(files):
        ids[name] = await ada.asset(content, name)
        await house.work()
    still, moving = await house.row(ids["IMG_1.JPG"]), await house.row(ids["IMG_1.MOV"])
    assert still["live_photo_cid"] == moving["live_photo_cid"] == CID
    assert str(still["live_video_id"]) == ids["IMG_1.MOV"]
    assert (still["visibility"], moving["visibility"]) == ("timeline", "hidden")
    assert AssetHidden(ada.id, moving["id"]) in house.told
    assert ("on_asset_hidden", (ids["IMG_1.MOV"],)) in [(heard.event, heard.arguments) for heard in house.heard]


async def test_halves_that_are_read_at_the_same_moment_find_each_other(house, ada, tmp_path: Path):
    still = await ada.asset(apple_still(), "IMG_1.JPG")
    moving = await ada.asset(apple_film(tmp_path), "IMG_1.MOV")
    jobs, house.jobs[:] = list(house.jobs), []
    connection = await house.world.pool.acquire()
    held = connection.transaction()
    await held.start()
    await connection.execute("SELECT FROM asset FOR UPDATE")
    running = [asyncio.create_task(house.run(job)) for job in jobs]
    await until_blocked(house, 2)  # until both have read their files and wait to write
    await held.commit()
    await house.world.pool.release(connection)
    assert [await task for task in running] == [Done(), Done()]
    assert str((await house.row(still))["live_video_id"]) == moving
    assert (await house.row(moving))["visibility"] == "hidden"


async def test_another_persons_half_is_not_ours(house, ada, tmp_path: Path):
    eve = await house.person()
    still = await ada.asset(apple_still(), "IMG_1.JPG")
    await eve.asset(apple_film(tmp_path), "IMG_1.MOV")
    await house.work()
    assert (await house.row(still))["live_video_id"] is None


async def test_a_motion_photo_is_taken_apart(house, ada, tmp_path: Path):
    video = film(tmp_path)
    photo = motion_photo(video)
    id = await ada.asset(photo, "PXL_1.MP.jpg")
    await house.work()
    still = await house.row(id)
    part = await house.row(still["live_video_id"])
    assert (part["type"], part["visibility"], part["original_name"]) == ("VIDEO", "hidden", "PXL_1.MP.mp4")
    assert part["is_motion_part"]
    assert (house.media / part["original_key"]).read_bytes() == video
    assert part["original_key"].startswith(f"encoded-video/{ada.id}/")
    assert part["original_key"].endswith(f"{part['id']}-MP.mp4")
    assert (part["taken_at"].isoformat(), part["time_zone"]) == ("2021-07-08T09:10:11+00:00", "UTC")
    assert part["metadata_at"]
    assert part["transcode_checked_at"]
    assert part["previews_at"] is None
    assert await usage(house, ada) == len(photo) + len(video)
    assert (house.media / still["original_key"]).read_bytes() == photo
    assert "on_asset_hidden" not in {message.event for message in house.heard}


async def test_a_motion_photo_that_is_read_again_keeps_its_part(house, ada, tmp_path: Path):
    id = await ada.asset(motion_photo(film(tmp_path)))
    await house.work()
    before, files, used = await house.row(id), house.originals(), await usage(house, ada)
    for _ in range(2):
        assert await house.run(read(id)) == Done()
    await asyncio.gather(*(house.run(read(id)) for _ in range(3)))
    assert (await house.row(id))["live_video_id"] == before["live_video_id"]
    assert house.originals() == files
    assert await usage(house, ada) == used
    assert len(await house.sql("SELECT FROM asset")) == 2


async def test_a_motion_photo_read_twice_at_once_has_one_part(house, ada, tmp_path: Path):
    video = film(tmp_path)
    photo = motion_photo(video)
    id = await ada.asset(photo)
    outcomes = await asyncio.gather(*(house.run(read(id)) for _ in range(3)))
    assert set(map(type, outcomes)) <= {Done, Later}
    await house.work()
    assert (await house.row(id))["live_video_id"]
    assert len(await house.sql("SELECT FROM asset")) == 2
    assert len(house.originals()) == 2
    assert await usage(house, ada) == len(photo) + len(video)


async def test_a_part_that_is_gone_is_cut_out_again(house, ada, tmp_path: Path):
    id = await ada.asset(motion_photo(film(tmp_path)))
    await house.work()
    first = (await house.row(id))["live_video_id"]
    await house.sql("DELETE FROM asset WHERE id = $1", first)
    assert (await house.row(id))["live_video_id"] is None
    await house.run(read(id))
    await house.work()
    again = (await house.row(id))["live_video_id"]
    assert again not in (None, first)
    assert (house.media / (await house.row(again))["original_key"]).exists()


async def test_a_part_that_goes_while_its_photo_is_read_is_no_fault(house, ada, tmp_path: Path):
    id = await ada.asset(motion_photo(film(tmp_path)))
    await house.work()
    part = (await house.row(id))["live_video_id"]
    connection = await house.world.pool.acquire()
    held = connection.transaction()
    await held.start()
    await connection.execute("DELETE FROM asset WHERE id = $1", part)
    running = asyncio.create_task(house.run(read(id)))
    await until_blocked(house)
    await held.commit()
    await house.world.pool.release(connection)
    assert isinstance(await running, Later)
    assert await house.run(read(id)) == Done()
    assert (await house.row(id))["live_video_id"] not in (None, part)
    assert await house.sql("SELECT FROM asset_problem") == []


async def test_the_same_video_that_was_uploaded_becomes_the_part(house, ada, tmp_path: Path):
    video = film(tmp_path)
    uploaded = await ada.asset(video, "same.mp4")
    await house.work()
    id = await ada.asset(motion_photo(video))
    await house.work()
    assert str((await house.row(id))["live_video_id"]) == uploaded
    assert (await house.row(uploaded))["visibility"] == "hidden"
    await house.run(read(id))
    assert str((await house.row(id))["live_video_id"]) == uploaded


async def test_a_moving_part_that_was_uploaded_beside_it_stays(house, ada, tmp_path: Path):
    beside = await ada.asset(film(tmp_path), "beside.mp4")
    id = await ada.asset(motion_photo(film(tmp_path, seconds=2)), livePhotoVideoId=beside)
    await house.work()
    assert str((await house.row(id))["live_video_id"]) == beside
    assert len(await house.sql("SELECT FROM asset")) == 2


async def test_what_only_claims_to_move_is_a_photo(house, ada):
    id = await ada.asset(motion_photo(b""))
    await house.work()
    assert (await house.row(id))["live_video_id"] is None
    assert await house.sql("SELECT FROM asset_problem") == []


async def test_a_photo_that_is_deleted_takes_its_part_along(house, ada, tmp_path: Path):
    id = await ada.asset(motion_photo(film(tmp_path)))
    await house.work()
    answer = await ada.client.request("DELETE", "/assets", json={"ids": [id], "force": True})
    assert answer.status_code == 204
    await house.work()
    assert await house.sql("SELECT FROM asset") == []
    assert house.originals() == []
    assert [path for path in house.data.glob("thumbs/**/*") if path.is_file()] == []
    assert await usage(house, ada) == 0


async def test_a_refused_row_takes_the_copy_along(house, ada, tmp_path: Path):
    id = await ada.asset(motion_photo(film(tmp_path)))
    await house.sql(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''cut off''; END'"
    )
    await house.sql("CREATE TRIGGER refuse BEFORE INSERT ON asset FOR EACH ROW EXECUTE FUNCTION refuse()")
    try:
        with pytest.raises(Exception, match="cut off"):
            await house.run(read(id))
    finally:
        await house.sql("DROP FUNCTION refuse CASCADE")
    assert len(house.originals()) == 1
    (problem,) = await house.sql("SELECT step, reason FROM asset_problem")
    assert problem["step"] == "metadata"
    assert "cut off" not in problem["reason"]
    assert await house.run(read(id)) == Done()
    assert await house.sql("SELECT FROM asset_problem") == []
