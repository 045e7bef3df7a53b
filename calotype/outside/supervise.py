"""`calotype run`: our own servers and the roles as child processes, restarted when they fall, drained at the end.

One supervisor per data folder. It stays small, as it is there all the time: no event loop, no frameworks, no threads.
"""

import contextlib
import fcntl
import logging
import math
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import IO

from calotype.core.config import Config, port_is_free, to_environment
from calotype.core.errors import Conflict, Problem
from calotype.core.log import say
from calotype.outside.embedded import Postgres, Server, Valkey, die_with_parent, run_folder

REFUSED = 78  # EX_CONFIG of sysexits.h: a child that ends with it said why, and starting it again would not help
DRAIN_S = 30.0
PORT_PATIENCE_S = 30.0
BACKOFF_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
STEADY_S = 60.0  # who ran this long is forgiven its earlier falls
TICK_S = 1.0
INFERENCE_PARTS = ("cv2", "ftfy", "onnx", "onnxruntime", "rapidocr", "tokenizers")


class Hold:
    """The right to a data folder: a lock the kernel takes back when its holder dies, however it dies."""

    def __init__(self, data: Path) -> None:
        self.path = data / "calotype.pid"
        self.was_torn = False  # the former holder had no chance to give it back
        self._file: IO[str] | None = None

    def take(self) -> None:
        """Raises `Conflict` with a sentence when another process holds it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = self.path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            file.close()
            raise Conflict(
                f"Calotype already runs on {self.path.parent} (process {holder}). "
                "Stop it, or choose another CALOTYPE_DATA."
            ) from error
        file.seek(0)
        self.was_torn = bool(file.read().strip())
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        self._file = file

    def give_back(self) -> None:
        """Harmless when it was never taken."""
        if self._file:
            self._file.truncate(0)
            self._file.close()
            self._file = None


def servers_of(config: Config) -> list[Server]:
    """The embedded servers a configuration asks for, in the order in which they start."""
    sockets = run_folder(config.data)
    servers: list[Server] = []
    if config.embedded_database:
        servers.append(Postgres(config.data / "postgres", sockets))
    if config.embedded_redis:
        servers.append(Valkey(config.data / "valkey", sockets))
    return servers


@contextlib.contextmanager
def servers_running(config: Config) -> Generator[bool]:
    """For commands: the embedded servers run during the block, started by us unless Calotype runs already.

    The value tells whether we started them.
    """
    servers = servers_of(config)
    hold = Hold(config.data)
    if not servers:
        yield False
        return
    try:
        hold.take()
    except Conflict:
        yield False
        return
    try:
        for server in servers:
            server.prepare()
            server.start()
        for server in servers:
            server.wait()
        yield True
    finally:
        for server in reversed(servers):
            server.stop()
        hold.give_back()


@dataclass(slots=True)
class Child:
    """A role's process and how it has been doing. Times are seconds of the monotonic clock."""

    name: str
    role: str
    process: "subprocess.Popen[bytes] | None" = None
    started_at: float = 0
    due_at: float = 0  # not to be started before
    is_optional: bool = False  # everything else goes on without it
    falls: int = 0

    def fell(self, now: float) -> float:
        """Note a fall; returns for how long it must not be started."""
        if now - self.started_at > STEADY_S:
            self.falls = 0
        wait_s = BACKOFF_S[min(self.falls, len(BACKOFF_S) - 1)]
        self.falls += 1
        self.due_at = now + wait_s
        return wait_s


