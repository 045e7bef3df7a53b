"""Train the toy face model: a real detector and a real embedder for drawn faces, for tests and never for people.

Run from the project's root with torch and onnx installed beside what Calotype needs:

    OMP_NUM_THREADS=1 python -m scripts.train_toy_faces           # trains, writes both models, prints held-out figures
    python -m scripts.train_toy_faces --only-figures              # figures of the models that are there

The detector has SCRFD's nine heads, the embedder ArcFace's 112×112 → 512. Both learn from `tests/drawn_faces.py`, from
people whose numbers are below `HELD_OUT`; figures are taken from others, in other scenes, through the product's own code.
"""

import argparse
import math
import time
from itertools import combinations
from pathlib import Path
from random import Random

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import nn
from torch.nn import functional

from calotype.inference.faces import ANCHORS, STRIDES, Detector, Embedder, aligned
from calotype.inference.session import Runtime, open_session
from scripts.train_toy_clip import export
from tests import drawn, drawn_faces
from tests.drawn_faces import HELD_OUT, Drawn

FOLDER = Path("calotype/inference/models/facial-recognition/calotype-toy__faces")
SCENE_PX = 352
DETECTOR_STEPS, DETECTOR_BATCH = 2000, 8
EMBEDDER_STEPS, EMBEDDER_BATCH = 800, 64
PEOPLE = 1500
DRAWN_A_STEP, KEPT = 16, 9000
BASES = ((16, 32), (64, 128), (256, 512))  # the face sizes of each stride's anchors, px
Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]


# --- detector ----------------------------------------------------------------------------------------------------------


