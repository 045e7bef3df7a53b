"""Whatever a queue forgot, the sweep finds."""

from datetime import timedelta
from pathlib import Path

import pytest

from calotype.assets import leftovers
from calotype.core.errors import Offline
from calotype.core.jobs import Done, Skip
from calotype.core.ports import Job
from calotype.work import sweep
from tests.working import film, picture

NOW = -sweep.SETTLE
"""As if the last change had settled."""


async def ask(house) -> list[str]:
    """Every question once; which jobs that put."""
    for question in sweep.QUESTIONS.values():
        await sweep.sweep(house.world, question, settle=NOW)
    return [job.name for job in house.jobs]


async def test_a_flushed_queue_is_repaired_at_every_step(house, ada, tmp_path: Path):
    id = await ada.asset(film(tmp_path, "a.avi", codec="mpeg4"), "a.avi")
    house.jobs.clear()
    assert await ask(house) == ["AssetExtractMetadata"]
    await house.work("metadataExtraction")
    house.jobs.clear()
    assert sorted(await ask(house)) == ["AssetEncodeVideo", "AssetGenerateThumbnails"]
    await house.work("thumbnailGeneration")
    house.jobs.clear()
    assert await ask(house) == ["AssetEncodeVideo"]
    await house.work()
    assert await ask(house) == []
    await ada.client.put(f"/assets/{id}", json={"description": "mine"})
    house.jobs.clear()
    assert await ask(house) == ["SidecarWrite"]
    await house.work()
    assert await ask(house) == []
    assert (await house.row(id))["description"] == "mine"
    await ada.client.request("DELETE", "/assets", json={"ids": [id], "force": True})
    house.jobs.clear()
    assert await ask(house) == ["AssetDelete"]
    await house.work()
    assert await house.sql("SELECT FROM asset") == []
    assert house.originals() == []
    assert await ask(house) == []


async def test_an_upload_while_the_broker_is_away_is_announced_later(house, ada):
    house.world.queue.is_away = True
    await ada.asset(picture())
    with pytest.raises(Offline):
        await ask(house)
    house.world.queue.is_away = False
    await ask(house)
    await house.work()
    assert [message.event for message in house.heard] == ["on_upload_success", "AssetUploadReadyV2"]


async def test_an_emptied_trash_that_was_forgotten_is_emptied(house, ada):
    id = await ada.asset(picture())
    await house.work()
    await ada.client.request("DELETE", "/assets", json={"ids": [id]})
    await ada.client.post("/trash/empty")
    assert [job.name for job in house.jobs] == ["AssetEmptyTrash"]
    house.jobs.clear()
    assert await ask(house) == ["AssetDelete"]


async def test_files_of_a_removed_photo_are_found_again(house, ada, monkeypatch):
    id = await ada.asset(picture())
    await house.work()
    await ada.client.request("DELETE", "/assets", json={"ids": [id], "force": True})

    async def cut_off(key):
        raise Offline("away")

    monkeypatch.setattr(house.world.files._files, "remove", cut_off)
    assert await house.run(Job("AssetDelete", "backgroundTask", {"id": id})) == Done()
    monkeypatch.undo()
    await house.root.probe()
    assert len(house.originals()) == 1
    house.jobs.clear()
    assert await sweep.sweep_leftovers(house.world) == 0, "what was just left may be on its way"
    house.world.queue.active["backgroundTask"] = 1
    assert await sweep.sweep_leftovers(house.world, settle=NOW) == 0, "and so may all while the queue is busy"
    house.world.queue.active["backgroundTask"] = 0
    assert await sweep.sweep_leftovers(house.world, settle=NOW) == 1
    assert await house.work("backgroundTask") == [("FileDelete", Done())]
    assert house.originals() == []
    assert await sweep.sweep_leftovers(house.world, settle=NOW) == 0


async def test_a_leftover_that_a_photo_uses_again_stays(house, ada):
    id = await ada.asset(picture())
    key = (await house.row(id))["original_key"]
    async with house.world.writing() as tx:
        await leftovers.leave_to_job(tx, [key, "upload/nobody/a.jpg"])
    assert [outcome for _, outcome in await house.work("backgroundTask")] == [Done()]
    assert len(house.originals()) == 1


