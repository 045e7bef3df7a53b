"""Processes that open files nobody has vouched for: bounded in memory, pixels and time, and free to die.

The worker never decodes a picture or a video itself. It sends a task to a child over a socket, as JSON, and gets JSON
back; what the child imports, leaks or breaks stays in the child. Children are spawned, never forked (libvips hangs
after a fork), start when the first task comes, give memory back after two seconds without one, and leave after half a
minute.

Run as a module (`python -m calotype.outside.decoders`) this file is the child.
"""

import asyncio
import contextlib
import ctypes
import gc
import importlib
import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from calotype.core.config import Config
from calotype.core.log import say

# What a child may be asked to do. Loaded in the child, when first asked for.
TASKS = {
    "render": "calotype.outside.images:render_here",
    "portrait": "calotype.outside.images:portrait_here",
    "look": "calotype.outside.images:look_here",
    "animation": "calotype.outside.images:animation_here",
    "probe": "calotype.outside.video:probe_here",
    "poster": "calotype.outside.video:poster_here",
    "tags": "calotype.outside.tags:tags_here",
}
IDLE_S = 30.0
PAUSE_S = 2.0  # after so long without a task a child keeps no memory for the next one
HEAVY_MIB = 320  # a child that grew beyond this is replaced, so that one panorama does not hold its memory for ever
MAX_REPLY_BYTES = 8 << 20
GRACE_S = 5.0  # how much later than the worker the child gives up by itself, should the worker be unable to kill it
LAST_WORDS_S = 2.0  # how long a killed child may take to go; one that hangs in a dead mount never does

Json = dict[str, Any]


