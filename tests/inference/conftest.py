"""The service without a socket: requests go straight into the application, children are real processes."""

import io
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("onnxruntime", reason="the extra `inference` is not installed")

from calotype.inference.app import Application, Service
from calotype.inference.hosts import program_of
from calotype.inference.library import Library
from calotype.inference.settings import Settings

TOY = "calotype-toy__shapes"


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Asking:
    """A client of an application."""

    def __init__(self, application: Application) -> None:
        self.application = application

    @property
    def service(self) -> Service:
        return self.application.service

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        client: str = "127.0.0.1",
    ) -> Reply:
        chunks = [body[at : at + 50_000] for at in range(0, len(body), 50_000)] or [b""]
        messages = [
            {"type": "http.request", "body": chunk, "more_body": n + 1 < len(chunks)} for n, chunk in enumerate(chunks)
        ]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if messages:
                return messages.pop(0)
            import asyncio

            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        given = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
        scope = {"type": "http", "method": method, "path": path, "headers": given, "client": (client, 1)}
        await self.application(scope, receive, send)
        return Reply(
            sent[0]["status"],
            {name.decode(): value.decode() for name, value in sent[0]["headers"]},
            b"".join(message.get("body", b"") for message in sent[1:]),
        )

    async def predict(self, entries: Any = None, *, image: bytes | None = None, text: str | None = None) -> Reply:
        fields: list[tuple[str, bytes]] = []
        if entries is not None:
            fields.append(("entries", entries if isinstance(entries, bytes) else json.dumps(entries).encode()))
        if image is not None:
            fields.append(("image", image))
        if text is not None:
            fields.append(("text", text.encode()))
        body, kind = form(fields)
        return await self.ask("POST", "/predict", body, {"content-type": kind})


def form(fields: Sequence[tuple[str, bytes]]) -> tuple[bytes, str]:
    """A body and its content type, as the ecosystem's server sends them."""
    parts = [
        f'--frontier\r\nContent-Disposition: form-data; name="{name}"'.encode()
        + (b'; filename="blob"\r\nContent-Type: application/octet-stream' if name == "image" else b"")
        + b"\r\n\r\n"
        + content
        + b"\r\n"
        for name, content in fields
    ]
    return b"".join(parts) + b"--frontier--\r\n", "multipart/form-data; boundary=frontier"


def clip(kind: str = "visual", name: str = TOY, **options: Any) -> dict[str, Any]:
    """Entries that ask CLIP."""
    return {"clip": {kind: {"modelName": name} | ({"options": options} if options else {})}}


def picture(width: int = 320, height: int = 240, *, format: str = "JPEG", seed: int = 0) -> bytes:
    """A photo of nothing in particular."""
    chance = np.random.default_rng(seed)
    coarse = Image.fromarray(chance.integers(0, 255, (6, 8, 3), dtype=np.uint8)).resize((width, height))
    content = io.BytesIO()
    coarse.save(content, format)
    return content.getvalue()


def opened(models: Path, *, program: Any = program_of, **settings: Any) -> Asking:
    """A service on a folder of models. Close it with `await asking.service.close()`."""
    made = Settings(**{"models": models, "ttl_s": 0, "patience_s": 60, "lanes": 2} | settings)
    return Asking(Application(lambda: Service(made, Library(models, allow_fetch=False), program=program)))


@pytest.fixture(scope="module")
async def asking(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Asking]:
    """A service with the models that came with the packages, shared by the tests of a file."""
    made = opened(tmp_path_factory.mktemp("models"))
    yield made
    await made.service.close()
