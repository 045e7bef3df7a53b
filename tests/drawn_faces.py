"""Faces drawn for tests: people who stay themselves in any pose, light and mood, and scenes with some of them in it.

No photo of a person is needed to test what the product does with faces. A `Person` is made from a number; `portrait` and
`crowd` draw people and tell where their faces and the five landmarks are. The toy face model is trained on these
drawings of other people (`scripts/train_toy_faces.py`): numbers from `HELD_OUT` on are never shown to it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

Rgb = tuple[float, float, float]
Point = tuple[float, float]

HELD_OUT = 1_000_000
SKINS: tuple[Rgb, ...] = (
    (250, 222, 200), (238, 196, 165), (222, 172, 136), (198, 142, 104), (158, 106, 74), (118, 76, 54), (82, 54, 42),
)  # fmt: skip
HAIRS: tuple[Rgb, ...] = (
    (28, 24, 24), (62, 42, 30), (104, 66, 38), (150, 104, 58), (208, 172, 104), (168, 76, 36), (150, 150, 152), (228, 226, 222),
)  # fmt: skip
IRISES: tuple[Rgb, ...] = ((70, 44, 28), (48, 92, 150), (70, 120, 76), (112, 116, 120), (120, 84, 40))
CLOTHES: tuple[Rgb, ...] = ((40, 60, 110), (150, 40, 44), (60, 110, 70), (90, 90, 96), (230, 226, 214), (190, 150, 60))


@dataclass(frozen=True, slots=True)
class Person:
    """What stays the same about somebody. Lengths are in half face heights."""

    skin: Rgb
    hair: Rgb
    iris: Rgb
    cloth: Rgb
    wide: float
    square: float  # 2: an oval, more: a box
    chin: float  # how much narrower it is below
    hairline: float
    style: int  # 0 bald, 1 short, 2 long, 3 curly, 4 parted
    eye: float
    eye_apart: float
    eye_y: float
    eye_slant: float
    brow: float
    brow_gap: float
    brow_slope: float
    nose: float
    nose_wide: float
    mouth: float
    mouth_y: float
    lip: float
    lip_red: float
    ear: float
    beard: int  # 0 none, 1 moustache, 2 full, 3 on the chin
    glasses: int  # 0 none, 1 round, 2 square
    mole: Point | None


def person(number: int) -> Person:
    """The same person for the same number."""
    r = Random(number * 7919 + 11)
    u = r.uniform
    tone = u(0, len(SKINS) - 1.001)
    skin = _mix(SKINS[int(tone)], SKINS[int(tone) + 1], tone % 1)
    hair = _near(r.choice(HAIRS), r, 14)
    return Person(
        skin=_near(skin, r, 8), hair=hair, iris=r.choice(IRISES), cloth=_near(r.choice(CLOTHES), r, 25),
        wide=u(0.66, 0.86), square=u(1.9, 3.0), chin=u(0.0, 0.3), hairline=u(0.45, 0.82),
        style=r.choice([0, 1, 1, 2, 2, 3, 4, 4]), eye=u(0.1, 0.17), eye_apart=u(0.27, 0.38), eye_y=u(-0.16, 0.0),
        eye_slant=u(-0.22, 0.22), brow=u(0.025, 0.085), brow_gap=u(0.15, 0.25), brow_slope=u(-0.3, 0.3),
        nose=u(0.26, 0.44), nose_wide=u(0.08, 0.17), mouth=u(0.19, 0.34), mouth_y=u(0.46, 0.6), lip=u(0.03, 0.085),
        lip_red=u(0.15, 0.7), ear=u(0.08, 0.2), beard=r.choice([0, 0, 0, 0, 1, 2, 3]),
        glasses=r.choice([0, 0, 0, 0, 1, 2]), mole=(u(-0.45, 0.45), u(0.1, 0.75)) if r.random() < 0.35 else None,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pose:
    """What changes from one picture of somebody to the next."""

    yaw: float = 0.0  # -1 … 1: looks to the side
    pitch: float = 0.0
    roll: float = 0.0  # degrees
    smile: float = 0.0  # -1 … 1
    jaw: float = 0.0  # 0 … 1: the mouth is open
    lids: float = 0.0  # 0 … 1: the eyes are closed
    gaze: float = 0.0
    light: float = 0.0  # -1 … 1: from the left or right
    gain: float = 1.0
    warm: float = 0.0


def any_pose(random: Random, wild: float = 1.0) -> Pose:
    """One of the many ways to be caught by a camera. `wild` 0: looking straight at it."""
    u = random.uniform
    return Pose(
        yaw=u(-0.8, 0.8) * wild, pitch=u(-0.6, 0.6) * wild, roll=u(-24, 24) * wild, smile=u(-0.6, 1), jaw=max(0, u(-1.5, 1)),
        lids=max(0, u(-1, 0.7)), gaze=u(-0.6, 0.6), light=u(-1, 1), gain=u(0.72, 1.15), warm=u(-1, 1),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Drawn:
    """Where a face is: box (x1, y1, x2, y2) and eyes, nose, mouth corners, from the picture's left to right."""

    box: tuple[float, float, float, float]
    landmarks: tuple[Point, Point, Point, Point, Point]


