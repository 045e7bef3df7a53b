"""Search by what is known: each filter finds what it names and nothing else, and nothing leaks."""

import base64
import itertools
from uuid import uuid4

import pytest

from calotype.search.query import Cursor


@pytest.fixture
async def library(house, ada):
    """Six photos of Ada's, told apart by their names."""
    ids = {}
    for number, name in enumerate(("rome", "oslo", "clip", "plain", "old", "raw")):
        ids[name] = await ada.asset(name=f"{name}.{'mp4' if name == 'clip' else 'jpg'}")
        await house.sql(
            "UPDATE asset SET taken_at = timestamptz '2024-05-01' + $1 * interval '1 day' WHERE id = $2",
            number,
            ids[name],
        )
    for name, columns in {
        "rome": "city = 'Rome', country = 'Italy', make = 'Canon', rating = 5, description = 'Élan vital'",
        "oslo": "city = 'Oslo', country = 'Norway', make = 'SONY', model = 'A7', is_favorite = true",
        "clip": "rating = 2, live_video_id = NULL",
        "old": "visibility = 'archive', size_bytes = 99999999",
        "raw": "lens_model = 'RF50', deleted_at = now(), status = 'trashed'",
    }.items():
        await house.sql(f"UPDATE asset SET {columns} WHERE id = $1", ids[name])
    return ids


async def _names(client, path="/search/metadata", **body):
    answer = await client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    found = answer.json() if isinstance(answer.json(), list) else answer.json()["assets"]["items"]
    return [item["originalFileName"].partition(".")[0] for item in found]


FLAT = [
    ({}, "old plain clip oslo rome"),
    ({"order": "asc"}, "rome oslo clip plain old"),
    ({"city": "Rome"}, "rome"),
    ({"city": "rome"}, ""),
    ({"city": None}, "old plain clip"),
    ({"country": "Norway"}, "oslo"),
    ({"make": "Canon", "rating": 5}, "rome"),
    ({"rating": None}, "old plain oslo"),
    ({"model": "A7"}, "oslo"),
    ({"isFavorite": True}, "oslo"),
    ({"isFavorite": False}, "old plain clip rome"),
    ({"type": "VIDEO"}, "clip"),
    ({"visibility": "archive"}, "old"),
    ({"visibility": "timeline"}, "plain clip oslo rome"),
    ({"originalFileName": "OSL"}, "oslo"),
    ({"originalFileName": ""}, "old plain clip oslo rome"),
    ({"description": "elan"}, "rome"),
    ({"originalPath": "/upload/"}, "old plain clip oslo rome"),
    ({"originalPath": "media/upl"}, "old plain clip oslo rome"),
    ({"originalPath": "/upload/nobody"}, ""),
    ({"takenAfter": "2024-05-02T00:00:00Z", "takenBefore": "2024-05-03T00:00:00Z"}, "clip oslo"),
    ({"createdAfter": "2999-01-01T00:00:00Z"}, ""),
    ({"updatedAfter": "2000-01-01T00:00:00Z"}, "old plain clip oslo rome"),
    ({"updatedAfter": "2999-01-01T00:00:00Z"}, ""),
    ({"withDeleted": True}, "raw old plain clip oslo rome"),
    ({"trashedAfter": "2000-01-01T00:00:00Z"}, "raw"),
    ({"isMotion": True}, ""),
    ({"isEncoded": True}, ""),
    ({"isOffline": True}, ""),
    ({"isNotInAlbum": True}, "old plain clip oslo rome"),
    ({"personIds": [], "tagIds": [], "albumIds": []}, "old plain clip oslo rome"),
    ({"tagIds": None}, "old plain clip oslo rome"),
    ({"tagIds": ["11111111-1111-4111-8111-111111111111"]}, ""),
    ({"checksum": "nonsense"}, ""),
    ({"unknownKey": 1}, "old plain clip oslo rome"),
]
TREE = [
    ({"city": {"in": ["Rome", "Oslo"]}}, "oslo rome"),
    ({"city": {"ne": "Rome"}}, "oslo"),
    ({"city": {"ne": None}}, "oslo rome"),
    ({"rating": {"gte": 2, "lt": 5}}, "clip"),
    ({"rating": {"gt": 0}}, "clip rome"),
    ({"rating": {"lt": 100_000, "ne": 5}}, "clip"),
    ({"rating": {"notIn": [2]}}, "rome"),
    ({"rating": {"eq": None}}, "old plain oslo"),
    ({"originalFileName": {"startsWith": "ro"}}, "rome"),
    ({"originalFileName": {"notLike": "o"}}, "plain clip"),
    ({"originalFileName": {"like": "R_M%jp"}}, "rome"),
    ({"originalFileName": {"endsWith": "\\"}}, ""),
    ({"originalFileName": {"endsWith": "＼"}}, ""),
    ({"description": {"startsWith": "élan", "notLike": "\\"}}, "rome"),
    ({"originalPath": {"endsWith": "\\"}}, ""),
    ({"description": {"ne": ""}}, "rome"),
    ({"fileSizeInBytes": {"gt": 1000000}}, "old"),
    ({"isFavorite": {"eq": True}}, "oslo"),
    ({"hasAlbums": {"eq": False}, "type": {"eq": "VIDEO"}}, "clip"),
    ({"trashedAt": {"ne": None}}, "raw"),
    ({"or": [{"city": {"eq": "Rome"}}, {"type": {"eq": "VIDEO"}}]}, "clip rome"),
    ({"takenAt": {"gte": "2024-05-02T00:00:00Z"}, "or": [{"city": {"eq": "Rome"}}, {"city": {"eq": "Oslo"}}]}, "oslo"),
    ({"personIds": {"none": ["11111111-1111-4111-8111-111111111111"]}, "make": {"eq": "SONY"}}, "oslo"),
    ({"tagIds": {"none": ["11111111-1111-4111-8111-111111111111"]}, "make": {"eq": "SONY"}}, "oslo"),
    ({"tagIds": {"any": ["11111111-1111-4111-8111-111111111111"]}}, ""),
    ({"visibility": {"ne": "timeline"}}, "old"),
]


