"""A picture is looked at once for everything that is due, and what is seen is found."""

import asyncio
from dataclasses import dataclass, replace
from uuid import UUID

import pytest

from calotype.core.errors import Invalid, Offline
from calotype.core.jobs import Done, Later, Skip
from calotype.core.ports import Job, Seen, SeenLine, Wanted
from calotype.search.embed import Embedded
from calotype.seeing import look as looking
from tests.fakes import CannedVision
from tests.working import picture

CORNERS = (0.1, 0.1, 0.9, 0.1, 0.9, 0.2, 0.1, 0.2)
RED, BLUE = "[1,0,0.1]", "[0,1,0.1]"
SEEN = Seen(320, 200, RED, (), (SeenLine("Café Central", CORNERS, 0.9, 0.95),))


@pytest.fixture
def vision(house):
    """An inference service that sees the same in every picture, and an administrator who has switched it on."""
    house.with_config(inference_url="http://vision:3003")
    house.world.vision.default = SEEN
    return house.world.vision


def of_seeing(done):
    return [
        (name, type(outcome).__name__) for name, outcome in done if name in ("SmartSearch", "Ocr", "AssetDetectFaces")
    ]


async def test_all_of_a_picture_is_asked_in_one_request(house, ada, vision):
    id = await ada.asset(picture())
    done = of_seeing(await house.work())
    assert len(vision.asked) == 1
    assert vision.asked[0].clip == "ViT-B-32__openai"
    assert vision.asked[0].text == "PP-OCRv6_small"
    assert [outcome for _, outcome in done].count("Done") == 1
    assert {name for name, _ in done} == {"SmartSearch", "AssetDetectFaces", "Ocr"}
    assert await house.sql("SELECT FROM embedding WHERE asset_id = $1", UUID(id))
    assert [row["words"] for row in await house.sql("SELECT words FROM asset_text")] == ["cafe central"]
    assert Embedded(UUID(id), ada.id) in house.told


async def test_without_machine_learning_nothing_is_queued_and_nobody_is_asked(house, ada):
    house.world.vision.default = SEEN
    await ada.asset(picture())
    assert of_seeing(await house.work()) == []
    assert house.world.vision.asked == []


async def test_the_preview_is_sent_and_never_the_original(house, ada, vision):
    @dataclass
    class Recording(CannedVision):
        pictures: tuple[bytes, ...] = ()

        async def see(self, picture: bytes, wanted: Wanted) -> Seen:
            self.pictures += (picture,)
            return SEEN

    recording = Recording()
    house.world = replace(house.world, vision=recording)
    body = picture()
    id = await ada.asset(body)
    await house.work()
    (file,) = await house.sql("SELECT path FROM asset_file WHERE asset_id = $1 AND type = 'preview'", UUID(id))
    assert recording.pictures == ((house.data / file["path"]).read_bytes(),)
    assert recording.pictures != (body,)


async def test_while_the_service_is_away_jobs_wait_and_then_do_their_work(house, ada, vision):
    vision.is_away = True
    id = await ada.asset(picture())
    waiting = [outcome for name, outcome in await house.work() if name in ("SmartSearch", "Ocr")]
    assert waiting
    assert all(isinstance(outcome, Later) and outcome.for_all for outcome in waiting)
    assert await house.sql("SELECT FROM asset_problem") == []
    vision.is_away = False
    await house.work()
    assert await house.sql("SELECT FROM embedding WHERE asset_id = $1", UUID(id))
    assert await house.sql("SELECT FROM asset_text")


async def test_what_cannot_be_looked_at_is_kept_as_a_problem_and_not_tried_for_ever(house, ada, vision):
    @dataclass
    class Refusing(CannedVision):
        async def see(self, picture: bytes, wanted: Wanted) -> Seen:
            self.asked.append(wanted)
            if wanted.text:
                raise Invalid("The picture has no size.")
            return Seen(1, 1, RED, ())

    house.world = replace(house.world, vision=Refusing())
    id = await ada.asset(picture())
    await house.work()
    problems = await house.sql("SELECT step, reason FROM asset_problem")
    assert [(row["step"], row["reason"]) for row in problems] == [("text", "The picture has no size.")]
    assert await house.sql("SELECT FROM embedding WHERE asset_id = $1", UUID(id)), "what could be seen was kept"
    told = (await ada.client.get(f"/calotype/assets/{id}/problems")).json()
    assert told[0]["step"] == "text"


async def test_a_step_whose_queue_is_paused_is_left_for_later(house, ada, vision):
    await house.world.queue.pause("ocr")
    await ada.asset(picture())
    await house.work("metadataExtraction", "thumbnailGeneration", "smartSearch")
    assert [(asked.clip, asked.faces, asked.text) for asked in vision.asked] == [
        ("ViT-B-32__openai", "buffalo_l", None)
    ]
    await house.world.queue.resume("ocr")
    await house.work()
    assert [asked.clip for asked in vision.asked] == ["ViT-B-32__openai", None]


