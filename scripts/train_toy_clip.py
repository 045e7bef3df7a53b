"""Train the toy CLIP: a real model small enough to be in the package, for tests and for the first minute.

It knows twelve colours, seven shapes and eight scenes, and nothing else. Run from the project's root with torch, onnx and
tokenizers installed beside what Calotype needs (none of them is needed at run time):

    OMP_NUM_THREADS=1 python -m scripts.train_toy_clip            # trains, writes the model, prints held-out figures
    python -m scripts.train_toy_clip --only-figures               # figures of the model that is there

Training pictures are drawn here with numpy at 64 px; held-out ones by Pillow at photo size (`tests/drawn.py`). Steps and
seeds are fixed, so a run says what the last one said, up to the machine's arithmetic.
"""

import argparse
import colorsys
import io
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from torch import nn
from torch.nn import functional

from tests import drawn

NAME = "calotype-toy__shapes"
FOLDER = Path("calotype/inference/models/clip") / NAME
SIDE_PX = 64
WIDTH = 512
WORDS_AT_MOST = 16
STEPS = 2600
BATCH = 96
Floats = npt.NDArray[np.float32]

# What a colour's name covers: hue in degrees, saturation, value.
COLOURS: dict[str, tuple[tuple[float, float], tuple[float, float], tuple[float, float]]] = {
    "red": ((-9, 8), (0.75, 1), (0.6, 1)),
    "orange": ((22, 37), (0.8, 1), (0.88, 1)),
    "yellow": ((48, 60), (0.65, 1), (0.88, 1)),
    "green": ((95, 150), (0.5, 1), (0.4, 0.85)),
    "turquoise": ((170, 188), (0.6, 1), (0.65, 0.95)),
    "blue": ((212, 245), (0.6, 1), (0.55, 1)),
    "purple": ((265, 290), (0.5, 1), (0.4, 0.82)),
    "pink": ((312, 342), (0.3, 0.65), (0.9, 1)),
    "brown": ((15, 32), (0.5, 0.85), (0.25, 0.52)),
    "black": ((0, 360), (0, 0.25), (0, 0.13)),
    "white": ((0, 360), (0, 0.05), (0.93, 1)),
    "grey": ((0, 360), (0, 0.07), (0.42, 0.7)),
}
SHAPES = ("circle", "square", "triangle", "star", "heart", "cross", "ring")
SCENES = ("beach", "sea", "forest", "snow", "night", "sunset", "desert", "city")
ALSO = {
    "turquoise": ("cyan", "teal"),
    "purple": ("violet",),
    "grey": ("gray",),
    "circle": ("disc", "dot", "ball"),
    "square": ("box",),
    "cross": ("plus",),
    "ring": ("hoop",),
    "beach": ("shore",),
    "sea": ("ocean", "water"),
    "forest": ("woods", "trees"),
    "snow": ("winter", "snowy"),
    "night": ("stars", "moon"),
    "sunset": ("dusk", "evening"),
    "desert": ("dunes",),
    "city": ("skyline", "buildings"),
}
FILLERS = (
    "a",
    "an",
    "the",
    "of",
    "on",
    "in",
    "at",
    "with",
    "and",
    "one",
    "my",
    "this",
    "photo",
    "picture",
    "image",
    "background",
)
PAD, UNKNOWN = "[PAD]", "[UNK]"
NAMES = list(COLOURS)
VOCABULARY = [PAD, UNKNOWN, *FILLERS, *NAMES, *SHAPES, *SCENES, *(word for words in ALSO.values() for word in words)]
WORD = {word: number for number, word in enumerate(VOCABULARY)}


@dataclass(slots=True)
class Facts:
    """What is in a picture, or what a caption demands of one; -1: nothing is said."""

    things: list[tuple[int, int]]  # (colour, shape)
    ground: int = -1
    scene: int = -1

    def demanded_of(self, picture: "Facts") -> bool:
        """Whether this, as a caption, is true of the picture."""
        return (
            all(any(c in (-1, pc) and s in (-1, ps) for pc, ps in picture.things) for c, s in self.things)
            and self.ground in (-1, picture.ground)
            and self.scene in (-1, picture.scene)
        )


