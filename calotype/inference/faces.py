"""Faces in a picture, and what tells one from another: detector, alignment and embedder, geometry by our own numpy.

Two detector layouts are understood: SCRFD (nine heads; buffalo_l and its like) and YuNet (twelve heads; OpenCV's zoo).
The embedder is of the ArcFace layout: 112×112 RGB in, one vector a face out. Figures are those of the models' makers;
letterbox, decoding, suppression and alignment follow insightface so that embeddings can be compared with its own.
"""

# OpenCV ships no complete types; what leaves this file is typed.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from calotype.core.log import say
from calotype.inference.family import Asked, Json, Unloadable, Wrong
from calotype.inference.pixels import Picture
from calotype.inference.session import Runtime, Session, about_pair, open_session

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]

SIDE_PX = 640  # what detectors look at, unless their own input is fixed
STRIDES = (8, 16, 32)
ANCHORS = 2  # SCRFD's, a cell
MIN_SCORE = 0.7
OVERLAP = 0.4
# More candidates than this are not sorted out: the best are kept. A picture of nothing but faces has 16,800.
CANDIDATES = 6000
# Nobody finds themselves among more faces than this, and each costs the embedder as much as a small picture.
FACES = 500
CROP_PX = 112
BATCH = 16
# Where ArcFace wants eyes, nose and mouth corners in its 112×112 picture (insightface).
TEMPLATE: Floats = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]], np.float32
)


@dataclass(frozen=True, slots=True)
class Found:
    """Faces of one picture, best first.

    boxes: (n, 4) x1, y1, x2, y2; scores: (n,); landmarks: (n, 5, 2). In the pixels that were looked at.
    """

    boxes: Floats
    scores: Floats
    landmarks: Floats

    def __len__(self) -> int:
        return len(self.scores)


def letterbox(rgb: Pixels, width: int, height: int) -> tuple[Pixels, float]:
    """The picture as large as fits into the upper left of a black `width`×`height`, and its scale there."""
    scale = min(width / rgb.shape[1], height / rgb.shape[0])
    # The side that fits must fit: 640 / 1441 × 1441 may come out as 639.99….
    inner = min(width, int(rgb.shape[1] * scale + 1e-6)), min(height, int(rgb.shape[0] * scale + 1e-6))
    inner = max(1, inner[0]), max(1, inner[1])
    framed = np.zeros((height, width, 3), np.uint8)
    framed[: inner[1], : inner[0]] = cv2.resize(rgb, inner, interpolation=cv2.INTER_LINEAR)
    # insightface divides by what the height was scaled with, truncation included, and so do landmarks stay comparable.
    return framed, inner[1] / rgb.shape[0]


