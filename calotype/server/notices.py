"""Notifications in the app."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from calotype.core.errors import Invalid
from calotype.core.events import Event
from calotype.core.ids import UserId
from calotype.core.tx import Look, Tx
from calotype.server import notice_store
from calotype.server.notice_store import Notice

LEVELS = ("success", "error", "warning", "info")
TYPES = ("JobFailed", "BackupFailed", "SystemMessage", "AlbumInvite", "AlbumUpdate", "Custom", "ClusterGroupRequest")


@dataclass(frozen=True, slots=True)
class Noticed(Event):
    """A notification that its reader should see at once. `message` is what the live connection carries."""

    user_id: UserId
    message: dict[str, Any]


async def require(look: Look, user_id: UserId, permission: str, ids: list[UUID]) -> None:
    """All of them are the person's own. Raises `Invalid` when a single one is unknown or somebody else's."""
    if set(ids) - await notice_store.owned(look, ids, user_id):
        raise Invalid(f"Not found or no {permission} access")


async def get(look: Look, id: UUID) -> Notice:
    """One notification. Raises `Invalid` when it was removed."""
    found = await notice_store.notice(look, id)
    if found is None:
        raise Invalid("Notification not found")
    return found


async def notify(tx: Tx, user_id: UserId, *, level: str, type: str, title: str, description: str) -> Notice:
    """Tell a person something, in the app and right now."""
    made = await notice_store.add(tx, user_id, level=level, type=type, title=title, description=description)
    tx.tell(Noticed(user_id, live(made)))
    return made


async def read(tx: Tx, ids: list[UUID], read_at: datetime | None) -> None:
    """Mark as read, or as unread with `None`."""
    await notice_store.set_read(tx, ids, read_at)


async def change(tx: Tx, id: UUID, changes: dict[str, Any]) -> Notice:
    """Mark one as read or unread, if that was asked."""
    if "read_at" in changes:
        await notice_store.set_read(tx, [id], changes["read_at"])
    return await get(tx, id)


def live(notice: Notice) -> dict[str, Any]:
    """A notice as the live connection carries it: `data` is JSON text there."""
    found: dict[str, Any] = {
        "id": str(notice.id),
        "createdAt": f"{notice.created_at.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z",
        "level": notice.level,
        "type": notice.type,
        "title": notice.title,
    }
    if notice.description is not None:
        found["description"] = notice.description
    if notice.data is not None:
        found["data"] = json.dumps(notice.data)
    return found
