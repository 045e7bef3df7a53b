"""One queue a model, and lanes that take from it in small batches: what waits together is computed together."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Lanes(Generic[T]):
    """`count` threads that each take up to `size()` things at once and `work` on them.

    A lane that has one waits `fill_s` for more, unless it has its fill or nobody has been asking for two at a time:
    whoever asks alone does not wait. `work` must not raise. Threads start with the first thing put.
    """

    def __init__(
        self, count: int, work: Callable[[Sequence[T]], None], *, size: Callable[[], int], fill_s: float
    ) -> None:
        self._count = count
        self._work = work
        self._size = size
        self._fill_s = fill_s
        self._things: deque[T] = deque()
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._busy = 0
        self._crowd = False  # whether several were seen waiting or at work lately
        self._is_closed = False

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits and nothing is being worked on."""
        with self._changed:
            return not self._things and not self._busy

    def put(self, thing: T) -> None:
        """Have it worked on."""
        with self._changed:
            self._things.append(thing)
            self._crowd = self._busy + len(self._things) > 1
            if len(self._threads) < min(self._count, self._busy + len(self._things)):
                thread = threading.Thread(target=self._run, daemon=True)
                self._threads.append(thread)
                thread.start()
            self._changed.notify()

    def close(self) -> None:
        """Let the threads end once nothing waits."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            batch = self._take()
            if not batch:
                return
            try:
                self._work(batch)
            finally:
                del batch
                with self._changed:
                    self._busy -= 1

    def _take(self) -> list[T]:
        """The next batch; empty when it is time to end."""
        with self._changed:
            while not self._things:
                if self._is_closed:
                    return []
                self._changed.wait()
            size = self._size()
            if self._crowd and self._fill_s:
                until = time.monotonic() + self._fill_s
                while len(self._things) < size and (left := until - time.monotonic()) > 0:
                    self._changed.wait(left)
            batch = [self._things.popleft() for _ in range(min(size, len(self._things)))]
            if batch:
                self._busy += 1
            elif not self._is_closed:
                return self._take()  # another lane was faster
            return batch