# --- pictures ----------------------------------------------------------------------------------------------------------

_LINE = (np.arange(SIDE_PX, dtype=np.float32) + 0.5) / SIDE_PX
Y, X = np.meshgrid(_LINE, _LINE, indexing="ij")


def tone(name: str, random: np.random.Generator) -> Floats:
    """One RGB that goes by a colour's name."""
    h, s, v = (random.uniform(*span) for span in COLOURS[name])
    return np.array(colorsys.hsv_to_rgb((h / 360) % 1, s, v), np.float32)


def noise(random: np.random.Generator, cells: int) -> Floats:
    """Soft blotches in -1 … 1."""
    small = random.uniform(-1, 1, (cells, cells)).astype(np.float32)
    return np.asarray(Image.fromarray(small).resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC))


def inside(shape: str, u: Floats, v: Floats, random: np.random.Generator) -> Floats:
    """Distance to the outline of a shape of size one, positive within."""
    far = np.hypot(u, v)
    if shape == "circle":
        return 1 - far
    if shape == "ring":
        return random.uniform(0.17, 0.27) - np.abs(far - 0.75)
    if shape == "square":
        return 0.8 - np.maximum(np.abs(u), np.abs(v))
    if shape == "triangle":
        sides = [u * math.cos(a) + v * math.sin(a) for a in (math.pi / 2, math.pi * 7 / 6, math.pi * 11 / 6)]
        return 0.52 - np.maximum.reduce(sides)
    if shape == "cross":
        arm = random.uniform(0.22, 0.36)
        upright = np.minimum(arm - np.abs(u), 0.95 - np.abs(v))
        return np.maximum(upright, np.minimum(arm - np.abs(v), 0.95 - np.abs(u)))
    if shape == "star":
        inner = random.uniform(0.36, 0.48)
        turn = np.abs((np.arctan2(u, -v) + math.pi / 5) % (math.pi * 2 / 5) - math.pi / 5)
        tip, notch = (1.0, 0.0), (inner * math.cos(math.pi / 5), inner * math.sin(math.pi / 5))
        edge = (notch[0] - tip[0], notch[1] - tip[1])
        along, across = far * np.cos(turn) - tip[0], far * np.sin(turn) - tip[1]
        return (across * edge[0] - along * edge[1]) / math.hypot(*edge)
    half = 0.75  # a heart: a square on its corner, a disc on each upper side
    corner = (half * 1.05 - np.abs(u) - np.abs(v)) / math.sqrt(2)
    discs = [half / math.sqrt(2) - np.hypot(u - side, v + half / 2) for side in (-half / 2, half / 2)]
    return np.maximum.reduce([corner, *discs])


def ground(name: str, random: np.random.Generator) -> Floats:
    """A ground of one colour: plain, fading, blotched or striped."""
    one, two = tone(name, random), tone(name, random)
    kind = random.integers(4)
    if kind == 0:
        mix = np.zeros_like(X)
    elif kind == 1:
        a = random.uniform(0, 2 * math.pi)
        mix = np.clip(0.5 + (X - 0.5) * math.cos(a) + (Y - 0.5) * math.sin(a), 0, 1)
    elif kind == 2:
        mix = np.clip(0.5 + noise(random, int(random.integers(3, 12))), 0, 1)
    else:
        a, many = random.uniform(0, math.pi), random.uniform(4, 16)
        mix = (np.sin((X * math.cos(a) + Y * math.sin(a)) * many * 6) > 0).astype(np.float32)
    return one + (two - one) * mix[..., None]


