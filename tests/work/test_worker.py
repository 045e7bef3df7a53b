"""The worker on a real broker: jobs that wait, fail and succeed, with real decoders behind them."""

import asyncio
import contextlib
import os
import signal
from dataclasses import replace

import pytest

from calotype.core.jobs import REGISTRY
from calotype.core.ports import Job
from calotype.outside.bullmq import Workers, opened
from calotype.outside.keys import MARKER
from calotype.storage.root import State
from calotype.work import worker
from tests.working import picture

PATIENCE_S = 60


def test_every_room_declares_its_jobs():
    worker.load_jobs()
    worker.load_jobs()  # a second time changes nothing
    assert {"AssetExtractMetadata", "AssetDelete", "UserDelete", "Sweep", "ScrapsDelete"} <= REGISTRY.keys()


@pytest.fixture
async def working(house, redis_url, valkey):
    """The house with a broker, and somebody who works."""
    async with opened(redis_url) as queue:
        for name in {registered.queue for registered in REGISTRY.values()}:
            await queue.resume(name)
            await queue.empty(name)
            await queue.clear_failed(name)
        house.world = replace(house.world, queue=queue)
        house.application._take(house.world)
        workers = Workers(house.world, redis_url)
        await workers.start()
        yield house
        await workers.stop(patience_s=5)


async def until(question) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await question():  # noqa: ASYNC110 — neither broker nor database tells
            await asyncio.sleep(0.1)


async def test_an_upload_is_processed_by_itself(working, ada_of_broker):
    id = await ada_of_broker.asset(picture())

    async def shown() -> bool:
        return (await working.row(id))["previews_at"] is not None

    async def told() -> bool:  # after the commit, which may be seen before
        return {message.event for message in working.heard} == {"on_upload_success", "AssetUploadReadyV2"}

    await until(shown)
    await until(told)


@pytest.fixture
async def ada_of_broker(working):
    return await working.person()


async def test_killed_decoders_are_noted_then_forgotten(working, ada_of_broker, children):
    async def kill() -> None:
        while True:
            for child in list(children._busy):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child.process.pid, signal.SIGKILL)
            await asyncio.sleep(0.002)

    await children.close()  # a fresh one takes long enough to start that none is missed
    killing = asyncio.create_task(kill())
    try:
        id = await ada_of_broker.asset(picture())

        async def noted() -> bool:
            return bool(await working.sql("SELECT FROM asset_problem WHERE asset_id = $1", id))

        await until(noted)
    finally:
        killing.cancel()
        await children.close()

    async def shown() -> bool:
        return (await working.row(id))["previews_at"] is not None

    await until(shown)
    assert await working.sql("SELECT FROM asset_problem") == []


async def test_work_waits_while_the_storage_is_away(working, ada_of_broker):
    await working.world.queue.pause("metadataExtraction")
    await ada_of_broker.asset(picture())
    (working.media / MARKER).rename(working.data / "marker")  # as if the share were not mounted
    assert (await working.root.probe()).state is State.ABSENT
    await working.world.queue.resume("metadataExtraction")

    async def waits() -> bool:
        return (await working.world.queue.counts("metadataExtraction")).delayed == 1

    await until(waits)
    assert (await working.world.queue.counts("metadataExtraction")).failed == 0
    assert await working.sql("SELECT FROM asset_problem") == []


async def test_what_nobody_can_decode_is_done_not_failed(working, ada_of_broker):
    id = await ada_of_broker.asset(b"no picture", "a.jpg")

    async def noted() -> bool:
        return bool(await working.sql("SELECT FROM asset_problem WHERE asset_id = $1", id))

    await until(noted)

    async def idle() -> bool:
        counts = await working.world.queue.counts("thumbnailGeneration")
        return counts.active + counts.waiting + counts.delayed == 0

    await until(idle)
    assert (await working.world.queue.counts("thumbnailGeneration")).failed == 0


async def test_an_unknown_job_harms_nobody(working, ada_of_broker):
    await working.world.queue.put([Job("FromTheFuture", "backgroundTask")])
    id = await ada_of_broker.asset(picture())

    async def shown() -> bool:
        return (await working.row(id))["previews_at"] is not None

    await until(shown)
