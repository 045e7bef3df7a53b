"""From uploads to groups, as the worker does it; and what people decided is respected."""

import asyncio
import io
import subprocess
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import imageio_ffmpeg
import pytest
from PIL import Image

from calotype.core.ids import AssetId
from calotype.core.jobs import Done, Skip
from calotype.core.ports import Job
from calotype.duplicates import find, missing
from calotype.duplicates.likeness import differing_bits
from calotype.search import embed
from calotype.work import sweep
from tests.duplicates.pictures import EDITS, SAME, encoded, photo
from tests.working import settle

DETECT, ALL = "AssetDetectDuplicates", "AssetDetectDuplicatesQueueAll"


@pytest.fixture
async def no_model(house):
    """Nobody looks at pictures for us."""
    await settle(house, "machineLearning.enabled", False)


@pytest.fixture
async def a_model(house):
    """Pictures are to be looked at; what was seen, the tests say."""
    await settle(house, "machineLearning.enabled", True)


async def kept(house, person, picture, **fields) -> str:
    """The id of a photo, uploaded and worked through."""
    id = await person.asset(picture if isinstance(picture, bytes) else encoded(picture), **fields)
    await house.work()
    await swept(house)
    return id


async def swept(house) -> int:
    """Compare what is new, as the clockwork does some seconds later."""
    found = await missing.sweep(house.world, settle=timedelta(0))
    await house.work()
    return found


async def listed(person):
    return (await person.client.get("/duplicates")).json()


async def group_of(house, id):
    return (await house.row(id))["duplicate_id"]


async def compare(house, id):
    return await find.compare(house.world, [AssetId(UUID(str(id)))])


async def queue_all(house, *, force=None):
    await house.run(Job(ALL, missing.QUEUE, {} if force is None else {"force": force}))
    return await house.work(missing.QUEUE)


def vector(*numbers: float) -> str:
    return "[" + ",".join(map(str, numbers)) + "]"


async def embedded(house, person, id, *numbers):
    async with house.world.writing() as tx:
        await embed.keep(tx, AssetId(UUID(id)), person.id, model="ViT-B-32__openai", vector=vector(*numbers))


@pytest.mark.usefixtures("no_model")
class TestClasses:
    async def test_a_photo_saved_again_is_found_when_its_previews_are_made(self, house, ada):
        one = await kept(house, ada, photo(1))
        two = await kept(house, ada, SAME["resized to 40 %"](photo(1)))
        other = await kept(house, ada, photo(2))
        (found,) = await listed(ada)
        assert {asset["id"] for asset in found["assets"]} == {one, two}
        assert found["kind"] == "re-encoded"
        assert found["because"][0]["evidence"]["hashDistance"] <= 4
        assert found["suggestedKeepAssetIds"] == [one]
        assert await group_of(house, other) is None

    async def test_other_metadata_and_the_same_pixels(self, house, ada):
        body = io.BytesIO()
        photo(1).save(body, "PNG")
        stripped = io.BytesIO()
        photo(1).save(stripped, "PNG", compress_level=1)
        await kept(house, ada, body.getvalue(), name="a.png")
        await kept(house, ada, stripped.getvalue(), name="b.png")
        assert [group["kind"] for group in await listed(ada)] == ["same-pixels"]

    async def test_the_same_file_in_two_libraries(self, house, ada):
        one = await kept(house, ada, photo(1))
        two = await kept(house, ada, photo(2))
        await house.sql(
            "UPDATE asset SET library_id = gen_random_uuid(), checksum = (SELECT checksum FROM asset WHERE id = $1) "
            "WHERE id = $2",
            one, two,
        )  # fmt: skip
        assert await compare(house, two) == Done()
        assert [group["kind"] for group in await listed(ada)] == ["same-bytes"]

    @pytest.mark.parametrize("name", ["mirrored", "turned by 90°", "black and white"])
    async def test_an_edit(self, house, ada, name):
        await kept(house, ada, photo(4))
        await kept(house, ada, EDITS[name](photo(4)))
        (found,) = await listed(ada)
        assert found["kind"] == "edited"
        assert found["because"][0]["evidence"]["edits"]

    async def test_three_that_belong_together_are_one_group(self, house, ada):
        ids = {await kept(house, ada, SAME["JPEG, quality 40"](photo(5)).resize((800 - n, 600 - n))) for n in (0, 2, 4)}
        (found,) = await listed(ada)
        assert {asset["id"] for asset in found["assets"]} == ids

    async def test_a_photo_that_links_two_groups_makes_them_one(self, house, ada):
        ids = [await kept(house, ada, photo(5)), await kept(house, ada, SAME["resized to 40 %"](photo(5)))]
        ids += [await kept(house, ada, photo(6)), await kept(house, ada, SAME["resized to 40 %"](photo(6)))]
        assert len(await listed(ada)) == 2
        link = await kept(house, ada, photo(7))
        for number, id in enumerate((ids[0], ids[2])):
            await embedded(house, ada, id, 1.0, 0.001 * number)
        await embedded(house, ada, link, 1.0, 0.0)
        await settle(house, "machineLearning.enabled", True)
        await compare(house, link)
        (found,) = await listed(ada)
        assert {asset["id"] for asset in found["assets"]} == {*ids, link}
        assert found["kind"] == "similar"


