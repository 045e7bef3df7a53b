"""What changing thousands of photos at once asks of the schema."""

from pathlib import Path

from calotype.outside.migrate import run_sql

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    run_sql(Path(__file__))