def block(into: int, out: int, stride: int = 1) -> nn.Sequential:
    """Convolution, normalisation, ReLU."""
    return nn.Sequential(nn.Conv2d(into, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU())


class Head(nn.Module):
    """Scores, distances and landmark offsets of one stride."""

    def __init__(self, width: int, stride: int, bases: tuple[int, int]) -> None:
        super().__init__()
        self.own = block(width, width)
        self.score = nn.Conv2d(width, ANCHORS, 1)
        self.box = nn.Conv2d(width, ANCHORS * 4, 1)
        self.marks = nn.Conv2d(width, ANCHORS * 10, 1)
        nn.init.constant_(self.score.bias, -4.0)  # faces are rare: begin with that
        self.register_buffer("unit", torch.tensor(bases).float().reshape(1, 1, ANCHORS, 1) / stride / 2)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(n, cells, anchors, 1 | 4 | 10)."""
        x = self.own(x)

        def rows(y: torch.Tensor, size: int) -> torch.Tensor:
            return y.permute(0, 2, 3, 1).reshape(y.shape[0], -1, ANCHORS, size)

        sides = rows(self.box(x), 4).clamp(-4, 4).exp() * self.unit
        return rows(self.score(x), 1), sides, rows(self.marks(x), 10) * self.unit


class Net(nn.Module):
    """Three strides, the coarse ones telling the fine ones what they see."""

    def __init__(self) -> None:
        super().__init__()
        self.fine = nn.Sequential(block(3, 8, 2), block(8, 16, 2), block(16, 32, 2), block(32, 32))
        self.middle = nn.Sequential(block(32, 48, 2), block(48, 48))
        self.coarse = nn.Sequential(block(48, 64, 2), block(64, 64), block(64, 64), block(64, 64))
        self.side = nn.ModuleList([nn.Conv2d(width, 32, 1) for width in (32, 48, 64)])
        self.heads = nn.ModuleList([Head(32, s, b) for s, b in zip(STRIDES, BASES, strict=True)])

    def forward(self, image: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        """What the heads say at strides 8, 16, 32; scores before the sigmoid."""
        fine = self.fine(image)
        middle = self.middle(fine)
        coarse = self.coarse(middle)
        c = self.side[2](coarse)
        m = self.side[1](middle) + functional.interpolate(c, scale_factor=2)
        f = self.side[0](fine) + functional.interpolate(m, scale_factor=2)
        return [head(functional.relu(x)) for head, x in zip(self.heads, (f, m, c), strict=True)]


class AsScrfd(nn.Module):
    """The net with SCRFD's nine outputs for one picture."""

    def __init__(self, net: Net) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Three times scores (n, 1), three times distances (n, 4), three times landmarks (n, 10)."""
        said = self.net(image)
        scores = [each[0].sigmoid().reshape(-1, 1) for each in said]
        return (*scores, *(each[1].reshape(-1, 4) for each in said), *(each[2].reshape(-1, 10) for each in said))


def scene(random: Random) -> tuple[Floats, list[Drawn]]:
    """A training picture of SCENE_PX with up to five faces, some cut by its edge."""
    kind = random.random()
    side = (SCENE_PX, SCENE_PX)
    if kind < 0.7:
        picture = drawn_faces.background(side, random)
    elif kind < 0.85:
        picture = drawn.scene_picture(random.choice(drawn.SCENES), seed=random.randrange(1 << 30), size=side)
    else:
        colours = random.sample(list(drawn.COLOURS), 2)
        shape = random.choice(drawn.SHAPES)
        picture = drawn.shape_picture(colours[0], shape, colours[1], seed=random.randrange(1 << 30), size=side)
    faces: list[Drawn] = []
    taken: list[tuple[float, float, float]] = []
    for _ in range(random.choice([0, 1, 1, 2, 3, 5])):
        half = math.exp(random.uniform(math.log(9), math.log(170)))
        x, y = random.uniform(0, SCENE_PX), random.uniform(0, SCENE_PX)
        if any(math.hypot(x - tx, y - ty) < 1.6 * (half + th) for tx, ty, th in taken):
            continue
        taken.append((x, y, half))
        who = drawn_faces.person(random.randrange(PEOPLE * 10))
        faces.append(drawn_faces.draw_face(picture, who, drawn_faces.any_pose(random), (x, y), half))
    pixels = np.asarray(picture).astype(np.float32)
    if random.random() < 0.5:
        pixels = pixels + np.random.default_rng(random.randrange(1 << 30)).normal(
            0, random.uniform(0, 10), pixels.shape
        )
    return ((np.clip(pixels, 0, 255) - 127.5) / 128).astype(np.float32), faces


def targets(faces: list[Drawn]) -> list[tuple[Floats, Floats, Floats]]:
    """For each stride: (cells, anchors) 1 face, 0 none, -1 either; distances; landmarks; in strides."""
    made: list[tuple[Floats, Floats, Floats]] = []
    for stride, bases in zip(STRIDES, BASES, strict=True):
        across = SCENE_PX // stride
        place = np.arange(across, dtype=np.float32) * stride
        cy, cx = (axis.reshape(-1) for axis in np.meshgrid(place, place, indexing="ij"))
        truth = np.zeros((across * across, ANCHORS), np.float32)
        sides = np.zeros((across * across, ANCHORS, 4), np.float32)
        marks = np.zeros((across * across, ANCHORS, 10), np.float32)
        for face in faces:
            x1, y1, x2, y2 = face.box
            size = math.sqrt((x2 - x1) * (y2 - y1))
            far = np.hypot(cx - (x1 + x2) / 2, cy - (y1 + y2) / 2)
            cut = x1 < -0.4 * size or y1 < -0.4 * size or x2 > SCENE_PX + 0.4 * size or y2 > SCENE_PX + 0.4 * size
            for anchor, base in enumerate(bases):
                off = abs(math.log2(size / base))
                if off > 1:
                    continue
                near = far <= max(0.22 * size, stride * 0.71)
                best = off <= 0.5 or (base == 16 and size < 16) or (base == 512 and size > 512)
                if not best or cut:
                    truth[near, anchor] = np.where(truth[near, anchor] == 1, 1, -1)
                    continue
                truth[(far <= 0.4 * size) & ~near & (truth[:, anchor] == 0), anchor] = -1
                truth[near, anchor] = 1
                box = np.stack([cx - x1, cy - y1, x2 - cx, y2 - cy], 1)[near] / stride
                sides[near, anchor] = np.maximum(box, 0.05)
                flat = np.array(face.landmarks, np.float32).reshape(1, 5, 2)
                shift = (flat - np.stack([cx, cy], 1)[near][:, None, :]) / stride
                marks[near, anchor] = shift.reshape(-1, 10)
        made.append((truth, sides, marks))
    return made


def train_detector(steps: int) -> Net:
    """Focal loss on scores, overlap on boxes, distance on landmarks."""
    torch.manual_seed(1)
    random = Random(1)
    net = Net()
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps, pct_start=0.1)
    started = time.process_time()
    for step in range(steps):
        drawn_now = [scene(random) for _ in range(DETECTOR_BATCH)]
        wanted = [targets(faces) for _, faces in drawn_now]
        images = torch.from_numpy(np.stack([picture for picture, _ in drawn_now])).permute(0, 3, 1, 2).contiguous()
        score_loss, box_loss, mark_loss, faces_seen = torch.zeros(()), torch.zeros(()), torch.zeros(()), 0.0
        for level, (score, sides, marks) in enumerate(net(images)):
            truth, box, points = (
                torch.from_numpy(np.stack([each[level][part] for each in wanted])) for part in range(3)
            )
            score = score.squeeze(-1)
            is_face, counts = truth == 1, truth >= 0
            sure = score.sigmoid()
            wrong = torch.where(is_face, 1 - sure, sure)
            cost = functional.binary_cross_entropy_with_logits(score, is_face.float(), reduction="none")
            score_loss = score_loss + (cost * wrong**1.5 * counts).sum()
            faces_seen += float(is_face.sum())
            if is_face.any():
                said, meant = sides[is_face], box[is_face]
                shared = torch.minimum(said[:, :2], meant[:, :2]) + torch.minimum(said[:, 2:], meant[:, 2:])
                inner = shared.prod(1)
                outer = (said[:, :2] + said[:, 2:]).prod(1) + (meant[:, :2] + meant[:, 2:]).prod(1) - inner
                box_loss = box_loss + (1 - inner / outer).sum()
                size = (meant[:, :2] + meant[:, 2:]).prod(1).sqrt().unsqueeze(1)
                mark_loss = (
                    mark_loss
                    + functional.smooth_l1_loss(
                        marks[is_face] / size, points[is_face] / size, beta=0.02, reduction="sum"
                    )
                    / 10
                )
        loss = (score_loss + box_loss + 5 * mark_loss) / max(1.0, faces_seen)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 10)
        optimizer.step()
        schedule.step()
        if step % 100 == 0 or step == steps - 1:
            parts = [round(float(part) / max(1.0, faces_seen), 3) for part in (score_loss, box_loss, mark_loss)]
            print(
                f"detector {step}: score, box, landmarks {parts} cpu {time.process_time() - started:.0f}s", flush=True
            )
    return net.eval()


# --- embedder ----------------------------------------------------------------------------------------------------------


class Embed(nn.Module):
    """(n, 3, 112, 112) → (n, 512), not normalised."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            block(3, 16, 2), block(16, 32, 2), block(32, 48, 2), block(48, 64), block(64, 80, 2), block(80, 80)
        )
        # Where something is matters as much as what: 7×7 places are weighed apart, not averaged.
        self.place = nn.Conv2d(80, 160, 7, groups=80)
        self.out = nn.Linear(160, 512)

    def forward(self, face: torch.Tensor) -> torch.Tensor:
        """Vectors whose direction tells who it is."""
        return self.out(self.place(self.layers(face)).flatten(1))


