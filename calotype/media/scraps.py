"""Half-made previews and videos whose maker was killed: hidden files that nobody will ever finish."""

import asyncio
import os
import time
from contextlib import suppress
from pathlib import Path

from calotype.core.world import World
from calotype.storage import paths

OLD_S = 24 * 3600  # longer than any encode takes


async def clear(world: World) -> int:
    """Remove what was begun and left more than a day ago; how many."""
    return await asyncio.to_thread(_clear, world.config.data)


def _clear(data: Path) -> int:
    removed, before = 0, time.time() - OLD_S
    for top in (paths.THUMBS, paths.ENCODED):
        for folder, _, names in os.walk(data / top):
            for name in names:
                # Makers write `.<name>.<process>.part`, ffmpeg's first pass adds its log behind that.
                if name.startswith(".") and ".part" in name:
                    with suppress(FileNotFoundError):
                        path = os.path.join(folder, name)
                        if os.stat(path).st_mtime < before:
                            os.unlink(path)
                            removed += 1
    return removed
