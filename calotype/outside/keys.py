"""What a folder and an object store share: which keys are allowed, reserved names, and the refusals both speak."""

from calotype.core.errors import Invalid, Offline

MARKER = ".calotype"  # proves that the root is the one we know; see storage/epoch.py
INCOMING = ".incoming"  # unfinished writes, swept when they are old
CHUNK_BYTES = 1024 * 1024
ABANDONED_AFTER_S = 24 * 3600  # no upload lasts a day; what is older was cut off by a crash

ALTERED = "The photo storage gave back other bytes than were sent. Nothing was kept; please send it again."
TAKEN = "There is already a file under this name."
NOT_THERE = "This file is not in the photo storage."
AWAY = "The photo storage is not reachable. Your photos are safe; previews still open."


class Hanging(Offline):
    """No answer within the time limit."""


class Altered(Offline):
    """What was read back is not what was sent: this file failed, the root itself may be well."""


def checked(key: str) -> str:
    """The key itself. Raises `Invalid` when it is empty, absolute, leaves the root or names something of ours."""
    parts = key.split("/")
    if "\0" in key or "\\" in key or any(part in ("", ".", "..") for part in parts):
        raise Invalid("This is not a place inside the photo storage.")
    if parts[0] in (MARKER, INCOMING) or len(key) > 1024 or any(len(part.encode()) > 255 for part in parts):
        raise Invalid("This is not a place inside the photo storage.")
    return key
