"""Our own Postgres and Valkey: nothing committed is lost by a kill, and what a kill leaves behind is in nobody's way."""

import asyncio
import os
import shutil
import tempfile
from pathlib import Path

import asyncpg
import psutil
import pytest
from redis.asyncio import Redis

from calotype.core.config import Config
from calotype.core.errors import Invalid, Offline
from calotype.outside import embedded
from calotype.outside.embedded import Postgres, Valkey, database_url, redis_url, run_folder


@pytest.fixture(scope="module")
def data():
    folder = Path(tempfile.mkdtemp(prefix="calotype-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def capabilities(pid: int) -> int:
    """Those in effect, as bits."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1], 16) for line in lines if line.startswith("CapEff:"))


@pytest.fixture
def postgres(data):
    server = Postgres(data / "postgres", run_folder(data))
    server.prepare()
    server.start()
    server.wait()
    yield server
    server.stop()


async def test_a_new_cluster_has_checksums_a_locale_and_the_extensions(postgres, data):
    connection = await asyncpg.connect(database_url(Config(data=data)))
    assert await connection.fetchval("SHOW data_checksums") == "on"
    assert await connection.fetchval("SELECT datlocale FROM pg_database WHERE datname = 'calotype'") == "C.UTF-8"
    assert await connection.fetchval("SELECT lower('ÄÖ') = 'äö'")
    for extension in ("vector", "pg_trgm", "unaccent", "btree_gin"):
        await connection.execute(f"CREATE EXTENSION {extension}")
    await connection.close()


async def test_nobody_from_the_network_and_no_other_user_can_connect(postgres, data):
    connection = await asyncpg.connect(postgres.url)
    assert await connection.fetchval("SHOW listen_addresses") == ""
    await connection.close()
    assert (run_folder(data).stat().st_mode & 0o777) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has another user to become")
async def test_as_root_it_runs_under_an_unprivileged_user(postgres):
    process = psutil.Process(postgres.process.pid)
    assert process.uids().effective != 0
    assert process.gids().effective != 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a folder that is closed to the user who runs Postgres")
async def test_programs_and_data_may_lie_in_a_folder_that_only_root_enters(tmp_path):
    home = tmp_path / "root"
    home.mkdir(mode=0o700)
    programs = embedded.postgres_programs()
    package = programs.parents[1]
    shutil.copytree(package, home / package.name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")  # where the wheel's programs look for what they need
    shutil.copytree(libraries, home / libraries.name, symlinks=True)
    server = Postgres(home / "data" / "postgres", home / "data" / "run")
    server._programs = home / programs.relative_to(package.parent)
    try:
        server.prepare()
        server.start()
        server.wait()
        connection = await asyncpg.connect(server.url)
        assert await connection.fetchval("SELECT 1") == 1
        await connection.close()
        process = psutil.Process(server.process.pid)
        assert process.uids().effective != 0
        assert capabilities(process.pid).bit_count() == 1, "it may pass through folders, and nothing else"
    finally:
        server.stop()


async def test_what_was_committed_survives_a_killed_postmaster_with_its_orphans(postgres):
    connection = await asyncpg.connect(postgres.url)
    await connection.execute("CREATE TABLE IF NOT EXISTS kept (n INT)")
    await connection.execute("INSERT INTO kept VALUES (1)")
    backend = psutil.Process(await connection.fetchval("SELECT pg_backend_pid()"))
    backend.suspend()  # an orphan that cannot notice the death by itself, as one deep in a long read
    postgres.process.kill()
    postgres.process.wait()
    backend.resume()

    postgres.prepare()
    postgres.start()
    postgres.wait()
    assert backend.status() == psutil.STATUS_ZOMBIE if backend.is_running() else True
    connection = await asyncpg.connect(postgres.url)
    assert await connection.fetchval("SELECT count(*) FROM kept") == 1
    await connection.close()


def test_an_interrupted_first_start_is_begun_anew():
    folder = Path(tempfile.mkdtemp(prefix="calotype-"))
    folder.chmod(0o755)
    server = Postgres(folder / "postgres", folder / "run")
    (folder / "postgres.new").mkdir()
    (folder / "postgres.new" / "PG_VERSION").write_text("18")
    server.prepare()
    assert not (folder / "postgres.new").exists()
    assert (folder / "postgres" / "PG_VERSION").exists()
    shutil.rmtree(folder)


def test_a_cluster_of_another_version_is_refused_with_a_sentence(tmp_path):
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("15\n")
    with pytest.raises(Invalid, match="is of PostgreSQL 15; this Calotype brings 18"):
        Postgres(tmp_path / "postgres", tmp_path / "run").prepare()


def test_a_server_that_ends_at_once_points_to_its_log(data):
    server = Postgres(data / "postgres", run_folder(data), settings=("shared_buffers = nonsense",))
    server.prepare()
    server.start()
    with pytest.raises(Offline, match=r"postgres\.log"):
        server.wait()


def test_a_folder_with_a_long_name_gets_its_sockets_elsewhere(tmp_path):
    deep = tmp_path / ("x" * 100)
    assert run_folder(tmp_path) == tmp_path / "run"
    assert len(str(run_folder(deep) / embedded.POSTGRES_SOCKET)) <= embedded.SOCKET_PATH_BYTES
    assert run_folder(deep) != run_folder(tmp_path / ("y" * 100))


async def test_valkey_keeps_what_it_acknowledged_through_a_kill(data):
    server = Valkey(data / "valkey", run_folder(data))
    server.prepare()
    server.start()
    server.wait()
    client = Redis.from_url(redis_url(Config(data=data)))
    await client.set("kept", "1")
    await asyncio.sleep(1.2)  # appendfsync everysec
    assert (await client.config_get("maxmemory-policy"))["maxmemory-policy"] == "noeviction"
    await client.aclose()
    server.process.kill()
    server.process.wait()

    server.prepare()
    server.start()
    server.wait()
    client = Redis.from_url(server.url)
    assert await client.get("kept") == b"1"
    await client.aclose()
    server.stop()


def test_given_urls_are_used_as_they_are():
    given = Config(database_url="postgresql://x/y", redis_url="redis://z")
    assert (database_url(given), redis_url(given)) == ("postgresql://x/y", "redis://z")