@pytest.mark.parametrize(("body", "names"), FLAT, ids=[str(body) for body, _ in FLAT])
async def test_a_flat_filter_finds_what_it_names(ada, library, body, names):
    assert await _names(ada.client, **body) == names.split()


async def test_a_file_is_found_by_its_whole_name_not_by_its_numbers_alone(ada, library, house):
    for name, called in {"rome": "IMG_1234.HEIC", "oslo": "DSC_1234.JPG", "clip": "IMG_12345.MOV"}.items():
        await house.sql("UPDATE asset SET original_name = $2 WHERE id = $1", library[name], called)
    assert await _names(ada.client, originalFileName="img_1234") == ["IMG_12345", "IMG_1234"]
    assert await _names(ada.client, originalFileName="IMG_1234.h") == ["IMG_1234"]
    assert await _names(ada.client, originalFileName="1234") == ["IMG_12345", "DSC_1234", "IMG_1234"]


async def test_what_was_written_arrives_as_it_was_written(ada, library, house):
    odd = 'a "quote", a \\, a\ttab,\na line, \x01 and 🌄 </script>'
    columns = ["original_name", "make", "model", "lens_model", "exposure_time", "time_zone", "city", "description"]
    values = ", ".join(f"{column} = $2" for column in columns)
    await house.sql(f"UPDATE asset SET {values} WHERE id = $1", library["rome"], odd)
    body = {"id": str(library["rome"]), "withExif": True}
    found = (await ada.client.post("/search/metadata", json=body)).json()["assets"]["items"][0]
    shown = (await ada.client.get(f"/assets/{library['rome']}")).json()
    for each in (found, shown):
        exif = each["exifInfo"]
        assert each["originalFileName"] == odd
        for key in ("make", "model", "lensModel", "exposureTime", "timeZone", "city", "description"):
            assert exif[key] == odd, key


