"""A heavy piece of our own work, done once in a process that takes its memory with it."""

import os
import subprocess
import sys
from pathlib import Path


def run(module: str, *arguments: str, timeout_s: float = 600) -> None:
    """Run one of our modules as a program and wait. Raises `OSError` with its last words when it fails."""
    package_root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, [package_root, os.environ.get("PYTHONPATH")]))
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "SYSTEMROOT") if name in os.environ}
    try:
        done = subprocess.run(  # noqa: S603 — our own interpreter and module
            [sys.executable, "-P", "-m", module, *arguments],
            env=kept | {"PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise OSError(f"{module} did not finish within {timeout_s:.0f} seconds.") from error
    if done.returncode:
        words = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise OSError(f"{module} failed with status {done.returncode}: {words[-1] if words else ''}")
