"""Are these two the same thing, and what proves it? Pure: numbers in, a proof or nothing out.

Thresholds were set by looking at edits of photos and at pairs of different ones; `bench/duplicates.py` shows both. The
keys of the evidence: `hashDistance` (bits of 63 that differ), `likeness` (0 to 1: how the tiny copies agree),
`embeddingDistance` (0: the model sees no difference), `secondsApart`, and for an edit `edits`: what seems to have been
done (`mirrored`, `turned`, `cropped`, `rotated`, `recoloured`, `toned`, `stretched`, `overlaid`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calotype.core.ids import AssetId
from calotype.duplicates.proof import STRENGTH, Kind, Proof
from calotype.duplicates.subject import Subject
from calotype.outside.likeness import (
    CHROMA_SIDE,
    FLAT,
    LUMA_SIDE,
    TINY_BYTES,
    WAVES,
    luma_of,
    packed,
    signs,
    unpacked,
)

SAME_PICTURE = 0.985  # correlation of the tiny copies
SAME_DETAIL = 0.93  # the same of what is left of them when the coarse shapes are taken away
SAME_ASPECT = 0.02  # share by which width to height may differ
NO_TONE = 7.0  # levels of luma by which the average may differ without being a change of tone
NO_CONTRAST = 0.1
NO_COLOUR = 6.0  # levels of chroma
TURNED_BITS = 10
PART_PICTURE, PART_DETAIL = 0.945, 0.86  # of what is left after cropping or rotating
PART_BITS = 16  # differing bits up to which a part is looked for when no model has an opinion
PART_MEANING = 0.12  # embedding distance up to which it is looked for, whatever the hash says
NOT_MEANT = 0.25  # embedding distance from which the model says that these are two things
OVERLAID_SHARE = 0.12  # of the cells may be covered by writing
BURST_S = 10.0
BURST_MEANING = 0.05
MOMENT_BITS, MOMENT_MOST_BITS = 8, 14  # of the frames at a moment: half of them, and each
LEAST_MOMENTS = 3
VIDEO_S, VIDEO_SHARE = 0.3, 0.01  # by which durations of the same film may differ

Floats = NDArray[np.float64]


def judge(
    one: Subject,
    other: Subject,
    *,
    distance: float | None,
    most_distance: float,
    searches_parts: bool = True,
) -> Proof | None:
    """The strongest proof that the two belong together.

    `distance`: of their embeddings, if both have one; up to `most_distance` they are similar. `searches_parts`: whether
    to look for crops and rotations, which takes some milliseconds.
    """
    if one.type != other.type:
        return None
    if one.checksum == other.checksum:
        return Proof(Kind.SAME_BYTES)
    if one.type == "VIDEO":
        return _of_videos(one, other, distance, most_distance)
    if one.pixels is not None and one.pixels == other.pixels and one.tinies == other.tinies:
        return Proof(Kind.SAME_PIXELS)
    proof = _of_pictures(one, other, distance, searches_parts=searches_parts)
    if proof is None and distance is not None and distance <= max(most_distance, BURST_MEANING):
        proof = Proof(Kind.SIMILAR)
    if proof is None:
        return None
    proof = _as_shots(one, other, proof, distance)
    if proof is None or (proof.kind is Kind.SIMILAR and not _is_near(distance, most_distance)):
        return None
    if distance is not None:
        proof = replace(proof, evidence={**proof.evidence, "embeddingDistance": round(distance, 4)})
    return proof


def _is_near(distance: float | None, most: float) -> bool:
    return distance is not None and distance <= most


def _as_shots(one: Subject, other: Subject, proof: Proof, distance: float | None) -> Proof | None:
    """Two presses of the shutter are no copies of each other, however alike: a burst, or what the model makes of it."""
    if one.camera is None or other.camera is None or one.camera != other.camera:
        return proof
    apart_s = abs((one.local_taken - other.local_taken).total_seconds())
    evidence = {**proof.evidence, "secondsApart": round(apart_s, 3)}
    if apart_s == 0:
        return _burst(evidence) if _are_two_of_a_second(one, other, proof) else proof
    if apart_s <= BURST_S and (proof.kind is not Kind.SIMILAR or _is_near(distance, BURST_MEANING)):
        return _burst(evidence)
    return Proof(Kind.SIMILAR, evidence)


def _are_two_of_a_second(one: Subject, other: Subject, proof: Proof) -> bool:
    """Many cameras count whole seconds: of two files as large as each other, those that moved a little are two shots."""
    if one.exposure != other.exposure:
        return True
    if one.local_taken.microsecond != 0 or (one.width, one.height) != (other.width, other.height):
        return False
    moved = set(proof.evidence.get("edits", ())) <= {"cropped", "rotated"}
    return moved and float(proof.evidence.get("detail", 0)) < 0.97


def _burst(evidence: dict[str, Any]) -> Proof:
    return Proof(Kind.BURST, {key: value for key, value in evidence.items() if key != "edits"})


# Pictures -----------------------------------------------------------------------------------------------------------


def _of_pictures(one: Subject, other: Subject, distance: float | None, *, searches_parts: bool) -> Proof | None:
    if not one.tinies or not other.tinies:
        return None
    a, b = luma_of(one.tinies[0]), luma_of(other.tinies[0])
    if min(a.std(), b.std()) < FLAT:
        return None
    if distance is not None and distance > NOT_MEANT:
        return None
    bits = None if one.hash is None or other.hash is None else differing_bits(one.hash, other.hash)
    found = _whole(one, other, a, b) or _turned(one, other, a, b)
    if found is None and searches_parts:
        may_be_part = (bits is not None and bits <= PART_BITS) or _is_near(distance, PART_MEANING)
        found = (_overlaid(a, b) or _part(one, other, a, b)) if may_be_part else None
    if found is None or bits is None:
        return found
    return replace(found, evidence={**found.evidence, "hashDistance": bits})


def _whole(one: Subject, other: Subject, a: Floats, b: Floats) -> Proof | None:
    """The same picture edge to edge."""
    picture, detail = agreement(a, b), agreement(fine(a), fine(b))
    if picture < SAME_PICTURE or detail < SAME_DETAIL:
        return None
    edits = _colours(one.tinies[0], other.tinies[0])
    if not _same_aspect(one.width, one.height, other.width, other.height):
        edits = [*edits, "stretched"]
    return _seen(Kind.EDITED if edits else Kind.RE_ENCODED, picture, detail, edits)


def _turned(one: Subject, other: Subject, a: Floats, b: Floats) -> Proof | None:
    """Mirrored, or by a quarter, half or three quarters of a turn."""
    if one.hash is None or other.hash is None:
        return None
    for turn in TURNS[1:]:
        if differing_bits(turned_hash(one.hash, turn), other.hash) > TURNED_BITS:
            continue
        width, height = (one.height, one.width) if turn.swaps else (one.width, one.height)
        if not _same_aspect(width, height, other.width, other.height):
            continue
        c = turn.of(a)
        picture, detail = agreement(c, b), agreement(fine(c), fine(b))
        if picture >= SAME_PICTURE and detail >= SAME_DETAIL:
            words = (["mirrored"] if turn.mirrors else []) + (["turned"] if turn.quarters else [])
            return _seen(Kind.EDITED, picture, detail, words)
    return None


def _overlaid(a: Floats, b: Floats) -> Proof | None:
    """The same but for some cells, on which something was written or painted."""
    # What lies under the overlay must not bend the line between the two, so it begins with what cannot be bent.
    slope = float(np.subtract(*np.percentile(b, [75, 25])) / max(1.0, np.subtract(*np.percentile(a, [75, 25]))))
    shift = float(np.median(b) - slope * np.median(a))
    for _ in range(5):
        off = np.abs(b - (slope * a + shift))
        kept = off <= np.quantile(off, 1 - OVERLAID_SHARE)
        slope, shift = np.polyfit(a[kept], b[kept], 1)
    expected = slope * a + shift
    off = np.abs(b - expected)
    kept = off <= np.quantile(off, 1 - OVERLAID_SHARE)
    if not 0.5 < slope < 2:
        return None
    if a[kept].std() < 2 * FLAT:
        return None
    # The overlay's own edges would show in the detail around it.
    picture, detail = agreement(a[kept], b[kept]), agreement(fine(a)[kept], fine(np.where(kept, b, expected))[kept])
    if picture < SAME_PICTURE or detail < SAME_DETAIL:
        return None
    return _seen(Kind.EDITED, picture, detail, ["overlaid"])


def _part(one: Subject, other: Subject, a: Floats, b: Floats) -> Proof | None:
    """One is a crop of the other, or was levelled by a few degrees."""
    best: tuple[float, float, bool] = (0.0, 0.0, False)
    for whole, part in ((a, b), (b, a)):
        picture, detail, is_rotated = _best_window(whole, part)
        best = max(best, (picture, detail, is_rotated))
    picture, detail, is_rotated = best
    if picture < PART_PICTURE or detail < PART_DETAIL:
        return None
    return _seen(Kind.EDITED, picture, detail, ["rotated" if is_rotated else "cropped"])


def _seen(kind: Kind, picture: float, detail: float, edits: Sequence[str]) -> Proof:
    evidence: dict[str, Any] = {"likeness": round(picture, 3), "detail": round(detail, 3)}
    return Proof(kind, evidence | ({"edits": list(edits)} if edits else {}))


def _colours(one: bytes, other: bytes) -> list[str]:
    """Whether tone or colour were changed on the way."""
    a, b = luma_of(one), luma_of(other)
    found: list[str] = []
    contrast = float(b.std() / a.std())
    if abs(float(a.mean() - b.mean())) > NO_TONE or not 1 - NO_CONTRAST < contrast < 1 / (1 - NO_CONTRAST):
        found.append("toned")
    if float(np.abs(_chroma(one) - _chroma(other)).mean()) > NO_COLOUR:
        found.append("recoloured")
    return found


def _chroma(tiny: bytes) -> Floats:
    return np.frombuffer(tiny, np.uint8, 2 * CHROMA_SIDE**2, offset=LUMA_SIDE**2).astype(np.float64)


def _same_aspect(width: int | None, height: int | None, other_width: int | None, other_height: int | None) -> bool:
    if not width or not height or not other_width or not other_height:
        return True
    # A small copy can only come as near as a whole pixel.
    slack = SAME_ASPECT + 1 / min(width, height, other_width, other_height)
    return abs((width * other_height) / (height * other_width) - 1) <= slack


def agreement(a: Floats, b: Floats) -> float:
    """Correlation, -1 to 1; 0 when one of them shows nothing."""
    a, b = a - a.mean(), b - b.mean()
    power = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / power if power > 1e-9 else 0.0


def fine(a: Floats) -> Floats:
    """What is left without the coarse shapes: less the average of 5×5 around."""
    side = a.shape[0]
    wide = np.pad(a, 2, mode="edge")
    lines = sum(wide[i : i + side] for i in range(5))
    return a - sum(lines[:, i : i + side] for i in range(5)) / 25  # type: ignore[index]  # a sum of arrays is one


# Hashes -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Turn:
    """One of the eight ways to lay a picture: mirrored left to right first, then quarter turns counter-clockwise."""

    mirrors: bool
    quarters: int

    @property
    def swaps(self) -> bool:
        """Whether width and height change places."""
        return self.quarters % 2 == 1

    def of(self, a: Floats) -> Floats:
        """The picture laid this way."""
        return np.rot90(a[:, ::-1] if self.mirrors else a, self.quarters)


TURNS = tuple(Turn(mirrors, quarters) for mirrors in (False, True) for quarters in range(4))


def turned_hash(hash: int, turn: Turn) -> int:
    """The hash of the picture laid another way, without the picture: its waves only change signs and places."""
    positive = unpacked(hash)
    for _ in range(1 if turn.mirrors else 0):
        positive = _flipped_across(positive)
    for _ in range(turn.quarters):  # a quarter turn counter-clockwise: swap rows and columns, then flip upside down
        positive = _flipped_down(positive.T)
    positive = positive.copy()
    positive[0, 0] = False
    return packed(positive)


def _flipped_across(positive: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return positive ^ _ODD


def _flipped_down(positive: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return positive ^ _ODD.T


_ODD = np.tile(np.arange(WAVES) % 2 == 1, (WAVES, 1))


def differing_bits(one: int, other: int) -> int:
    """In how many bits two hashes differ."""
    return ((one ^ other) % (1 << 64)).bit_count()


def quarters(hash: int) -> list[int]:
    """The four 16-bit parts by which hashes are looked up, the lowest first."""
    return [hash >> shift & 0xFFFF for shift in (0, 16, 32, 48)]


def near_quarter(quarter: int) -> list[int]:
    """A part and all that differ from it in one bit."""
    return [quarter, *(quarter ^ 1 << bit for bit in range(16))]


# Parts --------------------------------------------------------------------------------------------------------------

_SCALES = (1.0, 0.94, 0.88, 0.82, 0.75)
_DEGREES = (-6, -4, -3, -2, -1, 1, 2, 3, 4, 6)


@cache
def _windows() -> tuple[NDArray[np.intp], Floats, Floats, NDArray[np.bool_]]:
    """Ways in which one picture may be a part of another: for each, which cells of the whole make each cell of the part.

    Returns cell numbers and weights (W, 576, 4), which cells are inside (W, 576), and whether it is a rotation (W).
    """
    ways: list[tuple[float, float, float, float, float]] = []
    for across in _SCALES:
        for down in _SCALES:
            steps = (-1.0, -0.5, 0.0, 0.5, 1.0) if min(across, down) <= 0.9 else (-1.0, 0.0, 1.0)
            for x in steps if across < 1 else (0.0,):
                for y in steps if down < 1 else (0.0,):
                    ways.append((across, down, x * (1 - across) / 2, y * (1 - down) / 2, 0.0))
    ways += [(scale, scale, 0.0, 0.0, float(degrees)) for degrees in _DEGREES for scale in (1.0, 0.94, 0.88)]
    places = (np.arange(LUMA_SIDE) + 0.5) / LUMA_SIDE - 0.5
    x, y = np.meshgrid(places, places)
    cells: list[NDArray[np.intp]] = []
    weights: list[Floats] = []
    inside: list[Floats] = []
    for across, down, right, below, degrees in ways:
        cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
        u = (across * (cos * x - sin * y) + right + 0.5) * LUMA_SIDE - 0.5
        v = (down * (sin * x + cos * y) + below + 0.5) * LUMA_SIDE - 0.5
        inside.append(((u > -0.5) & (u < LUMA_SIDE - 0.5) & (v > -0.5) & (v < LUMA_SIDE - 0.5)).ravel().astype(float))
        u, v = u.clip(0, LUMA_SIDE - 1.001), v.clip(0, LUMA_SIDE - 1.001)
        left, top = u.astype(np.intp), v.astype(np.intp)
        fu, fv = u - left, v - top
        corner = top * LUMA_SIDE + left
        cells.append(np.stack([corner, corner + 1, corner + LUMA_SIDE, corner + LUMA_SIDE + 1], -1).reshape(-1, 4))
        parts = [(1 - fv) * (1 - fu), (1 - fv) * fu, fv * (1 - fu), fv * fu]
        weights.append(np.stack(parts, -1).reshape(-1, 4))
    is_rotation = np.array([way[4] != 0 for way in ways])
    return np.array(cells), np.array(weights), np.array(inside), is_rotation


def _best_window(whole: Floats, part: Floats) -> tuple[float, float, bool]:
    """How well the part fits its best place in the whole: agreement of picture and of detail, and whether it is rotated."""
    cells, weights, inside, is_rotation = _windows()
    seen = (whole.ravel()[cells] * weights).sum(-1)
    count = inside.sum(1, keepdims=True)
    a = (seen - (seen * inside).sum(1, keepdims=True) / count) * inside
    b = part.ravel()[None]
    b = (b - (b * inside).sum(1, keepdims=True) / count) * inside
    fits = (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1) + 1e-9)
    best = int(fits.argmax())
    window = seen[best].reshape(LUMA_SIDE, LUMA_SIDE)
    inner = slice(2, -2)  # the edges of what was cut are not as sharp
    return float(fits[best]), agreement(fine(window)[inner, inner], fine(part)[inner, inner]), bool(is_rotation[best])


# Videos -------------------------------------------------------------------------------------------------------------


def _of_videos(one: Subject, other: Subject, distance: float | None, most_distance: float) -> Proof | None:
    """Two films are the same when they last as long and look the same at several moments that show something."""
    seen = _moments(one, other)
    apart = sum(bits > 2 * MOMENT_BITS for bits in seen)
    if _lasts_as_long(one.duration_ms, other.duration_ms) and len(seen) >= LEAST_MOMENTS:
        evidence: dict[str, Any] = {"moments": len(seen), "hashDistance": max(seen)}
        if distance is not None:
            evidence["embeddingDistance"] = round(distance, 4)
        if one.pixels is not None and one.pixels == other.pixels:
            return Proof(Kind.SAME_PIXELS, evidence)
        if max(seen) <= MOMENT_MOST_BITS and sorted(seen)[len(seen) // 2] <= MOMENT_BITS:
            return Proof(Kind.RE_ENCODED, evidence)
    # A model only sees one frame: it needs a second witness, and none that contradicts.
    if _is_near(distance, most_distance) and seen and not apart:
        assert distance is not None
        return Proof(
            Kind.SIMILAR,
            {"moments": len(seen), "hashDistance": max(seen), "embeddingDistance": round(distance, 4)},
        )
    return None


def _lasts_as_long(one_ms: int | None, other_ms: int | None) -> bool:
    if not one_ms or not other_ms:
        return False
    return abs(one_ms - other_ms) <= max(VIDEO_S * 1000, VIDEO_SHARE * max(one_ms, other_ms))


def _moments(one: Subject, other: Subject) -> list[int]:
    """Differing bits at each moment at which both show something, moments that look like one before left out."""
    found: list[int] = []
    shown: list[int] = []
    for a, b in zip(one.tinies, other.tinies, strict=False):
        if len(a) != TINY_BYTES or len(b) != TINY_BYTES:
            continue
        x, y = luma_of(a), luma_of(b)
        if x.std() < 2 * FLAT or y.std() < 2 * FLAT:
            continue
        here = packed(signs(x))
        if any(differing_bits(here, before) <= 2 for before in shown):
            continue  # a title that stands for a while is one witness, not three
        shown.append(here)
        found.append(differing_bits(here, packed(signs(y))))
    return found


def strongest(proofs: Sequence[tuple[AssetId, Proof]], most: int) -> list[tuple[AssetId, Proof]]:
    """The best of what was found, the strongest first."""
    return sorted(proofs, key=lambda found: (STRENGTH[found[1].kind], found[0]))[:most]
