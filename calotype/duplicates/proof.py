"""Why two assets are taken for the same, from certain to merely similar; and what that makes of a group."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from calotype.core.ids import AssetId


class Kind(StrEnum):
    """Classes of proof, the strongest first."""

    SAME_BYTES = "same-bytes"  # one file, twice
    SAME_PIXELS = "same-pixels"  # other metadata, every pixel the same
    RE_ENCODED = "re-encoded"  # saved again: another size, quality or format
    EDITED = "edited"  # cropped, turned, mirrored, recoloured, written on
    BURST = "burst"  # the same camera, within seconds
    SIMILAR = "similar"  # a model finds them alike; nothing else says so


STRENGTH = {kind: place for place, kind in enumerate(Kind)}

Evidence = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Proof:
    """A kind and what speaks for it (JSON; see `duplicates/likeness.py` for the keys)."""

    kind: Kind
    evidence: Evidence = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Pair:
    """Two assets and why they belong together."""

    one: AssetId
    other: AssetId
    proof: Proof


def weakest_link(members: Sequence[AssetId], pairs: Iterable[Pair]) -> Kind:
    """The kind of a group: what is needed at the weakest place to hold all its members together.

    Members that no pair connects any more (their link left the group) make it merely similar.
    """
    roots: dict[UUID, UUID] = {member: member for member in members}

    def root(id: UUID) -> UUID:
        while roots[id] != id:
            roots[id] = roots[roots[id]]
            id = roots[id]
        return id

    parts = len(roots)
    for pair in sorted(pairs, key=lambda pair: STRENGTH[pair.proof.kind]):
        if pair.one not in roots or pair.other not in roots:
            continue
        one, other = root(pair.one), root(pair.other)
        if one != other:
            roots[one] = other
            parts -= 1
            if parts == 1:
                return pair.proof.kind
    return Kind.SIMILAR
