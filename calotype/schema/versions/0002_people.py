"""Faces, and whose they are."""

from pathlib import Path

from calotype.outside.migrate import run_sql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run_sql(Path(__file__))