@pytest.mark.usefixtures("no_model")
class TestWho:
    async def test_another_persons_copy_is_no_duplicate(self, house, ada):
        eve = await house.person()
        one = await kept(house, ada, photo(1))
        two = await kept(house, eve, SAME["resized to 40 %"](photo(1)))
        assert [await group_of(house, id) for id in (one, two)] == [None, None]

    @pytest.mark.parametrize(
        "columns",
        [
            "visibility = 'locked'",
            "visibility = 'hidden'",
            "status = 'trashed', deleted_at = now()",
            "is_motion_part = true",
        ],
    )
    async def test_what_is_locked_thrown_away_or_hidden_is_not_compared(self, house, ada, columns):
        one = await kept(house, ada, photo(1))
        await house.sql(f"UPDATE asset SET {columns} WHERE id = $1", one)
        two = await kept(house, ada, SAME["resized to 40 %"](photo(1)))
        assert await group_of(house, two) is None
        assert isinstance(await compare(house, one), Skip)
        assert await house.sql("SELECT FROM duplicate_pair") == []
        assert await house.sql("SELECT FROM duplicate_wanted") == []

    async def test_the_archive_is_compared_too(self, house, ada):
        one = await kept(house, ada, photo(1))
        await house.sql("UPDATE asset SET visibility = 'archive' WHERE id = $1", one)
        await kept(house, ada, SAME["resized to 40 %"](photo(1)))
        assert len(await listed(ada)) == 1

    async def test_nothing_is_compared_while_it_is_switched_off(self, house, ada):
        await settle(house, "machineLearning.duplicateDetection.enabled", False)
        await kept(house, ada, photo(1))
        id = await kept(house, ada, SAME["resized to 40 %"](photo(1)))
        assert await group_of(house, id) is None
        assert isinstance(await house.run(Job(ALL, missing.QUEUE)), Skip)
        assert await missing.sweep(house.world, settle=timedelta(0)) == 0
        await settle(house, "machineLearning.duplicateDetection.enabled", True)
        assert await missing.sweep(house.world, settle=timedelta(0)) == 2  # nothing was forgotten meanwhile
        await house.work()
        assert len(await listed(ada)) == 1


@pytest.mark.usefixtures("no_model")
class TestDecisions:
    async def pair(self, house, ada):
        one = await kept(house, ada, photo(1))
        two = await kept(house, ada, SAME["resized to 40 %"](photo(1)))
        (group,) = await listed(ada)
        return group["duplicateId"], one, two

    async def test_a_forgotten_group_comes_back_only_by_force(self, house, ada):
        group, one, two = await self.pair(house, ada)
        assert (await ada.client.delete(f"/duplicates/{group}")).status_code == 204
        for id in (one, two):
            assert await compare(house, id) == Done()
        await queue_all(house)
        assert await listed(ada) == []
        await queue_all(house, force=True)
        assert len(await listed(ada)) == 1

    async def test_those_kept_together_are_not_asked_about_again(self, house, ada):
        group, one, two = await self.pair(house, ada)
        wish = {"duplicateId": group, "keepAssetIds": [one, two], "trashAssetIds": []}
        assert (await ada.client.post("/duplicates/resolve", json={"groups": [wish]})).status_code == 200
        await compare(house, one)
        assert await listed(ada) == []

    async def test_a_third_one_is_still_found(self, house, ada):
        group, one, two = await self.pair(house, ada)
        await ada.client.delete(f"/duplicates/{group}")
        three = await kept(house, ada, SAME["JPEG, quality 40"](photo(1)))
        (found,) = await listed(ada)
        assert {asset["id"] for asset in found["assets"]} == {one, two, three}

    async def test_the_sidecar_follows_a_merge_and_its_undoing(self, house, ada):
        group, one, two = await self.pair(house, ada)
        words = {"description": "words", "latitude": 52.5, "longitude": 13.4, "rating": 4}
        assert (await ada.client.put(f"/assets/{two}", json=words)).status_code == 200
        await house.work()
        wish = {"duplicateId": group, "keepAssetIds": [one], "trashAssetIds": [two]}
        assert (await ada.client.post("/duplicates/resolve", json={"groups": [wish]})).json()[0]["success"]
        await house.work()
        row = await house.row(one)
        assert (row["description"], row["rating"], round(row["latitude"], 4)) == ("words", 4, 52.5)
        assert row["locked_fields"] == []
        assert (await ada.client.post(f"/calotype/duplicates/{group}/undo")).status_code == 200
        await house.work()
        row = await house.row(one)
        assert (row["description"], row["rating"], row["latitude"], row["longitude"]) == ("", None, None, None)
        assert row["locked_fields"] == []
        assert (await house.row(two))["description"] == "words"

    async def test_one_that_matches_nobody_any_more_leaves_its_group(self, house, ada):
        _, one, _ = await self.pair(house, ada)
        await house.sql("DELETE FROM likeness WHERE asset_id = $1", UUID(one))
        await compare(house, one)
        assert await group_of(house, one) is None
        assert await house.sql("SELECT FROM duplicate_pair") == []