async def test_a_queue_that_is_busy_is_left_alone(house, ada):
    await ada.asset(picture())
    assert await ask(house) == ["AssetExtractMetadata"]
    house.jobs.clear()
    house.world.queue.active["metadataExtraction"] = 1
    assert await ask(house) == []


async def test_a_queue_that_was_stopped_is_left_alone(house, ada):
    await ada.asset(picture())
    house.jobs.clear()
    await house.world.queue.pause("metadataExtraction")
    assert await ask(house) == []
    await house.world.queue.resume("metadataExtraction")
    assert await ask(house) == ["AssetExtractMetadata"]


async def test_what_just_came_is_given_time(house, ada):
    await ada.asset(picture())
    house.jobs.clear()
    question = sweep.QUESTIONS["metadata"]
    assert await sweep.sweep(house.world, question) == 0
    house.world.clock.stopped_at = house.world.clock.now() + sweep.SETTLE + timedelta(seconds=5)
    assert await sweep.sweep(house.world, question) == 1


@pytest.mark.parametrize("step", ["metadata", "previews", "transcode", "sidecar"])
async def test_what_failed_is_left_to_a_person(house, ada, tmp_path: Path, step: str):
    id = await ada.asset(film(tmp_path), "a.mp4")
    house.jobs.clear()
    if step in ("previews", "transcode"):
        await house.run(Job("AssetExtractMetadata", "metadataExtraction", {"id": id}))
    if step == "sidecar":
        await house.sql("UPDATE asset SET locked_fields = '{rating}'")
    house.jobs.clear()
    await house.sql("INSERT INTO asset_problem (asset_id, step, reason) VALUES ($1, $2, 'bad')", id, step)
    assert await sweep.sweep(house.world, sweep.QUESTIONS[step], settle=NOW) == 0
    await house.sql("DELETE FROM asset_problem")
    assert await sweep.sweep(house.world, sweep.QUESTIONS[step], settle=NOW) == 1


async def test_the_trash_is_not_worked_on(house, ada):
    id = await ada.asset(picture())
    await ada.client.request("DELETE", "/assets", json={"ids": [id]})
    house.jobs.clear()
    assert await ask(house) == []


async def test_an_administrator_gets_what_is_missing_or_everything(house, ada):
    done = await ada.asset(picture())
    await house.work()
    missing = await ada.asset(picture())
    house.jobs.clear()
    await house.run(Job("AssetExtractMetadataQueueAll", "metadataExtraction", {"force": False}))
    assert [job.data for job in house.jobs] == [{"id": missing, "source": "upload"}]
    house.jobs.clear()
    await house.run(Job("AssetExtractMetadataQueueAll", "metadataExtraction", {"force": True}))
    assert {job.data["id"] for job in house.jobs} == {done, missing}
    house.jobs.clear()
    await house.run(Job("AssetEncodeVideoQueueAll", "videoConversion", {"force": True}))
    assert house.jobs == []


async def test_everything_again_announces_no_upload_twice(house, ada):
    await ada.asset(picture())
    await house.work()
    house.heard.clear()
    for name, queue in (
        ("AssetExtractMetadataQueueAll", "metadataExtraction"),
        ("AssetGenerateThumbnailsQueueAll", "thumbnailGeneration"),
    ):
        await house.run(Job(name, queue, {"force": True}))
        await house.work()
    assert "on_upload_success" not in {message.event for message in house.heard}
    assert "AssetUploadReadyV2" not in {message.event for message in house.heard}


async def test_one_job_asks_every_question(house, ada):
    await ada.asset(picture())
    house.jobs.clear()
    house.world.clock.stopped_at = house.world.clock.now() + timedelta(minutes=1)
    assert await house.run(Job("Sweep", "backgroundTask")) == Done()
    house.world.clock.stopped_at = None
    await house.work()
    assert await house.run(Job("Sweep", "backgroundTask")) == Skip("nothing is missing")
