"""What Calotype stands on, one line each, for a person who wants to know why something does not work."""

import os
import re
import shutil
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from calotype import __version__
from calotype.core.config import Config
from calotype.core.errors import Problem
from calotype.core.ports import Files
from calotype.core.tx import AWAY
from calotype.outside import embedded, migrate, postgres, redis
from calotype.outside.video import ffmpeg_program

SKEW_S = 2.0
MIB = 1024 * 1024
GIB = 1024 * MIB
OLDEST_POSTGRES = 140000


@dataclass(frozen=True, slots=True)
class Finding:
    """One line. A warning is worth reading; only an error makes the exit status 1."""

    level: Literal["ok", "warning", "error"]
    subject: str
    words: str

    def __str__(self) -> str:
        return f"{self.level:<8} {self.subject:<12} {self.words}"


async def examine(config: Config, files: Files) -> AsyncGenerator[Finding]:
    """Every finding, as soon as it is known. Changes nothing that stays."""
    examinations: list[tuple[str, AsyncGenerator[Finding]]] = [
        ("versions", _versions(config)),
        ("database", _database(config)),
        ("valkey", _valkey(config)),
        ("storage", _storage(config, files)),
        ("disk", _disk(config)),
    ]
    for subject, examination in examinations:
        try:
            async for finding in examination:
                yield finding
        except Problem as problem:
            yield Finding("error", subject, problem.sentence)
        except AWAY as error:
            yield Finding("error", subject, f"{type(error).__name__}: {error}")


async def _versions(config: Config) -> AsyncGenerator[Finding]:
    python = ".".join(str(part) for part in sys.version_info[:3])
    yield Finding("ok", "versions", f"Calotype {__version__}, Python {python}")
    program = ffmpeg_program(config)
    level = "ok" if shutil.which(program) else "error"
    yield Finding(level, "ffmpeg", program if level == "ok" else f"{program} is not a program that can be run")
    exiftool = shutil.which(config.exiftool or "exiftool")
    if config.exiftool and not exiftool:
        yield Finding("error", "exiftool", f"{config.exiftool} is not a program that can be run")
    else:
        yield Finding("ok", "exiftool", exiftool or "none; the built-in reader does without")


async def _database(config: Config) -> AsyncGenerator[Finding]:
    url = embedded.database_url(config)
    revision = await migrate.current(url)
    connection = await postgres.connect_once(url)
    try:
        began = time.perf_counter()
        number = int(await connection.fetchval("SHOW server_version_num"))
        took_ms = (time.perf_counter() - began) * 1000
        whose = "embedded" if config.embedded_database else "given"
        words = f"PostgreSQL {number // 10000}.{number % 10000} ({whose}), answers in {took_ms:.1f} ms"
        yield Finding("ok" if number >= OLDEST_POSTGRES else "error", "database", words)
        yield _schema(revision, migrate.known())
        for finding in await _extensions(connection, _required_extensions(migrate.SCHEMA)):
            yield finding
        yield await _clock("the database", lambda: connection.fetchval("SELECT clock_timestamp()"))
    finally:
        await connection.close(timeout=5)


def _schema(revision: str | None, known: list[str]) -> Finding:
    if revision == known[-1]:
        return Finding("ok", "schema", f"revision {revision}, the newest")
    if revision is None:
        return Finding("warning", "schema", "not applied yet; the next start does that (or: calotype migrate)")
    if revision in known:
        return Finding("warning", "schema", f"revision {revision}; the next start brings it to {known[-1]}")
    return Finding("error", "schema", f"revision {revision} is newer than this Calotype, which knows up to {known[-1]}")


def _required_extensions(schema: Path) -> list[str]:
    scripts = "\n".join(path.read_text() for path in sorted(schema.glob("*.sql")))
    return sorted(set(re.findall(r"CREATE EXTENSION (?:IF NOT EXISTS )?\"?(\w+)", scripts)))


async def _extensions(connection: Any, required: list[str]) -> list[Finding]:
    rows = await connection.fetch("SELECT name, installed_version FROM pg_available_extensions")
    found: dict[str, str | None] = {row["name"]: row["installed_version"] for row in rows}
    lacking = [name for name in required if name not in found]
    if lacking:
        return [Finding("error", "extensions", f"the server lacks {', '.join(lacking)}")]
    listed = ", ".join(f"{name} {found[name] or '(not created yet)'}" for name in required)
    return [Finding("ok", "extensions", listed)]


async def _clock(whose: str, ask: Callable[[], Awaitable[datetime]]) -> Finding:
    before = datetime.now(UTC)
    theirs = await ask()
    middle = before + (datetime.now(UTC) - before) / 2
    skew_s = (theirs - middle).total_seconds()
    words = f"{whose} and this machine differ by {abs(skew_s):.3f} s"
    return Finding("ok" if abs(skew_s) <= SKEW_S else "error", "clocks", words)


async def _valkey(config: Config) -> AsyncGenerator[Finding]:
    facts = await redis.facts(embedded.redis_url(config))
    whose = "embedded" if config.embedded_redis else "given"
    yield Finding("ok", "valkey", f"{facts.software} ({whose}), answers in {facts.round_trip_s * 1000:.1f} ms")
    if facts.eviction_policy not in ("noeviction", ""):
        yield Finding("error", "valkey", f"maxmemory-policy is {facts.eviction_policy}; jobs need noeviction")
    if not facts.is_durable:
        yield Finding("warning", "valkey", "appendonly is off; after a crash waiting jobs are found again by a sweep")

    async def ask() -> datetime:
        return facts.time

    yield await _clock("Valkey", ask)


async def _storage(config: Config, files: Files) -> AsyncGenerator[Finding]:
    if await files.read_marker() is None:
        if await _was_started(config):
            sentence = (
                "lost the marker of this installation: it is not mounted, or another folder; nothing is written to it"
            )
            yield Finding("error", "storage", f"{config.media_root} {sentence}")
        else:
            yield Finding("warning", "storage", f"{config.media_root} is not set up yet; the first start does that")
        return
    key = f"doctor/{uuid4()}"
    began = time.perf_counter()
    incoming = await files.begin(key)
    try:
        await incoming.write(os.urandom(MIB))
        await incoming.finish()
        await files.remove(key)
    finally:
        await incoming.abort()
    took_ms = (time.perf_counter() - began) * 1000
    words = f"{config.media_root}: 1 MiB written, read back, compared, removed in {took_ms:.0f} ms"
    yield Finding("ok", "storage", words)
    free = await files.free_bytes()
    if free is not None:
        yield _room("media", free, config)


async def _was_started(config: Config) -> bool:
    """Whether the database belongs to an installation, whose media folder then has a marker."""
    try:
        connection = await postgres.connect_once(embedded.database_url(config))
    except AWAY:
        return False  # told in a line of its own
    try:
        if await connection.fetchval("SELECT to_regclass('instance')") is None:
            return False
        return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM instance)"))
    finally:
        await connection.close(timeout=5)


async def _disk(config: Config) -> AsyncGenerator[Finding]:
    yield _room(f"data ({config.data})", shutil.disk_usage(config.data).free, config)


def _room(what: str, free: int, config: Config) -> Finding:
    words = f"{what}: {free / GIB:.1f} GiB free"
    if free < config.min_free_mib * MIB:
        return Finding("error", "disk", f"{words}, less than CALOTYPE_MIN_FREE_MIB; uploads are refused")
    return Finding("warning" if free < 4 * config.min_free_mib * MIB else "ok", "disk", words)
