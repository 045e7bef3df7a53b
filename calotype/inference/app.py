"""The inference service over HTTP: `/ping`, `/predict`, `/models`, `/metrics`. It holds no model and opens no picture itself.

A picture is decoded once, in the child for pixels, and every family that is asked about it reads the same memory.
"""

import asyncio
import contextlib
import hmac
import ipaddress
import json
import logging
import os
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from calotype.core.log import say
from calotype.inference import figures, form, inventory, plan
from calotype.inference.download import Progress
from calotype.inference.hosts import Family, Fatal, environment, program_of
from calotype.inference.library import Standing
from calotype.inference.plan import Refused, Step
from calotype.inference.settings import Settings

MAX_WAITING_BYTES = 512 << 20  # pictures that wait or are looked at
RETRY_S = 2

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Json = dict[str, Any]


class Shelf(Protocol):
    """Where models are."""

    @property
    def allow_fetch(self) -> bool:
        """Whether what is missing may be fetched."""
        ...

    async def folder(self, task: str, name: str, kind: str) -> Path:
        """The folder with the model's `model.onnx`, or that file; fetched first where it can be. Raises `Refused`."""
        ...

    async def mend(self, task: str, name: str, kind: str) -> bool:
        """A model that does not load: throw it away and fetch it again, where it can be fetched. Whether it was."""
        ...

    def fetching(self) -> Sequence[Progress]:
        """What is being fetched now."""
        ...

    def standing(self, task: str, name: str, kind: str) -> Standing:
        """How it stands with a model type; nothing is fetched."""
        ...

    def strangers(self) -> Iterator[tuple[str, str]]:
        """Task and name of models that are here and in no catalogue."""
        ...

    async def close(self) -> None:
        """Stop fetching."""
        ...


