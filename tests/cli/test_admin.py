"""`calotype admin` on a database of its own."""

import asyncio
from pathlib import Path

import asyncpg
import pytest
from typer.testing import CliRunner

from calotype.accounts import secret
from calotype.cli.admin import app
from calotype.core.errors import Invalid, Offline


@pytest.fixture
async def url(postgres_url_of) -> str:
    return await postgres_url_of("admin")


@pytest.fixture
def admin(url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs a command; what it prints. What it refuses is raised, as `calotype` itself would show it."""
    monkeypatch.setenv("CALOTYPE_DATABASE_URL", url)
    monkeypatch.setenv("CALOTYPE_REDIS_URL", redis_url)
    monkeypatch.setenv("CALOTYPE_DATA", str(tmp_path))

    def run(*words: str, typed: str = "") -> str:
        outcome = CliRunner().invoke(app, list(words), input=typed)
        if outcome.exception and not isinstance(outcome.exception, SystemExit):
            raise outcome.exception
        assert outcome.exit_code == 0, outcome.output
        return outcome.output

    return run


def one(url: str, statement: str):
    async def ask():
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchrow(statement)
        finally:
            await connection.close()

    return asyncio.run(ask())


def test_people_are_added_shown_promoted_and_demoted(url, admin) -> None:
    with pytest.raises(Invalid, match="The first registered account"):
        admin("create-user", "bob@example.com", "--password", "x")
    admin("create-user", "Ada@Example.com", "--name", "Ada", "--password", "secret", "--admin")
    admin("create-user", "bob@example.com", typed="secret\nsecret\n")
    row = one(url, "SELECT name, is_admin, password_hash FROM users WHERE email = 'bob@example.com'")
    assert (row["name"], row["is_admin"]) == ("bob", False)
    assert asyncio.run(secret.matches("secret", row["password_hash"]))
    listed = admin("list-users")
    assert "ada@example.com" in listed
    assert "bob@example.com" in listed
    with pytest.raises(Invalid, match="This is the only administrator"):
        admin("revoke-admin", "ada@example.com")
    admin("grant-admin", "bob@example.com")
    admin("revoke-admin", "ada@example.com")
    assert one(url, "SELECT email FROM users WHERE is_admin")["email"] == "bob@example.com"
    for word in ("grant-admin", "revoke-admin", "reset-password"):
        extra = ["--password", "x"] if word == "reset-password" else []
        with pytest.raises(Invalid, match="User not found"):
            admin(word, "nobody@example.com", *extra)
    with pytest.raises(Invalid, match=r"nonsense is not an e-mail address\."):
        admin("create-user", "nonsense", "--password", "x")


def test_a_forgotten_password_is_replaced(url, admin) -> None:
    admin("create-user", "ada@example.com", "--password", "old", "--admin")
    said = admin("reset-password", "ada@example.com", "--password", "-")
    made = said.split()[1]
    row = one(url, "SELECT password_hash, should_change_password FROM users")
    assert row["should_change_password"]
    assert asyncio.run(secret.matches(made, row["password_hash"]))


def test_a_database_that_is_away_is_said_so(admin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALOTYPE_DATABASE_URL", "postgresql://127.0.0.1:1/none")
    with pytest.raises(Offline):
        admin("list-users")


@pytest.fixture
async def empty_url(postgres_url_of) -> str:
    return await postgres_url_of("admin_empty", template="template1")


def test_an_empty_database_is_said_so(empty_url: str, admin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALOTYPE_DATABASE_URL", empty_url)
    with pytest.raises(Invalid, match="Start Calotype first"):
        admin("list-users")