def put(
    picture: Floats, shape: str, rgb: Floats, at: tuple[float, float], radius: float, random: np.random.Generator
) -> Floats:
    """The picture with a shape on it."""
    most = {"circle": 180, "ring": 180, "star": 36, "square": 18, "triangle": 20, "heart": 20, "cross": 18}[shape]
    a = math.radians(random.uniform(-most, most))
    stretch = random.uniform(0.92, 1.08)
    dx, dy = (X - at[0]) / radius * stretch, (Y - at[1]) / radius / stretch
    u, v = dx * math.cos(a) + dy * math.sin(a), dy * math.cos(a) - dx * math.sin(a)
    cover = np.clip(0.5 + inside(shape, u, v, random) * radius * SIDE_PX, 0, 1)[..., None]
    shaded = rgb * (1 + 0.08 * random.uniform(-1, 1) * (X + Y - 1)[..., None])
    return picture * (1 - cover) + shaded * cover


def scene_of(name: str, random: np.random.Generator) -> Floats:
    """A landscape of soft bands and blotches."""

    def jig(*rgb: float) -> Floats:
        return np.clip(np.array(rgb, np.float32) + random.uniform(-0.08, 0.08, 3).astype(np.float32), 0, 1)

    def fade(above: Floats, below: Floats, top: float, bottom: float) -> Floats:
        return above + (below - above) * np.clip((Y - top) / (bottom - top), 0, 1)[..., None]

    horizon = random.uniform(0.28, 0.5)
    wave = horizon + 0.01 * noise(random, 6)
    sky = fade(jig(0.4, 0.68, 0.92), jig(0.78, 0.88, 0.96), 0, horizon)
    if name in ("beach", "sea"):
        water = fade(jig(0.12, 0.42, 0.68), jig(0.1, 0.3, 0.5) if name == "sea" else jig(0.3, 0.7, 0.75), horizon, 1)
        water = water + 0.05 * noise(random, 16)[..., None]
        picture = np.where((wave < Y)[..., None], water, sky)
        if name == "beach":
            shore = random.uniform(0.52, 0.72) + random.uniform(-0.15, 0.15) * (X - 0.5) + 0.01 * noise(random, 6)
            sand = fade(jig(0.93, 0.86, 0.66), jig(0.85, 0.75, 0.53), 0.5, 1) + 0.03 * noise(random, 20)[..., None]
            picture = np.where((shore < Y)[..., None], sand, picture)
            picture = picture + 0.4 * np.exp(-(((Y - shore) * 50) ** 2))[..., None]
    elif name == "forest":
        picture = fade(jig(0.22, 0.42, 0.18), jig(0.12, 0.26, 0.11), 0, 1) + 0.1 * noise(random, 14)[..., None]
        for _ in range(int(random.integers(12, 30))):
            x, base, tall = random.uniform(0, 1), random.uniform(0.3, 1.1), random.uniform(0.2, 0.6)
            crown = (np.abs(X - x) < (Y - base + tall) * random.uniform(0.2, 0.4)) & (base > Y) & (base - tall < Y)
            trunk = (np.abs(X - x) < 0.012) & (base < Y) & (base + tall * 0.3 > Y)
            picture = np.where(crown[..., None], jig(0.14, 0.42, 0.17) * random.uniform(0.6, 1.2), picture)
            picture = np.where(trunk[..., None], jig(0.3, 0.2, 0.12), picture)
    elif name == "snow":
        picture = fade(jig(0.62, 0.72, 0.82), jig(0.84, 0.88, 0.93), 0, 0.6)
        for _ in range(int(random.integers(1, 4))):
            x, top = random.uniform(0, 1), random.uniform(0.1, 0.45)
            peak = np.abs(X - x) * random.uniform(0.4, 1.2) + top + 0.03 * noise(random, 8) < Y
            picture = np.where(peak[..., None], jig(0.87, 0.9, 0.94), picture)
        low = random.uniform(0.5, 0.75) + 0.05 * noise(random, 4) < Y
        picture = np.where(low[..., None], fade(jig(0.96, 0.97, 0.99), jig(0.9, 0.93, 0.97), 0.5, 1), picture)
        flakes = random.random((SIDE_PX, SIDE_PX)) < random.uniform(0, 0.06)
        picture = np.where(flakes[..., None], np.float32(1), picture)
    elif name == "night":
        picture = fade(jig(0.06, 0.07, 0.15) * 0.8, jig(0.1, 0.11, 0.23), 0, 1)
        lights = random.random((SIDE_PX, SIDE_PX)) < random.uniform(0.005, 0.03)
        picture = np.where(lights[..., None], np.float32(random.uniform(0.5, 0.95)), picture)
        if random.random() < 0.8:
            picture = put(
                picture,
                "circle",
                jig(0.95, 0.93, 0.8),
                tuple(random.uniform(0.15, 0.6, 2)),
                random.uniform(0.05, 0.12),
                random,
            )
    elif name == "sunset":
        land = random.uniform(0.6, 0.82)
        picture = fade(jig(0.38, 0.22, 0.48), jig(0.9, 0.4, 0.3), 0, land * 0.55)
        glow = fade(jig(0.9, 0.4, 0.3), jig(1, 0.76, 0.38), land * 0.5, land)
        picture = np.where((land * 0.5 < Y)[..., None], glow, picture)
        picture = put(
            picture,
            "circle",
            jig(1, 0.9, 0.6),
            (random.uniform(0.3, 0.7), land - random.uniform(0, 0.12)),
            random.uniform(0.06, 0.15),
            random,
        )
        picture = np.where((land + 0.02 * noise(random, 5) < Y)[..., None], jig(0.16, 0.11, 0.15), picture)
    elif name == "desert":
        picture = sky
        for layer in range(int(random.integers(2, 5))):
            ridge = (
                horizon
                + layer * 0.15
                + random.uniform(0.03, 0.1) * np.sin(X * random.uniform(4, 9) + random.uniform(0, 6))
            )
            picture = np.where((ridge < Y)[..., None], jig(0.87, 0.65, 0.38) * (1 - 0.07 * layer), picture)
    else:
        picture = fade(jig(0.55, 0.66, 0.8), jig(0.8, 0.83, 0.87), 0, 1)
        left = random.uniform(-0.1, 0)
        while left < 1:
            wide, top = random.uniform(0.07, 0.2), random.uniform(0.1, 0.65)
            wall = (left < X) & (left + wide > X) & (top < Y)
            picture = np.where(wall[..., None], jig(0.38, 0.39, 0.43) * random.uniform(0.7, 1.4), picture)
            across, down = random.uniform(20, 34), random.uniform(14, 26)
            windows = wall & ((X * across) % 1 < 0.5) & ((Y * down) % 1 < 0.55)
            picture = np.where(
                windows[..., None], jig(0.85, 0.8, 0.6) if random.random() < 0.6 else jig(0.25, 0.3, 0.36), picture
            )
            left += wide + random.uniform(0, 0.03)
    return picture.astype(np.float32)


