"""A person's timeline shows what counting would find, whatever happens to the photos and to who is on them."""

import pytest

from calotype.people import people
from tests.faces import face_of, fold, is_on_while_counting, made, seen
from tests.working import picture

MAY, JUNE = "2024-05-10 12:00", "2024-06-10 12:00"

# From the photos themselves, not from what a face repeats of them.
TRUTH = """
    SELECT DISTINCT asset.id, to_char(asset.local_taken, 'YYYY-MM-01') AS month, asset.taken_at
      FROM face JOIN asset ON asset.id = face.asset_id
     WHERE face.person_id = $1 AND face.is_visible AND face.deleted_at IS NULL AND asset.owner_id = $2
       AND asset.status = $3::text::asset_status AND asset.visibility = ANY($4::text[]::asset_visibility[])
       AND NOT ($5 AND asset.is_stacked_away)
     ORDER BY asset.taken_at DESC
"""
# What may be asked, and what of the truth that is.
ASKED = (
    ({}, "active", ["archive", "timeline"], False),
    ({"visibility": "timeline"}, "active", ["timeline"], False),
    ({"visibility": "timeline", "withStacked": True}, "active", ["timeline"], True),
    ({"visibility": "archive"}, "active", ["archive"], False),
    ({"visibility": "locked"}, "active", ["locked"], False),
    ({"isTrashed": True}, "trashed", ["archive", "timeline"], False),
)


@pytest.fixture
async def timeline(house, ada):
    """Asks for everything of somebody's timeline, before and after it is written down: photos that show by default."""
    await house.elevate(ada)

    async def ask(person) -> set[str]:
        for _ in range(2):
            for query, status, visibilities, without_stacked_away in ASKED:
                rows = await house.sql(TRUTH, person, ada.id, status, visibilities, without_stacked_away)
                right: dict[str, list[str]] = {}
                for row in rows:
                    right.setdefault(row["month"], []).append(str(row["id"]))
                assert await counted(ada, person, **query) == {month: len(ids) for month, ids in right.items()}
                for month in (MAY[:8] + "01", JUNE[:8] + "01"):
                    assert sorted(await shown(ada, person, month, **query)) == sorted(right.get(month, []))
            on_timeline = await house.sql(TRUTH, person, ada.id, "active", ["timeline"], False)
            statistics = await ada.client.get(f"/people/{person}/statistics")
            assert statistics.status_code == 400 or statistics.json() == {"assets": len(on_timeline)}
            await fold(house)
        everything = await house.sql(TRUTH, person, ada.id, "active", ["archive", "timeline"], False)
        return {str(row["id"]) for row in everything}

    return ask


async def counted(owner, person, **query):
    answer = await owner.client.get("/timeline/buckets", params={"personId": str(person), **query})
    assert answer.status_code == 200, answer.text
    return {bucket["timeBucket"]: bucket["count"] for bucket in answer.json()}


async def shown(owner, person, month, **query):
    answer = await owner.client.get("/timeline/bucket", params={"personId": str(person), "timeBucket": month, **query})
    assert answer.status_code == 200, answer.text
    return answer.json()["id"]


async def photo(house, owner, faces, *who, at=MAY):
    """A photo of these people, in the order in which they stand."""
    asset = await faces.photo(owner, *(str(each) for each in who), local_taken=at)
    for number, person in enumerate(who):
        await house.sql("UPDATE face SET person_id = $1 WHERE id = $2", person, await face_of(house, asset, number))
    return asset


@pytest.fixture
async def bob(house, ada):
    return await made(house, ada, "Bob")


async def test_photos_show_in_the_month_they_were_taken_in(house, ada, faces, timeline, ann, bob):
    may, june = await photo(house, ada, faces, ann), await photo(house, ada, faces, ann, bob, at=JUNE)
    assert await timeline(ann) == {may, june}
    assert await timeline(bob) == {june}
    assert await counted(ada, ann) == {"2024-06-01": 1, "2024-05-01": 1}


async def test_somebody_who_is_twice_on_a_photo_counts_once(house, ada, faces, timeline, ann):
    twice = await photo(house, ada, faces, ann, ann)
    assert await timeline(ann) == {twice}
    await house.sql("DELETE FROM face WHERE id = $1", await face_of(house, twice))
    assert await timeline(ann) == {twice}
    await house.sql("DELETE FROM face WHERE asset_id = $1", twice)
    assert await timeline(ann) == set()


