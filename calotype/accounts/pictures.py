"""Profile pictures: decoded in a child that may die, kept small, in the data folder."""

import asyncio
from pathlib import Path, PurePath
from uuid import UUID

from calotype.accounts import store, users
from calotype.accounts.caller import Caller
from calotype.accounts.user import User
from calotype.accounts.users import UserChanged
from calotype.core.errors import Invalid, Missing
from calotype.core.ids import new_id
from calotype.core.tx import Look, Tx
from calotype.core.world import World
from calotype.outside import decoders
from calotype.outside.decoders import DecoderDied, Undecodable
from calotype.outside.images import Output, Recipe, render
from calotype.storage import paths

EXTENSIONS = frozenset({".avif", ".dng", ".heic", ".heif", ".jpeg", ".jpg", ".png", ".webp", ".svg"})
SIDE_PX = 250  # a thumbnail's size: an avatar is never shown larger


def require_supported(name: str) -> str:
    """The extension of a picture's name, in lower case. Raises `Invalid` for one that is no profile picture."""
    extension = PurePath(name).suffix.lower()
    if extension not in EXTENSIONS:
        raise Invalid(f"Unsupported file type {name}")
    return extension


async def make(world: World, caller: Caller, source: Path) -> Path:
    """A small WebP of what was uploaded, not yet anybody's picture. Raises `Invalid` when it cannot be decoded."""
    made = paths.profile_path(world.config.data, caller.user_id, new_id(), ".webp")
    await asyncio.to_thread(made.parent.mkdir, parents=True, exist_ok=True)
    recipe = Recipe((Output(made, "webp", SIDE_PX),), colorspace="srgb")
    try:
        await render(decoders.pool(world.config), source, recipe)
    except (Undecodable, DecoderDied) as error:
        raise Invalid("Unable to process profile image") from error
    return made


async def choose(world: World, tx: Tx, caller: Caller, made: Path) -> User:
    """Let a finished picture be the caller's; the one before goes."""

    async def discard() -> None:
        await asyncio.to_thread(made.unlink, missing_ok=True)

    tx.undo(discard)
    before = await users.get_active(tx, caller.user_id)
    await store.set_profile(tx, caller.user_id, made.relative_to(world.config.data).as_posix())
    _discard_later(world, tx, before)
    tx.tell(UserChanged(caller.user_id))
    return await users.get(tx, caller.user_id)


async def remove(world: World, tx: Tx, caller: Caller) -> None:
    """No picture any more. Raises `Invalid` when there is none."""
    before = await users.get_active(tx, caller.user_id)
    if not before.profile_path:
        raise Invalid("Can't delete a missing profile Image")
    await store.set_profile(tx, caller.user_id, "")
    _discard_later(world, tx, before)
    tx.tell(UserChanged(caller.user_id))


async def path_of(world: World, look: Look, id: UUID) -> Path:
    """Where somebody's picture lies. Raises `Missing` when they have none, or there is no such person."""
    user = await store.one(look, id)
    if user is None or not user.profile_path:
        raise Missing("Not Found")
    return world.config.data / user.profile_path


def _discard_later(world: World, tx: Tx, before: User) -> None:
    if not before.profile_path:
        return
    old = world.config.data / before.profile_path

    async def discard() -> None:
        await asyncio.to_thread(old.unlink, missing_ok=True)

    tx.after(discard)
