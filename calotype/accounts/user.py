"""A person with an account: what they are, what they prefer, how much room they have."""

import re
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast
from uuid import UUID

from calotype.core.ids import UserId

Status = Literal["active", "removing", "deleted"]
Tree = dict[str, Any]

# The order decides which colour an e-mail address gets.
AVATAR_COLORS = ("primary", "pink", "red", "yellow", "blue", "green", "purple", "orange", "gray", "amber")

# What the web and the apps show when a person never chose. The names are the contract's: devices receive the stored
# difference as it is.
DEFAULT_PREFERENCES: Tree = {
    "albums": {"defaultAssetOrder": "desc"},
    "folders": {"enabled": False, "sidebarWeb": False},
    "memories": {"enabled": True, "duration": 5, "sidebarWeb": False},
    "people": {"enabled": True, "sidebarWeb": False, "minimumFaces": 3},
    "sharedLinks": {"enabled": True, "sidebarWeb": False},
    "ratings": {"enabled": False},
    "tags": {"enabled": False, "sidebarWeb": False},
    "emailNotifications": {"enabled": True, "albumInvite": True, "albumUpdate": True},
    "download": {"archiveSize": 4 * 1024**3, "includeEmbeddedVideos": False},
    "purchase": {"showSupportBadge": True, "hideBuyButtonUntil": "2022-02-12T00:00:00.000Z"},
    "cast": {"gCastEnabled": False},
    "recentlyAdded": {"sidebarWeb": False},
}


@dataclass(frozen=True, slots=True)
class Quota:
    """Room for originals. `size_bytes` is `None` when there is no limit."""

    size_bytes: int | None
    usage_bytes: int

    def has_room_for(self, more_bytes: int) -> bool:
        """Whether so many bytes more still fit."""
        return self.size_bytes is None or self.usage_bytes + more_bytes <= self.size_bytes


@dataclass(frozen=True, slots=True)
class User:
    """An account. Hashes stay in the database; `has_password` and `has_pin` say whether there are any."""

    id: UserId
    email: str
    name: str
    has_password: bool
    has_pin: bool
    is_admin: bool
    should_change_password: bool
    storage_label: str | None
    chosen_color: str | None
    profile_path: str
    profile_changed_at: datetime
    oauth_id: str
    quota_bytes: int | None
    usage_bytes: int
    status: Status
    cluster_group_id: UUID
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None
    license: Tree | None

    @property
    def avatar_color(self) -> str:
        """The colour they chose, else one that follows from their e-mail address."""
        return self.chosen_color or color_of(self.email)

    @property
    def quota(self) -> Quota:
        """How much room they have."""
        return Quota(self.quota_bytes, self.usage_bytes)


def color_of(email: str) -> str:
    """The colour of someone who never chose one: the same on every server and in every client."""
    return AVATAR_COLORS[sum(map(ord, email)) % len(AVATAR_COLORS)]


def clean_label(label: str | None) -> str | None:
    """A storage label that can be the name of a folder anywhere; `None` when nothing is left of it."""
    if label is None:
        return None
    return re.sub(r'[\x00-\x1f\x7f-\x9f./?<>\\:*|"]', "", label).strip()[:255] or None


def preferences(stored: Tree | None) -> Tree:
    """The whole tree: the defaults with what a person changed laid over them."""
    return _laid_over(deepcopy(DEFAULT_PREFERENCES), stored or {})


def changed_preferences(stored: Tree | None, patch: Tree) -> Tree:
    """What to store after a deep partial change: only what differs from the defaults."""
    return deepcopy(_difference(_laid_over(preferences(stored), patch), DEFAULT_PREFERENCES))


def _laid_over(below: Tree, above: Tree) -> Tree:
    for key, value in above.items():
        lower = below.get(key)
        if isinstance(value, dict) and isinstance(lower, dict):
            below[key] = _laid_over(cast(Tree, lower), cast(Tree, value))
        else:
            below[key] = value
    return below


def _difference(tree: Tree, defaults: Tree) -> Tree:
    found: Tree = {}
    for key, value in tree.items():
        usual = defaults.get(key)
        if isinstance(value, dict) and isinstance(usual, dict):
            inner = _difference(cast(Tree, value), cast(Tree, usual))
            if inner:
                found[key] = inner
        elif key not in defaults or value != usual:
            found[key] = value
    return found
