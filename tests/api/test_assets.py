"""Assets as records: each operation works, refuses strangers, refuses nonsense."""

import base64
import hashlib
from datetime import UTC, datetime
from unittest.mock import ANY

import pytest

from calotype.assets.asset import AssetsEdited, SidecarReplaced
from calotype.core.ports import Job

UNKNOWN = "88bb694f-c9dd-4fb6-b7aa-29c5767846c0"
LISTED = {
    "id", "createdAt", "ownerId", "libraryId", "type", "originalPath", "originalFileName", "originalMimeType",
    "thumbhash", "fileCreatedAt", "fileModifiedAt", "localDateTime", "updatedAt", "isFavorite", "isArchived",
    "isTrashed", "visibility", "duration", "livePhotoVideoId", "people", "checksum", "isOffline", "hasMetadata",
    "duplicateId", "resized", "width", "height", "isEdited",
}  # fmt: skip

UNREAD = (
    "make", "model", "exifImageWidth", "exifImageHeight", "orientation", "timeZone", "lensModel", "fNumber",
    "focalLength", "iso", "exposureTime", "latitude", "longitude", "city", "state", "country", "projectionType",
    "rating",
)  # fmt: skip


def refusal(permission: str) -> dict:
    return {"message": f"Not found or no {permission} access"}


async def album_with(house, owner, reader, *ids: str) -> None:
    (album,) = await house.sql("INSERT INTO album (name) VALUES ('a') RETURNING id")
    await house.sql(
        "INSERT INTO album_user (album_id, user_id, role) VALUES ($1, $2, 'owner'), ($1, $3, 'viewer')",
        album["id"], owner.id, reader.id,
    )  # fmt: skip
    for id in ids:
        await house.sql("INSERT INTO album_asset (album_id, asset_id) VALUES ($1, $2)", album["id"], id)


async def link_to(house, owner, id: str, *, show_metadata: bool = True, allow_download: bool = True) -> dict[str, str]:
    key = hashlib.sha512(id.encode()).digest()[:50]
    (link,) = await house.sql(
        """INSERT INTO shared_link (user_id, key, type, show_metadata, allow_download)
           VALUES ($1, $2, 'INDIVIDUAL', $3, $4) RETURNING id""",
        owner.id, key, show_metadata, allow_download,
    )  # fmt: skip
    await house.sql("INSERT INTO shared_link_asset (shared_link_id, asset_id) VALUES ($1, $2)", link["id"], id)
    return {"key": base64.urlsafe_b64encode(key).decode().rstrip("=")}


