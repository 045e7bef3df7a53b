"""Shapes of look-alikes."""

from typing import Any, Literal

from calotype.wire.assets import Asset
from calotype.wire.base import IsoDateTime, Maybe, Some, Uuid4, Wire

Kind = Literal["same-bytes", "same-pixels", "re-encoded", "edited", "burst", "similar"]


class Because(Wire):
    """Why two assets of a group are taken for the same. `evidence`: what was measured (see `duplicates/likeness.py`)."""

    asset_ids: list[Uuid4]
    kind: Kind
    evidence: dict[str, Any]


class Duplicates(Wire):
    """A group. `kind`: the weakest proof that is needed to hold it together; `because`: the pairs behind it."""

    duplicate_id: Uuid4
    assets: list[Asset]
    suggested_keep_asset_ids: list[Uuid4]
    kind: Kind
    because: list[Because]


class Chosen(Wire):
    """Some groups."""

    ids: list[Uuid4]


class GroupWish(Wire):
    """What is to become of a group; every asset in it must be named."""

    duplicate_id: Uuid4
    keep_asset_ids: list[Uuid4]
    trash_asset_ids: list[Uuid4]


class Wishes(Wire):
    groups: Some[GroupWish]


class Outcome(Wire):
    """What became of the wish for one group."""

    id: Uuid4
    success: bool
    error: Maybe[Literal["duplicate", "no_permission", "not_found", "unknown", "validation"]] = None
    error_message: Maybe[str] = None


class Undone(Wire):
    """What came back, and what is gone for good."""

    duplicate_id: Uuid4
    restored_asset_ids: list[Uuid4]
    gone_asset_ids: list[Uuid4]


class Decision(Wire):
    """A group that was resolved. `trashed_asset_ids`: those that still lie in the trash."""

    duplicate_id: Uuid4
    resolved_at: IsoDateTime
    kept_asset_ids: list[Uuid4]
    trashed_asset_ids: list[Uuid4]
    can_be_undone: bool
