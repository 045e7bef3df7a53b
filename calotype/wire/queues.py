"""Shapes of queues and jobs, in the current and in the older form."""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import create_model

from calotype.core.jobs import QUEUES
from calotype.core.ports import Counts, JobState, Listed
from calotype.server.queues import MANUAL, MANUAL_LATER, State
from calotype.wire.base import Int, Maybe, Wire

if TYPE_CHECKING:
    QueueName = str
    ManualJob = str
else:  # the tables of queues and jobs are kept in one place, which no type checker can read
    QueueName = Literal[tuple(QUEUES)]
    ManualJob = Literal[(*MANUAL, *MANUAL_LATER)]
Command = Literal["start", "pause", "resume", "empty", "clear-failed"]
Status = JobState


class Statistics(Wire):
    active: Int
    completed: Int
    failed: Int
    delayed: Int
    waiting: Int
    paused: Int


class Queue(Wire):
    name: QueueName
    is_paused: bool
    statistics: Statistics


class QueueChange(Wire):
    is_paused: Maybe[bool] = None


class QueueEmptying(Wire):
    failed: Maybe[bool] = None


class QueueJob(Wire):
    id: Maybe[str] = None
    name: str
    timestamp: Int
    data: dict[str, Any]


class LegacyStatus(Wire):
    is_paused: bool
    is_active: bool


class LegacyQueue(Wire):
    queue_status: LegacyStatus
    job_counts: Statistics


LegacyQueues: type[Wire] = create_model("LegacyQueues", __base__=Wire, **dict.fromkeys(QUEUES, (LegacyQueue, ...)))  # pyright: ignore[reportUnknownVariableType, reportCallIssue, reportArgumentType]


class JobCommand(Wire):
    command: Command
    force: Maybe[bool] = None


class JobStart(Wire):
    name: ManualJob


def _counts(counts: Counts) -> Statistics:
    return Statistics.model_validate(counts)


def queue(state: State) -> Queue:
    """One queue."""
    return Queue(name=state.name, is_paused=state.is_paused, statistics=_counts(state.counts))


def job(listed: Listed) -> QueueJob:
    """One job of a queue."""
    return QueueJob(id=listed.id, name=listed.name, timestamp=listed.at_ms, data=listed.data)


def legacy(state: State) -> LegacyQueue:
    """One queue in the older form."""
    return LegacyQueue(
        queue_status=LegacyStatus(is_paused=state.is_paused, is_active=state.counts.active > 0),
        job_counts=_counts(state.counts),
    )
