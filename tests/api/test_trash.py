"""Trash: thrown away, taken back, removed for good."""

import pytest

from calotype.assets import jobs
from calotype.assets.asset import AssetGone, AssetsDeleted, AssetsRestored, AssetsTrashed, FilesDiscarded, TrashEmptied
from calotype.core.errors import Offline
from calotype.core.jobs import Done, Later, Skip


async def delete(person, *ids: str, force: bool | None = None):
    body = {"ids": list(ids)} if force is None else {"ids": list(ids), "force": force}
    return await person.client.request("DELETE", "/assets", json=body)


async def state(house, id: str) -> tuple | None:
    rows = await house.sql("SELECT status, deleted_at IS NOT NULL AS is_dated FROM asset WHERE id = $1", id)
    return tuple(rows[0]) if rows else None


class TestThrowingAway:
    async def test_into_the_trash(self, house, ada):
        id = await ada.asset()
        assert (await delete(ada, id)).status_code == 204
        assert await state(house, id) == ("trashed", True)
        assert [str(each) for each in house.told[-1].asset_ids] == [id]
        assert isinstance(house.told[-1], AssetsTrashed)

    async def test_for_good_is_marked_and_told(self, house, ada):
        id = await ada.asset()
        assert (await delete(ada, id, force=True)).status_code == 204
        assert await state(house, id) == ("deleted", True)
        assert isinstance(house.told[-1], AssetsDeleted)
        assert (await ada.client.get(f"/assets/{id}")).json()["isTrashed"] is True

    async def test_nothing_chosen_is_fine(self, ada):
        assert (await delete(ada)).status_code == 204

    async def test_without_a_body(self, ada):
        answer = await ada.client.delete("/assets")
        (error,) = answer.json()["errors"]
        assert (error["path"], error["message"]) == ([], "Invalid input: expected object, received undefined")

    async def test_one_foreign_id_and_nothing_happens(self, house, ada, eve):
        mine, theirs = await ada.asset(), await eve.asset()
        answer = await delete(ada, mine, theirs)
        assert (answer.status_code, answer.json()["message"]) == (400, "Not found or no asset.delete access")
        assert await state(house, mine) == ("active", False)


class TestTakingBack:
    async def test_chosen_ones_count_even_when_they_were_not_in_the_trash(self, house, ada):
        gone, here = await ada.asset(), await ada.asset()
        await delete(ada, gone)
        answer = await ada.client.post("/trash/restore/assets", json={"ids": [gone, here]})
        assert (answer.status_code, answer.json()) == (200, {"count": 2})
        assert await state(house, gone) == ("active", False)
        assert house.told[-1] == AssetsRestored(ada.id, house.told[-1].asset_ids)
        assert [str(each) for each in house.told[-1].asset_ids] == [gone]

    async def test_everything(self, house, ada, eve):
        mine, theirs = await ada.asset(), await eve.asset()
        await delete(ada, mine)
        await delete(eve, theirs)
        assert (await ada.client.post("/trash/restore")).json() == {"count": 1}
        assert await state(house, mine) == ("active", False)
        assert await state(house, theirs) == ("trashed", True)

    async def test_what_is_marked_for_removal_does_not_come_back(self, house, ada):
        id = await ada.asset()
        await delete(ada, id, force=True)
        await ada.client.post("/trash/restore")
        assert await state(house, id) == ("deleted", True)

    async def test_somebody_elses(self, ada, eve):
        id = await ada.asset()
        await delete(ada, id)
        answer = await eve.client.post("/trash/restore/assets", json={"ids": [id]})
        assert (answer.status_code, answer.json()["message"]) == (400, "Not found or no asset.delete access")

    async def test_strangers(self, house):
        assert (await house.client().post("/trash/empty")).status_code == 401


