"""What removing every file asks of the schema."""

from pathlib import Path

from calotype.outside.migrate import run_sql

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    run_sql(Path(__file__))
