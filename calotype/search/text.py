"""Text that was read in a picture."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from calotype.core.ids import AssetId
from calotype.core.ports import SeenLine
from calotype.core.tx import Tx
from calotype.search import text_store

MOST_CHARACTERS = 100_000  # of one picture; a page of a newspaper has 30,000


async def keep(tx: Tx, asset: AssetId, lines: Sequence[SeenLine], *, now: datetime) -> None:
    """Replace what was read before. Lines without a letter are none; a picture without lines counts as read."""
    kept: list[SeenLine] = []
    room = MOST_CHARACTERS
    for line in lines:
        text = line.text.replace("\0", "").encode(errors="replace").decode().strip()[:room]
        if text:
            kept.append(replace(line, text=text))
            room -= len(text)
    await text_store.replace(tx, asset, kept, words="\n".join(line.text for line in kept), now=now)
