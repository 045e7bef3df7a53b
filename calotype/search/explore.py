"""A library at a glance, and places of the world by name."""

import asyncio

from calotype.accounts import partners
from calotype.accounts.caller import Caller
from calotype.core.tx import Look, Row
from calotype.core.world import World
from calotype.media import geocode
from calotype.search import explore_store

CITY_FROM = 5  # photos
SHOWN = 12


async def cities(look: Look, caller: Caller, *, media_root: str) -> list[str]:
    """One photo of each city in the timelines the caller sees, as JSON text."""
    owners = [caller.user_id, *await partners.in_timeline_of(look, caller.user_id)]
    return await explore_store.cities(look, owners, viewer=caller.user_id, media_root=media_root)


async def explore(look: Look, caller: Caller, *, media_root: str) -> dict[str, list[Row]]:
    """The caller's own cities and latest photos: by field, rows of `value` and `item` (JSON text)."""
    viewer = caller.user_id
    return {
        "exifInfo.city": await explore_store.well_known_cities(
            look, viewer, media_root=media_root, least=CITY_FROM, limit=SHOWN
        ),
        "createdAt": await explore_store.latest(look, viewer, media_root=media_root, limit=SHOWN),
    }


async def places(world: World, name: str) -> list[geocode.Found]:
    """Places of that name, best first."""
    return await asyncio.to_thread(lambda: geocode.places(world.config.data).search(name))
