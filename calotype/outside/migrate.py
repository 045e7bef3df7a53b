"""Bring a database to the schema this code needs: Alembic, with revisions whose bodies are the SQL files in `schema/`.

Alembic costs a second and 40 MB to import, so it is imported only when there is something to do; asking whether there
is costs one query.
"""

import asyncio
import contextlib
import time
from pathlib import Path
from typing import Any

import asyncpg

from calotype.core.errors import Invalid, Offline
from calotype.core.tx import AWAY, database_away

SCHEMA = Path(__file__).parent.parent / "schema"
ADVISORY_LOCK = 0x43414C4F54595045  # "CALOTYPE" in ASCII: one migration at a time, whoever starts it


def known() -> list[str]:
    """Every revision this code knows, oldest first. A revision's id is how its file's name begins."""
    return sorted(path.name.partition("_")[0] for path in (SCHEMA / "versions").glob("[0-9]*_*.py"))


async def current(url: str, *, patience_s: float = 0) -> str | None:
    """The revision the database is of; `None` for an empty one.

    Raises `Offline` when the database still does not answer after `patience_s`, `Invalid` when it refuses us.
    """
    connection = await _connect(url, patience_s=patience_s)
    try:
        return await connection.fetchval("SELECT version_num FROM alembic_version")
    except asyncpg.UndefinedTableError:
        return None
    finally:
        with contextlib.suppress(TimeoutError):  # the answer is here; how long a goodbye takes is nobody's failure
            await connection.close(timeout=5)


async def is_needed(url: str, *, patience_s: float = 0) -> bool:
    """Whether `migrate` has something to do. Raises `Invalid` for a database newer than this code."""
    found = await current(url, patience_s=patience_s)
    revisions = known()
    if found is not None and found not in revisions:
        raise Invalid(
            f"The database is of revision {found}, which this version of Calotype does not know (it knows up to "
            f"{revisions[-1]}). Start the version that made it, or restore a backup of this one."
        )
    return found != revisions[-1]


async def migrate(url: str, *, patience_s: float = 0) -> str:
    """Bring the database to the newest revision, in one transaction; returns that revision.

    Two that start at once wait for each other; the second finds nothing to do. Raises `Invalid` for a database newer
    than this code, and for a server that lacks an extension.
    """
    if await is_needed(url, patience_s=patience_s):
        try:
            await _upgrade(url)
        except asyncpg.FeatureNotSupportedError as error:  # also what a missing extension is answered with
            raise Invalid(f"The database server lacks something Calotype needs: {error.message}.") from error
        except asyncpg.InsufficientPrivilegeError as error:
            raise Invalid(f"The database user may not change the schema: {error.message}.") from error
        except AWAY as error:
            raise database_away(error) from error
    return known()[-1]


def run_sql(revision: Path) -> None:
    """For a revision's `upgrade`: execute the SQL file of its name, many statements at once."""
    from alembic import op

    script = (SCHEMA / f"{revision.stem}.sql").read_text()
    driver: Any = op.get_bind().connection.dbapi_connection

    async def execute(connection: Any) -> None:
        await connection.execute(script, timeout=3600)

    driver.run_async(execute)


async def _upgrade(url: str) -> None:
    from alembic.command import upgrade
    from alembic.config import Config
    from sqlalchemy import Connection, text
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.pool import NullPool

    def run(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(SCHEMA).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        upgrade(config, "head")

    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url, timeout=10), poolclass=NullPool
    )
    try:
        async with engine.begin() as connection:
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"))
            await connection.run_sync(run)
    finally:
        await engine.dispose()


async def _connect(url: str, *, patience_s: float) -> "asyncpg.Connection[asyncpg.Record]":
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return await asyncpg.connect(url, timeout=10)
        except (asyncpg.InvalidCatalogNameError, asyncpg.InvalidAuthorizationSpecificationError) as error:
            raise Invalid(f"The database refuses us: {error.message}.") from error
        except ValueError as error:
            raise Invalid(f"CALOTYPE_DATABASE_URL cannot be read: {error}.") from error
        except AWAY as error:
            if time.monotonic() >= deadline:
                raise Offline("The database is not reachable. Nothing is lost; trying again.") from error
        await asyncio.sleep(0.05)