@dataclass(slots=True)
class Supervisor:
    """Everything `calotype run` started."""

    config: Config
    servers: list[Server] = field(default_factory=list[Server])
    server_falls: dict[str, Child] = field(default_factory=dict[str, Child])
    children: list[Child] = field(default_factory=list[Child])
    shared: dict[str, str] = field(default_factory=dict[str, str])  # variables of HTTP processes that count together
    inference_port: int = 0  # of our own service; 0: we start none
    stop_signals: int = 0
    is_ready: bool = False

    def run(self) -> int:
        """Supervise until a signal comes; the exit status."""
        hold = Hold(self.config.data)
        hold.take()
        wake, woken = _wakeable(self._note_signal)
        try:
            _await_port(self.config, PORT_PATIENCE_S if hold.was_torn else 0)
            self._begin()
            return self._watch(wake)
        finally:
            self._end()
            hold.give_back()
            signal.set_wakeup_fd(-1)
            os.close(wake)
            os.close(woken)

    def _note_signal(self, sign: int, frame: FrameType | None) -> None:
        self.stop_signals += 1

    def _begin(self) -> None:
        self.servers = servers_of(self.config)
        for server in self.servers:
            server.prepare()
            server.start()
            self.server_falls[server.name] = Child(server.name, "")
        self.shared = _common_figures(self.config)
        self._choose_inference()
        # They import for about as long as Postgres takes to answer, and wait for it by themselves.
        self.children = [Child(f"api-{n + 1}", "api") for n in range(max(1, self.config.api_processes))]
        for child in self.children:
            self._start(child)

    def _choose_inference(self) -> None:
        """Our own inference service, unless another is named, none is wanted, or its parts are not installed."""
        if not self.config.embedded_inference or missing_parts():
            return
        port = self.config.inference_port
        if not port_is_free("127.0.0.1", port):
            port = _some_port()  # only our own processes need to know
        self.inference_port = port
        self.config = replace(
            self.config, inference_url=f"http://127.0.0.1:{port}", inference_host="127.0.0.1", inference_port=port
        )

    def _watch(self, wake: int) -> int:
        while not self.stop_signals:
            for server in self.servers:
                self._keep(server)
            for child in self.children:
                if (status := self._look_after(child)) is not None:
                    return status
            if not self.is_ready and _answers(self.config):
                # The worker is started second, so that its imports do not delay the first page.
                self.is_ready = True
                say("ready", url=f"http://{self.config.host}:{self.config.port}")
                if sys.stderr.isatty():
                    print(f"\nCalotype is ready. Open {_address(self.config)} — Ctrl+C stops it.\n", file=sys.stderr)
                self.children.append(Child("work-1", "work"))
                if self.inference_port:
                    self.children.append(Child("infer-1", "infer", is_optional=True))
                continue
            readable, _, _ = select.select([wake], [], [], TICK_S if self.is_ready else 0.05)
            if readable:
                with contextlib.suppress(BlockingIOError):
                    os.read(wake, 512)
        return 0

    def _keep(self, server: Server) -> None:
        fallen = self.server_falls[server.name]
        now = time.monotonic()
        if server.is_alive():
            return
        if server.process is not None:
            status, server.process = server.process.returncode, None
            wait_s = fallen.fell(now)
            say("server_fell", level=logging.ERROR, name=server.name, status=status, restart_s=wait_s)
        elif now >= fallen.due_at:
            fallen.started_at = now
            try:
                server.prepare()
                server.start()
            except (Problem, OSError) as error:
                say("server_start_failed", level=logging.ERROR, name=server.name, problem=str(error))
                fallen.fell(now)

    def _look_after(self, child: Child) -> int | None:
        now = time.monotonic()
        if child.process is None:
            if now >= child.due_at:
                self._start(child)
            return None
        status = child.process.poll()
        if status is None:
            return None
        child.process = None
        if status == REFUSED and child.is_optional:
            say("refused", level=logging.ERROR, name=child.name)
            child.due_at = math.inf
            return None
        if status == REFUSED:
            say("refused", level=logging.ERROR, name=child.name)
            return REFUSED
        wait_s = child.fell(now)
        say("role_fell", level=logging.ERROR, name=child.name, status=status, restart_s=wait_s)
        return None

    def _start(self, child: Child) -> None:
        child.started_at = time.monotonic()
        child.process = subprocess.Popen(  # noqa: S603 — ourselves
            program(child.role),
            stdin=subprocess.DEVNULL,
            env=_environment(self.config) | (self.shared if child.role == "api" else {}),
            start_new_session=True,  # a Ctrl-C at the terminal is for us; we drain them
            preexec_fn=die_with_parent(signal.SIGTERM),
        )

    def _end(self) -> None:
        running = [child.process for child in self.children if child.process and child.process.poll() is None]
        if running:
            say("draining", roles=len(running))
        for process in running:
            process.terminate()
        deadline = time.monotonic() + DRAIN_S
        asked = self.stop_signals
        for process in running:
            while process.poll() is None and time.monotonic() < deadline and self.stop_signals == asked:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.2)
            if process.poll() is None:
                process.kill()
                process.wait()
        for server in reversed(self.servers):  # Valkey first: nobody puts jobs any more; Postgres last
            server.stop()
        say("stopped")


def run(config: Config) -> int:
    """Run Calotype; the exit status. Raises `Problem` when it cannot be started."""
    return Supervisor(config).run()


def missing_parts() -> list[str]:
    """What the inference service needs and is not installed: the extra `inference` brings it."""
    return [name for name in INFERENCE_PARTS if find_spec(name) is None]


def program(*words: str) -> Sequence[str]:
    """The command line of one of our own commands."""
    return [sys.executable, "-m", "calotype", *words]


async def run_command(*words: str) -> int:
    """Run one of our own commands to its end; its exit status."""
    import asyncio

    process = await asyncio.create_subprocess_exec(
        *program(*words), stdin=subprocess.DEVNULL, preexec_fn=die_with_parent(signal.SIGTERM)
    )
    return await process.wait()


def _environment(config: Config) -> dict[str, str]:
    # glibc makes an arena per thread and core; two are enough for a process that mostly waits, and save tens of MB.
    return {"MALLOC_ARENA_MAX": "2", **os.environ, **to_environment(config)}


def _common_figures(config: Config) -> dict[str, str]:
    """Where several HTTP processes add up their figures, so that a scrape of one tells of all; empty at each start."""
    if config.api_processes < 2:
        return {}
    folder = config.data / "run" / "figures"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return {"PROMETHEUS_MULTIPROC_DIR": str(folder)}


def _wakeable(note: Callable[[int, FrameType | None], None]) -> tuple[int, int]:
    """A pipe that becomes readable whenever a signal came, among them that of a child's end."""
    wake, woken = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    for sign in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(sign, note)
    signal.signal(signal.SIGCHLD, _ignore)
    return wake, woken


def _ignore(sign: int, frame: FrameType | None) -> None:
    """A handler that exists only so that the signal writes into the pipe."""


def _await_port(config: Config, patience_s: float) -> None:
    """Roles of a killed supervisor may need a moment to leave; anybody else on our port is a refusal."""
    deadline = time.monotonic() + patience_s
    while not port_is_free(config.host, config.port):
        if time.monotonic() >= deadline:
            raise Conflict(
                f"Another program listens on {config.host}:{config.port}. Stop it, or choose another CALOTYPE_PORT."
            )
        time.sleep(0.1)


def _some_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _here(config: Config) -> str:
    """The address at which this machine itself finds what listens."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(config.host, config.host)  # noqa: S104 — compared, not bound


def _address(config: Config) -> str:
    """What to type into a browser on this machine."""
    host = _here(config)
    return f"http://{f'[{host}]' if ':' in host else host}:{config.port}"


def _answers(config: Config) -> bool:
    try:
        with socket.create_connection((_here(config), config.port), timeout=2) as wire:
            wire.sendall(b"GET /api/server/ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return wire.recv(12).startswith(b"HTTP/1.1 ")
    except OSError:
        return False
