"""Sessions: issued at login, recognised with every request, ended by logging out."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from calotype.accounts import secret, session_store
from calotype.accounts.caller import Caller, SessionCredential
from calotype.accounts.device import Device, app_version, device
from calotype.accounts.recent import RECENT
from calotype.accounts.session_store import Known, Session
from calotype.core.errors import Invalid
from calotype.core.events import Event
from calotype.core.ids import SessionId, UserId
from calotype.core.log import say
from calotype.core.tx import Tx
from calotype.core.world import World

ELEVATION = timedelta(minutes=15)
EXTENSION = timedelta(minutes=5)  # whoever is still at it within the last five minutes gets five more
REFRESH_AFTER = timedelta(hours=1)  # one write an hour tells well enough when a device was last seen
ABANDONED_AFTER = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class SessionEnded(Event):
    """A session is gone; whoever sits behind it must log in again."""

    session_id: SessionId
    user_id: UserId


async def issue(
    tx: Tx, user_id: UserId, device: Device, *, expires_at: datetime | None = None, parent: SessionId | None = None
) -> tuple[Session, str]:
    """A new session and its token, which is shown this once. A child ends with its parent."""
    token = secret.new_token()
    return await session_store.add(tx, secret.token_hash(token), user_id, device, expires_at, parent), token


async def issue_child(
    tx: Tx, parent: SessionId, user_id: UserId, *, device_type: str, device_os: str, lasts_s: int | None, now: datetime
) -> tuple[Session, str]:
    """A session for another device, such as a television, for `lasts_s` seconds or as long as its parent lives."""
    try:
        expires_at = now + timedelta(seconds=lasts_s) if lasts_s is not None else None
    except OverflowError:
        expires_at = None
    return await issue(tx, user_id, Device(device_type, device_os), expires_at=expires_at, parent=parent)


async def recognise(world: World, token: str, headers: Mapping[str, str]) -> Caller | None:
    """Whose session this is, in one statement or none; `None` for a token that is unknown or no longer valid.

    Writes once an hour when and by which device the session was used, and extends an elevation that is about to end.
    """
    token_hash = secret.token_hash(token)
    caller = RECENT.get(token_hash)
    if caller is not None:
        return caller
    generation, now = RECENT.generation, world.clock.now()
    async with world.glancing() as look:
        known = await session_store.by_token(look, token_hash, now)
    if known is None:
        return None
    extended = _extended(known, now)
    if extended or _is_stale(known, headers, now):
        await _refresh(world, known, device(headers), extended or known.pin_expires_at, now)
    elevated_until = extended or known.pin_expires_at
    caller = Caller(known.user_id, known.is_admin, session=SessionCredential(known.id, elevated_until))
    # Someone who just gave the PIN to another process must not be told here that the folder is locked.
    if not known.has_pin or caller.is_elevated(now):
        RECENT.keep(token_hash, caller, generation=generation)
    return caller


async def elevate(tx: Tx, session: SessionId, now: datetime) -> None:
    """Open the locked folder to a session for a while."""
    await session_store.set_elevation(tx, session, now + ELEVATION)
    tx.after(RECENT.forget)


async def lock(tx: Tx, session: SessionId) -> None:
    """Close the locked folder to a session."""
    await session_store.set_elevation(tx, session, None)
    tx.after(RECENT.forget)


async def lock_all(tx: Tx, user_id: UserId) -> None:
    """Close the locked folder to every session of a person."""
    await session_store.lock_all(tx, user_id)
    tx.after(RECENT.forget)


async def update(tx: Tx, session: SessionId, *, is_pending_sync_reset: bool | None) -> Session:
    """Ask a device to start its sync over. Raises `Invalid` when there is nothing to change."""
    if is_pending_sync_reset is None:
        raise Invalid("No fields to update")
    return await session_store.set_pending_sync_reset(tx, session, is_pending_sync_reset)


async def end(tx: Tx, session: SessionId) -> None:
    """End one session and its children. Ending it twice is no error."""
    _told(tx, await session_store.remove(tx, session))


async def end_all(tx: Tx, user_id: UserId, *, but: SessionId | None = None) -> None:
    """End every session of a person, except one they keep."""
    _told(tx, await session_store.remove_all(tx, user_id, but))


async def clean_up(tx: Tx, now: datetime) -> int:
    """End what expired or was not used for 90 days; how many."""
    ended = await session_store.remove_old(tx, now, now - ABANDONED_AFTER)
    _told(tx, ended)
    return len(ended)


def _told(tx: Tx, ended: list[tuple[SessionId, UserId]]) -> None:
    for session, user_id in ended:
        tx.tell(SessionEnded(session, user_id))
    tx.after(RECENT.forget)


def _extended(known: Known, now: datetime) -> datetime | None:
    if known.pin_expires_at is None or known.pin_expires_at <= now or known.pin_expires_at >= now + EXTENSION:
        return None
    return now + EXTENSION


def _is_stale(known: Known, headers: Mapping[str, str], now: datetime) -> bool:
    if known.updated_at < now - REFRESH_AFTER:
        return True
    version = app_version(headers)
    return version is not None and version != known.app_version


async def _refresh(world: World, known: Known, seen: Device, pin_expires_at: datetime | None, now: datetime) -> None:
    try:
        async with world.writing() as tx:
            await session_store.touch(tx, known.id, seen, pin_expires_at, now)
    except Exception as error:  # bookkeeping must not refuse anybody, whatever ails the database's disk
        say("session-not-refreshed", level=logging.WARNING, error=error)
