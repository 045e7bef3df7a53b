"""The service's side of its children: one for each task family, watched, replaced when it falls, ended when idle.

A request whose child died is asked once more, alone, in the child's successor: who shared a batch with a fatal picture
thus gets an answer, and only the picture that is fatal by itself is refused.
"""

import asyncio
import contextlib
import json
import logging
import os
import socket
import sys
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from calotype.core.log import say
from calotype.inference import bound
from calotype.inference.line import Line

WATCH_S = 0.1
RUNTIME = "CALOTYPE_RUNTIME"  # not a setting: how children are told how to run models
Json = dict[str, Any]
Answer = tuple[Json, list[int]]


class Fallen(Exception):
    """The child died before it answered."""


class Fatal(Exception):
    """A question whose children died twice; the reason is a sentence."""


@dataclass(slots=True)
class Figures:
    """What a family did, for /metrics."""

    starts: int = 0
    falls: dict[str, int] = field(default_factory=dict[str, int])  # by reason
    retried: int = 0
    answered: int = 0
    batched: int = 0  # answers that were computed together with others
    busy_s: float = 0  # time that questions spent in the child, waiting included
    models: dict[str, Json] = field(default_factory=dict[str, Json])  # how each runs


class Host:
    """One child and our end of the line."""

    def __init__(self, process: asyncio.subprocess.Process, line: Line, note: Callable[[Json], None]) -> None:
        self.process = process
        self.progress_at = time.monotonic()
        self.ended_for = ""  # why we ended it
        self._line = line
        self._note = note
        self._asked: dict[int, asyncio.Future[Answer]] = {}
        self._number = 0
        self._reading = asyncio.create_task(self._read())

    @property
    def is_busy(self) -> bool:
        """Whether somebody waits for an answer."""
        return bool(self._asked)

    @property
    def in_hand(self) -> int:
        """How many wait for an answer."""
        return len(self._asked)

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked."""
        return not self.ended_for and not self._reading.done()

    async def ask(self, question: Json, fds: Sequence[int]) -> Answer:
        """Its answer and the descriptors that came with it, which the caller closes. Raises `Fallen`."""
        if not self.is_alive:
            raise Fallen
        self._number += 1
        number = self._number
        if not self._asked:
            self.progress_at = time.monotonic()
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        self._line.send(question | {"id": number}, fds)
        try:
            return await asyncio.shield(answer)
        except asyncio.CancelledError:
            if answer.done() and not answer.exception():  # it came in the very moment in which nobody waited any more
                for fd in answer.result()[1]:
                    os.close(fd)
            raise
        finally:
            self._asked.pop(number, None)

    def end(self, why: str) -> None:
        """Kill it. Who waits for an answer gets `Fallen`."""
        self.ended_for = self.ended_for or why
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()

    async def gone(self) -> int:
        """Wait until it has ended; its exit status."""
        status = await self.process.wait()
        await self._reading
        return status

    async def _read(self) -> None:
        try:
            while (frame := await self._line.receive()) is not None:
                message, fds = frame
                self.progress_at = time.monotonic()
                answer = self._asked.get(message.get("id", 0))
                if answer is not None and not answer.done():
                    answer.set_result((message, fds))
                    continue
                for fd in fds:  # of somebody who no longer waits
                    os.close(fd)
                if "about" in message:
                    self._note(message["about"])
        finally:
            self._line.close()
            for answer in self._asked.values():
                if not answer.done():
                    answer.set_exception(Fallen())


class Family:
    """Keeps one child for a task family, as long as it is needed.

    `stays`: whether a model that is slow to load keeps its child when it is idle.
    """

    def __init__(
        self,
        name: str,
        *,
        program: Sequence[str],
        environment: dict[str, str],
        memory_mib: int,
        ttl_s: float,
        patience_s: float,
        stays: bool = False,
    ) -> None:
        self.name = name
        self.figures = Figures()
        self.memory_mib = memory_mib
        self._program = list(program)
        self._environment = environment
        self._ttl_s = ttl_s
        self._patience_s = patience_s
        self._stays = stays
        self._is_slow = False
        self._loaded: set[str] = set()  # by the child that lives now
        self._host: Host | None = None
        self._starting = asyncio.Lock()
        self._gate = _Gate()
        self._used_at = time.monotonic()
        self._watching: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The child that lives now."""
        return self._host.process.pid if self._host and self._host.is_alive else None

    @property
    def rss_mib(self) -> int:
        """Memory of the child that lives now."""
        return bound.rss_mib(self.pid) if self.pid else 0

    @property
    def in_hand(self) -> int:
        """Questions that the child has not answered yet."""
        return self._host.in_hand if self._host else 0

    @property
    def loaded(self) -> frozenset[str]:
        """The models in memory now."""
        return frozenset(self._loaded) if self.pid else frozenset()

    async def ask(self, question: Json, fds: Sequence[int] = ()) -> Answer:
        """The child's answer. Raises `Fatal` when two children died of it."""
        began = time.monotonic()
        try:
            try:
                async with self._gate.together():
                    return await self._once(question, fds)
            except Fallen:
                self.figures.retried += 1
            async with self._gate.alone():
                try:
                    return await self._once(question, fds)
                except Fallen as error:
                    raise Fatal(self._why()) from error
        finally:
            self.figures.busy_s += time.monotonic() - began
            self._used_at = time.monotonic()

    async def close(self) -> None:
        """End the child."""
        if self._watching:
            self._watching.cancel()
        if self._host:
            self._host.end("closing")
            await self._host.gone()
            self._host = None

    async def _once(self, question: Json, fds: Sequence[int]) -> Answer:
        host = await self._living()
        answer = await host.ask(question, fds)
        if answer[0].get("fault") == "memory":  # it said so itself: the limit of its address space
            host.end("memory")
            raise Fallen
        self.figures.answered += 1
        self.figures.batched += answer[0].get("batch", 1) > 1
        return answer

    async def _living(self) -> Host:
        async with self._starting:
            if self._host and self._host.is_alive:
                return self._host
            if self._host:
                await self._bury(self._host)
            self._host = await self._start()
            if self._watching is None or self._watching.done():
                self._watching = asyncio.create_task(self._watch())
            return self._host

    async def _start(self) -> Host:
        ours, theirs = socket.socketpair()
        with theirs:
            words = [str(theirs.fileno()), str(self.memory_mib), str(os.getpid()), str(int(self._ttl_s))]
            process = await asyncio.create_subprocess_exec(
                *self._program,
                *words,
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=self._environment,
            )
        self.figures.starts += 1
        self._is_slow = False
        self._loaded = set()
        return Host(process, Line(ours), self._note)

    def _note(self, about: Json) -> None:
        name = about.pop("model")
        if about.pop("is_gone", False):
            self._loaded.discard(name)
            return
        self._loaded.add(name)
        model = self.figures.models.setdefault(name, {})
        if (is_slow := about.pop("is_slow", None)) is not None:
            self._is_slow = self._stays and is_slow
        model.update(about)

    async def _bury(self, host: Host) -> None:
        status = await host.gone()
        if host.ended_for == "idle":
            return
        why = host.ended_for or f"status {status}"
        self.figures.falls[why] = self.figures.falls.get(why, 0) + 1
        say("child_fell", level=logging.WARNING, family=self.name, reason=why)

    def _why(self) -> str:
        reason = self._host.ended_for if self._host else ""
        if reason == "memory":
            return f"It needs more memory than the {self.memory_mib} MiB that {self.name} may use."
        if reason == "time":
            return f"It took longer than {self._patience_s:.0f} seconds."
        return f"The process for {self.name} ended twice because of it."

    async def _watch(self) -> None:
        """Memory and time of a busy child; the end of an idle one."""
        while True:
            await asyncio.sleep(WATCH_S if self._host and self._host.is_busy else min(1.0, self._ttl_s or 1.0))
            host = self._host
            if host is None:
                return
            if not host.is_alive:
                if not host.is_busy and not self._starting.locked():
                    async with self._starting:
                        if self._host is host:
                            self._host = None
                            await self._bury(host)
                continue
            now = time.monotonic()
            if bound.rss_mib(host.process.pid) > self.memory_mib:
                host.end("memory")
            elif host.is_busy and now - host.progress_at > self._patience_s:
                host.end("time")
            elif self._ttl_s and not host.is_busy and now - self._used_at > self._ttl_s and not self._is_slow:
                host.end("idle")