@pytest.mark.parametrize(
    ("there", "back"),
    [
        ("visibility = 'archive'", "visibility = 'timeline'"),
        ("visibility = 'locked'", "visibility = 'timeline'"),
        ("status = 'trashed', deleted_at = now()", "status = 'active', deleted_at = NULL"),
        ("is_stacked_away = true", "is_stacked_away = false"),
        (f"local_taken = '{JUNE}'", f"local_taken = '{MAY}'"),
        ("is_favorite = true", "is_favorite = false"),
    ],
)
async def test_a_photo_that_changes_and_changes_back(house, ada, faces, timeline, ann, there, back):
    stays, moves = await photo(house, ada, faces, ann), await photo(house, ada, faces, ann)
    assert await timeline(ann) == {stays, moves}
    await house.sql(f"UPDATE asset SET {there} WHERE id = $1", moves)
    is_gone = "locked" in there or "trashed" in there
    assert await timeline(ann) == ({stays} if is_gone else {stays, moves})
    await house.sql(f"UPDATE asset SET {back} WHERE id = $1", moves)
    assert await timeline(ann) == {stays, moves}


async def test_the_trash_and_the_archive_through_the_door(house, ada, faces, timeline, ann):
    asset = await photo(house, ada, faces, ann)
    assert (await ada.client.request("DELETE", "/assets", json={"ids": [asset]})).status_code == 204
    assert await timeline(ann) == set()
    assert (await ada.client.post("/trash/restore/assets", json={"ids": [asset]})).status_code == 200
    assert await timeline(ann) == {asset}
    assert (await ada.client.put(f"/assets/{asset}", json={"visibility": "archive"})).status_code == 200
    assert await timeline(ann) == {asset}
    assert await counted(ada, ann, visibility="archive") == {"2024-05-01": 1}


async def test_another_date_takes_faces_along(house, ada, faces, timeline, ann):
    asset = await ada.asset(picture())
    await house.work()
    await faces.keep(asset, seen(0, 0, 80, 80))
    await house.sql("UPDATE face SET person_id = $1", ann)
    assert await counted(ada, ann) == {"2024-03-01": 1}
    date = {"dateTimeOriginal": "2024-06-20T10:00:00.000Z"}
    assert (await ada.client.put(f"/assets/{asset}", json=date)).status_code == 200
    await house.work()
    assert await timeline(ann) == {asset}
    assert await counted(ada, ann) == {"2024-06-01": 1}


async def test_a_photo_that_is_removed_shows_nobody(house, ada, faces, timeline, ann):
    stays, goes = await photo(house, ada, faces, ann), await photo(house, ada, faces, ann)
    assert await timeline(ann) == {stays, goes}
    await house.sql("DELETE FROM asset WHERE id = $1", goes)
    assert await timeline(ann) == {stays}


async def test_faces_outside_the_crop_or_taken_away_do_not_show(house, ada, faces, timeline, ann):
    cropped, taken, stays = [await photo(house, ada, faces, ann) for _ in range(3)]
    assert await timeline(ann) == {cropped, taken, stays}
    await house.sql("UPDATE face SET is_visible = false WHERE asset_id = $1", cropped)
    async with house.world.writing() as tx:
        await people.take_away(tx, ada.id, await face_of(house, taken), for_good=False, now=house.world.clock.now())
    assert await timeline(ann) == {stays}


async def test_faces_that_are_somebody_elses_now(house, ada, faces, timeline, ann, bob):
    first, second, both = (
        await photo(house, ada, faces, ann),
        await photo(house, ada, faces, ann, at=JUNE),
        await photo(house, ada, faces, ann, bob),
    )
    async with house.world.writing() as tx:
        await people.say_who(tx, ada.id, [await face_of(house, first)], bob)
    assert (await timeline(ann), await timeline(bob)) == ({second, both}, {first, both})
    part = {"faceIds": [await face_of(house, second)]}
    answer = await ada.client.post(f"/calotype/people/{ann}/split", json=part)
    assert answer.status_code in (200, 201), answer.text
    assert (await timeline(ann), await timeline(answer.json()["id"])) == ({both}, {second})


async def test_people_who_are_one_have_the_photos_of_both_once(house, ada, faces, timeline, ann, bob):
    hers, his, both = (
        await photo(house, ada, faces, ann),
        await photo(house, ada, faces, bob, at=JUNE),
        await photo(house, ada, faces, ann, bob),
    )
    assert (await timeline(ann), await timeline(bob)) == ({hers, both}, {his, both})
    answer = await ada.client.post("/people/merge", json={"ids": [str(ann), str(bob)]})
    assert answer.status_code == 200
    assert await timeline(ann) == {hers, his, both}
    assert await counted(ada, ann) == {"2024-06-01": 1, "2024-05-01": 2}
    assert await timeline(bob) == set()


