"""Imports without what libraries bring along for terminals and tracing."""

import sys
from importlib import import_module

# What our libraries import if it happens to be installed: half of the API's start and 20 MB of each process, for nothing.
EXTRAS = ("aiohttp", "click", "opentelemetry", "pygments", "requests", "rich", "valkey", "websocket")


def preload(*names: str) -> None:
    """Import these modules while the extras are not to be had. Those that somebody has already imported stay."""
    if all(name in sys.modules for name in names):
        return
    hidden = [extra for extra in EXTRAS if extra not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # pyright: ignore[reportArgumentType, reportCallIssue] — None: not to be had
    try:
        for name in names:
            import_module(name)
    finally:
        for extra in hidden:
            del sys.modules[extra]
