"""`calotype upload` against a running installation, and against servers that have a bad day."""

import functools
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.processes import Account, House, photo, until

pytestmark = [pytest.mark.walk, pytest.mark.timeout(240)]
XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description><rdf:Alt>
<rdf:li xml:lang="x-default">From the sidecar</rdf:li></rdf:Alt></dc:description></rdf:Description>
</rdf:RDF></x:xmpmeta>"""


class Terminal:
    """A person's machine: a home of its own, and the command."""

    def __init__(self, home: Path, url: str, key: str) -> None:
        self.home, self.url, self.key = home, url, key
        self.photos = home / "photos"
        self.photos.mkdir(parents=True)

    def environment(self) -> dict[str, str]:
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("CALOTYPE_", "XDG_"))}
        return {**kept, "HOME": str(self.home)}

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "calotype", *words],
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Where the tests run in the background of a shell, Ctrl-C is ignored, and children inherit that.
            preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )

    def run(self, *words: str) -> tuple[int, str, str]:
        process = self.start(*words)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    def upload(self, *words: str) -> tuple[int, str, str]:
        return self.run("upload", str(self.photos), "--url", self.url, "--key", self.key, *words)

    def put(self, name: str, content: bytes | str) -> Path:
        path = self.photos / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path


@pytest.fixture
def terminal(tmp_path: Path, open_house: House, account: Account) -> Terminal:
    return Terminal(tmp_path, str(open_house.client.base_url).removesuffix("/api/"), account.key)


def total(account: Account) -> int:
    return account.client.get("/assets/statistics").json()["total"]


def test_a_folder_is_sent_once_with_its_sidecars(terminal: Terminal, account: Account):
    terminal.put("a.jpg", photo(1))
    terminal.put("a.jpg.xmp", XMP)
    terminal.put("deep/er/b.jpg", photo(2))
    terminal.put("deep/copy of b.jpg", photo(2))
    terminal.put("notes.txt", "not a photo")
    os.utime(terminal.photos / "deep/er/b.jpg", (1_600_000_000, 1_600_000_000))

    status, out, err = terminal.upload("--dry-run")
    assert (status, err) == (0, "")
    assert "2 files to send" in out
    assert total(account) == 0

    status, out, err = terminal.upload()
    assert (status, err) == (0, "")
    assert "2 files sent" in out
    assert "1 the same as another; 1 of other kinds left alone (.txt 1)" in out
    assert total(account) == 2

    page = account.client.post("/search/metadata", json={"withExif": True}).json()["assets"]["items"]
    by_name = {each["originalFileName"]: each for each in page}
    assert set(by_name) == {"a.jpg", "copy of b.jpg"}
    described = by_name["a.jpg"]["id"]
    until(
        lambda: account.client.get(f"/assets/{described}").json()["exifInfo"]["description"] == "From the sidecar",
        within_s=60,
    )

    status, out, err = terminal.upload()
    assert (status, err) == (0, "")
    assert "0 files sent (0 bytes); 2 already there" in out
    assert "Reading" not in out  # the hashes are remembered


def test_the_server_that_was_signed_in_to_is_used(terminal: Terminal, account: Account):
    terminal.put("a.jpg", photo(1))
    status, out, err = terminal.run("login", terminal.url + "/", terminal.key)
    assert (status, err) == (0, ""), err
    kept = terminal.home / ".config/calotype/upload.toml"
    assert str(kept) in out
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    status, out, err = terminal.run("upload", str(terminal.photos), "--visibility", "archive")
    assert (status, err) == (0, "")
    assert account.client.get("/assets/statistics", params={"visibility": "archive"}).json()["total"] == 1


def test_a_wrong_key_or_none_is_told_in_a_sentence(terminal: Terminal):
    status, _, err = terminal.run("upload", str(terminal.photos))
    assert status != 0
    assert err == "No server is known. Run `calotype login URL`, or give --url and --key.\n"
    terminal.key = "wrong"
    status, _, err = terminal.upload()
    assert status == 1
    assert err == "The server refuses this API key: Invalid API key\n"


