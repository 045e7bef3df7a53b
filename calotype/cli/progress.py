"""How far a long command is: a bar on a terminal, a line now and then where there is none."""

import threading
import time
from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from calotype.cli.upload_rules import amount, several

LINE_EVERY_S = 10.0


class Shown(Protocol):
    """What a phase tells. Every method may be called from any thread."""

    def __enter__(self) -> "Shown": ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...
    def moved(self, size: int) -> None:
        """Bytes went by; negative when they have to go by again."""
        ...

    def done(self) -> None:
        """One file is dealt with."""
        ...


def phase(console: Console, title: str, files: int, size: int) -> Shown:
    """A phase of so many files and bytes."""
    return Bar(console, title, files, size) if console.is_terminal else Lines(console, title, files, size)


class Bar:
    """Files, bytes, rate and time left, drawn in place."""

    def __init__(self, console: Console, title: str, files: int, size: int) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[done]:,}/{task.fields[files]:,} files"),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console,
        )
        self._task = self._progress.add_task(title, total=size, done=0, files=files)
        self._lock = threading.Lock()
        self._done = 0

    def __enter__(self) -> "Bar":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def moved(self, size: int) -> None:
        self._progress.advance(self._task, size)

    def done(self) -> None:
        with self._lock:
            self._done += 1
            self._progress.update(self._task, done=self._done)


class Lines:
    """A line every few seconds, for logs."""

    def __init__(self, console: Console, title: str, files: int, size: int) -> None:
        self._console, self._title, self._files, self._size = console, title, files, size
        self._lock = threading.Lock()
        self._done = self._moved = 0
        self._begun = self._told = time.monotonic()

    def __enter__(self) -> "Lines":
        self._begun = self._told = time.monotonic()
        self._say(f"{self._title}: {several(self._files)}, {amount(self._size)}")
        return self

    def __exit__(self, *_: object) -> None: ...

    def moved(self, size: int) -> None:
        with self._lock:
            self._moved += size
            self._tell_now_and_then()

    def done(self) -> None:
        with self._lock:
            self._done += 1
            self._tell_now_and_then()

    def _tell_now_and_then(self) -> None:
        now = time.monotonic()
        if now - self._told < LINE_EVERY_S:
            return
        self._told = now
        rate = self._moved / (now - self._begun)
        left = f", {(self._size - self._moved) / rate / 60:.0f} min left" if rate > 0 else ""
        self._say(
            f"{self._title}: {self._done:,} of {several(self._files)}, "
            f"{amount(self._moved)} of {amount(self._size)}, {amount(rate)}/s{left}"
        )

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)
