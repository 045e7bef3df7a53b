"""Bytes out: thumbnails, originals, playback; ranges, validators, names, and what strangers see."""

import base64
import hashlib
from urllib.parse import unquote

import pytest

FOREVER = "private, max-age=86400, no-transform, stale-while-revalidate=2592000, stale-if-error=2592000"


async def made(house, id: str, type: str, path: str, content: bytes, *, is_edited: bool = False) -> None:
    """Put a derivative where the worker would."""
    target = house.data / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    await house.sql(
        "INSERT INTO asset_file (asset_id, type, path, size_bytes, is_edited) VALUES ($1, $2, $3, $4, $5)",
        id, type, path, len(content), is_edited,
    )  # fmt: skip


async def link_to(house, owner, id: str, *, show_metadata: bool = True, allow_download: bool = True) -> dict[str, str]:
    key = hashlib.sha512(id.encode()).digest()[:50]
    (link,) = await house.sql(
        """INSERT INTO shared_link (user_id, key, type, show_metadata, allow_download)
           VALUES ($1, $2, 'INDIVIDUAL', $3, $4) RETURNING id""",
        owner.id, key, show_metadata, allow_download,
    )  # fmt: skip
    await house.sql("INSERT INTO shared_link_asset (shared_link_id, asset_id) VALUES ($1, $2)", link["id"], id)
    return {"key": base64.urlsafe_b64encode(key).decode().rstrip("=")}


def name_of(answer) -> str:
    return unquote(answer.headers["content-disposition"].removeprefix("inline; filename*=UTF-8''"))


@pytest.fixture
async def photo(house, ada) -> str:
    id = await ada.asset(b"0123456789", "Grüße & so.jpg")
    await made(house, id, "thumbnail", f"thumbs/{id}_thumbnail.webp", b"small")
    await made(house, id, "preview", f"thumbs/{id}_preview.jpeg", b"medium")
    return id


class TestThumbnail:
    @pytest.mark.parametrize(
        ("query", "content", "kind", "name"),
        [
            ("", b"small", "image/webp", "Grüße & so_thumbnail.webp"),
            ("?size=thumbnail&c=abc", b"small", "image/webp", "Grüße & so_thumbnail.webp"),
            ("?size=preview", b"medium", "image/jpeg", "Grüße & so_preview.jpeg"),
        ],
    )
    async def test_sizes(self, ada, photo, query, content, kind, name):
        answer = await ada.client.get(f"/assets/{photo}/thumbnail{query}")
        assert (answer.status_code, answer.content) == (200, content)
        assert answer.headers["content-type"] == kind
        assert answer.headers["cache-control"] == FOREVER
        assert name_of(answer) == name

    @pytest.mark.parametrize(
        ("query", "location"),
        [
            ("?size=fullsize&c=x", "original?c=x"),
            ("?size=fullsize", "original?"),
            ("?size=original&c=x", "original?c=x"),
            ("?size=fullsize&edited=true&c=x", "/api/assets/{id}/thumbnail?size=preview&edited=true&c=x"),
        ],
    )
    async def test_sizes_that_lead_elsewhere(self, ada, photo, query, location):
        answer = await ada.client.get(f"/assets/{photo}/thumbnail{query}")
        assert (answer.status_code, answer.headers["location"]) == (302, location.format(id=photo))

    async def test_fullsize_of_what_browsers_cannot_show(self, house, ada):
        id = await ada.asset(name="a.heic")
        answer = await ada.client.get(f"/assets/{id}/thumbnail?size=fullsize")
        assert answer.headers["location"] == f"/api/assets/{id}/thumbnail?size=preview"
        await made(house, id, "fullsize", f"thumbs/{id}_fullsize.jpeg", b"large")
        assert (await ada.client.get(f"/assets/{id}/thumbnail?size=fullsize")).content == b"large"

    async def test_not_made_yet(self, ada):
        answer = await ada.client.get(f"/assets/{await ada.asset()}/thumbnail")
        assert (answer.status_code, answer.json()) == (404, {"message": "Asset media not found"})

    async def test_an_unknown_size(self, ada, photo):
        (error,) = (await ada.client.get(f"/assets/{photo}/thumbnail?size=huge")).json()["errors"]
        assert error["values"] == ["original", "fullsize", "preview", "thumbnail"]

    async def test_somebody_elses(self, eve, photo):
        answer = await eve.client.get(f"/assets/{photo}/thumbnail")
        assert (answer.status_code, answer.json()["message"]) == (400, "Not found or no asset.view access")

    async def test_a_link_that_hides_metadata_hides_the_name(self, house, ada, photo):
        link = await link_to(house, ada, photo, show_metadata=False)
        answer = await house.client().get(f"/assets/{photo}/thumbnail", params=link)
        assert (answer.content, name_of(answer)) == (b"small", f"{photo}_thumbnail.webp")

    async def test_the_edited_one_on_demand_and_for_links(self, house, ada, photo):
        await made(house, photo, "thumbnail", f"thumbs/{photo}_thumbnail_edited.webp", b"cropped", is_edited=True)
        await house.sql("UPDATE asset SET is_edited = TRUE WHERE id = $1", photo)
        assert (await ada.client.get(f"/assets/{photo}/thumbnail?edited=true")).content == b"cropped"
        assert (await ada.client.get(f"/assets/{photo}/thumbnail")).content == b"small"
        link = await link_to(house, ada, photo)
        assert (await house.client().get(f"/assets/{photo}/thumbnail", params=link)).content == b"cropped"

    async def test_previews_open_while_the_storage_is_away(self, house, ada, photo):
        await house.unplug()
        assert (await ada.client.get(f"/assets/{photo}/thumbnail")).status_code == 200


