"""Originals in a folder, which may be a NAS mount: complete or absent, never half written, never overwritten.

Every system call runs in a `Lanes` thread with a time limit. Nothing is written to, and nothing is called missing in, a
folder without its marker: an absent mount must neither be filled nor be read as deleted photos.
"""

import errno
import hashlib
import os
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from calotype.core.config import Config
from calotype.core.errors import Conflict, Full, Invalid, Missing, Offline, Problem
from calotype.core.ports import Incoming, Stat, Written
from calotype.outside.intake import Intake
from calotype.outside.keys import (
    ABANDONED_AFTER_S,
    ALTERED,
    AWAY,
    CHUNK_BYTES,
    INCOMING,
    MARKER,
    NOT_THERE,
    TAKEN,
    Altered,
    checked,
)
from calotype.outside.lanes import Lanes

T = TypeVar("T")
Found = tuple[list[str], list[tuple[str, Stat]]]  # of one folder: folders below it, and files

MIB = 1024 * 1024
PATIENCE_S = 10.0
MARKER_PATIENCE_S = 3.0
SEAL_PATIENCE_S = 60.0  # one fsync or one read-back step; a NAS flushing its cache needs many seconds
SETTLE_BYTES = 64 * CHUNK_BYTES  # written data is pushed out this often, so that no single fsync takes minutes
NO_ROOM = "The photo storage is full. Nothing was kept of this file; deleting still works."

_FULL = {errno.ENOSPC, errno.EDQUOT}
_AWAY = {
    errno.EIO,
    errno.ESTALE,
    errno.ETIMEDOUT,
    errno.ENOTCONN,
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
    errno.ENETUNREACH,
    errno.ECONNREFUSED,
    errno.ECONNRESET,
    errno.ECONNABORTED,
    errno.ENODEV,
    errno.ENXIO,
    errno.EREMOTEIO,
    errno.ENOENT,  # of the root: what is merely not there is told apart before
}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_FILE = {errno.EISDIR, errno.ELOOP, errno.ENOTDIR}
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL}


@dataclass(frozen=True, slots=True)
class Calls:
    """The system calls that a disk can fail in, so that a test can give failing ones."""

    open: Callable[[str, int, int], int] = os.open
    write: Callable[[int, memoryview], int] = os.write
    pread: Callable[[int, int, int], bytes] = os.pread
    fsync: Callable[[int], None] = os.fsync
    link: Callable[[str, str], None] = os.link
    statvfs: Callable[[str], os.statvfs_result] = os.statvfs


