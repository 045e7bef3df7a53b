"""Hierarchical tags: `Animals/Dogs/Rex` brings `Animals` and `Animals/Dogs` along."""

from collections.abc import Iterable
from uuid import UUID

from calotype.assets import tag_store
from calotype.core.ids import AssetId, UserId
from calotype.core.tx import Tx

LONGEST = 500


def clean(value: str) -> str:
    """A tag without blank levels; empty when nothing is left."""
    levels = (level.strip() for level in value.replace("\0", "").split("/"))
    return "/".join(level for level in levels if level)[:LONGEST].rstrip("/ ")


def with_parents(values: Iterable[str]) -> list[list[tuple[str, str | None]]]:
    """Every tag that must exist, with its parent, level by level from the top, each level in order."""
    levels: list[dict[str, str | None]] = []
    for value in values:
        words = value.split("/")
        for depth in range(len(words)):
            if len(levels) <= depth:
                levels.append({})
            levels[depth]["/".join(words[: depth + 1])] = "/".join(words[:depth]) or None
    return [sorted(level.items()) for level in levels]


async def replace(tx: Tx, owner: UserId, asset: AssetId, values: Iterable[str]) -> None:
    """The asset carries exactly these tags, made with all their parents where they are missing."""
    wanted = sorted({clean(value) for value in values} - {""})
    ids: dict[str, UUID] = {}
    for level in with_parents(wanted):
        ids |= await tag_store.upsert(tx, owner, level)
    await tag_store.replace_links(tx, asset, [ids[value] for value in wanted])
