"""Look-alikes over HTTP: seen with their reasons, decided, and decisions taken back."""

import asyncio
import itertools
import json
from uuid import UUID, uuid4

import pytest

from tests.working import settle

REFUSED = "Not found or no duplicate.delete access"


async def grouped(house, person, count=2, kind="re-encoded", **evidence):
    """A group of new assets, each paired with the one before; its id and theirs."""
    group, ids = str(uuid4()), [await person.asset() for _ in range(count)]
    await house.sql("UPDATE asset SET duplicate_id = $1 WHERE id = ANY($2::uuid[])", group, ids)
    for one, other in itertools.pairwise(ids):
        low, high = sorted((UUID(one), UUID(other)))
        await house.sql(
            "INSERT INTO duplicate_pair (low_id, high_id, kind, evidence) VALUES ($1, $2, $3, $4)",
            low, high, kind, evidence,
        )  # fmt: skip
    for number, id in enumerate(ids):
        await house.sql(
            "UPDATE asset SET local_taken = timestamp '2024-01-01' + $2 * interval '1 day', size_bytes = 100 WHERE id = $1",
            id, number,
        )  # fmt: skip
    return group, ids


async def tell(house, id, **columns):
    for name, value in columns.items():
        await house.sql(f"UPDATE asset SET {name} = $1 WHERE id = $2", value, id)


async def listed(person):
    answer = await person.client.get("/duplicates")
    assert answer.status_code == 200, answer.text
    return answer.json()


def wish(group, keep=(), trash=()):
    return {"duplicateId": group, "keepAssetIds": list(keep), "trashAssetIds": list(trash)}


async def resolve(person, *wishes):
    return await person.client.post("/duplicates/resolve", json={"groups": list(wishes)})


async def undo(person, group):
    return await person.client.post(f"/calotype/duplicates/{group}/undo")


class TestList:
    async def test_a_group_says_why_it_is_one_and_which_to_keep(self, house, ada):
        group, ids = await grouped(house, ada, 2, "re-encoded", hashDistance=2)
        await tell(house, ids[1], size_bytes=2000)
        (found,) = await listed(ada)
        assert found["duplicateId"] == group
        assert [asset["id"] for asset in found["assets"]] == ids
        assert found["assets"][0]["exifInfo"]["fileSizeInByte"] == 100
        assert found["assets"][0]["tags"] == []
        assert found["suggestedKeepAssetIds"] == [ids[1]]
        assert found["kind"] == "re-encoded"
        (why,) = found["because"]
        assert (sorted(why["assetIds"]), why["kind"], why["evidence"]) == (
            sorted(ids),
            "re-encoded",
            {"hashDistance": 2},
        )

    async def test_of_two_of_a_size_the_one_that_says_more_is_suggested(self, house, ada):
        _, ids = await grouped(house, ada)
        await tell(house, ids[1], make="Canon", city="Rome")
        assert (await listed(ada))[0]["suggestedKeepAssetIds"] == [ids[1]]

    async def test_the_weakest_link_names_the_group(self, house, ada):
        _, ids = await grouped(house, ada, 3, "same-bytes")
        await house.sql(
            "UPDATE duplicate_pair SET kind = 'similar' WHERE $1 IN (low_id, high_id) AND $2 IN (low_id, high_id)",
            ids[1], ids[2],
        )  # fmt: skip
        assert (await listed(ada))[0]["kind"] == "similar"

    @pytest.mark.parametrize(
        "columns",
        [
            {"visibility": "locked"},
            {"visibility": "hidden"},
            {"status": "trashed"},
            {"is_motion_part": True},
        ],
    )
    async def test_what_is_locked_thrown_away_or_half_of_another_never_shows(self, house, ada, columns):
        group, ids = await grouped(house, ada, 3)
        await tell(house, ids[2], **columns)
        await house.elevate(ada)
        (found,) = await listed(ada)
        assert [asset["id"] for asset in found["assets"]] == ids[:2]
        assert ids[2] not in json.dumps(found)
        await tell(house, ids[1], **columns)
        assert await listed(ada) == []
        assert (await house.row(ids[0]))["duplicate_id"] is None  # one is no group
        assert group not in json.dumps(await listed(ada))

    async def test_what_is_stacked_does_not_show(self, house, ada):
        _, ids = await grouped(house, ada)
        (stack,) = await house.sql(
            "INSERT INTO stack (owner_id, primary_asset_id) VALUES ($1, $2) RETURNING id", ada.id, ids[0]
        )
        await tell(house, ids[0], stack_id=stack["id"])
        assert await listed(ada) == []

    async def test_nobody_sees_the_groups_of_another(self, house, ada, eve):
        await grouped(house, ada)
        assert await listed(eve) == []


