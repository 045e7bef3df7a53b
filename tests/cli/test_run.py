"""`calotype run` as a person starts it: one at a time, and back on its feet after any process was killed."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

pytestmark = [pytest.mark.walk, pytest.mark.timeout(240)]


class Running:
    """A started `calotype run` with its log."""

    def __init__(self, data: Path, port: int) -> None:
        self.log = data.with_suffix(f".{time.monotonic_ns()}.log")
        self.url = f"http://127.0.0.1:{port}/api/server/ping"
        environment = {**os.environ, "CALOTYPE_DATA": str(data), "CALOTYPE_PORT": str(port)}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "calotype", "run"], env=environment, stdout=log, stderr=log
            )
        self.started = psutil.Process(self.process.pid)

    def child(self, word: str) -> psutil.Process | None:
        for child in self.started.children():
            try:
                if word in child.cmdline():
                    return child
            except psutil.Error:
                continue
        return None

    def await_answer(self, timeout_s: float = 60) -> None:
        def answers() -> bool:
            assert self.process.poll() is None, self.log.read_text()
            try:
                with urllib.request.urlopen(self.url, timeout=5) as response:
                    return response.status == 200
            except OSError:
                return False

        until(answers, timeout_s=timeout_s)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


def until(question, *, timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not question():
        assert time.monotonic() < deadline, "It took too long."
        time.sleep(0.1)


@contextmanager
def started(data: Path, port: int):
    running = Running(data, port)
    try:
        running.await_answer()
        yield running
    finally:
        if running.process.poll() is None:
            running.stop()


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_it_runs_once_and_survives_the_death_of_any_process(tmp_path, port):
    data = tmp_path / "data"
    with started(data, port) as running:
        second = subprocess.run(
            [sys.executable, "-m", "calotype", "run"],
            env={**os.environ, "CALOTYPE_DATA": str(data), "CALOTYPE_PORT": str(port)},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert second.returncode == 1
        assert re.fullmatch(r"Calotype already runs on .* \(process \d+\)\. Stop it, or .*\n", second.stderr)

        for word in ("api", "work"):
            until(lambda word=word: running.child(word))
            killed = running.child(word)
            killed.kill()
            until(lambda word=word, killed=killed: (child := running.child(word)) and child.pid != killed.pid)
        running.await_answer()

        for server in running.started.children():
            if server.name() in ("postgres", "valkey-server"):
                server.kill()
        until(lambda: {"postgres", "valkey-server"} <= {child.name() for child in running.started.children()})
        running.await_answer()

        left = running.started.children(recursive=True)
        running.process.kill()  # nobody is told; the kernel ends the children
        running.process.wait()

    with started(data, port) as running:
        _, alive = psutil.wait_procs(left, timeout=30)
        assert alive == []
        assert running.stop() == 0
    assert not (data / "postgres" / "postmaster.pid").exists()


def test_a_port_that_another_program_holds_is_named(tmp_path, port):
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        told = subprocess.run(
            [sys.executable, "-m", "calotype", "run"],
            env={**os.environ, "CALOTYPE_DATA": str(tmp_path / "data"), "CALOTYPE_PORT": str(port)},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert told.returncode == 1
    assert f"Another program listens on 127.0.0.1:{port}" in told.stderr


def test_a_misspelt_variable_is_refused(tmp_path):
    told = subprocess.run(
        [sys.executable, "-m", "calotype", "run"],
        env={**os.environ, "CALOTYPE_DTA": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert told.returncode == 78
    assert "CALOTYPE_DTA is not a variable that Calotype knows" in told.stderr