async def test_who_is_forgotten_has_no_months(house, ada, faces, timeline, ann):
    await photo(house, ada, faces, ann)
    await timeline(ann)
    assert (await ada.client.delete(f"/people/{ann}")).status_code == 204
    assert await timeline(ann) == set()
    assert await house.sql("SELECT FROM person_month WHERE person_id = $1", ann) == []


async def test_a_face_is_found_in_the_month_of_its_photo_wherever_that_is(house, ada, faces, timeline, ann):
    asset = await ada.asset()
    await house.sql(
        "UPDATE asset SET local_taken = $2::text::timestamp, visibility = 'archive', is_stacked_away = true WHERE id = $1",
        asset,
        JUNE,
    )
    await faces.keep(asset, seen(0, 0, 80, 80))
    await house.sql("UPDATE face SET person_id = $1", ann)
    assert await timeline(ann) == {asset}
    assert await counted(ada, ann, withStacked=True) == {}


async def test_what_a_filter_leaves_is_counted(house, ada, faces, ann):
    liked, _ = await photo(house, ada, faces, ann), await photo(house, ada, faces, ann)
    await house.sql("UPDATE asset SET is_favorite = true WHERE id = $1", liked)
    assert await counted(ada, ann, isFavorite=True) == {"2024-05-01": 1}
    assert await shown(ada, ann, "2024-05-01", isFavorite=True) == [liked]
    await house.sql("UPDATE asset SET created_at = '2025-02-03' WHERE id = $1", liked)
    assert (await counted(ada, ann, orderBy="createdAt"))["2025-02-01"] == 1
    assert await shown(ada, ann, "2025-02-01", orderBy="createdAt") == [liked]


async def test_a_partner_shows_their_timeline_and_nothing_else(house, ada, eve, faces, ann):
    visible = await photo(house, ada, faces, ann)
    aside = await photo(house, ada, faces, ann)
    await house.sql("UPDATE asset SET visibility = 'archive' WHERE id = $1", aside)
    assert await counted(eve, ann) == {}
    assert await shown(eve, ann, "2024-05-01") == []
    refused = await eve.client.get("/timeline/buckets", params={"personId": str(ann), "userId": str(ada.id)})
    assert refused.status_code == 400
    await house.sql(
        "INSERT INTO partner (shared_by_id, shared_with_id, in_timeline) VALUES ($1, $2, true)", ada.id, eve.id
    )
    assert await counted(eve, ann, userId=str(ada.id)) == {"2024-05-01": 1}
    assert await shown(eve, ann, "2024-05-01", userId=str(ada.id)) == [visible]
    together = {"withPartners": True, "visibility": "timeline"}
    assert await shown(eve, ann, "2024-05-01", **together) == [visible]
    assert await counted(eve, ann, **together) == {"2024-05-01": 1}


async def test_a_month_has_the_same_tag_until_something_in_it_changes(house, ada, faces, ann, bob):
    await photo(house, ada, faces, ann)
    other = await photo(house, ada, faces, bob)

    async def tag():
        answer = await ada.client.get("/timeline/bucket", params={"personId": str(ann), "timeBucket": "2024-05-01"})
        return answer.headers["etag"]

    await fold(house)
    first = await tag()
    await photo(house, ada, faces, ann, at=JUNE)
    await fold(house)
    assert await tag() == first, "another month changed"
    await house.sql("UPDATE face SET person_id = $1 WHERE asset_id = $2", ann, other)
    second = await tag()
    await fold(house)
    third = await tag()
    await house.sql("UPDATE face SET person_id = $1 WHERE asset_id = $2", bob, other)
    await fold(house)
    assert len({first, second, third, await tag()}) == 4, "as it was before, and yet another tag"


async def test_a_change_that_is_not_committed_yet_is_counted_by_the_next_turn(house, ada, faces, timeline, ann):
    first = await photo(house, ada, faces, ann)
    await timeline(ann)
    second = await photo(house, ada, faces, at=MAY)
    await faces.keep(second, seen(0, 0, 80, 80))
    await is_on_while_counting(house, ann, second)
    assert await timeline(ann) == {first, second}
