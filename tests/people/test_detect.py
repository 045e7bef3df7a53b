"""A photo is searched again and again, and its faces stay who they are."""

from uuid import UUID

import pytest

from calotype.people import detect
from calotype.people.person import Box, FacesDetected, matched
from tests.faces import seen


async def rows(house, asset):
    return await house.sql("SELECT * FROM face WHERE asset_id = $1 ORDER BY x1", asset)


async def test_what_was_seen_is_kept_with_its_vector_at_length_one(house, ada, faces):
    asset = await ada.asset()
    await faces.keep(asset, seen(10, 20, 50, 70, vector=[3.0, 4.0]))
    (row,) = await rows(house, asset)
    assert (row["x1"], row["y1"], row["x2"], row["y2"]) == (10, 20, 50, 70)
    assert (row["image_width"], row["image_height"], row["source_type"]) == (1000, 800, "machine-learning")
    (vector,) = await house.sql("SELECT vector::text AS v FROM face_vector WHERE face_id = $1", row["id"])
    assert [round(float(x), 2) for x in vector["v"].strip("[]").split(",")] == [0.6, 0.8]
    told = [event for event in house.told if isinstance(event, FacesDetected)]
    assert told[-1].new_face_ids == (row["id"],)
    assert (await house.sql("SELECT model FROM face_scan WHERE asset_id = $1", asset))[0]["model"] == "toy"


async def test_the_same_faces_seen_again_stay_the_same_rows(house, ada, faces):
    asset = await ada.asset()
    await faces.keep(asset, seen(10, 20, 50, 70), seen(200, 20, 250, 70))
    before = await rows(house, asset)
    await faces.keep(asset, seen(22, 40, 100, 140), seen(402, 42, 498, 138), width=2000, height=1600)
    assert await rows(house, asset) == before
    assert [event for event in house.told if isinstance(event, FacesDetected)][-1].new_face_ids == ()


async def test_what_is_no_longer_seen_goes_and_what_is_new_comes(house, ada, faces):
    asset = await ada.asset()
    await faces.keep(asset, seen(10, 20, 50, 70), seen(200, 20, 250, 70))
    kept = (await rows(house, asset))[1]["id"]
    await faces.keep(asset, seen(200, 20, 250, 70), seen(500, 20, 550, 70))
    assert [row["x1"] for row in await rows(house, asset)] == [200, 500]
    assert (await rows(house, asset))[0]["id"] == kept
    (tombstone,) = await house.sql("SELECT * FROM tombstone WHERE kind = 'face' AND owner_id = $1", ada.id)
    assert tombstone["subject_id"] != kept


async def test_a_face_that_somebody_took_away_is_not_found_again(house, ada, faces):
    asset = await ada.asset()
    await faces.keep(asset, seen(10, 20, 50, 70))
    await house.sql("UPDATE face SET deleted_at = now() WHERE asset_id = $1", asset)
    await faces.keep(asset, seen(11, 21, 51, 71))
    (row,) = await rows(house, asset)
    assert row["deleted_at"] is not None
    await faces.keep(asset)
    assert len(await rows(house, asset)) == 1


async def test_what_somebody_said_or_a_file_carries_is_never_dropped(house, ada, faces):
    asset = await ada.asset()
    await faces.keep(asset, seen(10, 20, 50, 70), seen(200, 20, 250, 70), seen(400, 20, 450, 70))
    await house.sql("UPDATE face SET is_pinned = true WHERE asset_id = $1 AND x1 = 10", asset)
    await house.sql("UPDATE face SET source_type = 'exif' WHERE asset_id = $1 AND x1 = 200", asset)
    await faces.keep(asset)
    assert [row["x1"] for row in await rows(house, asset)] == [10, 200]


