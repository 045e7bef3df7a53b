"""A process that hosts one task family: it may grow, leak or die, and the service goes on.

Run as a module (`python -m calotype.inference.child FAMILY FD MEMORY_MIB PARENT`). Questions come over a socket, each with
a number; answers go back in any order. The runtime is in the environment variable `RUNTIME`, as JSON.
"""

import contextlib
import importlib
import json
import os
import resource
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from calotype.core import log
from calotype.inference import bound, line
from calotype.inference.batch import Lanes
from calotype.inference.family import Asked, Sight, Unloadable, Wrong
from calotype.inference.hosts import RUNTIME
from calotype.inference.pixels import NoPixels, Picture, Undecodable, decode
from calotype.inference.session import Runtime

# Which sight answers for a task. Loaded when first asked for.
SIGHTS = {
    "clip": "calotype.inference.clip:Look",
    "words": "calotype.inference.clip:Words",
    "faces": "calotype.inference.faces:Faces",
    "ocr": "calotype.inference.ocr:Lines",
}
PIXELS = "pixels"
FILL_S = 0.003  # how long a batch waits for company
SWEEP_S = 5.0
SLOW_WORK_S, SLOW_BYTES = 1.2, 1 << 30


Json = dict[str, Any]
Question = tuple[Json, list[int]]


class Child:
    """Reads questions, hands each to the lanes of its model, writes answers."""

    def __init__(self, family: str, end: socket.socket, runtime: Runtime, ttl_s: float) -> None:
        self._family = family
        self._end = end
        self._runtime = runtime
        self._ttl_s = ttl_s
        self._writing = threading.Lock()
        self._choosing = threading.Lock()
        self._models: dict[str, Model] = {}
        self._decoding = Lanes(runtime.lane_count, self._decode, size=lambda: 1, fill_s=0)

    def serve(self) -> None:
        """Until the service closes the line."""
        if self._ttl_s:
            threading.Thread(target=self._sweep, daemon=True).start()
        while True:
            try:
                question, fds = line.receive(self._end)
            except (EOFError, OSError):
                return
            if self._family == PIXELS:
                self._decoding.put((question, fds))
            else:
                with self._choosing:
                    self._model(question).lanes.put((question, fds))

    def tell(self, message: Json, fds: Sequence[int] = ()) -> None:
        """Write an answer; the descriptors are closed."""
        try:
            with self._writing:
                line.send(self._end, message, fds)
        except OSError:  # the service is gone, and we are about to be
            pass
        finally:
            for fd in fds:
                os.close(fd)

    def _model(self, question: Json) -> "Model":
        folders: dict[str, str] = question["folders"]
        key = json.dumps(folders, sort_keys=True)
        model = self._models.get(key)
        if model is None:
            model = self._models[key] = Model(self, self._family, question["model"], folders, self._runtime)
        model.asked_at = time.monotonic()
        return model

    def _decode(self, questions: Sequence[Question]) -> None:
        for question, fds in questions:
            answer: Json = {"id": question["id"]}
            given: list[int] = []
            try:
                content = line.read_shared(fds[0])
                picture = decode(content, least_px=question["least_px"], max_pixels=question["max_pixels"])
                given = [line.share(picture.rgb.data)]
                answer |= {"width": picture.width_px, "height": picture.height_px, "shape": picture.rgb.shape[:2]}
            except Exception as error:
                answer |= fault_of(error)
            self.tell(answer, given)

    def _sweep(self) -> None:
        """Drop models nobody asks for any more, while others keep this process busy."""
        while True:
            time.sleep(min(SWEEP_S, self._ttl_s))
            now = time.monotonic()
            with self._choosing:
                gone = [
                    key
                    for key, model in self._models.items()
                    if now - model.asked_at > self._ttl_s and len(self._models) > 1 and model.lanes.is_idle
                ]
                for key in gone:
                    model = self._models.pop(key)
                    model.lanes.close()
                    self.tell({"about": {"model": model.name, "is_gone": True}})
            if gone:
                bound.trim()


