"""The background door: takes jobs, runs their handlers, keeps the clockwork going."""

import asyncio
import importlib
import importlib.util
import logging
import pkgutil

import calotype
from calotype.core import log
from calotype.core.errors import Problem
from calotype.core.world import World
from calotype.outside import embedded
from calotype.outside.bullmq import Workers
from calotype.work import clockwork, pipeline


def load_jobs() -> None:
    """Import every `jobs` file, so that each registers what it can do."""
    for package in pkgutil.iter_modules(calotype.__path__):
        if package.ispkg:
            name = f"calotype.{package.name}.jobs"
            if importlib.util.find_spec(name) is not None:
                importlib.import_module(name)
    for name in ("calotype.work.sweep", "calotype.work.erasure"):
        importlib.import_module(name)
    pipeline.check_registry()


async def main(world: World, stop: asyncio.Event) -> None:
    """Work until `stop` is set; then finish what runs, hand back the rest, and return."""
    load_jobs()
    workers = Workers(world, embedded.redis_url(world.config))
    while not stop.is_set():
        try:
            await workers.start(await clockwork.concurrency(world))
            break
        except Problem as problem:
            log.say("worker-waits", level=logging.WARNING, reason=problem.sentence)
            await asyncio.sleep(2)
    try:
        async with asyncio.TaskGroup() as group:
            ticking = group.create_task(clockwork.run(world, workers))
            await stop.wait()
            ticking.cancel()
    finally:
        await workers.stop()