class TestForget:
    async def test_assets_stay_and_the_group_is_gone(self, house, ada):
        group, ids = await grouped(house, ada)
        assert (await ada.client.delete(f"/duplicates/{group}")).status_code == 204
        assert await listed(ada) == []
        for id in ids:
            row = await house.row(id)
            assert (row["duplicate_id"], row["status"]) == (None, "active")
        assert await house.sql("SELECT FROM duplicate_pair WHERE $1 IN (low_id, high_id)", ids[0]) == []

    async def test_many_at_once_or_none(self, house, ada, eve):
        one, two = (await grouped(house, ada))[0], (await grouped(house, ada))[0]
        foreign = (await grouped(house, eve))[0]
        for other in (foreign, str(uuid4())):
            answer = await ada.client.request("DELETE", "/duplicates", json={"ids": [one, other]})
            assert (answer.status_code, answer.json()["message"]) == (400, REFUSED)
            answer = await ada.client.delete(f"/duplicates/{other}")
            assert (answer.status_code, answer.json()["message"]) == (400, REFUSED)
        assert len(await listed(ada)) == 2
        assert (await ada.client.request("DELETE", "/duplicates", json={"ids": [one, two]})).status_code == 204
        assert await listed(ada) == []
        assert len(await listed(eve)) == 1

    @pytest.mark.parametrize("body", [{}, {"ids": "x"}, {"ids": ["x"]}, {"ids": None}])
    async def test_nonsense_is_named(self, ada, body):
        answer = await ada.client.request("DELETE", "/duplicates", json=body)
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["path"][0] == "ids"
        assert (await ada.client.delete("/duplicates/nonsense")).status_code == 400

    async def test_the_older_way_takes_assets_out_of_their_groups(self, house, ada):
        group, ids = await grouped(house, ada, 3)
        answer = await ada.client.put("/assets", json={"ids": [ids[2]], "duplicateId": None})
        assert answer.status_code == 204
        (found,) = await listed(ada)
        assert (found["duplicateId"], [asset["id"] for asset in found["assets"]]) == (group, ids[:2])
        verdicts = await house.sql(
            """SELECT count(*) AS n FROM duplicate_dismissal AS mine JOIN duplicate_dismissal AS other USING (verdict_id)
                WHERE mine.asset_id = $1 AND other.asset_id = ANY($2::uuid[])""",
            ids[2], ids[:2],
        )  # fmt: skip
        assert verdicts[0]["n"] == 2  # and neither is taken for it again
        assert (await ada.client.put("/assets", json={"ids": ids[:2], "duplicateId": None})).status_code == 204
        assert await listed(ada) == []


