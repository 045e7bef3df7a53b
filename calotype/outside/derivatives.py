"""Files in the data folder that can be made again: removing them is never urgent and never fails."""

import asyncio
import logging
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from calotype.core.log import say


async def remove(data: Path, paths: Sequence[str]) -> None:
    """Remove files given by their paths below the data folder; those already gone are no error."""
    if paths:
        await asyncio.to_thread(_remove, data, paths)


async def remove_folder(folder: Path) -> bool:
    """Remove a folder with all that is in it; whether it is gone."""
    return await asyncio.to_thread(_remove_folder, folder)


def _remove_folder(folder: Path) -> bool:
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return not folder.exists()  # somebody else may remove it beside us
    except OSError as error:
        say("folder-left-behind", level=logging.WARNING, reason=type(error).__name__)
        return False
    return True


def _remove(data: Path, paths: Sequence[str]) -> None:
    for path in paths:
        try:
            os.unlink(data / path)
        except FileNotFoundError:
            continue
        except OSError as error:
            say("derivative-left-behind", level=logging.WARNING, reason=type(error).__name__)
