"""The models of this machine: put there by somebody, come with the packages, or fetched when first asked for.

Looked for in that order. A fetch goes on when the request that began it has gone; who asks meanwhile is told how far it is.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from calotype.core.log import say
from calotype.inference import download
from calotype.inference.catalogue import TYPES, bundled, clean, known
from calotype.inference.download import Failed, Fetcher, Progress
from calotype.inference.plan import Refused

WAIT_S = 15.0  # a small model is there by then; for a large one the asker comes back
AGAIN_S = 60.0  # after a failed fetch nobody bothers the store for this long
IDLE_S = 900.0  # what was used within this is not deleted to make room


@dataclass(slots=True)
class _Fetch:
    """One that is going on."""

    task: asyncio.Task[Path]
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class Miss:
    """One that failed."""

    sentence: str
    at: float


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands with one type of a model. `folder`: where it lies, or the file that it is, once it is present.

    Bytes are those of a fetch that goes on; `total_bytes` 0: nobody said. `reason`: why a fetch failed.
    """

    state: Literal["present", "fetching", "failed", "missing"]
    folder: Path | None = None
    done_bytes: int = 0
    total_bytes: int = 0
    reason: str = ""


@dataclass(slots=True)
class Library:
    """What `app.Shelf` wants. Belongs to one event loop.

    cap_bytes: how much fetched models may take together, 0: as much as the disk has. `allow_fetch` off: a machine that is
    not to talk to anybody.
    """

    root: Path
    fetcher: Fetcher = field(default_factory=Fetcher)
    cap_bytes: int = 0
    allow_fetch: bool = True
    wait_s: float = WAIT_S
    clock: Callable[[], float] = time.time
    _fetching: dict[tuple[str, str, str], _Fetch] = field(default_factory=dict[tuple[str, str, str], _Fetch])
    _missed: dict[tuple[str, str, str], Miss] = field(default_factory=dict[tuple[str, str, str], Miss])
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def folder(self, task: str, name: str, kind: str) -> Path:
        """Where the model type is: a folder with `model.onnx` in it, or that file. Raises `Refused`."""
        found = locate(task, name, kind, self.root)
        if found:
            download.used(found)
            return found
        return await self._fetched(task, clean(name), kind)

    async def mend(self, task: str, name: str, kind: str) -> bool:
        """A model that does not load is thrown away and fetched once more. Whether it could be."""
        name = clean(name)
        model = known(task, name)
        if model is None or not self.allow_fetch or not (model.source or model.files.get(kind)):
            return False
        forgotten = await asyncio.to_thread(download.forget, self.root, task, model.folder_of(kind), kind)
        if not forgotten:
            return False
        self._missed.pop((task, model.folder_of(kind), kind), None)
        await self._fetched(task, name, kind)
        return True

    def fetching(self) -> list[Progress]:
        """What is being fetched now, for whoever watches."""
        return [fetch.progress for fetch in self._fetching.values() if fetch.progress]

    def standing(self, task: str, name: str, kind: str) -> Standing:
        """How it stands with a model type, without fetching anything."""
        found = locate(task, name, kind, self.root)
        if found:
            return Standing("present", found)
        model = known(task, name)
        key = (task, model.folder_of(kind) if model else clean(name), kind)
        if fetch := self._fetching.get(key):
            told = fetch.progress or Progress(key[1], kind, 0, 0)
            return Standing("fetching", None, told.done_bytes, told.total_bytes)
        if miss := self._missed.get(key):
            return Standing("failed", reason=miss.sentence)
        return Standing("missing")

    def strangers(self) -> Iterator[tuple[str, str]]:
        """Task and name of models that lie in the folder and are not of our catalogue."""
        for task, kinds in TYPES.items():
            for folder in sorted((self.root / task).glob("[!.]*")):
                if not known(task, folder.name) and any((folder / kind / "model.onnx").is_file() for kind in kinds):
                    yield task, folder.name

    async def close(self) -> None:
        """Stop waiting; what was received stays for the next start."""
        for fetch in self._fetching.values():
            fetch.task.cancel()

    async def _fetched(self, task: str, name: str, kind: str) -> Path:
        model = known(task, name)
        if model is None:
            raise Refused(500, f"Failed to load model '{name}': it is not known, and nobody put it in place.", "model")
        if not self.allow_fetch:
            raise Refused(
                500, f"Failed to load model '{name}': it is not on this machine, which fetches nothing.", "model"
            )
        key = (task, model.folder_of(kind), kind)
        miss = self._missed.get(key)
        if miss and self.clock() - miss.at < AGAIN_S:
            raise Refused(500, f"Failed to load model '{name}': {miss.sentence}", "model")
        fetch = self._fetching.get(key)
        if fetch is None:
            fetch = self._fetching[key] = _Fetch(asyncio.create_task(self._bring(key, name)))
            fetch.task.add_done_callback(lambda done: self._ended(key, done))
        try:
            return await asyncio.wait_for(asyncio.shield(fetch.task), self.wait_s)
        except TimeoutError as error:
            raise Refused(503, f"Model '{name}' is being fetched{_far(fetch.progress)}.", "busy") from error
        except Failed as error:
            raise Refused(500, f"Failed to load model '{name}': {error}", "model") from error

    async def _bring(self, key: tuple[str, str, str], name: str) -> Path:
        task, _, kind = key
        model = known(task, name)
        assert model is not None
        told_at = 0.0

        def tell(progress: Progress) -> None:
            nonlocal told_at
            if fetch := self._fetching.get(key):
                fetch.progress = progress
            if self.clock() - told_at > 10:
                told_at = self.clock()
                mib = progress.done_bytes >> 20
                say("fetching_model", model=progress.model, kind=kind, mib=mib, of=progress.total_bytes >> 20)

        def make_room(need: int) -> None:
            if self.cap_bytes:
                gone = download.make_room(self.root, need, self.cap_bytes, idle_s=IDLE_S, now=self.clock())
                for folder in gone:
                    say("model_deleted", model=folder.parent.name, kind=folder.name, reason="longest unused")

        async with self._one_at_a_time:
            found = await asyncio.to_thread(
                download.bring, self.fetcher, self.root, model, kind, tell, make_room=make_room
            )
        say("model_fetched", model=model.folder_of(kind), kind=kind)
        return found

    def _ended(self, key: tuple[str, str, str], done: asyncio.Task[Path]) -> None:
        self._fetching.pop(key, None)
        self._missed.pop(key, None)
        if done.cancelled():
            return
        if error := done.exception():
            say("fetch_failed", level=logging.WARNING, model=key[1], kind=key[2], reason=str(error))
            if isinstance(error, Failed):
                self._missed[key] = Miss(str(error), self.clock())


def locate(task: str, name: str, kind: str, root: Path) -> Path | None:
    """Where a model type lies without fetching anything: put into `root`, come with the packages, or nowhere."""
    name = clean(name)
    model = known(task, name)
    kept = model.folder_of(kind) if model else name
    if name:
        folder = root / task / kept / kind
        if (folder / "model.onnx").is_file():
            return folder
    return bundled(task, kept, kind)


def _far(progress: Progress | None) -> str:
    if progress is None:
        return ""
    if not progress.total_bytes:
        return f" ({progress.done_bytes >> 20} MiB so far)"
    return f" ({progress.done_bytes * 100 // progress.total_bytes} %)"