class TestResolve:
    async def test_the_kept_one_learns_what_the_others_knew(self, house, ada):
        group, ids = await grouped(house, ada, 3)
        kept, one, two = ids
        await tell(house, kept, description="At sea\nwith Tom", rating=2)
        await tell(house, one, description="with Tom", is_favorite=True, latitude=52.5, longitude=13.4)
        await tell(house, two, description="Summer", rating=4, latitude=52.5, longitude=13.4, visibility="archive")
        tag, album = uuid4(), uuid4()
        await house.sql("INSERT INTO tag (id, owner_id, value) VALUES ($1, $2, 'Sea')", tag, ada.id)
        await house.sql("INSERT INTO tag_asset (tag_id, asset_id) VALUES ($1, $2)", tag, one)
        await house.sql("INSERT INTO album (id, name) VALUES ($1, 'Trip')", album)
        await house.sql("INSERT INTO album_asset (album_id, asset_id) VALUES ($1, $2)", album, two)
        answer = await resolve(ada, wish(group, [kept], [one, two]))
        assert (answer.status_code, answer.json()) == (200, [{"id": group, "success": True}])
        row = await house.row(kept)
        assert row["description"] == "At sea\nwith Tom\nSummer"
        assert (row["rating"], row["is_favorite"], row["visibility"]) == (4, True, "archive")
        assert (row["latitude"], row["longitude"]) == (52.5, 13.4)
        assert sorted(row["locked_fields"]) == ["description", "latitude", "longitude", "rating", "tags"]
        assert [r["tag_id"] for r in await house.sql("SELECT tag_id FROM tag_asset WHERE asset_id = $1", kept)] == [tag]
        albums = await house.sql("SELECT album_id FROM album_asset WHERE asset_id = $1", kept)
        assert [r["album_id"] for r in albums] == [album]
        assert [(await house.row(id))["status"] for id in (one, two)] == ["trashed", "trashed"]
        assert await listed(ada) == []
        names = [type(event).__name__ for event in house.told]
        assert "AssetsTrashed" in names
        assert "AssetsEdited" in names  # which writes the sidecar

    async def test_places_that_disagree_are_left_alone(self, house, ada):
        group, (kept, one, two) = await grouped(house, ada, 3)
        await tell(house, one, latitude=1.0, longitude=1.0)
        await tell(house, two, latitude=2.0, longitude=2.0)
        await resolve(ada, wish(group, [kept], [one, two]))
        assert (await house.row(kept))["latitude"] is None

    async def test_several_that_are_kept_stay_as_they_are(self, house, ada):
        group, (one, two, gone) = await grouped(house, ada, 3)
        await tell(house, gone, description="lost words", is_favorite=True)
        answer = await resolve(ada, wish(group, [one, two], [gone]))
        assert answer.json() == [{"id": group, "success": True}]
        for id in (one, two):
            row = await house.row(id)
            assert (row["description"], row["is_favorite"], row["duplicate_id"]) == ("", False, None)

    async def test_ids_of_other_groups_are_passed_over(self, house, ada, eve):
        group, (kept, gone) = await grouped(house, ada)
        other = await ada.asset()
        foreign = await eve.asset()
        answer = await resolve(ada, wish(group, [kept, other], [gone, foreign, str(uuid4())]))
        assert answer.json() == [{"id": group, "success": True}]
        assert [(await house.row(id))["status"] for id in (other, foreign)] == ["active", "active"]

    async def test_each_wish_is_answered_and_a_faulty_one_changes_nothing(self, house, ada):
        one, two, three = [await grouped(house, ada) for _ in range(3)]
        answer = await resolve(
            ada,
            wish(one[0], one[1], one[1][:1]),
            wish(two[0], two[1][:1]),
            wish(three[0], three[1][:1], three[1][1:]),
            wish(three[0], three[1][:1], three[1][1:]),
        )
        assert answer.status_code == 200
        assert answer.json() == [
            {
                "id": one[0],
                "success": False,
                "error": "validation",
                "errorMessage": "An asset cannot be in both keepAssetIds and trashAssetIds",
            },
            {
                "id": two[0],
                "success": False,
                "error": "validation",
                "errorMessage": "Every asset must be in either keepAssetIds or trashAssetIds",
            },
            {"id": three[0], "success": True},
            {
                "id": three[0],
                "success": False,
                "error": "not_found",
                "errorMessage": "This group of duplicates was resolved already",
            },
        ]
        assert {group["duplicateId"] for group in await listed(ada)} == {one[0], two[0]}

    async def test_unknown_and_foreign_groups_refuse_the_whole_call(self, house, ada, eve):
        mine, (kept, gone) = await grouped(house, ada)
        foreign, theirs = await grouped(house, eve)
        for other in (foreign, str(uuid4())):
            answer = await resolve(ada, wish(mine, [kept], [gone]), wish(other, theirs[:1], theirs[1:]))
            assert (answer.status_code, answer.json()["message"]) == (400, REFUSED)
        assert [(await house.row(id))["status"] for id in (gone, *theirs)] == ["active"] * 3

    async def test_a_locked_group_is_unknown(self, house, ada):
        group, ids = await grouped(house, ada)
        for id in ids:
            await tell(house, id, visibility="locked")
        answer = await resolve(ada, wish(group, ids[:1], ids[1:]))
        assert (answer.status_code, answer.json()["message"]) == (400, REFUSED)
        assert [(await house.row(id))["status"] for id in ids] == ["active", "active"]

    async def test_a_key_that_may_not_delete_assets_throws_nothing_away(self, house, ada):
        group, ids = await grouped(house, ada)
        made = await ada.client.post("/api-keys", json={"name": "k", "permissions": ["duplicate.delete"]})
        client = house.client(**{"x-api-key": made.json()["secret"]})
        answer = await client.post("/duplicates/resolve", json={"groups": [wish(group, ids[:1], ids[1:])]})
        assert answer.json() == [
            {
                "id": group,
                "success": False,
                "error": "no_permission",
                "errorMessage": "No permission to delete assets",
            }
        ]
        answer = await client.post("/duplicates/resolve", json={"groups": [wish(group, ids)]})
        assert answer.json() == [{"id": group, "success": True}]

    @pytest.mark.parametrize(
        ("body", "path"),
        [
            ({}, ["groups"]),
            ({"groups": []}, ["groups"]),
            ({"groups": [{}]}, ["groups", 0, "duplicateId"]),
            ({"groups": [wish("x")]}, ["groups", 0, "duplicateId"]),
            ({"groups": [wish(str(uuid4()), ["x"])]}, ["groups", 0, "keepAssetIds", 0]),
        ],
    )
    async def test_nonsense_is_named(self, ada, body, path):
        answer = await ada.client.post("/duplicates/resolve", json=body)
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["path"] == path

    async def test_two_at_once_decide_once(self, house, ada):
        group, (kept, gone) = await grouped(house, ada)
        await tell(house, gone, description="words")
        answers = await asyncio.gather(*(resolve(ada, wish(group, [kept], [gone])) for _ in range(4)))
        done = [answer for answer in answers if answer.status_code == 200 and answer.json()[0]["success"]]
        assert len(done) == 1
        assert {answer.status_code for answer in answers} <= {200, 400}
        assert (await house.row(kept))["description"] == "words"


