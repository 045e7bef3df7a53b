"""Files of models, fetched from where the catalogue says: resumed when cut off, checked, and shown all at once or not at all.

What is being fetched lies in `.partial/` of the models' folder until every file of a model type is complete, matches its
checksum and is on the disk; then the whole folder gets its name. Blocking: `library.py` calls it in threads.
"""

import contextlib
import errno
import fcntl
import hashlib
import http.client
import json
import os
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from calotype.inference.catalogue import HOSTS, HUB, Hub, Model

PARTIAL = ".partial"
RECORD = ".calotype.json"  # in the folder of what we fetched: files and checksums; its time says when it was last used
LEARNT = ".checksums"  # what was fetched once must be the same the next time
CHUNK = 1 << 20
LISTING_BYTES = 8 << 20
GROWN_BYTES = 64 << 10  # a connection that brought less counts as a failed try
RESERVE_BYTES = 256 << 20  # what stays free on the disk
# Files of hardware we do not drive, beside the ones we want.
NOT_OURS = (".armnn", ".rknn")
# What the hub's layout has at least, for a mirror that lists nothing.
PLAIN: dict[str, tuple[str, ...]] = {
    "visual": ("visual/model.onnx", "visual/preprocess_cfg.json", "config.json"),
    "textual": ("textual/model.onnx", "textual/tokenizer.json", "textual/tokenizer_config.json", "config.json"),
    "detection": ("detection/model.onnx",),
    "recognition": ("recognition/model.onnx",),
}
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Failed(Exception):
    """A model could not be fetched; the reason is a sentence. Nothing of it is to be seen."""


class NoRoom(Failed):
    """There is no room for it."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a model type is. `total_bytes` 0: nobody said."""

    model: str
    kind: str
    done_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """One file. `path` in the model's folder, such as `visual/model.onnx`; empty or zero is what is not known."""

    path: str
    url: str
    sha256: str = ""
    git_sha1: str = ""
    size: int = 0


Tell = Callable[[Progress], None]


