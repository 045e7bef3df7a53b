"""Uploads: what is kept, what is refused, and that nothing is left behind."""

import asyncio
import base64
import hashlib
import json
from datetime import UTC, datetime
from unittest.mock import ANY

import httpx
import pytest

from calotype.assets.asset import AssetHidden, AssetUploaded
from calotype.core.errors import Full, Offline
from calotype.core.tx import Tx
from calotype.core.world import World

DATES = {"fileCreatedAt": "2024-03-01T10:00:00.000Z", "fileModifiedAt": "2024-03-02T10:00:00.000Z"}
BOUNDARY = "----calotype"


def form(*parts: tuple[str, str | None, bytes]) -> bytes:
    """A multipart body. Each part: name, file name or None for text, content."""
    out = b""
    for name, filename, content in parts:
        head = f'Content-Disposition: form-data; name="{name}"'
        if filename is not None:
            head += f'; filename="{filename}"\r\nContent-Type: application/octet-stream'
        out += f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + content + b"\r\n"
    return out + f"--{BOUNDARY}--\r\n".encode()


def texts(**fields: str) -> list[tuple[str, None, bytes]]:
    return [(name, None, text.encode()) for name, text in {**DATES, **fields}.items()]


async def post(client: httpx.AsyncClient, body, **headers: str) -> httpx.Response:
    kind = {"content-type": f"multipart/form-data; boundary={BOUNDARY}", **headers}
    return await client.post("/assets", content=body, headers=kind)


async def row_of(house, id: str):
    return (await house.sql("SELECT * FROM asset WHERE id = $1", id))[0]


