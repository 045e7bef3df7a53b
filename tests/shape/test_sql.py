"""Every statement fits the schema, and a table is written only by the room that owns it."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from importlib import import_module
from itertools import product
from pathlib import Path
from pkgutil import walk_packages
from uuid import UUID, uuid4

import asyncpg
import pytest

import calotype
from calotype.core.sql import STATEMENTS, Sql
from calotype.search import condition_store
from calotype.search import store as search
from calotype.search.query import Condition, Cursor, Filters, Order, Reach
from calotype.timeline import store as timeline
from calotype.timeline.scope import Box, Scope

SOURCE = Path(calotype.__file__).parent

# Who writes what. The comments of calotype/schema say the same.
OWNERS = {
    "setting": "settings",
    "version_history": "server",
    "notification": "server",
    "users": "accounts",
    "user_metadata": "accounts",
    "session": "accounts",
    "api_key": "accounts",
    "partner": "accounts",
    "asset": "assets",
    "asset_metadata": "assets",
    "tag": "assets",
    "tag_asset": "assets",
    "stack": "assets",
    "leftover": "assets",
    "asset_file": "media",
    "asset_problem": "media",
    "likeness": "media",
    "duplicate_wanted": "duplicates",
    "duplicate_pair": "duplicates",
    "duplicate_dismissal": "duplicates",
    "duplicate_resolution": "duplicates",
    "timeline_change": "timeline",
    "timeline_month": "timeline",
    "album": "albums",
    "album_user": "albums",
    "album_asset": "albums",
    "shared_link": "albums",
    "shared_link_asset": "albums",
    "instance": "storage",
    "person": "people",
    "face": "people",
    "face_vector": "people",
    "face_scan": "people",
    "people_state": "people",
    "person_tally": "people",
    "person_month": "people",
    "person_change": "people",
    "person_uncounted": "people",
    "face_region": "media",
    "names_unwritten": "media",
    "person_renamed": "people",
    "embedding": "search",
    "embedding_model": "search",
    "embedding_index": "search",
    "text_line": "search",
    "asset_text": "search",
}
# (room, table): why it may be written from another room.
EXCEPTIONS = {
    ("assets", "album_asset"): "the moving half of a live photo leaves the albums it was in, as it is hidden",
}
TABLES = sorted(OWNERS)


@pytest.fixture(scope="module")
def statements() -> list[Sql]:
    """All of them: every module that may register one is imported."""
    for module in walk_packages(calotype.__path__, "calotype."):
        if not module.name.endswith("__main__") and ".schema" not in module.name:
            import_module(module.name)
    return STATEMENTS


@pytest.fixture(scope="module")
async def database(postgres_url):
    connection = await asyncpg.connect(postgres_url, statement_cache_size=0)
    yield connection
    await connection.close()


async def faults(database: asyncpg.Connection, statements: list[Sql]) -> dict[str, str]:
    """Statement → what Postgres has against it."""
    found: dict[str, str] = {}
    for statement in {statement.text: statement for statement in statements}.values():
        try:
            await database.prepare(statement.text)
        except asyncpg.PostgresError as error:
            found[" ".join(statement.text.split())[:120]] = str(error)
    return found


async def test_every_registered_statement_fits_the_schema(statements, database):
    assert len(statements) > 100
    assert await faults(database, statements) == {}


# Composed statements ------------------------------------------------------------------------------------------------


class Recorder:
    """Keeps what would be asked, and finds nothing."""

    def __init__(self) -> None:
        self.asked: list[Sql] = []

    def _take(self, statement: Sql, arguments: dict[str, object]) -> None:
        assert set(statement.names) <= set(arguments), "an argument is missing"
        self.asked.append(statement)

    async def all(self, statement: Sql, **arguments: object) -> list[object]:
        self._take(statement, arguments)
        return []

    async def one(self, statement: Sql, **arguments: object) -> dict[str, object]:
        self._take(statement, arguments)
        return {"ids": None, "decides": None, "items": None, "shown": 0}

    async def value(self, statement: Sql, **arguments: object) -> int:
        self._take(statement, arguments)
        return 0


VALUES = {"rating": 3, "fileSizeInBytes": 10}


def conditions() -> Iterator[Condition]:
    """One for each fragment."""
    for field, operators in condition_store.FRAGMENTS.items():
        for operator in operators:
            if operator in ("true", "false"):
                yield Condition(field, "eq", operator == "true")
            elif operator in ("null", "notNull"):
                yield Condition(field, "eq" if operator == "null" else "ne", None)
            else:
                yield Condition(field, operator, VALUES.get(field, "value"))


async def pages(look: Recorder, asked: Filters, reach: Reach, order: Order, cursor: Cursor | None = None) -> None:
    await search.page(look, asked, reach, media_root="/m/", order=order, size=10, cursor=cursor)  # type: ignore[arg-type]


async def test_every_condition_of_the_search_fits_the_schema(database):
    look, viewer = Recorder(), uuid4()
    for condition in conditions():
        await search.count(look, Filters((condition,)), Reach(viewer), media_root="/m/")  # type: ignore[arg-type]
    assert len({statement.text for statement in look.asked}) > 100
    assert await faults(database, look.asked) == {}


async def test_every_order_and_reach_of_the_search_fits_the_schema(database):
    look, viewer, album = Recorder(), uuid4(), (uuid4(),)
    reaches = [
        Reach(viewer),
        Reach(viewer, (uuid4(),)),
        Reach(viewer, is_elevated=True),
        Reach(viewer, album_ids=album),
    ]
    every = tuple(conditions())
    asked = Filters(every[:1], (every[1:3], every[3:5]), with_deleted=True, without_stacked=True)
    for reach, field, newest in product(reaches, search.ORDERS, (True, False)):
        value = 3 if field in ("rating", "fileSizeInBytes") else datetime(2024, 5, 1, tzinfo=UTC)
        for cursor in (None, Cursor(field, value, uuid4()), Cursor(field, None, uuid4())):
            await pages(look, asked, reach, Order(field, newest), cursor)
    named = Filters((Condition("originalFileName", "like", "IMG_1234"),))
    await search.count(look, named, reaches[0], media_root="/m/")  # type: ignore[arg-type]
    for with_exif in (True, False):
        await search.items(look, [uuid4()], viewer=viewer, media_root="/m/", with_exif=with_exif)  # type: ignore[arg-type]
    for reach in reaches:
        with_exif = reach.is_elevated
        for filters in (asked, Filters(every)):
            await search.count(look, filters, reach, media_root="/m/")  # type: ignore[arg-type]
        await search.some(look, asked, reach, media_root="/m/", size=3, pivot=uuid4(), with_exif=with_exif)  # type: ignore[arg-type]
    assert await faults(database, look.asked) == {}


def scopes() -> Iterator[Scope]:
    """Each optional part of a bucket with and without its neighbours."""
    viewer, other = uuid4(), uuid4()
    somewhere = [None, Box(1, 2, 3, 4), Box(170, 2, -170, 4)]
    for owners, box, flag, newest, creation in product(
        [(), (viewer,), (viewer, other)], somewhere, (True, False), (True, False), (True, False)
    ):
        thing: UUID | None = uuid4() if flag else None
        yield Scope(
            viewer=viewer,
            owners=owners,
            visibilities=("timeline", "locked"),
            status="active" if flag else "trashed",
            is_favorite=newest if flag else None,
            with_stacked=flag,
            with_coordinates=newest,
            hides_places=creation and flag,
            newest_first=newest,
            by_creation=creation,
            album_id=thing,
            person_id=thing,
            tag_id=thing,
            box=box,
        )


async def test_every_form_of_a_bucket_fits_the_schema(database):
    look = Recorder()
    for scope in scopes():
        await timeline.bucket(look, scope, date(2024, 5, 1))  # type: ignore[arg-type]
        await timeline.counted(look, scope)  # type: ignore[arg-type]
    assert await faults(database, look.asked) == {}


# Ownership ----------------------------------------------------------------------------------------------------------

WRITES = re.compile(r"\b(?:INSERT INTO|UPDATE(?: ONLY)?|DELETE FROM(?: ONLY)?|TRUNCATE|COPY)\s+\"?([a-z_]+)")


def written() -> dict[tuple[str, str], set[str]]:
    """(room, table) → the files that write it, read from the source, so that composed statements count too."""
    found: dict[tuple[str, str], set[str]] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        room = path.relative_to(SOURCE).parts[0]
        for match in WRITES.finditer(path.read_text("utf-8")):
            if match[1] in OWNERS:
                found.setdefault((room, match[1]), set()).add(path.name)
    return found


async def test_every_table_has_an_owner(database):
    rows = await database.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    others = {"alembic_version", "tombstone"}  # the migration's own; written by triggers alone
    assert sorted({row["tablename"] for row in rows} - others) == TABLES


def test_a_table_is_written_only_by_its_owner():
    strangers = {
        f"{room} writes {table} ({', '.join(sorted(files))})"
        for (room, table), files in written().items()
        if room != OWNERS[table] and (room, table) not in EXCEPTIONS
    }
    assert strangers == set()


def test_exceptions_to_ownership_still_exist():
    assert set(EXCEPTIONS) - set(written()) == set()
