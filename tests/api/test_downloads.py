"""Downloads: how they are split, and what is in the zip."""

import io
import zipfile
from unittest.mock import ANY


async def plan(person, **body):
    return await person.client.post("/download/info", json=body)


async def archive(person, *ids: str, **more) -> zipfile.ZipFile:
    answer = await person.client.post("/download/archive", json={"assetIds": list(ids), **more})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/octet-stream"
    return zipfile.ZipFile(io.BytesIO(answer.content))


class TestInfo:
    async def test_an_archive_ends_when_it_exceeds_the_size(self, ada):
        ids = [await ada.asset(bytes([i]) * 10, fileCreatedAt=f"2024-01-0{i}T00:00:00Z") for i in range(1, 5)]
        answer = await plan(ada, assetIds=ids[::-1], archiveSize=15)
        assert answer.status_code == 201
        assert answer.json() == {
            "totalSize": 40,
            "archives": [{"size": 20, "assetIds": ids[:2]}, {"size": 20, "assetIds": ids[2:]}],
        }

    async def test_trashed_ones_are_skipped(self, ada):
        gone, here = await ada.asset(), await ada.asset()
        await ada.client.request("DELETE", "/assets", json={"ids": [gone]})
        assert (await plan(ada, assetIds=[gone, here])).json()["archives"] == [{"size": ANY, "assetIds": [here]}]

    async def test_everything_of_a_person_with_moving_parts_last(self, ada):
        video = await ada.asset(name="v.mov", fileCreatedAt="2020-01-01T00:00:00Z")
        photo = await ada.asset(livePhotoVideoId=video)
        (one,) = (await plan(ada, userId=str(ada.id))).json()["archives"]
        assert one["assetIds"] == [photo, video]

    async def test_videos_cut_out_of_motion_photos_only_on_demand(self, house, ada):
        video = await ada.asset(name="v.mov")
        photo = await ada.asset(livePhotoVideoId=video)
        await house.sql("UPDATE asset SET is_motion_part = TRUE WHERE id = $1", video)
        assert (await plan(ada, assetIds=[photo])).json()["archives"][0]["assetIds"] == [photo]
        await house.sql(
            "INSERT INTO user_metadata (user_id, key, value) VALUES ($1, 'preferences', $2)",
            ada.id, {"download": {"includeEmbeddedVideos": True}},
        )  # fmt: skip
        assert (await plan(ada, assetIds=[photo])).json()["archives"][0]["assetIds"] == [photo, video]

    async def test_nothing_chosen_and_nothing_named(self, ada):
        assert (await plan(ada, assetIds=[])).json() == {"totalSize": 0, "archives": []}
        answer = await plan(ada)
        assert (answer.status_code, answer.json()["message"]) == (400, "assetIds, albumId, or userId is required")
        assert (await plan(ada, assetIds=[], archiveSize=0)).status_code == 400

    async def test_somebody_elses(self, ada, eve):
        answer = await plan(eve, assetIds=[await ada.asset()])
        assert answer.json() == {"message": "Not found or no asset.download access"}
        assert (await plan(eve, userId=str(ada.id))).status_code == 400


class TestArchive:
    async def test_files_are_stored_as_they_are_under_names_of_their_own(self, ada):
        ids = [
            await ada.asset(b"one", "a.jpg", fileCreatedAt="2024-01-01T00:00:00Z"),
            await ada.asset(b"two", "A.jpg", fileCreatedAt="2024-01-02T00:00:00Z"),
            await ada.asset(bytes(3_000_000), "Grüße.mp4", fileCreatedAt="2024-01-03T00:00:00Z"),
        ]
        found = await archive(ada, *ids)
        assert found.namelist() == ["a.jpg", "A+1.jpg", "Grüße.mp4"]
        assert found.testzip() is None
        assert found.read("A+1.jpg") == b"two"
        assert {entry.compress_type for entry in found.infolist()} == {zipfile.ZIP_STORED}
        assert found.getinfo("a.jpg").date_time == (2024, 3, 2, 10, 0, 0)

    async def test_trashed_ones_of_the_owner_are_served(self, ada):
        id = await ada.asset(b"in the trash, still mine")
        await ada.client.request("DELETE", "/assets", json={"ids": [id]})
        assert (await archive(ada, id)).namelist() == ["photo.jpg"]

    async def test_a_lost_original_is_named_and_the_rest_arrives(self, house, ada):
        lost, kept = await ada.asset(name="lost.jpg"), await ada.asset(b"kept", "kept.jpg")
        (row,) = await house.sql("SELECT original_key FROM asset WHERE id = $1", lost)
        (house.media / row["original_key"]).unlink()
        found = await archive(ada, lost, kept)
        assert sorted(found.namelist()) == ["kept.jpg", "missing-files.txt"]
        assert b"lost.jpg" in found.read("missing-files.txt")

    async def test_a_name_for_the_archive(self, ada):
        body = {"assetIds": [await ada.asset()], "archiveName": "My trip"}
        answer = await ada.client.post("/download/archive", json=body)
        assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''My%20trip.zip"

    async def test_nothing_chosen(self, ada):
        assert (await ada.client.post("/download/archive", json={"assetIds": []})).status_code == 400

    async def test_one_that_is_not_yours_refuses_all(self, ada, eve):
        body = {"assetIds": [await ada.asset(), await eve.asset()]}
        answer = await ada.client.post("/download/archive", json=body)
        assert (answer.status_code, answer.json()) == (400, {"message": "Not found or no asset.download access"})

    async def test_a_storage_that_is_away_is_told_before_the_first_byte(self, house, ada):
        id = await ada.asset()
        await house.unplug()
        answer = await ada.client.post("/download/archive", json={"assetIds": [id]})
        assert answer.status_code == 503