def test_a_key_that_may_not_upload_is_told_before_anything_is_read(terminal: Terminal, account: Account):
    made = account.client.post("/api-keys", json={"name": "reader", "permissions": ["asset.read"]})
    terminal.key = made.json()["secret"]
    status, _, err = terminal.upload()
    assert status == 1
    assert "does not allow uploads" in err


def test_a_file_that_is_refused_is_named_and_the_others_are_sent(terminal: Terminal, account: Account):
    terminal.put("good.jpg", photo(1))
    empty = terminal.put("empty.jpg", b"")
    status, out, err = terminal.upload()
    assert status == 1
    assert "1 file sent" in out
    assert err == f"{empty}: File is empty\n"
    assert total(account) == 1


def test_a_run_that_was_interrupted_goes_on_where_it_ended(terminal: Terminal, account: Account):
    count = 150  # one after the other, so that it lasts long enough to be interrupted on any machine
    for number in range(count):
        terminal.put(f"{number}.jpg", photo(1000 + number, width_px=64) + os.urandom(200_000))
    words = ("upload", str(terminal.photos), "--url", terminal.url, "--key", terminal.key, "--parallel", "1")
    process = terminal.start(*words)
    until(lambda: total(account) >= 3, within_s=60, every_s=0.02)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Run the same command again to go on." in out
    before = total(account)
    assert before < count
    status, out, err = terminal.upload()
    assert (status, err) == (0, "")
    assert f"{before} already there" in out
    assert total(account) == count


# Servers that have a bad day -----------------------------------------------------------------------------------


CUT = 0  # no answer at all