def decode_scrfd(outputs: Sequence[Floats], width: int, height: int, min_score: float) -> Found:
    """What SCRFD's nine heads say, before suppression.

    A cell's centre is (column, row) · stride; distances to the four sides and landmark offsets count in strides.
    """
    by_kind = {size: _by_length(outputs, size) for size in (1, 4, 10)}
    boxes: list[Floats] = []
    scores: list[Floats] = []
    landmarks: list[Floats] = []
    for stride, said, sides, marks in zip(STRIDES, by_kind[1], by_kind[4], by_kind[10], strict=True):
        said = said.reshape(-1)
        picked = np.flatnonzero(said >= min_score)
        cell = picked // ANCHORS
        across = -(-width // stride)
        centre = np.stack([cell % across, cell // across], axis=1).astype(np.float32) * stride
        side = sides[picked] * stride
        boxes.append(np.concatenate([centre - side[:, :2], centre + side[:, 2:]], axis=1))
        landmarks.append(centre[:, None, :] + marks[picked].reshape(-1, 5, 2) * stride)
        scores.append(said[picked])
    return _best_first(np.concatenate(boxes), np.concatenate(scores), np.concatenate(landmarks))


def decode_yunet(outputs: Mapping[str, Floats], width: int, height: int, min_score: float) -> Found:
    """What YuNet's twelve heads say, before suppression: class, objectness, box and landmarks at three strides.

    A box is a shift of the centre and the logarithm of its sides, in strides. Landmarks come right eye first, which is
    the picture's left: the order of `TEMPLATE`.
    """
    boxes: list[Floats] = []
    scores: list[Floats] = []
    landmarks: list[Floats] = []
    for stride in STRIDES:
        named = {kind: outputs[f"{kind}_{stride}"] for kind in ("cls", "obj", "bbox", "kps")}
        sure = np.clip(named["cls"], 0, 1).reshape(-1) * np.clip(named["obj"], 0, 1).reshape(-1)
        said: Floats = np.sqrt(sure).astype(np.float32)
        picked = np.flatnonzero(said >= min_score)
        across = width // stride
        cell: Floats = np.stack([picked % across, picked // across], axis=1).astype(np.float32)
        box = named["bbox"].reshape(-1, 4)[picked]
        centre = (cell + box[:, :2]) * stride
        half = np.exp(np.clip(box[:, 2:], -20, 20)).astype(np.float32) * stride / 2
        corners: Floats = np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)
        boxes.append(corners)
        landmarks.append((cell[:, None, :] + named["kps"].reshape(-1, 5, 2)[picked]) * stride)
        scores.append(said[picked])
    return _best_first(np.concatenate(boxes), np.concatenate(scores), np.concatenate(landmarks))


def suppress(found: Found, overlap: float = OVERLAP, most: int = FACES) -> Found:
    """Of faces that overlap more than `overlap` (intersection over union) only the best, `most` at most.

    Sides count their last pixel (the `+1` of insightface); without it other boxes survive where they are dense.
    """
    x1, y1, x2, y2 = found.boxes.T
    areas = (x2 - x1 + 1) * (y2 - y1 + 1)
    left = np.arange(len(found))
    kept: list[int] = []
    while left.size and len(kept) < most:
        best, left = int(left[0]), left[1:]
        kept.append(best)
        across = np.minimum(x2[best], x2[left]) - np.maximum(x1[best], x1[left]) + 1
        down = np.minimum(y2[best], y2[left]) - np.maximum(y1[best], y1[left]) + 1
        shared = np.maximum(0, across) * np.maximum(0, down)
        left = left[shared / (areas[best] + areas[left] - shared) <= overlap]
    return Found(found.boxes[kept], found.scores[kept], found.landmarks[kept])


def alignment(landmarks: Floats) -> Floats:
    """The (2, 3) matrix that turns, scales and shifts five landmarks onto `TEMPLATE`, least squares.

    In complex numbers a similarity is `w = a·z + b`, so that both are found without a decomposition. A mirrored face
    is not mirrored back: nobody's landmarks come so.
    """
    z = landmarks[:, 0].astype(np.float64) + 1j * landmarks[:, 1]
    w = TEMPLATE[:, 0].astype(np.float64) + 1j * TEMPLATE[:, 1]
    zc, wc = z - z.mean(), w - w.mean()
    spread = float((np.abs(zc) ** 2).sum())
    if spread < 1e-9:  # all five in one point: no face, but no reason to fail either
        zc, spread = zc + 1, 5.0
    a = complex((np.conj(zc) * wc).sum() / spread)
    b = complex(w.mean() - a * z.mean())
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]], np.float32)


def aligned(rgb: Pixels, landmarks: Floats) -> Pixels:
    """The face upright in (112, 112, 3), black where the picture ends."""
    return np.asarray(
        cv2.warpAffine(rgb, alignment(landmarks).astype(np.float64), (CROP_PX, CROP_PX), flags=cv2.INTER_LINEAR),
        np.uint8,
    )


class Detector:
    """SCRFD or YuNet, told apart by their heads."""

    def __init__(self, session: Session) -> None:
        self.session = session
        names = {port.name for port in session.outputs}
        self._is_yunet = {f"{kind}_{stride}" for kind in ("cls", "obj", "bbox", "kps") for stride in STRIDES} <= names
        if not self._is_yunet and len(session.outputs) != 9:
            raise Unloadable(
                f"A face detector has the nine heads of SCRFD or the twelve of YuNet; this one has {len(session.outputs)}."
            )
        if len(session.inputs) != 1 or len(session.inputs[0].shape) != 4:
            raise Unloadable("A face detector has one input: a batch of pictures.")
        fixed = session.inputs[0].shape
        self.height, self.width = fixed[2] or SIDE_PX, fixed[3] or SIDE_PX

    def find(self, rgb: Pixels, min_score: float) -> Found:
        """Faces of a picture, in its own pixels."""
        framed, scale = letterbox(rgb, self.width, self.height)
        if self._is_yunet:  # OpenCV's: BGR, 0 … 255
            blob = framed[None, :, :, ::-1].transpose(0, 3, 1, 2).astype(np.float32)
        else:
            blob = ((framed.astype(np.float32) - 127.5) / 128)[None].transpose(0, 3, 1, 2)
        said = self.session.run({self.session.inputs[0].name: np.ascontiguousarray(blob)})
        if self._is_yunet:
            named = {port.name: each for port, each in zip(self.session.outputs, said, strict=True)}
            found = decode_yunet(named, self.width, self.height, min_score)
        else:
            found = decode_scrfd(said, self.width, self.height, min_score)
        kept = suppress(Found(found.boxes / scale, found.scores, found.landmarks / scale))
        if len(kept) == FACES:
            say("many_faces", kept=FACES, candidates=len(found))
        return kept


class Embedder:
    """ArcFace's layout; the vectors come out as the model gives them, not normalised."""

    def __init__(self, session: Session) -> None:
        self.session = session
        if len(session.inputs) != 1 or session.inputs[0].shape[1:] != (3, CROP_PX, CROP_PX):
            raise Unloadable(f"A face embedder takes (n, 3, {CROP_PX}, {CROP_PX}); this one {session.inputs[0].shape}.")

    def embed(self, crops: Sequence[Pixels]) -> Floats:
        """(n, width) for n aligned faces, `BATCH` at a time."""
        name = self.session.inputs[0].name
        rows: list[Floats] = []
        for start in range(0, len(crops), BATCH):
            stacked = np.stack(crops[start : start + BATCH]).astype(np.float32)
            blob = np.ascontiguousarray(((stacked - 127.5) / 127.5).transpose(0, 3, 1, 2))
            rows.append(self.session.rows({name: blob})[0])
        return np.concatenate(rows)


class Faces:
    """Detector and embedder together, for `child.py`."""

    max_batch = 1

    def __init__(self, detector: Detector | None, embedder: Embedder | None) -> None:
        self.detector = detector
        self.embedder = embedder
        self.about: Mapping[str, str] = about_pair([part.session for part in (detector, embedder) if part])

    @classmethod
    def load(cls, folders: Mapping[str, Path], runtime: Runtime) -> Self:
        """From the folders of `detection` and, if faces are to be told apart, `recognition`. Raises `Unloadable`."""
        try:
            detection, recognition = folders.get("detection"), folders.get("recognition")
            return cls(
                Detector(open_session(model_file(detection), runtime)) if detection else None,
                Embedder(open_session(model_file(recognition), runtime)) if recognition else None,
            )
        except Unloadable:
            raise
        except Exception as error:  # whatever onnxruntime says about a file, it is about that file
            raise Unloadable(f"The face model cannot be loaded: {' '.join(str(error).split())[:200]}") from error

    def answer(self, asked: Sequence[Asked]) -> list[Json]:
        """Faces, best first: box in whole pixels of the picture sent, score, and the embedding as the contract wants it."""
        return [self._answer(each) for each in asked]

    def _answer(self, asked: Asked) -> Json:
        min_score = number(asked.options, "detection", "minScore", MIN_SCORE)
        if asked.picture is None:
            raise Wrong("Faces are looked for in a picture; none was sent.")
        if self.detector is None:
            raise Wrong("Faces cannot be told apart before they are found: ask for detection too.")
        found = self.detector.find(asked.picture.rgb, min_score)
        boxes = sent_boxes(asked.picture, found.boxes)
        answer: list[dict[str, Any]] = [
            {
                "boundingBox": dict(zip(("x1", "y1", "x2", "y2"), (int(side) for side in box), strict=True)),
                "score": float(score),
            }
            for box, score in zip(boxes, found.scores, strict=True)
        ]
        if self.embedder and answer:
            crops = [aligned(asked.picture.rgb, marks) for marks in found.landmarks]
            for face, vector in zip(answer, self.embedder.embed(crops), strict=True):
                face["embedding"] = written(vector)
        return answer


def model_file(place: Path) -> Path:
    """The model in a folder of the hub's layout; a file is itself."""
    return place if place.is_file() else place / "model.onnx"


def written(vector: Floats) -> str:
    """A vector as the contract's string of numbers; seven digits are all a float32 has."""
    return f"[{','.join(f'{number:.7g}' for number in vector.tolist())}]"


def sent_boxes(picture: Picture, boxes: Floats) -> NDArray[np.int64]:
    """Boxes of the decoded pixels as whole pixels of the picture that was sent; they may lie a little outside."""
    return np.rint(boxes * np.tile(picture.scale, 2)).astype(np.int64)


def number(options: Mapping[str, Mapping[str, Any]], kind: str, name: str, default: float) -> float:
    """A numeric option. Raises `Wrong`, naming it."""
    value = options.get(kind, {}).get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise Wrong(f"options.{kind}.{name} must be a number.")
    return float(value)


def _by_length(outputs: Sequence[Floats], size: int) -> list[Floats]:
    """The heads whose rows have `size` numbers, from the finest stride to the coarsest, as (rows, size)."""
    flat = [head.reshape(-1, size) for head in outputs if head.shape[-1] == size]
    if len(flat) != len(STRIDES):
        raise Unloadable(f"A face detector has {len(STRIDES)} heads of width {size}; this one has {len(flat)}.")
    return sorted(flat, key=len, reverse=True)


def _best_first(boxes: Floats, scores: Floats, landmarks: Floats) -> Found:
    order = np.argsort(-scores, kind="stable")[:CANDIDATES]
    return Found(boxes[order], scores[order], landmarks[order])
