"""The timeline over HTTP: months, columns, who may see what, and that a kept body never outlives a change."""

import json
from datetime import datetime

import httpx

from calotype.timeline import months


async def _taken(house, id: str, local: str, *, hours: float = 0, **columns: object) -> None:
    """Put an asset at a local time; further columns by name."""
    sets = "".join(f", {name} = '{value}'" for name, value in columns.items())
    await house.sql(
        f"""UPDATE asset SET local_taken = $1::timestamp, taken_at = ($1::timestamp - $2 * interval '1 hour')
                   AT TIME ZONE 'UTC' {sets} WHERE id = $3::uuid""",
        datetime.fromisoformat(local),
        hours,
        id,
    )


async def _buckets(client: httpx.AsyncClient, **query: str) -> dict[str, int]:
    answer = await client.get("/timeline/buckets", params=query)
    assert answer.status_code == 200, answer.text
    return {bucket["timeBucket"]: bucket["count"] for bucket in answer.json()}


async def _bucket(client: httpx.AsyncClient, month: str, **query: str) -> dict[str, list[object]]:
    answer = await client.get("/timeline/bucket", params={"timeBucket": month, **query})
    assert answer.status_code == 200, answer.text
    columns = answer.json()
    assert len({len(values) for values in columns.values()}) == 1, "columns have one length"
    return columns


async def test_months_are_those_of_the_local_wall_clock(house, ada):
    # 23:30 in New York is already the next month in UTC, but not for whoever was there.
    await _taken(house, await ada.asset(), "2024-04-30T23:30:00", hours=-4)
    await _taken(house, await ada.asset(), "2024-05-01T00:10:00", hours=9)
    assert await _buckets(ada.client) == {"2024-05-01": 1, "2024-04-01": 1}
    assert list(await _buckets(ada.client, order="asc")) == ["2024-04-01", "2024-05-01"]
    april = await _bucket(ada.client, "2024-04-01")
    assert april["fileCreatedAt"] == ["2024-05-01T03:30:00"]
    assert april["localOffsetHours"] == [-4]


async def test_columns_say_what_the_contract_says(house, ada):
    id = await ada.asset()
    await _taken(
        house, id, "2024-05-03T10:00:00.123", hours=5.5, width=4000, height=3000, city='O"Town\\', country="Malta",
        latitude=35.9, longitude=14.5, projection_type="EQUIRECTANGULAR", is_favorite="true",
    )  # fmt: skip
    found = await _bucket(ada.client, "2024-05-01", withCoordinates="true", withStacked="true")
    assert found | {"createdAt": []} == {
        "id": [id], "ownerId": [str(ada.id)], "ratio": [1.333], "isFavorite": [True], "visibility": ["timeline"],
        "status": ["active"], "isTrashed": [False], "isImage": [True], "livePhotoVideoId": [None], "thumbhash": [None],
        "projectionType": ["EQUIRECTANGULAR"], "duration": [None], "fileCreatedAt": ["2024-05-03T04:30:00.123"],
        "createdAt": [], "localOffsetHours": [5.5], "city": ['O"Town\\'], "country": ["Malta"], "latitude": [35.9],
        "longitude": [14.5], "stack": [None],
    }  # fmt: skip
    assert "latitude" not in await _bucket(ada.client, "2024-05-01")


async def test_inside_a_month_days_are_local_and_times_are_instants(house, ada):
    late = await ada.asset()
    early = await ada.asset()
    yesterday = await ada.asset()
    await _taken(house, late, "2024-05-02T09:00:00", hours=-4)
    await _taken(house, early, "2024-05-02T12:00:00", hours=9)
    await _taken(house, yesterday, "2024-05-01T23:59:00", hours=-10)  # the latest instant, but the day before
    assert (await _bucket(ada.client, "2024-05-01"))["id"] == [late, early, yesterday]
    assert (await _bucket(ada.client, "2024-05-01", order="asc"))["id"] == [yesterday, early, late]


