"""One box: what is named narrows, what is left is looked for in words and meaning, and each hit says why."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from tests.api.test_smart_search import BLUE, GREEN, RED, embed, seeing

__all__ = ["seeing"]

WHEN = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
async def library(house, ada, seeing):
    """Photos told apart by their names; those of Rome are of summer 2019 and of 2020."""
    house.world.clock.stopped_at = WHEN
    ids = {name: await ada.asset(name=f"{name}.jpg") for name in ("car", "fountain", "later", "sign", "sky")}
    for name, columns in {
        "car": "local_taken = '2019-07-02', city = 'Rome', country = 'Italy'",
        "fountain": "local_taken = '2019-08-31 23:59', city = 'Rome', country = 'Italy'",
        "later": "local_taken = '2020-07-02', city = 'Rome', country = 'Italy', description = 'A rainy day in Trastevere'",
        "sign": "local_taken = '2021-12-25', city = 'Oslo', country = 'Norway'",
        "sky": "local_taken = '2022-01-01'",
    }.items():
        await house.sql(f"UPDATE asset SET {columns} WHERE id = $1", UUID(ids[name]))
    for name, vector in {"car": RED, "fountain": BLUE, "later": RED, "sky": BLUE}.items():
        await embed(house, ids[name], vector)
    house.world.vision.known = {
        "red": RED,
        "blue sky": BLUE,
        "rainy": GREEN,
        "red rome": RED,
        "car.jpg": GREEN,
        "Rome": GREEN,
    }
    return ids


async def ask(person, query: str, **body):
    answer = await person.client.post("/calotype/search", json={"query": query, **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


def names(answer) -> list[str]:
    return [item["asset"]["originalFileName"].partition(".")[0] for item in answer["items"]]


def why(answer, name: str) -> dict[str, str]:
    (hit,) = [item for item in answer["items"] if item["asset"]["originalFileName"] == f"{name}.jpg"]
    return {reason["kind"]: reason["text"] for reason in hit["reasons"]}


async def test_a_time_and_a_place_find_exactly_what_was_then_and_there(ada, library):
    answer = await ask(ada, "summer 2019 in Rome")
    assert sorted(names(answer)) == ["car", "fountain"]
    assert why(answer, "car") == {"place": "Rome", "date": "2019-07-02"}
    assert answer["understood"] == [
        {"kind": "date", "text": "summer 2019", "first": "2019-06-01", "last": "2019-08-31"},
        {"kind": "place", "text": "Rome"},
    ]
    assert answer["nextPage"] is None


async def test_what_is_left_is_looked_for_in_the_meaning_among_what_was_named(ada, library):
    answer = await ask(ada, "red in rome summer 2019")
    assert names(answer)[0] == "car"
    assert why(answer, "car")["meaning"] == "red"
    assert answer["meaning"] == "on"


async def test_before_any_photo_was_looked_at_words_are_found_and_meaning_is_said_to_be_unseen(house, ada, seeing):
    await house.sql("TRUNCATE embedding_model CASCADE")
    house.world.clock.stopped_at = WHEN
    await ada.asset(name="fountain.jpg")
    answer = await ask(ada, "fountain")
    assert (names(answer), answer["meaning"]) == (["fountain"], "unseen")


async def test_last_christmas_is_that_of_the_year_before(house, ada, library):
    house.world.clock.stopped_at = datetime(2022, 3, 1, tzinfo=UTC)
    assert names(await ask(ada, "last Christmas")) == ["sign"]


async def test_a_month_of_any_year(ada, library):
    answer = await ask(ada, "in July")
    assert sorted(names(answer)) == ["car", "later"]
    assert why(answer, "later") == {"date": "July"}


async def test_words_in_the_picture_show_their_line(house, ada, library):
    for table in ("asset_text (asset_id, words, read_at) VALUES ($1, 'karl johans gate\nno parking', now())",):
        await house.sql(f"INSERT INTO {table}", UUID(library["sign"]))
    await house.sql(
        """INSERT INTO text_line (asset_id, place, text, corners, box_score, text_score)
           VALUES ($1, 0, 'Karl Johans gate', '{0,0,0,0,0,0,0,0}', 1, 1), ($1, 1, 'No Parking', '{0,0,0,0,0,0,0,0}', 1, 1)""",
        UUID(library["sign"]),
    )
    house.world.vision.is_away = True
    answer = await ask(ada, "no parking")
    assert names(answer) == ["sign"]
    assert why(answer, "sign") == {"text": "No Parking"}
    assert answer["meaning"] == "away"


async def test_words_about_the_picture(ada, library):
    answer = await ask(ada, "rainy")
    assert names(answer)[0] == "later"
    assert why(answer, "later")["description"] == "A rainy day in Trastevere"


async def test_a_file_name(ada, library):
    answer = await ask(ada, "car.jpg")
    assert names(answer)[0] == "car"
    assert why(answer, "car")["name"] == "car.jpg"


async def test_people_and_tags_are_named_and_narrow_together(house, ada, library):
    (person,) = await house.sql("INSERT INTO person (owner_id, name) VALUES ($1, 'Grace Hopper') RETURNING id", ada.id)
    (tag,) = await house.sql("INSERT INTO tag (owner_id, value) VALUES ($1, 'Trips/Holiday') RETURNING id", ada.id)
    for name in ("car", "sky"):
        await house.sql(
            """INSERT INTO face (asset_id, owner_id, person_id, x1, y1, x2, y2, image_width, image_height, source_type, place)
               VALUES ($1, $2, $3, 0, 0, 9, 9, 10, 10, 'manual', 't')""",
            UUID(library[name]),
            ada.id,
            person["id"],
        )
    await house.sql("INSERT INTO tag_asset (asset_id, tag_id) VALUES ($1, $2)", UUID(library["sky"]), tag["id"])
    answer = await ask(ada, "Grace on holiday")
    assert names(answer) == ["sky", "car"]
    assert why(answer, "sky") == {"person": "Grace Hopper", "tag": "Trips/Holiday"}
    assert why(answer, "car") == {"person": "Grace Hopper"}
    assert [(each["kind"], each["text"]) for each in answer["understood"]] == [
        ("person", "Grace Hopper"),
        ("tag", "Trips/Holiday"),
    ]


async def test_where_machine_learning_is_off_everything_else_works(house, ada):
    id = await ada.asset(name="note.jpg")
    await house.sql("UPDATE asset SET description = 'tax papers' WHERE id = $1", UUID(id))
    answer = await ask(ada, "tax papers")
    assert (names(answer), answer["meaning"]) == (["note"], "off")


async def test_nothing_is_found_that_may_not_be_seen(house, ada, eve, library):
    assert names(await ask(eve, "summer 2019 in Rome")) == []
    assert (await ask(eve, "Rome"))["understood"] == [{"kind": "words", "text": "Rome"}], "not even that Ada was there"
    await house.sql("UPDATE asset SET visibility = 'locked' WHERE id = $1", UUID(library["car"]))
    await house.sql("UPDATE asset SET status = 'trashed', deleted_at = now() WHERE id = $1", UUID(library["fountain"]))
    await house.sql("UPDATE asset SET visibility = 'archive' WHERE id = $1", UUID(library["later"]))
    assert names(await ask(ada, "Rome")) == ["later"]
    assert "car" not in names(await ask(ada, "red"))
    await house.sql(
        "INSERT INTO partner (shared_by_id, shared_with_id, in_timeline) VALUES ($1, $2, true)", ada.id, eve.id
    )
    house.world.cache.kept.clear()
    assert not {"car", "fountain", "later"} & set(names(await ask(eve, "Rome")))
    assert names(await ask(eve, "Oslo")) == ["sign"]


async def test_filters_and_pages_hold(ada, library):
    assert names(await ask(ada, "Rome", takenAfter="2999-01-01T00:00:00Z")) == []
    assert names(await ask(ada, "red", city="Rome", filter={"originalFileName": {"eq": "later.jpg"}})) == ["later"]
    first, second = [await ask(ada, "Rome", size=2, page=page) for page in (1, 2)]
    assert len(first["items"]) == 2
    assert first["nextPage"] == "2"
    assert not set(names(first)) & set(names(second))


async def test_an_empty_question_is_refused(ada):
    answer = await ada.client.post("/calotype/search", json={"query": "  "})
    assert answer.status_code == 400
    assert "query" in answer.json()["message"]
    assert (await ada.client.post("/calotype/search", json={})).status_code == 400


async def test_the_box_suggests_what_the_last_words_may_become(house, ada, library):
    await house.sql("INSERT INTO person (owner_id, name) VALUES ($1, 'Romy Schneider')", ada.id)
    answer = await ada.client.get("/calotype/search/suggestions", params={"query": "summer 2019 in ro"})
    assert [(each["kind"], each["text"]) for each in answer.json()] == [
        ("date", "summer 2019"),
        ("person", "Romy Schneider"),
        ("place", "Rome"),
    ]


@pytest.mark.parametrize(("typed", "offered"), [("an", ["Anna"]), ("photos an", [])])
async def test_a_little_word_begins_a_name_only_where_it_stands_alone(house, ada, typed, offered):
    await house.sql("INSERT INTO person (owner_id, name) VALUES ($1, 'Anna')", ada.id)
    answer = await ada.client.get("/calotype/search/suggestions", params={"query": typed})
    assert [each["text"] for each in answer.json()] == offered