class TestInformation:
    async def test_right_after_the_upload(self, house, ada):
        id = await ada.asset(b"fresh", "ex.JPG")
        answer = await ada.client.get(f"/assets/{id}")
        assert answer.status_code == 200
        (row,) = await house.sql("SELECT original_key FROM asset WHERE id = $1", id)
        exif = dict.fromkeys(UNREAD)
        assert answer.json() == {
            "id": id, "createdAt": ANY, "ownerId": str(ada.id), "libraryId": None, "type": "IMAGE",
            "originalPath": str(house.media / row["original_key"]), "originalFileName": "ex.JPG",
            "originalMimeType": "image/jpeg", "thumbhash": None, "fileCreatedAt": "2024-03-01T10:00:00.000Z",
            "fileModifiedAt": "2024-03-02T10:00:00.000Z", "localDateTime": "2024-03-01T10:00:00.000Z",
            "updatedAt": ANY, "isFavorite": False, "isArchived": False, "isTrashed": False, "visibility": "timeline",
            "duration": None, "livePhotoVideoId": None, "tags": [], "people": [], "stack": None, "isOffline": False,
            "checksum": base64.b64encode(hashlib.sha1(b"fresh", usedforsecurity=False).digest()).decode(),
            "hasMetadata": True, "duplicateId": None, "resized": True, "width": None, "height": None,
            "isEdited": False,
            "exifInfo": {
                **exif, "fileSizeInByte": 5, "description": "", "dateTimeOriginal": "2024-03-01T10:00:00.000Z",
                "modifyDate": "2024-03-02T10:00:00.000Z",
            },
            "owner": {
                "id": str(ada.id), "email": ANY, "name": ANY, "profileImagePath": "", "avatarColor": ANY,
                "profileChangedAt": ANY,
            },
        }  # fmt: skip

    async def test_an_etag_saves_the_second_answer(self, ada):
        id = await ada.asset()
        first = await ada.client.get(f"/assets/{id}")
        again = await ada.client.get(f"/assets/{id}", headers={"if-none-match": first.headers["etag"]})
        assert again.status_code == 304

    async def test_tags_and_stack(self, house, ada):
        face, other = await ada.asset(), await ada.asset()
        (stack,) = await house.sql(
            "INSERT INTO stack (owner_id, primary_asset_id) VALUES ($1, $2) RETURNING id", ada.id, face
        )
        await house.sql("UPDATE asset SET stack_id = $1 WHERE id = ANY($2::uuid[])", stack["id"], [face, other])
        (tag,) = await house.sql("INSERT INTO tag (owner_id, value) VALUES ($1, 'Animals/Dogs') RETURNING id", ada.id)
        await house.sql("INSERT INTO tag_asset (asset_id, tag_id) VALUES ($1, $2)", face, tag["id"])
        found = (await ada.client.get(f"/assets/{face}")).json()
        assert found["stack"] == {"id": str(stack["id"]), "primaryAssetId": face, "assetCount": 2}
        assert found["tags"] == [
            {"id": str(tag["id"]), "name": "Dogs", "value": "Animals/Dogs", "createdAt": ANY, "updatedAt": ANY}
        ]

    async def test_an_unknown_extension_in_the_name_is_a_stream_of_bytes(self, house, ada):
        id = await ada.asset()
        await house.sql("UPDATE asset SET original_name = 'odd' WHERE id = $1", id)
        assert (await ada.client.get(f"/assets/{id}")).json()["originalMimeType"] == "application/octet-stream"

    @pytest.mark.parametrize("id", ["xx", "00000000-0000-0000-0000-000000000000"])
    async def test_nonsense(self, ada, id):
        answer = await ada.client.get(f"/assets/{id}")
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["message"] == "Invalid UUID"

    async def test_somebody_elses_and_unknown_ones_are_the_same(self, ada, eve):
        for id in (await ada.asset(), UNKNOWN):
            answer = await eve.client.get(f"/assets/{id}")
            assert (answer.status_code, answer.json()) == (400, refusal("asset.read"))

    async def test_locked_ones_show_only_to_an_elevated_session(self, house, ada):
        id = await ada.asset(visibility="locked")
        assert (await ada.client.get(f"/assets/{id}")).status_code == 400
        await house.elevate(ada)
        assert (await ada.client.get(f"/assets/{id}")).json()["visibility"] == "locked"

    async def test_an_album_shows_it_to_its_members_but_no_favourites(self, house, ada, eve):
        id = await ada.asset(isFavorite="true")
        await album_with(house, ada, eve, id)
        found = (await eve.client.get(f"/assets/{id}")).json()
        assert (found["isFavorite"], found["ownerId"], found["owner"]["id"]) == (False, str(ada.id), str(ada.id))

    async def test_a_link_shows_it_without_its_owner(self, house, ada):
        id = await ada.asset()
        found = (await house.client().get(f"/assets/{id}", params=await link_to(house, ada, id))).json()
        assert set(found) == LISTED | {"exifInfo", "tags", "stack"}

    async def test_a_link_that_hides_metadata(self, house, ada):
        id = await ada.asset()
        link = await link_to(house, ada, id, show_metadata=False)
        found = (await house.client().get(f"/assets/{id}", params=link)).json()
        assert found == {
            "id": id, "type": "IMAGE", "originalMimeType": "image/jpeg", "thumbhash": None, "duration": None,
            "localDateTime": "2024-03-01T10:00:00.000Z", "livePhotoVideoId": None, "hasMetadata": False,
            "width": None, "height": None,
        }  # fmt: skip