class Service:
    """Answers requests. Belongs to one event loop."""

    def __init__(
        self, settings: Settings, shelf: Shelf, *, program: Callable[[str], Sequence[str]] = program_of
    ) -> None:
        self.settings = settings
        self.shelf = shelf
        self.counts = figures.Counts()
        self.waiting = 0
        self.waiting_bytes = 0
        self.families: dict[str, Family] = {}
        for name in ("pixels", "clip", "words", "faces", "ocr"):
            self.families[name] = Family(
                name,
                program=program(name),
                environment=environment(settings.runtime),
                memory_mib=settings.memory_mib,
                ttl_s=settings.ttl_s,
                patience_s=settings.patience_s,
                stays=name == "words",
            )

    async def close(self) -> None:
        """End the children, stop fetching."""
        await self.shelf.close()
        for family in self.families.values():
            await family.close()

    @asynccontextmanager
    async def admitted(self) -> AsyncGenerator[None]:
        """A place in the queue. Raises `Refused` when there is none."""
        if self.waiting >= self.settings.queue or self.waiting_bytes > MAX_WAITING_BYTES:
            raise Refused(503, "Too many requests are waiting. Try again in a moment.", "busy")
        self.waiting += 1
        try:
            yield
        finally:
            self.waiting -= 1

    async def predict(self, asked: form.Form) -> Json:
        """The answer to a request. Raises `Refused`."""
        if asked.entries is None:
            raise Refused(422, plan.MALFORMED)
        steps = plan.read(asked.entries)
        if asked.image is None and asked.text is None:
            raise Refused(400, "Either image or text must be provided")
        for step in steps:
            if (asked.image if step.needs == "image" else asked.text) is None:
                raise Refused(400, f"Task {step.task} of type {next(iter(step.models))} needs {step.needs}")
        folders = {step.task: await self._folders(step) for step in steps}
        async with AsyncExitStack() as stack:
            answer: Json = {}
            shown: Json = {}
            pixels: list[int] = []
            if any(step.needs == "image" for step in steps):
                shown, pixels = await self._decoded(asked, steps, folders)
                for fd in pixels:
                    stack.callback(os.close, fd)
                asked.drop_image()
                answer = {"imageHeight": shown["height"], "imageWidth": shown["width"]}
            found = await asyncio.gather(
                *(self._ask(step, folders[step.task], asked, shown, pixels) for step in steps), return_exceptions=True
            )
        for each in found:
            if isinstance(each, BaseException):
                raise each
        return {step.task: each for step, each in zip(steps, found, strict=True)} | answer

    async def models(self) -> Json:
        """What there is here, for whoever looks after it. Loads and fetches nothing."""
        health = inventory.health(self.families, waiting=self.waiting, most_waiting=self.settings.queue)
        return health | {"models": await asyncio.to_thread(inventory.listed, self.families, self.shelf)}

    async def preload(self) -> None:
        """Load what the environment names; a model that cannot be had is told and left."""
        for step in plan.preload_steps(self.settings.preloads):
            try:
                await self._asked_of(step, await self._folders(step), {"load_only": True}, [])
            except Refused as refused:
                say("preload_failed", level=logging.WARNING, models=",".join(step.models.values()), reason=str(refused))

    async def _folders(self, step: Step) -> dict[str, Path]:
        return {kind: await self.shelf.folder(step.task, name, kind) for kind, name in step.models.items()}

    async def _decoded(
        self, asked: form.Form, steps: list[Step], folders: Mapping[str, Mapping[str, Path]]
    ) -> tuple[Json, list[int]]:
        assert asked.image is not None
        if asked.image_bytes == 0:
            raise Refused(500, "The image is empty.", "picture")
        needs = [
            plan.least_px(step, eye_px(folders[step.task].get("visual"))) for step in steps if step.needs == "image"
        ]
        question: Json = {"least_px": max(needs), "max_pixels": self.settings.max_pixels}
        answer, fds = await self._told(self.families["pixels"], question, [asked.image])
        if "fault" in answer:
            raise self._refusal(answer)
        return answer, fds

    async def _ask(
        self, step: Step, folders: Mapping[str, Path], asked: form.Form, shown: Json, pixels: list[int]
    ) -> Any:
        question: Json = {"options": step.options}
        if step.needs == "text":
            return await self._asked_of(step, folders, question | {"text": asked.text}, [])
        question |= {name: shown[name] for name in ("shape", "width", "height")}
        return await self._asked_of(step, folders, question, pixels)

    async def _asked_of(self, step: Step, folders: Mapping[str, Path], question: Json, fds: list[int]) -> Any:
        names = ", ".join(dict.fromkeys(step.models.values()))
        question |= {"model": names, "folders": {kind: str(folder) for kind, folder in folders.items()}}
        family = self.families[step.family]
        answer, _ = await self._told(family, question, fds)
        if answer.get("fault") == "model":
            say("model_unusable", level=logging.WARNING, model=names, reason=answer["sentence"])
            mended = [await self.shelf.mend(step.task, name, kind) for kind, name in step.models.items()]
            if any(mended):
                answer, _ = await self._told(family, question, fds)
        if answer.get("fault") == "model":
            say("model_failed", level=logging.ERROR, model=names, reason=answer["sentence"])
            raise Refused(500, f"Failed to load model '{names}'", "model")
        if "fault" in answer:
            raise self._refusal(answer)
        return answer["done"]

    async def _told(self, family: Family, question: Json, fds: list[int]) -> tuple[Json, list[int]]:
        try:
            return await family.ask(question, fds)
        except Fatal as error:
            raise Refused(500, str(error), "picture" if fds else "service") from error

    def _refusal(self, answer: Json) -> Refused:
        kind, sentence = answer["fault"], answer["sentence"]
        if kind == "empty":
            return Refused(400, sentence, "picture")
        if kind == "picture":
            return Refused(500, sentence, "picture")
        if kind == "question":
            return Refused(422, sentence)
        say("bug", level=logging.ERROR, sentence=sentence, trace=answer.get("trace", ""))
        return Refused(500, f"The inference service failed: {sentence}", "service")


