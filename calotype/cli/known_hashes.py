"""Remembers the SHA-1 of files that did not change, so that a second run over a large folder asks no disk twice."""

import os
import sqlite3
import threading
from pathlib import Path

from calotype.cli.upload_rules import Found

KEEP_EVERY = 200  # what a crash may cost: this many files to read again


def state_folder() -> Path:
    """Where programs of this user keep what they may lose (XDG Base Directory Specification)."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "calotype"


class KnownHashes:
    """A small file of path, size, time of change and SHA-1. Safe to use from several threads."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or state_folder() / "hashes.sqlite3"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._unkept = 0
        try:
            self._database = self._open()
        except sqlite3.DatabaseError:
            self.path.unlink(missing_ok=True)  # it only saves time; a broken one saves none
            self._database = self._open()

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.path, timeout=30, check_same_thread=False)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute(
            "CREATE TABLE IF NOT EXISTS hash"
            " (path BLOB PRIMARY KEY, size INTEGER NOT NULL, modified_ns INTEGER NOT NULL, sha1 TEXT NOT NULL)"
            " WITHOUT ROWID"
        )
        database.commit()
        return database

    def get(self, file: Found) -> str | None:
        """The SHA-1 of the file as it is now, when it was read before."""
        with self._lock:
            row = self._database.execute(
                "SELECT sha1 FROM hash WHERE path = ? AND size = ? AND modified_ns = ?",
                (os.fsencode(file.path), file.size, file.modified_ns),
            ).fetchone()
        return None if row is None else str(row[0])

    def put(self, file: Found, sha1: str) -> None:
        """Remember."""
        with self._lock:
            self._database.execute(
                "INSERT OR REPLACE INTO hash (path, size, modified_ns, sha1) VALUES (?, ?, ?, ?)",
                (os.fsencode(file.path), file.size, file.modified_ns, sha1),
            )
            self._unkept += 1
            if self._unkept >= KEEP_EVERY:
                self._database.commit()
                self._unkept = 0

    def close(self) -> None:
        """Keep everything that was put."""
        with self._lock:
            self._database.commit()
            self._database.close()
