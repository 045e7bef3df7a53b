"""The work queue on a real Valkey: what is put is done, in its time, again after a failure, and after a loss."""

import asyncio
import logging
import time
from contextlib import asynccontextmanager
from types import SimpleNamespace
from uuid import uuid4

import pytest

from calotype.core import jobs as registry
from calotype.core.errors import Offline
from calotype.core.jobs import Done, Later, Registered, Skip
from calotype.core.ports import Counts, Job
from calotype.outside import bullmq
from calotype.outside.bullmq import BullQueue, Workers

QUEUE = "backgroundTask"


@pytest.fixture
async def queue(redis_url):
    queue = BullQueue(redis_url, prefix=f"t{uuid4().hex[:8]}")
    yield queue
    await queue.close()


@pytest.fixture
def handlers(monkeypatch):
    """The registry of jobs, empty: a test declares its own."""
    monkeypatch.setattr(bullmq, "REGISTRY", {})
    monkeypatch.setattr(bullmq, "BACKOFF_MS", 20)

    def declare(name, handler, *, queue=QUEUE, attempts=3):
        bullmq.REGISTRY[name] = Registered(name, queue, handler, attempts)

    return declare


def world_with(queue, *, embedded=False):
    return SimpleNamespace(queue=queue, config=SimpleNamespace(embedded_redis=embedded))


@asynccontextmanager
async def working(queue, *, concurrency=None, embedded=False):
    workers = Workers(world_with(queue, embedded=embedded), queue.url, prefix=queue.prefix)
    await workers.start(concurrency)
    try:
        yield workers
    finally:
        await workers.stop(patience_s=5)


async def until(question, *, timeout_s=15):
    async with asyncio.timeout(timeout_s):
        while not await question():  # noqa: ASYNC110 — the answer is in Valkey, which tells nobody
            await asyncio.sleep(0.02)


async def is_idle(queue):
    counts = await queue.counts(QUEUE)
    return counts == Counts(failed=counts.failed)


async def test_jobs_of_several_queues_are_put_and_done_with_their_data(queue, handlers):
    seen = []

    async def note(world, data):
        seen.append(data["n"])
        return Done()

    handlers("Note", note)
    handlers("Other", note, queue="sidecar")
    await queue.put([Job("Note", QUEUE, {"n": n}) for n in range(600)] + [Job("Other", "sidecar", {"n": -1})])
    assert (await queue.counts(QUEUE)).waiting == 600
    async with working(queue):
        await until(lambda: _true(len(seen) == 601))
        await until(lambda: is_idle(queue))
    assert sorted(seen) == list(range(-1, 600))
    assert await queue.counts(QUEUE) == Counts()


async def _true(value):
    return value


async def test_a_second_job_with_the_same_id_is_dropped_until_the_first_is_done_or_has_failed(queue, handlers):
    runs = []

    async def fail(world, data):
        runs.append(data)
        raise RuntimeError("broken")

    handlers("Fail", fail, attempts=1)
    await queue.put([Job("Fail", QUEUE, {}, id="same"), Job("Fail", QUEUE, {}, id="same")])
    assert (await queue.counts(QUEUE)).waiting == 1
    async with working(queue):
        await until(lambda: is_idle(queue))
        assert (await queue.counts(QUEUE)).failed == 1
        await queue.put([Job("Fail", QUEUE, {}, id="same")])
        await until(lambda: _true(len(runs) == 2))
        await until(lambda: is_idle(queue))
    assert (await queue.counts(QUEUE)).failed == 1


async def test_a_failing_job_is_tried_again_and_then_kept_with_its_reason(queue, handlers, caplog):
    runs = []

    async def fail(world, data):
        runs.append(data)
        raise RuntimeError(f"broken {len(runs)}")

    handlers("Fail", fail, attempts=3)
    with caplog.at_level(logging.INFO, logger="calotype"):
        async with working(queue):
            await queue.put([Job("Fail", QUEUE, {"id": "a"})])
            await until(lambda: _true(len(runs) == 3))
            await until(lambda: is_idle(queue))
    [kept] = await queue.jobs(QUEUE, ["failed", "waiting"], 10)
    assert (kept.name, kept.data, kept.state, kept.reason) == ("Fail", {"id": "a"}, "failed", "broken 3")
    assert [record.fields["outcome"] for record in caplog.records if record.getMessage() == "job"] == [
        "retry",
        "retry",
        "failed",
    ]
    await queue.clear_failed(QUEUE)
    assert await queue.counts(QUEUE) == Counts()