class TestOriginal:
    async def test_the_bytes_as_they_came(self, ada, photo):
        answer = await ada.client.get(f"/assets/{photo}/original")
        assert (answer.status_code, answer.content) == (200, b"0123456789")
        assert answer.headers["accept-ranges"] == "bytes"
        assert answer.headers["content-length"] == "10"
        assert answer.headers["etag"].startswith('W/"a-')
        assert answer.headers["last-modified"] == "Sat, 02 Mar 2024 10:00:00 GMT"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert name_of(answer) == "Grüße & so.jpg"

    @pytest.mark.parametrize(
        ("header", "content", "range"),
        [
            ("bytes=0-3", b"0123", "bytes 0-3/10"),
            ("bytes=4-", b"456789", "bytes 4-9/10"),
            ("bytes=-3", b"789", "bytes 7-9/10"),
            ("bytes=5-99", b"56789", "bytes 5-9/10"),
            ("bytes=-99", b"0123456789", "bytes 0-9/10"),
        ],
    )
    async def test_ranges(self, ada, photo, header, content, range):
        answer = await ada.client.get(f"/assets/{photo}/original", headers={"range": header})
        assert (answer.status_code, answer.content) == (206, content)
        assert answer.headers["content-range"] == range

    @pytest.mark.parametrize("header", ["bytes=0-1,3-4", "bytes=x-y", "bytes=5-2", "lines=1-2", "bytes=-"])
    async def test_ranges_that_are_none_give_everything(self, ada, photo, header):
        answer = await ada.client.get(f"/assets/{photo}/original", headers={"range": header})
        assert (answer.status_code, answer.content) == (200, b"0123456789")

    @pytest.mark.parametrize("header", ["bytes=10-", "bytes=99-100", "bytes=-0"])
    async def test_a_range_behind_the_end(self, ada, photo, header):
        answer = await ada.client.get(f"/assets/{photo}/original", headers={"range": header})
        assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */10")

    async def test_validators(self, ada, photo):
        url = f"/assets/{photo}/original"
        first = await ada.client.get(url)
        tag, modified = first.headers["etag"], first.headers["last-modified"]
        for header in ({"if-none-match": tag}, {"if-none-match": f'"x", {tag}'}, {"if-modified-since": modified}):
            again = await ada.client.get(url, headers=header)
            assert again.status_code == 304
            assert again.headers["etag"] == tag
            assert "content-type" not in again.headers
            assert "content-length" not in again.headers
        other = await ada.client.get(url, headers={"if-none-match": '"x"', "if-modified-since": modified})
        assert other.status_code == 200

    async def test_if_range(self, ada, photo):
        url = f"/assets/{photo}/original"
        first = await ada.client.get(url)
        for condition in (first.headers["etag"], first.headers["last-modified"]):
            part = await ada.client.get(url, headers={"range": "bytes=0-1", "if-range": condition})
            assert part.status_code == 206
        whole = await ada.client.get(url, headers={"range": "bytes=0-1", "if-range": 'W/"other"'})
        assert whole.status_code == 200

    async def test_head(self, ada, photo):
        answer = await ada.client.head(f"/assets/{photo}/original")
        assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "10")

    async def test_a_large_one_arrives_whole(self, ada):
        content = bytes(range(256)) * 20_000  # 5 MB, several pieces
        id = await ada.asset(content)
        assert (await ada.client.get(f"/assets/{id}/original")).content == content
        part = await ada.client.get(f"/assets/{id}/original", headers={"range": "bytes=1000000-4000000"})
        assert part.content == content[1_000_000:4_000_001]

    async def test_an_svg_is_put_into_a_sandbox(self, ada):
        id = await ada.asset(b"<svg onload='alert(1)'/>", "a.svg")
        answer = await ada.client.get(f"/assets/{id}/original")
        assert answer.headers["content-security-policy"].startswith("sandbox")
        assert answer.headers["x-content-type-options"] == "nosniff"

    async def test_who_may_not_see_it_gets_no_file(self, house, ada, eve, photo):
        assert (await eve.client.get(f"/assets/{photo}/original")).json() == {"message": "Not Found"}
        link = await link_to(house, ada, photo, allow_download=False)
        assert (await house.client().get(f"/assets/{photo}/original", params=link)).status_code == 404
        assert (await house.client().get(f"/assets/{photo}/original")).status_code == 401

    async def test_a_file_that_is_lost(self, house, ada, photo):
        house.originals()[0].unlink()
        assert (await ada.client.get(f"/assets/{photo}/original")).status_code == 404

    async def test_a_storage_that_is_away(self, house, ada, photo):
        await house.unplug()
        answer = await ada.client.get(f"/assets/{photo}/original")
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0


