"""Shapes of our own operations for the web UI: how a visit begins, what failed, the near past."""

from typing import Any

from calotype.server.failures import NO_REASON, FailedJob, Failures
from calotype.server.history import Sample
from calotype.server.store import Uploads
from calotype.wire.base import IsoDate, IsoDateTime, Uuid4, Wire
from calotype.wire.queues import QueueName
from calotype.wire.server import Features, ServerConfig
from calotype.wire.timeline import BucketColumns, BucketCount
from calotype.wire.users import UserAdminResponse


class FirstMonth(Wire):
    time_bucket: str
    columns: BucketColumns


class Opening(Wire):
    """What the first screen of the timeline needs, in one answer. `first` is the newest month, if there is any."""

    user: UserAdminResponse
    config: ServerConfig
    features: Features
    months: list[BucketCount]
    first: FirstMonth | None


class PhotoFailure(Wire):
    """A step of a photo that failed. `file_name` is told to its owner alone."""

    asset_id: Uuid4
    owner_name: str
    file_name: str | None
    step: str
    reason: str
    attempts: int
    at: IsoDateTime


class JobFailure(Wire):
    """A job that gave up. `at` in milliseconds of Unix time: when it was first put."""

    queue: QueueName
    id: str
    name: str
    reason: str
    at: int
    asset_id: str | None


class FailureList(Wire):
    """The newest failures; `photo_count` counts those of photos that are not listed, too."""

    photos: list[PhotoFailure]
    photo_count: int
    jobs: list[JobFailure]


class FailedJobRef(Wire):
    queue: QueueName
    id: str


class FailureRetry(Wire):
    """Which failures to try again; everything when neither is named."""

    asset_ids: list[Uuid4] | None = None
    jobs: list[FailedJobRef] | None = None


class Retried(Wire):
    count: int


class UploadsOfDay(Wire):
    day: IsoDate
    files: int
    bytes: int


class Depth(Wire):
    """How many steps of processing waited or ran at a time (Unix seconds)."""

    at: int
    open: int


class History(Wire):
    uploads: list[UploadsOfDay]
    depths: list[Depth]


def failures(found: Failures) -> FailureList:
    """What failed."""
    return FailureList(
        photos=[PhotoFailure.model_validate({k: row[k] for k in PHOTO_KEYS}) for row in found.photos],
        photo_count=found.photo_count,
        jobs=[_job(each) for each in found.jobs],
    )


PHOTO_KEYS = ("asset_id", "owner_name", "file_name", "step", "reason", "attempts", "at")


def _job(failed: FailedJob) -> JobFailure:
    asset: Any = failed.listed.data.get("id")
    return JobFailure(
        queue=failed.queue,
        id=failed.listed.id,
        name=failed.listed.name,
        reason=failed.listed.reason or NO_REASON,
        at=failed.listed.at_ms,
        asset_id=asset if isinstance(asset, str) else None,
    )


def history(uploads: list[Uploads], depths: list[Sample]) -> History:
    """The near past."""
    return History(
        uploads=[UploadsOfDay(day=each.day, files=each.files, bytes=each.bytes) for each in uploads],
        depths=[Depth(at=at, open=depth) for at, depth in depths],
    )
