"""`calotype upload` and `calotype login`: send folders to a server from any machine that can reach it.

Nothing here knows the server's inside: it talks HTTP to whoever speaks the API. Nothing is kept but hashes, so that a
run may end at any moment and the next one goes on where it ended: the server itself says what it has.
"""

import hashlib
import json
import os
import random
import signal
import threading
import tomllib
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console

from calotype.cli.crawl import Crawled, crawl
from calotype.cli.known_hashes import KnownHashes
from calotype.cli.progress import Shown, phase
from calotype.cli.upload_rules import (
    Found,
    Hashed,
    amount,
    batches,
    ends_everything,
    is_away,
    one_of_each,
    several,
    shown,
    wait_s,
)
from calotype.core.errors import Invalid, NotYet, Problem, Unauthenticated
from calotype.outside.remote import Changed, Outgoing, Remote, RemoteError, Sent, Stopped, Verdict, endpoint_of

CHECK_AT_ONCE = 5000
PIECE_BYTES = 1024 * 1024
HASHERS = min(4, os.cpu_count() or 1)
CHANGED = "It changed while it was read. Run the command again."
NOT_THERE = "The server does not have these bytes after they were sent: the file changed, or it was altered on the way."

T = TypeVar("T")
R = TypeVar("R")


class Visibility(StrEnum):
    """Where uploaded photos appear."""

    archive = "archive"
    timeline = "timeline"
    hidden = "hidden"
    locked = "locked"


class Unreachable(Problem):
    """The server refused, or is not there."""


# Commands --------------------------------------------------------------------------------------------------------


def login(
    url: Annotated[str, typer.Argument(help="Address of the server, as in the browser.")],
    key: Annotated[str, typer.Argument(help="An API key. Asked for when left out, so that no history keeps it.")] = "",
) -> None:
    """Remember a server and an API key for `calotype upload`."""
    key = key or typer.prompt("API key", hide_input=True)
    with _connected(url, key) as remote:
        _keep(config_path(), remote.endpoint, key)
    typer.echo(f"The key works. It is kept in {config_path()}, for your eyes only.")


def upload(
    paths: Annotated[list[Path], typer.Argument(help="Folders and files to send.")],
    url: Annotated[str, typer.Option(help="Address of the server. Default: as told to `calotype login`.")] = "",
    key: Annotated[str, typer.Option(help="API key. Default: as told to `calotype login`.")] = "",
    album: Annotated[str, typer.Option(help="Put everything into the album with this name.")] = "",
    visibility: Annotated[Visibility | None, typer.Option(help="Where the photos appear.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be sent.")] = False,
    parallel: Annotated[int, typer.Option(min=1, max=32, help="Uploads at a time.")] = 4,
) -> None:
    """Send photos and videos that the server does not have yet. Stop it when you like: the next run goes on."""
    url, key = _where(url, key)
    console = Console(highlight=False)
    with _connected(url, key, connections=parallel + 1) as remote:
        errand = Errand(remote, console, parallel, {} if visibility is None else {"visibility": visibility.value})
        try:
            status = errand.run(paths, album, is_dry=dry_run)
        except KeyboardInterrupt:
            console.print(f"Stopped, {several(len(errand.outcome.sent))} sent. Run the same command again to go on.")
            raise typer.Exit(130) from None
        except RemoteError as error:
            raise _problem(error) from error
    raise typer.Exit(status)


# The errand ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Outcome:
    """What happened so far. Filled from several threads; every single addition is one operation."""

    sent: list[tuple[Hashed, str]] = field(default_factory=list[tuple[Hashed, str]])
    there: list[str] = field(default_factory=list[str])  # ids of assets that were there before
    trashed: int = 0
    failed: list[tuple[Path, str]] = field(default_factory=list[tuple[Path, str]])
    untried: int = 0
    ended_by: str = ""  # why the rest was not tried


