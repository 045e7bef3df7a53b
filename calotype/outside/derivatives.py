"""Files in the data folder that can be made again: removing them is never urgent and never fails."""

import asyncio
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from calotype.core.log import say


async def remove(data: Path, paths: Sequence[str]) -> None:
    """Remove files given by their paths below the data folder; those already gone are no error."""
    if paths:
        await asyncio.to_thread(_remove, data, paths)


def _remove(data: Path, paths: Sequence[str]) -> None:
    for path in paths:
        try:
            os.unlink(data / path)
        except FileNotFoundError:
            continue
        except OSError as error:
            say("derivative-left-behind", level=logging.WARNING, reason=type(error).__name__)
