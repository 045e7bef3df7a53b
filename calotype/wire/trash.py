"""Shapes of the trash."""

from calotype.wire.base import Uuid4, Wire


class ChosenAssets(Wire):
    """Some assets."""

    ids: list[Uuid4]


class Count(Wire):
    """How many were meant."""

    count: int