class TestKeeping:
    async def test_a_new_file_is_stored_byte_for_byte_under_its_row(self, house, ada):
        content = b"\xff\xd8 some photo" * 1000
        answer = await ada.upload(content, "IMG_1.JPG", isFavorite="true", duration="0")
        assert answer.status_code == 201
        assert answer.json() == {"id": ANY, "status": "created"}
        row = await row_of(house, answer.json()["id"])
        assert (house.media / row["original_key"]).read_bytes() == content
        assert row["original_key"].endswith(".JPG")
        assert row["original_key"].startswith(f"upload/{ada.id}/")
        assert row["checksum"] == hashlib.sha1(content, usedforsecurity=False).digest()
        assert row["proof"] == hashlib.sha256(content).digest()
        assert (row["size_bytes"], row["type"], row["visibility"], row["is_favorite"]) == (
            len(content), "IMAGE", "timeline", True,
        )  # fmt: skip
        assert row["taken_at"] == datetime(2024, 3, 1, 10, tzinfo=UTC)
        assert row["local_taken"] == datetime(2024, 3, 1, 10)  # noqa: DTZ001 — a wall clock
        assert row["duration_ms"] is None
        assert house.told == [AssetUploaded(row["id"], ada.id)]

    async def test_the_stored_file_carries_the_modification_time(self, house, ada):
        row = await row_of(house, await ada.asset())
        modified = datetime(2024, 3, 2, 10, tzinfo=UTC).timestamp()
        assert (house.media / row["original_key"]).stat().st_mtime == modified

    async def test_parts_may_come_in_any_order(self, house, ada):
        body = form(("assetData", "a.jpg", b"file first"), *texts(visibility="archive"))
        answer = await post(ada.client, body)
        assert answer.status_code == 201
        assert (await row_of(house, answer.json()["id"]))["visibility"] == "archive"

    async def test_a_body_that_arrives_byte_by_byte_is_the_same_body(self, house, ada):
        content = b"--not a boundary\r\n--" + BOUNDARY.encode()[:5] + b"\r\n\r\n"
        body = form(*texts(), ("assetData", "a.jpg", content))

        async def slowly():
            for i in range(len(body)):
                yield body[i : i + 1]

        answer = await post(ada.client, slowly())
        assert answer.status_code == 201
        row = await row_of(house, answer.json()["id"])
        assert (house.media / row["original_key"]).read_bytes() == content

    async def test_usage_grows_by_the_size(self, house, ada):
        await ada.upload(b"12345")
        (row,) = await house.sql("SELECT usage_bytes FROM users WHERE id = $1", ada.id)
        assert row["usage_bytes"] == 5

    async def test_file_names_are_utf8_and_only_the_last_part_of_a_path(self, house, ada):
        body = form(*texts(), ("assetData", "../../etc/Grüße 🌍.jpg", b"utf8"))
        answer = await post(ada.client, body)
        row = await row_of(house, answer.json()["id"])
        assert row["original_name"] == "Grüße 🌍.jpg"
        assert house.originals() == [house.media / row["original_key"]]

    async def test_the_filename_field_names_and_types_the_file(self, house, ada):
        answer = await post(ada.client, form(*texts(filename="x.jpg"), ("assetData", "photo.bin", b"named")))
        assert (await row_of(house, answer.json()["id"]))["original_name"] == "x.jpg"

    async def test_a_filename_field_after_the_file_still_names_it(self, house, ada):
        answer = await post(ada.client, form(("assetData", "photo.jpg", b"named late"), *texts(filename="later.jpg")))
        assert (await row_of(house, answer.json()["id"]))["original_name"] == "later.jpg"

    async def test_a_sidecar_lies_beside_the_original(self, house, ada):
        body = form(("sidecarData", "a.xmp", b"<x:xmpmeta/>"), *texts(), ("assetData", "a.jpg", b"with xmp"))
        answer = await post(ada.client, body)
        row = await row_of(house, answer.json()["id"])
        assert row["sidecar_key"] == row["original_key"] + ".xmp"
        assert (house.media / row["sidecar_key"]).read_bytes() == b"<x:xmpmeta/>"

    async def test_metadata_become_notes(self, ada):
        items = [{"key": "mobile-app", "value": {"iCloudId": "abc"}}]
        id = await ada.asset(metadata=json.dumps(items))
        answer = await ada.client.get(f"/assets/{id}/metadata")
        assert answer.json() == [{**items[0], "updatedAt": ANY}]

    @pytest.mark.parametrize("duration", ["00:00:12.345000", "", "abc", "-5"])
    async def test_a_duration_nobody_can_read_is_ignored(self, house, ada, duration):
        row = await row_of(house, await ada.asset(name="v.mp4", duration=duration))
        assert row["duration_ms"] is None

    async def test_a_duration_in_milliseconds_is_kept(self, house, ada):
        assert (await row_of(house, await ada.asset(name="v.mp4", duration="1500")))["duration_ms"] == 1500

    async def test_legacy_fields_are_ignored(self, ada):
        answer = await ada.upload(b"legacy", deviceAssetId="x", deviceId="y", fileSize="1", isReadOnly="maybe")
        assert answer.status_code == 201


class TestDuplicates:
    async def test_the_same_bytes_point_at_the_first_asset_and_are_dropped(self, house, ada):
        first = await ada.asset(b"same")
        answer = await ada.upload(b"same", "other.jpg")
        assert answer.status_code == 200
        assert answer.json() == {"id": first, "status": "duplicate"}
        assert len(house.originals()) == 1

    async def test_somebody_elses_bytes_are_no_duplicate(self, ada, eve):
        await ada.asset(b"shared taste")
        assert (await eve.upload(b"shared taste")).status_code == 201

    async def test_a_trashed_one_counts_and_stays_in_the_trash(self, ada):
        id = await ada.asset(b"thrown away")
        await ada.client.request("DELETE", "/assets", json={"ids": [id]})
        answer = await ada.upload(b"thrown away")
        assert (answer.status_code, answer.json()["id"]) == (200, id)
        assert (await ada.client.get(f"/assets/{id}")).json()["isTrashed"] is True

    async def test_one_that_waits_for_its_removal_does_not_count(self, ada):
        id = await ada.asset(b"gone for good")
        await ada.client.request("DELETE", "/assets", json={"ids": [id], "force": True})
        assert (await ada.upload(b"gone for good")).status_code == 201

    @pytest.mark.parametrize("form_of", [bytes.hex, lambda d: d.hex().upper(), lambda d: base64.b64encode(d).decode()])
    async def test_the_checksum_header_answers_before_the_body_is_read(self, ada, form_of):
        id = await ada.asset(b"known")

        async def never():
            raise AssertionError("the body was read")
            yield b""

        header = form_of(hashlib.sha1(b"known", usedforsecurity=False).digest())
        answer = await ada.client.post("/assets", content=never(), headers={"x-immich-checksum": header})
        assert (answer.status_code, answer.json()) == (200, {"id": id, "status": "duplicate"})

    @pytest.mark.parametrize("header", ["nonsense", hashlib.sha1(b"unknown", usedforsecurity=False).hexdigest(), ""])
    async def test_an_unknown_or_malformed_checksum_is_a_normal_upload(self, ada, header):
        body = form(*texts(), ("assetData", "a.jpg", b"normal"))
        assert (await post(ada.client, body, **{"x-immich-checksum": header})).status_code == 201

    async def test_a_hundred_at_once_make_one_asset_and_one_file(self, house, ada):
        answers = await asyncio.gather(*(ada.upload(b"everybody at once" * 999) for _ in range(100)))
        assert sorted(a.status_code for a in answers) == [200] * 99 + [201]
        assert len({a.json()["id"] for a in answers}) == 1
        assert len(house.originals()) == 1
        (row,) = await house.sql("SELECT usage_bytes FROM users WHERE id = $1", ada.id)
        assert row["usage_bytes"] == len(b"everybody at once" * 999)