class Model:
    """One sight with the lanes that bring it questions. Loaded by the first question."""

    def __init__(self, child: Child, family: str, name: str, folders: dict[str, str], runtime: Runtime) -> None:
        self._child = child
        self._family = family
        self.name = name
        self._folders = {kind: Path(folder) for kind, folder in folders.items()}
        self._runtime = runtime
        self._loading = threading.Lock()
        self._sight: Sight | None = None
        self._told: Json = {}
        self.asked_at = time.monotonic()
        self.lanes = Lanes(runtime.lane_count, self._answer, size=self._batch, fill_s=FILL_S)

    def _batch(self) -> int:
        return self._sight.max_batch if self._sight else 1

    def _answer(self, questions: Sequence[Question]) -> None:
        try:
            sight = self._loaded()
        except Exception as error:
            for question, fds in questions:
                for fd in fds:
                    os.close(fd)
                self._child.tell({"id": question["id"]} | fault_of(error))
            return
        if loading := [question for question, _ in questions if "load_only" in question]:
            for question in loading:
                self._child.tell({"id": question["id"], "done": None})
            questions = [each for each in questions if "load_only" not in each[0]]
        if not questions:
            return
        asked = [_asked(question, fds) for question, fds in questions]
        for (question, _), answer in zip(questions, _answers(sight, asked), strict=True):
            self._child.tell({"id": question["id"], "batch": len(asked)} | answer)
        self._report(sight)

    def _loaded(self) -> Sight:
        with self._loading:
            if self._sight is None:
                began, worked_s = time.monotonic(), time.process_time()
                module, _, name = SIGHTS[self._family].partition(":")
                kind = cast("type[Sight]", getattr(importlib.import_module(module), name))
                self._sight = kind.load(self._folders, self._runtime)
                bound.trim()  # what loading took is a quarter of the memory; with OpenVINO, half
                took_s = time.monotonic() - began
                how = ",".join(f"{key}={value}" for key, value in self._sight.about.items() if value)
                log.say("model_loaded", family=self._family, model=self.name, took_s=took_s, how=how)
                self._report(self._sight, is_slow=self._is_slow(time.process_time() - worked_s))
            return self._sight

    def _is_slow(self, worked_s: float) -> bool:
        """Whether loading it again would keep a search waiting. (Time on the clock tells more of others than of it.)"""
        files = [file for folder in self._folders.values() for file in folder.glob("model.onnx*")]
        return worked_s > SLOW_WORK_S or sum(file.stat().st_size for file in files) > SLOW_BYTES

    def _report(self, sight: Sight, **more: Any) -> None:
        """Tell the service how the model runs, whenever that has changed."""
        about: Json = {**sight.about}
        found = about.get("precision")
        if self._told and found in ("int8", "fp16") and found != self._told.get("precision"):
            more = {"is_slow": False}  # the smaller model, made meanwhile, is loaded in a fraction of the time
        if about != self._told or more:
            self._told = about
            self._child.tell({"about": about | more | {"model": self.name}})


def _asked(question: Json, fds: list[int]) -> Asked:
    picture = None
    if fds:
        height, width = question["shape"]
        rgb = np.frombuffer(line.read_shared(fds[0]), dtype=np.uint8).reshape(height, width, 3)
        picture = Picture(rgb, question["width"], question["height"])
    return Asked(picture, question.get("text"), question["options"])


def _answers(sight: Sight, asked: list[Asked]) -> list[Json]:
    """Together, and one by one when that fails: the others are not to suffer from one that is at fault."""
    try:
        return [{"done": answer} for answer in sight.answer(asked)]
    except Exception as error:
        if len(asked) == 1:
            return [fault_of(error)]
    return [_answers(sight, [each])[0] for each in asked]


def fault_of(error: Exception) -> Json:
    """What went wrong, for the service: `fault` is its kind, `sentence` is for a person."""
    if isinstance(error, NoPixels):
        return {"fault": "empty", "sentence": str(error)}
    if isinstance(error, Undecodable):
        return {"fault": "picture", "sentence": str(error)}
    if isinstance(error, Unloadable):
        return {"fault": "model", "sentence": str(error)}
    if isinstance(error, Wrong):
        return {"fault": "question", "sentence": str(error)}
    if isinstance(error, MemoryError) or "bad_alloc" in str(error) or "Failed to allocate memory" in str(error):
        return {"fault": "memory", "sentence": "There is not enough memory for it."}
    return {"fault": "bug", "sentence": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()}


def _runtime() -> Runtime:
    said = json.loads(os.environ[RUNTIME])
    said["providers"] = tuple(said["providers"])
    said["half_on"] = frozenset(said["half_on"])
    said["scratch"] = Path(said["scratch"]) if said["scratch"] else None
    return Runtime(**said)


def _confine(memory_mib: int, runtime: Runtime) -> None:
    bound.go_first()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux" and all(name == "cpu" for name in runtime.providers or ("cpu",)):
        # A stop for what grows faster than the service looks. GPU drivers reserve what they never use: no limit there.
        limit = 2 * memory_mib << 20
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    os.nice(5)  # whoever shares this machine answers people
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the service decides when we end


def main() -> int:
    """Be a child."""
    family, fd, memory_mib, parent, ttl_s = sys.argv[1], *map(int, sys.argv[2:6])
    bound.die_with(parent)
    log.set_up(os.environ.get("CALOTYPE_LOG_LEVEL") or "info")
    runtime = _runtime()
    _confine(memory_mib, runtime)
    with socket.socket(fileno=fd) as end:
        Child(family, end, runtime, ttl_s).serve()
    os._exit(0)  # lanes may be in the middle of something that nobody waits for


if __name__ == "__main__":
    sys.exit(importlib.import_module("calotype.inference.child").main())