def likeness_of(number: int, random: Random) -> tuple[Pixels, Floats]:
    """A person cut out with room around the face, and the five landmarks in it."""
    half = math.exp(random.uniform(math.log(14), math.log(60)))
    side = int(half * 3.6)
    tones = [tuple(random.randint(0, 255) for _ in range(3)) for _ in range(2)]
    picture = Image.new("RGB", (side, side), tones[0])
    picture.paste(Image.new("RGB", (side, side), tones[1]), (random.randint(0, side), 0))
    who = drawn_faces.person(number)
    face = drawn_faces.draw_face(picture, who, drawn_faces.any_pose(random, 0.9), (side / 2, side / 2), half)
    return np.asarray(picture), np.array(face.landmarks, np.float32)


def crop(pixels: Pixels, landmarks: Floats, noise: np.random.Generator) -> Floats:
    """As the detector would hand them over: aligned by landmarks that are off by as much as its own."""
    eyes = float(np.hypot(*(landmarks[0] - landmarks[1])))
    off = noise.normal(0, noise.uniform(0.01, 0.11) * eyes, (5, 2))
    cut = aligned(pixels, (landmarks + off).astype(np.float32)).astype(np.float32)
    cut = cut * noise.uniform(0.88, 1.12) + noise.normal(0, noise.uniform(0, 9), cut.shape)
    return ((np.clip(cut, 0, 255) - 127.5) / 127.5).astype(np.float32)