class TestRefusals:
    async def expect(self, house, client, body, status: int, message: str, **headers: str) -> httpx.Response:
        answer = await post(client, body, **headers)
        assert (answer.status_code, answer.json()["message"]) == (status, message)
        assert house.originals() == []
        return answer

    async def test_strangers(self, house):
        await self.expect(house, house.client(), form(*texts()), 401, "Authentication required")

    async def test_no_file(self, house, ada):
        await self.expect(house, ada.client, form(*texts()), 400, "File is required")

    async def test_the_file_as_text(self, house, ada):
        await self.expect(house, ada.client, form(*texts(assetData="text")), 400, "File is required")

    async def test_an_empty_file(self, house, ada):
        await self.expect(house, ada.client, form(*texts(), ("assetData", "a.jpg", b"")), 400, "File is empty")

    async def test_an_empty_sidecar(self, house, ada):
        body = form(*texts(), ("assetData", "a.jpg", b"x"), ("sidecarData", "a.xmp", b""))
        await self.expect(house, ada.client, body, 400, "File is empty")

    async def test_a_type_we_do_not_keep(self, house, ada):
        body = form(*texts(), ("assetData", "evil.html", b"x"))
        await self.expect(house, ada.client, body, 400, "Unsupported file type evil.html")

    async def test_a_type_by_the_filename_field_before_it(self, house, ada):
        body = form(*texts(filename="x.txt"), ("assetData", "photo.jpg", b"x"))
        await self.expect(house, ada.client, body, 400, "Unsupported file type x.txt")

    async def test_a_sidecar_that_is_none(self, house, ada):
        body = form(*texts(), ("assetData", "a.jpg", b"x"), ("sidecarData", "a.txt", b"x"))
        await self.expect(house, ada.client, body, 400, "Unsupported file type a.txt")

    async def test_a_second_file(self, house, ada):
        body = form(*texts(), ("assetData", "a.jpg", b"x"), ("assetData", "b.jpg", b"y"))
        await self.expect(house, ada.client, body, 400, "Unexpected field - assetData")

    async def test_a_file_under_another_name(self, house, ada):
        body = form(*texts(), ("picture", "a.jpg", b"x"))
        await self.expect(house, ada.client, body, 400, "Unexpected field - picture")

    async def test_a_body_without_boundary(self, house, ada):
        answer = await ada.client.post("/assets", content=b"x", headers={"content-type": "multipart/form-data"})
        assert (answer.status_code, answer.json()["message"]) == (400, "Multipart: Boundary not found")

    async def test_fields_are_validated_before_the_missing_file_is_told(self, ada):
        answer = await post(ada.client, form(("isFavorite", None, b"1")))
        assert answer.json()["message"] == "Validation failed"
        assert [error["path"] for error in answer.json()["errors"]] == [
            ["fileCreatedAt"], ["fileModifiedAt"], ["isFavorite"],
        ]  # fmt: skip

    async def test_metadata_that_are_no_json(self, ada):
        answer = await ada.upload(b"x", metadata="{nope")
        assert [error["path"] for error in answer.json()["errors"]] == [["metadata"]]

    async def test_metadata_whose_value_is_no_object(self, ada):
        answer = await ada.upload(b"x", metadata='[{"key":"a","value":[1]}]')
        (error,) = answer.json()["errors"]
        assert (error["path"], error["message"]) == (
            ["metadata", 0, "value"],
            "Invalid input: expected record, received array",
        )

    async def test_a_full_quota_even_for_a_duplicate(self, house):
        ada = await house.person(quota_bytes=10)
        assert (await ada.upload(b"123456")).status_code == 201
        for content in (b"123456", b"abcdef"):
            answer = await ada.upload(content)
            assert (answer.status_code, answer.json()["message"]) == (400, "Quota has been exceeded!")
        assert len(house.originals()) == 1

    async def test_two_at_once_never_exceed_the_quota_together(self, house):
        ada = await house.person(quota_bytes=10)
        answers = await asyncio.gather(*(ada.upload(bytes([i]) * 6) for i in range(5)))
        assert sorted(a.status_code for a in answers) == [201, 400, 400, 400, 400]
        assert len(house.originals()) == 1


