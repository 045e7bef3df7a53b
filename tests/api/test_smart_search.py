"""Finding by meaning over HTTP: what is near comes first, and nothing is found that may not be seen."""

from uuid import UUID

import pytest

from calotype.search.smart import MEANING_IS_AWAY

# Three directions of a made-up space.
RED, GREEN, BLUE = "[1,0.1,0]", "[0,1,0.1]", "[0.1,0,1]"


@pytest.fixture
async def seeing(house):
    """An inference service that knows three words; machine learning is on."""
    await house.sql("TRUNCATE embedding_model CASCADE")
    await house.sql("INSERT INTO embedding_model (name, dimensions, state) VALUES ('ViT-B-32__openai', 3, 'used')")
    house.with_config(inference_url="http://vision:3003")
    house.world.vision.known = {"red": RED, "green": GREEN, "blue": BLUE}


async def embed(house, id: str, vector: str) -> None:
    await house.sql(
        """INSERT INTO embedding (asset_id, model_id, owner_id, vector)
           SELECT asset.id, model.id, asset.owner_id, $2::text::halfvec FROM asset, embedding_model AS model
            WHERE asset.id = $1""",
        UUID(id),
        vector,
    )


async def photos(house, person, **vectors: str) -> dict[str, str]:
    """Photos named by what they show."""
    ids = {name: await person.asset(name=f"{name}.jpg") for name in vectors}
    for name, vector in vectors.items():
        await embed(house, ids[name], vector)
    return ids


@pytest.fixture
async def library(house, ada, seeing):
    return await photos(house, ada, rose="[1,0,0]", leaf="[0,1,0]", sky="[0,0,1]", poppy="[0.9,0.3,0]")


async def found(person, **body) -> str:
    answer = await person.client.post("/search/smart", json=body)
    assert answer.status_code == 200, answer.text
    page = answer.json()["assets"]
    assert page["total"] == page["count"] == len(page["items"])
    return " ".join(item["originalFileName"].partition(".")[0] for item in page["items"])


async def refused(person, **body) -> tuple[int, str]:
    answer = await person.client.post("/search/smart", json=body)
    return answer.status_code, answer.json()["message"]


async def test_the_nearest_comes_first_and_everything_follows(ada, library):
    assert await found(ada, query="red") == "rose poppy leaf sky"
    assert await found(ada, query="  blue ") == "sky rose poppy leaf"


async def test_a_photo_finds_what_is_like_it_and_itself_first(ada, library):
    assert await found(ada, queryAssetId=library["poppy"]) == "poppy rose leaf sky"


async def test_words_and_a_photo_meet_in_the_middle(ada, library):
    assert (await found(ada, query="green", queryAssetId=library["rose"])).startswith("poppy")


async def test_pages_follow_each_other(ada, library):
    pages = [
        (await ada.client.post("/search/smart", json={"query": "red", "size": 3, "page": n})).json() for n in (1, 2)
    ]
    names = [[item["originalFileName"] for item in page["assets"]["items"]] for page in pages]
    assert names == [["rose.jpg", "poppy.jpg", "leaf.jpg"], ["sky.jpg"]]
    assert [page["assets"]["nextPage"] for page in pages] == ["2", None]
    assert (await ada.client.post("/search/smart", json={"query": "red", "size": 4})).json()["assets"][
        "nextPage"
    ] is None


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"city": "Rome"}, "leaf sky"),
        ({"city": "Rome", "filter": {"originalFileName": {"startsWith": "s"}}}, "sky"),
        ({"type": "VIDEO"}, ""),
        ({"isFavorite": True}, "sky"),
        ({"takenBefore": "2000-01-01T00:00:00Z"}, ""),
        ({"personIds": ["9d3a1f64-1c1a-4a08-9d3a-1f641c1a4a08"]}, ""),
        ({"filter": {"hasPeople": {"eq": False}}}, "rose poppy leaf sky"),
    ],
)
async def test_meaning_combines_with_every_filter(house, ada, library, body, names):
    await house.sql(
        "UPDATE asset SET city = 'Rome', is_favorite = (id = $1) WHERE id = ANY($2)",
        UUID(library["sky"]),
        [UUID(library[name]) for name in ("leaf", "sky")],
    )
    assert await found(ada, query="red", **body) == names