class TestPlayback:
    async def test_the_original_until_there_is_better(self, house, ada):
        id = await ada.asset(b"a movie", "v.mov")
        answer = await ada.client.get(f"/assets/{id}/video/playback")
        assert (answer.content, answer.headers["content-type"]) == (b"a movie", "video/quicktime")
        assert "content-disposition" not in answer.headers
        await made(house, id, "encoded_video", f"encoded-video/{id}.mp4", b"encoded")
        better = await ada.client.get(f"/assets/{id}/video/playback", headers={"range": "bytes=0-1"})
        assert (better.status_code, better.content, better.headers["content-type"]) == (206, b"en", "video/mp4")

    async def test_an_encoded_file_that_vanished_falls_back(self, house, ada):
        id = await ada.asset(b"another movie", "v.mp4")
        await made(house, id, "encoded_video", f"encoded-video/{id}.mp4", b"encoded")
        (house.data / f"encoded-video/{id}.mp4").unlink()
        assert (await ada.client.get(f"/assets/{id}/video/playback")).content == b"another movie"

    async def test_a_photo_does_not_play(self, ada, photo):
        assert (await ada.client.get(f"/assets/{photo}/video/playback")).status_code == 404

    async def test_somebody_elses(self, ada, eve):
        id = await ada.asset(name="v.mp4")
        assert (await eve.client.get(f"/assets/{id}/video/playback")).status_code == 404
