"""The version of a video that every browser plays."""

import asyncio
from pathlib import Path

import pytest

from calotype.core.errors import Full
from calotype.core.jobs import Done, Later, Skip
from calotype.core.ports import Job
from calotype.work import sweep
from tests.working import film, settle, until_blocked


def convert(id: str) -> Job:
    return Job("AssetEncodeVideo", "videoConversion", {"id": id})


def encodings(house) -> list[Job]:
    return [job for job in house.jobs if job.name == "AssetEncodeVideo"]


def encoded(house) -> list[Path]:
    """Everything that lies among the encoded videos, unfinished things too."""
    return sorted(path for path in house.data.glob("encoded-video/**/*") if path.is_file())


@pytest.fixture
async def odd(house, ada, tmp_path: Path) -> str:
    """A video browsers do not play."""
    return await ada.asset(film(tmp_path, "odd.avi", codec="mpeg4"), "odd.avi")


async def test_what_browsers_play_is_left_as_it_is(house, ada, tmp_path: Path):
    id = await ada.asset(film(tmp_path), "a.mp4")
    await house.work()
    assert (await house.row(id))["transcode_checked_at"]
    assert encoded(house) == []
    row = await house.row(id)
    assert (row["duration_ms"], row["width"], row["height"], row["fps"]) == (1000, 64, 48, 10.0)
    assert row["video"]["codec"] == "h264"


async def test_the_rest_is_converted_and_played(house, ada, odd):
    await house.work()
    (row,) = await house.sql("SELECT * FROM asset_file WHERE type = 'encoded_video'")
    path = house.data / "encoded-video" / str(ada.id) / odd[0:2] / odd[2:4] / f"{odd}.mp4"
    assert (house.data / row["path"], row["size_bytes"]) == (path, path.stat().st_size)
    assert encoded(house) == [path]
    played = await ada.client.get(f"/assets/{odd}/video/playback")
    assert played.content == path.read_bytes()
    assert played.headers["content-type"] == "video/mp4"
    assert (await house.row(odd))["transcode_checked_at"]


async def test_an_encoded_video_that_is_no_longer_wanted_goes(house, ada, odd):
    await house.work()
    await settle(house, "ffmpeg.transcode", "disabled")
    assert await house.run(convert(odd)) == Done()
    assert encoded(house) == []
    assert await house.sql("SELECT FROM asset_file WHERE type = 'encoded_video'") == []
    original = (await ada.client.get(f"/assets/{odd}/original")).content
    assert (await ada.client.get(f"/assets/{odd}/video/playback")).content == original


async def test_what_cannot_be_converted_is_told_and_left_alone(house, ada, odd, tmp_path: Path):
    broken = tmp_path / "ffmpeg"
    broken.write_text("#!/bin/sh\necho 'no such encoder' >&2\nexit 1\n")
    broken.chmod(0o755)
    await house.work("metadataExtraction", "thumbnailGeneration")
    (job,) = encodings(house)
    house.jobs.clear()
    house.with_config(ffmpeg=str(broken))
    assert isinstance(await house.run(job), Skip)
    (problem,) = await house.sql("SELECT step, reason FROM asset_problem")
    assert problem["step"] == "transcode"
    assert problem["reason"].startswith("The video could not be converted: ")
    assert str(house.media) not in problem["reason"]
    assert encoded(house) == []
    assert await sweep.sweep(house.world, sweep.QUESTIONS["transcode"], settle=-sweep.SETTLE) == 0
    house.with_config(ffmpeg="")
    await ada.client.post(f"/calotype/assets/{odd}/retry")
    await house.work()
    assert await house.sql("SELECT FROM asset_problem") == []
    assert len(encoded(house)) == 1


async def test_it_waits_for_the_facts(house, odd):
    assert isinstance(await house.run(convert(odd)), Later)
    await house.sql("INSERT INTO asset_problem (asset_id, step, reason) VALUES ($1, 'metadata', 'unreadable')", odd)
    assert isinstance(await house.run(convert(odd)), Skip)


async def test_two_at_once_leave_one_whole_file(house, ada, odd):
    await house.work("metadataExtraction", "thumbnailGeneration")
    (job,) = encodings(house)
    house.jobs.clear()
    assert await asyncio.gather(*(house.run(job) for _ in range(3))) == [Done()] * 3
    (path,) = encoded(house)
    (row,) = await house.sql("SELECT size_bytes FROM asset_file WHERE type = 'encoded_video'")
    assert row["size_bytes"] == path.stat().st_size
    assert (await ada.client.get(f"/assets/{odd}/video/playback")).content == path.read_bytes()


async def test_a_video_that_goes_while_it_is_converted_leaves_nothing(house, odd):
    await house.work("metadataExtraction", "thumbnailGeneration")
    (job,) = encodings(house)
    connection = await house.world.pool.acquire()
    held = connection.transaction()
    await held.start()
    await connection.execute("DELETE FROM asset")
    running = asyncio.create_task(house.run(job))
    await until_blocked(house)
    await held.commit()
    await house.world.pool.release(connection)
    assert await running == Skip("the asset is gone")
    assert encoded(house) == []


async def test_a_full_volume_waits(house, odd):
    await house.work("metadataExtraction", "thumbnailGeneration")
    (job,) = encodings(house)
    house.with_config(min_free_mib=1 << 40)
    with pytest.raises(Full):
        await house.run(job)
    assert encoded(house) == []
    assert await house.sql("SELECT FROM asset_problem") == []


async def test_an_edit_does_not_convert_again(house, ada, odd):
    await house.work()
    await ada.client.put(f"/assets/{odd}", json={"description": "mine"})
    assert "AssetEncodeVideo" not in {name for name, _ in await house.work()}
    assert (await house.row(odd))["description"] == "mine"


async def test_a_photo_is_not_converted(house, ada):
    id = await ada.asset(b"a photo")
    assert await house.run(convert(id)) == Skip("there is no video")