def picture_of(random: np.random.Generator) -> tuple[Floats, Facts]:
    """A picture and what is in it."""
    if random.random() < 0.15:
        scene = int(random.integers(len(SCENES)))
        return spoil(scene_of(SCENES[scene], random), random), Facts([], scene=scene)
    while True:
        below = int(random.integers(len(NAMES)))
        picture = ground(NAMES[below], random)
        two = random.random() < 0.35
        picked = [(int(random.integers(len(NAMES))), int(random.integers(len(SHAPES)))) for _ in range(2 if two else 1)]
        tones = [tone(NAMES[colour], random) for colour, _ in picked]
        # A shape that cannot be told from its ground teaches nothing.
        if all(
            colour != below and np.abs(picture - rgb).sum(-1).mean() > 0.35
            for (colour, _), rgb in zip(picked, tones, strict=True)
        ):
            break
    a = random.uniform(0, 2 * math.pi)
    for sign, (_, shape), rgb in zip((1, -1), picked, tones, strict=False):
        radius = random.uniform(0.14, 0.24) if two else random.uniform(0.15, 0.44)
        reach = random.uniform(0.22, 0.3) if two else random.uniform(0, 0.45 - radius * 0.9)
        at = 0.5 + sign * reach * math.cos(a) * 1.1, 0.5 + sign * reach * math.sin(a) * 1.1
        picture = put(picture, SHAPES[shape], rgb, at, radius, random)
    return spoil(picture, random), Facts(picked, ground=below)


