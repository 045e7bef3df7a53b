"""Thumbnail, preview and full size: made once, replaced whole, gone with what they show."""

import asyncio
from pathlib import Path

import pytest
from PIL import Image

from calotype.core.errors import Full
from calotype.core.jobs import Done, Skip
from calotype.core.ports import Job
from calotype.work import sweep
from tests.working import film, picture, settle, until_blocked


def draw(id: str, source: str | None = None) -> Job:
    return Job("AssetGenerateThumbnails", "thumbnailGeneration", {"id": id, "source": source})


async def files(house, id: str) -> dict[str, Path]:
    rows = await house.sql("SELECT type, path FROM asset_file WHERE asset_id = $1", id)
    return {row["type"]: house.data / row["path"] for row in rows}


def made(house) -> list[Path]:
    """Everything that lies among the previews, unfinished things too."""
    return sorted(path for path in house.data.glob("thumbs/**/*") if path.is_file())


def short_side(path: Path) -> int:
    with Image.open(path) as shown:
        return min(shown.size)


async def test_previews_lie_where_the_contract_says(house, ada):
    id = await ada.asset(picture(2000, 1600))
    await house.work()
    found = await files(house, id)
    folder = house.data / "thumbs" / str(ada.id) / id[0:2] / id[2:4]
    assert found == {"preview": folder / f"{id}_preview.jpeg", "thumbnail": folder / f"{id}_thumbnail.webp"}
    assert (short_side(found["preview"]), short_side(found["thumbnail"])) == (1440, 250)
    assert made(house) == sorted(found.values())


async def test_another_size_and_format_replace_the_files_and_the_old_ones_go(house, ada):
    id = await ada.asset(picture(800, 600))
    await house.work()
    before = await files(house, id)
    await settle(house, "image.preview.size", 300)
    await settle(house, "image.thumbnail.format", "jpeg")
    answer = await ada.client.post("/assets/jobs", json={"assetIds": [id], "name": "regenerate-thumbnail"})
    assert answer.status_code == 204
    house.heard.clear()
    assert await house.work() == [("AssetGenerateThumbnails", Done())]
    after = await files(house, id)
    assert after["thumbnail"].suffix == ".jpeg"
    assert not before["thumbnail"].exists()
    assert (short_side(after["preview"]), short_side(after["thumbnail"])) == (300, 250)
    assert made(house) == sorted(after.values())
    assert house.heard == []


async def test_a_full_size_comes_and_goes_with_its_setting(house, ada):
    await settle(house, "image.fullsize.enabled", True)
    id = await ada.asset(picture(format="TIFF"), "a.tif")
    shown = await ada.asset(picture(), "a.jpg")
    await house.work()
    assert set(await files(house, shown)) == {"preview", "thumbnail"}
    whole = (await files(house, id))["fullsize"]
    assert short_side(whole) == 200
    await settle(house, "image.fullsize.enabled", False)
    await house.run(draw(id))
    assert set(await files(house, id)) == {"preview", "thumbnail"}
    assert not whole.exists()


async def test_a_panorama_says_so_and_has_a_full_size(house, ada):
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:GPano="http://ns.google.com/photos/1.0/panorama/"'
        ' GPano:ProjectionType="equirectangular" GPano:FullPanoWidthPixels="400"/></rdf:RDF></x:xmpmeta>'
    )
    tiff = {700: packet.encode()}
    id = await ada.asset(picture(400, 200, format="TIFF", tiffinfo=tiff), "pano.tif")
    await house.work()
    assert (await house.row(id))["projection_type"] == "EQUIRECTANGULAR"
    found = await files(house, id)
    assert set(found) == {"preview", "thumbnail", "fullsize"}
    for kind in ("preview", "fullsize"):
        content = found[kind].read_bytes()
        assert b"equirectangular" in content
        assert b"FullPanoWidthPixels" in content
    assert b"GPano" not in found["thumbnail"].read_bytes()


async def test_a_full_volume_waits_and_nothing_is_half_written(house, ada):
    id = await ada.asset(picture())
    await house.work("metadataExtraction")
    (job,) = house.jobs
    house.with_config(min_free_mib=1 << 40)
    with pytest.raises(Full):
        await house.run(job)
    assert made(house) == []
    assert await house.sql("SELECT * FROM asset_problem") == []
    assert (await house.row(id))["previews_at"] is None


async def test_hidden_assets_have_none_until_they_are_shown(house, ada):
    id = await ada.asset(picture(), visibility="hidden")
    await house.work()
    assert made(house) == []
    assert await house.run(draw(id)) == Skip("hidden assets are not shown")
    assert await sweep.sweep(house.world, sweep.QUESTIONS["previews"], settle=-sweep.SETTLE) == 0
    await ada.client.put(f"/assets/{id}", json={"visibility": "timeline"})
    assert await sweep.sweep(house.world, sweep.QUESTIONS["previews"], settle=-sweep.SETTLE) == 1
    await house.work()
    assert set(await files(house, id)) == {"preview", "thumbnail"}


async def test_a_photo_that_goes_while_it_is_drawn_leaves_nothing(house, ada):
    await ada.asset(picture())
    await house.work("metadataExtraction")
    (job,) = house.jobs
    connection = await house.world.pool.acquire()
    held = connection.transaction()
    await held.start()
    await connection.execute("DELETE FROM asset")
    running = asyncio.create_task(house.run(job))
    await until_blocked(house)  # until the files are there and the row is waited for
    await held.commit()
    await house.world.pool.release(connection)
    assert await running == Done()
    assert made(house) == []
    assert await house.sql("SELECT FROM asset_file") == []


async def test_two_at_once_leave_whole_files(house, ada):
    id = await ada.asset(picture(1000, 900))
    await house.work("metadataExtraction")
    (job,) = house.jobs
    assert await asyncio.gather(*(house.run(job) for _ in range(3))) == [Done()] * 3
    found = await files(house, id)
    assert made(house) == sorted(found.values())
    for row in await house.sql("SELECT path, size_bytes FROM asset_file"):
        assert (house.data / row["path"]).stat().st_size == row["size_bytes"]


async def test_a_video_shows_a_frame(house, ada, tmp_path: Path):
    id = await ada.asset(film(tmp_path), "a.mp4")
    await house.work()
    found = await files(house, id)
    assert set(found) == {"preview", "thumbnail"}
    assert (await house.row(id))["thumbhash"]
    assert (await ada.client.get(f"/assets/{id}/thumbnail")).headers["content-type"] == "image/webp"


async def test_without_facts_nothing_is_drawn(house, ada):
    id = await ada.asset(picture())
    assert await house.run(draw(id)) == Skip("its facts are not read yet")


async def test_removal_takes_the_files_along(house, ada):
    id = await ada.asset(picture())
    await house.work()
    await ada.client.request("DELETE", "/assets", json={"ids": [id], "force": True})
    await house.work()
    assert made(house) == []
    assert house.originals() == []
