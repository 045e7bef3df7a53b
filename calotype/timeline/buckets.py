"""Which months, and which photos of a month, for this viewer."""

import hashlib
from collections import OrderedDict
from datetime import date, datetime

from calotype.accounts import access, partners
from calotype.accounts.caller import Caller
from calotype.core.errors import Invalid
from calotype.core.ids import UserId
from calotype.core.ports import Cache
from calotype.core.tx import Look
from calotype.timeline import months, store
from calotype.timeline.scope import ARCHIVE, HIDDEN, LOCKED, Asked, Scope, check_partners, visibilities

KEEP_S = 24 * 3600
NO_ACCESS = "Not found or no timeline.read access"


async def scope_of(look: Look, caller: Caller, asked: Asked, *, now: datetime) -> Scope:
    """What the caller may see of what was asked.

    Raises `Unauthenticated` for the locked folder without PIN (before anything else), `Invalid` for what is not theirs.
    """
    if asked.visibility == LOCKED:
        access.require_elevated(caller, now)
    if caller.link is not None:
        return await _by_link(look, caller, asked, now)
    if asked.album_id is not None:
        await access.require(look, caller, "album.read", [asked.album_id], now=now)
    if asked.tag_id is not None:
        await access.require(look, caller, "tag.read", [asked.tag_id], now=now)
    owner = asked.user_id or (None if asked.album_id else caller.user_id)
    is_own = owner in (None, caller.user_id)
    if owner is not None and not is_own:
        await _check_other(look, caller, asked, owner, now)
    check_partners(asked)
    owners: list[UserId] = [owner] if owner else []
    if asked.with_partners and owner == caller.user_id:
        owners += await partners.in_timeline_of(look, caller.user_id)
    return _scope(caller, asked, owners, visibilities(asked, is_own=is_own or bool(asked.album_id)))


async def _check_other(look: Look, caller: Caller, asked: Asked, owner: UserId, now: datetime) -> None:
    await access.require(look, caller, "timeline.read", [owner], now=now)
    if asked.visibility == LOCKED:
        raise Invalid("You may not access another user's locked timeline")
    if asked.visibility == ARCHIVE:
        raise Invalid("Not found or no archive.read access")
    if asked.is_trashed:
        raise Invalid(NO_ACCESS)


async def _by_link(look: Look, caller: Caller, asked: Asked, now: datetime) -> Scope:
    # A link shows an album and nothing else of its creator.
    if asked.album_id is None or asked.user_id or asked.tag_id or asked.person_id or asked.is_trashed:
        raise Invalid(NO_ACCESS)
    await access.require(look, caller, "album.read", [asked.album_id], now=now)
    if asked.visibility in (LOCKED, HIDDEN):
        raise Invalid(NO_ACCESS)
    return _scope(caller, asked, [], visibilities(asked, is_own=True))


def _scope(caller: Caller, asked: Asked, owners: list[UserId], seen: tuple[str, ...]) -> Scope:
    hides_places = caller.link is not None and not caller.link.show_metadata
    return Scope(
        viewer=caller.user_id,
        owners=tuple(owners),
        visibilities=seen,
        status="trashed" if asked.is_trashed else "active",
        is_favorite=asked.is_favorite,
        with_stacked=asked.with_stacked,
        with_coordinates=asked.with_coordinates and not hides_places,
        hides_places=hides_places,
        newest_first=asked.newest_first,
        by_creation=asked.by_creation,
        album_id=asked.album_id,
        person_id=asked.person_id,
        tag_id=asked.tag_id,
        box=asked.box,
    )


async def months_of(look: Look, scope: Scope) -> bytes:
    """The non-empty months with their counts, as JSON."""
    if scope.is_whole and scope.owners:
        return await months.counted(look, scope)
    if scope.is_of_person and scope.is_favorite is None:
        return await months.counted_of_person(look, scope)
    return await store.counted(look, scope)


async def bucket_of(look: Look, cache: Cache, scope: Scope, month: date) -> tuple[bytes, str | None]:
    """A month's photos as JSON columns, and a tag that stays the same as long as the body does (whole timelines and people).

    The body is kept, here and in the cache, under the version that every change advances. The version is read before
    the body: what is written between the two is at worst shown early, never kept late.
    """
    if month.day != 1:
        return await store.bucket(look, scope, date(1, 1, 1)), None
    if not scope.owners or not (scope.is_whole or scope.is_of_person):
        return await store.bucket(look, scope, month), None
    version = await months.version(look, scope, month)
    tag = hashlib.sha1(f"{scope!r}{month}{version}".encode(), usedforsecurity=False).hexdigest()
    body = NEAR.get(tag)
    if body is None:
        body = await cache.get(f"bucket:{tag}")
        if body is None:
            body = await store.bucket(look, scope, month)
        NEAR.keep(tag, body)
    elif NEAR.is_wanted_again(tag):
        # Asked for twice: worth telling the other processes. A month that changes with every upload seldom is.
        await cache.put(f"bucket:{tag}", body, ttl_s=KEEP_S)
    return body, tag


class Near:
    """Bodies this process saw lately, by tag; a tag names one body for ever, so nothing here can be out of date."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._bodies: OrderedDict[str, bytes] = OrderedDict()
        self._shared: set[str] = set()
        self._bytes = 0

    def get(self, tag: str) -> bytes | None:
        """The body, which is then the youngest."""
        body = self._bodies.get(tag)
        if body is not None:
            self._bodies.move_to_end(tag)
        return body

    def keep(self, tag: str, body: bytes) -> None:
        """Keep a body; the oldest leave when there are too many bytes."""
        self._bytes += len(body) - len(self._bodies.pop(tag, b""))
        self._bodies[tag] = body
        while self._bytes > self._limit_bytes and self._bodies:
            oldest, gone = self._bodies.popitem(last=False)
            self._bytes -= len(gone)
            self._shared.discard(oldest)

    def is_wanted_again(self, tag: str) -> bool:
        """True once for each tag: when it is asked for the second time."""
        if tag in self._shared:
            return False
        self._shared.add(tag)
        return True


NEAR = Near(limit_bytes=16 * 1024 * 1024)