class Undecodable(Exception):
    """The file is at fault, and will be tomorrow. `reason` is a sentence for the owner of the file."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class DecoderDied(Exception):
    """A child was killed or took too long, which the file may or may not have caused. Trying again is reasonable."""


class DecoderBug(Exception):
    """Our code failed in the child; the text is its traceback."""


class _Gone(Exception):
    """The child closed the line before it answered."""


class _Child:
    """One spawned process and our end of the line. Methods block: call them in a thread, one at a time."""

    def __init__(self, memory_mib: int) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(  # noqa: S603 — our own interpreter and module
                [sys.executable, "-P", "-m", "calotype.outside.decoders", str(theirs.fileno()), str(memory_mib)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=_environment(),
            )
        self.line = ours
        self.tasks_done = 0

    def ask(self, question: Json, timeout_s: float) -> Json:
        """Raises `_Gone` when the child dies, `TimeoutError` when it takes too long."""
        self.line.settimeout(timeout_s)
        try:
            _send(self.line, question)
            return _receive(self.line)
        except TimeoutError:
            raise
        except (OSError, ValueError) as error:
            raise _Gone from error

    def end(self) -> int | None:
        """Kill and reap. Its exit status, or `None` for one that cannot even be killed now."""
        with contextlib.suppress(OSError):  # wakes a thread that still waits in `ask`
            self.line.shutdown(socket.SHUT_RDWR)
        self.line.close()
        self.process.kill()
        try:
            return self.process.wait(LAST_WORDS_S)
        except subprocess.TimeoutExpired:
            return None


class Decoders:
    """At most `count` children, shared by every job of a worker. Belongs to one event loop."""

    def __init__(
        self, *, count: int, memory_mib: int, timeout_s: float, max_pixels: int, idle_s: float = IDLE_S
    ) -> None:
        self.timeout_s = timeout_s
        self.max_pixels = max_pixels
        self._memory_mib = memory_mib
        self._idle_s = idle_s
        self._slots = asyncio.Semaphore(count)
        self._idle: list[_Child] = []
        self._busy: set[_Child] = set()
        self._undead: list[_Child] = []  # killed, but the kernel holds them in a read that never ends
        self._leave: asyncio.TimerHandle | None = None

    @property
    def pids(self) -> list[int]:
        """The children that live now."""
        return [child.process.pid for child in [*self._idle, *self._busy]]

    async def run(self, task: str, arguments: Json, *, timeout_s: float | None = None) -> Json:
        """Do one of `TASKS` in a child and return its answer.

        Raises `Undecodable` for a fault of the file, `DecoderDied` for one that may pass, `OSError` when a file could
        not be read or written. A child that is killed by a signal is replaced once; a file that crashes two of them
        is `Undecodable`.
        """
        limit_s = timeout_s or self.timeout_s
        async with self._slots:
            for is_last in (False, True):
                status = await self._once(task, arguments, limit_s)
                if not isinstance(status, int):
                    return status
                say("decoder_died", level=30, task=task, status=status)
                if is_last:
                    raise _verdict(status)
        raise AssertionError("unreachable")

    async def _once(self, task: str, arguments: Json, limit_s: float) -> Json | int:
        """The answer, or the exit status of a child that died of it."""
        child = self._idle.pop() if self._idle else _Child(self._memory_mib)
        self._busy.add(child)
        question: Json = {"task": task, "arguments": arguments, "limit_s": limit_s + GRACE_S}
        waiting = asyncio.create_task(asyncio.to_thread(child.ask, question, limit_s))
        try:
            answer = await asyncio.shield(waiting)
        except _Gone:
            return await self._bury(child) or 0
        except TimeoutError as error:
            await self._bury(child)
            raise DecoderDied(f"Decoding took longer than {limit_s:.0f} seconds.") from error
        except asyncio.CancelledError:
            await self._bury(child)
            with contextlib.suppress(_Gone, TimeoutError):
                await waiting
            raise
        self._busy.discard(child)
        child.tasks_done += 1
        if answer.get("rss_mib", 0) > HEAVY_MIB:
            await asyncio.to_thread(child.end)
        else:
            self._rest(child)
        return _open(answer)

    async def close(self) -> None:
        """Kill every child. The pool can be used again; it starts new ones."""
        if self._leave:
            self._leave.cancel()
        for child in [*self._idle, *self._busy]:
            await self._bury(child)
        self._idle.clear()

    def _rest(self, child: _Child) -> None:
        self._idle.append(child)
        if self._leave:
            self._leave.cancel()
        self._leave = asyncio.get_running_loop().call_later(self._idle_s, self._send_home)

    def _send_home(self) -> None:
        while self._idle:
            self._idle.pop().end()  # an idle child dies within a millisecond

    async def _bury(self, child: _Child) -> int | None:
        self._busy.discard(child)
        status = await asyncio.to_thread(child.end)
        if status is None:
            self._undead.append(child)
        self._undead = [child for child in self._undead if child.process.poll() is None]
        return status


_pools: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Config, Decoders]] = WeakKeyDictionary()


def pool(config: Config) -> Decoders:
    """The decoders of this process, made when first asked for. One pool per running event loop and configuration."""
    pools = _pools.setdefault(asyncio.get_running_loop(), {})
    if config not in pools:
        pools[config] = Decoders(
            count=config.decoder_count,
            memory_mib=config.decoder_memory_mib,
            timeout_s=config.decoder_timeout_s,
            max_pixels=config.max_pixels,
        )
    return pools[config]


async def close_all() -> None:
    """End every child of the pools that `pool` made in this event loop."""
    for decoders in _pools.pop(asyncio.get_running_loop(), {}).values():
        await decoders.close()


def _verdict(status: int) -> Exception:
    """What it means that two children in a row ended with this status. (SIGBUS is a mount that went away.)"""
    if status in (-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGFPE, -signal.SIGILL):
        return Undecodable(f"The file crashes its decoder ({signal.Signals(-status).name}).")
    if status < 0:
        return DecoderDied(f"The decoder was killed ({signal.Signals(-status).name}).")
    return DecoderDied(f"The decoder stopped with status {status}.")


def _open(answer: Json) -> Json:
    if "undecodable" in answer:
        raise Undecodable(str(answer["undecodable"]))
    if "os" in answer:
        number, text = answer["os"]
        raise OSError(int(number), str(text))
    if "bug" in answer:
        raise DecoderBug(str(answer["bug"]))
    return answer["done"]


def _environment() -> dict[str, str]:
    """Nothing of ours: a decoder that was taken over finds no secret in its environment."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "TMPDIR", "HOME") if name in os.environ}
    package_root = str(Path(__file__).resolve().parents[2])
    return kept | {
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(filter(None, [package_root, os.environ.get("PYTHONPATH")])),
        # One core each: the pool is the parallelism.
        "VIPS_CONCURRENCY": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
        # A picture's pixels come and go: given back to the system each time, they cost 20 ms of page faults a photo. A
        # child with nothing to do gives them back (`_wait`).
        "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
        "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
    }