def draw_face(picture: Image.Image, who: Person, pose: Pose, at: Point, half_px: float) -> Drawn:
    """Draws somebody; `half_px` is half the height of the face. Returns where it is."""
    up = 3 if half_px < 40 else 2
    reach = half_px * 2.1
    tile = Image.new("RGBA", (int(reach * 2 * up),) * 2)
    pen = _Pen(tile, half_px * up, pose)
    pen.person(who)
    tile = _lit(tile.resize((int(reach * 2),) * 2, Image.Resampling.BOX), pose)
    corner = round(at[0] - reach), round(at[1] - reach)
    picture.paste(tile.convert("RGB"), corner, mask=tile.getchannel("A"))

    def seen(x: float, y: float, depth: float) -> Point:
        px, py = pen.at(x, y, depth)
        return corner[0] + px / up, corner[1] + py / up

    lips = who.mouth * (1 + 0.18 * max(0.0, pose.smile))
    corners_y = who.mouth_y - 0.05 * pose.smile
    landmarks = (
        seen(-who.eye_apart, who.eye_y, 0.22),
        seen(who.eye_apart, who.eye_y, 0.22),
        seen(0, who.eye_y + who.nose, 0.42),
        seen(-lips, corners_y, 0.22),
        seen(lips, corners_y, 0.22),
    )
    outline = [seen(x, y, 0.05) for x, y in _oval(who) if y > -0.82]
    xs, ys = [x for x, _ in outline], [y for _, y in outline]
    return Drawn((min(xs), min(ys), max(xs), max(ys)), landmarks)


def portrait(
    who: Person, *, seed: int = 0, size: tuple[int, int] = (600, 800), wild: float = 0.6
) -> tuple[Image.Image, Drawn]:
    """Somebody alone, filling the picture as in a portrait."""
    random = Random(seed * 31 + 5)
    picture = background(size, random)
    half = min(size) * random.uniform(0.24, 0.36)
    at = size[0] / 2 + random.uniform(-0.1, 0.1) * size[0], size[1] / 2 + random.uniform(-0.08, 0.08) * size[1]
    drawn = draw_face(picture, who, any_pose(random, wild), at, half)
    return _spoilt(picture, random), drawn


def crowd(
    people: Sequence[Person], *, seed: int = 0, size: tuple[int, int] = (1440, 1080), wild: float = 0.8
) -> tuple[Image.Image, list[Drawn]]:
    """People side by side, none in front of another; fewer than asked for if there is no room."""
    random = Random(seed * 37 + 3)
    picture = background(size, random)
    taken: list[tuple[float, float, float]] = []
    drawn: list[Drawn] = []
    for who in people:
        for _ in range(40):
            half = math.exp(random.uniform(math.log(min(size) * 0.026), math.log(min(size) * 0.2)))
            x, y = random.uniform(half * 1.2, size[0] - half * 1.2), random.uniform(half * 1.3, size[1] - half * 1.2)
            if all(math.hypot(x - tx, y - ty) > 1.75 * (half + th) for tx, ty, th in taken):
                taken.append((x, y, half))
                drawn.append(draw_face(picture, who, any_pose(random, wild), (x, y), half))
                break
    return _spoilt(picture, random), drawn