@pytest.mark.parametrize(("tree", "names"), TREE, ids=[str(tree) for tree, _ in TREE])
async def test_the_filter_language_finds_what_it_names(ada, library, tree, names):
    assert await _names(ada.client, filter=tree) == names.split()


async def test_counts_and_random_ones_follow_the_same_filters(ada, library):
    for body, names in FLAT:
        plain = {
            key: value
            for key, value in body.items()
            if key not in ("order", "originalFileName", "originalPath", "checksum")
        }
        if plain != body:
            continue
        if "withDeleted" not in body:  # no key of the published statistics, which pass over it
            answer = await ada.client.post("/search/statistics", json=body)
            assert answer.json() == {"total": len(names.split())}, body
        if "description" not in body:
            assert sorted(await _names(ada.client, "/search/random", **body)) == sorted(names.split())


async def test_pages_by_number_and_by_cursor_give_every_photo_once(ada, library):
    for order in ({}, {"orderBy": {"field": "rating"}}, {"orderBy": {"field": "fileSizeInBytes", "direction": "asc"}},
                  {"orderBy": {"field": "localDateTime"}}):  # fmt: skip
        whole = await _names(ada.client, **order)
        by_number, by_cursor, cursor = [], [], None
        for number in itertools.count(1):
            page = (await ada.client.post("/search/metadata", json={**order, "size": 2, "page": number})).json()[
                "assets"
            ]
            assert page["total"] == page["count"] == len(page["items"])
            by_number += [item["originalFileName"] for item in page["items"]]
            if page["nextPage"] is None:
                assert page["nextCursor"] is None
                break
            assert page["nextPage"] == str(number + 1)
        while True:
            body = {**order, "size": 2} | ({"cursor": cursor} if cursor else {})
            page = (await ada.client.post("/search/metadata", json=body)).json()["assets"]
            by_cursor += [item["originalFileName"] for item in page["items"]]
            cursor = page["nextCursor"]
            if cursor is None:
                break
        assert [name.partition(".")[0] for name in by_number] == whole
        assert by_cursor == by_number


async def test_items_carry_exif_only_when_asked(ada, library):
    plain = (await ada.client.post("/search/metadata", json={"city": "Rome"})).json()["assets"]["items"][0]
    assert plain["people"] == []
    assert not {"exifInfo", "owner", "tags", "stack"} & set(plain)
    full = (await ada.client.post("/search/metadata", json={"city": "Rome", "withExif": True})).json()["assets"][
        "items"
    ][0]
    assert (full["exifInfo"]["city"], full["exifInfo"]["rating"]) == ("Rome", 5)


async def test_a_stranger_to_the_library_finds_nothing(eve, library):
    for body in ({}, {"id": library["rome"]}, {"withDeleted": True}, {"filter": {"or": [{"city": {"eq": "Rome"}}]}}):
        assert await _names(eve.client, **body) == []
    assert (await eve.client.post("/search/statistics", json={})).json() == {"total": 0}
    assert await _names(eve.client, "/search/random") == []
    assert (await eve.client.post("/search/large-assets")).json() == []
    assert (await eve.client.get("/search/suggestions", params={"type": "city"})).json() == []


async def test_a_partner_finds_the_timeline_and_nothing_put_aside(house, ada, eve, library):
    await house.sql(
        "INSERT INTO partner (shared_by_id, shared_with_id, in_timeline) VALUES ($1, $2, true)", ada.id, eve.id
    )
    assert await _names(eve.client, withDeleted=True) == ["plain", "clip", "oslo", "rome"]
    assert await _names(eve.client, isFavorite=True) == []
    assert await _names(eve.client, visibility="archive") == []
    timeline = ["plain", "clip", "oslo", "rome"]
    for unlocked in ({"ne": "locked"}, {"notIn": ["locked", "archive"]}):
        assert await _names(eve.client, filter={"visibility": unlocked}) == timeline