class Errand:
    """One run of the command."""

    def __init__(self, remote: Remote, console: Console, parallel: int, fields: dict[str, str]) -> None:
        self.remote, self.console, self.parallel, self.fields = remote, console, parallel, fields
        self.outcome = Outcome()
        self._stop = threading.Event()

    def run(self, paths: Sequence[Path], album: str, *, is_dry: bool) -> int:
        """The exit status: 0 when the server has everything, 1 when something failed."""
        album_id = self._album(album, is_dry=is_dry)
        crawled = self._crawl(paths)
        self.outcome.failed += crawled.failed
        hashed = self._hash(crawled.files)
        chosen, repeated = one_of_each(hashed)
        wanted = self._unknown(chosen)
        if is_dry:
            for each in wanted:
                self._say(f"would send {shown(each.file.path)}")
        else:
            self._send(wanted)
            self._confirm()
            if album and not self.outcome.ended_by:
                self._put_into(album, album_id)
        return self._close(crawled, len(repeated), wanted, is_dry=is_dry)

    def _album(self, name: str, *, is_dry: bool) -> str | None:
        """The album's id, when there is one. Asked first: a server without albums says so before anything is sent."""
        if not name:
            return None
        try:
            found = self.remote.album(name)
        except RemoteError as error:
            if error.status == 501:
                raise NotYet("This server has no albums yet. Leave out --album; nothing was sent.") from error
            raise
        if found is None and is_dry:
            self._say(f"would make the album {name}")
        return found

    def _crawl(self, paths: Sequence[Path]) -> Crawled:
        extensions = self.remote.extensions()
        if not self.console.is_terminal:
            return crawl(paths, extensions)
        with self.console.status("Looking…") as status:
            return crawl(paths, extensions, lambda count: status.update(f"Looking… {several(count)}"))

    def _hash(self, files: Sequence[Found]) -> list[Hashed]:
        """The files with their SHA-1, in the same order; those that cannot be read are noted as failed."""
        known = KnownHashes()
        try:
            found = {file.path: sha1 for file in files if (sha1 := known.get(file)) is not None}
            unread = [file for file in files if file.path not in found]

            def read(file: Found, shown: Shown) -> None:
                try:
                    found[file.path] = sha1 = sha1_of(file.path, shown.moved, self._stop.is_set)
                except OSError as error:
                    self._fail(file.path, f"It can't be read: {error.strerror or error}.")
                else:
                    if not _is_as_before(file):
                        del found[file.path]
                        self._fail(file.path, CHANGED)
                    else:
                        known.put(file, sha1)

            if unread:
                self._each(unread, read, HASHERS, "Reading")
        finally:
            known.close()
        return [Hashed(file, found[file.path]) for file in files if file.path in found]

    def _unknown(self, files: Sequence[Hashed]) -> list[Hashed]:
        """Those that the server does not have."""
        unknown: list[Hashed] = []
        for each, verdict in self._checked(files):
            if verdict.asset_id is None:
                unknown.append(each)
            else:
                self.outcome.there.append(verdict.asset_id)
                self.outcome.trashed += verdict.is_trashed
        return unknown

    def _checked(self, files: Sequence[Hashed]) -> Iterator[tuple[Hashed, Verdict]]:
        for batch in batches(files, CHECK_AT_ONCE):
            sha1s = [each.sha1 for each in batch]
            yield from zip(batch, self._patiently(lambda sha1s=sha1s: self.remote.check(sha1s)), strict=True)

    def _send(self, files: Sequence[Hashed]) -> None:
        def send(each: Hashed, shown: Shown) -> None:
            path = each.file.path
            try:
                sent = self._send_one(each, shown)
            except Stopped:
                return
            except OSError as error:
                self._fail(path, f"It can't be read: {error.strerror or error}.")
            except Changed:
                self._fail(path, CHANGED)
            except RemoteError as error:
                self._fail(path, error.sentence)
                if ends_everything(error.status, error.sentence):
                    self.outcome.ended_by = error.sentence
                    self._stop.set()
            else:
                if sent.is_new:
                    self.outcome.sent.append((each, sent.asset_id))
                else:
                    self.outcome.there.append(sent.asset_id)  # another client was faster

        before = len(self.outcome.there) + len(self.outcome.failed)
        if files:
            self._each(files, send, self.parallel, "Sending", lambda each: each.file.size)
        dealt_with = len(self.outcome.sent) + len(self.outcome.there) + len(self.outcome.failed) - before
        self.outcome.untried = len(files) - dealt_with

    def _send_one(self, each: Hashed, shown: Shown) -> Sent:
        file = each.file
        modified = datetime.fromtimestamp(file.modified_ns / 1e9, UTC)
        name = os.fsencode(file.path.name).decode("utf-8", "replace")

        def attempt() -> Sent:
            moved = 0

            def count(size: int) -> None:
                nonlocal moved
                moved += size
                shown.moved(size)

            if not _is_as_before(file):
                raise Changed
            try:
                with Outgoing(file.path, count, self._stop.is_set) as outgoing:
                    return self.remote.send(outgoing, name, modified, file.sidecar, self.fields)
            except BaseException:
                shown.moved(-moved)
                raise

        return self._patiently(attempt)

    def _confirm(self) -> None:
        """The server's own word that it has every byte that was sent."""
        if not self.outcome.sent or self.outcome.ended_by:
            return
        for each, verdict in self._checked([each for each, _ in self.outcome.sent]):
            if verdict.asset_id is None:
                self._fail(each.file.path, NOT_THERE)

    def _put_into(self, name: str, album_id: str | None) -> None:
        ids = list(dict.fromkeys([*(asset_id for _, asset_id in self.outcome.sent), *self.outcome.there]))
        if ids:
            album_id = album_id or self._patiently(lambda: self.remote.new_album(name))
            for batch in batches(ids, CHECK_AT_ONCE):
                self._patiently(lambda batch=batch: self.remote.put_into_album(album_id, batch))

    def _close(self, crawled: Crawled, repeated: int, wanted: Sequence[Hashed], *, is_dry: bool) -> int:
        outcome = self.outcome
        size = sum(each.file.size for each in (wanted if is_dry else [each for each, _ in outcome.sent]))
        new = len(wanted) if is_dry else len(outcome.sent)
        parts = [
            f"{several(new)} {'to send' if is_dry else 'sent'} ({amount(size)})",
            f"{len(outcome.there):,} already there"
            + (f", {outcome.trashed:,} in the trash" if outcome.trashed else ""),
        ]
        if repeated:
            parts.append(f"{repeated:,} the same as another")
        if crawled.others:
            kinds = ", ".join(f"{kind} {count:,}" for kind, count in crawled.others.most_common(5))
            parts.append(f"{crawled.others.total():,} of other kinds left alone ({kinds})")
        if outcome.failed:
            parts.append(f"{len(outcome.failed):,} failed")
        self._say("; ".join(parts) + ".")
        errors = Console(stderr=True, highlight=False)
        for path, why in sorted(outcome.failed):
            errors.print(f"{shown(path)}: {why}", markup=False, soft_wrap=True)
        if outcome.ended_by:
            errors.print(
                f"Ended early: {outcome.ended_by} {several(outcome.untried)} not tried. Run the command again to go on.",
                markup=False,
                soft_wrap=True,
            )
        return 1 if outcome.failed or outcome.ended_by else 0

    # Threads and patience --------------------------------------------------------------------------------------

    def _each(
        self,
        items: Sequence[T],
        act: Callable[[T, Shown], None],
        threads: int,
        title: str,
        size: Callable[[T], int] = lambda item: item.size if isinstance(item, Found) else 0,
    ) -> None:
        """Do it to all, so many at a time. Ctrl-C ends every thread at its next piece, then goes on upwards."""
        with (
            phase(self.console, title, len(items), sum(map(size, items))) as shown,
            ThreadPoolExecutor(threads) as pool,
        ):

            def one(item: T) -> None:
                if not self._stop.is_set():
                    act(item, shown)
                    shown.done()

            try:
                _all(pool, one, items, ahead=threads * 4)
            except BaseException:
                self._stop.set()
                signal.signal(signal.SIGINT, signal.SIG_DFL)  # who asks twice does not want to wait for an answer
                raise

    def _patiently(self, ask: Callable[[], R]) -> R:
        tries = Counter[bool]()  # being away is forgiven longer than a fault
        while True:
            try:
                return ask()
            except RemoteError as error:
                kind = is_away(error.status)
                tries[kind] += 1
                delay = wait_s(error.status, tries[kind], error.retry_after_s, random.random())  # noqa: S311 — no secret
                if delay is None:
                    raise
            if self._stop.wait(delay):
                raise Stopped

    def _fail(self, path: Path, why: str) -> None:
        self.outcome.failed.append((path, why))

    def _say(self, text: str) -> None:
        self.console.print(text, markup=False, soft_wrap=True)