def background(size: tuple[int, int], random: Random) -> Image.Image:
    """Something that is no face: a fading ground with blotches, stripes, and things of all colours, skin among them."""
    width, height = size

    def colour() -> tuple[int, int, int]:
        if random.random() < 0.3:
            return _whole(_near(random.choice(SKINS), random, 10))
        return random.randint(0, 255), random.randint(0, 255), random.randint(0, 255)

    picture = Image.new("RGB", size, colour())
    picture.paste(
        Image.new("RGB", size, colour()),
        mask=Image.linear_gradient("L").rotate(random.choice([0, 90, 180])).resize(size),
    )
    if random.random() < 0.6:
        cells = random.randint(3, 30)
        blotches = np.frombuffer(random.randbytes(cells * cells), np.uint8).reshape(cells, cells)
        mask = Image.fromarray(blotches // random.randint(2, 6)).resize(size, Image.Resampling.BICUBIC)
        picture.paste(Image.new("RGB", size, colour()), mask=mask)
    draw = ImageDraw.Draw(picture)
    for _ in range(random.choice([0, 4, 12, 30])):
        x, y, r = (
            random.uniform(0, width),
            random.uniform(0, height),
            math.exp(random.uniform(1.5, math.log(min(size) / 4))),
        )
        kind = random.randrange(5)
        if kind == 0:
            draw.ellipse((x - r, y - r * random.uniform(0.6, 1.5), x + r, y + r), fill=colour())
        elif kind == 1:
            draw.rectangle((x - r, y - r, x + r * random.uniform(0, 2), y + r * random.uniform(0, 2)), fill=colour())
        elif kind == 2:
            corners = [
                (x + r * random.uniform(-1, 1), y + r * random.uniform(-1, 1)) for _ in range(random.randint(3, 6))
            ]
            draw.polygon(corners, fill=colour())
        elif kind == 3:
            draw.line(
                (x, y, x + random.uniform(-3, 3) * r, y + random.uniform(-3, 3) * r),
                fill=colour(),
                width=max(1, int(r / 8)),
            )
        else:  # two dots and a bar on a disc: not everything that has them is a face
            draw.ellipse((x - r, y - r, x + r, y + r), fill=colour())
            for _ in range(random.randint(1, 4)):
                dx, dy, s = random.uniform(-0.6, 0.6) * r, random.uniform(-0.6, 0.6) * r, r * random.uniform(0.05, 0.2)
                draw.ellipse((x + dx - s, y + dy - s, x + dx + s, y + dy + s), fill=colour())
    return picture


class _Pen:
    """Draws in the face's own measure: (0, 0) its middle, 1 half its height, turned as the pose says."""

    def __init__(self, tile: Image.Image, half_px: float, pose: Pose) -> None:
        self.draw = ImageDraw.Draw(tile)
        self.centre = tile.width / 2
        self.half = half_px
        self.pose = pose
        self.cos, self.sin = math.cos(math.radians(pose.roll)), math.sin(math.radians(pose.roll))

    def at(self, x: float, y: float, depth: float) -> Point:
        """Where a point of the head is on the tile; what lies nearer moves more when the head turns."""
        x = x * (1 - 0.16 * abs(self.pose.yaw)) + 0.55 * self.pose.yaw * depth
        y = y + 0.4 * self.pose.pitch * depth
        return (
            self.centre + self.half * (x * self.cos - y * self.sin),
            self.centre + self.half * (x * self.sin + y * self.cos),
        )

    def fill(self, points: Sequence[Point], colour: Rgb, depth: float) -> None:
        self.draw.polygon([self.at(x, y, depth) for x, y in points], fill=(*_whole(colour), 255))

    def disc(self, x: float, y: float, rx: float, ry: float, colour: Rgb, depth: float, tilt: float = 0.0) -> None:
        self.fill(_ellipse(x, y, rx, ry, tilt), colour, depth)

    def stroke(self, points: Sequence[Point], thick: float, colour: Rgb, depth: float) -> None:
        width = max(1, round(thick * self.half))
        self.draw.line(
            [self.at(x, y, depth) for x, y in points], fill=(*_whole(colour), 255), width=width, joint="curve"
        )

    def person(self, p: Person) -> None:
        dark = _mix(p.skin, (0, 0, 0), 0.35)
        lightly = _mix(p.skin, (0, 0, 0), 0.16)
        oval = _oval(p)
        self.fill([(-0.3, 0.7), (0.3, 0.7), (0.36, 1.35), (-0.36, 1.35)], lightly, -0.1)
        self.fill([(-1.15, 2.1), (-1.0, 1.5), (-0.36, 1.22), (0.36, 1.22), (1.0, 1.5), (1.15, 2.1)], p.cloth, -0.1)
        if p.style == 2:
            self.fill([(x * 1.25, y * 1.12 if y < 0 else y * 1.3) for x, y in oval], p.hair, -0.2)
        if p.style == 3:
            for step in range(13):
                a = math.pi * (1 + step / 12)
                self.disc(math.cos(a) * p.wide * 1.05, math.sin(a) * 0.95 - 0.08, 0.26, 0.26, p.hair, -0.1)
        for side in (-1, 1):
            self.disc(side * (p.wide + p.ear * 0.3), 0.05, p.ear, p.ear * 1.7, lightly, -0.1)
        self.fill(oval, p.skin, 0.0)
        self._hair(p, oval)
        if p.beard == 2:
            self.fill([(x * 0.99, y) for x, y in oval if y > 0.22] + [(0.0, 0.4)], p.hair, 0.05)
        elif p.beard == 3:
            self.disc(0, 0.86, 0.2, 0.15, p.hair, 0.2)
        if p.beard in (1, 2):
            y = p.mouth_y - p.lip - 0.06
            self.fill([(-p.mouth * 1.1, y + 0.1), (0, y - 0.05), (p.mouth * 1.1, y + 0.1), (0, y + 0.05)], p.hair, 0.3)
        for side in (-1, 1):
            self._eye(p, side, dark)
        tip = p.eye_y + p.nose
        self.stroke([(p.nose_wide * 0.3, p.eye_y + 0.05), (p.nose_wide * 0.55, tip - 0.06)], 0.03, lightly, 0.36)
        nostrils = [(-p.nose_wide, tip + 0.02), (0, tip + 0.07), (p.nose_wide, tip + 0.02)]
        self.stroke(nostrils, 0.045, dark, 0.4)
        self._mouth(p)
        if p.mole:
            self.disc(*p.mole, 0.035, 0.035, _mix(p.skin, (40, 20, 10), 0.7), 0.2)
        if p.glasses:
            self._glasses(p)

    def _hair(self, p: Person, oval: list[Point]) -> None:
        if p.style == 0:
            return
        line = -p.hairline
        above = [(x * 1.06, y * 1.08) for x, y in oval if y < line + 0.25]
        if p.style == 4:
            edge = [(p.wide, line + 0.3), (0.25, line - 0.12), (-0.3, line + 0.1), (-p.wide, line + 0.38)]
        else:
            edge = [(p.wide, line + 0.25), (0, line), (-p.wide, line + 0.25)]
        left_to_right = sorted(above, key=lambda point: math.atan2(point[0], -point[1]))
        self.fill([*left_to_right, *edge], p.hair, 0.02)

    def _eye(self, p: Person, side: int, dark: Rgb) -> None:
        x, y, tilt = side * p.eye_apart, p.eye_y, side * p.eye_slant
        tall = p.eye * 0.62 * (1 - 0.85 * self.pose.lids)
        self.disc(x, y, p.eye * 1.08, tall + 0.025, dark, 0.22, tilt)
        self.disc(x, y, p.eye, tall, (246, 244, 240), 0.22, tilt)
        look = x + self.pose.gaze * p.eye * 0.4
        if self.pose.lids < 0.6:
            self.disc(look, y, min(p.eye * 0.55, tall), min(p.eye * 0.55, tall), p.iris, 0.24)
            self.disc(look, y, min(p.eye * 0.26, tall), min(p.eye * 0.26, tall), (14, 12, 12), 0.24)
        top = y - p.brow_gap
        ends = [
            (x - p.eye * 1.25, top - side * p.brow_slope * -0.12),
            (x + p.eye * 1.25, top - side * p.brow_slope * 0.12),
        ]
        self.stroke(ends, p.brow, _mix(p.hair, (20, 14, 10), 0.35), 0.26)

    def _mouth(self, p: Person) -> None:
        wide = p.mouth * (1 + 0.18 * max(0.0, self.pose.smile))
        middle, corners = p.mouth_y + 0.05 * self.pose.smile, p.mouth_y - 0.05 * self.pose.smile
        opened = 0.14 * self.pose.jaw
        lip = _mix(_mix(p.skin, (190, 50, 60), p.lip_red), (0, 0, 0), 0.1)
        upper = [(-wide, corners), (0, middle - p.lip), (wide, corners)]
        lower = [(wide, corners), (0, middle + p.lip * 1.6 + opened), (-wide, corners)]
        self.fill(upper + lower, lip, 0.24)
        if opened > 0.03:
            self.disc(0, middle + opened / 2, wide * 0.7, opened * 0.6, (60, 16, 20), 0.25)
        self.stroke([(-wide, corners), (0, middle), (wide, corners)], 0.022, _mix(lip, (0, 0, 0), 0.5), 0.25)

    def _glasses(self, p: Person) -> None:
        r = p.eye * 1.75
        for side in (-1, 1):
            x, y = side * p.eye_apart, p.eye_y + 0.02
            if p.glasses == 1:
                rim = _ellipse(x, y, r, r, 0)
            else:
                rim = [
                    (x - r, y - r * 0.7),
                    (x + r, y - r * 0.7),
                    (x + r * 0.9, y + r * 0.7),
                    (x - r * 0.9, y + r * 0.7),
                ]
            self.stroke([*rim, rim[0], rim[1]], 0.035, (24, 24, 28), 0.3)
        self.stroke([(-p.eye_apart + r, p.eye_y), (p.eye_apart - r, p.eye_y)], 0.035, (24, 24, 28), 0.34)


def _oval(p: Person) -> list[Point]:
    points: list[Point] = []
    for step in range(48):
        a = 2 * math.pi * step / 48
        c, s = math.cos(a), math.sin(a)
        x = math.copysign(abs(c) ** (2 / p.square), c) * p.wide
        y = math.copysign(abs(s) ** (2 / p.square), s)
        points.append((x * (1 - p.chin * max(0.0, y)), y))
    return points


def _ellipse(x: float, y: float, rx: float, ry: float, tilt: float) -> list[Point]:
    turn = [(math.cos(a), math.sin(a)) for a in (2 * math.pi * step / 20 for step in range(20))]
    return [
        (x + rx * c * math.cos(tilt) - ry * s * math.sin(tilt), y + rx * c * math.sin(tilt) + ry * s * math.cos(tilt))
        for c, s in turn
    ]


def _lit(tile: Image.Image, pose: Pose) -> Image.Image:
    """The tile under light that comes from one side, is strong or weak, warm or cold."""
    solid = np.asarray(tile).astype(np.float32)
    side = np.linspace(-1, 1, tile.width, dtype=np.float32)
    gain = pose.gain * (1 + 0.28 * pose.light * side)[None, :, None]
    warmth = np.array([1 + 0.07 * pose.warm, 1, 1 - 0.07 * pose.warm], np.float32)
    solid[..., :3] = np.clip(solid[..., :3] * gain * warmth, 0, 255)
    return Image.fromarray(solid.astype(np.uint8))


def _spoilt(picture: Image.Image, random: Random) -> Image.Image:
    """As a lens and a sensor would have it."""
    picture = picture.filter(ImageFilter.GaussianBlur(random.uniform(0, 1.2)))
    picture = ImageEnhance.Contrast(picture).enhance(random.uniform(0.85, 1.1))
    grain = np.random.default_rng(random.randrange(1 << 30)).integers(
        -6, 7, (picture.height, picture.width, 1), np.int16
    )
    return Image.fromarray(np.clip(np.asarray(picture).astype(np.int16) + grain, 0, 255).astype(np.uint8))


def _mix(one: Rgb, other: Rgb, share: float) -> Rgb:
    a, b, c = (x + (y - x) * share for x, y in zip(one, other, strict=True))
    return a, b, c


def _near(colour: Rgb, random: Random, by: float) -> Rgb:
    a, b, c = (min(255.0, max(0.0, x + random.uniform(-by, by))) for x in colour)
    return a, b, c


def _whole(colour: Rgb) -> tuple[int, int, int]:
    a, b, c = (round(x) for x in colour)
    return a, b, c
