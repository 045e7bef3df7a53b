"""Administrators about people: 13 operations."""

from typing import Annotated

from calotype.accounts import session_store, store
from calotype.accounts import users as verbs
from calotype.accounts.user import Tree
from calotype.api.call import Reading, Writing
from calotype.api.marks import Query
from calotype.api.op import Door
from calotype.api.users import heatmap
from calotype.assets import store as asset_store
from calotype.core.ids import UserId
from calotype.wire import credentials
from calotype.wire import users as wire
from calotype.wire.assets import Statistics, Visibility
from calotype.wire.base import QueryBool, Uuid4

users = Door("Users (admin)")
auth = Door("Authentication (admin)")


@users.get("/admin/users", may="adminUser.read", admin=True)
async def search_users_admin(
    ask: Reading, asked: Annotated[wire.UserAdminSearch, Query()]
) -> list[wire.UserAdminResponse]:
    """Everybody, newest first."""
    found = await store.listed(ask.look, with_deleted=bool(asked.with_deleted), id=asked.id)
    return [wire.full(user, ask.world.config.data) for user in found]


@users.post("/admin/users", may="adminUser.create", admin=True)
async def create_user_admin(ask: Writing, asked: wire.UserAdminCreate) -> wire.UserAdminResponse:
    """Another person. `notify` is taken and has no effect until mails are sent."""
    return wire.full(await verbs.create(ask.tx, wire.new(asked)), ask.world.config.data)


@users.get("/admin/users/{id}", may="adminUser.read", admin=True)
async def get_user_admin(ask: Reading, id: Uuid4) -> wire.UserAdminResponse:
    """Anybody, also who was removed."""
    return wire.full(await verbs.get(ask.look, id), ask.world.config.data)


@users.put("/admin/users/{id}", may="adminUser.update", admin=True, also=("PATCH",))
async def update_user_admin(ask: Writing, id: Uuid4, asked: wire.UserAdminUpdate) -> wire.UserAdminResponse:
    """Change anybody."""
    user = await verbs.change_other(ask.tx, ask.caller, UserId(id), wire.changes(asked))
    return wire.full(user, ask.world.config.data)


@users.delete("/admin/users/{id}", may="adminUser.delete", admin=True, status=200)
async def delete_user_admin(ask: Writing, id: Uuid4, asked: wire.UserAdminDelete) -> wire.UserAdminResponse:
    """Take somebody's access away, and erase them later or at once."""
    user = await verbs.remove(ask.tx, ask.caller, UserId(id), at_once=bool(asked.force), now=ask.world.clock.now())
    return wire.full(user, ask.world.config.data)


@users.post("/admin/users/{id}/restore", may="adminUser.delete", admin=True, status=200)
async def restore_user_admin(ask: Writing, id: Uuid4) -> wire.UserAdminResponse:
    """Give access back."""
    return wire.full(await verbs.restore(ask.tx, UserId(id)), ask.world.config.data)


@users.get("/admin/users/{id}/preferences", may="adminUser.read", admin=True, shape=wire.Preferences)
async def get_user_preferences_admin(ask: Reading, id: Uuid4) -> Tree:
    """What somebody prefers."""
    return await verbs.my_preferences(ask.look, UserId(id))


@users.put("/admin/users/{id}/preferences", may="adminUser.update", admin=True, also=("PATCH",), shape=wire.Preferences)
async def update_user_preferences_admin(ask: Writing, id: Uuid4, asked: wire.PreferencesUpdate) -> Tree:
    """Lay a part over somebody's tree."""
    return await verbs.change_preferences(ask.tx, UserId(id), asked.tree())


@users.get("/admin/users/{id}/sessions", may="adminSession.read", admin=True)
async def get_user_sessions_admin(ask: Reading, id: Uuid4) -> list[credentials.SessionResponse]:
    """Somebody's logins."""
    found = await session_store.of_user(ask.look, UserId(id), ask.world.clock.now())
    return [credentials.session(each, current=None) for each in found]


@users.get("/admin/users/{id}/statistics", may="adminUser.read", admin=True)
async def get_user_statistics_admin(
    ask: Reading,
    id: Uuid4,
    visibility: Visibility | None = None,
    is_favorite: Annotated[QueryBool | None, Query(alias="isFavorite")] = None,
    is_trashed: Annotated[QueryBool, Query(alias="isTrashed")] = False,
) -> Statistics:
    """How many images and videos somebody has, the locked ones included where asked for."""
    await verbs.get(ask.look, id)
    images, videos, total = await asset_store.statistics(
        ask.look, UserId(id), visibility=visibility, is_favorite=is_favorite, is_trashed=is_trashed
    )
    return Statistics(images=images, videos=videos, total=total)


@users.get("/admin/users/{id}/calendar-heatmap", may="adminUser.read", admin=True)
async def get_user_calendar_heatmap_admin(
    ask: Reading, id: Uuid4, asked: Annotated[wire.Days, Query()]
) -> wire.Heatmap:
    """How many photos somebody has on each day."""
    await verbs.get(ask.look, id)
    return await heatmap(ask, UserId(id), asked)


@auth.post(
    "/admin/auth/unlink-all", may="adminAuth.unlinkAll", admin=True, status=204, name="unlinkAllOAuthAccountsAdmin"
)
async def unlink_all(ask: Writing) -> None:
    """Nobody signs in with an account of someone else any more."""
    await store.unlink_all(ask.tx)