class TestRemoval:
    async def remove(self, house, id: str):
        return await jobs.delete_asset(house.world, {"id": id})

    async def test_empty_marks_everything_and_asks_for_one_job(self, house, ada):
        ids = {await ada.asset() for _ in range(3)}
        kept = await ada.asset()
        await delete(ada, *ids)
        answer = await ada.client.post("/trash/empty")
        assert (answer.status_code, answer.json()) == (200, {"count": 3})
        assert house.told[-1] == TrashEmptied(ada.id)
        await jobs.empty_trash(house.world, {})
        assert ids <= {job.data["id"] for job in house.jobs if job.name == "AssetDelete"}
        assert kept not in {job.data["id"] for job in house.jobs}

    async def test_row_originals_and_derivatives_go_and_the_room_comes_back(self, house, ada):
        id = await ada.asset(b"12345")
        made = house.data / "thumbs" / "x.webp"
        made.parent.mkdir()
        made.write_bytes(b"small")
        await house.sql(
            "INSERT INTO asset_file (asset_id, type, path, size_bytes) VALUES ($1, 'thumbnail', 'thumbs/x.webp', 5)",
            id,
        )
        await delete(ada, id, force=True)
        assert await self.remove(house, id) == Done()
        assert await state(house, id) is None
        assert house.originals() == []
        assert not made.exists()
        (user,) = await house.sql("SELECT usage_bytes FROM users WHERE id = $1", ada.id)
        assert user["usage_bytes"] == 0
        assert [str(event.asset_id) for event in house.told if isinstance(event, AssetGone)] == [id]
        assert isinstance(await self.remove(house, id), Skip)

    async def test_one_that_was_not_marked_stays(self, house, ada):
        id = await ada.asset()
        await delete(ada, id)
        assert isinstance(await self.remove(house, id), Skip)
        assert await state(house, id) == ("trashed", True)

    async def test_it_waits_for_a_storage_that_is_away(self, house, ada):
        id = await ada.asset()
        await delete(ada, id, force=True)
        await house.unplug()
        assert isinstance(await self.remove(house, id), Later)
        assert await state(house, id) == ("deleted", True)

    async def test_files_that_cannot_be_removed_are_left_to_a_job(self, house, ada, monkeypatch):
        id = await ada.asset()
        await delete(ada, id, force=True)
        (row,) = await house.sql("SELECT original_key FROM asset WHERE id = $1", id)

        async def away(key):
            raise Offline("away")

        monkeypatch.setattr(house.world.files._files, "remove", away)
        assert await self.remove(house, id) == Done()
        (left,) = await house.sql("SELECT id, keys FROM leftover WHERE $1 = ANY(keys)", row["original_key"])
        assert FilesDiscarded(left["id"]) in house.told
        assert isinstance(await jobs.delete_files(house.world, {"id": str(left["id"])}), Later)
        monkeypatch.undo()
        await house.root.probe()
        assert await jobs.delete_files(house.world, {"id": str(left["id"])}) == Done()
        assert house.originals() == []
        assert isinstance(await jobs.delete_files(house.world, {"id": str(left["id"])}), Skip)

    async def test_the_moving_part_goes_with_its_last_photo(self, house, ada):
        video = await ada.asset(name="v.mov")
        one, two = await ada.asset(livePhotoVideoId=video), await ada.asset(livePhotoVideoId=video)
        await delete(ada, one, two, force=True)
        await self.remove(house, one)
        assert await state(house, video) is not None
        await self.remove(house, two)
        assert await state(house, video) is None
        gone = [str(event.asset_id) for event in house.told if isinstance(event, AssetGone)]
        assert gone == [one, two, video]

    @pytest.mark.parametrize(("others", "survives"), [(2, True), (1, False)])
    async def test_the_next_shot_shows_for_a_stack_that_lost_its_face(self, house, ada, others, survives):
        face, *rest = [await ada.asset(fileCreatedAt=f"2024-01-0{day}T00:00:00Z") for day in range(1, others + 2)]
        (stack,) = await house.sql(
            "INSERT INTO stack (owner_id, primary_asset_id) VALUES ($1, $2) RETURNING id", ada.id, face
        )
        await house.sql("UPDATE asset SET stack_id = $1, is_stacked_away = id <> $2 WHERE id = ANY($3::uuid[])",
                        stack["id"], face, [face, *rest])  # fmt: skip
        await delete(ada, face, force=True)
        await self.remove(house, face)
        rows = await house.sql("SELECT id, stack_id, is_stacked_away FROM asset WHERE id = ANY($1::uuid[])", rest)
        away = {str(row["id"]): (row["stack_id"], row["is_stacked_away"]) for row in rows}
        if survives:
            assert away == {rest[0]: (stack["id"], False), rest[1]: (stack["id"], True)}
        else:
            assert away == {rest[0]: (None, False)}

    async def test_the_trash_forgets_after_its_days(self, house, ada):
        old, fresh = await ada.asset(), await ada.asset()
        await delete(ada, old, fresh)
        await house.sql("UPDATE asset SET deleted_at = now() - interval '31 days' WHERE id = $1", old)
        await jobs.check_deletions(house.world, {})
        assert await state(house, old) == ("deleted", True)
        assert await state(house, fresh) == ("trashed", True)
        assert old in {job.data["id"] for job in house.jobs}
