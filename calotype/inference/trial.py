"""The examples on which a model that was made smaller must agree with itself: drawn, so that they are anybody's."""

from functools import cache

import numpy as np

from calotype.inference.pixels import Pixels

COUNT = 24
SIDE_PX = (240, 320)

SENTENCES = (
    "a dog runs along the beach at sunset",
    "two children blow out the candles of a birthday cake",
    "snow on the roofs of a small town",
    "screenshot of a train ticket",
    "a red bicycle leans on a wall",
    "my grandmother in the kitchen, 1978",
    "wedding party dancing",
    "a receipt from a restaurant",
    "fireworks over the harbour",
    "whiteboard with a drawing of a house",
    "a cat asleep on a keyboard",
    "mountains reflected in a lake",
    "traffic at night in the rain",
    "close-up of a bee on lavender",
    "a bowl of ramen with an egg",
    "football match in the mud",
    "the inside of an old church",
    "an aeroplane wing above clouds",
    "baby with a blue hat",
    "black and white portrait of a man with glasses",
    "ein Fahrrad vor dem Rathaus",
    "des fleurs sur le balcon",
    "una playa con palmeras",
    "桜の木の下の家族",
)


@cache
def pictures() -> tuple[Pixels, ...]:
    """Twenty-four scenes of every sort a model may meet: soft and busy, dark and bright, with edges, texture and grey."""
    return tuple(_scene(np.random.default_rng(1839 + number), number) for number in range(COUNT))


def _scene(chance: np.random.Generator, number: int) -> Pixels:
    height, width = SIDE_PX
    down, across = np.mgrid[0:height, 0:width].astype(np.float32) / np.float32(height)
    top, bottom = chance.uniform(0, 255, 3), chance.uniform(0, 255, 3)
    scene = top + (bottom - top) * down[:, :, None]
    for _ in range(int(chance.integers(2, 14))):
        colour = chance.uniform(0, 255, 3)
        x, y, size = chance.uniform(0, width / height), chance.uniform(0, 1), chance.uniform(0.03, 0.35)
        kind = chance.integers(3)
        if kind == 0:
            inside = (across - x) ** 2 + (down - y) ** 2 < size**2
        elif kind == 1:
            inside = (abs(across - x) < size) & (abs(down - y) < size * chance.uniform(0.2, 2))
        else:
            inside = np.sin(across * chance.uniform(5, 60) + down * chance.uniform(5, 60)) > 1 - size * 2
        scene = np.where(inside[:, :, None], colour * chance.uniform(0.6, 1.0), scene)
    if number % 3 == 0:
        scene = scene + chance.normal(0, chance.uniform(4, 40), scene.shape)
    if number % 5 == 4:
        scene = np.repeat(scene.mean(axis=2, keepdims=True), 3, axis=2)
    if number % 7 == 6:
        scene = scene * 0.25
    return np.clip(scene, 0, 255).astype(np.uint8)
