"""Look-alikes."""

from pathlib import Path

from calotype.outside.migrate import run_sql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run_sql(Path(__file__))
