"""People about themselves and each other: 18 operations."""

import asyncio
import tempfile
from pathlib import Path
from typing import Annotated

from starlette.responses import Response

from calotype.accounts import pictures, store
from calotype.accounts import users as verbs
from calotype.accounts.user import Tree
from calotype.api import files, multipart
from calotype.api.call import Reading, Writing
from calotype.api.marks import Query
from calotype.api.multipart import PartBegin
from calotype.api.op import Door
from calotype.core.errors import Invalid, Missing, Problem, TooLarge
from calotype.core.ids import UserId
from calotype.settings import current
from calotype.storage import paths
from calotype.wire import users as wire
from calotype.wire.base import Uuid4

users = Door("Users")

PICTURE_LIMIT_BYTES = 128 * 1024 * 1024  # a camera's raw file still fits


@users.get("/users", may="user.read")
async def search_users(ask: Reading) -> list[wire.UserResponse]:
    """Everybody the caller may know."""
    is_public = (await current.read(ask.world)).server.public_users
    found = await verbs.visible(ask.look, ask.caller, is_public=is_public)
    return [wire.public(user, ask.world.config.data) for user in found]


@users.get("/users/me", may="user.read")
async def get_my_user(ask: Reading) -> wire.UserAdminResponse:
    """The caller."""
    return wire.full(await verbs.get(ask.look, ask.caller.user_id), ask.world.config.data)


@users.put("/users/me", may="user.update", also=("PATCH",))
async def update_my_user(ask: Writing, asked: wire.UserUpdateMe) -> wire.UserAdminResponse:
    """Change oneself."""
    return wire.full(await verbs.change_own(ask.tx, ask.caller, wire.changes(asked)), ask.world.config.data)


@users.get("/users/me/preferences", may="userPreference.read", shape=wire.Preferences)
async def get_my_preferences(ask: Reading) -> Tree:
    """The whole tree."""
    return await verbs.my_preferences(ask.look, ask.caller.user_id)


@users.put("/users/me/preferences", may="userPreference.update", also=("PATCH",), shape=wire.Preferences)
async def update_my_preferences(ask: Writing, asked: wire.PreferencesUpdate) -> Tree:
    """Lay a part over the tree."""
    return await verbs.change_preferences(ask.tx, ask.caller.user_id, asked.tree())


@users.get("/users/me/license", may="userLicense.read")
async def get_user_license(ask: Reading) -> wire.License:
    """The licence somebody brought along from elsewhere; Calotype itself is free and gives out none."""
    license = await store.metadata(ask.look, ask.caller.user_id, "license")
    if license is None:
        raise Missing("Not Found")
    return wire.License.model_validate(license)


@users.put("/users/me/license", may="userLicense.update")
async def set_user_license(ask: Writing, asked: wire.LicenseKey) -> wire.License:
    """No key can be verified here: only its seller could."""
    raise Invalid("Invalid license key")


@users.delete("/users/me/license", may="userLicense.delete")
async def delete_user_license(ask: Writing) -> None:
    """Forget it."""
    await store.remove_metadata(ask.tx, ask.caller.user_id, "license")


@users.get("/users/me/onboarding", may="userOnboarding.read")
async def get_user_onboarding(ask: Reading) -> wire.Onboarding:
    """Whether the caller has seen the first steps."""
    return wire.Onboarding(is_onboarded=await verbs.is_onboarded(ask.look, ask.caller.user_id))


@users.put("/users/me/onboarding", may="userOnboarding.update")
async def set_user_onboarding(ask: Writing, asked: wire.Onboarding) -> wire.Onboarding:
    """Note that they have."""
    await verbs.set_onboarded(ask.tx, ask.caller.user_id, asked.is_onboarded)
    return asked


@users.delete("/users/me/onboarding", may="userOnboarding.delete")
async def delete_user_onboarding(ask: Writing) -> None:
    """Show the first steps again."""
    await store.remove_metadata(ask.tx, ask.caller.user_id, "onboarding")


@users.get("/users/me/calendar-heatmap", may="user.read")
async def get_my_calendar_heatmap(ask: Reading, asked: Annotated[wire.Days, Query()]) -> wire.Heatmap:
    """How many photos on each day."""
    return await heatmap(ask, ask.caller.user_id, asked)


async def heatmap(ask: Reading, id: UserId, asked: wire.Days) -> wire.Heatmap:
    """Somebody's days, by upload or by capture."""
    first, last = verbs.heatmap_range(asked.from_, asked.to, ask.world.clock.now().date())
    count = store.uploaded_by_day if asked.type == "Upload" else store.taken_by_day
    return wire.heatmap(first, last, await count(ask.look, id, first, last))


@users.post("/users/profile-image", may="userProfileImage.update", raw=True)
async def create_profile_image(ask: Writing) -> wire.ProfileImageResponse:
    """Choose a picture."""
    folder = paths.scratch_path(ask.world.config.data)
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        made = await pictures.make(ask.world, ask.caller, await _received(ask, Path(scratch)))
    user = await pictures.choose(ask.world, ask.tx, ask.caller, made)
    return wire.ProfileImageResponse(
        user_id=user.id, profile_image_path=str(made), profile_changed_at=user.profile_changed_at
    )


async def _received(ask: Writing, folder: Path) -> Path:
    """The uploaded file; parts may come in any order."""
    try:
        return await _file_part(ask, folder)
    except Problem:
        await multipart.drain(ask.request)
        raise


async def _file_part(ask: Writing, folder: Path) -> Path:
    target: Path | None = None
    size, is_file = 0, False
    async for piece in multipart.pieces(ask.request):
        if isinstance(piece, PartBegin):
            is_file = piece.filename is not None
            if piece.filename is None:
                continue
            if piece.name != "file" or target is not None:
                raise Invalid(f"Unexpected field - {piece.name}")
            target = folder / f"picture{pictures.require_supported(piece.filename)}"
        elif isinstance(piece, bytes):
            size += len(piece)
            if size > PICTURE_LIMIT_BYTES:
                raise TooLarge("This picture is too large for a profile image.")
            if is_file and target is not None:
                await asyncio.to_thread(_append, target, piece)
    if target is None:
        raise Invalid("File is required")
    if not target.exists():
        raise Invalid("File is empty")
    return target


def _append(target: Path, piece: bytes) -> None:
    with target.open("ab") as file:
        file.write(piece)


@users.delete("/users/profile-image", may="userProfileImage.delete")
async def delete_profile_image(ask: Writing) -> None:
    """No picture any more."""
    await pictures.remove(ask.world, ask.tx, ask.caller)


@users.get("/users/{id}", may="user.read")
async def get_user(ask: Reading, id: Uuid4) -> wire.UserResponse:
    """Anybody who was not removed."""
    return wire.public(await verbs.get_active(ask.look, id), ask.world.config.data)


@users.get("/users/{id}/profile-image", may="userProfileImage.read")
async def get_profile_image(ask: Reading, id: Uuid4) -> Response:
    """Somebody's picture, for any caller."""
    path = await pictures.path_of(ask.world, ask.look, id)
    return await files.send_local(ask.request, path, files.Served("image/webp", cache="public, max-age=0"))