async def test_places_and_projections_are_escaped_and_null_stays_null(house, ada):
    odd = 'a "b", \\, a\ttab,\na line and 🌄'
    for day, place in enumerate((odd, None, "-", "", "null"), 1):
        id = await ada.asset()
        await _taken(house, id, f"2024-05-0{day}T10:00:00.5", hours=5.75)
        await house.sql("UPDATE asset SET city = $2, country = $2, projection_type = $2 WHERE id = $1::uuid", id, place)
    columns = await _bucket(ada.client, "2024-05-01", order="asc")
    for key in ("city", "country", "projectionType"):
        assert columns[key] == [odd, None, "-", "", "null"]
    assert columns["fileCreatedAt"][0] == "2024-05-01T04:15:00.5"
    assert columns["localOffsetHours"] == [5.75] * 5


async def test_an_empty_month_has_empty_columns(ada):
    assert set(map(len, (await _bucket(ada.client, "1999-01-01")).values())) == {0}
    assert set(map(len, (await _bucket(ada.client, "1999-01-02")).values())) == {0}


async def test_counts_are_exact_before_and_after_folding(house, ada):
    ids = [await ada.asset() for _ in range(3)]
    for id in ids:
        await _taken(house, id, "2024-05-03T10:00:00")
    await ada.client.put(f"/assets/{ids[0]}", json={"isFavorite": True})
    await ada.client.put(f"/assets/{ids[1]}", json={"visibility": "archive"})
    before = [await _buckets(ada.client, **query) for query in VIEWS]
    async with house.world.writing() as tx:
        await months.fold(tx)
    assert [await _buckets(ada.client, **query) for query in VIEWS] == before
    assert before == [{"2024-05-01": n} for n in (3, 2, 1, 1)]
    await ada.client.request("DELETE", "/assets", json={"ids": ids, "force": False})
    assert await _buckets(ada.client) == {}
    assert await _buckets(ada.client, isTrashed="true") == {"2024-05-01": 3}


VIEWS = ({}, {"visibility": "timeline"}, {"visibility": "archive"}, {"isFavorite": "true"})


async def test_every_change_a_bucket_shows_replaces_the_kept_body(house, ada):
    id = await ada.asset()
    await _taken(house, id, "2024-05-03T10:00:00")
    first = await ada.client.get("/timeline/bucket", params={"timeBucket": "2024-05-01"})
    again = await ada.client.get("/timeline/bucket", params={"timeBucket": "2024-05-01"})
    assert any(key.startswith("bucket:") for key in house.world.cache.kept), (
        "asked for twice, shared with other processes"
    )
    assert again.headers["etag"] == first.headers["etag"]
    same = await ada.client.get(
        "/timeline/bucket", params={"timeBucket": "2024-05-01"}, headers={"if-none-match": first.headers["etag"]}
    )
    assert same.status_code == 304
    for column, value in (("thumbhash", "\\x01"), ("city", "Rome"), ("is_favorite", "true"), ("width", "10")):
        await house.sql(f"UPDATE asset SET {column} = '{value}' WHERE id = '{id}'")
        changed = await ada.client.get("/timeline/bucket", params={"timeBucket": "2024-05-01"})
        assert changed.headers["etag"] != first.headers["etag"], column
        first = changed
    assert json.loads(first.text)["city"] == ["Rome"]
    await house.sql(f"UPDATE asset SET metadata_at = now() WHERE id = '{id}'")
    kept = await ada.client.get("/timeline/bucket", params={"timeBucket": "2024-05-01"})
    assert kept.headers["etag"] == first.headers["etag"], "bookkeeping is not shown"


async def test_somebody_elses_timeline_looks_like_a_missing_one(ada, eve):
    for path in ("/timeline/buckets", "/timeline/bucket"):
        answer = await eve.client.get(path, params={"userId": str(ada.id), "timeBucket": "2024-05-01"})
        assert (answer.status_code, answer.json()) == (400, {"message": "Not found or no timeline.read access"})