def spoil(picture: Floats, random: np.random.Generator) -> Floats:
    """What lenses, sensors and compression do."""
    picture = picture * random.uniform(0.92, 1.06) * random.uniform(0.97, 1.03, 3).astype(np.float32)
    picture = picture + random.normal(0, random.uniform(0, 0.03), picture.shape).astype(np.float32)
    picture = np.clip(picture, 0, 1)
    if random.random() < 0.4:
        soft = (picture[:-1, :-1] + picture[1:, :-1] + picture[:-1, 1:] + picture[1:, 1:]) / 4
        picture[:-1, :-1] = soft
    return picture.astype(np.float32)


# --- words -------------------------------------------------------------------------------------------------------------


def caption_of(facts: Facts, random: np.random.Generator) -> tuple[list[int], Facts]:
    """Words that are true of a picture, with what exactly they demand."""

    def say(name: str) -> str:
        return str(random.choice(ALSO[name])) if name in ALSO and random.random() < 0.3 else name

    start = ["", "a", "the", "photo of a", "picture of the", "a photo of a", "one", "my", "image of a"][
        random.integers(9)
    ].split()
    if facts.scene >= 0:
        words = [*start, say(SCENES[facts.scene])]
        return numbers(words, random), Facts([], scene=facts.scene)
    things = list(facts.things)
    if len(things) == 2:
        things = [things[0], things[1]] if random.random() < 0.5 else [things[1], things[0]]
        if random.random() < 0.5:
            things = things[:1]
    demanded: list[tuple[int, int]] = []
    words = list(start)
    for place, (colour, shape) in enumerate(things):
        if place:
            words += [["and"], ["and", "a"], ["with", "a"]][random.integers(3)]
        tell = random.random()
        if tell < 0.15:
            words.append(say(SHAPES[shape]))
            demanded.append((-1, shape))
        else:
            words += [say(NAMES[colour]), say(SHAPES[shape])]
            demanded.append((colour, shape))
    below = -1
    if random.random() < 0.3:
        below = facts.ground
        words += [["on", say(NAMES[below])], ["on", "a", say(NAMES[below]), "background"]][random.integers(2)]
    return numbers(words, random), Facts(demanded, ground=below)


def numbers(words: list[str], random: np.random.Generator) -> list[int]:
    """Words as the tokenizer numbers them, with strange words among them now and then."""
    line = [WORD[word] for word in words]
    for _ in range(int(random.integers(1, 4)) if random.random() < 0.15 else 0):
        line.insert(int(random.choice([0, len(line)])), WORD[UNKNOWN])
    return (line + [WORD[PAD]] * WORDS_AT_MOST)[:WORDS_AT_MOST]


