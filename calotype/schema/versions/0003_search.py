"""Embeddings, and text that was read in pictures."""

from pathlib import Path

from calotype.outside.migrate import run_sql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run_sql(Path(__file__))