async def test_another_model_gives_new_vectors_to_the_same_faces(house, ada, faces):
    asset = await ada.asset()
    await faces.keep(asset, seen(10, 20, 50, 70, vector=[1.0, 0.0]))
    before = (await rows(house, asset))[0]
    await house.sql("UPDATE face SET looked_at = now() WHERE asset_id = $1", asset)
    await faces.keep(asset, seen(10, 20, 50, 70, vector=[0.0, 1.0, 0.0]), model="other")
    (row,) = await rows(house, asset)
    assert (row["id"], row["model"], row["looked_at"]) == (before["id"], "other", None)
    (vector,) = await house.sql("SELECT vector::text AS v FROM face_vector WHERE face_id = $1", row["id"])
    assert vector["v"] == "[0,1,0]"


async def test_nonsense_of_a_detector_is_no_face_and_a_bad_vector_is_none(house, ada, faces):
    asset = await ada.asset()
    await faces.keep(
        asset,
        seen(float("nan"), 0, 1, 1),
        seen(0, 0, 1e300, 1),
        seen(10, 20, 50, 70, vector=[0.0, 0.0]),
        seen(-30, -20, 90, 70, vector=[1.0]),
    )
    assert [(row["x1"], row["model"]) for row in await rows(house, asset)] == [(-30, "toy"), (10, None)]


async def test_a_photo_that_is_gone_is_no_error(house, ada, faces):
    asset = await ada.asset()
    await house.sql("UPDATE asset SET status = 'deleted' WHERE id = $1", asset)
    await faces.keep(asset, seen(10, 20, 50, 70))
    assert await rows(house, asset) == []


async def test_locking_or_trashing_a_photo_moves_its_faces_at_once(house, ada, faces):
    asset = await ada.asset()
    await faces.keep(asset, seen(10, 20, 50, 70))
    for column, value, place in (
        ("visibility", "archive", b"a"),
        ("visibility", "locked", b"x"),
        ("visibility", "timeline", b"t"),
        ("status", "trashed", b"x"),
        ("status", "active", b"t"),
    ):
        await house.sql(f"UPDATE asset SET {column} = '{value}' WHERE id = $1", asset)
        assert (await rows(house, asset))[0]["place"] == place


async def test_photos_without_a_scan_are_found_once_they_have_previews(house, ada, faces):
    from calotype.seeing import store

    async def without() -> list[str]:
        async with house.world.glancing() as look:
            row = await store.stretch(look, after=UUID(int=0), limit=10, model="toy", before=house.world.clock.now())
        return [str(id) for id in row["faces"]]

    asset, _ = await ada.asset(), await ada.asset()
    await house.sql("UPDATE asset SET previews_at = now() WHERE id = $1", asset)
    assert await without() == [asset]
    await faces.keep(asset)
    assert await without() == []


def test_boxes_are_matched_one_to_one_and_best_first():
    def box(x1, x2):
        return Box(x1, 0, x2, 100, 1000, 1000)

    assert matched([box(0, 100), box(20, 120)], [box(18, 118), box(600, 700)]) == {1: 0}
    assert matched([box(0, 100)], []) == {}
    assert box(0, 100).overlap(box(50, 150)) == 50 / 150
    assert box(0, 100).overlap(Box(0, 0, 50, 50, 500, 500)) == 1
    assert box(10, 10).overlap(box(10, 10)) == 0


def test_vectors_that_are_no_direction_are_none():
    assert detect.unit("[3,4]") == "[0.6,0.8]"
    for bad in ("[]", "[0,0]", "[NaN]", "nonsense", "[null]", "[1e999]", "{}"):
        assert detect.unit(bad) is None


def test_the_square_of_a_portrait_stays_within_the_picture():
    assert Box(400, 400, 600, 500, 1000, 1000).square() == pytest.approx((390, 340, 220))
    left, top, side = Box(0, 400, 100, 500, 1000, 1000).square()
    assert (left, side) == (0, 100)
    for box in (Box(-50, -50, 10, 10, 300, 200), Box(290, 190, 400, 400, 300, 200), Box(0, 0, 0, 0, 300, 200)):
        left, top, side = box.square()
        assert min(left, top, side - 1, 300 - left - side, 200 - top - side) >= 0
