"""What processing tells."""

from dataclasses import dataclass

from calotype.core.events import Event
from calotype.core.ids import AssetId, UserId


@dataclass(frozen=True, slots=True)
class FactsRead(Event):
    """The file's facts are in the row. `source` says why it was read: `upload`, `sidecar-write`, or nothing.

    What is made from the bytes is wanted when it was never made, or would come out otherwise now.
    """

    asset_id: AssetId
    owner_id: UserId
    source: str | None
    wants_previews: bool
    wants_encoding: bool


@dataclass(frozen=True, slots=True)
class MotionPartFound(Event):
    """A video was cut out of a motion photo and is an asset of its own now."""

    still_id: AssetId
    part_id: AssetId


@dataclass(frozen=True, slots=True)
class PreviewsMade(Event):
    """Thumbnail and preview can be shown. `source`: why, for the first ones; later ones have none.

    `to_see`: what is wanted of the picture (`embedding`, `faces`, `text`); nothing while machine learning is off.
    """

    asset_id: AssetId
    owner_id: UserId
    source: str | None
    to_see: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FacesNamed(Event):
    """The file says who is in the picture, and where."""

    asset_id: AssetId


@dataclass(frozen=True, slots=True)
class VideoEncoded(Event):
    """A playable version exists, or the original needs none."""

    asset_id: AssetId


@dataclass(frozen=True, slots=True)
class SidecarWritten(Event):
    """A person's edits are in the XMP next to the original; its facts are read again."""

    asset_id: AssetId
