"""Who shows a whole timeline to whom."""

from calotype.accounts import access_store
from calotype.core.ids import UserId
from calotype.core.tx import Look


async def in_timeline_of(look: Look, viewer: UserId) -> list[UserId]:
    """Whose photos the viewer wants among their own."""
    return await access_store.partners_in_timeline(look, viewer)
