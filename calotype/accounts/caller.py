"""Who is asking."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from calotype.core.ids import ApiKeyId, SessionId, UserId


@dataclass(frozen=True, slots=True)
class SessionCredential:
    """The session a request came with. `pin_expires_at`: until when the locked folder is open to it."""

    id: SessionId
    pin_expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class KeyCredential:
    """The API key a request came with."""

    id: ApiKeyId
    permissions: frozenset[str]


@dataclass(frozen=True, slots=True)
class LinkCredential:
    """The shared link a stranger came with. It acts as its creator, limited to what the link shows."""

    id: UUID
    album_id: UUID | None
    allow_upload: bool
    allow_download: bool
    show_metadata: bool


@dataclass(frozen=True, slots=True)
class Caller:
    """A known caller; exactly one of session, key and link is set."""

    user_id: UserId
    is_admin: bool
    session: SessionCredential | None = None
    key: KeyCredential | None = None
    link: LinkCredential | None = None

    def is_elevated(self, now: datetime) -> bool:
        """Whether the locked folder is open: only to a session that gave the PIN, and for a while."""
        expires = self.session.pin_expires_at if self.session else None
        return expires is not None and expires > now

    def holds(self, permission: str) -> bool:
        """Whether the credential itself allows the operation; keys are limited, sessions are not.

        `any` is open to every key, `all` only to keys that hold everything.
        """
        if self.key is None or permission == "any":
            return True
        return "all" in self.key.permissions or permission in self.key.permissions
