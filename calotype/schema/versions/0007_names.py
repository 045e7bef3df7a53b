"""What keeping names beside photos asks of the schema."""

from pathlib import Path

from calotype.outside.migrate import run_sql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run_sql(Path(__file__))