@pytest.mark.usefixtures("a_model")
class TestMeaning:
    async def test_a_vector_that_arrives_later_is_compared(self, house, ada):
        one, two = await kept(house, ada, photo(1)), await kept(house, ada, photo(2))
        assert await listed(ada) == []
        await embedded(house, ada, one, 1.0, 0.0)
        await embedded(house, ada, two, 1.0, 0.05)
        assert [job.name for job in house.jobs if job.name == DETECT] == [DETECT, DETECT]
        await house.work(missing.QUEUE)
        (found,) = await listed(ada)
        assert found["kind"] == "similar"
        assert found["because"][0]["evidence"] == {"embeddingDistance": pytest.approx(0.00125, abs=3e-4)}

    async def test_the_setting_decides_how_near(self, house, ada):
        one, two = await kept(house, ada, photo(1)), await kept(house, ada, photo(2))
        await embedded(house, ada, one, 1.0, 0.0)
        await embedded(house, ada, two, 1.0, 0.2)  # 0.0194 apart
        await house.work(missing.QUEUE)
        assert await listed(ada) == []
        await settle(house, "machineLearning.duplicateDetection.maxDistance", 0.03)
        await queue_all(house, force=True)
        assert len(await listed(ada)) == 1
        await settle(house, "machineLearning.duplicateDetection.maxDistance", 0.01)
        await queue_all(house, force=True)
        assert await listed(ada) == []

    async def test_a_crop_is_proved_by_its_pixels_when_the_model_points_at_it(self, house, ada):
        one = await kept(house, ada, photo(3))
        two = await kept(house, ada, EDITS["left 10 % cut off"](photo(3)))
        await embedded(house, ada, one, 1.0, 0.0)
        await embedded(house, ada, two, 1.0, 0.3)
        await house.work(missing.QUEUE)
        (found,) = await listed(ada)
        assert (found["kind"], found["because"][0]["evidence"]["edits"]) == ("edited", ["cropped"])

    async def test_an_index_of_vectors_is_used_where_there_is_one(self, house, ada):
        one, two = await kept(house, ada, photo(1)), await kept(house, ada, photo(2))
        await embedded(house, ada, one, 1.0, 0.0)
        await embedded(house, ada, two, 1.0, 0.05)
        (model,) = await house.sql("SELECT id FROM embedding_model WHERE state = 'used'")
        await house.sql(
            f"""CREATE INDEX embedding_near_test ON embedding USING hnsw ((vector::halfvec(2)) halfvec_cosine_ops)
                 WHERE owner_id = '{ada.id}' AND model_id = {model["id"]}"""
        )
        await house.sql(
            "INSERT INTO embedding_index (owner_id, model_id, name, vectors) VALUES ($1, $2, 'embedding_near_test', 2)",
            ada.id, model["id"],
        )  # fmt: skip
        try:
            assert await compare(house, one) == Done()
            assert [group["kind"] for group in await listed(ada)] == ["similar"]
        finally:
            await house.sql("DROP INDEX embedding_near_test")