async def test_a_partner_sees_the_timeline_and_nothing_put_aside(house, ada, eve):
    shown, archived, favourite = [await ada.asset() for _ in range(3)]
    for id in (shown, archived, favourite):
        await _taken(house, id, "2024-05-03T10:00:00")
    await ada.client.put(f"/assets/{archived}", json={"visibility": "archive"})
    await ada.client.put(f"/assets/{favourite}", json={"isFavorite": True})
    await house.sql(
        "INSERT INTO partner (shared_by_id, shared_with_id, in_timeline) VALUES ($1, $2, true)", ada.id, eve.id
    )
    whose = {"userId": str(ada.id)}
    assert await _buckets(eve.client, **whose) == {"2024-05-01": 2}
    columns = await _bucket(eve.client, "2024-05-01", **whose)
    assert archived not in columns["id"]
    assert columns["isFavorite"] == [False, False], "whose favourite it is stays with them"
    assert await _buckets(eve.client, withPartners="true", visibility="timeline") == {"2024-05-01": 2}
    for query, message in (
        ({"visibility": "archive"}, "Not found or no archive.read access"),
        ({"isTrashed": "true"}, "Not found or no timeline.read access"),
    ):
        answer = await eve.client.get("/timeline/buckets", params={**whose, **query})
        assert (answer.status_code, answer.json()["message"]) == (400, message)
    refused = await eve.client.get("/timeline/buckets", params={"withPartners": "true"})
    assert refused.json()["message"].startswith("withPartners is only supported")


async def test_the_locked_folder_needs_the_pin_before_anything_else(house, ada, eve):
    id = await ada.asset(visibility="locked")
    await _taken(house, id, "2024-05-03T10:00:00")
    assert await _buckets(ada.client) == {}
    for who in (ada, eve):
        answer = await who.client.get("/timeline/buckets", params={"visibility": "locked", "userId": str(ada.id)})
        assert (answer.status_code, answer.json()["message"]) == (401, "Elevated permission is required")
    await house.elevate(ada)
    assert await _buckets(ada.client, visibility="locked") == {"2024-05-01": 1}


async def test_wrong_queries_name_the_key(ada):
    answer = await ada.client.get("/timeline/buckets", params={"isFavorite": "1", "order": "up"})
    assert answer.status_code == 400
    assert sorted(issue["path"][0] for issue in answer.json()["errors"]) == ["isFavorite", "order"]
    for text, message in (
        ("1,2,3", "bbox must have 4 comma-separated numbers: west,south,east,north"),
        ("a,2,3,4", "bbox parts must be valid numbers"),
        ("0,5,0,1", "North latitude must be greater than or equal to south latitude"),
    ):
        answer = await ada.client.get("/timeline/buckets", params={"bbox": text})
        assert [issue["message"] for issue in answer.json()["errors"]] == [message]
    for text in ("foo", "2021-07"):
        answer = await ada.client.get("/timeline/bucket", params={"timeBucket": text})
        assert answer.status_code == 400


async def test_a_box_may_cross_the_antimeridian(house, ada):
    fiji, berlin = await ada.asset(), await ada.asset()
    await _taken(house, fiji, "2024-05-03T10:00:00", latitude=-17.7, longitude=178.1)
    await _taken(house, berlin, "2024-05-03T10:00:00", latitude=52.5, longitude=13.4)
    assert (await _bucket(ada.client, "2024-05-01", bbox="170,-30,-170,0"))["id"] == [fiji]
    assert await _buckets(ada.client, bbox="0,40,20,60") == {"2024-05-01": 1}


async def test_only_the_first_of_a_stack_shows_when_stacks_are_asked_for(house, ada):
    first, second = await ada.asset(), await ada.asset()
    for id in (first, second):
        await _taken(house, id, "2024-05-03T10:00:00")
    (stack,) = await house.sql(
        "INSERT INTO stack (owner_id, primary_asset_id) VALUES ($1, $2) RETURNING id", ada.id, first
    )
    await house.sql(
        "UPDATE asset SET stack_id = $1, is_stacked_away = (id = $2) WHERE id = ANY($3)",
        stack["id"],
        second,
        [first, second],
    )
    assert await _buckets(ada.client, withStacked="true") == {"2024-05-01": 1}
    columns = await _bucket(ada.client, "2024-05-01", withStacked="true")
    assert (columns["id"], columns["stack"]) == ([first], [[str(stack["id"]), "2"]])
    assert await _buckets(ada.client) == {"2024-05-01": 2}