class TestUndo:
    async def test_all_is_as_it_was(self, house, ada):
        group, (kept, one, two) = await grouped(house, ada, 3)
        await tell(house, kept, description="mine")
        await tell(house, one, description="theirs", rating=5, is_favorite=True, latitude=1.5, longitude=2.5)
        await tell(house, two, visibility="archive")
        tag, had, album = uuid4(), uuid4(), uuid4()
        await house.sql("INSERT INTO tag (id, owner_id, value) VALUES ($1, $3, 'A'), ($2, $3, 'B')", tag, had, ada.id)
        await house.sql(
            "INSERT INTO tag_asset (tag_id, asset_id) VALUES ($1, $2), ($3, $2), ($3, $4)", tag, one, had, kept
        )
        await house.sql("INSERT INTO album (id, name) VALUES ($1, 'Trip')", album)
        await house.sql("INSERT INTO album_asset (album_id, asset_id) VALUES ($1, $2)", album, one)
        before = dict(await house.row(kept))
        await resolve(ada, wish(group, [kept], [one, two]))
        (decision,) = (await ada.client.get("/calotype/duplicates/decisions")).json()
        assert (decision["duplicateId"], decision["canBeUndone"]) == (group, True)
        assert (decision["keptAssetIds"], sorted(decision["trashedAssetIds"])) == ([kept], sorted([one, two]))
        answer = await undo(ada, group)
        assert answer.status_code == 200, answer.text
        assert sorted(answer.json()["restoredAssetIds"]) == sorted([one, two])
        assert answer.json()["goneAssetIds"] == []
        after = dict(await house.row(kept))
        for name in ("description", "rating", "is_favorite", "visibility", "latitude", "longitude", "duplicate_id"):
            assert after[name] == before[name], name
        assert [r["tag_id"] for r in await house.sql("SELECT tag_id FROM tag_asset WHERE asset_id = $1", kept)] == [had]
        assert await house.sql("SELECT FROM album_asset WHERE asset_id = $1", kept) == []
        assert [asset["id"] for asset in (await listed(ada))[0]["assets"]] == [kept, one, two]
        assert (await ada.client.get("/calotype/duplicates/decisions")).json() == []
        # And it may be decided again.
        assert (await resolve(ada, wish(group, [one], [kept, two]))).json() == [{"id": group, "success": True}]
        assert (await undo(ada, group)).status_code == 200

    async def test_what_was_changed_since_stays(self, house, ada):
        group, (kept, gone) = await grouped(house, ada)
        await tell(house, gone, description="theirs", rating=5)
        await resolve(ada, wish(group, [kept], [gone]))
        await ada.client.put(f"/assets/{kept}", json={"rating": 3})
        assert (await undo(ada, group)).status_code == 200
        row = await house.row(kept)
        assert (row["description"], row["rating"]) == ("", 3)

    async def test_all_kept_or_all_thrown_away_is_undone_too(self, house, ada):
        group, ids = await grouped(house, ada)
        await resolve(ada, wish(group, ids))
        assert await listed(ada) == []
        assert (await undo(ada, group)).json()["restoredAssetIds"] == []
        assert len(await listed(ada)) == 1
        assert await house.sql("SELECT FROM duplicate_dismissal WHERE asset_id = ANY($1::uuid[])", ids) == []
        await resolve(ada, wish(group, [], ids))
        assert sorted((await undo(ada, group)).json()["restoredAssetIds"]) == sorted(ids)
        assert len(await listed(ada)) == 1

    async def test_what_has_left_the_trash_for_good_is_told(self, house, ada):
        group, (kept, one, two) = await grouped(house, ada, 3)
        await resolve(ada, wish(group, [kept], [one, two]))
        await ada.client.request("DELETE", "/assets", json={"ids": [one], "force": True})
        answer = await undo(ada, group)
        assert answer.json()["restoredAssetIds"] == [two]
        assert answer.json()["goneAssetIds"] == [one]

    async def test_after_the_trash_was_emptied_nothing_comes_back(self, house, ada):
        group, (kept, gone) = await grouped(house, ada)
        await resolve(ada, wish(group, [kept], [gone]))
        await ada.client.post("/trash/empty")
        answer = await undo(ada, group)
        assert answer.status_code == 400
        assert answer.json()["message"] == "The assets are no longer in the trash and cannot be restored"
        (decision,) = (await ada.client.get("/calotype/duplicates/decisions")).json()
        assert decision["canBeUndone"] is False

    async def test_without_a_trash_it_says_that_nothing_can_be_undone(self, house, ada):
        await settle(house, "trash.enabled", False)
        try:
            group, (kept, gone) = await grouped(house, ada)
            assert (await resolve(ada, wish(group, [kept], [gone]))).json() == [{"id": group, "success": True}]
            assert (await house.row(gone))["status"] == "deleted"
            answer = await undo(ada, group)
            assert answer.status_code == 400
            assert answer.json()["message"].startswith("The trash was switched off when this was decided")
        finally:
            await settle(house, "trash.enabled", True)

    async def test_strangers_and_unknown_groups_are_refused_alike(self, house, ada, eve):
        group, (kept, gone) = await grouped(house, ada)
        await resolve(ada, wish(group, [kept], [gone]))
        theirs, unknown = await undo(eve, group), await undo(eve, str(uuid4()))
        assert theirs.status_code == unknown.status_code == 400
        assert theirs.json()["message"] == unknown.json()["message"]
        assert (await eve.client.get("/calotype/duplicates/decisions")).json() == []
        assert (await undo(ada, "nonsense")).status_code == 400
        assert (await house.row(gone))["status"] == "trashed"

    async def test_a_kept_one_that_is_locked_by_now_is_left_alone_and_not_spoken_of(self, house, ada):
        group, (kept, gone) = await grouped(house, ada)
        await tell(house, gone, description="words")
        await resolve(ada, wish(group, [kept], [gone]))
        await tell(house, kept, visibility="locked")
        assert kept not in (await ada.client.get("/calotype/duplicates/decisions")).text
        answer = await undo(ada, group)
        assert answer.status_code == 200
        assert kept not in answer.text
        row = await house.row(kept)
        assert (row["visibility"], row["description"], row["duplicate_id"]) == ("locked", "words", None)
        assert (await house.row(gone))["status"] == "active"

    async def test_two_at_once_undo_once(self, house, ada):
        group, (kept, gone) = await grouped(house, ada)
        await resolve(ada, wish(group, [kept], [gone]))
        answers = await asyncio.gather(undo(ada, group), undo(ada, group))
        assert sorted(answer.status_code for answer in answers) == [200, 400]