class Application:
    """The service as ASGI."""

    def __init__(self, make: Callable[[], Service]) -> None:
        self._make = make
        self._service: Service | None = None
        self._preloading: asyncio.Task[None] | None = None

    @property
    def service(self) -> Service:
        """Made when first asked for, in the event loop that serves."""
        if self._service is None:
            self._service = self._make()
        return self._service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._preloading = asyncio.create_task(self.service.preload())
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                if self._preloading:
                    self._preloading.cancel()
                await self.service.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"].rstrip("/") or "/"
        if method == "POST" and path == "/predict":
            await self._predict(scope, receive, send)
        elif path not in ("/", "/ping", "/metrics", "/models", "/predict"):
            await _send_json(send, 404, {"detail": "Not Found"})
        elif method not in ("GET", "HEAD") or path == "/predict":
            await _send_json(send, 405, {"detail": "Method Not Allowed"})
        elif path == "/":
            await _send_json(send, 200, {"message": "Immich ML"})
        elif path == "/ping":
            await _send(send, 200, b"text/plain; charset=utf-8", b"pong")
        elif path == "/models":
            await _send_json(send, 200, await self.service.models())
        elif _may_read_figures(scope, self.service.settings.metrics_token):
            page = figures.page(
                self.service.counts, self.service.families, self.service.waiting, self.service.shelf.fetching()
            )
            await _send(send, 200, b"text/plain; version=0.0.4; charset=utf-8", page.encode())
        else:
            await _send_json(send, 403, {"detail": "Forbidden"})

    async def _predict(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.monotonic()
        service = self.service
        status, answer = 500, dict[str, Any]()
        try:
            async with service.admitted():
                with contextlib.closing(form.Form()) as asked:
                    await asked.read(scope, receive, service.settings.max_body_bytes)
                    service.waiting_bytes += asked.image_bytes
                    try:
                        answer = await _while_connected(receive, service.predict(asked))
                    finally:
                        service.waiting_bytes -= asked.image_bytes
            status = 200
        except Refused as refused:
            status, answer = refused.status, {"detail": refused.sentence, "fault": refused.fault}
            if refused.fault == "request" and refused.sentence == plan.MALFORMED:
                answer.pop("fault")  # the contract's very body
        except form.Disconnected:
            status = 499
            return
        except Exception as error:
            say("bug", level=logging.ERROR, error=error)
            answer = {"detail": "The inference service failed.", "fault": "service"}
        finally:
            service.counts.count(status, time.monotonic() - began)
        headers = [(b"retry-after", str(RETRY_S).encode())] if status == 503 else []
        await _send_json(send, status, answer, headers)


async def _while_connected(receive: Receive, work: Awaitable[Json]) -> Json:
    """Give up what nobody waits for any more."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.create_task(form.left(receive))
    try:
        await asyncio.wait([working, leaving], return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise form.Disconnected
        return working.result()
    finally:
        leaving.cancel()
        if not working.done():
            working.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await working


def eye_px(folder: Path | None) -> int:
    """The side of the picture that a CLIP model looks at; 224 where its file does not tell."""
    if folder is None:
        return 224
    try:
        size: int | list[int] = json.loads((folder / "preprocess_cfg.json").read_bytes()).get("size", 224)
        return max(size) if isinstance(size, list) else int(size)
    except (OSError, ValueError, TypeError, AttributeError):
        return 224  # the child will say what is wrong with it


def _may_read_figures(scope: Scope, token: str) -> bool:
    client = scope.get("client")
    with contextlib.suppress(ValueError):
        if client and ipaddress.ip_address(client[0]).is_loopback:
            return True
    sent = dict(scope["headers"]).get(b"authorization", b"").removeprefix(b"Bearer ")
    return bool(token) and hmac.compare_digest(sent, token.encode())


async def _send_json(
    send: Send, status: int, body: Mapping[str, Any], headers: list[tuple[bytes, bytes]] | None = None
) -> None:
    await _send(send, status, b"application/json", json.dumps(body, ensure_ascii=False).encode(), headers)


async def _send(
    send: Send, status: int, kind: bytes, body: bytes, headers: list[tuple[bytes, bytes]] | None = None
) -> None:
    head = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), *(headers or [])]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})
