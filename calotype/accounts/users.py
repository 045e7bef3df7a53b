"""Creating, changing, removing and restoring people, and what they may store."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from calotype.accounts import secret, sessions, store
from calotype.accounts.caller import Caller
from calotype.accounts.permission import ALL
from calotype.accounts.recent import RECENT
from calotype.accounts.store import NewUser
from calotype.accounts.user import Tree, User, changed_preferences, clean_label, preferences
from calotype.core.errors import Forbidden, Invalid
from calotype.core.events import Event
from calotype.core.ids import UserId
from calotype.core.tx import Look, Tx

HEATMAP_DAYS = 364  # fifty-two weeks
PASSWORD_REQUIRED = "password is required"  # noqa: S105 — a sentence

# What a person, and what an administrator, may change; the names are ours.
Changes = Mapping[
    Literal[
        "email",
        "name",
        "chosen_color",
        "password",
        "pin",
        "storage_label",
        "quota_bytes",
        "should_change_password",
        "is_admin",
    ],
    Any,
]


@dataclass(frozen=True, slots=True)
class NewPerson:
    """Somebody to be added, with the password and PIN they were given."""

    email: str
    name: str
    password: str
    pin: str | None = None
    is_admin: bool = False
    should_change_password: bool = True
    storage_label: str | None = None
    avatar_color: str | None = None
    quota_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class UserChanged(Event):
    """Something that others may see of a person is different now."""

    user_id: UserId


@dataclass(frozen=True, slots=True)
class UserRemoved(Event):
    """A person is to be erased now, without the days of grace."""

    user_id: UserId


@dataclass(frozen=True, slots=True)
class UserErased(Event):
    """A person and all that was theirs is gone for good."""

    user_id: UserId


async def get(look: Look, id: UUID) -> User:
    """Anybody, also who was removed. Raises `Invalid` when there is no such person."""
    return _known(await store.one(look, id))


async def get_active(look: Look, id: UUID) -> User:
    """Anybody who was not removed. Raises `Invalid`."""
    return _active(await get(look, id))


async def visible(look: Look, caller: Caller, *, is_public: bool) -> list[User]:
    """Whom the caller may see in a list: everybody, or only themselves."""
    return await store.active(look) if caller.is_admin or is_public else [await get(look, caller.user_id)]


async def create(tx: Tx, person: NewPerson) -> User:
    """Another person. Raises `Invalid` for an address or label that is taken, or while there is no administrator."""
    if not person.password:
        raise Invalid(PASSWORD_REQUIRED)
    new = NewUser(
        email=person.email,
        name=person.name,
        password_hash=await secret.slow_hash(person.password),
        pin_hash=await secret.slow_hash(person.pin) if person.pin else None,
        is_admin=person.is_admin,
        should_change_password=person.should_change_password,
        storage_label=person.storage_label,
        avatar_color=person.avatar_color,
        quota_bytes=person.quota_bytes,
    )
    await store.queue_up(tx)
    if not new.is_admin and not await store.has_admin(tx):
        raise Invalid("The first registered account must the administrator.")
    return await insert(tx, new)


async def insert(tx: Tx, new: NewUser) -> User:
    """Keep a new person. The caller has queued up (`store.queue_up`)."""
    label = clean_label(new.storage_label)
    await _require_free(tx, email=new.email, label=label, id=None)
    user = await store.add(tx, replace(new, storage_label=label))
    tx.tell(UserChanged(user.id))
    return user


async def change(tx: Tx, id: UserId, changes: Changes) -> User:
    """Change what is given and nothing else. Raises `Invalid` for an unknown person, address or label in use."""
    if changes.get("password", None) == "":
        raise Invalid(PASSWORD_REQUIRED)
    hashes = {each: changes[each] and await secret.slow_hash(changes[each]) for each in _SECRETS if each in changes}
    if "email" in changes or "storage_label" in changes:
        await store.queue_up(tx)
    if "quota_bytes" in changes:
        await store.recount(tx, id)
    user = await _held_active(tx, id)
    fields: dict[str, Any] = {key: value for key, value in changes.items() if key not in _SECRETS}
    if "storage_label" in fields:
        fields["storage_label"] = clean_label(fields["storage_label"])
    await _require_free(tx, email=fields.get("email"), label=fields.get("storage_label"), id=id)
    if "password" in hashes:
        await store.set_password(tx, id, hashes["password"])
    if "pin" in hashes:
        await set_pin(tx, id, hashes["pin"])
    changed = await store.change(tx, replace(user, **fields))
    _changed(tx, id)
    return changed


async def change_own(tx: Tx, caller: Caller, changes: Changes) -> User:
    """Change oneself. A new password is never asked for again at the next login.

    Raises `Forbidden` for a new password from a key that does not hold everything: it could log in with it, and so do
    more than it was made for.
    """
    if not changes:
        raise Invalid("No fields to update")
    if "password" in changes:
        if not caller.holds(ALL):
            raise Forbidden(f"Missing required permission: {ALL}")
        changes = {**changes, "should_change_password": False}
    return await change(tx, caller.user_id, changes)


async def change_other(tx: Tx, caller: Caller, id: UserId, changes: Changes) -> User:
    """Change anybody as an administrator, except whether one is an administrator oneself."""
    if id == caller.user_id and "is_admin" in changes and changes["is_admin"] != caller.is_admin:
        raise Invalid("Admin status can only be changed by another admin")
    return await change(tx, id, changes)


async def by_email(look: Look, email: str) -> User:
    """Somebody by their address in lower case. Raises `Invalid` when nobody has it."""
    user = await store.by_email(look, email)
    if user is None or user.deleted_at is not None:
        raise Invalid("User not found")
    return user


async def set_admin(tx: Tx, email: str, *, is_admin: bool) -> User:
    """Let somebody manage the server, or not. Raises `Invalid` for the last administrator and for nobody."""
    await store.queue_up(tx)
    user = await by_email(tx, email)
    if user.is_admin and not is_admin and await store.admins(tx) == 1:
        raise Invalid("This is the only administrator. Make another one first.")
    return await change(tx, user.id, {"is_admin": is_admin})


async def set_pin(tx: Tx, id: UserId, hash: str | None) -> None:
    """Replace a PIN; elevated sessions stay so."""
    await store.set_pin(tx, id, hash)
    tx.after(RECENT.forget)


async def remove(tx: Tx, caller: Caller, id: UserId, *, at_once: bool, now: datetime) -> User:
    """Take somebody's access away; they are erased after days of grace, or `at_once`.

    Their sessions and keys are kept and work again after `restore`. Raises `Forbidden` for oneself, `Invalid`.
    """
    if id == caller.user_id:
        raise Forbidden("Cannot delete your own account")
    user = await _held(tx, id)
    removed = replace(user, status="removing" if at_once else "deleted", deleted_at=user.deleted_at or now)
    removed = await store.change(tx, removed)
    _changed(tx, id)
    if at_once:
        tx.tell(UserRemoved(id))
    return removed


async def restore(tx: Tx, id: UserId) -> User:
    """Give access back. Raises `Invalid` when there is nobody; no error for someone who was not removed."""
    restored = await store.change(tx, replace(await _held(tx, id), status="active", deleted_at=None))
    _changed(tx, id)
    return restored


async def hold_removed(tx: Tx, id: UserId) -> bool:
    """Whether somebody is still removed; nobody can restore them until the unit of work ends."""
    user = await store.one_locked(tx, id)
    return user is not None and user.deleted_at is not None


async def erase(tx: Tx, id: UserId) -> bool:
    """Delete the rows of someone who was removed, with all that is theirs. Whether there was anybody.

    One statement takes everything along: what they have many of is deleted before (`work/erasure.py`).
    """
    await sessions.end_all(tx, id)
    if not await store.erase(tx, id):
        return False
    tx.tell(UserErased(id))
    tx.after(RECENT.forget)
    return True


async def my_preferences(look: Look, id: UserId) -> Tree:
    """The whole tree. Raises `Invalid` when there is nobody."""
    await get(look, id)
    return preferences(await store.metadata(look, id, "preferences"))


async def change_preferences(tx: Tx, id: UserId, patch: Tree) -> Tree:
    """Lay a partial tree over what a person prefers; the whole tree. Raises `Invalid` when there is nobody."""
    await _held_active(tx, id)
    stored = changed_preferences(await store.metadata(tx, id, "preferences"), patch)
    if stored:
        await store.put_metadata(tx, id, "preferences", stored)
    else:
        await store.remove_metadata(tx, id, "preferences")
    return preferences(stored)


async def is_onboarded(look: Look, id: UserId) -> bool:
    """Whether a person has seen the first steps."""
    stored = await store.metadata(look, id, "onboarding")
    return bool(stored and stored.get("isOnboarded"))


async def set_onboarded(tx: Tx, id: UserId, value: bool) -> None:
    """Note whether they have."""
    await store.put_metadata(tx, id, "onboarding", {"isOnboarded": value})


def heatmap_range(first: date | None, last: date | None, today: date) -> tuple[date, date]:
    """The days of a heat map: as asked, else the 364 days that end on `last` or today."""
    last = last or today
    return first or max(last - timedelta(days=HEATMAP_DAYS - 1), date.min), last


async def _held(tx: Tx, id: UUID) -> User:
    """Anybody, also who was removed, until the unit of work ends. Raises `Invalid`."""
    return _known(await store.one_locked(tx, id))


async def _held_active(tx: Tx, id: UUID) -> User:
    return _active(await _held(tx, id))


def _known(user: User | None) -> User:
    if user is None:
        raise Invalid("User not found")
    return user


def _active(user: User) -> User:
    if user.deleted_at is not None:
        raise Invalid("User not found")
    return user


async def _require_free(look: Look, *, email: str | None, label: str | None, id: UserId | None) -> None:
    if email is not None and await store.email_taken(look, email, by_other_than=id):
        raise Invalid("Email is not available")
    if label is not None and await store.label_taken(look, label, by_other_than=id):
        raise Invalid("Storage label already in use by another account")


def _changed(tx: Tx, id: UserId) -> None:
    tx.tell(UserChanged(id))
    tx.after(RECENT.forget)


_SECRETS: tuple[Literal["password", "pin"], ...] = ("password", "pin")