async def test_what_is_locked_is_in_no_search_without_the_pin(house, ada):
    locked = await ada.asset(visibility="locked")
    bodies = ({}, {"id": locked}, {"withDeleted": True}, {"filter": {"visibility": {"notIn": ["hidden"]}}},
              {"filter": {"or": [{"id": {"eq": locked}}]}})  # fmt: skip
    for body in bodies:
        assert await _names(ada.client, **body) == []
        assert await _names(ada.client, "/search/random", **{k: v for k, v in body.items() if k != "id"}) == []
    for body in (
        {"visibility": "locked"},
        {"filter": {"visibility": {"eq": "locked"}}},
        {"filter": {"or": [{"visibility": {"in": ["locked"]}}]}},
        {"filter": {"visibility": {"eq": "locked", "ne": "archive"}}},
    ):
        answer = await ada.client.post("/search/metadata", json=body)
        assert (answer.status_code, answer.json()["message"]) == (401, "Elevated permission is required")
    await house.elevate(ada)
    assert await _names(ada.client, visibility="locked") == ["photo"]


async def test_albums_that_are_not_mine_cannot_be_searched(house, ada, eve, library):
    (album,) = await house.sql("INSERT INTO album (name) VALUES ('Trip') RETURNING id")
    await house.sql("INSERT INTO album_user (album_id, user_id, role) VALUES ($1, $2, 'owner')", album["id"], ada.id)
    await house.sql("INSERT INTO album_asset (album_id, asset_id) VALUES ($1, $2)", album["id"], library["rome"])
    body = {"albumIds": [str(album["id"])]}
    assert await _names(ada.client, **body) == ["rome"]
    refused = await eve.client.post("/search/metadata", json=body)
    assert (refused.status_code, refused.json()["message"]) == (400, "Not found or no album.read access")
    hidden = await eve.client.post("/search/metadata", json={"filter": {"albumIds": {"none": body["albumIds"]}}})
    assert hidden.status_code == 400


async def test_an_album_is_found_whoever_owns_its_photos_and_named_twice(house, ada, eve, library):
    (album,) = await house.sql("INSERT INTO album (name) VALUES ('Trip') RETURNING id")
    await house.sql(
        "INSERT INTO album_user (album_id, user_id, role) VALUES ($1, $2, 'owner'), ($1, $3, 'viewer')",
        album["id"],
        ada.id,
        eve.id,
    )
    for name in ("rome", "old"):
        await house.sql("INSERT INTO album_asset (album_id, asset_id) VALUES ($1, $2)", album["id"], library[name])
    twice = [str(album["id"])] * 2
    assert await _names(eve.client, albumIds=twice) == ["old", "rome"]
    large = await eve.client.post("/search/large-assets", params={"albumIds": twice})
    assert [item["originalFileName"] for item in large.json()] == ["old.jpg", "rome.jpg"]


async def _link(house, owner, photos: list[str], *, shows: bool):
    """A client that came by a link to an album of these photos, and the album."""
    (album,) = await house.sql("INSERT INTO album (name) VALUES ('Trip') RETURNING id")
    await house.sql("INSERT INTO album_user (album_id, user_id, role) VALUES ($1, $2, 'owner')", album["id"], owner.id)
    for photo in photos:
        await house.sql("INSERT INTO album_asset (album_id, asset_id) VALUES ($1, $2)", album["id"], photo)
    key = uuid4().bytes * 3
    await house.sql(
        "INSERT INTO shared_link (user_id, album_id, key, type, show_metadata) VALUES ($1, $2, $3, 'ALBUM', $4)",
        owner.id, album["id"], key, shows,
    )  # fmt: skip
    client = house.client(**{"x-immich-share-key": base64.urlsafe_b64encode(key).decode().rstrip("=")})
    return client, str(album["id"])


async def test_a_link_finds_in_its_album_what_is_not_thrown_away(house, ada, library):
    client, album = await _link(house, ada, [library["rome"], library["raw"]], shows=True)
    for body in ({}, {"withDeleted": True}, {"trashedAfter": "2000-01-01T00:00:00Z"}, {"visibility": "timeline"}):
        found = await _names(client, albumIds=[album], **body)
        assert found == ([] if "trashedAfter" in body else ["rome"]), body
    assert await _names(ada.client, albumIds=[album], withDeleted=True) == ["raw", "rome"]
    answer = await client.post("/search/metadata", json={})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("Shared link access is only allowed in combination with an albumIds")


