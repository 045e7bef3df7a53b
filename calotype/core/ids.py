"""Identities and checksums as types."""

import base64
import binascii
from typing import NewType
from uuid import UUID, uuid4

UserId = NewType("UserId", UUID)
AssetId = NewType("AssetId", UUID)
SessionId = NewType("SessionId", UUID)
ApiKeyId = NewType("ApiKeyId", UUID)

SHA1_BYTES = 20


def new_id() -> UUID:
    """A random public id (UUID version 4, the only version clients accept)."""
    return uuid4()


def sha1_from_text(text: str) -> bytes | None:
    """The 20 bytes of a SHA-1 written as hex or base64; `None` when `text` is neither."""
    try:
        if len(text) == SHA1_BYTES * 2:
            return bytes.fromhex(text)
        digest = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None
    return digest if len(digest) == SHA1_BYTES else None


def base64_text(digest: bytes) -> str:
    """Standard base64 with padding, as the wire carries checksums and thumbhashes."""
    return base64.b64encode(digest).decode()