class TestNothingIsLeftBehind:
    @pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.99])
    async def test_a_cut_connection(self, house, ada, share):
        body = form(*texts(), ("assetData", "a.jpg", b"x" * 3_000_000))
        cut = body[: int(len(body) * share)]
        answer = await post(ada.client, cut)
        assert answer.status_code == 400
        assert house.originals() == []
        assert await house.sql("SELECT 1 FROM asset WHERE owner_id = $1", ada.id) == []

    async def test_a_client_that_vanishes(self, house, ada):
        body = form(*texts(), ("assetData", "a.jpg", b"x" * 3_000_000))
        messages = iter(
            [
                {"type": "http.request", "body": body[:2_000_000], "more_body": True},
                {"type": "http.disconnect"},
            ]
        )

        async def receive():
            return next(messages)

        async def send(message):
            pass

        headers = [
            (b"authorization", ada.client.headers["authorization"].encode()),
            (b"content-type", f"multipart/form-data; boundary={BOUNDARY}".encode()),
        ]
        scope = {
            "type": "http", "method": "POST", "path": "/api/assets", "raw_path": b"/api/assets", "query_string": b"",
            "headers": headers, "http_version": "1.1", "scheme": "http", "server": ("calotype", 80),
            "client": ("127.0.0.1", 1), "root_path": "",
        }  # fmt: skip
        await house.application(scope, receive, send)
        assert house.originals() == []

    async def test_a_storage_that_is_away_is_a_sentence_and_a_time_to_return(self, house, ada):
        await house.unplug()
        answer = await ada.upload(b"x")
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert "photo storage" in answer.json()["message"]

    async def test_a_full_storage_is_507(self, house, ada, monkeypatch):
        async def full(key):
            raise Full("The photo storage is full.")

        monkeypatch.setattr(house.world.files._files, "begin", full)
        assert (await ada.upload(b"x")).status_code == 507

    async def test_a_database_that_dies_at_the_commit_takes_the_file_along(self, house, ada, monkeypatch):
        async def dies(self):
            await self.roll_back_only()
            raise Offline("The database is not reachable.")

        async def roll_back_only(self):
            await self._end("ROLLBACK")

        monkeypatch.setattr(Tx, "roll_back_only", roll_back_only, raising=False)
        commit = Tx.commit
        monkeypatch.setattr(Tx, "commit", lambda self: dies(self) if self._events else commit(self))
        answer = await ada.upload(b"never committed")
        assert answer.status_code == 503
        assert house.originals() == []

    async def test_a_database_that_is_restarted_before_the_commit_takes_the_file_along(self, house, ada, monkeypatch):
        commit = Tx.commit

        async def cut_off(self):
            if self._events:
                pid = self._connection.get_server_pid()
                await house.sql("SELECT pg_terminate_backend($1, 5000)", pid)
            return await commit(self)

        monkeypatch.setattr(Tx, "commit", cut_off)
        answer = await ada.upload(b"cut off")
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert house.originals() == []
        monkeypatch.undo()
        assert (await ada.upload(b"cut off")).status_code == 201

    async def test_a_commit_that_was_taken_although_nobody_heard_keeps_the_file(self, house, ada, monkeypatch):
        commit = Tx.commit

        async def unheard(self):
            told = bool(self._events)
            undo = list(self._undo)
            result = await commit(self)
            if told:
                self._undo = undo
                raise Offline("The database is not reachable.")
            return result

        monkeypatch.setattr(Tx, "commit", unheard)
        answer = await ada.upload(b"committed, unheard")
        assert answer.status_code == 503
        (row,) = await house.sql("SELECT original_key FROM asset WHERE owner_id = $1", ada.id)
        assert (house.media / row["original_key"]).read_bytes() == b"committed, unheard"


