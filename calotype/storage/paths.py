"""Where each file lives, by its contract name.

What people gave us has a key in `Files` (media folder or object store). What we can make again, and what must show
while that store is away, is a local `Path` below the data folder.
"""

from pathlib import Path
from typing import Literal
from uuid import UUID

from calotype.core.ids import AssetId, UserId

Derivative = Literal["thumbnail", "preview", "fullsize"]

UPLOAD = "upload"
LIBRARY = "library"
THUMBS = "thumbs"
ENCODED = "encoded-video"
PROFILE = "profile"
BACKUPS = "backups"
SCRATCH = "scratch"


def original_key(owner: UserId, file_id: UUID, extension: str) -> str:
    """A freshly uploaded original. `extension` as it came, with its dot and its case (`.JPG`)."""
    return f"{UPLOAD}/{owner}/{_fan(file_id)}/{file_id}{extension}"


def sidecar_key(original: str) -> str:
    """The XMP beside an original."""
    return f"{original}.xmp"


def motion_key(owner: UserId, motion: AssetId) -> str:
    """The moving part that was cut out of a motion photo; it is the original of its own asset."""
    return f"{ENCODED}/{owner}/{_fan(motion)}/{motion}-MP.mp4"


def derivative_path(
    data: Path, owner: UserId, asset: AssetId, kind: Derivative, extension: str, *, edited: bool = False
) -> Path:
    """A smaller or displayable picture of an asset. `extension` with its dot."""
    suffix = "_edited" if edited else ""
    return data / THUMBS / str(owner) / _fan(asset) / f"{asset}_{kind}{suffix}{extension}"


def portrait_path(data: Path, owner: UserId, person: UUID) -> Path:
    """The face of a person."""
    return data / THUMBS / str(owner) / _fan(person) / f"{person}.jpeg"


def encoded_video_path(data: Path, owner: UserId, asset: AssetId) -> Path:
    """The transcoded video."""
    return data / ENCODED / str(owner) / _fan(asset) / f"{asset}.mp4"


def profile_path(data: Path, owner: UserId, picture: UUID, extension: str) -> Path:
    """A profile picture. `extension` with its dot."""
    return data / PROFILE / str(owner) / f"{picture}{extension}"


def backups_path(data: Path) -> Path:
    """Database dumps."""
    return data / BACKUPS


def scratch_path(data: Path) -> Path:
    """Files that vanish when their work is done."""
    return data / SCRATCH


def owner_prefixes(owner: UserId) -> tuple[str, ...]:
    """Key prefixes that hold everything a user gave us."""
    return tuple(f"{top}/{owner}" for top in (UPLOAD, LIBRARY, ENCODED))


def owner_folders(data: Path, owner: UserId) -> tuple[Path, ...]:
    """Local folders that hold everything we made for a user."""
    return tuple(data / top / str(owner) for top in (THUMBS, ENCODED, PROFILE))


def _fan(name: UUID) -> str:
    """Two levels of folders, so that none grows past a few thousand entries."""
    text = str(name)
    return f"{text[0:2]}/{text[2:4]}"
