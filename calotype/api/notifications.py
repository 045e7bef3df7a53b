"""Notifications in the app."""

from typing import Annotated

from calotype.accounts import users
from calotype.api.call import Reading, Writing
from calotype.api.marks import Query
from calotype.api.op import Door
from calotype.core.ids import UserId
from calotype.server import notice_store, notices
from calotype.wire import notifications as wire
from calotype.wire.base import QueryBool, Uuid4
from calotype.wire.notifications import Level, NewNotification, Notification, NotificationChange, Type

door = Door("Notifications")
admin = Door("Notifications (admin)")


@door.get("/notifications", may="notification.read")
async def get_notifications(
    ask: Reading,
    id: Uuid4 | None = None,
    level: Level | None = None,
    type: Annotated[Type | None, Query()] = None,
    unread: QueryBool | None = None,
) -> list[Notification]:
    found = await notice_store.notices(ask.look, ask.caller.user_id, id=id, level=level, type=type, unread=bool(unread))
    return [wire.notification(each) for each in found]


@door.put("/notifications", may="notification.update", status=204)
async def update_notifications(ask: Writing, changes: wire.NotificationChanges) -> None:
    await notices.require(ask.tx, ask.caller.user_id, "notification.update", changes.ids)
    if "read_at" in changes.model_fields_set:
        await notices.read(ask.tx, changes.ids, changes.read_at)


@door.delete("/notifications", may="notification.delete")
async def delete_notifications(ask: Writing, chosen: wire.NotificationIds) -> None:
    await notices.require(ask.tx, ask.caller.user_id, "notification.delete", chosen.ids)
    await notice_store.remove(ask.tx, chosen.ids, ask.world.clock.now())


@door.get("/notifications/{id}", may="notification.read")
async def get_notification(ask: Reading, id: Uuid4) -> Notification:
    await notices.require(ask.look, ask.caller.user_id, "notification.read", [id])
    return wire.notification(await notices.get(ask.look, id))


@door.put("/notifications/{id}", may="notification.update")
async def update_notification(ask: Writing, id: Uuid4, change: NotificationChange) -> Notification:
    await notices.require(ask.tx, ask.caller.user_id, "notification.update", [id])
    changed = await notices.change(ask.tx, id, {name: getattr(change, name) for name in change.model_fields_set})
    return wire.notification(changed)


@door.delete("/notifications/{id}", may="notification.delete")
async def delete_notification(ask: Writing, id: Uuid4) -> None:
    await notices.require(ask.tx, ask.caller.user_id, "notification.delete", [id])
    await notice_store.remove(ask.tx, [id], ask.world.clock.now())


@admin.post("/admin/notifications", may="all", admin=True)
async def create_notification(ask: Writing, new: NewNotification) -> Notification:
    await users.get(ask.tx, new.user_id)
    made = await notice_store.add(
        ask.tx,
        UserId(new.user_id),
        level=new.level,
        type=new.type,
        title=new.title,
        description=new.description,
        data=new.data,
        read_at=new.read_at,
    )
    return wire.notification(made)
