"""Lighter writes for a large library."""

from pathlib import Path

from calotype.outside.migrate import run_sql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run_sql(Path(__file__))