@pytest.mark.parametrize("waiting", [Later(0.05, "root offline"), Offline("away", retry_after_s=0)])
async def test_later_comes_back_and_costs_no_attempt(queue, handlers, waiting):
    runs = []

    async def wait(world, data):
        runs.append(data)
        if len(runs) <= 4:  # more often than the job has attempts
            if isinstance(waiting, Offline):
                raise waiting
            return waiting
        return Skip("enough")

    handlers("Wait", wait, attempts=2)
    async with working(queue):
        await queue.put([Job("Wait", QUEUE, {"id": "a"})])
        await until(lambda: _true(len(runs) == 5))
        await until(lambda: is_idle(queue))
    assert await queue.counts(QUEUE) == Counts()


async def test_when_all_must_wait_the_worker_rests_instead_of_putting_off_one_after_the_other(
    queue, handlers, monkeypatch
):
    monkeypatch.setattr(bullmq, "REST_S", 0.5)
    at = []

    async def wait(world, data):
        at.append(time.monotonic())
        return Later(60, "the inference service is away", for_all=True)

    handlers("Wait", wait)
    async with working(queue, concurrency={QUEUE: 1}):
        await queue.put([Job("Wait", QUEUE, {"n": n}) for n in range(2)])
        await until(lambda: _true(len(at) == 2))
        begun = time.monotonic()
    assert at[1] - at[0] >= 0.5
    assert time.monotonic() - begun < 5, "a stop does not wait for the rest"
    assert (await queue.counts(QUEUE)).delayed == 2


async def test_the_lock_of_a_job_that_was_put_off_is_not_renewed_while_the_worker_rests(queue, handlers, monkeypatch):
    monkeypatch.setattr(bullmq, "REST_S", 0.6)
    monkeypatch.setattr(bullmq, "LOCK_MS", 400)
    told = []
    monkeypatch.setattr(bullmq, "say", lambda event, **fields: told.append((event, fields)))

    async def wait(world, data):
        return Later(60, "the inference service is away", for_all=True)

    handlers("Wait", wait)
    async with working(queue, concurrency={QUEUE: 1}):
        await queue.put([Job("Wait", QUEUE, {})])
        await until(lambda: _true(bool(told)))
        await asyncio.sleep(0.5)
    assert [event for event, _ in told] == ["job"]


async def test_a_delayed_job_waits_for_its_time(queue, handlers):
    done = asyncio.Event()

    async def note(world, data):
        done.set()
        return Done()

    handlers("Note", note)
    async with working(queue):
        await queue.put([Job("Note", QUEUE, delay_s=0.3)])
        assert (await queue.counts(QUEUE)).delayed == 1
        await asyncio.sleep(0.1)
        assert not done.is_set()
        async with asyncio.timeout(5):
            await done.wait()


async def test_a_paused_queue_keeps_its_jobs_as_paused_until_it_is_resumed(queue, handlers):
    done = asyncio.Event()

    async def note(world, data):
        done.set()
        return Done()

    handlers("Note", note)
    async with working(queue):
        await queue.pause(QUEUE)
        await queue.put([Job("Note", QUEUE)])
        await asyncio.sleep(0.1)
        assert await queue.is_paused(QUEUE)
        assert await queue.counts(QUEUE) == Counts(paused=1)
        assert [job.state for job in await queue.jobs(QUEUE, ["waiting", "paused"], 5)] == ["paused"]
        await queue.resume(QUEUE)
        async with asyncio.timeout(5):
            await done.wait()
    assert not await queue.is_paused(QUEUE)


async def test_emptying_drops_what_waits_and_what_is_delayed(queue):
    await queue.put([Job("Note", QUEUE), Job("Note", QUEUE, delay_s=60)])
    await queue.empty(QUEUE)
    assert await queue.counts(QUEUE) == Counts()


async def test_concurrency_changes_while_running(queue, handlers):
    running = most = 0
    go = asyncio.Event()

    async def hold(world, data):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await go.wait()
        running -= 1
        return Done()

    handlers("Hold", hold)
    async with working(queue, concurrency={QUEUE: 1}) as workers:
        await queue.put([Job("Hold", QUEUE) for _ in range(8)])
        await until(lambda: _true(running == 1))
        await asyncio.sleep(0.05)
        assert most == 1
        await workers.set_concurrency(QUEUE, 3)
        go.set()
        go = asyncio.Event()
        await until(lambda: _true(most == 3))
        go.set()


