"""The near past of the house, for plots: how much waited in the queues, and what arrived day by day."""

import asyncio
import json
from datetime import timedelta

from calotype.core.ports import Counts
from calotype.core.tx import Look
from calotype.core.world import World
from calotype.server import store
from calotype.server.health import PHOTO_QUEUES
from calotype.server.store import Uploads

EVERY_S = 60.0
KEPT = 24 * 60  # a day of minutes
KEY = "queue-depth"
TTL_S = 25 * 3600
UPLOAD_DAYS = 90

Sample = tuple[int, int]
"""Unix time in seconds, and how many steps of processing waited or ran then."""


async def depth_now(world: World) -> int:
    """Steps that photos wait for now. Raises `Offline`."""
    counts: list[Counts] = await asyncio.gather(*(world.queue.counts(queue) for queue in PHOTO_QUEUES))
    return sum(each.active + each.waiting + each.delayed + each.paused for each in counts)


async def note_depth(world: World) -> None:
    """Remember how much waits now. Of several workers, whoever comes first in a minute does it."""
    now_s = int(world.clock.now().timestamp())
    samples = await depths(world)
    if samples and now_s - samples[-1][0] < EVERY_S * 0.8:
        return
    samples = [*samples, (now_s, await depth_now(world))][-KEPT:]
    await world.cache.put(KEY, json.dumps(samples, separators=(",", ":")).encode(), ttl_s=TTL_S)


async def depths(world: World) -> list[Sample]:
    """What was remembered of the last day, the oldest first; empty after Valkey lost it."""
    kept = await world.cache.get(KEY)
    return [(int(at), int(depth)) for at, depth in json.loads(kept)] if kept else []


async def uploads(world: World, look: Look) -> list[Uploads]:
    """What arrived in the last 90 days, by day."""
    return await store.uploads(look, world.clock.now() - timedelta(days=UPLOAD_DAYS))