class TestStatistics:
    async def test_by_type_and_state(self, ada):
        await ada.asset(isFavorite="true")
        await ada.asset(name="v.mp4")
        await ada.asset(visibility="hidden")
        gone = await ada.asset(visibility="archive")
        await ada.client.request("DELETE", "/assets", json={"ids": [gone]})
        ask = ada.client.get
        assert (await ask("/assets/statistics")).json() == {"images": 1, "videos": 1, "total": 2}
        assert (await ask("/assets/statistics?isTrashed=true")).json() == {"images": 1, "videos": 0, "total": 1}
        assert (await ask("/assets/statistics?isFavorite=true")).json()["total"] == 1
        assert (await ask("/assets/statistics?visibility=hidden")).json()["total"] == 1

    async def test_locked_needs_the_pin(self, ada):
        answer = await ada.client.get("/assets/statistics?visibility=locked")
        assert (answer.status_code, answer.json()["message"]) == (401, "Elevated permission is required")

    async def test_booleans_are_words(self, ada):
        answer = await ada.client.get("/assets/statistics?isTrashed=1")
        assert answer.json()["errors"][0]["path"] == ["isTrashed"]


class TestBulkCheck:
    async def ask(self, person, *items: tuple[str, str]) -> list[dict]:
        body = {"assets": [{"id": id, "checksum": checksum} for id, checksum in items]}
        answer = await person.client.post("/assets/bulk-upload-check", json=body)
        assert answer.status_code == 200
        return answer.json()["results"]

    async def test_in_the_order_of_the_question_whatever_the_form(self, ada):
        id = await ada.asset(b"known")
        digest = hashlib.sha1(b"known", usedforsecurity=False)
        found = await self.ask(
            ada,
            ("a", digest.hexdigest().upper()),
            ("b", "nonsense"),
            ("a", base64.b64encode(digest.digest()).decode()),
        )
        known = {"id": "a", "action": "reject", "reason": "duplicate", "assetId": id, "isTrashed": False}
        assert found == [known, {"id": "b", "action": "accept"}, known]

    async def test_one_in_the_trash_says_so(self, ada):
        id = await ada.asset(b"in the trash")
        await ada.client.request("DELETE", "/assets", json={"ids": [id]})
        digest = hashlib.sha1(b"in the trash", usedforsecurity=False).hexdigest()
        assert (await self.ask(ada, ("a", digest)))[0]["isTrashed"] is True

    async def test_nothing_asked_is_nothing_answered(self, ada):
        assert await self.ask(ada) == []

    async def test_ten_thousand_at_once(self, ada):
        items = [(f"/some/long/path/to/photo {i}.jpg", f"{i:040x}") for i in range(10_000)]
        assert len(await self.ask(ada, *items)) == 10_000

    async def test_somebody_elses_are_not_told(self, ada, eve):
        await ada.asset(b"private taste")
        digest = hashlib.sha1(b"private taste", usedforsecurity=False).hexdigest()
        assert await self.ask(eve, ("a", digest)) == [{"id": "a", "action": "accept"}]