def write_tokenizer(folder: Path) -> None:
    """A word-level tokenizer in the file formats of the hub."""
    tokenizer = Tokenizer(models.WordLevel(vocab=WORD, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.Punctuation(behavior="removed")]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    facts = {"pad_token": PAD, "unk_token": UNKNOWN, "model_max_length": WORDS_AT_MOST}
    (folder / "tokenizer_config.json").write_text(json.dumps(facts, indent=2) + "\n")


# --- the model ---------------------------------------------------------------------------------------------------------


class Visual(nn.Module):
    """(n, 3, 64, 64) → (n, 512), unit length. Mean and maximum: what there is, and what stands out."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for into, out, stride in ((3, 24, 2), (24, 40, 2), (40, 56, 1), (56, 80, 2), (80, 80, 1), (80, 96, 2)):
            layers += [nn.Conv2d(into, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        self.out = nn.Linear(192, WIDTH)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Unit vectors."""
        seen = self.layers(image)
        pooled = torch.cat([seen.mean((2, 3)), seen.amax((2, 3))], 1)
        return functional.normalize(self.out(pooled), dim=-1)


class Textual(nn.Module):
    """(n, 16) word numbers → (n, 512), unit length. Three words at a time: a colour belongs to its neighbour."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(len(VOCABULARY), 64, padding_idx=WORD[PAD])
        self.near = nn.Conv1d(64, 96, 3, padding=1)
        self.wide = nn.Conv1d(96, 96, 3, padding=1)
        self.out = nn.Linear(192, WIDTH)

    def forward(self, text: torch.Tensor) -> torch.Tensor:
        """Unit vectors."""
        there = (text != WORD[PAD]).float().unsqueeze(1)
        seen = functional.gelu(self.near(self.words(text.long()).transpose(1, 2))) * there
        seen = (seen + functional.gelu(self.wide(seen))) * there
        mean = seen.sum(2) / there.sum(2).clamp(min=1)
        return functional.normalize(self.out(torch.cat([mean, seen.amax(2)], 1)), dim=-1)


def train(steps: int) -> tuple[Visual, Textual]:
    """Contrast of pictures and captions; every caption that happens to be true of a picture counts as its own."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    visual, textual = Visual(), Textual()
    scale = nn.Parameter(torch.tensor(2.5))
    weights = [*visual.parameters(), *textual.parameters(), scale]
    optimizer = torch.optim.AdamW(weights, lr=3e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps, pct_start=0.1)
    started = time.process_time()
    for step in range(steps):
        drawn_now = [picture_of(random) for _ in range(BATCH)]
        captions = [caption_of(facts, random) for _, facts in drawn_now]
        true = torch.tensor([[demand.demanded_of(facts) for _, demand in captions] for _, facts in drawn_now]).float()
        images = torch.from_numpy(np.stack([picture for picture, _ in drawn_now])).permute(0, 3, 1, 2) * 2 - 1
        text = torch.tensor([line for line, _ in captions], dtype=torch.int32)
        likeness = visual(images) @ textual(text).T * scale.exp()
        loss = -(
            (true * likeness.log_softmax(1)).sum(1) / true.sum(1)
            + (true * likeness.log_softmax(0)).sum(0) / true.sum(0)
        ).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            scale.clamp_(max=math.log(60))
        if step % 100 == 0 or step == steps - 1:
            print(
                f"step {step} loss {loss.item():.3f} scale {scale.exp().item():.1f} cpu {time.process_time() - started:.0f}s",
                flush=True,
            )
    return visual.eval(), textual.eval()


# --- files -------------------------------------------------------------------------------------------------------------


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same model with its weights kept in 16 bits and brought to 32 when it is loaded."""
    graph = model.graph
    casts: list[onnx.NodeProto] = []
    for held in graph.initializer:
        if held.data_type != TensorProto.FLOAT or math.prod(held.dims) < 32:
            continue
        name = held.name
        held.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(held).astype(np.float16), name + ".half"))
        casts.append(helper.make_node("Cast", [name + ".half"], [name], to=TensorProto.FLOAT))
    rest = list(graph.node)
    del graph.node[:]
    graph.node.extend([*casts, *rest])
    onnx.checker.check_model(model)
    return model


def export(
    module: nn.Module,
    example: torch.Tensor,
    path: Path,
    *,
    input_name: str,
    output_names: list[str],
    free_batch: bool = True,
) -> None:
    """ONNX with 16-bit weights, the batch axis free or as in the example."""
    path.parent.mkdir(parents=True, exist_ok=True)
    out = io.BytesIO()
    free = {name: {0: "batch"} for name in (input_name, *output_names)} if free_batch else None
    torch.onnx.export(
        module, (example,), out, input_names=[input_name], output_names=output_names, dynamic_axes=free,
        opset_version=17, dynamo=False,
    )  # fmt: skip
    model = halved(onnx.load_from_string(out.getvalue()))
    model.producer_name, model.producer_version = "calotype", "1"
    del model.metadata_props[:]
    path.write_bytes(model.SerializeToString())


def write(visual: Visual, textual: Textual, folder: Path) -> None:
    """The model in the hub's layout."""
    export(
        visual,
        torch.zeros(2, 3, SIDE_PX, SIDE_PX),
        folder / "visual/model.onnx",
        input_name="image",
        output_names=["embedding"],
    )
    export(
        textual,
        torch.ones(2, WORDS_AT_MOST, dtype=torch.int32),
        folder / "textual/model.onnx",
        input_name="text",
        output_names=["embedding"],
    )
    write_tokenizer(folder / "textual")
    preprocess = {
        "size": SIDE_PX, "mode": "RGB", "mean": [0.5] * 3, "std": [0.5] * 3,
        "interpolation": "bicubic", "resize_mode": "shortest", "fill_color": 0,
    }  # fmt: skip
    (folder / "visual/preprocess_cfg.json").write_text(json.dumps(preprocess, indent=2) + "\n")
    config = {
        "embed_dim": WIDTH,
        "vision_cfg": {"image_size": SIDE_PX},
        "text_cfg": {"context_length": WORDS_AT_MOST, "vocab_size": len(VOCABULARY)},
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


# --- held-out figures --------------------------------------------------------------------------------------------------


class Loaded:
    """The files as they are used: onnxruntime and the tokenizer, nothing of torch."""

    def __init__(self, folder: Path) -> None:
        self.visual = onnxruntime.InferenceSession(str(folder / "visual/model.onnx"))
        self.textual = onnxruntime.InferenceSession(str(folder / "textual/model.onnx"))
        self.tokenizer = Tokenizer.from_file(str(folder / "textual/tokenizer.json"))
        self.tokenizer.enable_padding(length=WORDS_AT_MOST, pad_token=PAD, pad_id=WORD[PAD])
        self.tokenizer.enable_truncation(WORDS_AT_MOST)

    def images(self, pictures: list[Image.Image]) -> Floats:
        """Embeddings of pictures, each brought to the model's size by its short side."""
        rows: list[Floats] = []
        for picture in pictures:
            with Image.open(io.BytesIO(drawn.jpeg(picture))) as file:
                width, height = file.size
                scale = SIDE_PX / min(width, height)
                small = file.convert("RGB").resize((int(width * scale), int(height * scale)), Image.Resampling.BICUBIC)
            left, top = round((small.width - SIDE_PX) / 2), round((small.height - SIDE_PX) / 2)
            cut = np.asarray(small.crop((left, top, left + SIDE_PX, top + SIDE_PX)), np.float32)
            rows.append((cut / 255 - 0.5) / 0.5)
        return np.asarray(self.visual.run(None, {"image": np.stack(rows).transpose(0, 3, 1, 2)})[0])

    def words(self, lines: list[str]) -> Floats:
        """Embeddings of sentences."""
        ids = np.array([self.tokenizer.encode(line).ids for line in lines], np.int32)
        return np.asarray(self.textual.run(None, {"text": ids})[0])


def held_out(count: int = 2000, seed: int = 99) -> tuple[list[Facts], Loaded, Floats]:
    """Pictures by the other renderer, each with what is in it, and their embeddings."""
    random = np.random.default_rng(seed)
    loaded = Loaded(FOLDER)
    facts: list[Facts] = []
    rows: list[Floats] = []
    for number in range(count):
        if random.random() < 0.1:
            scene = int(random.integers(len(SCENES)))
            facts.append(Facts([], scene=scene))
            picture = drawn.scene_picture(SCENES[scene], seed=number)
        else:
            two = random.random() < 0.25
            below, *colours = (int(n) for n in random.permutation(len(NAMES))[: 3 if two else 2])
            things = [(colour, int(random.integers(len(SHAPES)))) for colour in colours]
            facts.append(Facts(things, ground=below))
            named = [(NAMES[c], SHAPES[s]) for c, s in things]
            picture = drawn.shape_picture(*named[0], NAMES[below], seed=number, second=named[1] if two else None)
        rows.append(loaded.images([picture]))
    return facts, loaded, np.concatenate(rows)


def figures() -> None:
    """Prints what the model finds among pictures it was not trained on."""
    facts, loaded, embedded = held_out()
    sets: dict[str, list[tuple[str, Facts]]] = {
        "a red circle (colour and shape)": [
            (f"a {c} {s}", Facts([(i, j)])) for i, c in enumerate(NAMES) for j, s in enumerate(SHAPES)
        ],
        "photo of a star (shape)": [(f"photo of a {s}", Facts([(-1, j)])) for j, s in enumerate(SHAPES)],
        "beach (scene)": [(s, Facts([], scene=i)) for i, s in enumerate(SCENES)],
        "a red circle on a blue background": [
            (
                f"a {NAMES[f.things[0][0]]} {SHAPES[f.things[0][1]]} on a {NAMES[f.ground]} background",
                Facts([f.things[0]], f.ground),
            )
            for f in facts
            if len(f.things) == 1
        ],
        "a red circle and a blue star (two things)": [
            (" and ".join(f"a {NAMES[c]} {SHAPES[s]}" for c, s in f.things), Facts(f.things))
            for f in facts
            if len(f.things) == 2
        ],
    }
    print(f"{len(facts)} held-out pictures")
    for name, asked in sets.items():
        asked = list({line: (line, demand) for line, demand in asked}.values())
        order = np.argsort(-(loaded.words([line for line, _ in asked]) @ embedded.T), axis=1)
        first, ten, average = [], [], []
        for (_, demand), ranks in zip(asked, order, strict=True):
            hits = np.array([demand.demanded_of(facts[int(n)]) for n in ranks], float)
            if not hits.any():
                continue
            top = min(10, int(hits.sum()))
            first.append(hits[0])
            ten.append(hits[:top].mean())
            average.append((np.cumsum(hits) / np.arange(1, len(hits) + 1) * hits).sum() / hits.sum())
        print(
            f"{name}: {len(first)} queries, P@1 {np.mean(first):.3f}, "
            f"P@min(10,n) {np.mean(ten):.3f}, mAP {np.mean(average):.3f}"
        )
    labels = [(i, j) for i in range(len(NAMES)) for j in range(len(SHAPES))]
    alone = [(f.things[0], row) for f, row in zip(facts, embedded, strict=True) if len(f.things) == 1]
    said = loaded.words([f"a {NAMES[i]} {SHAPES[j]}" for i, j in labels])
    best = np.argmax(np.stack([row for _, row in alone]) @ said.T, axis=1)
    right = np.mean([labels[int(b)] == thing for b, (thing, _) in zip(best, alone, strict=True)])
    print(f"naming one of {len(labels)}: {right:.3f} of {len(alone)} right")


def main() -> None:
    """Trains unless told otherwise, then measures."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--steps", type=int, default=STEPS)
    arguments.add_argument("--only-figures", action="store_true")
    asked = arguments.parse_args()
    if not asked.only_figures:
        write(*train(asked.steps), FOLDER)
        print(f"{sum(file.stat().st_size for file in FOLDER.rglob('*') if file.is_file()):,} bytes")
    figures()


if __name__ == "__main__":
    main()
