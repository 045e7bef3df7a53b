"""Pictures drawn for tests: a coloured shape on a ground, or a simple scene, and what can truly be said of them.

Pillow draws them at photo size, by other means than those the toy model was trained on (`scripts/train_toy_clip.py`), so
what the model finds here it was not shown before.
"""

import io
import math
from collections.abc import Callable
from random import Random

from PIL import Image, ImageDraw, ImageFilter

Rgb = tuple[int, int, int]

COLOURS: dict[str, Rgb] = {
    "red": (215, 25, 30),
    "orange": (250, 140, 15),
    "yellow": (250, 225, 40),
    "green": (40, 150, 50),
    "turquoise": (40, 200, 205),
    "blue": (35, 60, 215),
    "purple": (125, 45, 175),
    "pink": (250, 130, 185),
    "brown": (110, 65, 30),
    "black": (12, 12, 12),
    "white": (250, 250, 250),
    "grey": (140, 140, 140),
}
SHAPES = ("circle", "square", "triangle", "star", "heart", "cross", "ring")
SCENES = ("beach", "sea", "forest", "snow", "night", "sunset", "desert", "city")


def shape_picture(
    colour: str,
    shape: str,
    ground: str = "white",
    *,
    seed: int = 0,
    size: tuple[int, int] = (800, 600),
    second: tuple[str, str] | None = None,
) -> Image.Image:
    """`colour` `shape` on a ground of another colour; `second` is one more (colour, shape) beside it."""
    random = Random(seed)
    picture = _ground(ground, size, random)
    width, height = size
    side = min(width, height)
    if second is None:
        radius = side * random.uniform(0.2, 0.38)
        _draw(picture, colour, shape, _about(width / 2, height / 2, side * 0.1, random), radius, random)
    else:
        radius = side * random.uniform(0.17, 0.21)
        dx, dy = random.choice([(0.24, 0.0), (0.0, 0.24), (0.2, 0.2)])
        flip = random.choice([-1, 1])
        for sign, (a_colour, a_shape) in ((flip, (colour, shape)), (-flip, second)):
            centre = _about(width / 2 + sign * dx * side, height / 2 + sign * dy * side, side * 0.03, random)
            _draw(picture, a_colour, a_shape, centre, radius, random)
    return picture.filter(ImageFilter.GaussianBlur(random.uniform(0, 1.5)))


def scene_picture(scene: str, *, seed: int = 0, size: tuple[int, int] = (800, 600)) -> Image.Image:
    """A landscape that a child would draw for the word."""
    random = Random(seed)
    picture = Image.new("RGB", size)
    _SCENES[scene](picture, ImageDraw.Draw(picture), random)
    return picture.filter(ImageFilter.GaussianBlur(random.uniform(0.5, 2)))


def jpeg(picture: Image.Image, quality: int = 88) -> bytes:
    """As a camera would hand it over."""
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return out.getvalue()


def shade(colour: str, random: Random, spread: int = 14) -> Rgb:
    """One of the many tones that go by the name of a colour."""
    r, g, b = (min(255, max(0, c + random.randint(-spread, spread))) for c in COLOURS[colour])
    if colour in ("white", "grey", "black"):
        b = g = r
    return r, g, b


def _about(x: float, y: float, by: float, random: Random) -> tuple[float, float]:
    return x + random.uniform(-by, by), y + random.uniform(-by, by)


def _ground(colour: str, size: tuple[int, int], random: Random) -> Image.Image:
    picture = Image.new("RGB", size, shade(colour, random))
    other = Image.new("RGB", size, shade(colour, random))
    mask = Image.linear_gradient("L").rotate(random.choice([0, 90, 180, 270])).resize(size)
    if random.random() < 0.3:
        draw = ImageDraw.Draw(mask)
        for x in range(0, size[0], 80):
            draw.rectangle((x, 0, x + 40, size[1]), fill=random.randint(0, 255))
    picture.paste(other, mask=mask)
    return picture


