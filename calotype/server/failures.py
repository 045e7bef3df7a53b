"""What failed, for an administrator: steps of photos, and jobs that gave up; and the wish to try again."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from calotype.core.errors import Offline
from calotype.core.ids import AssetId, UserId
from calotype.core.jobs import QUEUES
from calotype.core.ports import Job, Listed
from calotype.core.tx import Look, Row, Tx
from calotype.core.world import World
from calotype.media import problems

LIMIT = 200
NO_REASON = "It gave no reason."


@dataclass(frozen=True, slots=True)
class FailedJob:
    """A job that was tried as often as it may be."""

    queue: str
    listed: Listed

    @property
    def is_told(self) -> tuple[str, str]:
        """Photo and queue, by which it is found among what photos tell themselves."""
        return str(self.listed.data.get("id")), self.queue


@dataclass(frozen=True, slots=True)
class Failures:
    """`photos` are rows of `problems.newest`; `photo_count` counts those not listed, too."""

    photos: list[Row]
    photo_count: int
    jobs: list[FailedJob]


async def listed(world: World, look: Look, viewer: UserId) -> Failures:
    """The newest failures of both kinds, each told once. Raises `Offline` while the broker is away."""
    photos = await problems.newest(look, viewer=viewer, limit=LIMIT)
    told = {(str(row["asset_id"]), problems.AGAIN[row["step"]][1]) for row in photos if row["step"] in problems.AGAIN}
    jobs = [job for job in await _failed(world) if job.is_told not in told]
    jobs.sort(key=lambda job: -job.listed.at_ms)
    return Failures(photos, photos[0]["total"] if photos else 0, jobs[:LIMIT])


async def try_again(
    world: World, tx: Tx, assets: Sequence[AssetId] | None, jobs: Sequence[tuple[str, str]] | None
) -> int:
    """Forget the failures of these photos and of these jobs (queue and id) and start them anew; how many.

    Without any named, everything that failed. What cannot be queued now is found by the sweep.
    """
    every = assets is None and jobs is None
    forgiven = await problems.forgive_everywhere(tx, None if every else list(assets or ()))
    failed = await _failed(world)
    told = {(str(asset), problems.AGAIN[step][1]) for asset, step in forgiven if step in problems.AGAIN}
    chosen = [
        each for each in failed if every or (each.queue, each.listed.id) in set(jobs or ()) or each.is_told in told
    ]
    # The engine forgets a kept failure when its job is put again under the same id.
    again = [Job(each.listed.name, each.queue, each.listed.data, id=each.listed.id) for each in chosen]
    covered = {each.is_told for each in chosen}
    again += [
        Job(*problems.AGAIN[step], {"id": str(asset)})
        for asset, step in forgiven
        if step in problems.AGAIN and (str(asset), problems.AGAIN[step][1]) not in covered
    ]

    async def queue_again() -> None:
        with suppress(Offline):
            await world.queue.put(again)

    tx.after(queue_again)
    return len(again)


async def _failed(world: World) -> list[FailedJob]:
    found = await asyncio.gather(*(world.queue.jobs(queue, ["failed"], 1000) for queue in QUEUES))
    return [FailedJob(queue, each) for queue, jobs in zip(QUEUES, found, strict=True) for each in jobs]