class Fetcher:
    """Talks to the stores. `mirrors`: beginning of an address → what it is replaced with, whose host is then trusted."""

    def __init__(
        self,
        *,
        mirrors: Mapping[str, str] | None = None,
        hosts: Sequence[str] = HOSTS,
        timeout_s: float = 30.0,
        attempts: int = 6,
        pause_s: float = 1.0,
    ) -> None:
        self._mirrors = dict(mirrors or {})
        trusted = {urllib.parse.urlsplit(address).netloc for address in self._mirrors.values()}
        self._careful = _Careful(tuple(hosts), frozenset(trusted))
        self._opener = urllib.request.build_opener(self._careful)
        self._timeout_s = timeout_s
        self._attempts = attempts
        self._pause_s = pause_s

    def wanted(self, model: Model, kind: str) -> list[Wanted]:
        """The files of a model type, as far as the catalogue or its store tells. Raises `Failed`."""
        if files := model.files.get(kind):
            return [Wanted(f"{kind}/{file.path}", file.url, file.sha256) for file in files]
        if model.source is None:
            raise Failed(f"Model '{model.name}' has nothing to fetch for {kind}.")
        return self._listed(model.source, kind)

    def fetch(self, wanted: Sequence[Wanted], partial: Path, tell: Callable[[int, int], None]) -> dict[str, str]:
        """Brings the files into `partial`, going on where it stopped; their SHA-256. Raises `Failed`."""
        total = sum(file.size for file in wanted) if all(file.size for file in wanted) else 0
        done = 0
        learnt: dict[str, str] = {}
        for file in wanted:
            before = done

            def told(got: int, size: int, before: int = before) -> None:
                tell(before + got, total or (before + size if len(wanted) == 1 else 0))

            learnt[file.path] = self._file(file, partial / file.path, told)
            done += (partial / file.path).stat().st_size
        return learnt

    def _listed(self, hub: Hub, kind: str) -> list[Wanted]:
        def at(path: str) -> str:
            return f"{HUB}/{hub.repository}/resolve/main/{urllib.parse.quote(path)}"

        try:
            with self._open(f"{HUB}/api/models/{hub.repository}/tree/main?recursive=true") as answer:
                said: Any = json.loads(answer.read(LISTING_BYTES))
            rows = [cast("dict[str, Any]", row) for row in said if row["type"] == "file"]
            listed = {str(row["path"]): _described(row, at) for row in rows}
        except (ValueError, TypeError, KeyError) as error:
            raise Failed(f"The hub's listing of {hub.repository} cannot be understood.") from error
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise Failed(f"The hub refuses to list {hub.repository}: {error.code} {error.reason}.") from error
            listed = dict[str, Wanted]()
        except (OSError, http.client.HTTPException) as error:
            raise Failed(f"The hub cannot be reached: {_reason(error)}.") from error
        if hub.only:
            pairs = {ours: theirs for ours, theirs in hub.only.items() if ours.startswith(f"{kind}/")}
        elif listed:
            pairs = {path: path for path in listed if _belongs(path, kind)}
        else:
            pairs = {path: path for path in PLAIN[kind]}
        found = [
            Wanted(ours, at(theirs), file.sha256, file.git_sha1, file.size)
            for ours, theirs in pairs.items()
            if (file := listed.get(theirs, Wanted(theirs, at(theirs))))
        ]
        if not any(file.path == f"{kind}/model.onnx" for file in found):
            raise Failed(f"{hub.repository} has no {kind}/model.onnx at the hub.")
        return found

    def _file(self, file: Wanted, into: Path, tell: Callable[[int, int], None]) -> str:
        """One file, complete and checked; its SHA-256."""
        into.parent.mkdir(parents=True, exist_ok=True)
        part = into.with_name(into.name + ".part")
        failures, anew = 0, False
        while True:
            if not into.exists():
                before = part.stat().st_size if part.exists() else 0
                try:
                    self._receive(file, part, tell)
                    os.replace(part, into)
                except (OSError, http.client.HTTPException) as error:
                    if isinstance(error, OSError) and error.errno in NO_ROOM:
                        raise
                    grown = part.exists() and part.stat().st_size >= before + GROWN_BYTES
                    failures = 1 if grown else failures + 1
                    if _is_final(error) or failures >= self._attempts:
                        raise Failed(f"{_name(file)} cannot be fetched: {_reason(error)}.") from error
                    time.sleep(self._pause_s * 2 ** (failures - 1))
                    continue
            fault, digest = _fault_of(into, file)
            if not fault:
                return digest
            into.unlink()
            if anew:
                raise Failed(f"{_name(file)} was fetched twice and both times {fault}.")
            anew = True  # what was there from an earlier try may have been another version

    def _receive(self, file: Wanted, part: Path, tell: Callable[[int, int], None]) -> None:
        have = part.stat().st_size if part.exists() else 0
        tag = part.with_name(part.name + ".etag")
        headers = {"Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
            # With a checksum the end will tell; without one two versions must not be glued together.
            if not (file.sha256 or file.git_sha1):
                headers["If-Range"] = tag.read_text() if tag.exists() else '"unknown"'
        try:
            answer = self._open(file.url, headers)
        except urllib.error.HTTPError as error:
            if error.code == 416:  # it is all there already, or was another version: the checksum decides
                if have and have == (file.size or have):
                    return
                part.unlink(missing_ok=True)
            raise
        with answer:
            if have and (answer.status != 206 or not _starts_at(answer, have)):
                have = 0
            etag = answer.headers.get("ETag", "")
            if etag and not etag.startswith("W/"):
                tag.write_text(etag)
            said = answer.headers.get("Content-Length", "")
            size = have + int(said) if said.isdigit() else file.size
            with part.open("ab" if have else "wb") as out:
                while chunk := answer.read(CHUNK):
                    out.write(chunk)
                    have += len(chunk)
                    if file.size and have > file.size:
                        break
                    tell(have, size)
                out.flush()
                os.fsync(out.fileno())
        if size and have < size:
            raise ConnectionError("the connection was cut")
        tag.unlink(missing_ok=True)

    def _open(self, url: str, headers: Mapping[str, str] | None = None) -> http.client.HTTPResponse:
        for start, mirror in self._mirrors.items():
            if url.startswith(start):
                url = mirror + url[len(start) :]
                break
        if not self._careful.trusts(url):
            raise Failed(f"{urllib.parse.urlsplit(url).netloc or url!r} is not among the places models come from.")
        request = urllib.request.Request(url, headers=dict(headers or {}) | {"User-Agent": "calotype"})  # noqa: S310 — checked
        try:
            return cast("http.client.HTTPResponse", self._opener.open(request, timeout=self._timeout_s))
        except urllib.error.HTTPError as error:
            error.close()  # it holds the connection; code and reason are all that is asked of it
            raise


class _Careful(urllib.request.HTTPRedirectHandler):
    """Follows where it is sent only over https and to hosts that are known."""

    def __init__(self, hosts: tuple[str, ...], mirrors: frozenset[str]) -> None:
        self._hosts = hosts
        self._mirrors = mirrors

    def trusts(self, url: str) -> bool:
        """Whether models may come from there."""
        parts = urllib.parse.urlsplit(url)
        if parts.netloc in self._mirrors and parts.scheme in ("http", "https"):
            return True
        host = (parts.hostname or "").lower()
        return parts.scheme == "https" and any(host == known or host.endswith("." + known) for known in self._hosts)

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """See `HTTPRedirectHandler`."""
        if not self.trusts(newurl):
            fp.close()
            raise Failed(
                f"The store sends us to {urllib.parse.urlsplit(newurl).netloc!r}, which is not one of its own."
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def bring(
    fetcher: Fetcher, root: Path, model: Model, kind: str, tell: Tell, *, make_room: Callable[[int], None]
) -> Path:
    """The folder of a model type, fetched into `root`; another process that fetches it is waited for.

    make_room(bytes): called when the size is known. Raises `Failed`, `NoRoom`; then nothing is to be seen of it, and
    what was received stays for the next try, except when the disk is full.
    """
    name = model.folder_of(kind)
    final = root / model.task / name / kind
    partial = root / PARTIAL / model.task / name / kind
    try:
        partial.mkdir(parents=True, exist_ok=True)
        with _alone(partial.with_suffix(".lock")):
            if (final / "model.onnx").is_file():
                return final
            wanted = fetcher.wanted(model, kind)
            have = sum(file.stat().st_size for file in partial.rglob("*") if file.is_file())
            need = max(0, sum(file.size for file in wanted) - have)
            make_room(need)
            _check_free(root, need, model.name)
            try:
                learnt = fetcher.fetch(
                    wanted, partial, lambda done, total: tell(Progress(model.name, kind, done, total))
                )
            except OSError as error:
                if error.errno in NO_ROOM:
                    shutil.rmtree(partial, ignore_errors=True)
                raise
            _compare(root, model.task, name, kind, learnt)
            _show(partial, final, kind, learnt)
    except OSError as error:
        if error.errno in NO_ROOM:
            raise NoRoom(f"There is no room for model '{model.name}' on the disk of the models.") from error
        raise Failed(f"Model '{model.name}' cannot be kept: {error.strerror or error}.") from error
    return final


def forget(root: Path, task: str, name: str, kind: str) -> bool:
    """Takes a model type that does not load out of the way, so that it is fetched anew. Whether there was one.

    What we fetched is deleted; what somebody put there by hand is only renamed.
    """
    final = root / task / name / kind
    if not final.is_dir():
        return False
    shutil.rmtree(root / PARTIAL / task / name / kind, ignore_errors=True)
    if (final / RECORD).is_file():
        aside = root / PARTIAL / f"{name}-{kind}-{os.getpid()}-{time.monotonic_ns()}"
        aside.parent.mkdir(parents=True, exist_ok=True)
        os.rename(final, aside)  # first out of sight: what is half deleted is never seen
        shutil.rmtree(aside, ignore_errors=True)
    else:
        os.rename(final, final.with_name(f"{kind}.damaged-{time.time_ns()}"))
    return True


def used(folder: Path) -> None:
    """Notes that somebody uses what we fetched."""
    with contextlib.suppress(OSError):
        os.utime(folder / RECORD)


def make_room(root: Path, need: int, cap_bytes: int, *, idle_s: float, now: float) -> list[Path]:
    """Deletes what was fetched and is longest unused until `need` bytes more stay under the cap; what was deleted.

    What was used in the last `idle_s` stays, and so does whatever people put there. Raises `NoRoom`.
    """
    fetched = sorted((record.stat().st_mtime, record.parent) for record in root.glob(f"*/*/*/{RECORD}"))
    sizes = {folder: _size(folder) for _, folder in fetched}
    total = sum(sizes.values())
    gone: list[Path] = []
    for used_at, folder in fetched:
        if total + need <= cap_bytes:
            break
        if now - used_at < idle_s:
            continue
        task, name, kind = folder.parts[-3:]
        forget(root, task, name, kind)
        total -= sizes[folder]
        gone.append(folder)
    if total + need > cap_bytes:
        raise NoRoom(
            f"{_mib(need)} more would be {_mib(total + need)} of models; {_mib(cap_bytes)} are allowed, and the rest is in use."
        )
    return gone


def _show(partial: Path, final: Path, kind: str, learnt: Mapping[str, str]) -> None:
    """The fetched files under their final names: first those of the whole model, then the type's folder at once."""
    final.parent.mkdir(parents=True, exist_ok=True)
    ready = partial / kind
    record = {"files": dict(learnt), "fetched_at": int(time.time())}
    with (ready / RECORD).open("w") as out:
        json.dump(record, out, indent=1)
        out.flush()
        os.fsync(out.fileno())
    for file in partial.iterdir():
        if file.is_file():
            os.replace(file, final.parent / file.name)
    if final.exists():  # without a model, or we were not here
        os.rename(final, final.with_name(f"{kind}.damaged-{time.time_ns()}"))
    _sync(ready)
    os.rename(ready, final)
    _sync(final.parent)
    shutil.rmtree(partial, ignore_errors=True)


def _compare(root: Path, task: str, name: str, kind: str, learnt: Mapping[str, str]) -> None:
    """What was fetched before under this name must be what it was: embeddings of two versions do not go together."""
    note = root / LEARNT / task / name / f"{kind}.json"
    known: dict[str, str] = {}
    with contextlib.suppress(OSError, ValueError):
        known = json.loads(note.read_text())
    for path, digest in learnt.items():
        if known.get(path, digest) != digest:
            raise Failed(
                f"{path} of model '{name}' is no longer what was fetched before. To accept the new one, delete {note}"
            )
    note.parent.mkdir(parents=True, exist_ok=True)
    fresh = note.with_suffix(".new")
    fresh.write_text(json.dumps(known | dict(learnt), indent=1))
    os.replace(fresh, note)


def _check_free(root: Path, need: int, name: str) -> None:
    free = shutil.disk_usage(root).free
    if need + RESERVE_BYTES > free:
        raise NoRoom(f"Model '{name}' needs {_mib(need)} more; the disk of the models has {_mib(free)} left.")


@contextlib.contextmanager
def _alone(lock: Path) -> Generator[None]:
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _fault_of(path: Path, file: Wanted) -> tuple[str, str]:
    """What is wrong with a received file, or nothing; and its SHA-256."""
    size = path.stat().st_size
    sha256, git = hashlib.sha256(), hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as content:
        while chunk := content.read(CHUNK):
            sha256.update(chunk)
            if file.git_sha1:
                git.update(chunk)
    digest = sha256.hexdigest()
    if file.size and size != file.size:
        return f"had {size} bytes instead of {file.size}", digest
    if file.sha256 and digest != file.sha256:
        return "had another checksum than it must have", digest
    if file.git_sha1 and git.hexdigest() != file.git_sha1:
        return "had another checksum than the hub told", digest
    if not size:
        return "was empty", digest
    return "", digest


def _described(row: Mapping[str, Any], at: Callable[[str], str]) -> Wanted:
    """A row of the hub's listing. Large files have a SHA-256, small ones git's."""
    path, large = str(row["path"]), cast("dict[str, Any]", row.get("lfs") or {})
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or "\\" in path:
        raise ValueError(path)
    sha256 = str(large.get("oid", ""))
    return Wanted(path, at(path), sha256, "" if sha256 else str(row.get("oid", "")), int(row.get("size", 0)))


def _belongs(path: str, kind: str) -> bool:
    if path == "config.json":
        return kind in ("visual", "textual")
    return path.startswith(f"{kind}/") and not path.endswith(NOT_OURS) and "/." not in path


def _starts_at(answer: http.client.HTTPResponse, have: int) -> bool:
    return (answer.headers.get("Content-Range") or "").startswith(f"bytes {have}-")


def _is_final(error: Exception) -> bool:
    """Whether asking again would be answered the same."""
    return isinstance(error, urllib.error.HTTPError) and error.code < 500 and error.code not in (408, 416, 429)


def _reason(error: BaseException) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the store answers {error.code} {error.reason}"
    reason = getattr(error, "reason", None) or error  # what lies below, where there is one, has its own words
    reason = getattr(reason, "strerror", None) or reason
    return " ".join(str(reason).split()).rstrip(".") or type(error).__name__


def _name(file: Wanted) -> str:
    return f"{file.path} from {urllib.parse.urlsplit(file.url).netloc}"


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _mib(size: int) -> str:
    return f"{size / (1 << 20):,.0f} MiB"


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