def _draw(
    picture: Image.Image, colour: str, shape: str, at: tuple[float, float], radius: float, random: Random
) -> None:
    scale = 2  # drawn larger and brought down: Pillow's own edges are stairs
    box = Image.new("L", (int(radius * 2.4) * scale,) * 2)
    draw = ImageDraw.Draw(box)
    centre, r = box.width / 2, radius * scale

    def polygon(points: list[tuple[float, float]]) -> None:
        draw.polygon([(centre + x * r, centre + y * r) for x, y in points], fill=255)

    def disc(x: float, y: float, share: float, fill: int = 255) -> None:
        draw.ellipse(
            (
                centre + (x - share) * r,
                centre + (y - share) * r,
                centre + (x + share) * r,
                centre + (y + share) * r,
            ),
            fill=fill,
        )

    match shape:
        case "circle":
            disc(0, 0, 0.95)
        case "ring":
            disc(0, 0, 0.98)
            disc(0, 0, random.uniform(0.5, 0.6), fill=0)
        case "square":
            polygon([(-0.8, -0.8), (0.8, -0.8), (0.8, 0.8), (-0.8, 0.8)])
        case "triangle":
            polygon([(0, -1), (0.95, 0.75), (-0.95, 0.75)])
        case "star":
            inner = random.uniform(0.38, 0.46)
            corners = [(1.0 if i % 2 == 0 else inner, math.pi * (i / 5 - 0.5)) for i in range(10)]
            polygon([(far * math.cos(a), far * math.sin(a)) for far, a in corners])
        case "cross":
            arm = random.uniform(0.24, 0.34)
            polygon([(-arm, -1), (arm, -1), (arm, 1), (-arm, 1)])
            polygon([(-1, -arm), (1, -arm), (1, arm), (-1, arm)])
        case "heart":
            turns = [2 * math.pi * i / 90 for i in range(90)]
            polygon(
                [
                    (
                        math.sin(t) ** 3 * 0.95,
                        -(13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)) / 17.5,
                    )
                    for t in turns
                ]
            )
        case _:
            raise ValueError(shape)
    box = box.rotate(random.uniform(-14, 14)).resize((box.width // scale,) * 2, Image.Resampling.BOX)
    corner = int(at[0] - box.width / 2), int(at[1] - box.height / 2)
    picture.paste(Image.new("RGB", box.size, shade(colour, random)), corner, mask=box)


def _fade(draw: ImageDraw.ImageDraw, width: int, top: int, bottom: int, above: Rgb, below: Rgb) -> None:
    for y in range(top, bottom):
        t = (y - top) / max(1, bottom - top)
        tone = tuple(round(a + (b - a) * t) for a, b in zip(above, below, strict=True))
        draw.line([(0, y), (width, y)], fill=tone)


def _tone(rgb: Rgb, random: Random, by: int = 12) -> Rgb:
    r, g, b = (min(255, max(0, c + random.randint(-by, by))) for c in rgb)
    return r, g, b


def _beach(picture: Image.Image, draw: ImageDraw.ImageDraw, random: Random) -> None:
    width, height = picture.size
    shore, horizon = int(height * random.uniform(0.55, 0.68)), int(height * random.uniform(0.3, 0.42))
    _fade(draw, width, 0, horizon, _tone((120, 190, 245), random), _tone((200, 230, 250), random))
    _fade(draw, width, horizon, shore, _tone((25, 110, 170), random), _tone((70, 190, 200), random))
    _fade(draw, width, shore, height, _tone((240, 222, 170), random), _tone((222, 195, 135), random))
    draw.ellipse((-width * 0.2, shore - 12, width * 1.2, shore + 14), fill=(245, 245, 240))


def _sea(picture: Image.Image, draw: ImageDraw.ImageDraw, random: Random) -> None:
    width, height = picture.size
    horizon = int(height * random.uniform(0.3, 0.45))
    _fade(draw, width, 0, horizon, _tone((130, 190, 240), random), _tone((205, 228, 245), random))
    _fade(draw, width, horizon, height, _tone((30, 95, 165), random), _tone((10, 55, 110), random))
    for _ in range(40):
        x, y = random.randint(0, width), random.randint(horizon + 5, height)
        draw.arc((x, y, x + 60, y + 16), 180, 360, fill=(150, 190, 220), width=3)


def _forest(picture: Image.Image, draw: ImageDraw.ImageDraw, random: Random) -> None:
    width, height = picture.size
    _fade(draw, width, 0, height, _tone((50, 105, 45), random), _tone((30, 65, 28), random))
    for _ in range(26):
        x, base = random.randint(-20, width), random.randint(int(height * 0.5), height)
        tall = random.randint(height // 4, height // 2)
        draw.rectangle((x - 6, base - tall // 4, x + 6, base), fill=_tone((75, 50, 30), random))
        for step in range(3):
            top = base - tall + step * tall // 4
            reach = tall // 6 + step * tall // 10
            draw.polygon(
                [(x, top), (x - reach, top + tall // 3), (x + reach, top + tall // 3)],
                fill=_tone((35, 110, 45), random, 20),
            )


def _snow(picture: Image.Image, draw: ImageDraw.ImageDraw, random: Random) -> None:
    width, height = picture.size
    ground = int(height * random.uniform(0.55, 0.7))
    _fade(draw, width, 0, ground, _tone((165, 190, 215), random), _tone((215, 226, 238), random))
    for _ in range(3):
        x, wide, tall = random.randint(0, width), random.randint(200, 400), random.randint(150, 320)
        draw.polygon(
            [(x, ground - tall), (x - wide, ground), (x + wide, ground)], fill=_tone((225, 233, 242), random, 8)
        )
    _fade(draw, width, ground, height, (246, 248, 252), (232, 238, 246))
    for _ in range(150):
        x, y = random.randint(0, width), random.randint(0, height)
        draw.ellipse((x, y, x + 7, y + 7), fill=(255, 255, 255))


def _night(picture: Image.Image, draw: ImageDraw.ImageDraw, random: Random) -> None:
    width, height = picture.size
    _fade(draw, width, 0, height, _tone((8, 10, 32), random, 6), _tone((22, 26, 58), random, 6))
    for _ in range(120):
        x, y = random.randint(0, width), random.randint(0, height)
        draw.ellipse((x, y, x + 4, y + 4), fill=(235, 235, 220))
    x, y = random.randint(width // 4, width // 2), random.randint(40, height // 3)
    draw.ellipse((x, y, x + 90, y + 90), fill=(245, 240, 205))


def _sunset(picture: Image.Image, draw: ImageDraw.ImageDraw, random: Random) -> None:
    width, height = picture.size
    horizon = int(height * random.uniform(0.65, 0.78))
    middle = horizon // 2
    _fade(draw, width, 0, middle, _tone((95, 55, 120), random), _tone((230, 95, 75), random))
    _fade(draw, width, middle, horizon, _tone((230, 95, 75), random), _tone((255, 195, 90), random))
    x = random.randint(width // 3, width * 2 // 3)
    draw.ellipse((x - 70, horizon - 100, x + 70, horizon + 40), fill=(255, 232, 150))
    draw.rectangle((0, horizon, width, height), fill=_tone((45, 28, 40), random))


def _desert(picture: Image.Image, draw: ImageDraw.ImageDraw, random: Random) -> None:
    width, height = picture.size
    _fade(draw, width, 0, height, _tone((110, 175, 235), random), _tone((200, 225, 245), random))
    for layer in range(3):
        base, swing, phase = height * (0.42 + 0.17 * layer), random.uniform(20, 50), random.uniform(0, 6)
        ridge = [(x, base + swing * math.sin(x / 130 + phase)) for x in range(0, width + 20, 20)]
        tone = _tone((225 - 18 * layer, 165 - 18 * layer, 95 - 14 * layer), random, 8)
        draw.polygon([(0, height), *ridge, (width, height)], fill=tone)


def _city(picture: Image.Image, draw: ImageDraw.ImageDraw, random: Random) -> None:
    width, height = picture.size
    _fade(draw, width, 0, height, _tone((150, 175, 205), random), _tone((205, 212, 222), random))
    x = 0
    while x < width:
        wide, top = random.randint(60, 130), random.randint(int(height * 0.15), int(height * 0.6))
        draw.rectangle((x, top, x + wide, height), fill=_tone((95, 98, 108), random, 30))
        for wy in range(top + 12, height, 34):
            for wx in range(x + 10, x + wide - 14, 26):
                lit = random.random() < 0.5
                draw.rectangle((wx, wy, wx + 13, wy + 18), fill=(240, 220, 140) if lit else (60, 70, 85))
        x += wide + random.randint(0, 12)
    draw.rectangle((0, int(height * 0.93), width, height), fill=(70, 70, 74))


_SCENES: dict[str, Callable[[Image.Image, ImageDraw.ImageDraw, Random], None]] = {
    "beach": _beach,
    "sea": _sea,
    "forest": _forest,
    "snow": _snow,
    "night": _night,
    "sunset": _sunset,
    "desert": _desert,
    "city": _city,
}
