"""Finding by what is known of a photo: pages, counts, random ones."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from calotype.accounts import access, partners
from calotype.accounts.caller import Caller
from calotype.core.errors import Invalid
from calotype.core.tx import Look
from calotype.search import store
from calotype.search.query import Cursor, Filters, Order, Reach

LINK_HIDES = "This link keeps its photos' metadata to itself: they cannot be searched or sorted by it."
# What a link tells of its photos even then, so that asking for it tells nothing more.
TOLD = frozenset({"albumIds", "id", "type", "visibility", "isMotion"})
TOLD_ORDERS = frozenset({"fileCreatedAt", "localDateTime"})
LINK_NEEDS_ALBUM = "Shared link access is only allowed in combination with an albumIds filter"


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of the result: by number, or behind a cursor."""

    size: int
    number: int = 1
    cursor: Cursor | None = None

    @property
    def offset(self) -> int:
        """Rows before this page."""
        return (self.number - 1) * self.size


async def reach_of(look: Look, caller: Caller, asked: Filters, *, now: datetime) -> Reach:
    """Whose photos may be searched with these filters.

    Raises `Unauthenticated` for the locked folder without PIN, `Invalid` for albums that are not the caller's.
    """
    every = [c for branch in (asked.conditions, *asked.branches) for c in branch]
    is_of_locked = any(
        c.field == "visibility" and c.operator in ("eq", "in") and "locked" in _listed(c.value) for c in every
    )
    if is_of_locked:
        access.require_elevated(caller, now)
    is_elevated = caller.is_elevated(now)
    own_albums: list[UUID] = [
        id for c in asked.conditions if c.field == "albumIds" and c.operator in ("all", "any") for id in c.value
    ]
    named_albums = [id for c in every if c.field == "albumIds" for id in c.value]
    if caller.link is not None and not own_albums:
        raise Invalid(LINK_NEEDS_ALBUM)
    if named_albums:
        await access.require(look, caller, "album.read", named_albums, now=now)
    if own_albums:
        # An album shows what is in it, whoever owns it, but never what is locked or thrown away.
        is_link = caller.link is not None
        return Reach(
            caller.user_id,
            is_elevated=is_elevated and not is_link,
            album_ids=tuple(own_albums),
            sees_trash=not is_link,
        )
    if is_of_locked:
        return Reach(caller.user_id, is_elevated=is_elevated)
    return Reach(caller.user_id, tuple(await partners.in_timeline_of(look, caller.user_id)), is_elevated)


def _listed(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else [value]


async def page(
    look: Look,
    caller: Caller,
    asked: Filters,
    part: Page,
    *,
    now: datetime,
    media_root: str,
    order: Order,
    with_exif: bool,
    data_root: str | None = None,
) -> store.Found:
    """A page of what the caller may see of what matches, newest first unless asked otherwise.

    `data_root`: where portraits lie, when it is to be said who is in the photos. Raises what `reach_of` raises, and `Invalid`
    for a question that a link does not answer.
    """
    hides_metadata = caller.link is not None and not caller.link.show_metadata
    if hides_metadata and not (asked.fields() <= TOLD and order.field in TOLD_ORDERS):
        raise Invalid(LINK_HIDES)
    reach = await reach_of(look, caller, asked, now=now)
    return await store.page(
        look,
        asked,
        reach,
        media_root=media_root,
        order=order,
        size=part.size,
        offset=part.offset,
        cursor=part.cursor,
        with_exif=with_exif,
        data_root=data_root,
        hides_metadata=hides_metadata,
    )


async def count(look: Look, caller: Caller, asked: Filters, *, now: datetime, media_root: str) -> int:
    """How many the caller may see of what matches."""
    return await store.count(look, asked, await reach_of(look, caller, asked, now=now), media_root=media_root)


async def some(
    look: Look,
    caller: Caller,
    asked: Filters,
    *,
    now: datetime,
    media_root: str,
    size: int,
    pivot: UUID,
    with_exif: bool,
    data_root: str | None = None,
) -> list[str]:
    """Random ones of what matches, as JSON text."""
    reach = await reach_of(look, caller, asked, now=now)
    return await store.some(
        look,
        asked,
        reach,
        media_root=media_root,
        size=size,
        pivot=pivot,
        with_exif=with_exif,
        data_root=data_root,
    )


async def suggestions(look: Look, caller: Caller, kind: str, **narrowed: str | None) -> list[str]:
    """Distinct values of a field in the timelines the caller sees."""
    owners = [caller.user_id, *await partners.in_timeline_of(look, caller.user_id)]
    return await store.suggestions(look, kind, owners, **narrowed)
