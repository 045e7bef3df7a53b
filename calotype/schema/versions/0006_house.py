"""What keeping the house asks of the schema."""

from pathlib import Path

from calotype.outside.migrate import run_sql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    run_sql(Path(__file__))