def sha1_of(path: Path, moved: Callable[[int], None], is_stopped: Callable[[], bool]) -> str:
    """In hex. Raises `Stopped`."""
    digest = hashlib.sha1(usedforsecurity=False)
    piece = bytearray(PIECE_BYTES)
    view = memoryview(piece)
    with path.open("rb", buffering=0) as file:
        while size := file.readinto(piece):
            if is_stopped():
                raise Stopped
            digest.update(view[:size])
            moved(size)
    return digest.hexdigest()


def _is_as_before(file: Found) -> bool:
    now = file.path.stat()
    return (now.st_size, now.st_mtime_ns) == (file.size, file.modified_ns)


def _all(pool: ThreadPoolExecutor, act: Callable[[T], None], items: Sequence[T], *, ahead: int) -> None:
    """A pool that is never told more than it will do soon: a million waiting tasks are half a gigabyte."""
    running: set[Future[None]] = set()
    for item in items:
        if len(running) >= ahead:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for each in done:
                each.result()
        running.add(pool.submit(act, item))
    for each in running:
        each.result()


# Which server ----------------------------------------------------------------------------------------------------


def config_path() -> Path:
    """Where `calotype login` keeps what it was told (XDG Base Directory Specification)."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "calotype" / "upload.toml"


def _where(url: str, key: str) -> tuple[str, str]:
    if url and key:
        return url, key
    try:
        kept = tomllib.loads(config_path().read_text("utf-8"))
    except FileNotFoundError:
        kept = {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"{config_path()} is not readable ({error}). Sign in again with `calotype login`.") from error
    if url and not key and not str(kept.get("url", "")).startswith(url.rstrip("/")):
        raise Invalid("Give --key too: the key that is kept is for another server.")
    url, key = url or str(kept.get("url", "")), key or str(kept.get("key", ""))
    if not url or not key:
        raise Invalid("No server is known. Run `calotype login URL`, or give --url and --key.")
    return url, key


def _keep(path: Path, url: str, key: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(f"url = {json.dumps(url)}\nkey = {json.dumps(key)}\n")  # a JSON string is a TOML string
    fresh.replace(path)


@contextmanager
def _connected(url: str, key: str, *, connections: int = 2) -> Generator[Remote]:
    """A server that takes this key."""
    try:
        remote = Remote(endpoint_of(url), key, connections=connections)
    except RemoteError as error:
        raise _problem(error) from error
    try:
        allowed = remote.permissions()
    except RemoteError as error:
        remote.close()
        raise _problem(error) from error
    try:
        if not allowed & {"all", "asset.upload"}:
            raise Unauthenticated("This API key does not allow uploads. Make one with the permission asset.upload.")
        yield remote
    finally:
        remote.close()


def _problem(error: RemoteError) -> Problem:
    if error.status in (401, 403):
        return Unauthenticated(f"The server refuses this API key: {error.sentence}")
    return Unreachable(error.sentence)
