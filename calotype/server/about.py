"""What this server is and can do, as clients ask before they trust it."""

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, files, version
from typing import Any

from calotype import __version__
from calotype.accounts import store as accounts
from calotype.core.errors import Offline
from calotype.core.tx import Look, Tx
from calotype.core.world import World
from calotype.server import store
from calotype.settings import current
from calotype.settings import store as settings_store
from calotype.storage import roots
from calotype.storage.root import RETRY_AFTER_S

# The published API we speak (docs/compatibility.md), not our own version.
API_VERSION = (3, 2, 2)
API_TEXT = ".".join(map(str, API_VERSION))
RELEASES = "https://github.com/immich-app/immich/releases"

ONBOARDING = "admin-onboarding"


def version_numbers() -> dict[str, int | None]:
    """The API's version as clients compare it."""
    major, minor, patch = API_VERSION
    return {"major": major, "minor": minor, "patch": patch, "prerelease": None}


def description() -> dict[str, Any]:
    """What the server is made of. `version` is the API's, `build` our own."""
    found: dict[str, Any] = {
        "version": f"v{API_TEXT}",
        "versionUrl": f"{RELEASES}/tag/v{API_TEXT}",
        "licensed": False,
        "build": __version__,
        "repository": "calotype",
    }
    with suppress(PackageNotFoundError):  # an installation without decoders says nothing about them
        found["libvips"] = version("pyvips-binary")
        found["ffmpeg"] = _ffmpeg_version()
    return found


@cache
def _ffmpeg_version() -> str:
    """The version in the name of the packaged program (`ffmpeg-linux-x86_64-v7.0.2`); empty for another one."""
    named = (re.search(r"/ffmpeg-.*-v([\d.]+\d)", str(file)) for file in files("imageio-ffmpeg") or [])
    return next((match[1] for match in named if match), "")


def apk_links() -> dict[str, str]:
    """Where the Android app that speaks this API is published."""
    base = f"{RELEASES}/download/v{API_TEXT}"
    kinds = {"arm64v8a": "-arm64-v8a", "armeabiv7a": "-armeabi-v7a", "universal": "", "x86_64": "-x86_64"}
    return {key: f"{base}/app{kind}-release.apk" for key, kind in kinds.items()}


async def features(world: World) -> dict[str, bool]:
    """What clients may offer: only what is both switched on and served by this release."""
    settings = await current.read(world)
    sees = settings.machine_learning.steps
    return {
        "smartSearch": "embedding" in sees,
        "facialRecognition": "faces" in sees,
        "duplicateDetection": settings.machine_learning.duplicate_detection.enabled,  # hashes need no model
        "ocr": "text" in sees,
        "map": False,
        "importFaces": False,
        "oauth": False,
        "oauthAutoLaunch": False,
        "email": False,
        "realtimeTranscoding": False,
        "configFile": False,
        "sidecar": True,
        "search": True,
        "reverseGeocoding": settings.reverse_geocoding.enabled,
        "trash": settings.trash.enabled,
        "passwordLogin": settings.password_login.enabled,
    }


async def config(world: World) -> dict[str, Any]:
    """What every client needs before anybody signed in."""
    settings = await current.read(world)
    async with world.glancing() as look:
        has_admin = await accounts.has_admin(look)
        onboarded = await is_onboarded(look)
    found: dict[str, Any] = {
        "loginPageMessage": settings.server.login_page_message,
        "trashDays": settings.trash.days,
        "userDeleteDelay": settings.user.delete_delay,
        "oauthButtonText": settings.oauth.button_text,
        "isInitialized": has_admin or not world.config.allow_setup,
        "isOnboarded": onboarded,
        "externalDomain": settings.server.external_domain,
        "publicUsers": settings.server.public_users,
        "mapDarkStyleUrl": settings.map.dark_style,
        "mapLightStyleUrl": settings.map.light_style,
        "maintenanceMode": False,
        "minFaces": settings.machine_learning.facial_recognition.min_faces,
    }
    if settings.oauth.account_management_url:
        found["oauthAccountManagementUrl"] = settings.oauth.account_management_url
    return found


async def is_onboarded(look: Look) -> bool:
    """Whether the administrator finished the first steps."""
    kept: dict[str, bool] = await settings_store.value(look, ONBOARDING) or {}
    return kept.get("isOnboarded", False)


async def set_onboarded(tx: Tx, *, is_onboarded: bool) -> None:
    """Remember whether the administrator finished the first steps."""
    await settings_store.keep(tx, ONBOARDING, {"isOnboarded": is_onboarded})


@dataclass(frozen=True, slots=True)
class Space:
    """Room for originals, in bytes."""

    size: int
    used: int
    available: int

    @property
    def used_percent(self) -> float:
        """Two decimals."""
        return round(100 * self.used / self.size, 2) if self.size else 0.0


async def space(world: World, look: Look) -> Space:
    """Room on the media volume; a store without limits is as large as what it holds. Raises `Offline`."""
    root = roots.state_of(world)
    if not root.is_online:
        raise Offline(root.sentence, retry_after_s=RETRY_AFTER_S)
    async with asyncio.timeout(RETRY_AFTER_S):
        total, free = await world.files.total_bytes(), await world.files.free_bytes()
    if total is None or free is None:
        held = await store.stored_bytes(look)
        return Space(held, held, 0)
    return Space(total, total - free, free)


UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def size_text(size_bytes: int) -> str:
    """`52.8 GiB`."""
    size, unit = float(size_bytes), 0
    while size >= 1024 and unit < len(UNITS) - 1:
        size /= 1024
        unit += 1
    return f"{size:.1f} {UNITS[unit]}" if unit else f"{size_bytes} B"