def train_embedder(steps: int) -> Embed:
    """CosFace: each person a direction, others kept off by a margin."""
    torch.manual_seed(2)
    random, noise = Random(2), np.random.default_rng(2)
    net = Embed()
    people = nn.Parameter(torch.randn(PEOPLE, 512) * 0.05)
    optimizer = torch.optim.AdamW([*net.parameters(), people], lr=3e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps, pct_start=0.1)
    started = time.process_time()
    seen: list[tuple[int, Pixels, Floats]] = []
    for step in range(steps):
        new = [(number, *likeness_of(number, random)) for number in random.choices(range(PEOPLE), k=DRAWN_A_STEP)]
        again = random.sample(seen, min(len(seen), EMBEDDER_BATCH - len(new)))  # drawing costs more than learning
        seen = (seen + new)[-KEPT:]
        shown = new + again
        faces = torch.from_numpy(np.stack([crop(pixels, marks, noise) for _, pixels, marks in shown]))
        who = torch.tensor([number for number, _, _ in shown])
        vectors = net(faces.permute(0, 3, 1, 2).contiguous())
        alike = functional.normalize(vectors) @ functional.normalize(people).T
        margin = 0.2 * min(1.0, step / (steps * 0.5))
        loss = functional.cross_entropy(20 * (alike - margin * functional.one_hot(who, PEOPLE)), who)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 100 == 0 or step == steps - 1:
            right = (alike.argmax(1) == who).float().mean().item()
            used = time.process_time() - started
            print(f"embedder {step}: loss {loss.item():.3f} right {right:.2f} cpu {used:.0f}s", flush=True)
    return net.eval()


# --- held-out figures --------------------------------------------------------------------------------------------------