class TestUpdate:
    async def test_a_favourite_needs_no_sidecar(self, house, ada):
        id = await ada.asset()
        house.told.clear()
        answer = await ada.client.put(f"/assets/{id}", json={"isFavorite": True})
        assert answer.status_code == 200
        assert set(answer.json()) == LISTED | {"exifInfo"}
        assert answer.json()["isFavorite"] is True
        assert house.told == []

    async def test_facts_are_locked_until_the_sidecar_carries_them(self, house, ada):
        id = await ada.asset()
        new = {"description": "Grüße", "rating": 4, "latitude": 48.1, "longitude": 11.5}
        answer = await ada.client.patch(f"/assets/{id}", json=new)
        exif = answer.json()["exifInfo"]
        assert {key: exif[key] for key in new} == new
        (row,) = await house.sql("SELECT locked_fields FROM asset WHERE id = $1", id)
        assert row["locked_fields"] == ["description", "latitude", "longitude", "rating"]
        (event,) = [event for event in house.told if isinstance(event, AssetsEdited)]
        assert [str(each) for each in event.asset_ids] == [id]

    @pytest.mark.parametrize(
        ("text", "instant", "zone"),
        [
            ("2020-01-02", datetime(2020, 1, 2, tzinfo=UTC), None),
            ("2021-05-06 07:08:09", datetime(2021, 5, 6, 7, 8, 9, tzinfo=UTC), None),
            ("2021-05-06T07:08:09+05:30", datetime(2021, 5, 6, 1, 38, 9, tzinfo=UTC), "UTC+5:30"),
            ("2021-05-06T07:08:09.250-02:00", datetime(2021, 5, 6, 9, 8, 9, 250000, tzinfo=UTC), "UTC-2"),
            ("2021-05-06T07:08:09Z", datetime(2021, 5, 6, 7, 8, 9, tzinfo=UTC), "UTC+0"),
        ],
    )
    async def test_dates(self, house, ada, text, instant, zone):
        id = await ada.asset()
        await ada.client.put(f"/assets/{id}", json={"dateTimeOriginal": text})
        (row,) = await house.sql("SELECT date_time_original, time_zone FROM asset WHERE id = $1", id)
        assert (row["date_time_original"], row["time_zone"]) == (instant, zone)

    @pytest.mark.parametrize("text", ["", "2021", "2021-05", "yesterday", "2021-13-01"])
    async def test_what_is_no_date_is_refused_with_a_sentence(self, ada, text):
        answer = await ada.client.put(f"/assets/{await ada.asset()}", json={"dateTimeOriginal": text})
        assert answer.status_code == 400
        assert "date" in answer.json()["message"]

    async def test_a_rating_can_be_taken_away(self, ada):
        id = await ada.asset()
        await ada.client.put(f"/assets/{id}", json={"rating": 5})
        assert (await ada.client.put(f"/assets/{id}", json={})).json()["exifInfo"]["rating"] == 5
        assert (await ada.client.put(f"/assets/{id}", json={"rating": None})).json()["exifInfo"]["rating"] is None

    @pytest.mark.parametrize(
        ("body", "path", "message"),
        [
            ({"rating": 0}, ["rating"],
             "Rating must be -1 (rejected), 1–5 (starred), or null (unrated); 0 is not valid"),
            ({"rating": 1.5}, ["rating"], "Invalid input: expected int, received number"),
            ({"latitude": 5}, [], "Latitude and longitude must be provided together"),
            ({"description": None}, ["description"], "Invalid input: expected string, received null"),
            ({"isFavorite": None}, ["isFavorite"], "Invalid input: expected boolean, received null"),
            ({"visibility": "x"}, ["visibility"],
             'Invalid option: expected one of "archive"|"timeline"|"hidden"|"locked"'),
        ],
    )  # fmt: skip
    async def test_nonsense(self, ada, body, path, message):
        answer = await ada.client.put(f"/assets/{await ada.asset()}", json=body)
        assert answer.status_code == 400
        (error,) = answer.json()["errors"]
        assert (error["path"], error["message"]) == (path, message)

    async def test_somebody_elses(self, ada, eve):
        answer = await eve.client.put(f"/assets/{await ada.asset()}", json={"isFavorite": True})
        assert (answer.status_code, answer.json()) == (400, refusal("asset.update"))

    async def test_link_and_unlink_a_live_photo(self, ada):
        photo, video = await ada.asset(), await ada.asset(name="v.mov")
        linked = await ada.client.put(f"/assets/{photo}", json={"livePhotoVideoId": video})
        assert linked.json()["livePhotoVideoId"] == video
        assert (await ada.client.get(f"/assets/{video}")).json()["visibility"] == "hidden"
        unlinked = await ada.client.put(f"/assets/{photo}", json={"livePhotoVideoId": None})
        assert unlinked.json()["livePhotoVideoId"] is None
        assert (await ada.client.get(f"/assets/{video}")).json()["visibility"] == "timeline"

    async def test_the_moving_part_of_a_motion_photo_stays(self, house, ada):
        photo, video = await ada.asset(), await ada.asset(name="v.mp4")
        await ada.client.put(f"/assets/{photo}", json={"livePhotoVideoId": video})
        await house.sql("UPDATE asset SET is_motion_part = TRUE WHERE id = $1", video)
        answer = await ada.client.put(f"/assets/{photo}", json={"livePhotoVideoId": None})
        assert (answer.status_code, answer.json()["message"]) == (400, "Cannot unlink Android motion photos")