class DiskFiles:
    """`Files` in the configured media folder. Writes are refused below the configured floor of free room."""

    def __init__(
        self,
        config: Config,
        *,
        patience_s: float = PATIENCE_S,
        marker_patience_s: float = MARKER_PATIENCE_S,
        threads: int = 8,
        calls: Calls | None = None,
    ) -> None:
        self._root = os.path.abspath(os.path.expanduser(config.media_root))
        self._floor_bytes = config.min_free_mib * MIB
        self._marker_patience_s = marker_patience_s
        self._lanes = Lanes(threads, patience_s=patience_s)
        self.calls = calls or Calls()

    async def begin(self, key: str) -> Incoming:
        checked(key)
        fd, path = await self.run(self._open_incoming, discard=_discard_incoming)
        return DiskIncoming(self, key, fd, path)

    async def open_range(self, key: str, start: int, length: int) -> AsyncGenerator[bytes]:
        checked(key)
        if length <= 0:
            return
        first = partial(self._open_and_read, key, start, min(length, CHUNK_BYTES))
        fd, chunk = await self.run(first, discard=lambda opened: os.close(opened[0]))
        try:
            while len(chunk) < length and chunk:
                yield chunk
                start += len(chunk)
                length -= len(chunk)
                chunk = await self.run(partial(self.calls.pread, fd, min(length, CHUNK_BYTES), start))
        finally:
            self._lanes.toss(partial(os.close, fd))
        if chunk:  # the last one, after closing: whoever has all bytes seldom asks once more
            yield chunk

    async def stat(self, key: str) -> Stat:
        checked(key)
        return await self.run(partial(self._stat, key))

    async def move(self, source: str, target: str) -> None:
        checked(source)
        checked(target)
        await self.run(partial(self._move, source, target), patience_s=SEAL_PATIENCE_S)

    async def remove(self, key: str) -> None:
        checked(key)
        await self.run(partial(self._remove, key))

    async def list(self, prefix: str) -> AsyncIterator[tuple[str, Stat]]:
        top = prefix.strip("/")
        folders = [checked(top) if top else ""]
        while folders:
            below, found = await self.run(partial(self._read_folder, folders.pop()), patience_s=SEAL_PATIENCE_S)
            folders += below
            for entry in found:
                yield entry

    @asynccontextmanager
    async def local(self, key: str) -> AsyncGenerator[Path]:
        checked(key)
        await self.run(partial(self._stat, key))
        yield Path(self._root, key)

    async def free_bytes(self) -> int | None:
        volume = await self.run(partial(self.calls.statvfs, self._root))
        return volume.f_bavail * volume.f_frsize

    async def total_bytes(self) -> int | None:
        volume = await self.run(partial(self.calls.statvfs, self._root))
        return volume.f_blocks * volume.f_frsize

    async def read_marker(self) -> bytes | None:
        try:
            return await self._lanes.probe(self._read_marker, patience_s=self._marker_patience_s)
        except OSError as error:
            raise problem(error) from error

    async def write_marker(self, content: bytes) -> None:
        await self.run(partial(self._write_marker, content))

    def public_path(self, key: str) -> str:
        return os.path.join(self._root, checked(key))

    async def create_root(self) -> None:
        """Make the folder itself. Only a new installation may ask for it."""
        await self.run(partial(os.makedirs, self._root, mode=0o750, exist_ok=True))

    async def holds_any(self, prefixes: Sequence[str]) -> bool:
        """Whether anything lies below one of them, marker or not; false for a folder that is not there yet."""
        return await self.run(partial(self._holds_any, prefixes), patience_s=SEAL_PATIENCE_S)

    async def sweep(self, older_than_s: float = ABANDONED_AFTER_S) -> int:
        """Remove unfinished writes that a crash left behind; how many."""
        return await self.run(partial(self._sweep, older_than_s), patience_s=SEAL_PATIENCE_S)

    async def run(
        self,
        call: Callable[[], T],
        *,
        patience_s: float | None = None,
        discard: Callable[[T], object] | None = None,
    ) -> T:
        """The call in a thread, with its time limit, speaking our refusals."""
        try:
            return await self._lanes.run(call, patience_s=patience_s, discard=discard)
        except OSError as error:
            raise problem(error) from error

    def toss(self, call: Callable[[], object]) -> None:
        """Do it in a thread some time; nobody waits for it."""
        self._lanes.toss(call)

    # What follows runs in a thread.

    def place(self, key: str) -> str:
        """The absolute path of a key. Raises `Invalid` when a link inside the root leads out of it."""
        folder, _, name = key.rpartition("/")
        real = os.path.realpath(os.path.join(self.real_root, folder))
        if real != self.real_root and not real.startswith(self.real_root + os.sep):
            raise Invalid("This is not a place inside the photo storage.")
        return os.path.join(real, name)

    @cached_property
    def real_root(self) -> str:
        """The root without links."""
        return os.path.realpath(self._root)

    def require_marker(self) -> None:
        """Raises `Offline` when this folder is not (or no longer) our root."""
        try:
            os.stat(os.path.join(self._root, MARKER))
        except FileNotFoundError as error:
            raise Offline(AWAY) from error

    def make_folder(self, path: str) -> None:
        """Create what is missing of the folders between the root and `path`; never the root itself."""
        if os.path.isdir(path):
            return
        parent = os.path.dirname(path)
        if parent != self.real_root:
            self.make_folder(parent)
        try:
            os.mkdir(path, 0o750)
        except FileExistsError:
            return
        self.sync_folder(parent)

    def sync_folder(self, path: str) -> None:
        """Make names in a folder durable."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self.calls.fsync(fd)
        except OSError as error:
            if error.errno not in (
                errno.EINVAL,
                errno.EOPNOTSUPP,
            ):  # CIFS and some FUSE mounts cannot; names are synchronous there
                raise
        finally:
            os.close(fd)

    def show(self, path: str, target: str) -> None:
        """Give a finished file its name, atomically and without ever replacing another."""
        self.make_folder(os.path.dirname(target))
        try:
            self.calls.link(path, target)
        except FileExistsError as error:
            raise Conflict(TAKEN) from error
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            self._claim_and_rename(path, target)
        else:
            os.unlink(path)
        self.sync_folder(os.path.dirname(target))

    def _claim_and_rename(self, path: str, target: str) -> None:
        """Where there are no hard links (exFAT, some SMB servers): an empty file claims the name first."""
        try:
            os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o640))
        except FileExistsError as error:
            raise Conflict(TAKEN) from error
        try:
            os.rename(path, target)
        except BaseException:
            os.unlink(target)
            raise

    def _open_incoming(self) -> tuple[int, str]:
        self.require_marker()
        volume = self.calls.statvfs(self._root)
        if volume.f_bavail * volume.f_frsize < self._floor_bytes:
            raise Full(NO_ROOM)
        path = os.path.join(self.real_root, INCOMING, f"{uuid4()}.part")
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
        try:
            return self.calls.open(path, flags, 0o640), path
        except FileNotFoundError:
            self.make_folder(os.path.dirname(path))
            return self.calls.open(path, flags, 0o640), path

    def _open_and_read(self, key: str, start: int, length: int) -> tuple[int, bytes]:
        try:
            fd = self.calls.open(self.place(key), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW, 0)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise self._absence() from error
        try:
            return fd, self.calls.pread(fd, length, start)
        except BaseException:
            os.close(fd)
            raise

    def _absence(self) -> Problem:
        """Why a file is not there: because the whole root is away, or because there is none."""
        self.require_marker()
        return Missing(NOT_THERE)

    def _stat(self, key: str) -> Stat:
        try:
            return _stat_of(os.stat(self.place(key), follow_symlinks=False))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise self._absence() from error

    def _move(self, source: str, target: str) -> None:
        self.require_marker()
        old, new = self.place(source), self.place(target)
        if old == new:
            return
        if not os.path.exists(old):
            if not os.path.exists(new):
                raise self._absence()
            return
        if os.path.exists(new) and os.path.samefile(old, new):  # cut off between the two steps of the last attempt
            os.unlink(old)
            return
        self.show(old, new)
        self.sync_folder(os.path.dirname(old))

    def _remove(self, key: str) -> None:
        self.require_marker()
        try:
            os.unlink(self.place(key))
        except (FileNotFoundError, NotADirectoryError):
            return

    def _read_folder(self, folder: str) -> Found:
        self.require_marker()
        below, found = _nothing_found()
        start = f"{folder}/" if folder else ""
        try:
            with os.scandir(os.path.join(self._root, folder)) as entries:
                for entry in entries:
                    if not folder and entry.name in (INCOMING, MARKER):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        below.append(start + entry.name)
                    elif entry.is_file(follow_symlinks=False):
                        with suppress(FileNotFoundError):  # removed while we read on
                            found.append((start + entry.name, _stat_of(entry.stat(follow_symlinks=False))))
        except (FileNotFoundError, NotADirectoryError):
            self.require_marker()
        return below, found

    def _holds_any(self, prefixes: Sequence[str]) -> bool:
        def refuse(error: OSError) -> None:
            if not isinstance(error, FileNotFoundError):
                raise error

        walks = (os.walk(os.path.join(self._root, prefix), onerror=refuse) for prefix in prefixes)
        return any(names for walk in walks for _, _, names in walk)

    def _read_marker(self) -> bytes | None:
        try:
            fd = self.calls.open(os.path.join(self._root, MARKER), os.O_RDONLY | os.O_CLOEXEC, 0)
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            return self.calls.pread(fd, CHUNK_BYTES, 0)
        finally:
            os.close(fd)

    def _write_marker(self, content: bytes) -> None:
        path = os.path.join(self._root, MARKER)
        fresh = f"{path}.{uuid4()}"
        fd = self.calls.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o640)
        try:
            try:
                write_all(self.calls, fd, content)
                self.calls.fsync(fd)
            finally:
                os.close(fd)
            os.replace(fresh, path)
        except BaseException:
            os.unlink(fresh)
            raise
        self.sync_folder(self._root)

    def _sweep(self, older_than_s: float) -> int:
        self.require_marker()
        removed = 0
        try:
            with os.scandir(os.path.join(self._root, INCOMING)) as entries:
                for entry in entries:
                    with suppress(FileNotFoundError):  # finished or given up meanwhile
                        if entry.stat().st_mtime < time.time() - older_than_s:
                            os.unlink(entry.path)
                            removed += 1
        except FileNotFoundError:
            self.require_marker()
        return removed


class DiskIncoming:
    """A file under `.incoming`, hashed while it is written.

    `_busy` belongs to the thread that touches the file. A write that hangs keeps it; whoever lets it go last removes
    the file if it was given up meanwhile.
    """

    def __init__(self, files: DiskFiles, key: str, fd: int, path: str) -> None:
        self._files = files
        self._key = key
        self._fd = fd
        self._path = path
        self._busy = threading.Lock()
        self._is_given_up = False
        self._is_gone = False
        self._is_shown = False
        self._is_finished = False
        self._intake = Intake(key)
        self._unsettled_bytes = 0

    async def write(self, chunk: bytes | memoryview) -> None:
        if self._intake.keep(chunk):
            await self._flush()

    async def digest(self) -> Written:
        await self._flush()
        return self._intake.written()

    async def finish(self, *, modified_at: datetime | None = None) -> Written:
        kept = self._intake.take()
        try:
            if self._intake.size <= SETTLE_BYTES:
                await self._run(partial(self._complete, kept, modified_at))
            else:
                await self._complete_in_steps(kept, modified_at)
        except BaseException:
            await self.abort()
            raise
        self._is_finished = True
        return self._intake.written()

    async def _complete_in_steps(self, kept: list[bytes], modified_at: datetime | None) -> None:
        """For large files: each step has its own time limit."""
        await self._run(partial(self._seal, kept, modified_at))
        proof = hashlib.sha256()
        fd = await self._run(self._reopen)
        try:
            for offset in range(0, self._intake.size, SETTLE_BYTES):
                await self._run(partial(self._read_back, fd, offset, proof.update))
        finally:
            self._files.toss(partial(os.close, fd))
        await self._run(partial(self._show, proof.digest()))

    async def abort(self) -> None:
        if self._is_finished or self._is_gone:
            return
        self._is_given_up = True
        try:
            await self._files.run(self._clear)
        except Offline:
            return  # nothing can be removed now; the sweep will

    async def _flush(self) -> None:
        if kept := self._intake.take():
            await self._run(partial(self._append, kept))

    async def _run(self, call: Callable[[], T]) -> T:
        return await self._files.run(partial(self._alone, call), patience_s=SEAL_PATIENCE_S)

    # What follows runs in a thread.

    def _alone(self, call: Callable[[], T]) -> T:
        try:
            with self._busy:
                if self._is_given_up:
                    raise Offline(AWAY)
                return call()
        finally:
            if self._is_given_up:
                self._clear()

    def _append(self, kept: list[bytes]) -> None:
        block = kept[0] if len(kept) == 1 else b"".join(kept)
        write_all(self._files.calls, self._fd, block)
        self._intake.count(block)
        self._unsettled_bytes += len(block)
        if self._unsettled_bytes >= SETTLE_BYTES:
            self._files.calls.fsync(self._fd)
            self._unsettled_bytes = 0

    def _seal(self, kept: list[bytes], modified_at: datetime | None) -> None:
        if kept:
            self._append(kept)
        if modified_at is not None:
            instant_ns = round(modified_at.timestamp() * 1e6) * 1000
            os.utime(self._fd, ns=(instant_ns, instant_ns))
        self._files.calls.fsync(self._fd)

    def _complete(self, kept: list[bytes], modified_at: datetime | None) -> None:
        self._seal(kept, modified_at)
        proof = hashlib.sha256()
        fd = self._reopen()
        try:
            for offset in range(0, self._intake.size, SETTLE_BYTES):
                self._read_back(fd, offset, proof.update)
        finally:
            os.close(fd)
        self._show(proof.digest())

    def _reopen(self) -> int:
        fd = self._files.calls.open(self._path, os.O_RDONLY | os.O_CLOEXEC, 0)
        if hasattr(os, "posix_fadvise"):
            # Without this we would compare the memory we wrote from, not what the disk holds.
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        return fd

    def _read_back(self, fd: int, offset: int, take: Callable[[bytes], None]) -> None:
        end = min(offset + SETTLE_BYTES, self._intake.size)
        while offset < end:
            block = self._files.calls.pread(fd, min(CHUNK_BYTES, end - offset), offset)
            if not block:
                return  # shorter than what was sent: the checksum will tell
            take(block)
            offset += len(block)

    def _show(self, proof: bytes) -> None:
        if proof != self._intake.sha256 or os.fstat(self._fd).st_size != self._intake.size:
            raise Altered(ALTERED)
        self._files.require_marker()
        self._files.show(self._path, self._files.place(self._key))
        self._is_shown = True
        os.close(self._fd)
        self._fd = -1

    def _clear(self) -> None:
        if not self._busy.acquire(blocking=False):
            return  # the thread that holds it sees that the file was given up
        try:
            if self._is_gone:
                return
            self._is_gone = True
            if self._fd >= 0:
                os.close(self._fd)
            paths = [self._path]
            if self._is_shown:  # shown, but whoever asked for it was cut off before hearing of it
                paths.append(self._files.place(self._key))
            for path in paths:
                try:
                    os.unlink(path)
                except FileNotFoundError:
                    continue
        finally:
            self._busy.release()


def write_all(calls: Calls, fd: int, content: bytes) -> None:
    """Write every byte, however many calls it takes."""
    rest = memoryview(content)
    while rest:
        rest = rest[calls.write(fd, rest) :]


def problem(error: OSError) -> Problem | OSError:
    """Our refusal for what the operating system says; errors we have no name for stay what they are."""
    if error.errno in _FULL:
        return Full(NO_ROOM)
    if error.errno in _FORBIDDEN:
        return Offline("The photo storage does not let us in: its permissions are wrong or it is mounted read-only.")
    if error.errno in _AWAY:
        return Offline(AWAY)
    if error.errno in _NO_FILE:
        return Missing(NOT_THERE)
    return error


def _stat_of(result: os.stat_result) -> Stat:
    return Stat(result.st_size, datetime.fromtimestamp(result.st_mtime, UTC))


def _nothing_found() -> Found:
    return [], []


def _discard_incoming(opened: tuple[int, str]) -> None:
    os.close(opened[0])
    os.unlink(opened[1])