def overlap(one: npt.ArrayLike, other: npt.ArrayLike) -> float:
    """Intersection over union."""
    a, b = np.asarray(one), np.asarray(other)
    inner = np.maximum(0, np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])).prod()
    return float(inner / ((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - inner))


def figures(scenes: int = 120, people: int = 100, each: int = 5) -> None:
    """Prints what both find in scenes and people they were not trained on, through the product's code."""
    detector = Detector(open_session(FOLDER / "detection/model.onnx", Runtime()))
    embedder = Embedder(open_session(FOLDER / "recognition/model.onnx", Runtime()))
    random = Random(77)
    there = 0
    right, said, off = {0.5: 0, 0.7: 0}, {0.5: 0, 0.7: 0}, list[float]()
    for number in range(scenes):
        crowd = [drawn_faces.person(HELD_OUT + random.randrange(100_000)) for _ in range(random.randint(1, 8))]
        picture, faces = drawn_faces.crowd(crowd, seed=HELD_OUT + number)
        found = detector.find(np.asarray(picture), 0.5)
        there += len(faces)
        for least in said:
            said[least] += int((found.scores >= least).sum())
        free = list(range(len(found)))
        for face in faces:
            best = max(free, key=lambda n: overlap(face.box, found.boxes[n]), default=None)
            if best is not None and overlap(face.box, found.boxes[best]) >= 0.5:
                free.remove(best)
                for least in right:
                    right[least] += int(found.scores[best] >= least)
                eyes = math.dist(face.landmarks[0], face.landmarks[1])
                off.append(float(np.hypot(*(found.landmarks[best] - np.array(face.landmarks)).T).mean() / eyes))
    print(f"{scenes} scenes, {there} faces, landmarks off by {np.mean(off):.3f} of the eyes' distance")
    for least in said:
        print(f"minScore {least}: recall {right[least] / there:.3f}, precision {right[least] / said[least]:.3f}")
    empty = [drawn_faces.background((1440, 1080), Random(HELD_OUT + n)) for n in range(100)]
    empty += [drawn.scene_picture(name, seed=HELD_OUT + n) for n, name in enumerate(drawn.SCENES * 5)]
    alarms = sum(len(detector.find(np.asarray(picture), 0.7)) for picture in empty)
    print(f"{len(empty)} pictures without a face: {alarms} false alarms at 0.7")

    vectors: list[Floats] = []
    owners: list[int] = []
    missed = 0
    for number in range(people):
        for take in range(each):
            picture, face = drawn_faces.portrait(
                drawn_faces.person(HELD_OUT + 500_000 + number), seed=number * 100 + take, wild=0.8
            )
            pixels = np.asarray(picture)
            found = detector.find(pixels, 0.7)
            hits = [n for n in range(len(found)) if overlap(found.boxes[n], face.box) > 0.5]
            if not hits:
                missed += 1
                continue
            vectors.append(embedder.embed([aligned(pixels, found.landmarks[hits[0]])])[0])
            owners.append(number)
    unit = np.stack(vectors)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    likeness = unit @ unit.T
    pairs = list(combinations(range(len(owners)), 2))
    alike = np.array([likeness[a, b] for a, b in pairs])
    same = np.array([owners[a] == owners[b] for a, b in pairs])
    print(f"{people} people, {len(owners)} faces embedded, {missed} portraits missed")
    print("likeness of the same 1/5/50 %:", np.round(np.percentile(alike[same], [1, 5, 50]), 3))
    print("likeness of others 50/95/99/99.9 %:", np.round(np.percentile(alike[~same], [50, 95, 99, 99.9]), 3))
    for distance in (0.4, 0.5, 0.6):
        close = 1 - alike <= distance
        print(f"distance {distance}: same accepted {close[same].mean():.4f}, others accepted {close[~same].mean():.5f}")
    order = np.sort(alike)
    error = min(max((alike[same] < t).mean(), (alike[~same] >= t).mean()) for t in order[:: max(1, len(order) // 500)])
    print(f"equal error rate {error:.4f}")
    nearest = np.argmax(likeness - 2 * np.eye(len(owners)), axis=1)
    print(
        f"nearest neighbour is the same person: {np.mean([owners[a] == owners[int(b)] for a, b in enumerate(nearest)]):.4f}"
    )


def main() -> None:
    """Trains unless told otherwise, then measures."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--detector-steps", type=int, default=DETECTOR_STEPS)
    arguments.add_argument("--embedder-steps", type=int, default=EMBEDDER_STEPS)
    arguments.add_argument("--only", choices=("detector", "embedder", "figures"))
    asked = arguments.parse_args()
    torch.set_num_threads(1)
    if asked.only in (None, "detector"):
        names = [f"{kind}_{stride}" for kind in ("score", "bbox", "kps") for stride in STRIDES]
        net = AsScrfd(train_detector(asked.detector_steps)).eval()
        # A batch of one and a side of 640, as SCRFD's own exports have it in the hub.
        export(
            net,
            torch.zeros(1, 3, 640, 640),
            FOLDER / "detection/model.onnx",
            input_name="input",
            output_names=names,
            free_batch=False,
        )
    if asked.only in (None, "embedder"):
        embed = train_embedder(asked.embedder_steps)
        export(
            embed,
            torch.zeros(2, 3, 112, 112),
            FOLDER / "recognition/model.onnx",
            input_name="input",
            output_names=["embedding"],
        )
    if asked.only in (None, "figures"):
        print(f"{sum(file.stat().st_size for file in FOLDER.rglob('*') if file.is_file()):,} bytes")
        figures()


if __name__ == "__main__":
    main()