class TestBulkUpdate:
    async def change(self, person, ids, **body):
        answer = await person.client.put("/assets", json={"ids": ids, **body})
        assert answer.status_code == 204, answer.text

    async def test_many_alike(self, ada):
        ids = [await ada.asset(), await ada.asset()]
        await self.change(ada, ids, isFavorite=True, visibility="archive", duplicateId=UNKNOWN)
        for id in ids:
            found = (await ada.client.get(f"/assets/{id}")).json()
            assert (found["isFavorite"], found["isArchived"], found["duplicateId"]) == (True, True, UNKNOWN)
        await self.change(ada, ids, duplicateId=None)
        assert (await ada.client.get(f"/assets/{ids[0]}")).json()["duplicateId"] is None

    async def test_nothing_chosen_is_fine(self, ada):
        await self.change(ada, [], isFavorite=True)

    async def test_a_relative_date_moves_each_by_itself(self, house, ada):
        ids = [await ada.asset(), await ada.asset(fileCreatedAt="2020-01-01T00:00:00Z")]
        await self.change(ada, ids, dateTimeRelative=-90)
        rows = await house.sql("SELECT date_time_original AS at FROM asset WHERE id = ANY($1) ORDER BY 1", ids)
        assert [row["at"] for row in rows] == [
            datetime(2019, 12, 31, 22, 30, tzinfo=UTC),
            datetime(2024, 3, 1, 8, 30, tzinfo=UTC),
        ]

    async def test_a_time_zone_keeps_the_instant_and_an_unknown_one_changes_nothing(self, house, ada):
        known, unknown = await ada.asset(), await ada.asset()
        await self.change(ada, [known], timeZone="Asia/Tokyo")
        await self.change(ada, [unknown], timeZone="Mars/Olympus")
        rows = await house.sql(
            "SELECT time_zone, date_time_original, locked_fields FROM asset WHERE id = ANY($1) ORDER BY 1",
            [known, unknown],
        )
        assert rows[0]["time_zone"] == "Asia/Tokyo"
        assert rows[0]["date_time_original"] == datetime(2024, 3, 1, 10, tzinfo=UTC)
        assert rows[0]["locked_fields"] == ["dateTimeOriginal", "timeZone"]
        assert (rows[1]["time_zone"], rows[1]["locked_fields"]) == (None, [])

    async def test_two_dates_are_one_too_many(self, ada):
        answer = await ada.client.put(
            "/assets", json={"ids": [], "dateTimeRelative": 1, "dateTimeOriginal": "2020-01-01"}
        )
        (error,) = answer.json()["errors"]
        assert (error["path"], error["message"]) == ([], "dateTimeRelative cannot exist alongside dateTimeOriginal")

    async def test_locking_removes_from_every_album(self, house, ada, eve):
        id = await ada.asset()
        await album_with(house, ada, eve, id)
        await self.change(ada, [id], visibility="locked")
        assert await house.sql("SELECT 1 FROM album_asset WHERE asset_id = $1", id) == []

    async def test_one_foreign_id_refuses_the_whole_call(self, ada, eve):
        mine, theirs = await ada.asset(), await eve.asset()
        answer = await ada.client.put("/assets", json={"ids": [mine, theirs], "isFavorite": True})
        assert (answer.status_code, answer.json()) == (400, refusal("asset.update"))
        assert (await ada.client.get(f"/assets/{mine}")).json()["isFavorite"] is False


