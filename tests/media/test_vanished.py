"""Whatever of what was made is gone from the disk is made again, slowly and without a fuss."""

import time
from pathlib import Path

import pytest

from calotype.core.jobs import Done, Later
from calotype.core.ports import Job
from calotype.media import vanished
from tests.working import film, picture

CHECK = Job("DerivativesCheck", "backgroundTask")


async def files(house, id: str) -> dict[str, Path]:
    rows = await house.sql("SELECT type, path FROM asset_file WHERE asset_id = $1", id)
    return {row["type"]: house.data / row["path"] for row in rows}


async def check(house) -> list[str]:
    """One check; which jobs that put."""
    house.jobs.clear()
    assert await house.run(CHECK) == Done()
    return [job.name for job in house.jobs]


async def test_a_preview_that_vanished_is_made_again_and_nobody_is_told(house, ada):
    whole, hurt = await ada.asset(picture()), await ada.asset(picture())
    await house.work()
    assert await check(house) == []
    house.heard.clear()
    before = await house.row(hurt)
    shown = await files(house, hurt)
    shown["preview"].unlink()
    shown["thumbnail"].unlink()
    assert await check(house) == ["AssetGenerateThumbnails"]
    assert await house.work() == [("AssetGenerateThumbnails", Done())]
    assert all(path.stat().st_size for path in shown.values())
    assert (await house.row(hurt))["thumbhash"] == before["thumbhash"]
    assert house.heard == []
    assert await check(house) == []
    assert (await house.row(whole))["previews_at"] < (await house.row(hurt))["previews_at"]


async def test_half_a_preview_is_none(house, ada):
    id = await ada.asset(picture())
    await house.work()
    (await files(house, id))["thumbnail"].write_bytes(b"")
    assert await check(house) == ["AssetGenerateThumbnails"]


async def test_an_encoded_video_that_vanished_is_made_again(house, ada, tmp_path: Path):
    id = await ada.asset(film(tmp_path, "a.avi", codec="mpeg4"), "a.avi")
    await house.work()
    encoded = (await files(house, id))["encoded_video"]
    encoded.unlink()
    assert await check(house) == ["AssetEncodeVideo"]
    await house.work()
    assert encoded.stat().st_size > 0


async def test_what_could_not_be_made_is_left_to_a_person(house, ada):
    id = await ada.asset(picture())
    await house.work()
    (await files(house, id))["preview"].unlink()
    await house.sql("INSERT INTO asset_problem (asset_id, step, reason) VALUES ($1, 'previews', 'bad')", id)
    assert await check(house) == []


async def test_a_disk_in_trouble_is_not_an_empty_disk(house, ada, monkeypatch):
    await ada.asset(picture())
    await house.work()

    def broken(path: Path, **_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "stat", broken)
    assert await check(house) == []


async def test_a_slice_is_followed_by_the_next_until_all_was_seen(house, ada, monkeypatch):
    ids = sorted([await ada.asset(picture()) for _ in range(5)])
    await house.work()
    for id in ids:
        (await files(house, id))["preview"].unlink()
    monkeypatch.setattr(vanished, "PAGE", 1)
    monkeypatch.setattr(vanished, "SLICE", 2)
    house.jobs.append(CHECK)
    done = await house.work("backgroundTask")
    assert done == [("DerivativesCheck", Done())] * 3
    assert [job.data["id"] for job in house.jobs] == ids


async def test_it_waits_while_the_makers_have_enough_to_do(house, ada, monkeypatch):
    ids = sorted([await ada.asset(picture()) for _ in range(3)])
    await house.work()
    for id in ids:
        (await files(house, id))["preview"].unlink()
    monkeypatch.setattr(vanished, "PAGE", 1)
    monkeypatch.setattr(vanished, "QUEUED_AT_MOST", 2)
    assert await check(house) == ["AssetGenerateThumbnails"] * 2 + ["DerivativesCheck"]
    follow = house.jobs[-1]
    assert follow.data == {"after": ids[1]}
    assert isinstance(await house.run(follow), Later)
    await house.work("thumbnailGeneration")
    house.jobs.clear()
    assert await house.run(follow) == Done()
    assert [job.data["id"] for job in house.jobs] == [ids[2]]


@pytest.mark.parametrize(("per_s", "least_s"), [(10_000.0, 0.0), (10.0, 0.4)])
async def test_so_many_files_a_second_and_no_more(house, ada, monkeypatch, per_s: float, least_s: float):
    for _ in range(3):
        await ada.asset(picture())
    await house.work()
    monkeypatch.setattr(vanished, "PAGE", 1)
    monkeypatch.setattr(vanished, "FILES_PER_S", per_s)
    began = time.monotonic()
    await check(house)
    assert time.monotonic() - began >= least_s  # three pages of two files each
