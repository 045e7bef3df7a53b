"""What arrives of a file, piece by piece: collected to a megabyte, counted and hashed."""

import hashlib

from calotype.core.ports import Written
from calotype.outside.keys import CHUNK_BYTES


class Intake:
    """The pieces that are not yet written, and the measure of those that are."""

    def __init__(self, key: str) -> None:
        self.size = 0
        self._key = key
        self._kept: list[bytes] = []
        self._kept_bytes = 0
        self._sha1 = hashlib.sha1(usedforsecurity=False)
        self._sha256 = hashlib.sha256()

    def keep(self, chunk: bytes | memoryview) -> bool:
        """Whether enough came together to be written: a hop to a thread costs as much as copying 200 KiB."""
        self._kept.append(chunk if isinstance(chunk, bytes) else bytes(chunk))
        self._kept_bytes += len(chunk)
        return self._kept_bytes >= CHUNK_BYTES

    def take(self) -> list[bytes]:
        """The pieces that came together; they are no longer kept."""
        kept, self._kept, self._kept_bytes = self._kept, [], 0
        return kept

    def count(self, block: bytes) -> None:
        """Count and hash what was written, in the order of the file. For a thread: hashing takes its time."""
        self._sha1.update(block)
        self._sha256.update(block)
        self.size += len(block)

    @property
    def sha256(self) -> bytes:
        """Of everything that was counted."""
        return self._sha256.digest()

    def written(self) -> Written:
        """The measure of everything that was counted."""
        return Written(self._key, self.size, self._sha1.digest(), self.sha256)
