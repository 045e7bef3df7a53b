"""All that is compared of an asset."""

from dataclasses import dataclass
from datetime import datetime

from calotype.core.ids import AssetId


@dataclass(frozen=True, slots=True)
class Subject:
    """`local_taken` is the wall clock, naive. Sizes are as shown, upright."""

    id: AssetId
    type: str
    checksum: bytes
    pixels: bytes | None
    hash: int | None
    tinies: tuple[bytes, ...]
    duration_ms: int | None
    width: int | None
    height: int | None
    make: str | None
    model: str | None
    local_taken: datetime
    exposure: tuple[str | None, int | None, float | None] = (None, None, None)  # time, ISO, aperture

    @property
    def camera(self) -> tuple[str | None, str | None] | None:
        """Who took it, if its file says so."""
        return (self.make, self.model) if self.make or self.model else None
