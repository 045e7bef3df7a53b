"""Geometry of faces, and drawn people found and told apart by real models."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from random import Random
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from calotype.inference import faces
from calotype.inference.catalogue import bundled
from calotype.inference.faces import Detector, Embedder, Faces, Found
from calotype.inference.family import Asked, Unloadable, Wrong
from calotype.inference.pixels import Picture
from calotype.inference.session import Port, Runtime
from tests import drawn, drawn_faces
from tests.drawn_faces import HELD_OUT

Floats = NDArray[np.float32]
TOY = "calotype-toy__faces"


class CannedSession:
    """A session that says what it was told to."""

    provider, fell_back, metadata = "cpu", "", dict[str, str]()

    def __init__(self, outputs: dict[str, Floats], side: int | None = 640) -> None:
        self._said = list(outputs.values())
        self.inputs = (Port("input", (1, 3, side, side), "tensor(float)"),)
        self.outputs = tuple(Port(name, each.shape, "tensor(float)") for name, each in outputs.items())

    def run(self, inputs: Mapping[str, Floats]) -> list[Floats]:
        self.seen = inputs["input"]
        return self._said


def scrfd_heads(side: int = 640) -> dict[str, Floats]:
    """Nine heads that see nothing."""
    heads: dict[str, Floats] = {}
    for name, width in (("score", 1), ("bbox", 4), ("kps", 10)):
        for stride in faces.STRIDES:
            heads[f"{name}_{stride}"] = np.zeros(((side // stride) ** 2 * 2, width), np.float32)
    return heads


def yunet_heads(side: int = 640) -> dict[str, Floats]:
    """Twelve heads that see nothing."""
    heads: dict[str, Floats] = {}
    for name, width in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
        for stride in faces.STRIDES:
            heads[f"{name}_{stride}"] = np.zeros((1, (side // stride) ** 2, width), np.float32)
    return heads


def picture_of(image: Image.Image) -> Picture:
    return Picture(np.asarray(image.convert("RGB")), image.width, image.height)


@pytest.fixture(scope="module")
def toy() -> Faces:
    folders = {kind: bundled("facial-recognition", TOY, kind) for kind in ("detection", "recognition")}
    assert all(folders.values())
    return Faces.load({kind: folder for kind, folder in folders.items() if folder}, Runtime(lanes=2))


def test_a_picture_is_fitted_into_the_upper_left() -> None:
    framed, scale = faces.letterbox(np.full((500, 1000, 3), 200, np.uint8), 640, 640)
    assert scale == 0.64
    assert framed[:320, :640].min() == 200
    assert framed[320:].max() == 0


@pytest.mark.parametrize("size", [(1, 4000), (4000, 1), (1441, 1081), (7, 3)])
def test_a_picture_of_any_form_fits(size: tuple[int, int]) -> None:
    framed, _ = faces.letterbox(np.full((size[1], size[0], 3), 9, np.uint8), 640, 640)
    assert framed.shape == (640, 640, 3)
    assert framed[0, 0].tolist() == [9, 9, 9]


def test_scrfd_counts_distances_and_offsets_in_strides_from_the_cell() -> None:
    heads = scrfd_heads()
    row = (5 * 40 + 7) * 2 + 1  # stride 16: 40 cells a side; the second anchor of column 7, row 5
    heads["score_16"][row] = 0.9
    heads["bbox_16"][row] = [1, 2, 3, 4]
    heads["kps_16"][row] = np.arange(10)
    found = faces.decode_scrfd(list(heads.values()), 640, 640, 0.5)
    assert found.boxes.tolist() == [[112 - 16, 80 - 32, 112 + 48, 80 + 64]]
    assert found.landmarks[0].tolist() == [[112 + 32 * n, 80 + 16 + 32 * n] for n in range(5)]
    assert found.scores.tolist() == pytest.approx([0.9])


def test_yunet_has_shifted_centres_logarithmic_sides_and_two_scores() -> None:
    heads = yunet_heads()
    cell = 3 * 20 + 10  # stride 32: column 10, row 3
    heads["cls_32"][0, cell], heads["obj_32"][0, cell] = 0.81, 1.2  # the clamp is OpenCV's
    heads["bbox_32"][0, cell] = [0.5, 0.25, np.log(2), np.log(3)]
    heads["kps_32"][0, cell] = 0.5
    found = faces.decode_yunet(heads, 640, 640, 0.7)
    assert found.scores.tolist() == pytest.approx([0.9])
    assert found.boxes[0].tolist() == pytest.approx([336 - 32, 104 - 48, 336 + 32, 104 + 48])
    assert found.landmarks[0].tolist() == [[336, 112]] * 5


def test_a_detector_is_told_by_its_heads_and_fed_as_it_was_trained() -> None:
    red = np.zeros((640, 640, 3), np.uint8)
    red[..., 0] = 255
    scrfd, yunet = CannedSession(scrfd_heads()), CannedSession(yunet_heads())
    Detector(scrfd).find(red, 0.5)  # type: ignore[arg-type]
    Detector(yunet).find(red, 0.5)  # type: ignore[arg-type]
    assert scrfd.seen[0, :, 0, 0].tolist() == pytest.approx([127.5 / 128, -127.5 / 128, -127.5 / 128])
    assert yunet.seen[0, :, 0, 0].tolist() == [0, 0, 255]


def test_what_is_no_detector_is_refused_with_a_sentence() -> None:
    with pytest.raises(Unloadable, match="nine heads of SCRFD or the twelve of YuNet; this one has 2"):
        Detector(CannedSession({"a": np.zeros((1, 1), np.float32), "b": np.zeros((1, 1), np.float32)}))  # type: ignore[arg-type]


def test_of_overlapping_faces_the_best_stays() -> None:
    boxes = np.array([[0, 0, 99, 99], [10, 0, 109, 99], [60, 0, 159, 99], [300, 300, 309, 309]], np.float32)
    found = Found(boxes, np.array([0.9, 0.8, 0.7, 0.6], np.float32), np.zeros((4, 5, 2), np.float32))
    assert faces.suppress(found).scores.tolist() == pytest.approx([0.9, 0.7, 0.6])


def test_the_last_pixel_counts_when_overlap_is_measured() -> None:
    # 10×10 pixels each, 6×10 shared: 60 / 140 = .43 is suppressed; without the last pixel it is 45 / 117 = .38.
    boxes = np.array([[0, 0, 9, 9], [4, 0, 13, 9]], np.float32)
    found = Found(boxes, np.array([0.9, 0.8], np.float32), np.zeros((2, 5, 2), np.float32))
    assert len(faces.suppress(found)) == 1


def test_landmarks_that_were_turned_scaled_and_shifted_come_back_onto_the_template() -> None:
    turn, scale = 0.6, 3.7
    spun = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    landmarks = (faces.TEMPLATE @ spun.T + [210, -40]).astype(np.float32)
    matrix = faces.alignment(landmarks)
    back = landmarks @ matrix[:, :2].T + matrix[:, 2]
    assert np.abs(back - faces.TEMPLATE).max() < 1e-3


def test_alignment_is_the_least_squares_similarity() -> None:
    rng = np.random.default_rng(3)
    landmarks = (faces.TEMPLATE * 2 + rng.normal(0, 5, (5, 2))).astype(np.float32)
    rows, right = [], []
    for (x, y), (u, v) in zip(landmarks, faces.TEMPLATE, strict=True):
        rows += [[x, -y, 1, 0], [y, x, 0, 1]]
        right += [u, v]
    a, b, tx, ty = np.linalg.lstsq(np.array(rows), np.array(right), rcond=None)[0]
    assert faces.alignment(landmarks) == pytest.approx(np.array([[a, -b, tx], [b, a, ty]]), abs=1e-4)


def test_landmarks_in_one_point_do_no_harm() -> None:
    matrix = faces.alignment(np.full((5, 2), 33, np.float32))
    assert np.isfinite(matrix).all()


def test_a_picture_of_nothing_but_faces_neither_hangs_nor_answers_with_thousands() -> None:
    heads = scrfd_heads()
    for stride in faces.STRIDES:
        heads[f"score_{stride}"][:] = np.linspace(0.8, 0.99, len(heads[f"score_{stride}"]))[:, None]
        heads[f"bbox_{stride}"][:] = 0.4  # none overlaps another: 16,800 candidates, all of them good
    detector = Detector(CannedSession(heads))  # type: ignore[arg-type]
    began = time.process_time()
    found = detector.find(np.zeros((640, 640, 3), np.uint8), 0.7)
    assert len(found) == faces.FACES
    assert time.process_time() - began < 5  # takes .1 s


def test_drawn_faces_are_found_where_they_are(toy: Faces) -> None:
    found = expected = right = 0
    for number in range(12):
        people = [drawn_faces.person(HELD_OUT + number * 10 + n) for n in range(3)]
        image, there = drawn_faces.crowd(people, seed=HELD_OUT * 2 + number)
        answer = toy.answer([Asked(picture=picture_of(image), options={"detection": {"minScore": 0.6}})])[0]
        expected, found = expected + len(there), found + len(answer)
        right += sum(any(overlap(face.box, each["boundingBox"]) > 0.5 for each in answer) for face in there)
    assert right >= 0.9 * expected  # of held-out scenes docs/decisions tells what share
    assert found <= 1.1 * expected


def test_pictures_without_people_have_no_faces(toy: Faces) -> None:
    pictures = [drawn.scene_picture(name) for name in drawn.SCENES]
    pictures += [drawn_faces.background((800, 600), Random(n)) for n in range(8)]
    answers = toy.answer([Asked(picture=picture_of(each)) for each in pictures])
    assert sum(len(each) for each in answers) <= 1


def test_a_persons_pictures_are_nearer_to_each_other_than_to_anybody_elses(toy: Faces) -> None:
    people, vectors = range(8), list[Floats]()
    for person in people:
        for take in range(2):
            image, _ = drawn_faces.portrait(
                drawn_faces.person(HELD_OUT + 70_000 + person), seed=person * 5 + take, wild=0.5
            )
            (face,) = toy.answer([Asked(picture=picture_of(image))])[0][:1]
            vector = np.array(json.loads(face["embedding"]), np.float32)
            assert vector.shape == (512,)
            vectors.append(vector / np.linalg.norm(vector))
    likeness = np.stack(vectors) @ np.stack(vectors).T - 2 * np.eye(len(vectors))
    nearest = likeness.argmax(axis=1)
    assert sum(int(other) // 2 == at // 2 for at, other in enumerate(nearest)) >= 15


def test_boxes_are_those_of_the_picture_that_was_sent(toy: Faces) -> None:
    image, face = drawn_faces.portrait(drawn_faces.person(HELD_OUT + 5), seed=1, size=(600, 800), wild=0.2)
    half = image.resize((300, 400), Image.Resampling.BOX)
    (found,) = toy.answer([Asked(picture=Picture(np.asarray(half), 600, 800))])[0]
    assert overlap(face.box, found["boundingBox"]) > 0.6
    assert all(isinstance(side, int) for side in found["boundingBox"].values())


def test_faces_of_a_batch_are_embedded_as_if_alone(toy: Faces) -> None:
    assert toy.embedder is not None
    rng = np.random.default_rng(0)
    crops = [rng.integers(0, 256, (112, 112, 3), np.uint8) for _ in range(faces.BATCH + 3)]
    together = toy.embedder.embed(crops)
    alone = np.concatenate([toy.embedder.embed([crop]) for crop in crops])
    assert together == pytest.approx(alone, abs=1e-4)


@pytest.mark.parametrize("score", ["high", True, float("nan"), None, [1]])
def test_a_score_that_is_no_number_is_named(toy: Faces, score: object) -> None:
    with pytest.raises(Wrong, match=r"options\.detection\.minScore must be a number"):
        toy.answer([Asked(picture=picture_of(drawn.scene_picture("sea")), options={"detection": {"minScore": score}})])


def test_a_damaged_model_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"\x08\x07 no model")
    with pytest.raises(Unloadable, match="The face model cannot be loaded"):
        Faces.load({"detection": tmp_path}, Runtime())


def test_an_embedder_must_take_aligned_faces() -> None:
    session = CannedSession({"embedding": np.zeros((1, 512), np.float32)}, side=224)
    with pytest.raises(Unloadable, match=r"takes \(n, 3, 112, 112\)"):
        Embedder(session)  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore::FutureWarning")  # theirs, about scikit-image
def test_insightface_finds_the_same_faces_in_the_same_heads() -> None:
    """An oracle, where it is installed: `pip install insightface` (not one of our dependencies)."""
    pytest.importorskip("insightface")
    from insightface.model_zoo.scrfd import SCRFD
    from insightface.utils.face_align import norm_crop

    rng = np.random.default_rng(1)
    heads = scrfd_heads()
    for stride in faces.STRIDES:
        score = heads[f"score_{stride}"]
        score[rng.random(score.shape) < 0.01] = 0.8
        score += rng.random(score.shape).astype(np.float32) * 0.1
        heads[f"bbox_{stride}"][:] = rng.uniform(0.5, 4, heads[f"bbox_{stride}"].shape)
        heads[f"kps_{stride}"][:] = rng.uniform(-2, 2, heads[f"kps_{stride}"].shape)
    rgb = rng.integers(0, 256, (480, 900, 3), np.uint8)

    class TheirSession:  # as onnxruntime's, with our heads
        seen: Floats

        def get_inputs(self) -> list[SimpleNamespace]:
            return [SimpleNamespace(name="input", shape=[1, 3, 640, 640])]

        def get_outputs(self) -> list[SimpleNamespace]:
            return [SimpleNamespace(name=name, shape=list(head.shape)) for name, head in heads.items()]

        def run(self, _names: object, inputs: Mapping[str, Floats]) -> list[Floats]:
            self.seen = inputs["input"]
            return list(heads.values())

    their_session, session = TheirSession(), CannedSession(heads)
    oracle = SCRFD(session=their_session)
    oracle.det_thresh, oracle.nms_thresh = 0.5, 0.4
    theirs, landmarks = oracle.detect(rgb[:, :, ::-1], input_size=(640, 640))
    ours = Detector(session).find(rgb, 0.5)  # type: ignore[arg-type]
    assert np.abs(session.seen - their_session.seen).max() == 0
    assert len(theirs) == len(ours) > 30
    assert np.abs(theirs[:, :4] - ours.boxes).max() < 1e-2
    assert np.abs(landmarks - ours.landmarks).max() < 1e-2
    for marks in ours.landmarks[:20]:
        crop = norm_crop(rgb, marks, 112).astype(int)
        assert np.abs(crop - faces.aligned(rgb, marks).astype(int)).max() <= 2


def overlap(one: tuple[float, float, float, float], other: Mapping[str, int]) -> float:
    """Intersection over union."""
    a, b = np.array(one), np.array([other[side] for side in ("x1", "y1", "x2", "y2")], float)
    inner = np.maximum(0, np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])).prod()
    return float(inner / ((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - inner))
