"""Shapes of assets as bytes."""

from typing import Literal

MediaSize = Literal["original", "fullsize", "preview", "thumbnail"]
