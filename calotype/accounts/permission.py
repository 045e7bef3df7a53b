"""Every permission by its public name, and who may use it on which thing.

The names are the contract's; an API key holds a list of them. `GATES` says, for permissions that name things by id,
what kind of thing the ids are and which ties to it open the gate (see `access.py`).
"""

from dataclasses import dataclass
from enum import Enum, auto

ALL = "all"

_ACTIONS = {
    # In the contract's order, which is also the order in which the web lists them.
    "activity": "create read update delete statistics",
    "apiKey": "create read update delete rotate",
    "asset": "read update delete statistics share view download upload copy derive edit.get edit.create edit.delete",
    "assetFile": "read delete download",
    "album": "create read update delete statistics share download",
    "albumAsset": "create delete",
    "albumUser": "create update delete",
    "auth": "changePassword",
    "authDevice": "delete",
    "archive": "read",
    "backup": "list download upload delete",
    "clusterGroup": "read leave",
    "clusterGroupRequest": "create read delete",
    "duplicate": "read delete",
    "face": "create read update delete",
    "folder": "read",
    "job": "create read",
    "library": "create read update delete statistics",
    "timeline": "read download",
    "maintenance": "",
    "map": "read search",
    "memory": "create read update delete statistics",
    "memoryAsset": "create delete",
    "notification": "create read update delete",
    "partner": "create read update delete",
    "person": "create read update delete statistics merge reassign",
    "pinCode": "create update delete",
    "plugin": "create read update delete",
    "server": "about apkLinks storage statistics versionCheck",
    "serverLicense": "read update delete",
    "session": "create read update delete lock",
    "sharedLink": "create read update delete",
    "stack": "create read update delete",
    "sync": "stream",
    "syncCheckpoint": "read update delete",
    "systemConfig": "read update",
    "systemMetadata": "read update",
    "tag": "create read update delete asset",
    "user": "read update",
    "userConfig": "read",
    "userLicense": "create read update delete",
    "userOnboarding": "read update delete",
    "userPreference": "read update",
    "userProfileImage": "create read update delete",
    "queue": "read update",
    "queueJob": "create read update delete",
    "workflow": "create read update delete logs",
    "adminConfig": "read update",
    "adminUser": "create read update delete",
    "adminSession": "read",
    "adminAuth": "unlinkAll",
}
PERMISSIONS: tuple[str, ...] = (
    ALL,
    *(f"{group}.{action}" if action else group for group, line in _ACTIONS.items() for action in line.split() or [""]),
)


class Noun(Enum):
    """What the ids of a permission are."""

    ASSET = auto()
    ALBUM = auto()
    TIMELINE = auto()  # ids of users, whose whole timeline is meant
    PARTNER = auto()  # ids of users who share with the caller
    SESSION = auto()
    TAG = auto()
    STACK = auto()
    DUPLICATE = auto()  # groups of look-alikes
    PERSON = auto()  # people in the pictures
    FACE = auto()


class Tie(Enum):
    """What binds a caller to a thing."""

    OWNER = auto()
    OWNER_SHARING = auto()  # the owner, but never of what is in the locked folder
    ALBUM_MEMBER = auto()
    ALBUM_EDITOR = auto()  # owners count as editors
    ALBUM_OWNER = auto()
    PARTNER = auto()
    LINK = auto()
    LINK_DOWNLOAD = auto()  # a shared link that allows downloads
    LINK_UPLOAD = auto()  # a shared link that allows uploads


@dataclass(frozen=True, slots=True)
class Gate:
    """One permission's rule: any of `ties` opens it."""

    noun: Noun
    ties: frozenset[Tie]


def _gate(noun: Noun, *ties: Tie) -> Gate:
    return Gate(noun, frozenset(ties))


_SEEING = _gate(Noun.ASSET, Tie.OWNER, Tie.ALBUM_MEMBER, Tie.PARTNER, Tie.LINK)
_OWN_ASSET = _gate(Noun.ASSET, Tie.OWNER)
_EDITING_ALBUM = _gate(Noun.ALBUM, Tie.ALBUM_EDITOR)

GATES: dict[str, Gate] = {
    "asset.read": _SEEING,
    "asset.view": _SEEING,
    "asset.download": _gate(Noun.ASSET, Tie.OWNER, Tie.ALBUM_MEMBER, Tie.PARTNER, Tie.LINK_DOWNLOAD),
    "asset.share": _gate(Noun.ASSET, Tie.OWNER_SHARING, Tie.PARTNER),
    "asset.update": _OWN_ASSET,
    "asset.delete": _OWN_ASSET,
    "asset.copy": _OWN_ASSET,
    "asset.derive": _OWN_ASSET,
    "asset.edit.get": _OWN_ASSET,
    "asset.edit.create": _OWN_ASSET,
    "asset.edit.delete": _OWN_ASSET,
    "assetFile.read": _OWN_ASSET,
    "assetFile.download": _OWN_ASSET,
    "assetFile.delete": _OWN_ASSET,
    "tag.asset": _gate(Noun.TAG, Tie.OWNER),
    "album.read": _gate(Noun.ALBUM, Tie.ALBUM_MEMBER, Tie.LINK),
    "album.download": _gate(Noun.ALBUM, Tie.ALBUM_MEMBER, Tie.LINK_DOWNLOAD),
    "album.update": _EDITING_ALBUM,
    "album.share": _EDITING_ALBUM,
    "albumAsset.create": _gate(Noun.ALBUM, Tie.ALBUM_EDITOR, Tie.LINK_UPLOAD),
    "albumAsset.delete": _EDITING_ALBUM,
    "albumUser.create": _EDITING_ALBUM,
    "albumUser.update": _EDITING_ALBUM,
    "albumUser.delete": _EDITING_ALBUM,
    "album.delete": _gate(Noun.ALBUM, Tie.ALBUM_OWNER),
    "timeline.read": _gate(Noun.TIMELINE, Tie.OWNER, Tie.PARTNER),
    "timeline.download": _gate(Noun.TIMELINE, Tie.OWNER),
    "archive.read": _gate(Noun.TIMELINE, Tie.OWNER),
    "partner.update": _gate(Noun.PARTNER, Tie.PARTNER),
    "session.read": _gate(Noun.SESSION, Tie.OWNER),
    "session.update": _gate(Noun.SESSION, Tie.OWNER),
    "session.delete": _gate(Noun.SESSION, Tie.OWNER),
    "session.lock": _gate(Noun.SESSION, Tie.OWNER),
    "authDevice.delete": _gate(Noun.SESSION, Tie.OWNER),
    "tag.read": _gate(Noun.TAG, Tie.OWNER),
    "tag.update": _gate(Noun.TAG, Tie.OWNER),
    "tag.delete": _gate(Noun.TAG, Tie.OWNER),
    "person.read": _gate(Noun.PERSON, Tie.OWNER),
    "person.update": _gate(Noun.PERSON, Tie.OWNER),
    "person.delete": _gate(Noun.PERSON, Tie.OWNER),
    "person.merge": _gate(Noun.PERSON, Tie.OWNER),
    "person.statistics": _gate(Noun.PERSON, Tie.OWNER),
    "person.create": _gate(Noun.FACE, Tie.OWNER),  # a face that is to be somebody else
    "face.delete": _gate(Noun.FACE, Tie.OWNER),
    "duplicate.delete": _gate(Noun.DUPLICATE, Tie.OWNER),
    "stack.read": _gate(Noun.STACK, Tie.OWNER),
    "stack.update": _gate(Noun.STACK, Tie.OWNER),
    "stack.delete": _gate(Noun.STACK, Tie.OWNER),
}