class BadDay(ThreadingHTTPServer):
    """Speaks just enough of the API. `plan`: what POST /assets answers, in order; then it takes everything."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.plan: list[tuple[int, dict[str, str], object]] = []
        self.albums: dict[str, str] = {}
        self.album_ids: list[str] = []
        self.kept: set[str] = set()
        self.is_forgetful = False
        self.has_albums = True
        self.lock = threading.Lock()
        self.uploads: list[float] = []


class _Answering(BaseHTTPRequestHandler):
    server: BadDay
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None: ...

    def _answer(self, status: int, body: object, headers: dict[str, str] | None = None) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, text in {"content-type": "application/json", **(headers or {})}.items():
            self.send_header(name, text)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        here = self.server
        answers = {
            "/.well-known/immich": {"api": {"endpoint": "/api"}},
            "/api/api-keys/me": {"permissions": ["all"]},
            "/api/server/media-types": {"image": [".jpg"], "video": [".mp4"], "sidecar": [".xmp"]},
            "/api/albums": [{"id": each, "albumName": name} for name, each in here.albums.items()],
        }
        if self.path == "/api/albums" and not here.has_albums:
            self._answer(501, {"message": "Not yet"})
        else:
            self._answer(200 if self.path in answers else 404, answers.get(self.path, {"message": "Cannot GET"}))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        here = self.server
        if self.path == "/api/assets/bulk-upload-check":
            asked = json.loads(body)["assets"]
            self._answer(200, {"results": [self._verdict(each) for each in asked]})
        elif self.path == "/api/albums":
            name = json.loads(body)["albumName"]
            here.albums[name] = f"album {name}"
            self._answer(201, {"id": here.albums[name], "albumName": name})
        else:
            self._take(body)

    def do_PUT(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.album_ids += body["ids"]
        self._answer(200, [])

    def _verdict(self, each: dict[str, str]) -> dict[str, object]:
        if each["checksum"] in self.server.kept:
            return {"id": each["id"], "action": "reject", "reason": "duplicate", "assetId": each["checksum"]}
        return {"id": each["id"], "action": "accept"}

    def _take(self, body: bytes) -> None:
        here = self.server
        with here.lock:
            here.uploads.append(time.monotonic())
            status, headers, answer = here.plan.pop(0) if here.plan else (201, {}, None)
            begin = body.index(b"\r\n\r\n", body.index(b'name="assetData"')) + 4
            digest = _sha1(body[begin : body.index(b"\r\n--", begin)])
            if status == 201 and not here.is_forgetful:
                here.kept.add(digest)
        if status == CUT:
            self.close_connection = True
            return
        self._answer(status, answer or {"id": digest, "status": "created"}, headers)


def _sha1(content: bytes) -> str:
    return sha1(content, usedforsecurity=False).hexdigest()


@pytest.fixture
def bad_day() -> Iterator[BadDay]:
    server = BadDay()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def away(tmp_path: Path, bad_day: BadDay) -> Terminal:
    return Terminal(tmp_path, f"http://127.0.0.1:{bad_day.server_port}", "key")


def test_a_server_that_asks_for_patience_gets_it(away: Terminal, bad_day: BadDay):
    away.put("a.jpg", b"one")
    busy = {"message": "Busy"}
    bad_day.plan = [(503, {"retry-after": "2"}, busy), (429, {}, busy), (500, {}, busy)]
    status, out, err = away.upload()
    assert (status, err) == (0, "")
    assert "1 file sent" in out
    assert len(bad_day.uploads) == 4
    assert bad_day.uploads[1] - bad_day.uploads[0] >= 2


def test_a_cut_connection_is_tried_again(away: Terminal, bad_day: BadDay):
    away.put("a.jpg", bytes(3_000_000))
    bad_day.plan = [(CUT, {}, None)]
    status, out, err = away.upload()
    assert (status, err) == (0, "")
    assert "1 file sent" in out
    assert len(bad_day.uploads) == 2


def test_a_used_up_quota_ends_the_run_and_says_how_much_was_not_tried(away: Terminal, bad_day: BadDay):
    for number in range(12):
        away.put(f"{number:02}.jpg", f"photo {number}")
    bad_day.plan = [(400, {}, {"message": "Quota has been exceeded!"})] * 12
    status, out, err = away.upload("--parallel", "1")
    assert status == 1
    assert "0 files sent" in out
    assert len(bad_day.uploads) == 1
    assert "00.jpg: Quota has been exceeded!" in err
    assert "Ended early: Quota has been exceeded! 11 files not tried." in err


def test_a_server_that_lost_what_it_took_is_found_out(away: Terminal, bad_day: BadDay):
    away.put("a.jpg", b"one")
    bad_day.is_forgetful = True
    status, _, err = away.upload()
    assert status == 1
    assert "The server does not have these bytes after they were sent" in err


def test_a_server_without_albums_is_told_before_anything_is_sent(away: Terminal, bad_day: BadDay):
    away.put("a.jpg", b"one")
    bad_day.has_albums = False
    status, _, err = away.upload("--album", "Summer")
    assert status != 0
    assert err == "This server has no albums yet. Leave out --album; nothing was sent.\n"
    assert bad_day.uploads == []


def test_an_album_is_made_and_gets_what_was_there_too(away: Terminal, bad_day: BadDay):
    there, new = _sha1(b"there"), _sha1(b"new")
    away.put("a.jpg", b"there")
    away.put("b.jpg", b"new")
    bad_day.kept = {there}
    status, _, err = away.upload("--album", "Summer")
    assert (status, err) == (0, "")
    assert bad_day.albums == {"Summer": "album Summer"}
    assert sorted(bad_day.album_ids) == sorted([there, new])


def test_an_address_where_nobody_is_or_somebody_else_is_told_in_a_sentence(away: Terminal, bad_day: BadDay):
    away.url = "http://127.0.0.1:9"
    status, _, err = away.upload()
    assert status == 1
    assert err.startswith("http://127.0.0.1:9 does not answer: ")
    away.url = "photos.example.com"
    status, _, err = away.upload()
    assert status == 1
    assert err == "Write the address with http:// or https://, not 'photos.example.com'.\n"
