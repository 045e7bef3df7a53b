"""A step of processing that may fail: why it did is kept beside the asset, so that nobody tries for ever in silence."""

import errno
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from calotype.core.errors import Full, Missing, Offline
from calotype.core.ids import AssetId
from calotype.core.world import World
from calotype.media import store
from calotype.outside.decoders import DecoderDied

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
OUR_FAULT = "Calotype stumbled over this file. Your original is untouched; the log says more."


@asynccontextmanager
async def attempt(world: World, id: AssetId, step: str, original: str) -> AsyncGenerator[None]:
    """Note whatever fails inside, then let it fail: the queue tries again, the sweep does not.

    Waiting is no failure: raises `Offline` when the storage with `original` is away, `Full` when a volume is.
    """
    try:
        yield
    except (Offline, Full):
        raise
    except DecoderDied as died:
        await note(world, id, step, str(died))
        raise
    except OSError as error:
        if error.errno in NO_ROOM:
            raise Full("The data volume is full.") from error
        with suppress(Missing):
            await world.files.stat(original)  # a storage that went away says so here
        await note(world, id, step, f"A file could not be read or written: {error.strerror or type(error).__name__}.")
        raise
    except Exception:
        await note(world, id, step, OUR_FAULT)
        raise


async def note(world: World, id: AssetId, step: str, reason: str) -> None:
    """Keep why a step failed, in a unit of work of its own."""
    async with world.writing() as tx:
        await store.note_problem(tx, id, step, reason)