async def test_two_jobs_at_once_look_once(house, ada, vision):
    id = await ada.asset(picture())
    await house.work("metadataExtraction", "thumbnailGeneration")
    jobs = [Job("SmartSearch", "smartSearch", {"id": id}), Job("Ocr", "ocr", {"id": id})]
    outcomes = await asyncio.gather(*(house.run(job) for job in jobs))
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Done", "Skip"]
    assert len(vision.asked) == 1


async def test_a_job_that_is_done_is_skipped_unless_it_is_forced(house, ada, vision):
    id = await ada.asset(picture())
    await house.work()
    assert isinstance(await house.run(Job("SmartSearch", "smartSearch", {"id": id})), Skip)
    vision.default = replace(SEEN, vector=BLUE)
    assert isinstance(await house.run(Job("SmartSearch", "smartSearch", {"id": id, "force": True})), Done)
    (row,) = await house.sql("SELECT vector::text FROM embedding")
    assert row["vector"].startswith("[0,1,")


async def test_hidden_and_gone_photos_are_not_looked_at(house, ada, vision):
    id = await ada.asset(picture())
    await house.work("metadataExtraction", "thumbnailGeneration")
    await house.sql("UPDATE asset SET visibility = 'hidden' WHERE id = $1", UUID(id))
    assert isinstance(await house.run(Job("SmartSearch", "smartSearch", {"id": id})), Skip)
    assert isinstance(await house.run(Job("Ocr", "ocr", {"id": str(UUID(int=1))})), Skip)
    assert vision.asked == []


async def test_an_answer_of_another_length_is_refused(house, ada, vision):
    await ada.asset(picture())
    await house.work()
    vision.default = replace(SEEN, vector="[1,2]")
    id = await ada.asset(picture())
    await house.work()
    (row,) = await house.sql("SELECT asset_id, reason FROM asset_problem")
    assert str(row["asset_id"]) == id
    assert "2 numbers" in row["reason"]


async def test_a_model_that_is_not_there_yet_keeps_nothing_else_from_being_seen(house, ada, vision):
    @dataclass
    class WithoutClip(CannedVision):
        async def see(self, picture: bytes, wanted: Wanted) -> Seen:
            if wanted.clip:
                raise Offline("Model 'ViT-B-32__openai' is being fetched.")
            return await CannedVision.see(self, picture, wanted)

    here, house.world = house.world, replace(house.world, vision=WithoutClip(default=SEEN))
    for _ in range(2):
        await ada.asset(picture())
    done = await house.work()
    assert {type(outcome) for name, outcome in done if name == "SmartSearch"} == {Later}
    assert len(await house.sql("SELECT FROM asset_text")) == 2
    assert await house.sql("SELECT FROM asset_problem") == []
    house.world = replace(here, vision=vision)
    await house.work()
    assert len(await house.sql("SELECT FROM embedding")) == 2


async def test_the_job_of_a_worker_that_died_over_a_picture_waits_until_its_claim_runs_out(house, ada, vision):
    id = await ada.asset(picture())
    await house.work("metadataExtraction", "thumbnailGeneration")
    # As the worker left it; the queue gives its job to another.
    house.world.cache.kept |= {f"looking:{id}": b"1", f"looking-for:{id}": b"embedding"}
    again = Job("SmartSearch", "smartSearch", {"id": id})
    assert await house.run(again) == Later(5, "it is being looked at")
    assert await house.run(Job("Ocr", "ocr", {"id": id})) == Skip("it is being looked at")
    del house.world.cache.kept[f"looking:{id}"]
    assert await house.run(again) == Done()
    assert not [key for key in house.world.cache.kept if key.startswith("looking")]
    assert len(vision.asked) == 1


async def test_a_claim_is_short_and_lasts_as_long_as_its_holder_looks(house, ada, vision, monkeypatch):
    monkeypatch.setattr(looking, "RENEW_S", 0.01)
    renewed, may_answer = asyncio.Event(), asyncio.Event()
    id = await ada.asset(picture())
    await house.work("metadataExtraction", "thumbnailGeneration")
    cache = house.world.cache
    real = cache.put

    async def put(key: str, value: bytes, *, ttl_s: int) -> None:
        await real(key, value, ttl_s=ttl_s)
        if key == f"looking:{id}":
            assert ttl_s <= 30
            renewed.set()

    @dataclass
    class Slow(CannedVision):
        async def see(self, picture: bytes, wanted: Wanted) -> Seen:
            await may_answer.wait()
            return SEEN

    house.world = replace(house.world, vision=Slow())
    monkeypatch.setattr(cache, "put", put)
    running = asyncio.create_task(house.run(Job("SmartSearch", "smartSearch", {"id": id})))
    async with asyncio.timeout(10):
        await renewed.wait()
        assert await house.run(Job("Ocr", "ocr", {"id": id})) == Skip("it is being looked at")
        may_answer.set()
        assert await running == Done()
    assert not [key for key in cache.kept if key.startswith("looking:")]
