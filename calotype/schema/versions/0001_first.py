"""The first schema."""

from pathlib import Path

from calotype.outside.migrate import run_sql

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_sql(Path(__file__))
