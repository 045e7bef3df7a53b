"""Sessions and API keys of the caller: 13 operations."""

from calotype.accounts import api_keys, key_store, session_store, sessions
from calotype.accounts.sign_in import require_session
from calotype.api.call import Reading, Writing
from calotype.api.op import Door
from calotype.core.errors import Forbidden
from calotype.core.ids import ApiKeyId, SessionId
from calotype.wire import credentials as wire
from calotype.wire.base import Uuid4

logins = Door("Sessions")
keys = Door("API keys")


@logins.get("/sessions", may="session.read")
async def get_sessions(ask: Reading) -> list[wire.SessionResponse]:
    """Where the caller is logged in."""
    current = ask.caller.session.id if ask.caller.session else None
    found = await session_store.of_user(ask.look, ask.caller.user_id, ask.world.clock.now())
    return [wire.session(each, current=current) for each in found]


@logins.post("/sessions", may="session.create")
async def create_session(ask: Writing, asked: wire.SessionCreate) -> wire.SessionCreateResponse:
    """A session for another device, such as a television."""
    made, token = await sessions.issue_child(
        ask.tx,
        require_session(ask.caller).id,
        ask.caller.user_id,
        device_type=asked.device_type or "",
        device_os=asked.device_os or "",
        lasts_s=asked.duration,
        now=ask.world.clock.now(),
    )
    return wire.new_session(made, token)


@logins.put("/sessions/{id}", may="session.update", also=("PATCH",))
async def update_session(ask: Writing, id: Uuid4, asked: wire.SessionUpdate) -> wire.SessionResponse:
    """Ask a device to start its sync over."""
    await ask.require("session.update", [id])
    changed = await sessions.update(ask.tx, SessionId(id), is_pending_sync_reset=asked.is_pending_sync_reset)
    return wire.session(changed, current=ask.caller.session.id if ask.caller.session else None)


@logins.delete("/sessions", may="session.delete")
async def delete_all_sessions(ask: Writing) -> None:
    """Log out everywhere else."""
    await sessions.end_all(ask.tx, ask.caller.user_id, but=ask.caller.session.id if ask.caller.session else None)


@logins.delete("/sessions/{id}", may="session.delete")
async def delete_session(ask: Writing, id: Uuid4) -> None:
    """Log out one device."""
    await ask.require("authDevice.delete", [id])
    await sessions.end(ask.tx, SessionId(id))


@logins.post("/sessions/{id}/lock", may="session.lock", status=204)
async def lock_session(ask: Writing, id: Uuid4) -> None:
    """Close the locked folder on one device."""
    await ask.require("session.lock", [id])
    await sessions.lock(ask.tx, SessionId(id))


@keys.get("/api-keys", may="apiKey.read")
async def get_api_keys(ask: Reading) -> list[wire.ApiKeyResponse]:
    """The caller's keys."""
    return [wire.api_key(each) for each in await key_store.of_user(ask.look, ask.caller.user_id)]


@keys.post("/api-keys", may="apiKey.create")
async def create_api_key(ask: Writing, asked: wire.ApiKeyCreate) -> wire.ApiKeyCreateResponse:
    """A key that can do no more than the caller."""
    return wire.new_api_key(*await api_keys.create(ask.tx, ask.caller, name=asked.name, permissions=asked.permissions))


@keys.get("/api-keys/me", may="any")
async def get_my_api_key(ask: Reading) -> wire.ApiKeyResponse:
    """The key that asks."""
    if ask.caller.key is None:
        raise Forbidden("Not authenticated with an API Key")
    return wire.api_key(await api_keys.get(ask.look, ask.caller, ask.caller.key.id))


@keys.get("/api-keys/{id}", may="apiKey.read")
async def get_api_key(ask: Reading, id: Uuid4) -> wire.ApiKeyResponse:
    """One of the caller's keys."""
    return wire.api_key(await api_keys.get(ask.look, ask.caller, ApiKeyId(id)))


@keys.put("/api-keys/{id}", may="apiKey.update", also=("PATCH",))
async def update_api_key(ask: Writing, id: Uuid4, asked: wire.ApiKeyUpdate) -> wire.ApiKeyResponse:
    """Rename a key or change what it can do, up to what the caller can."""
    return wire.api_key(
        await api_keys.update(ask.tx, ask.caller, ApiKeyId(id), name=asked.name, permissions=asked.permissions)
    )


@keys.post("/api-keys/{id}/rotate", may="apiKey.rotate")
async def rotate_api_key(ask: Writing, id: Uuid4) -> wire.ApiKeyCreateResponse:
    """Another secret for the same key."""
    return wire.new_api_key(*await api_keys.rotate(ask.tx, ask.caller, ApiKeyId(id)))


@keys.delete("/api-keys/{id}", may="apiKey.delete")
async def delete_api_key(ask: Writing, id: Uuid4) -> None:
    """Take a key back."""
    await api_keys.remove(ask.tx, ask.caller, ApiKeyId(id))
