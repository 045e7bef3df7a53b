"""API keys: what lets a script in. None can do more than the person, or the key, that made it."""

from collections.abc import Iterable, Sequence

from calotype.accounts import key_store, secret
from calotype.accounts.caller import Caller, KeyCredential
from calotype.accounts.key_store import ApiKey
from calotype.accounts.permission import ALL
from calotype.accounts.recent import RECENT
from calotype.core.errors import Invalid
from calotype.core.ids import ApiKeyId
from calotype.core.tx import Look, Tx
from calotype.core.world import World

DEFAULT_NAME = "API Key"


async def recognise(world: World, text: str) -> Caller | None:
    """Whose key this is, in one statement or none; `None` for one that is unknown or belongs to nobody any more."""
    key_hash = secret.token_hash(text)
    caller = RECENT.get(key_hash)
    if caller is not None:
        return caller
    generation = RECENT.generation
    async with world.glancing() as look:
        known = await key_store.by_secret(look, key_hash)
    if known is None:
        return None
    caller = Caller(known.user_id, known.is_admin, key=KeyCredential(known.id, frozenset(known.permissions)))
    RECENT.keep(key_hash, caller, generation=generation)
    return caller


def may_grant(caller: Caller, permissions: Iterable[str]) -> bool:
    """Whether the caller holds all of these; sessions hold everything, keys what they were given."""
    if caller.key is None:
        return True
    held = caller.key.permissions
    return ALL in held or held.issuperset(permissions)


async def create(tx: Tx, caller: Caller, *, name: str | None, permissions: Sequence[str]) -> tuple[ApiKey, str]:
    """A new key and its secret, which is shown this once. Raises `Invalid` for more than the caller holds."""
    _require_grant(caller, permissions)
    text = secret.new_token()
    key = await key_store.add(tx, caller.user_id, name or DEFAULT_NAME, secret.token_hash(text), list(permissions))
    return key, text


async def get(look: Look, caller: Caller, key: ApiKeyId) -> ApiKey:
    """The caller's own key. Raises `Invalid` for any other."""
    return _found(await key_store.one(look, caller.user_id, key))


async def update(
    tx: Tx, caller: Caller, key: ApiKeyId, *, name: str | None, permissions: Sequence[str] | None
) -> ApiKey:
    """Rename a key or replace its permissions, as far as the caller holds them. Raises `Invalid`."""
    if name is None and permissions is None:
        await get(tx, caller, key)
        raise Invalid("No fields to update")
    _require_grant(caller, permissions or ())
    changed = await key_store.change(
        tx, caller.user_id, key, name=name, permissions=None if permissions is None else list(permissions)
    )
    tx.after(RECENT.forget)
    return _found(changed)


async def rotate(tx: Tx, caller: Caller, key: ApiKeyId) -> tuple[ApiKey, str]:
    """The key with a new secret; the old one stops working.

    Whoever rotates learns the secret, so a key may only rotate one that can do no more than itself.
    """
    _require_grant(caller, _found(await key_store.one_locked(tx, caller.user_id, key)).permissions)
    text = secret.new_token()
    rotated = await key_store.change(tx, caller.user_id, key, key_hash=secret.token_hash(text))
    tx.after(RECENT.forget)
    return _found(rotated), text


async def remove(tx: Tx, caller: Caller, key: ApiKeyId) -> None:
    """Take a key back for good. Raises `Invalid` when there is none."""
    if not await key_store.remove(tx, caller.user_id, key):
        raise Invalid("API Key not found")
    tx.after(RECENT.forget)


def _require_grant(caller: Caller, permissions: Iterable[str]) -> None:
    if not may_grant(caller, permissions):
        raise Invalid("Cannot grant permissions you do not have")


def _found(key: ApiKey | None) -> ApiKey:
    if key is None:
        raise Invalid("API Key not found")
    return key
