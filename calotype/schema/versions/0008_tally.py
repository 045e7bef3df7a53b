"""What counting people's faces asks of the schema."""

from pathlib import Path

from calotype.outside.migrate import run_sql

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    run_sql(Path(__file__))