@pytest.mark.usefixtures("no_model")
class TestMissing:
    async def test_what_a_flushed_queue_forgot_the_sweep_finds(self, house, ada):
        for n in (0, 1):
            await ada.asset(encoded(photo(1).resize((800 - n, 600))))
        await house.work("metadataExtraction", "thumbnailGeneration")
        house.jobs.clear()
        assert await missing.sweep(house.world) == 0  # too young
        assert await missing.sweep(house.world, settle=timedelta(0)) == 2
        assert await missing.sweep(house.world, settle=timedelta(0)) == 0  # the queue is busy
        await house.work()
        assert len(await listed(ada)) == 1
        assert await missing.sweep(house.world, settle=timedelta(0)) == 0

    async def forgotten(self, house, id):
        await house.sql("UPDATE likeness SET pixels = NULL, hash = NULL, tinies = '{}' WHERE asset_id = $1", UUID(id))

    async def test_how_photos_from_before_look_is_asked_of_their_previews(self, house, ada, monkeypatch):
        ids = [await kept(house, ada, photo(1)), await kept(house, ada, photo(1).resize((700, 525)))]
        before = await house.sql("SELECT * FROM likeness ORDER BY asset_id")
        for id in ids:
            await self.forgotten(house, id)
            (house.media / (await house.row(id))["original_key"]).write_bytes(b"nobody reads this")
        await house.sql("UPDATE asset SET duplicate_id = NULL")
        assert await sweep.sweep(house.world, sweep.QUESTIONS["likeness"], settle=timedelta(0)) == 2
        assert [name for name, _ in await house.work()] == ["AssetMakeLikeness"] * 2
        for old, new in zip(before, await house.sql("SELECT * FROM likeness ORDER BY asset_id"), strict=True):
            assert differing_bits(old["hash"], new["hash"]) <= 2
            assert len(new["tinies"]) == 1
            assert new["pixels"] != old["pixels"], "a digest of what was not read"
        assert await sweep.sweep(house.world, sweep.QUESTIONS["likeness"], settle=timedelta(0)) == 0
        await swept(house)
        assert [group["kind"] for group in await listed(ada)] == ["re-encoded"]

    async def test_a_photo_from_before_without_a_preview_gets_both(self, house, ada):
        id = await kept(house, ada, photo(1))
        await self.forgotten(house, id)
        (file,) = await house.sql("SELECT path FROM asset_file WHERE asset_id = $1 AND type = 'preview'", UUID(id))
        (house.data / file["path"]).unlink()
        assert await sweep.sweep(house.world, sweep.QUESTIONS["likeness"], settle=timedelta(0)) == 1
        await house.work()
        (row,) = await house.sql("SELECT pixels, hash, tinies FROM likeness WHERE asset_id = $1", UUID(id))
        assert len(row["pixels"]) == 16
        assert row["hash"] is not None
        assert len(row["tinies"]) == 1
        assert (house.data / file["path"]).exists()


@pytest.mark.usefixtures("no_model")
async def test_comparisons_at_the_same_moment_make_one_group(house, ada):
    for n in range(4):
        await ada.asset(encoded(photo(8).resize((800 - 2 * n, 600))))
    await house.work("metadataExtraction", "thumbnailGeneration")
    ids = [row["id"] for row in await house.sql("SELECT id FROM asset")]
    await asyncio.gather(*(compare(house, id) for id in ids))
    groups = {await group_of(house, id) for id in ids}
    assert len(groups) == 1
    assert None not in groups


async def groups(house) -> set[frozenset[UUID]]:
    rows = await house.sql(
        "SELECT array_agg(id) AS ids FROM asset WHERE duplicate_id IS NOT NULL GROUP BY duplicate_id"
    )
    return {frozenset(row["ids"]) for row in rows}


async def pairs(house) -> set[tuple[UUID, UUID, str]]:
    rows = await house.sql("SELECT low_id, high_id, kind FROM duplicate_pair")
    return {(row["low_id"], row["high_id"], row["kind"]) for row in rows}


