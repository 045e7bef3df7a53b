"""Callers recognised a moment ago, so that a screen full of thumbnails asks the database once.

Scrolling sends hundreds of requests a second with one token. An answer is kept for at most a second, per process:

- In this process a change to any account, session or key forgets everything at once. `generation` makes sure that an
  answer read before the change cannot be kept after it.
- In other processes a revoked token therefore works for one second at most, with no message having to arrive.
- What a wait of a second would make visibly wrong is not kept at all (see `sessions.recognise`).
"""

import time
from collections.abc import Callable

from calotype.accounts.caller import Caller

TTL_S = 1.0
LIMIT = 4096


class Recent:
    """Token hashes and whom they stand for."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._known: dict[bytes, tuple[float, Caller]] = {}
        self.generation = 0

    def get(self, token_hash: bytes) -> Caller | None:
        """The caller, if recognised less than a second ago."""
        kept = self._known.get(token_hash)
        if kept is None or kept[0] < self._monotonic():
            return None
        return kept[1]

    def keep(self, token_hash: bytes, caller: Caller, *, generation: int) -> None:
        """Remember what was read while `generation` was current; too late if anything changed since."""
        if generation != self.generation:
            return
        if len(self._known) >= LIMIT:
            self._known.clear()
        self._known[token_hash] = (self._monotonic() + TTL_S, caller)

    async def forget(self) -> None:
        """Forget everybody: an account, session or key changed. Register it with `tx.after`."""
        self.generation += 1
        self._known.clear()


RECENT = Recent()  # one per process: a token stands for the same caller whatever world asks