def _send(line: socket.socket, message: Json) -> None:
    body = json.dumps(message).encode()
    line.sendall(len(body).to_bytes(4, "big") + body)


def _receive(line: socket.socket) -> Json:
    """Raises `ConnectionResetError` at the end, `ValueError` for something that is no message."""
    length = int.from_bytes(_exactly(line, 4), "big")
    if length > MAX_REPLY_BYTES:
        raise ValueError("the message is too long")
    message = json.loads(_exactly(line, length))
    if not isinstance(message, dict):
        raise ValueError("the message is no object")
    return message  # pyright: ignore[reportUnknownVariableType] — JSON has no better type


def _exactly(line: socket.socket, length: int) -> bytes:
    parts = bytearray()
    while len(parts) < length:
        part = line.recv(min(length - len(parts), 1 << 20))
        if not part:
            raise ConnectionResetError
        parts += part
    return bytes(parts)


# The child, from here on.

PR_SET_PDEATHSIG = 1


def _confine(memory_mib: int) -> None:
    """Bind this process to its limits and to its parent's life."""
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        with contextlib.suppress(OSError):  # when memory runs out, a decoder is the one to go
            Path("/proc/self/oom_score_adj").write_text("500")
    if os.getppid() != parent or parent == 1:
        raise SystemExit(0)
    resource.setrlimit(resource.RLIMIT_AS, (memory_mib << 20, memory_mib << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(5)  # pages and API answers come before previews
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the worker decides when we end


def _answer(question: Json) -> Json:
    try:
        module, _, function = TASKS[question["task"]].partition(":")
        work: Callable[..., Json] = getattr(importlib.import_module(module), function)
        return {"done": work(**question["arguments"])}
    except Undecodable as fault:
        return {"undecodable": fault.reason}
    except MemoryError:
        return {"undecodable": "Decoding the file needs more memory than one decoder may use."}
    except OSError as error:
        return {"os": [error.errno or 5, error.strerror or str(error)]}
    except Exception:
        return {"bug": traceback.format_exc()}


def _rss_mib() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * resource.getpagesize() >> 20


def _wait(line: socket.socket) -> None:
    """Until there is a task or the worker is gone."""
    if not select.select([line], [], [], PAUSE_S)[0]:
        gc.collect()
        with contextlib.suppress(AttributeError, OSError):  # only glibc has it, and only glibc needs it
            ctypes.CDLL(None).malloc_trim(0)


def _serve(line: socket.socket) -> None:
    while True:
        _wait(line)
        try:
            question = _receive(line)
        except ConnectionResetError:
            return
        signal.alarm(int(question["limit_s"]) + 1)  # unhandled on purpose: SIGALRM ends even a decoder stuck in C
        answer = _answer(question)
        signal.alarm(0)
        _send(line, answer | {"rss_mib": _rss_mib()})


def serve_here() -> None:
    """Be a child: answer on the socket named by the arguments until the worker closes it."""
    fd, memory_mib = int(sys.argv[1]), int(sys.argv[2])
    _confine(memory_mib)
    with socket.socket(fileno=fd) as line:
        _serve(line)


if __name__ == "__main__":
    # The tasks raise the `Undecodable` of the importable module, not that of `__main__`.
    importlib.import_module("calotype.outside.decoders").serve_here()
