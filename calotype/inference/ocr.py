"""Text in a picture, line by line: PP-OCR's detector and recogniser, with our own way in and out of them.

The detector paints where text is (differentiable binarisation); each blob becomes a rectangle, is cut out, set upright,
and read by the recogniser (CTC). Why rapidocr brings only its models: docs/decisions/0010-models-of-our-own.md.
"""

# OpenCV ships no complete types; what leaves this file is typed.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportCallIssue=false, reportArgumentType=false

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from calotype.inference.faces import model_file, number
from calotype.inference.family import Asked, Json, Unloadable, Wrong
from calotype.inference.session import Runtime, Session, about_pair, open_session

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]

MIN_BOX_SCORE, MIN_TEXT_SCORE = 0.5, 0.8
SHORT_SIDE_PX = 736
LONG_SIDE_PX = 2000  # the detector looks at no more: beyond it memory grows, not what is found
WORTH_SCALING = 0.8  # a picture hardly larger is taken as it is: less is saved than is lost of small print
TOO_SMALL_PX = 32
STEP_PX = 32  # what the detector's sides must be multiples of
INK = 0.3  # from here on a pixel belongs to text
GROW = 1.6  # the detector paints shrunken lines; this undoes it
THIN_PX = 3
CANDIDATES = 1000
LINE_PX = 10  # boxes whose tops lie nearer than this are on one line
TALL = 1.5  # a box that much taller than wide holds a line that runs upwards
HEIGHT_PX = 48
BASE_WIDTH_PX = 160  # half of what it was trained with: as much is read, and most lines of signs and labels are short
WIDEST_PX = 3200
BATCH = 6
# Each column of eight pixels comes out as 18,710 numbers; this bounds what one batch takes (90 MB).
BATCH_COLUMNS_PX = 9600
# A line read worse than this may stand on its head: it is turned and read once more, and the better reading counts. Where
# turning helps none of the longest, the picture is not upside down, and the rest is left.
DOUBTFUL = 0.9
TURNED_FIRST = 3


@dataclass(frozen=True, slots=True)
class Spots:
    """Where text is. boxes: (n, 4, 2) corners clockwise from the upper left, in the pixels looked at; scores: (n,)."""

    boxes: Floats
    scores: Floats

    def __len__(self) -> int:
        return len(self.scores)


class Detector:
    """PP-OCR's detection models of any version."""

    def __init__(self, session: Session) -> None:
        self.session = session
        if len(session.inputs) != 1 or session.inputs[0].shape[1:2] != (3,):
            raise Unloadable("A text detector takes pictures of three channels.")

    def find(self, rgb: Pixels, min_score: float, short_side_px: int) -> Spots:
        """Lines in reading order."""
        height, width = rgb.shape[:2]
        most = min(1.0, LONG_SIDE_PX / max(height, width))
        scale = short_side_px / (min(height, width) * most)
        scale = most * (scale if scale < WORTH_SCALING else 1.0)
        blob = blob_of(smaller(rgb, _step(width * scale), _step(height * scale)))
        said = self.session.run({self.session.inputs[0].name: blob})[0]
        return in_order(boxes_of(said.reshape(said.shape[-2:]), width, height, min_score))


class Reader:
    """PP-OCR's recognition models; the characters they know are written in their metadata."""

    def __init__(self, session: Session) -> None:
        self.session = session
        listed = session.metadata.get("character", "")
        if not listed:
            raise Unloadable("The recognition model does not say which characters it knows.")
        self.characters = ["", *listed.split("\n"), " "]  # CTC's blank comes first
        known = session.outputs[0].shape[-1]
        if known is not None and known != len(self.characters):
            self.characters = self.characters[:-1] if known == len(self.characters) - 1 else self.characters
            if known != len(self.characters):
                raise Unloadable(f"The recognition model has {known} outputs and {len(self.characters)} characters.")

    def read(self, lines: Sequence[Pixels]) -> list[tuple[str, float]]:
        """Text and mean certainty of each line. Lines of like length are read together, as all are padded to one."""
        read = self._read(lines)
        doubtful = [at for at, (text, score) in enumerate(read) if text and score < DOUBTFUL]
        doubtful.sort(key=lambda at: lines[at].shape[1] / lines[at].shape[0], reverse=True)
        for some in filter(None, (doubtful[:TURNED_FIRST], doubtful[TURNED_FIRST:])):
            again = self._read([np.ascontiguousarray(lines[at][::-1, ::-1]) for at in some])
            better = [(at, turned) for at, turned in zip(some, again, strict=True) if turned[1] > read[at][1]]
            if not better:
                break
            for at, turned in better:
                read[at] = turned
        return read

    def _read(self, lines: Sequence[Pixels]) -> list[tuple[str, float]]:
        widths = [min(WIDEST_PX, math.ceil(HEIGHT_PX * line.shape[1] / line.shape[0])) for line in lines]
        read: list[tuple[str, float]] = [("", 0.0)] * len(lines)
        for batch in batches(widths):
            wide = max(BASE_WIDTH_PX, *(widths[at] for at in batch))
            blob = np.zeros((len(batch), 3, HEIGHT_PX, wide), np.float32)
            for row, at in enumerate(batch):
                scaled = cv2.resize(lines[at], (max(1, widths[at]), HEIGHT_PX), interpolation=cv2.INTER_LINEAR)
                blob[row, :, :, : scaled.shape[1]] = blob_of(scaled)[0]
            said = self.session.run({self.session.inputs[0].name: blob})[0]
            best = said.argmax(axis=2)
            sure = np.take_along_axis(said, best[:, :, None], axis=2)[:, :, 0]
            for row, at in enumerate(batch):
                read[at] = spelled(best[row], sure[row], self.characters)
        return read


