"""What was never looked at is found; a model takes another's place without search ever going empty."""

from datetime import timedelta
from uuid import UUID

import pytest

from calotype.core.ports import Job
from calotype.seeing import missing
from calotype.settings import current
from calotype.settings.settings import to_tree
from tests.seeing.test_look import RED, vision
from tests.working import picture

__all__ = ["vision"]
SETTLED = timedelta(seconds=-20)


async def swept(house) -> list[str]:
    """Once around the library; which jobs that put."""
    await missing.sweep(house.world, settle=SETTLED)
    await missing.sweep(house.world, settle=SETTLED)
    return sorted(job.name for job in house.jobs if job.name != "EmbeddingsTidy")


async def choose(house, model: str) -> None:
    """The administrator takes another model."""
    tree = to_tree(await current.read(house.world))
    tree["machineLearning"]["clip"]["modelName"] = model
    async with house.world.writing() as tx:
        await current.save(tx, house.world, tree)


async def test_a_flushed_queue_is_repaired(house, ada, vision):
    await ada.asset(picture())
    await house.work("metadataExtraction", "thumbnailGeneration")
    house.jobs.clear()
    found = await swept(house)
    assert {"SmartSearch", "Ocr"} <= set(found)
    await house.work()
    assert await swept(house) == []  # behind the end
    assert await swept(house) == []  # once around


async def test_nothing_is_swept_while_machine_learning_is_off(house, ada):
    await ada.asset(picture())
    await house.work()
    assert await swept(house) == []


async def test_a_busy_queue_is_left_alone(house, ada, vision):
    await ada.asset(picture())
    await house.work("metadataExtraction", "thumbnailGeneration")
    house.jobs[:] = [Job("Ocr", "ocr", {"id": str(UUID(int=1))}), Job("SmartSearch", "smartSearch", {})]
    await missing.sweep(house.world, settle=SETTLED)
    assert [job.name for job in house.jobs if job.queue in ("ocr", "smartSearch")] == ["Ocr", "SmartSearch"]


async def test_run_missing_and_run_all_from_the_queues_page(house, ada, vision):
    await ada.asset(picture())
    await house.work()
    await house.run(Job("SmartSearchQueueAll", "smartSearch", {"force": False}))
    assert house.jobs == []
    await house.run(Job("OcrQueueAll", "ocr", {"force": True}))
    assert [job.name for job in house.jobs] == ["Ocr"]
    asked = len(vision.asked)
    await house.work()
    assert len(vision.asked) == asked + 1


@pytest.fixture
async def library(house, ada, vision):
    """Two photos, seen by the usual model."""
    ids = [await ada.asset(picture()) for _ in range(2)]
    await house.work()
    vision.known = {"red": RED}
    return ids


async def found(ada) -> set[str]:
    answer = await ada.client.post("/search/smart", json={"query": "red"})
    assert answer.status_code == 200, answer.text
    return {item["id"] for item in answer.json()["assets"]["items"]}


async def test_another_model_answers_once_it_has_seen_everything_and_not_before(house, ada, vision, library):
    await choose(house, "ViT-B-16__openai")
    assert not await missing.settle_model(house.world)
    assert await found(ada) == set(library)
    vision.default = vision.default.__class__(320, 200, "[0,0,1,0]", (), ())
    assert await swept(house) == ["SmartSearch", "SmartSearch"]
    first, *rest = [job for job in house.jobs if job.name == "SmartSearch"]
    house.jobs[:] = rest
    await house.run(first)
    house.jobs.clear()
    assert not await missing.settle_model(house.world), "one photo is still missing"
    assert await found(ada) == set(library)
    await swept(house)
    await house.work()
    assert await missing.settle_model(house.world)
    vision.known = {"red": "[0,0,1,0]"}
    house.world.cache.kept.clear()
    assert await found(ada) == set(library)
    await house.work()
    models = await house.sql("SELECT name, state FROM embedding_model")
    assert [tuple(row) for row in models] == [("ViT-B-16__openai", "used")]
    assert len(await house.sql("SELECT FROM embedding")) == 2


async def test_a_photo_that_comes_while_models_change_is_found_at_once(house, ada, vision, library):
    await choose(house, "ViT-B-16__openai")
    await missing.settle_model(house.world)
    id = await ada.asset(picture())
    await house.work()
    assert await found(ada) == {*library, id}
    assert [asked.clip for asked in vision.asked[-2:]] == ["ViT-B-16__openai", "ViT-B-32__openai"]


async def test_who_goes_back_to_the_old_model_keeps_it(house, ada, vision, library):
    await choose(house, "ViT-B-16__openai")
    await swept(house)
    await house.work()
    await choose(house, "ViT-B-32__openai")
    assert not await missing.settle_model(house.world)
    assert await found(ada) == set(library)
    await house.run(Job("EmbeddingsTidy", "search"))
    assert [row["name"] for row in await house.sql("SELECT name FROM embedding_model")] == ["ViT-B-32__openai"]


async def test_a_photo_that_no_model_can_see_does_not_keep_the_new_one_from_answering(house, ada, vision, library):
    await choose(house, "ViT-B-16__openai")
    await house.sql(
        "INSERT INTO asset_problem (asset_id, step, reason) VALUES ($1, 'embedding', 'dark')", UUID(library[0])
    )
    await swept(house)
    await house.work()
    assert await missing.settle_model(house.world)
