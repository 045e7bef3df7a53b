"""Threads for calls that may never return, such as those on a network mount whose server is gone.

A thread inside the kernel cannot be stopped. So the caller stops waiting after a time limit, the thread is counted as
stuck, and until a probe succeeds every further call is refused at once: a dead mount costs a few threads, not the app.
The threads are daemons, since a stuck one must not keep the process from ending.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from calotype.outside.keys import AWAY, Hanging

T = TypeVar("T")

MAX_STUCK = 32  # beyond this no further thread is spent on a mount that does not answer


class Lanes:
    """At most `count` calls at once, each with a time limit."""

    def __init__(self, count: int, *, patience_s: float) -> None:
        self._count = count
        self._patience_s = patience_s
        self._guard = threading.Condition()
        self._waiting: deque[_Call] = deque()
        self._threads = 0
        self._idle = 0
        self._stuck = 0
        self._is_blocked = False
        self._probing: _Call | None = None

    @property
    def stuck(self) -> int:
        """How many threads wait for an answer that is overdue."""
        return self._stuck

    async def run(
        self,
        call: Callable[[], T],
        *,
        patience_s: float | None = None,
        discard: Callable[[T], object] | None = None,
    ) -> T:
        """The call's result. Raises `Hanging` when it takes longer than its limit, or at once while others are stuck.

        `discard` is given a result that nobody waits for any more, such as an open file. Time spent waiting for a free
        thread does not count.
        """
        if self._is_blocked:
            raise Hanging(AWAY)
        return await self._wait(_Call(call, self._patience_s if patience_s is None else patience_s, discard))

    async def probe(self, call: Callable[[], T], *, patience_s: float) -> T:
        """Like `run`, but tried while calls are refused; success lets calls pass again. One probe at a time."""
        if (self._probing is not None and not self._probing.is_over) or self._stuck >= MAX_STUCK:
            raise Hanging(AWAY)
        self._probing = probe = _Call(call, patience_s, None)
        result = await self._wait(probe)
        self._is_blocked = False
        return result

    def toss(self, call: Callable[[], object]) -> None:
        """Do it some time; nobody waits for it."""
        self._enter(_Call(call, self._patience_s, None))

    async def _wait(self, call: "_Call") -> Any:
        loop = asyncio.get_running_loop()
        call.future = loop.create_future()
        call.loop = loop
        call.timer = loop.call_later(call.patience_s, self._expire, call)
        self._enter(call)
        return await call.future

    def _enter(self, call: "_Call") -> None:
        with self._guard:
            if call is self._probing:  # it stands in no line, and may have a thread of its own
                self._waiting.appendleft(call)
            else:
                self._waiting.append(call)
            if self._idle < len(self._waiting) and self._threads - self._stuck < self._count + (call is self._probing):
                self._threads += 1
                threading.Thread(target=self._work, name="lane", daemon=True).start()
            else:
                self._guard.notify()

    def _expire(self, call: "_Call") -> None:
        """The time limit is over (on the event loop)."""
        future, loop = call.future, call.loop
        assert future is not None
        assert loop is not None
        refused: list[_Call] = []
        with self._guard:
            if call.is_over:
                return
            started_at = call.started_at
            if started_at is None and not self._is_blocked:
                remaining_s = call.patience_s
            elif started_at is not None and (late_s := time.monotonic() - started_at) < call.patience_s:
                remaining_s = call.patience_s - late_s
            else:
                remaining_s = 0
                if started_at is not None:
                    call.is_overdue = True
                    self._stuck += 1
                self._is_blocked = True
                refused = [call, *self._waiting]
                self._waiting = deque(c for c in self._waiting if c.future is None)
        if not refused:
            call.timer = loop.call_later(remaining_s, self._expire, call)
        for other in refused:
            other.refuse()

    def _work(self) -> None:
        while True:
            with self._guard:
                while not self._waiting:
                    self._idle += 1
                    self._guard.wait()
                    self._idle -= 1
                call = self._waiting.popleft()
                call.started_at = time.monotonic()
            result: Any = None
            error: BaseException | None = None
            try:
                result = call.call()
            except BaseException as raised:  # it is handed to whoever waits
                error = raised
            with self._guard:
                call.is_over = True
                leave = False
                if call.is_overdue:
                    self._stuck -= 1
                    self._is_blocked = self._is_blocked and self._stuck > 0
                    leave = self._threads - self._stuck > self._count
                    self._threads -= leave
            call.settle(result, error)
            del call, result, error  # an idle thread must not keep a megabyte alive
            if leave:
                return


class _Call:
    """One call on its way through a lane."""

    __slots__ = ("call", "discard", "future", "is_over", "is_overdue", "loop", "patience_s", "started_at", "timer")

    def __init__(self, call: Callable[[], Any], patience_s: float, discard: Callable[[Any], object] | None) -> None:
        self.call = call
        self.patience_s = patience_s
        self.discard = discard
        self.started_at: float | None = None
        self.is_over = False
        self.is_overdue = False
        self.future: asyncio.Future[Any] | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self.timer: asyncio.TimerHandle | None = None

    def refuse(self) -> None:
        """Tell whoever waits that no answer came."""
        self._on_loop(Hanging(AWAY))

    def settle(self, result: Any, error: BaseException | None) -> None:
        """Hand over what came out (from the thread)."""
        if self.future is None:
            return
        assert self.loop is not None
        try:
            self.loop.call_soon_threadsafe(self._deliver, result, error)
        except RuntimeError:  # the loop has ended, and everybody with it
            self._throw_away(result)

    def _deliver(self, result: Any, error: BaseException | None) -> None:
        assert self.future is not None
        if self.timer is not None:
            self.timer.cancel()
        if self.future.done():
            if error is None:
                self._throw_away(result)
        elif error is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(result)

    def _throw_away(self, result: Any) -> None:
        if self.discard is not None:
            self.discard(result)

    def _on_loop(self, error: Exception) -> None:
        if self.future is None or self.loop is None:
            return
        try:
            self.loop.call_soon_threadsafe(self._fail, error)
        except RuntimeError:
            return

    def _fail(self, error: Exception) -> None:
        assert self.future is not None
        if self.timer is not None:
            self.timer.cancel()
        if not self.future.done():
            self.future.set_exception(error)