class Lines:
    """Detector and reader together, for `child.py`."""

    max_batch = 1

    def __init__(self, detector: Detector, reader: Reader | None) -> None:
        self.detector = detector
        self.reader = reader
        self.about: Mapping[str, str] = about_pair([part.session for part in (detector, reader) if part])

    @classmethod
    def load(cls, folders: Mapping[str, Path], runtime: Runtime) -> Self:
        """From the folders, or model files, of `detection` and `recognition`. Raises `Unloadable`."""
        try:
            recognition = folders.get("recognition")
            return cls(
                Detector(open_session(model_file(folders["detection"]), runtime)),
                Reader(open_session(model_file(recognition), runtime)) if recognition else None,
            )
        except Unloadable:
            raise
        except KeyError as error:
            raise Unloadable("Text cannot be read before it is found: the detection model is missing.") from error
        except Exception as error:  # whatever onnxruntime says about a file, it is about that file
            raise Unloadable(f"The text model cannot be loaded: {' '.join(str(error).split())[:200]}") from error

    def answer(self, asked: Sequence[Asked]) -> list[Json]:
        """Text, boxes as eight numbers a line in 0 … 1 of the picture, and both scores."""
        return [self._answer(each) for each in asked]

    def _answer(self, asked: Asked) -> Json:
        min_box = number(asked.options, "detection", "minScore", MIN_BOX_SCORE)
        short_side = number(asked.options, "detection", "maxResolution", SHORT_SIDE_PX)
        min_text = number(asked.options, "recognition", "minScore", MIN_TEXT_SCORE)
        if short_side < 1:
            raise Wrong("options.detection.maxResolution must be at least 1.")
        if asked.picture is None:
            raise Wrong("Text is looked for in a picture; none was sent.")
        rgb = asked.picture.rgb
        height, width = rgb.shape[:2]
        nothing = Spots(np.zeros((0, 4, 2), np.float32), np.zeros(0, np.float32))
        found = nothing
        if min(height, width) >= TOO_SMALL_PX:
            found = self.detector.find(rgb, min_box, int(min(short_side, LONG_SIDE_PX)))
        if self.reader is None:
            read = [("", 0.0)] * len(found)
            kept = list(range(len(found)))
        else:
            read = self.reader.read([cut_out(rgb, box) for box in found.boxes])
            kept = [at for at, (text, score) in enumerate(read) if text.strip() and score > min_text]
        share = found.boxes[kept] / np.array([width, height], np.float32)
        return {
            "text": [read[at][0] for at in kept],
            "box": [round(float(side), 6) for side in share.reshape(-1)],
            "boxScore": [round(float(found.scores[at]), 6) for at in kept],
            "textScore": [round(read[at][1], 6) for at in kept],
        }


