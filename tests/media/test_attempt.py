"""What fails is kept beside the asset; what waits is not."""

import errno
import os

import pytest

from calotype.core.errors import Full, Offline
from calotype.core.ids import AssetId
from calotype.media.attempt import attempt
from calotype.outside.decoders import DecoderBug
from calotype.storage.root import Root, State
from tests.working import picture


async def failing(house, ada, error: Exception) -> dict[str, str]:
    """What is noted after a step that failed like this."""
    id = await ada.asset(picture())
    row = await house.row(id)
    with pytest.raises(type(error)):
        async with attempt(house.world, AssetId(row["id"]), "previews", row["original_key"]):
            raise error
    rows = await house.sql("SELECT step, reason FROM asset_problem WHERE asset_id = $1", id)
    return {row["step"]: row["reason"] for row in rows}


async def test_a_mistake_of_ours_is_told_without_its_words(house, ada):
    noted = await failing(house, ada, DecoderBug("Traceback: secret.py, line 1"))
    assert noted["previews"].startswith("Calotype stumbled over this file.")


async def test_a_bad_sector_is_told(house, ada):
    noted = await failing(house, ada, OSError(errno.EIO, os.strerror(errno.EIO)))
    assert noted == {"previews": "A file could not be read or written: Input/output error."}


async def test_waiting_is_no_failure(house, ada):
    assert await failing(house, ada, Offline("The photo storage is away.")) == {}
    assert await failing(house, ada, Full("The volume is full.")) == {}


async def test_a_full_volume_waits_for_room(house, ada):
    id = await ada.asset(picture())
    row = await house.row(id)
    with pytest.raises(Full):
        async with attempt(house.world, AssetId(row["id"]), "previews", row["original_key"]):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert await house.sql("SELECT * FROM asset_problem") == []


async def test_a_storage_that_went_away_meanwhile_is_waited_for(house, ada):
    id = await ada.asset(picture())
    row = await house.row(id)
    house.root.now = Root(State.ABSENT)
    with pytest.raises(Offline):
        async with attempt(house.world, AssetId(row["id"]), "previews", row["original_key"]):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
    assert await house.sql("SELECT * FROM asset_problem") == []


async def test_a_photo_that_is_gone_has_no_problems(house, ada):
    id = await ada.asset(picture())
    row = await house.row(id)
    await house.sql("DELETE FROM asset")
    with pytest.raises(ValueError, match="odd"):
        async with attempt(house.world, AssetId(row["id"]), "previews", row["original_key"]):
            raise ValueError("odd")
    assert await house.sql("SELECT * FROM asset_problem") == []
