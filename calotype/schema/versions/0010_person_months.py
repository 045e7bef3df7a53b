"""What counting people's photos month by month asks of the schema."""

from pathlib import Path

from calotype.outside.migrate import run_sql

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    run_sql(Path(__file__))
