"""The roles of Calotype as processes: each is one command, for containers; `calotype run` starts them all."""

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from calotype.core import config as configuration
from calotype.core import lean, log
from calotype.core.config import Config
from calotype.core.errors import Conflict, NotYet, Problem

CONNECTIONS = 4096
DRAIN_S = 25.0  # less than a supervisor waits before it kills
DATABASE_PATIENCE_S = 120.0


def api() -> int:
    """Serve HTTP: the API, the live connection, the web."""
    config = _configured()
    lean.preload("redis.asyncio", "socketio")
    # Imported before the database is asked for: both take their time, and under `run` they take it together.
    from granian.constants import HTTPModes, Interfaces
    from granian.server.embed import Server

    from calotype import compose

    application = compose.application()
    gc.collect()
    gc.freeze()  # what imports made lives as long as we do; spare every later collection the look at it
    asyncio.run(_migrated(config))
    refusals: list[Problem] = []
    server = Server(
        _noting(application, refusals),
        address=config.host,
        port=config.port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        backlog=1024,
        backpressure=CONNECTIONS,
        log_enabled=False,  # requests are logged by the application, in one line each
        websockets=True,
    )
    return asyncio.run(_serve(server, refusals))


def work() -> int:
    """Run background jobs."""
    config = _configured()
    lean.preload("redis.asyncio")
    from calotype import compose
    from calotype.work import worker

    async def main() -> int:
        await _migrated(config)
        stop = _stop_event()
        async with compose.serving(config) as world:
            gc.collect()
            gc.freeze()
            await worker.main(world, stop)
        return 0

    return asyncio.run(main())


def infer() -> int:
    """Serve models: what is in a picture, what a text means."""
    config = _configured()
    from calotype.outside import supervise

    if missing := supervise.missing_parts():
        raise NotYet(
            f"The inference service is not installed ({', '.join(missing)} missing). "
            "Install it with: pip install 'calotype[inference]'"
        )
    from granian.constants import HTTPModes, Interfaces
    from granian.server.embed import Server

    from calotype.inference import settings as inference_settings
    from calotype.inference.app import Application, Service
    from calotype.inference.library import Library

    settings = inference_settings.read(config)
    if not configuration.port_is_free(settings.host, settings.port):
        raise Conflict(
            f"Another program listens on {settings.host}:{settings.port}. Choose another CALOTYPE_INFERENCE_PORT."
        )
    application = Application(
        lambda: Service(
            settings,
            Library(settings.models, cap_bytes=config.inference_disk_mib << 20, allow_fetch=config.inference_fetch),
        )
    )
    gc.collect()
    gc.freeze()
    server = Server(
        application,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        backlog=1024,
        backpressure=CONNECTIONS,
        log_enabled=False,
        websockets=False,
    )
    log.say("inference_ready", url=f"http://{settings.host}:{settings.port}", models=str(settings.models))
    return asyncio.run(_serve(server, []))


def migrate() -> int:
    """Bring the database to the schema this version needs."""
    config = _configured()
    from calotype.outside import embedded, supervise
    from calotype.outside import migrate as schema

    with supervise.servers_running(config):
        url = embedded.database_url(config)
        revision = asyncio.run(schema.migrate(url, patience_s=DATABASE_PATIENCE_S))
    log.say("migrated", revision=revision)
    return 0


def _configured() -> Config:
    config = configuration.read()
    log.set_up(config.log_level)
    return config


async def _migrated(config: Config) -> None:
    """The database answers and has our schema. Another process applies it: what that needs, we need never again."""
    from calotype.outside import embedded, supervise
    from calotype.outside import migrate as schema

    if await schema.is_needed(embedded.database_url(config), patience_s=DATABASE_PATIENCE_S):
        status = await supervise.run_command("migrate")
        if status != 0:
            sys.exit(status)  # it said why


def _stop_event() -> asyncio.Event:
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    return stop


def _noting(application: Any, refusals: list[Problem]) -> Callable[..., Awaitable[None]]:
    """Remember why the application refused to start; the server only tells that it did."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await application(scope, receive, send)
        except Problem as problem:
            if scope["type"] != "lifespan":
                raise
            refusals.append(problem)
            raise

    return app


async def _serve(server: Any, refusals: list[Problem]) -> int:
    from granian.errors import FatalError

    stop = _stop_event()
    serving = asyncio.create_task(server.serve())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
    if not serving.done():
        server.stop()
    stopping.cancel()
    await asyncio.wait([serving], timeout=None if serving.done() else DRAIN_S)
    if not serving.done():
        # The server waits for requests without an end, and an upload may take a day. Its sender begins anew.
        log.say("cut-off", level=logging.WARNING, after_s=DRAIN_S)
        os._exit(0)
    try:
        await serving
    except FatalError:  # the application did not start; a refusal has a sentence, anything else is a bug
        if not refusals:
            raise
    if refusals:
        raise refusals[0]
    return 0 if stop.is_set() else 1
