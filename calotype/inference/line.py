"""Messages between the service and its children: JSON, and beside it memory that both may read.

A frame is four bytes of length and a JSON object; file descriptors travel with its first byte. Pictures and pixels are
never written into the socket: they lie in memory of their own, which is passed on as a descriptor.
"""

import asyncio
import contextlib
import json
import mmap
import os
import socket
import tempfile
from collections import deque
from collections.abc import Sequence
from typing import Any

MAX_FRAME = 64 << 20
MAX_FDS = 4

Json = dict[str, Any]


def share(content: bytes | bytearray | memoryview) -> int:
    """A descriptor of anonymous memory that holds the content. Whoever asked closes it."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("calotype", os.MFD_CLOEXEC)
    else:  # macOS: a file without a name is nearly the same
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    try:
        rest = memoryview(content).cast("B")
        while rest:
            rest = rest[os.write(fd, rest) :]
    except BaseException:
        os.close(fd)
        raise
    return fd


def read_shared(fd: int) -> memoryview:
    """What lies behind a descriptor of `share`, which is closed; the memory goes with the last view of it."""
    try:
        size = os.fstat(fd).st_size
        return memoryview(mmap.mmap(fd, size, prot=mmap.PROT_READ)) if size else memoryview(b"")
    finally:
        os.close(fd)


def send(line: socket.socket, message: Json, fds: Sequence[int] = ()) -> None:
    """Write a frame, waiting as long as it takes. One thread at a time."""
    frame = _frame(message, fds)
    sent = socket.send_fds(line, [frame], list(fds)) if fds else line.send(frame)
    line.sendall(frame[sent:])


def receive(line: socket.socket) -> tuple[Json, list[int]]:
    """Read a frame and its descriptors. Raises `EOFError` when the other side is gone."""
    head, fds, _, _ = socket.recv_fds(line, 4, MAX_FDS)
    while len(head) < 4:
        head += _some(line, 4 - len(head))
    left = int.from_bytes(head, "big")
    body = bytearray()
    while left:
        part = _some(line, left)
        body += part
        left -= len(part)
    return json.loads(body), fds


class Line:
    """Our end of a line to a child, in an event loop."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._end = end
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[bytes, list[int]]] = deque()
        self._got = bytearray()
        self._fds: list[int] = []
        self._frames: asyncio.Queue[tuple[Json, list[int]] | None] = asyncio.Queue()
        self._loop.add_reader(end, self._readable)

    def send(self, message: Json, fds: Sequence[int] = ()) -> None:
        """Send as soon as the other side takes it. The descriptors are duplicated: ours may be closed at once."""
        self._waiting.append((_frame(message, fds), [os.dup(fd) for fd in fds]))
        if len(self._waiting) == 1:
            self._writable()

    async def receive(self) -> tuple[Json, list[int]] | None:
        """The next frame and its descriptors; `None` when the other side is gone."""
        return await self._frames.get()

    def close(self) -> None:
        """Harmless when done twice."""
        if self._end.fileno() < 0:
            return
        self._loop.remove_reader(self._end)
        self._loop.remove_writer(self._end)
        self._end.close()
        for _, fds in self._waiting:
            _close(fds)
        self._waiting.clear()
        _close(self._fds)
        while not self._frames.empty():
            frame = self._frames.get_nowait()
            _close(frame[1] if frame else [])
        self._frames.put_nowait(None)

    def _writable(self) -> None:
        self._loop.remove_writer(self._end)
        while self._waiting:
            frame, fds = self._waiting[0]
            try:
                sent = socket.send_fds(self._end, [frame], fds) if fds else self._end.send(frame)
            except BlockingIOError:
                self._loop.add_writer(self._end, self._writable)
                return
            except OSError:
                self._readable()  # tells that the other side is gone
                return
            _close(fds)
            if sent == len(frame):
                self._waiting.popleft()
            else:
                self._waiting[0] = (frame[sent:], [])

    def _readable(self) -> None:
        try:
            while True:
                part, fds, _, _ = socket.recv_fds(self._end, 1 << 16, MAX_FDS)
                self._fds += fds
                if not part:
                    break
                self._got += part
                self._cut()
        except BlockingIOError:
            return
        except OSError:
            pass
        self._loop.remove_reader(self._end)
        self._frames.put_nowait(None)

    def _cut(self) -> None:
        while len(self._got) >= 4:
            length = int.from_bytes(self._got[:4], "big")
            if len(self._got) < 4 + length:
                return
            message = json.loads(self._got[4 : 4 + length])
            del self._got[: 4 + length]
            count = message.pop("fds", 0)  # they come in the order of the frames, but perhaps with a later read's bytes
            fds, self._fds = self._fds[:count], self._fds[count:]
            self._frames.put_nowait((message, fds))


def _frame(message: Json, fds: Sequence[int]) -> bytes:
    body = json.dumps(message | {"fds": len(fds)} if fds else message).encode()
    if len(body) > MAX_FRAME:
        raise ValueError("the message is too long")
    return len(body).to_bytes(4, "big") + body


def _some(line: socket.socket, most: int) -> bytes:
    part = line.recv(most)
    if not part:
        raise EOFError
    return part


def _close(fds: Sequence[int]) -> None:
    for fd in fds:
        with contextlib.suppress(OSError):
            os.close(fd)