class TestCopy:
    async def test_favourite_stack_albums_and_sidecar_go_along(self, house, ada, eve):
        source, target = await ada.asset(isFavorite="true"), await ada.asset()
        await album_with(house, ada, eve, source)
        (stack,) = await house.sql(
            "INSERT INTO stack (owner_id, primary_asset_id) VALUES ($1, $2) RETURNING id", ada.id, source
        )
        await house.sql("UPDATE asset SET stack_id = $1 WHERE id = $2", stack["id"], source)
        (row,) = await house.sql(
            "UPDATE asset SET sidecar_key = original_key || '.xmp' WHERE id = $1 RETURNING sidecar_key", source
        )
        (house.media / row["sidecar_key"]).write_bytes(b"<xmp/>")
        answer = await ada.client.put("/assets/copy", json={"sourceId": source, "targetId": target})
        assert answer.status_code == 204
        (copied,) = await house.sql("SELECT * FROM asset WHERE id = $1", target)
        assert (copied["is_favorite"], copied["stack_id"], copied["is_stacked_away"]) == (True, stack["id"], True)
        assert (house.media / copied["sidecar_key"]).read_bytes() == b"<xmp/>"
        assert len(await house.sql("SELECT 1 FROM album_asset WHERE asset_id = $1", target)) == 1
        assert isinstance(house.told[-1], SidecarReplaced)

    async def test_what_is_not_wished_stays(self, house, ada):
        source, target = await ada.asset(isFavorite="true"), await ada.asset()
        flags = dict.fromkeys(("albums", "favorite", "sharedLinks", "sidecar", "stack"), False)
        await ada.client.put("/assets/copy", json={"sourceId": source, "targetId": target, **flags})
        assert (await ada.client.get(f"/assets/{target}")).json()["isFavorite"] is False

    async def test_onto_itself(self, ada):
        id = await ada.asset()
        answer = await ada.client.put("/assets/copy", json={"sourceId": id, "targetId": id})
        assert (answer.status_code, answer.json()["message"]) == (400, "Source and target id must be distinct")

    async def test_somebody_elses(self, ada, eve):
        body = {"sourceId": await ada.asset(), "targetId": await eve.asset()}
        assert (await ada.client.put("/assets/copy", json=body)).json() == refusal("asset.copy")


class TestJobs:
    @pytest.mark.parametrize(
        ("name", "job", "queue"),
        [
            ("refresh-metadata", "AssetExtractMetadata", "metadataExtraction"),
            ("regenerate-thumbnail", "AssetGenerateThumbnails", "thumbnailGeneration"),
            ("transcode-video", "AssetEncodeVideo", "videoConversion"),
        ],
    )
    async def test_a_wish_becomes_a_job(self, house, ada, name, job, queue):
        id = await ada.asset()
        answer = await ada.client.post("/assets/jobs", json={"assetIds": [id], "name": name})
        assert answer.status_code == 204
        assert house.jobs == [Job(job, queue, {"id": id})]

    async def test_somebody_elses(self, ada, eve):
        body = {"assetIds": [await ada.asset()], "name": "refresh-metadata"}
        assert (await eve.client.post("/assets/jobs", json=body)).json() == refusal("asset.update")