async def test_a_link_that_hides_metadata_hides_them_from_questions_too(house, ada, library):
    client, album = await _link(house, ada, [library["rome"], library["clip"]], shows=False)
    answer = await client.post("/search/metadata", json={"albumIds": [album], "withExif": True, "withPeople": True})
    found = answer.json()["assets"]["items"]
    assert [item["id"] for item in found] == [library["clip"], library["rome"]]
    for item in found:
        assert set(item) == {
            "id", "type", "originalMimeType", "thumbhash", "localDateTime", "duration", "livePhotoVideoId", "hasMetadata",
            "width", "height",
        }  # fmt: skip
    (video,) = (await client.post("/search/metadata", json={"albumIds": [album], "type": "VIDEO"})).json()["assets"][
        "items"
    ]
    assert video["id"] == library["clip"]
    curious = ({"city": "Rome"}, {"originalFileName": "rome"}, {"filter": {"or": [{"rating": {"eq": 5}}]}},
               {"orderBy": {"field": "fileSizeInBytes"}})  # fmt: skip
    for body in curious:
        answer = await client.post("/search/metadata", json={"albumIds": [album], **body})
        assert answer.status_code == 400
        assert answer.json()["message"].startswith("This link keeps its photos' metadata to itself")


async def test_tags_find_with_those_below_and_for_their_owner_alone(house, ada, eve, library):
    (trip,) = await house.sql("INSERT INTO tag (owner_id, value) VALUES ($1, 'Trip') RETURNING id", ada.id)
    (north,) = await house.sql(
        "INSERT INTO tag (owner_id, value, parent_id) VALUES ($1, 'Trip/North', $2) RETURNING id", ada.id, trip["id"]
    )
    await house.sql("INSERT INTO tag_asset (asset_id, tag_id) VALUES ($1, $2)", library["oslo"], north["id"])
    await house.sql(
        "INSERT INTO partner (shared_by_id, shared_with_id, in_timeline) VALUES ($1, $2, true)", ada.id, eve.id
    )
    for body in (
        {"tagIds": [str(trip["id"]), str(north["id"])]},
        {"filter": {"tagIds": {"any": [str(trip["id"])]}}},
    ):
        assert await _names(ada.client, **body) == ["oslo"]
        assert await _names(eve.client, **body) == []
    assert "oslo" not in await _names(ada.client, filter={"tagIds": {"none": [str(trip["id"])]}})


@pytest.mark.parametrize(
    ("body", "path", "message"),
    [
        ({"size": 1001}, ["size"], "Too big: expected number to be <=1000"),
        ({"page": 0}, ["page"], "Too small: expected number to be >=1"),
        (
            {"takenAfter": "2021-10-31"},
            ["takenAfter"],
            "Invalid input: expected ISO 8601 datetime string, received string",
        ),
        ({"isFavorite": "true"}, ["isFavorite"], "Invalid input: expected boolean, received string"),
        ({"rating": -1}, ["rating"], "Too small: expected number to be >=1"),
        ({"id": "x"}, ["id"], "Invalid UUID"),
        (
            {"visibility": "secret"},
            ["visibility"],
            'Invalid option: expected one of "archive"|"timeline"|"hidden"|"locked"',
        ),
    ],
)
async def test_a_wrong_body_names_the_key_and_the_fault(ada, body, path, message):
    answer = await ada.client.post("/search/metadata", json=body)
    assert answer.status_code == 400
    assert [(issue["path"], issue["message"]) for issue in answer.json()["errors"]] == [(path, message)]


async def test_an_empty_operator_is_refused(ada):
    answer = await ada.client.post("/search/metadata", json={"filter": {"city": {}}})
    (issue,) = answer.json()["errors"]
    assert issue["path"] == ["filter", "city"]
    assert issue["message"].startswith("At least one of the following fields is required: eq")