async def test_exif_comes_when_it_is_asked_for(ada, library):
    answers = [
        (await ada.client.post("/search/smart", json={"query": "red", "withExif": flag})).json()
        for flag in (True, False)
    ]
    assert ["exifInfo" in answer["assets"]["items"][0] for answer in answers] == [True, False]


async def test_nobody_finds_what_they_may_not_see(house, ada, eve, library):
    assert await found(eve, query="red") == ""
    await house.sql("UPDATE asset SET visibility = 'locked' WHERE id = $1", UUID(library["rose"]))
    await house.sql("UPDATE asset SET visibility = 'archive' WHERE id = $1", UUID(library["leaf"]))
    await house.sql("UPDATE asset SET status = 'trashed', deleted_at = now() WHERE id = $1", UUID(library["poppy"]))
    assert await found(ada, query="red") == "leaf sky"
    assert await found(ada, query="red", withDeleted=True) == "poppy leaf sky"
    assert await refused(ada, query="red", visibility="locked") == (401, "Elevated permission is required")
    await house.sql(
        "INSERT INTO partner (shared_by_id, shared_with_id, in_timeline) VALUES ($1, $2, true)", ada.id, eve.id
    )
    assert await found(eve, query="red") == "sky"
    await house.elevate(eve)
    assert await found(eve, query="red", visibility="locked") == ""
    await house.elevate(ada)
    assert await found(ada, query="red", visibility="locked") == "rose"


async def test_partners_are_merged_by_nearness(house, ada, eve, library):
    await photos(house, eve, brick="[0.95,0.1,0]")
    await house.sql(
        "INSERT INTO partner (shared_by_id, shared_with_id, in_timeline) VALUES ($1, $2, true)", ada.id, eve.id
    )
    assert await found(eve, query="red") == "brick rose poppy leaf sky"


async def test_an_album_is_searched_whoever_owns_its_photos(house, ada, eve, library):
    (album,) = await house.sql("INSERT INTO album (name) VALUES ('flowers') RETURNING id")
    await house.sql(
        "INSERT INTO album_user (album_id, user_id, role) VALUES ($1, $2, 'owner'), ($1, $3, 'viewer')",
        album["id"],
        ada.id,
        eve.id,
    )
    await house.sql(
        "INSERT INTO album_asset (album_id, asset_id) SELECT $1, unnest($2::uuid[])",
        album["id"],
        [UUID(library[name]) for name in ("rose", "leaf")],
    )
    assert await found(eve, query="red", albumIds=[str(album["id"])]) == "rose leaf"


async def test_what_makes_no_sense_is_refused_with_the_published_sentences(house, ada, eve, library):
    assert await refused(ada) == (400, "Either `query` or `queryAssetId` must be set")
    assert await refused(ada, query=" ") == (400, "Either `query` or `queryAssetId` must be set")
    blank = await ada.asset(name="blank.jpg")
    assert await refused(ada, queryAssetId=blank) == (400, f"Asset {blank} has no embedding")
    assert await refused(eve, queryAssetId=library["rose"]) == (400, "Not found or no asset.read access")
    assert (await ada.client.post("/search/smart", json={"query": "red", "size": 1001})).status_code == 400


async def test_where_machine_learning_is_off_a_sentence_says_so(ada):
    assert await refused(ada) == (400, "Smart search is not enabled")


async def test_with_the_service_away_a_sentence_says_what_still_works(house, ada, library):
    house.world.vision.is_away = True
    assert await refused(ada, query="green") == (503, MEANING_IS_AWAY)
    away = await ada.client.post("/search/smart", json={"query": "green"})
    assert away.headers["x-calotype-away"] == "inference", "a client must not take it for the photo storage"
    assert int(away.headers["retry-after"]) > 0
    assert await found(ada, queryAssetId=library["poppy"]) == "poppy rose leaf sky", "a photo's own vector is here"
    assert (await ada.client.post("/search/metadata", json={"city": "Rome"})).status_code == 200


async def test_words_are_understood_once(house, ada, library):
    await found(ada, query="red")
    house.world.vision.is_away = True
    assert await found(ada, query="red") == "rose poppy leaf sky"


async def test_an_answer_that_does_not_fit_the_vectors_is_no_answer(house, ada, library):
    house.world.vision.known = {"odd": "[1,0]", "null": "[0,0,0]"}
    assert (await refused(ada, query="odd"))[0] == 503
    assert (await refused(ada, query="null"))[0] == 503


async def test_an_empty_library_is_an_empty_answer(ada, seeing):
    assert await found(ada, query="red") == ""