@pytest.mark.usefixtures("no_model")
async def test_compared_together_they_end_in_the_groups_that_one_by_one_gives(house, ada):
    eve = await house.person()
    pictures = [photo(1), photo(2), SAME["resized to 40 %"](photo(1)), EDITS["mirrored"](photo(2)), photo(3), photo(4)]
    for picture in pictures:
        await ada.asset(encoded(picture))
    await eve.asset(encoded(photo(3).resize((700, 500))))
    await house.work()
    ids = [AssetId(row["id"]) for row in await house.sql("SELECT asset_id AS id FROM duplicate_wanted")]
    assert len(ids) == 7
    assert await find.compare(house.world, ids) == Done()
    assert await house.sql("SELECT FROM duplicate_wanted") == []
    together = await groups(house), await pairs(house)
    assert sorted(map(len, together[0])) == [2, 2]
    await house.sql("DELETE FROM duplicate_pair")
    await house.sql("UPDATE asset SET duplicate_id = NULL")
    for id in ids:
        await compare(house, id)
    assert (await groups(house), await pairs(house)) == together


@pytest.mark.usefixtures("no_model")
async def test_an_import_is_compared_by_few_jobs(house, ada, monkeypatch):
    monkeypatch.setattr(missing, "AT_ONCE", 3)
    for n in range(4):
        await ada.asset(encoded(photo(n)))
    await house.work()
    assert await missing.sweep(house.world) == 0, "the young ones wait for company"
    assert await missing.sweep(house.world, settle=timedelta(0)) == 4
    assert [len(job.data["ids"]) for job in house.jobs if job.name == DETECT] == [3, 1]
    await house.work()
    assert await house.sql("SELECT FROM duplicate_wanted") == []


@pytest.mark.usefixtures("no_model")
async def test_many_copies_keep_few_reasons_and_are_still_one_group(house, ada):
    for n in range(12):
        await ada.asset(encoded(photo(9), "PNG", compress_level=n % 9) + bytes([n]), name="a.png")
    await house.work()
    assert await swept(house) == 12
    (found,) = await listed(ada)
    assert len(found["assets"]) == 12
    assert found["kind"] == "same-pixels"
    assert len(found["because"]) < 12 * 11 / 2


# Videos -------------------------------------------------------------------------------------------------------------


def film(folder: Path, name: str, *seeds: int | None, quality: int = 20, seconds: float = 2.0) -> bytes:
    """A video of two seconds for each picture; `None` is black."""
    frames = [Image.new("RGB", (320, 180)) if seed is None else photo(seed, 320, 180) for seed in seeds]
    source = folder / "frames"
    source.mkdir(exist_ok=True)
    for number, frame in enumerate(frames):
        frame.save(source / f"{number:03d}.png")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-framerate", str(1 / seconds)]
    command += ["-i", str(source / "%03d.png"), "-r", "10", "-c:v", "libx264", "-crf", str(quality)]
    command += ["-pix_fmt", "yuv420p", str(folder / name)]
    subprocess.run(command, check=True, timeout=60)
    for path in source.iterdir():
        path.unlink()
    return (folder / name).read_bytes()


@pytest.mark.usefixtures("no_model")
class TestVideos:
    async def test_a_video_encoded_anew_is_found(self, house, ada, tmp_path):
        await kept(house, ada, film(tmp_path, "a.mp4", 11, 12, 13, 14, 15), name="a.mp4")
        await kept(house, ada, film(tmp_path, "b.mov", 11, 12, 13, 14, 15, quality=33), name="b.mov")
        (found,) = await listed(ada)
        assert found["kind"] == "re-encoded"
        assert found["because"][0]["evidence"]["moments"] == 5

    async def test_videos_with_the_same_black_start_are_none(self, house, ada, tmp_path):
        await kept(house, ada, film(tmp_path, "a.mp4", None, None, 12, 13, 14), name="a.mp4")
        await kept(house, ada, film(tmp_path, "b.mp4", None, None, 15, 16, 17), name="b.mp4")
        assert await listed(ada) == []

    async def test_all_black_videos_are_none(self, house, ada, tmp_path):
        await kept(house, ada, film(tmp_path, "a.mp4", None, None, None), name="a.mp4")
        await kept(house, ada, film(tmp_path, "b.mp4", None, None, None, quality=30), name="b.mp4")
        assert await listed(ada) == []

    async def test_a_title_card_before_other_films_is_no_proof(self, house, ada, tmp_path):
        a = await kept(house, ada, film(tmp_path, "a.mp4", 20, 20, 12, 13, 14), name="a.mp4")
        b = await kept(house, ada, film(tmp_path, "b.mp4", 20, 20, 15, 16, 17), name="b.mp4")
        # Not even when a model, which sees the title only, is sure.
        await settle(house, "machineLearning.enabled", True)
        for id in (a, b):
            await embedded(house, ada, id, 1.0, 0.0)
        await house.work(missing.QUEUE)
        assert await listed(ada) == []
