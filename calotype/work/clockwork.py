"""What runs by itself: every few seconds, every half minute, every night."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from calotype.core import log
from calotype.core.errors import Problem
from calotype.core.jobs import QUEUES
from calotype.core.ports import Job
from calotype.core.tx import AWAY
from calotype.core.world import World
from calotype.duplicates import missing as duplicates
from calotype.outside.bullmq import Workers
from calotype.people import missing as people
from calotype.people import tally_store
from calotype.seeing import missing
from calotype.server import history
from calotype.settings import current
from calotype.settings.settings import NightlyTasks
from calotype.timeline import months
from calotype.work import sweep
from calotype.work.pipeline import start

TICK_S = 1.0


@dataclass(frozen=True, slots=True)
class Wheel:
    """Something that runs every `every_s`. It may be late, it never runs beside itself."""

    name: str
    every_s: float
    turn: Callable[[World], Awaitable[object]]


async def _fold(world: World) -> None:
    async with world.writing() as tx:
        await months.fold(tx)
    async with world.writing() as tx:
        await tally_store.fold(tx)


async def _sweep(world: World) -> None:
    for question in sweep.QUESTIONS.values():
        await sweep.sweep(world, question)
    await sweep.sweep_leftovers(world)
    await missing.sweep(world)
    await missing.settle_model(world)
    await people.sweep(world)


WHEELS = (
    Wheel("fold", 5, _fold),
    Wheel("sweep", 30, _sweep),
    Wheel("duplicates", 5, duplicates.sweep),
    Wheel("queue-depth", history.EVERY_S, history.note_depth),
)


async def run(world: World, workers: Workers) -> None:
    """Turn every wheel until cancelled. A wheel that fails is tried again at its next time."""
    async with asyncio.TaskGroup() as group:
        for wheel in WHEELS:
            group.create_task(_turn(world, wheel))
        group.create_task(_nightly(world))
        group.create_task(_follow_settings(world, workers))


async def _turn(world: World, wheel: Wheel) -> None:
    while True:
        await asyncio.sleep(wheel.every_s)
        await _guarded(wheel.name, lambda: wheel.turn(world))


async def _guarded(name: str, work: Callable[[], Awaitable[object]]) -> bool:
    """Whether it went well."""
    try:
        await work()
    except (Problem, *AWAY) as reason:
        log.say("waiting", level=logging.WARNING, wheel=name, reason=str(reason))
        return False
    except Exception as error:
        log.say("bug", level=logging.ERROR, error=error, wheel=name)
        return False
    return True


def next_start(now: datetime, start_time: str) -> datetime:
    """The next instant at which a clock on this server's wall shows `HH:MM` (its zone: `TZ`, else the machine's)."""
    hour, minute = (int(part) for part in start_time.split(":"))
    today = now.astimezone().replace(hour=hour, minute=minute, second=0, microsecond=0, tzinfo=None, fold=0)
    for day in range(3):  # the hour that a change of clocks repeats or leaves out is met at most once
        due = (today + timedelta(days=day)).astimezone(UTC)
        if due > now:
            return due
    raise AssertionError("three days without such an hour")


async def _nightly(world: World) -> None:
    while True:
        try:
            settings = await current.read(world)
        except (Problem, *AWAY):
            await asyncio.sleep(30)
            continue
        now = world.clock.now()
        due = next_start(now, settings.nightly_tasks.start_time)
        # In short steps, so that a changed start time is followed without a restart.
        wait_s = (due - now).total_seconds()
        if wait_s > 60:
            await asyncio.sleep(60)
            continue
        await asyncio.sleep(wait_s)
        jobs = nightly_jobs(due, settings.nightly_tasks)
        put = partial(world.queue.put, jobs)
        while not await _guarded("nightly", put):  # noqa: ASYNC110 — nobody tells when the broker is back
            await asyncio.sleep(30)
        await asyncio.sleep(1)


CLEANUPS = (
    "AssetDeleteCheck",
    "UserDeleteCheck",
    "SessionCleanup",
    "NotificationsCleanup",
    "AuditTableCleanup",
    "PersonCleanup",
)


def nightly_jobs(due: datetime, wanted: NightlyTasks) -> list[Job]:
    """The night's work, without what is switched off; ids carry the date, so that two workers start it once."""
    names = [
        *(CLEANUPS if wanted.database_cleanup else ()),
        *(["UserSyncUsage"] if wanted.sync_quota_usage else ()),
        *(["DerivativesCheck"] if wanted.missing_thumbnails else ()),
        *(["FacialRecognitionQueueAll"] if wanted.cluster_new_faces else ()),
        "ScrapsDelete",
        "Sweep",
    ]
    jobs = [start(name) for name in names]
    return [Job(j.name, j.queue, j.data, id=f"nightly-{j.name}-{due:%Y-%m-%d}") for j in jobs]


async def concurrency(world: World) -> dict[str, int]:
    """Jobs at a time per queue, as the administrator set them."""
    settings = await current.read(world)
    return {queue: settings.job.get(queue, default) for queue, default in QUEUES.items()}


async def _follow_settings(world: World, workers: Workers) -> None:
    while True:
        await asyncio.sleep(10)

        async def apply() -> None:
            for queue, jobs_at_once in (await concurrency(world)).items():
                await workers.set_concurrency(queue, jobs_at_once)

        await _guarded("settings", apply)
