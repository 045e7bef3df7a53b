"""The doctor: one line for each part."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from calotype import compose
from calotype.core.config import Config
from calotype.server import doctor


async def _examine(config):
    return {
        (finding.subject, finding.level): finding.words
        async for finding in doctor.examine(config, compose.files(config))
    }


async def test_healthy_servers_are_told_with_their_versions(postgres_url, redis_url, tmp_path):
    found = await _examine(Config(data=tmp_path, database_url=postgres_url, redis_url=redis_url))
    assert "PostgreSQL 18" in found["database", "ok"]
    assert "the newest" in found["schema", "ok"]
    assert "pg_trgm" in found["extensions", "ok"]
    assert found["valkey", "ok"].startswith("Valkey 9")
    assert ("clocks", "ok") in found
    assert "GiB free" in found["disk", "ok"]
    assert "not set up yet" in found["storage", "warning"]
    assert not [subject for subject, level in found if level == "error"]


async def test_servers_that_are_away_are_errors_and_the_rest_is_still_told(tmp_path):
    away = Config(data=tmp_path, database_url=f"postgresql://x@/x?host={tmp_path}", redis_url="unix:///nowhere")
    found = await _examine(away)
    assert {subject for subject, level in found if level == "error"} == {"database", "valkey"}
    assert ("disk", "ok") in found


async def test_a_database_newer_than_the_code_is_an_error(postgres_url_of, redis_url, tmp_path):
    url = await postgres_url_of("doctor")
    connection = await asyncpg.connect(url)
    await connection.execute("UPDATE alembic_version SET version_num = '9999'")
    await connection.close()
    found = await _examine(Config(data=tmp_path, database_url=url, redis_url=redis_url))
    assert "revision 9999 is newer" in found["schema", "error"]


async def test_a_known_installation_whose_marker_is_gone_is_an_error(postgres_url_of, redis_url, tmp_path):
    url = await postgres_url_of("doctor")
    connection = await asyncpg.connect(url)
    await connection.execute("INSERT INTO instance (id, epoch, initialised_at) VALUES (gen_random_uuid(), 3, now())")
    await connection.close()
    found = await _examine(Config(data=tmp_path, database_url=url, redis_url=redis_url))
    assert "lost the marker" in found["storage", "error"]
    assert not (tmp_path / "media").exists()


async def test_too_little_room_is_an_error(postgres_url, redis_url, tmp_path):
    config = Config(data=tmp_path, database_url=postgres_url, redis_url=redis_url, min_free_mib=10**12)
    assert "uploads are refused" in (await _examine(config))["disk", "error"]


async def test_a_clock_that_is_off_is_an_error():
    async def ask():
        return datetime.now(UTC) + timedelta(seconds=5)

    assert (await doctor._clock("the database", ask)).level == "error"


async def test_a_server_without_an_extension_is_an_error(postgres_url):
    connection = await asyncpg.connect(postgres_url)
    [finding] = await doctor._extensions(connection, ["pg_trgm", "absent_one"])
    await connection.close()
    assert (finding.level, finding.words) == ("error", "the server lacks absent_one")


def test_the_extensions_of_the_schema_are_the_required_ones(tmp_path: Path):
    (tmp_path / "1.sql").write_text('CREATE EXTENSION IF NOT EXISTS vector;\nCREATE EXTENSION "pg_trgm";')
    assert doctor._required_extensions(tmp_path) == ["pg_trgm", "vector"]
