"""Whom our servers run as while we are root, and how they reach folders that are closed to others."""

import contextlib
import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from calotype.core.errors import Invalid

# Either lets an account pass through folders that are closed to it, the first with less power; bits of capabilities(7).
PASSING = {"dac_read_search": 2, "dac_override": 1}


@dataclass(frozen=True, slots=True)
class Account:
    """The unprivileged user servers run as while we are root (Postgres refuses to be root)."""

    name: str
    uid: int
    gid: int


def account_for(folder: Path) -> Account | None:
    """Who runs the servers in `folder`: its present owner, else one of the usual; `None` when we are not root."""
    if os.geteuid() != 0:
        return None
    if folder.exists() and (owner := folder.stat().st_uid) != 0:
        entry = pwd.getpwuid(owner)
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    for name in ("calotype", "postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise Invalid(
        "Postgres refuses to run as root, and this machine has no user that could run it. Start as another user."
    )


def passing_capability() -> str | None:
    """The least of the capabilities we hold that leads through closed folders."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            held = int(line.split()[1], 16)
            return next((name for name, bit in PASSING.items() if held >> bit & 1), None)
    return None


def may_enter(account: Account, path: Path) -> bool:
    """Whether no folder above a path is closed to it."""
    path = path.resolve()
    for folder in path.parents:
        if not folder.exists():
            continue
        facts = folder.stat()
        bit = stat.S_IXOTH
        if facts.st_uid == account.uid:
            bit = stat.S_IXUSR
        elif facts.st_gid == account.gid:
            bit = stat.S_IXGRP
        if not facts.st_mode & bit:
            return False
    return True
