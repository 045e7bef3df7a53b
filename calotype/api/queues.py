"""Queues and jobs, as administrators turn them."""

from typing import Annotated, Any

from calotype.api.call import Reading
from calotype.api.marks import Query
from calotype.api.op import Door
from calotype.server import queues
from calotype.wire import queues as wire
from calotype.wire.queues import JobCommand, JobStart, LegacyQueues, QueueChange, QueueEmptying, QueueName, Status

door = Door("Queues")
older = Door("Jobs")


@door.get("/queues", may="queue.read", admin=True)
async def get_queues(ask: Reading) -> list[wire.Queue]:
    return [wire.queue(state) for state in await queues.states(ask.world)]


@door.get("/queues/{name}", may="queue.read", admin=True)
async def get_queue(ask: Reading, name: QueueName) -> wire.Queue:
    return wire.queue(await queues.state(ask.world, name))


@door.put("/queues/{name}", may="queue.update", admin=True)
async def update_queue(ask: Reading, name: QueueName, change: QueueChange) -> wire.Queue:
    if change.is_paused is not None:
        await queues.set_paused(ask.world, name, is_paused=change.is_paused)
    return wire.queue(await queues.state(ask.world, name))


@door.get("/queues/{name}/jobs", may="queueJob.read", admin=True)
async def get_queue_jobs(
    ask: Reading, name: QueueName, status: Annotated[list[Status] | None, Query()] = None
) -> list[wire.QueueJob]:
    return [wire.job(each) for each in await queues.jobs(ask.world, name, status)]


@door.delete("/queues/{name}/jobs", may="queueJob.delete", admin=True)
async def empty_queue(ask: Reading, name: QueueName, what: QueueEmptying) -> None:
    await queues.empty(ask.world, name, failed=bool(what.failed))


@older.get("/jobs", may="job.read", admin=True, shape=LegacyQueues)
async def get_queues_legacy(ask: Reading) -> dict[str, Any]:
    return {state.name: wire.legacy(state) for state in await queues.states(ask.world)}


@older.post("/jobs", may="job.create", admin=True, status=204)
async def create_job(ask: Reading, job: JobStart) -> None:
    await queues.start_manual(ask.world, job.name)


@older.put("/jobs/{name}", may="job.create", admin=True)
async def run_queue_command_legacy(ask: Reading, name: QueueName, command: JobCommand) -> wire.LegacyQueue:
    await queues.command(ask.world, name, command.command, force=command.force)
    return wire.legacy(await queues.state(ask.world, name))
