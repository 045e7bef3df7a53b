"""Proving who one is: the first administrator, passwords, PINs and the locked folder.

Hashing is slow on purpose and happens before the unit of work begins its first statement.
"""

from dataclasses import dataclass

from calotype.accounts import attempts, secret, sessions, store, users
from calotype.accounts.caller import Caller, SessionCredential
from calotype.accounts.device import Device
from calotype.accounts.session_store import Session
from calotype.accounts.store import NewUser, Secrets
from calotype.accounts.user import User
from calotype.core.errors import Invalid, Unauthenticated
from calotype.core.tx import Look, Tx
from calotype.core.world import World
from calotype.settings import current

SETUP_CLOSED = "Admin setup is not available"
EITHER = "Either password or pinCode is required"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A fresh login. `token` is shown this once."""

    user: User
    session: Session
    token: str
    is_onboarded: bool


async def sign_up(world: World, tx: Tx, *, email: str, password: str, name: str) -> User:
    """The first administrator. Raises `Invalid` once there is one, or when set-up is switched off."""
    async with world.glancing() as look:
        if not await is_setup_open(world, look):
            raise Invalid(SETUP_CLOSED)
    hash = await secret.slow_hash(password)
    await store.queue_up(tx)  # of two who sign up at once, one comes first
    if await store.has_admin(tx):
        raise Invalid(SETUP_CLOSED)
    new = NewUser(email=email, name=name, password_hash=hash, is_admin=True, storage_label="admin")
    return await users.insert(tx, new)


async def is_setup_open(world: World, look: Look) -> bool:
    """Whether the next visitor may become the administrator."""
    return world.config.allow_setup and not await store.has_admin(look)


async def log_in(world: World, tx: Tx, *, email: str, password: str, device: Device, address: str) -> SignedIn:
    """A new session for whoever knows the password. Raises `Unauthenticated`, `TooMany`.

    An unknown address, a wrong password and an account without one cannot be told apart, not even by the time it takes.
    """
    if not (await current.read(world)).password_login.enabled:
        raise Unauthenticated("Password login has been disabled")
    await attempts.count_login(world.cache, email, address)
    async with world.glancing() as look:
        known = await store.secrets_by_email(look, email)
    if not await secret.matches(password, known.password_hash if known else None) or known is None:
        raise Unauthenticated("Incorrect email or password")
    await attempts.login_succeeded(world.cache, email, address)
    return await welcome(tx, known, device)


async def welcome(tx: Tx, known: Secrets, device: Device) -> SignedIn:
    """A session for someone who has proved who they are."""
    session, token = await sessions.issue(tx, known.user_id, device)
    user = await users.get(tx, known.user_id)
    return SignedIn(user, session, token, is_onboarded=await users.is_onboarded(tx, known.user_id))


async def change_password(world: World, tx: Tx, caller: Caller, *, old: str, new: str) -> User:
    """Replace one's password and end every other session. Raises `Invalid` for a wrong one."""
    known = await _secrets(world, caller)
    await _check(world, caller, old, known.password_hash, "Wrong password")
    await store.set_password(tx, caller.user_id, await secret.slow_hash(new))
    await sessions.end_all(tx, caller.user_id, but=caller.session.id if caller.session else None)
    return await users.get(tx, caller.user_id)


async def set_up_pin(tx: Tx, caller: Caller, *, pin: str) -> None:
    """A first PIN. Raises `Invalid` when there is one already."""
    hash = await secret.slow_hash(pin)
    user = await store.one_locked(tx, caller.user_id)
    if user is not None and user.has_pin:
        raise Invalid("User already has a PIN code")
    await users.set_pin(tx, caller.user_id, hash)


async def change_pin(world: World, tx: Tx, caller: Caller, *, new: str, pin: str | None, password: str | None) -> None:
    """Another PIN for whoever knows the old one or the password. Raises `Invalid`."""
    await _prove(world, caller, pin=pin, password=password)
    await users.set_pin(tx, caller.user_id, await secret.slow_hash(new))


async def reset_pin(world: World, tx: Tx, caller: Caller, *, pin: str | None, password: str | None) -> None:
    """No PIN any more; the locked folder closes in every session. Raises `Invalid`."""
    await _prove(world, caller, pin=pin, password=password)
    await users.set_pin(tx, caller.user_id, None)
    await sessions.lock_all(tx, caller.user_id)


async def unlock(world: World, tx: Tx, caller: Caller, *, pin: str | None) -> None:
    """Open the locked folder to this session for a quarter of an hour. Raises `Invalid`."""
    session = require_session(caller)
    await _prove(world, caller, pin=pin, password=None)
    await sessions.elevate(tx, session.id, world.clock.now())


async def lock(tx: Tx, caller: Caller) -> None:
    """Close it again."""
    await sessions.lock(tx, require_session(caller).id)


def require_session(caller: Caller) -> SessionCredential:
    """The session. Raises `Invalid` for a caller with an API key."""
    if caller.session is None:
        raise Invalid("This endpoint can only be used with a session token")
    return caller.session


async def _prove(world: World, caller: Caller, *, pin: str | None, password: str | None) -> None:
    known = await _secrets(world, caller)
    if known.pin_hash is None:
        raise Invalid("User does not have a PIN code")
    if password:
        await _check(world, caller, password, known.password_hash, "Wrong password")
    elif pin:
        await _check(world, caller, pin, known.pin_hash, "Wrong PIN code")
    else:
        raise Invalid(EITHER)


async def _check(world: World, caller: Caller, given: str, kept: str | None, refusal: str) -> None:
    await attempts.count_secret(world.cache, caller.user_id)
    if not await secret.matches(given, kept):
        raise Invalid(refusal)
    await attempts.secret_succeeded(world.cache, caller.user_id)


async def _secrets(world: World, caller: Caller) -> Secrets:
    async with world.glancing() as look:
        return await store.secrets(look, caller.user_id)
