"""The one gate: which of these things may this caller use, and for what.

Whoever is refused learns nothing: an unknown id, somebody else's, and one in the closed locked folder give the same
sentence. A shared link is judged as a link, never as the person who made it.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from calotype.accounts import access_store
from calotype.accounts.caller import Caller
from calotype.accounts.permission import GATES, Gate, Noun, Tie
from calotype.core.errors import Invalid, Unauthenticated
from calotype.core.tx import Look


async def require(look: Look, caller: Caller, permission: str, ids: Iterable[UUID], *, now: datetime) -> None:
    """All of the things, or nothing. Raises `Invalid` when a single one is unknown or not the caller's to use."""
    wanted = set(ids)
    if wanted - await allowed(look, caller, permission, wanted, now=now):
        raise Invalid(f"Not found or no {permission} access")


async def allowed(look: Look, caller: Caller, permission: str, ids: Iterable[UUID], *, now: datetime) -> set[UUID]:
    """Those of the things that the caller may use for `permission`.

    Raises `KeyError` for a permission that has no gate: a bug of ours, never the caller's fault.
    """
    gate = GATES[permission]
    wanted = list(set(ids))
    if not wanted:
        return set()
    if caller.link is not None:
        return await _by_link(look, caller, gate, wanted)
    match gate.noun:
        case Noun.ASSET:
            return await access_store.assets(
                look,
                wanted,
                caller.user_id,
                locked_too=Tie.OWNER in gate.ties and caller.is_elevated(now),
                by_album=Tie.ALBUM_MEMBER in gate.ties,
                by_partner=Tie.PARTNER in gate.ties,
            )
        case Noun.ALBUM:
            return await access_store.albums(look, wanted, caller.user_id, roles=_roles(gate))
        case Noun.TIMELINE:
            mine = {each for each in wanted if each == caller.user_id}
            others = [each for each in wanted if each != caller.user_id] if Tie.PARTNER in gate.ties else []
            return mine | (await access_store.sharers(look, others, caller.user_id) if others else set())
        case Noun.PARTNER:
            return await access_store.sharers(look, wanted, caller.user_id)
        case Noun.SESSION:
            return await access_store.sessions(look, wanted, caller.user_id)
        case Noun.TAG:
            return await access_store.tags(look, wanted, caller.user_id)
        case Noun.STACK:
            return await access_store.stacks(look, wanted, caller.user_id)
        case Noun.DUPLICATE:
            return await access_store.duplicates(look, wanted, caller.user_id)
        case Noun.PERSON:
            return await access_store.people(look, wanted, caller.user_id)
        case Noun.FACE:
            return await access_store.faces(look, wanted, caller.user_id, locked_too=caller.is_elevated(now))


def require_elevated(caller: Caller, now: datetime) -> None:
    """For asking after the locked folder as a whole. Raises `Unauthenticated` unless the session gave the PIN."""
    if not caller.is_elevated(now):
        raise Unauthenticated("Elevated permission is required")


def require_upload(caller: Caller) -> None:
    """Uploads are to oneself. Raises `Unauthenticated` for a shared link that does not take any."""
    if caller.link is not None and not caller.link.allow_upload:
        raise Unauthenticated("Unauthorized")


async def _by_link(look: Look, caller: Caller, gate: Gate, wanted: list[UUID]) -> set[UUID]:
    link = caller.link
    assert link is not None
    is_open = (
        Tie.LINK in gate.ties
        or (Tie.LINK_DOWNLOAD in gate.ties and link.allow_download)
        or (Tie.LINK_UPLOAD in gate.ties and link.allow_upload)
    )
    if not is_open:
        return set()
    if gate.noun is Noun.ASSET:
        return await access_store.assets_of_link(look, wanted, link.id, link.album_id)
    return {each for each in wanted if each == link.album_id}


def _roles(gate: Gate) -> list[str]:
    if Tie.ALBUM_MEMBER in gate.ties:
        return ["owner", "editor", "viewer"]
    return ["owner", "editor"] if Tie.ALBUM_EDITOR in gate.ties else ["owner"]
