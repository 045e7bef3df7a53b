"""The only place where objects are wired: configuration → pool, files, queue, cache, push → `World`."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from calotype.core import config as configuration
from calotype.core import log
from calotype.core.clock import Clock
from calotype.core.config import Config
from calotype.core.world import World
from calotype.outside import decoders, embedded, inference, postgres
from calotype.outside.bullmq import BullQueue
from calotype.outside.disk import DiskFiles
from calotype.outside.objects import ObjectFiles
from calotype.outside.redis import RedisCache, RedisPush
from calotype.settings import current
from calotype.storage import epoch
from calotype.storage.roots import GuardedFiles, MediaRoot, RootFiles
from calotype.work import pipeline

if TYPE_CHECKING:
    from calotype.api.app import Application

POOL_SIZE = 12


def files(config: Config) -> RootFiles:
    """The adapter for where originals live."""
    if config.media_root.startswith("s3://"):
        return ObjectFiles(config)
    return DiskFiles(config)


@asynccontextmanager
async def world(config: Config) -> AsyncGenerator[World, None]:
    """Everything a process needs, closed in reverse order. Opens although database, cache or storage are away."""
    async with AsyncExitStack() as stack:
        database_url, redis_url = embedded.database_url(config), embedded.redis_url(config)
        pool = await postgres.connect(database_url, size=POOL_SIZE)
        stack.push_async_callback(pool.close)
        queue = BullQueue(redis_url)
        stack.push_async_callback(queue.close)
        push, cache = RedisPush(redis_url), RedisCache(redis_url)
        stack.push_async_callback(push.close)
        stack.push_async_callback(cache.close)
        vision = inference.HttpVision(lambda: _services(made))
        stack.push_async_callback(vision.close)
        root = MediaRoot(files(config), pool, config)
        stack.push_async_callback(decoders.close_all)
        made = World(
            config=config,
            pool=pool,
            files=GuardedFiles(root),
            queue=queue,
            push=push,
            cache=cache,
            vision=vision,
            clock=Clock(),
            publish=pipeline.publish,
        )
        await stack.enter_async_context(root.watched(made))
        yield made


async def _services(made: World) -> inference.Plan:
    """Who looks at pictures, as the administrator says at this moment; nobody while machine learning is off."""
    learning = (await current.read(made)).machine_learning
    if not learning.enabled:
        return inference.Plan()
    checks = learning.availability_checks
    return inference.Plan(learning.urls, checks.enabled, checks.timeout / 1000, checks.interval / 1000)


@asynccontextmanager
async def serving(config: Config) -> AsyncGenerator[World, None]:
    """A world for a process that serves: database and media folder are proven to belong together first.

    Raises `WrongStorage` when a person must decide.
    """
    async with world(config) as made:
        assert isinstance(made.files, GuardedFiles)
        await epoch.start(made, made.files.root)
        yield made


def application() -> "Application":
    """The HTTP door on a world of its own, as the server starts it."""
    from calotype.api.app import Application  # here, so that a worker does not carry the web framework

    config = configuration.read()
    log.set_up(config.log_level)
    return Application(wiring=lambda: serving(config))