async def test_stopping_lets_a_quick_job_finish_and_hands_a_slow_one_back(queue, handlers):
    began = {"quick": asyncio.Event(), "slow": asyncio.Event()}
    finished = []

    async def act(world, data):
        began[data["pace"]].set()
        await asyncio.sleep(0.1 if data["pace"] == "quick" else 60)
        finished.append(data["pace"])
        return Done()

    handlers("Act", act)
    workers = Workers(world_with(queue), queue.url, prefix=queue.prefix)
    await workers.start()
    await queue.put([Job("Act", QUEUE, {"pace": "quick"}), Job("Act", QUEUE, {"pace": "slow"})])
    await asyncio.gather(*(event.wait() for event in began.values()))
    await workers.stop(patience_s=0.5)
    assert finished == ["quick"]
    counts = await queue.counts(QUEUE)
    assert counts.active == 0
    assert counts.waiting + counts.delayed == 1
    [left] = await queue.jobs(QUEUE, ["waiting", "delayed"], 5)
    assert left.data == {"pace": "slow"}


async def test_workers_and_schedules_heal_after_valkey_lost_everything(queue, handlers, monkeypatch):
    monkeypatch.setattr(bullmq, "TEND_S", 0.1)
    runs = []

    async def note(world, data):
        runs.append(data)
        return Done()

    handlers("Note", note)
    handlers("Tick", note)
    async with working(queue):
        await queue.schedule("Tick", QUEUE, every_s=0.2, data={"tick": True})
        await until(lambda: _true(sum("tick" in run for run in runs) >= 2))
        await queue._client.flushall()
        await queue._client.script_flush()
        runs.clear()
        await queue.put([Job("Note", QUEUE, {"n": 1})])
        await until(lambda: _true({"n": 1} in runs))
        await until(lambda: _true(sum("tick" in run for run in runs) >= 2))
        await queue.unschedule("Tick", QUEUE)


async def test_a_cron_schedule_is_planned_for_its_time(queue):
    await queue.schedule("Nightly", QUEUE, cron="0 3 * * *", zone="Europe/Zurich")
    [planned] = await queue.jobs(QUEUE, ["delayed"], 5)
    assert planned.name == "Nightly"


async def test_what_a_killed_worker_had_in_hand_is_taken_back_at_the_next_start(queue, handlers):
    began, done = asyncio.Event(), asyncio.Event()

    async def hang(world, data):
        began.set()
        await asyncio.sleep(60)
        return Done()

    async def finish(world, data):
        done.set()
        return Done()

    handlers("Hang", hang)
    killed = Workers(world_with(queue), queue.url, prefix=queue.prefix)
    await killed.start()
    await queue.put([Job("Hang", QUEUE)])
    await began.wait()
    for lane in killed._lanes.values():  # dies without a word: nothing is handed back, the lock stays
        lane.engine.forceClosing = True
        lane.task.cancel()
    for task in killed._running:
        task.cancel()
    handlers("Hang", finish)
    async with working(queue, embedded=True):
        async with asyncio.timeout(5):
            await done.wait()
    await killed.stop(patience_s=0.1)


async def test_queues_that_are_asked_about_at_once_are_answered_at_once(queue, monkeypatch):
    await queue.put([Job("Note", QUEUE)])
    asked: list[list[str]] = []
    script = queue._look_at

    async def look_at(keys):
        asked.append(keys)
        return await script(keys=keys)

    monkeypatch.setattr(queue, "_look_at", look_at)
    counts = await asyncio.gather(*(queue.counts(name) for name in registry.QUEUES), queue.is_paused(QUEUE))
    assert len(asked) == 1
    assert dict(zip(registry.QUEUES, counts, strict=False))[QUEUE] == Counts(waiting=1)
    assert counts[-1] is False
    await queue.empty(QUEUE)
    assert await queue.counts(QUEUE) == Counts(), "an answer was kept"
    with pytest.raises(ValueError, match="no queue named"):
        await queue.counts("nothing")


async def test_a_broker_that_is_away_is_offline():
    queue = BullQueue("unix:///nowhere/valkey.sock")
    with pytest.raises(Offline):
        await queue.put([Job("Note", QUEUE)])
    with pytest.raises(Offline):
        await queue.counts(QUEUE)
    await queue.close()


def test_serial_queues_stay_serial():
    assert bullmq._allowed("facialRecognition", 8) == 1
    assert all(bullmq._allowed(name, wished) == wished for name, wished in registry.QUEUES.items())
