"""Clients' own key-value notes on assets."""

from collections.abc import Sequence
from uuid import UUID

from calotype.assets import store
from calotype.assets.asset import Note, repeated
from calotype.core.errors import Invalid
from calotype.core.ids import AssetId
from calotype.core.tx import Look, Row, Tx


async def read(look: Look, id: AssetId, key: str) -> Row:
    """Raises `Invalid` when there is no such note."""
    found = await store.note(look, id, key)
    if found is None:
        raise Invalid(f'Metadata with key "{key}" not found for asset with id "{id}"')
    return found


async def write(tx: Tx, items: Sequence[Note], *, names_assets: bool) -> list[Row]:
    """Each as it now stands. Raises `Invalid` when the same note is written twice in one call."""
    twice = repeated([(UUID(int=item.asset_id.int), item.key) for item in items])
    if twice is not None:
        named = f"({twice[0]}, {twice[1]})" if names_assets else twice[1]
        raise Invalid(f'Duplicate items are not allowed: "{named}"')
    return await store.write_notes(tx, items)
