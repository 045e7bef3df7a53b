"""SQL: text that was read in pictures, line by line and as one searchable string."""

from collections.abc import Sequence
from datetime import datetime

from calotype.core.ids import AssetId
from calotype.core.ports import SeenLine
from calotype.core.sql import sql
from calotype.core.tx import Look, Row, Tx

FORGET_LINES = sql("DELETE FROM text_line WHERE asset_id = :asset_id")
ADD_LINES = sql("""
    INSERT INTO text_line (asset_id, place, text, corners, box_score, text_score)
    SELECT :asset_id, line.place, line.text,
           ARRAY(SELECT jsonb_array_elements_text(line.corners)::double precision), line.box_score, line.text_score
      FROM jsonb_to_recordset(:lines::jsonb)
           AS line(place integer, text text, corners jsonb, box_score double precision, text_score double precision)
""")
NOTE_READ = sql("""
    INSERT INTO asset_text (asset_id, words, read_at)
    VALUES (:asset_id, fold(:words::text), :now)
    ON CONFLICT (asset_id) DO UPDATE SET words = excluded.words, read_at = excluded.read_at
""")
LINES = sql("""
    SELECT id, asset_id, text, corners, box_score, text_score
      FROM text_line
     WHERE asset_id = :asset_id AND is_visible
     ORDER BY place
""")


async def replace(tx: Tx, asset: AssetId, lines: Sequence[SeenLine], *, words: str, now: datetime) -> None:
    """What was read before goes, even when nothing comes in its place."""
    await tx.run(FORGET_LINES, asset_id=asset)
    if lines:
        told = [
            {
                "place": place,
                "text": line.text,
                "corners": list(line.corners),
                "box_score": line.box_score,
                "text_score": line.text_score,
            }
            for place, line in enumerate(lines)
        ]
        await tx.run(ADD_LINES, asset_id=asset, lines=told)
    await tx.run(NOTE_READ, asset_id=asset, words=words, now=now)


async def lines(look: Look, asset: AssetId) -> list[Row]:
    """What is to be read in the picture, in reading order; parts that an edit cut away are not in it."""
    return await look.all(LINES, asset_id=asset)