FIELDS = ("fileCreatedAt", "localDateTime", "fileSizeInBytes", "rating")


async def test_a_cursor_continues_the_order_it_comes_from_and_no_other(ada, library):
    for field in FIELDS:
        body = {"size": 2, "orderBy": {"field": field}}
        cursor = (await ada.client.post("/search/metadata", json=body)).json()["assets"]["nextCursor"]
        for other in FIELDS:
            answer = await ada.client.post("/search/metadata", json={"cursor": cursor, "orderBy": {"field": other}})
            if other != field:
                sentence = f"The cursor belongs to a search that is ordered by {field}."
                assert (answer.status_code, answer.json()["message"]) == (400, sentence)
            else:
                assert answer.status_code == 200


NEVER = ("x", True, 1.5, 2**63, -(2**70), [])
FORGED = {
    "fileCreatedAt": (*NEVER, 7, None, "2024-05-01T00:00:00"),
    "localDateTime": (*NEVER, 7, None, "2024-05-01T00:00:00+00:00"),
    "fileSizeInBytes": (*NEVER, None, "2024-05-01T00:00:00+00:00"),
    "rating": (*NEVER, 2**15, "2024-05-01T00:00:00+00:00"),
    "city": (7,),
}


@pytest.mark.parametrize("field", FORGED)
async def test_a_forged_cursor_is_refused(ada, field):
    for forged in ("forged", "!", *(Cursor(field, value, uuid4()).text() for value in FORGED[field])):
        body = {"cursor": forged} | ({"orderBy": {"field": field}} if field in FIELDS else {})
        answer = await ada.client.post("/search/metadata", json=body)
        sentence = "The cursor is not one that this server gave."
        assert (answer.status_code, answer.json()["message"]) == (400, sentence), body


async def test_suggestions_narrow_each_other_and_the_largest_come_first(house, ada, library):
    async def suggested(**query):
        return (await ada.client.get("/search/suggestions", params=query)).json()

    assert await suggested(type="camera-make") == ["Canon", "SONY"]
    assert await suggested(type="camera-make", model="A7") == ["SONY"]
    assert await suggested(type="city", country="Italy", includeNull="true") == ["Rome", None]
    for name, make in {"plain": " Zeiss", "old": "Öko", "clip": "motorola"}.items():
        await house.sql("UPDATE asset SET make = $1, visibility = 'timeline' WHERE id = $2", make, library[name])
    assert await suggested(type="camera-make") == ["Canon", "motorola", "Öko", "SONY", " Zeiss"]
    large = (await ada.client.post("/search/large-assets", params={"minFileSize": "1000", "size": "1"})).json()
    assert [item["exifInfo"]["fileSizeInByte"] for item in large] == [99999999]


async def test_the_largest_are_asked_for_in_text(ada, library):
    for query, name in (
        ("rating=5", "rome"),
        ("isFavorite=true", "oslo"),
        ("isEncoded=false&type=VIDEO&withExif=true", "clip"),
        ("minFileSize=99999998&isNotInAlbum=true", "old"),
        ("personIds=11111111-1111-4111-8111-111111111111", ""),
        ("personIds[]=11111111-1111-4111-8111-111111111111", ""),
    ):
        found = (await ada.client.post(f"/search/large-assets?{query}")).json()
        assert [item["originalFileName"].partition(".")[0] for item in found] == name.split(), query


async def test_an_answer_to_a_question_has_a_strong_tag_that_matches_nothing(ada, library):
    first, second = [await ada.client.post("/search/metadata", json={"size": 1}) for _ in range(2)]
    assert first.content == second.content
    for tag in (first.headers["etag"], second.headers["etag"]):
        assert tag.startswith(f'"{len(first.content):x}-')
        assert tag.endswith('"')
    assert first.headers["etag"] != second.headers["etag"]
    asked = {"if-none-match": first.headers["etag"]}
    assert (await ada.client.post("/search/metadata", json={"size": 1}, headers=asked)).status_code == 200
