"""Calotype as people run it: `calotype run` on folders of its own, seen through HTTP and through its processes."""

import io
import itertools
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from PIL import Image

PATIENCE_S = 90.0  # the slowest thing to wait for is the sweep, which comes every 30 s and lets work settle for 20 s
ADA = {"email": "ada@example.com", "password": "a long enough password", "name": "Ada"}
_numbers = itertools.count(1)


def until(question: Callable[[], Any], *, within_s: float = PATIENCE_S, every_s: float = 0.25) -> Any:
    """The first answer that is true. Raises `AssertionError` when none comes in time."""
    deadline = time.monotonic() + within_s
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"This did not become true within {within_s:.0f} s.")
        time.sleep(every_s)


def photo(number: int, *, width_px: int = 1200) -> bytes:
    """A JPEG that no other number gives."""
    chance = random.Random(number)
    small = Image.frombytes("RGB", (40, 30), chance.randbytes(40 * 30 * 3))
    out = io.BytesIO()
    small.resize((width_px, width_px * 3 // 4), Image.Resampling.BICUBIC).save(out, "JPEG", quality=85)
    return out.getvalue()


class House:
    """One installation. Every request goes through `client`, signed in after `move_in`."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.media = folder / "media"
        self.log = folder / "log"
        self.port = _free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.variables = variables
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}/api", timeout=30)

    def environment(self, **variables: str) -> dict[str, str]:
        """The variables of every command on this installation."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("CALOTYPE_")}
        ours = {
            "CALOTYPE_PORT": str(self.port),
            "CALOTYPE_DATA": str(self.data),
            "CALOTYPE_MEDIA": str(self.media),
            "CALOTYPE_DECODERS": "1",
        }
        return {**clean, **ours, **self.variables, **variables}

    def start(self, **variables: str) -> "House":
        """Start and wait for the first answer."""
        self.launch(**variables)
        until(self.answers, within_s=60, every_s=0.1)
        return self

    def launch(self, **variables: str) -> None:
        """Start without waiting."""
        assert self.process is None
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "calotype", "run"],
                env=self.environment(**variables),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run another command on this installation to its end."""
        return subprocess.run(
            [sys.executable, "-m", "calotype", *words],
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def answers(self) -> bool:
        """Whether the API answers. Fails at once when the process has ended."""
        assert self.process is not None
        assert self.process.poll() is None, self.words()[-3000:]
        try:
            return self.client.get("/server/ping").status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> int:
        """End it in order; its exit status."""
        process, self.process = self.process, None
        if process is None:
            return 0
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def words(self) -> str:
        """What it has said so far."""
        return self.log.read_text() if self.log.exists() else ""

    def move_in(self) -> "House":
        """Create the administrator and sign in."""
        self.client.post("/auth/admin-sign-up", json=ADA).raise_for_status()
        signed_in = self.client.post("/auth/login", json={"email": ADA["email"], "password": ADA["password"]})
        signed_in.raise_for_status()
        self.client.headers["authorization"] = f"Bearer {signed_in.json()['accessToken']}"
        self.client.cookies.clear()
        return self

    def send(self, content: bytes, name: str = "photo.jpg") -> httpx.Response:
        """Upload, whatever comes of it."""
        times = dict.fromkeys(("fileCreatedAt", "fileModifiedAt"), "2021-07-08T09:10:11.000Z")
        return self.client.post("/assets", data=times, files={"assetData": (name, content)})

    def upload(self, content: bytes, name: str = "photo.jpg") -> str:
        """Upload; the asset's id."""
        answer = self.send(content, name)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def is_processed(self, asset: str) -> bool:
        """Whether an asset has its dates and its previews."""
        shown = self.client.get(f"/assets/{asset}").json()
        has_facts = bool(shown["exifInfo"] and shown["exifInfo"].get("exifImageWidth"))
        return has_facts and bool(shown["thumbhash"]) and self.preview(asset) == 200

    def preview(self, asset: str) -> int:
        """The status with which a preview is answered."""
        return self.client.get(f"/assets/{asset}/thumbnail", params={"size": "preview"}).status_code

    def original(self, asset: str) -> httpx.Response:
        """The original, or why not."""
        return self.client.get(f"/assets/{asset}/original")

    def counts(self, queue: str) -> dict[str, int]:
        """Jobs of a queue by state."""
        answer = self.client.get(f"/queues/{queue}")
        answer.raise_for_status()
        return answer.json()["statistics"]

    def originals(self) -> set[Path]:
        """Every file below the media folder that somebody uploaded."""
        return {path for path in (self.media / "upload").rglob("*") if path.is_file()}

    def process_named(self, word: str) -> psutil.Process | None:
        """The child with this word in its command line: `work`, `api`, `bin/postgres`, `valkey-server`."""
        assert self.process is not None
        for child in psutil.Process(self.process.pid).children(recursive=True):
            try:
                if any(part == word or part.endswith(f"/{word}") for part in child.cmdline()):
                    return child
            except psutil.NoSuchProcess:
                continue
        return None

    def kill(self, word: str) -> None:
        """kill -9 one of the processes."""
        child = until(lambda: self.process_named(word), within_s=30, every_s=0.05)
        child.kill()


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody with an account, an API key that allows everything, and a client that uses the key."""

    email: str
    password: str
    key: str
    client: httpx.Client


@pytest.fixture(scope="session")
def open_house() -> Iterator[House]:
    """One installation for all tests that only need some server: each brings an account of its own."""
    with tempfile.TemporaryDirectory(prefix="calotype-open-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        house = House(folder)
        house.start().move_in()
        yield house
        house.stop()
        house.client.close()


@pytest.fixture
def account(open_house: House) -> Iterator[Account]:
    """Somebody new on the open house."""
    email, password = f"person{next(_numbers)}@example.com", "a long enough password"
    person = {"email": email, "password": password, "name": "Somebody", "shouldChangePassword": False}
    open_house.client.post("/admin/users", json=person).raise_for_status()
    with httpx.Client(base_url=open_house.client.base_url, timeout=60) as client:
        signed_in = client.post("/auth/login", json={"email": email, "password": password})
        token = signed_in.raise_for_status().json()["accessToken"]
        client.cookies.clear()
        made = client.post(
            "/api-keys",
            json={"name": "everything", "permissions": ["all"]},
            headers={"authorization": f"Bearer {token}"},
        )
        key = made.raise_for_status().json()["secret"]
        client.headers["x-api-key"] = key
        yield Account(email, password, key, client)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
