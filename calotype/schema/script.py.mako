"""${message}"""

from pathlib import Path

from calotype.outside.migrate import run_sql

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    run_sql(Path(__file__))