class TestProblems:
    async def test_a_failure_is_shown_and_can_be_tried_again(self, house, ada):
        id = await ada.asset()
        await house.sql(
            "INSERT INTO asset_problem (asset_id, step, reason) VALUES ($1, 'previews', 'It ends early.')", id
        )
        found = await ada.client.get(f"/calotype/assets/{id}/problems")
        assert found.json() == [{"step": "previews", "reason": "It ends early.", "attempts": 1, "at": ANY}]
        assert (await ada.client.post(f"/calotype/assets/{id}/retry")).status_code == 204
        assert house.jobs == [Job("AssetGenerateThumbnails", "thumbnailGeneration", {"id": id})]
        assert (await ada.client.get(f"/calotype/assets/{id}/problems")).json() == []

    async def test_somebody_elses(self, ada, eve):
        id = await ada.asset()
        assert (await eve.client.get(f"/calotype/assets/{id}/problems")).status_code == 400
        assert (await eve.client.post(f"/calotype/assets/{id}/retry")).status_code == 400


class TestNotes:
    async def test_written_read_and_removed(self, ada):
        id = await ada.asset()
        items = [{"key": "mobile-app", "value": {"iCloudId": "abc"}}, {"key": "a", "value": {}}]
        written = await ada.client.put(f"/assets/{id}/metadata", json={"items": items})
        assert written.json() == [{**item, "updatedAt": ANY} for item in items]
        one = await ada.client.get(f"/assets/{id}/metadata/mobile-app")
        assert one.json() == written.json()[0]
        for _ in range(2):
            assert (await ada.client.delete(f"/assets/{id}/metadata/a")).status_code == 204
        assert (await ada.client.get(f"/assets/{id}/metadata")).json() == [one.json()]

    async def test_a_missing_key(self, ada):
        id = await ada.asset()
        answer = await ada.client.get(f"/assets/{id}/metadata/nope")
        assert answer.json() == {"message": f'Metadata with key "nope" not found for asset with id "{id}"'}

    async def test_the_same_key_twice(self, ada):
        items = [{"key": "k", "value": {}}] * 2
        answer = await ada.client.put(f"/assets/{await ada.asset()}/metadata", json={"items": items})
        assert (answer.status_code, answer.json()["message"]) == (400, 'Duplicate items are not allowed: "k"')

    async def test_a_value_is_an_object(self, ada):
        body = {"items": [{"key": "k", "value": [1]}]}
        answer = await ada.client.put(f"/assets/{await ada.asset()}/metadata", json=body)
        (error,) = answer.json()["errors"]
        assert (error["path"], error["message"]) == (
            ["items", 0, "value"],
            "Invalid input: expected record, received array",
        )

    async def test_many_assets_at_once(self, ada):
        one, two = await ada.asset(), await ada.asset()
        items = [{"assetId": one, "key": "k", "value": {"z": 1}}, {"assetId": two, "key": "k", "value": {"z": 2}}]
        written = await ada.client.put("/assets/metadata", json={"items": items})
        assert written.json() == [{**item, "updatedAt": ANY} for item in items]
        again = await ada.client.put("/assets/metadata", json={"items": [items[0]] * 2})
        assert again.json()["message"] == f'Duplicate items are not allowed: "({one}, k)"'
        gone = await ada.client.request("DELETE", "/assets/metadata", json={"items": [{"assetId": one, "key": "k"}]})
        assert gone.status_code == 204
        assert (await ada.client.get(f"/assets/{one}/metadata")).json() == []
        assert (await ada.client.put("/assets/metadata", json={"items": []})).json() == []

    async def test_somebody_elses(self, ada, eve):
        id = await ada.asset()
        body = {"items": [{"key": "k", "value": {}}]}
        assert (await eve.client.put(f"/assets/{id}/metadata", json=body)).json() == refusal("asset.update")
        assert (await eve.client.get(f"/assets/{id}/metadata")).json() == refusal("asset.read")