class _Gate:
    """Many together, or one alone; who wants to be alone goes first."""

    def __init__(self) -> None:
        self._changed = asyncio.Condition()
        self._inside = 0
        self._alone = 0
        self._is_taken = False

    @asynccontextmanager
    async def together(self) -> AsyncGenerator[None]:
        async with self._changed:
            await self._changed.wait_for(lambda: not self._alone)
            self._inside += 1
        try:
            yield
        finally:
            async with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @asynccontextmanager
    async def alone(self) -> AsyncGenerator[None]:
        async with self._changed:
            self._alone += 1
            try:
                await self._changed.wait_for(lambda: not self._inside and not self._is_taken)
            except BaseException:
                self._alone -= 1
                self._changed.notify_all()
                raise
            self._is_taken = True
        try:
            yield
        finally:
            async with self._changed:
                self._alone -= 1
                self._is_taken = False
                self._changed.notify_all()


def program_of(family: str) -> list[str]:
    """The command line of a child, but for what `Family` adds to it."""
    return [sys.executable, "-P", "-m", "calotype.inference.child", family]


def environment(runtime: Json) -> dict[str, str]:
    """The variables a child is started with: no secret of ours is among them."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in ("PATH", "HOME", "TMPDIR", "LANG", "CALOTYPE_LOG_LEVEL")
        or name.startswith(("LD_", "CUDA_", "NVIDIA_", "ROCR_", "HIP_", "HSA_", "ORT_", "OV_", "OMP_"))
    }
    root = str(Path(__file__).resolve().parents[2])
    return {
        "OMP_NUM_THREADS": "1",  # numpy and OpenCV: the lanes are the parallelism
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
        **kept,
        "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")])),
        RUNTIME: json.dumps(runtime),
    }
