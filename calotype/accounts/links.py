"""Strangers with a shared link, recognised by its key or its slug."""

import base64
import binascii
from datetime import datetime

from calotype.accounts import access_store
from calotype.accounts.caller import Caller, LinkCredential
from calotype.core.tx import Look

HEX_LENGTH = 100  # 50 bytes; older links were handed out as hex


async def by_key(look: Look, text: str, now: datetime) -> Caller | None:
    """The link of a key as it stands in an address: base64url, or 100 hex digits. `None` when it is not valid."""
    key = _bytes(text)
    return None if key is None else _caller(await access_store.link_by_key(look, key, now))


async def by_slug(look: Look, slug: str, now: datetime) -> Caller | None:
    """The link of a slug. `None` when there is no such link that is still valid."""
    if "\0" in slug:  # Postgres keeps no text with NUL in it
        return None
    return _caller(await access_store.link_by_slug(look, slug, now))


def _bytes(text: str) -> bytes | None:
    try:
        if len(text) == HEX_LENGTH:
            return bytes.fromhex(text)
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        return None


def _caller(link: access_store.Link | None) -> Caller | None:
    if link is None:
        return None
    credential = LinkCredential(
        id=link.id,
        album_id=link.album_id,
        allow_upload=link.allow_upload,
        allow_download=link.allow_download,
        show_metadata=link.show_metadata,
    )
    return Caller(link.user_id, is_admin=False, link=credential)
