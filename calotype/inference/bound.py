"""How a process binds itself to the life of another, and to a share of the memory."""

import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1


def die_with(parent: int) -> None:
    """End when the process that started us ends, however it ends; at once when it is gone already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise SystemExit(0)


def go_first() -> None:
    """When memory runs out, let the kernel take this process before any other of ours."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")


def rss_mib(pid: int) -> int:
    """Memory that a process really has, without the files it shares with others; 0 for one that is gone."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text().split()
    except OSError:
        return 0
    return (int(pages[1]) - int(pages[2])) * os.sysconf("SC_PAGE_SIZE") >> 20


def own_rss_mib() -> int:
    """The same of this process."""
    return rss_mib(os.getpid())


def trim() -> None:
    """Give freed memory back to the system, where the C library keeps it."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
