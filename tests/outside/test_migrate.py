"""The schema: applied once, recognised cheaply, and never applied to what is newer."""

import asyncio

import asyncpg
import pytest

from calotype.core.errors import Invalid, Offline
from calotype.outside import migrate


async def test_an_empty_database_is_brought_to_the_newest_revision(postgres_url_of):
    url = await postgres_url_of("empty", template="template1")
    assert await migrate.current(url) is None
    assert await migrate.is_needed(url)
    # Two starts at once: one applies, the other waits and finds it done.
    assert await asyncio.gather(migrate.migrate(url), migrate.migrate(url)) == [migrate.known()[-1]] * 2
    assert await migrate.current(url) == migrate.known()[-1]
    assert not await migrate.is_needed(url)


async def test_a_database_newer_than_the_code_is_refused_with_a_sentence(postgres_url_of):
    url = await postgres_url_of("newer")
    connection = await asyncpg.connect(url)
    await connection.execute("UPDATE alembic_version SET version_num = '9999'")
    await connection.close()
    with pytest.raises(Invalid, match="revision 9999, which this version of Calotype does not know"):
        await migrate.migrate(url)


async def test_a_database_that_is_away_is_offline(tmp_path):
    with pytest.raises(Offline):
        await migrate.current(f"postgresql://nobody@/none?host={tmp_path}")


async def test_a_database_that_does_not_exist_is_named(postgres_url):
    with pytest.raises(Invalid, match="does not exist"):
        await migrate.current(postgres_url.replace("/tests_", "/absent_"))


def test_the_newest_revision_is_the_one_alembic_takes_for_the_head():
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(migrate.SCHEMA))
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [migrate.known()[-1]]
    assert [revision.revision for revision in script.walk_revisions()][::-1] == migrate.known()