def smaller(rgb: Pixels, width: int, height: int) -> Pixels:
    """The picture in another size, averaged in whole steps first so that nothing is skipped.

    An area filter does the same in five times the time.
    """
    times = min(rgb.shape[1] // width, rgb.shape[0] // height)
    if times > 1:
        down, across = rgb.shape[0] // times, rgb.shape[1] // times
        even = rgb[: down * times, : across * times]
        rgb = np.asarray(cv2.resize(even, (across, down), interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def blob_of(rgb: Pixels) -> Floats:
    """(1, 3, H, W) in -1 … 1, blue first: what PP-OCR was trained with."""
    middle = 255 / 2
    return np.asarray(cv2.dnn.blobFromImage(rgb, 1 / middle, mean=(middle,) * 3, swapRB=True), np.float32)


def boxes_of(ink: Floats, width: int, height: int, min_score: float) -> Spots:
    """Rectangles around what was painted. ink: (H, W) in 0 … 1; boxes come in a picture of `width`×`height`."""
    across, down = width / ink.shape[1], height / ink.shape[0]
    mask = cv2.dilate((ink > INK).astype(np.uint8), np.ones((2, 2), np.uint8))
    outlines, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    boxes: list[Floats] = []
    scores: list[float] = []
    for outline in outlines[:CANDIDATES]:
        centre, (one, other), turn = cv2.minAreaRect(outline)
        if min(one, other) < THIN_PX:
            continue
        score = _mean_inside(ink, cv2.boxPoints((centre, (one, other), turn)))
        if score < min_score:
            continue
        # To grow a rectangle by a distance on all sides is to draw a longer one: no polygon clipping is needed.
        by = 2 * one * other * GROW / (2 * (one + other))
        corners = cv2.boxPoints((centre, (one + by, other + by), turn))
        if min(one, other) + by < THIN_PX + 2:
            continue
        box = clockwise(np.asarray(corners, np.float32)) * np.array([across, down], np.float32)
        box = np.clip(np.round(box), 0, [width, height]).astype(np.float32)
        wide, tall = math.dist(box[0], box[1]), math.dist(box[0], box[3])
        if min(wide, tall) > THIN_PX:
            boxes.append(box)
            scores.append(score)
    if not boxes:
        return Spots(np.zeros((0, 4, 2), np.float32), np.zeros(0, np.float32))
    return Spots(np.stack(boxes), np.array(scores, np.float32))


def clockwise(corners: Floats) -> Floats:
    """Four corners from the upper left on, clockwise: of the two on the left the upper one is first."""
    by_x = corners[np.argsort(corners[:, 0], kind="stable")]
    upper_left, lower_left = sorted(by_x[:2], key=lambda point: point[1])
    upper_right, lower_right = sorted(by_x[2:], key=lambda point: point[1])
    return np.stack([upper_left, upper_right, lower_right, lower_left])


def in_order(lines: Spots) -> Spots:
    """As one reads: from the top; tops that follow each other within `LINE_PX` are one line, read from the left."""
    if not len(lines):
        return lines
    tops = lines.boxes[:, 0, 1]
    down = np.argsort(tops, kind="stable")
    row = np.concatenate([[0], np.cumsum(np.diff(tops[down]) >= LINE_PX)])
    order = down[np.lexsort((lines.boxes[down, 0, 0], row))]
    return Spots(lines.boxes[order], lines.scores[order])


def cut_out(rgb: Pixels, box: Floats) -> Pixels:
    """The line in a box, upright."""
    wide = max(math.dist(box[0], box[1]), math.dist(box[3], box[2]))
    tall = max(math.dist(box[0], box[3]), math.dist(box[1], box[2]))
    most = min(1.0, LONG_SIDE_PX / max(wide, tall, 1))  # a line across a panorama
    wide, tall = max(1, int(wide * most)), max(1, int(tall * most))
    flat = np.array([[0, 0], [wide, 0], [wide, tall], [0, tall]], np.float32)
    lens = cv2.getPerspectiveTransform(box.astype(np.float32), flat)
    line = cv2.warpPerspective(rgb, lens, (wide, tall), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    flat_line = np.asarray(line, np.uint8)
    return np.ascontiguousarray(np.rot90(flat_line)) if tall / wide >= TALL else flat_line


def batches(widths: Sequence[int]) -> list[list[int]]:
    """Indices of lines that are read together: like widths, at most `BATCH`, and no more columns than memory bears."""
    made: list[list[int]] = []
    for at in sorted(range(len(widths)), key=lambda each: widths[each]):
        wide = max(BASE_WIDTH_PX, widths[at])
        if made and len(made[-1]) < BATCH and wide * (len(made[-1]) + 1) <= BATCH_COLUMNS_PX:
            made[-1].append(at)
        else:
            made.append([at])
    return made


def spelled(best: NDArray[np.int64], sure: Floats, characters: Sequence[str]) -> tuple[str, float]:
    """What CTC says: repeated numbers count once, blanks not at all. With the mean certainty of what counts."""
    counts = (best != 0) & np.concatenate([[True], best[1:] != best[:-1]])
    if not counts.any():
        return "", 0.0
    return "".join(characters[number] for number in best[counts]), float(sure[counts].mean())


def _step(side: float) -> int:
    return max(STEP_PX, round(side / STEP_PX) * STEP_PX)


def _mean_inside(ink: Floats, corners: Floats) -> float:
    height, width = ink.shape
    left, top = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, [width - 1, height - 1])
    right, bottom = np.clip(np.ceil(corners.max(axis=0)).astype(int), 0, [width - 1, height - 1])
    mask = np.zeros((bottom - top + 1, right - left + 1), np.uint8)
    cv2.fillPoly(mask, [(corners - [left, top]).astype(np.int32)], 1)
    return float(cv2.mean(ink[top : bottom + 1, left : right + 1], mask)[0])
