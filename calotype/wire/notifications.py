"""Shapes of notifications."""

from typing import Any, Literal

from calotype.server.notice_store import Notice
from calotype.wire.base import IsoDateTime, Maybe, Some, Uuid4, Wire

Level = Literal["success", "error", "warning", "info"]
Type = Literal[
    "JobFailed", "BackupFailed", "SystemMessage", "AlbumInvite", "AlbumUpdate", "Custom", "ClusterGroupRequest"
]


class Notification(Wire):
    id: Uuid4
    created_at: IsoDateTime
    level: Level
    type: Type
    title: str
    description: Maybe[str] = None
    data: Maybe[dict[str, Any]] = None
    read_at: Maybe[IsoDateTime] = None


class NewNotification(Wire):
    user_id: Uuid4
    title: str
    description: str | None = None
    level: Level = "info"
    type: Type = "Custom"
    data: Maybe[dict[str, Any]] = None
    read_at: IsoDateTime | None = None


class NotificationChange(Wire):
    read_at: IsoDateTime | None = None


class NotificationChanges(Wire):
    ids: Some[Uuid4]
    read_at: IsoDateTime | None = None


class NotificationIds(Wire):
    ids: Some[Uuid4]


def notification(notice: Notice) -> Notification:
    """A notice; optional keys are left out when there is nothing to say."""
    optional = {
        name: value for name in ("description", "data", "read_at") if (value := getattr(notice, name)) is not None
    }
    return Notification(
        id=notice.id,
        created_at=notice.created_at,
        level=notice.level,  # pyright: ignore[reportArgumentType] — checked by the table
        type=notice.type,  # pyright: ignore[reportArgumentType]
        title=notice.title,
        **optional,
    )
