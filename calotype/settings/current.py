"""The settings in force: read through a memory that every process checks against a shared version, and saved."""

import secrets
import time
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

from calotype.core.config import Config
from calotype.core.errors import Invalid
from calotype.core.events import Event
from calotype.core.tx import Tx
from calotype.core.world import World
from calotype.outside import smtp
from calotype.settings import rules, store
from calotype.settings.settings import Settings, Tree, difference, from_tree, to_tree

NAME = "system"
VERSION_KEY = "settings-version"
VERSION_TTL_S = 7 * 24 * 3600
BLIND_S = 5.0  # how long we trust our memory when the cache cannot tell the version


@dataclass(frozen=True, slots=True)
class SettingsChanged(Event):
    """An administrator saved the settings."""


@dataclass(slots=True)
class _Remembered:
    settings: Settings
    version: bytes | None
    read_at: float


_memory: "WeakKeyDictionary[Any, _Remembered]" = WeakKeyDictionary()  # by cache: one per process, one per test


def defaults(config: Config) -> Settings:
    """The tree before anybody changed it; machine learning is off until its address is known."""
    fresh = Settings()
    urls = config.inference_urls
    learning = replace(fresh.machine_learning, enabled=bool(urls), urls=urls or fresh.machine_learning.urls)
    return replace(fresh, machine_learning=learning)


async def read(world: World) -> Settings:
    """The settings in force."""
    known = _memory.get(world.cache)
    version = await world.cache.get(VERSION_KEY)
    if known is not None:
        blind = version is None and time.monotonic() - known.read_at < BLIND_S
        if blind or (version is not None and version == known.version):
            return known.settings
    if version is None:
        # Whoever saves replaces it. Written before reading, so that what we read is at least that new.
        version = secrets.token_bytes(8)
        await world.cache.put(VERSION_KEY, version, ttl_s=VERSION_TTL_S)
    async with world.glancing() as look:
        stored: Tree | None = await store.value(look, NAME)
    settings = from_tree(stored or {}, defaults(world.config))
    _memory[world.cache] = _Remembered(settings, version, time.monotonic())
    return settings


async def save(tx: Tx, world: World, tree: Tree) -> Settings:
    """Check a whole tree, keep what differs from the defaults, tell. Returns what is in force. Raises `Invalid`."""
    _check_model(tree)
    settings = from_tree(tree, defaults(world.config))
    if not rules.is_template(settings.storage_template.template):
        raise Invalid("Invalid storage template")
    before = await read(world)
    if settings.notifications.smtp.enabled and settings.notifications.smtp != before.notifications.smtp:
        await smtp.verify(settings.notifications.smtp.transport)
    usual = to_tree(defaults(world.config))
    changes = difference(to_tree(rules.normal(settings)), usual)
    await store.lock(tx)
    await store.keep(tx, NAME, changes)
    tx.after(lambda: _announce(world))
    tx.tell(SettingsChanged())
    return from_tree(changes, defaults(world.config))


async def _announce(world: World) -> None:
    _memory.pop(world.cache, None)
    await world.cache.put(VERSION_KEY, secrets.token_bytes(8), ttl_s=VERSION_TTL_S)


def _check_model(tree: Tree) -> None:
    model = tree["machineLearning"]["clip"]["modelName"]  # before an empty name would become the default
    if model not in rules.CLIP_MODELS:
        raise Invalid(
            f"Unknown CLIP model: {model}. Please check the model name for typos and confirm this is a supported model."
        )