class TestLivePhotos:
    async def test_the_video_is_hidden_behind_the_photo(self, house, ada):
        video = await ada.asset(name="v.mov")
        photo = await ada.asset(livePhotoVideoId=video)
        assert (await ada.client.get(f"/assets/{photo}")).json()["livePhotoVideoId"] == video
        assert (await ada.client.get(f"/assets/{video}")).json()["visibility"] == "hidden"
        assert any(isinstance(event, AssetHidden) for event in house.told)

    async def test_an_unknown_video(self, ada):
        answer = await ada.upload(b"x", livePhotoVideoId="88bb694f-c9dd-4fb6-b7aa-29c5767846c0")
        assert answer.json()["message"] == "Live photo video not found"

    async def test_a_photo_as_video(self, ada):
        answer = await ada.upload(b"x", livePhotoVideoId=await ada.asset())
        assert answer.json()["message"] == "Live photo video must be a video"

    async def test_somebody_elses_video(self, ada, eve):
        answer = await ada.upload(b"x", livePhotoVideoId=await eve.asset(name="v.mov"))
        assert answer.json()["message"] == "Live photo video does not belong to the user"


class TestSharedLinks:
    async def link(self, house, owner, **columns) -> str:
        (row,) = await house.sql(
            """INSERT INTO shared_link (user_id, key, type, allow_upload) VALUES ($1, $2, 'INDIVIDUAL', $3)
               RETURNING key""",
            owner.id,
            hashlib.sha512(owner.id.bytes).digest()[:50],
            columns.get("allow_upload", True),
        )
        return base64.urlsafe_b64encode(row["key"]).decode().rstrip("=")

    async def test_a_link_that_takes_uploads_keeps_them_for_its_creator(self, house, ada):
        key = await self.link(house, ada)
        body = form(*texts(), ("assetData", "a.jpg", b"from a stranger"))
        answer = await post(house.client(), body, **{"x-immich-share-key": key})
        assert answer.status_code == 201
        shown = await house.sql("SELECT asset_id::text AS id FROM shared_link_asset")
        assert answer.json()["id"] in [row["id"] for row in shown]
        assert (await row_of(house, answer.json()["id"]))["owner_id"] == ada.id

    async def test_a_link_that_takes_none_is_refused(self, house, ada):
        key = await self.link(house, ada, allow_upload=False)
        answer = await post(house.client(), form(*texts()), **{"x-immich-share-key": key})
        assert (answer.status_code, answer.json()["message"]) == (401, "Unauthorized")


async def test_memory_does_not_grow_with_the_file(house, ada, monkeypatch):
    peak = 0
    world: World = house.world
    begin = world.files._files.begin

    async def watching(key):
        incoming = await begin(key)
        write = incoming.write

        async def counted(chunk):
            nonlocal peak
            await write(chunk)
            peak = max(peak, incoming._intake._kept_bytes)

        incoming.write = counted
        return incoming

    monkeypatch.setattr(world.files._files, "begin", watching)
    head, tail = form(*texts(), ("assetData", "a.mp4", b"@")).split(b"@")

    async def large():
        yield head
        for _ in range(400):
            yield b"v" * 65536
        yield tail

    assert (await post(ada.client, large())).status_code == 201
    assert peak <= 2 * 1024 * 1024
