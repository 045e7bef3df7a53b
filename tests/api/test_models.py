"""What an administrator is told about seeing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from calotype.core.ports import Job
from calotype.core.stations import About, Child, ModelPart, Run, Station, StationModel, Trial

URL = "http://vision:3003"
AWAY_SINCE = datetime(2026, 3, 1, 8, tzinfo=UTC)
MODEL = StationModel(
    "clip", "ViT-B-32__openai", "fetching", "MIT", "", False, "https://huggingface.co/x", "The default.", True, "English",
    512, 0, 580 << 20, True, 10, 30, "",
    (ModelPart("visual", "present", Trial(True, "", 0.998, 0.99)), ModelPart("textual", "fetching", None)),
    (Run("clip", True, "cpu", "int8", ""),),
)  # fmt: skip
ABOUT = About(
    "0.1.0", 2, 64, 40 << 20, (Child("clip", True, 1, 300 << 20, 3 << 30, 0, ("ViT-B-32__openai",)),), (MODEL,)
)


@pytest.fixture
async def boss(house):
    house.with_config(inference_url=URL)
    for table in ("embedding_model", "asset_text", "face_scan", "asset_problem"):  # of photos that other tests left
        await house.sql(f"DELETE FROM {table}")
    yield await house.person(is_admin=True)
    await house.sql("DELETE FROM embedding_model")
    await house.sql("DELETE FROM asset_problem")
    await house.sql("DELETE FROM setting")


async def seeing(boss):
    answer = await boss.client.get("/calotype/models")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_only_administrators_are_told(house, ada):
    assert (await ada.client.get("/calotype/models")).status_code == 403
    assert (await house.client().get("/calotype/models")).status_code == 401


async def test_services_and_their_models_are_told(house, boss):
    house.world.vision.known_stations = [
        Station(URL, True, about=ABOUT),
        Station("http://old:3003", False, "It is not reachable.", AWAY_SINCE),
    ]
    well, away = (await seeing(boss))["stations"]
    assert (well["url"], well["isReachable"], well["awaySince"]) == (URL, True, None)
    (model,) = well["about"]["models"]
    assert (model["licence"], model["state"], model["doneBytes"], model["totalBytes"]) == ("MIT", "fetching", 10, 30)
    assert model["parts"][0]["trial"] == {"isPassed": True, "reason": "", "cosine": 0.998, "order": 0.99}
    assert model["runs"] == [
        {"family": "clip", "isLoaded": True, "provider": "cpu", "precision": "int8", "fellBack": ""}
    ]
    assert well["about"]["children"][0]["memoryBytes"] == 300 << 20
    assert away == {
        "url": "http://old:3003", "isReachable": False, "sentence": "It is not reachable.",
        "awaySince": "2026-03-01T08:00:00.000Z", "about": None,
    }  # fmt: skip


async def test_since_when_one_is_away_is_known_best_by_whoever_noticed_first(house, boss):
    away = Station(URL, False, "It is not reachable.", AWAY_SINCE)
    house.world.vision.known_stations = [away]
    await seeing(boss)
    house.world.vision.known_stations = [replace(away, away_since=AWAY_SINCE + timedelta(hours=3))]
    assert (await seeing(boss))["stations"][0]["awaySince"] == "2026-03-01T08:00:00.000Z"
    house.world.vision.known_stations = [Station(URL, True)]
    assert (await seeing(boss))["stations"][0]["awaySince"] is None
    house.world.vision.known_stations = [replace(away, away_since=AWAY_SINCE + timedelta(hours=5))]
    assert (await seeing(boss))["stations"][0]["awaySince"] == "2026-03-01T13:00:00.000Z"


async def count(house, boss):
    """As after the time in which counts are remembered."""
    await house.world.cache.forget("seeing:counts:ViT-B-32__openai", "seeing:counts:calotype-toy__shapes")
    answer = await seeing(boss)
    return answer, {step["step"]: step for step in answer["steps"]}


async def looked_at(house, photo, model):
    await house.sql(
        "INSERT INTO embedding SELECT id, $2, owner_id, '[1,2]' FROM asset WHERE id = $1", UUID(photo), model
    )


async def model_of(house, name, state):
    (row,) = await house.sql(
        "INSERT INTO embedding_model (name, dimensions, state) VALUES ($1, 2, $2) RETURNING id", name, state
    )
    return row["id"]


async def test_progress_counts_what_can_be_looked_at_and_what_was(house, boss, ada):
    before, _ = await count(house, boss)
    done, read, broken, fresh, hidden, trashed = [await ada.asset() for _ in range(6)]
    unready = await ada.asset()
    await house.sql("UPDATE asset SET previews_at = now() WHERE owner_id = $1 AND id <> $2", ada.id, UUID(unready))
    await house.sql("UPDATE asset SET visibility = 'hidden' WHERE id = $1", UUID(hidden))
    assert (await ada.client.request("DELETE", "/assets", json={"ids": [trashed]})).status_code == 204
    for photo in (done, hidden, trashed):  # what is hidden or thrown away may well have been looked at before
        model = (await house.sql("SELECT id FROM embedding_model")) or [
            {"id": await model_of(house, "ViT-B-32__openai", "used")}
        ]
        await looked_at(house, photo, model[0]["id"])
    await house.sql("INSERT INTO asset_text VALUES ($1, 'hello', now())", UUID(read))
    await house.sql(
        "INSERT INTO asset_problem (asset_id, step, reason, attempts, at) VALUES ($1, 'embedding', 'no', 1, now())",
        UUID(broken),
    )
    after, steps = await count(house, boss)
    assert after["photos"] == before["photos"] + 4
    assert (steps["embedding"]["done"], steps["embedding"]["failed"]) == (1, 1)
    assert steps["embedding"]["missing"] == after["photos"] - 2
    assert (steps["text"]["done"], steps["faces"]["done"], steps["faces"]["failed"]) == (1, 0, 0)
    assert after["change"] is None
    assert fresh


async def test_counts_are_remembered_for_a_while(house, boss, ada):
    first = await seeing(boss)
    photo = await ada.asset()
    await house.sql("UPDATE asset SET previews_at = now() WHERE id = $1", UUID(photo))
    assert (await seeing(boss))["photos"] == first["photos"]
    assert (await count(house, boss))[0]["photos"] == first["photos"] + 1


async def test_a_new_model_fills_up_beside_the_old_one(house, boss, ada):
    old, new = (
        await model_of(house, "calotype-toy__shapes", "used"),
        await model_of(house, "ViT-B-32__openai", "coming"),
    )
    one, two = await ada.asset(), await ada.asset()
    await house.sql("UPDATE asset SET previews_at = now() WHERE owner_id = $1", ada.id)
    for photo, model in ((one, old), (two, old), (one, new)):
        await looked_at(house, photo, model)
    answer, _ = await count(house, boss)
    assert answer["change"] == {
        "before": "calotype-toy__shapes", "after": "ViT-B-32__openai", "done": 1, "total": answer["photos"],
    }  # fmt: skip


async def test_what_waits_is_told_and_unknown_while_the_broker_is_away(house, boss):
    await house.world.queue.put([Job("Ocr", "ocr", {"id": "x"})])
    _, steps = await count(house, boss)
    assert (steps["text"]["waiting"], steps["text"]["isPaused"]) == (1, False)
    house.world.queue.is_away = True
    _, steps = await count(house, boss)
    assert (steps["text"]["waiting"], steps["text"]["active"], steps["text"]["isPaused"]) == (None, None, None)
    house.world.queue.is_away = False


async def test_what_the_settings_ask_for_is_told(house, boss):
    tree = (await boss.client.get("/system-config")).json()
    tree["machineLearning"]["ocr"]["enabled"] = False
    tree["machineLearning"]["facialRecognition"]["modelName"] = "yunet-auraface"
    assert (await boss.client.put("/system-config", json=tree)).status_code == 200
    answer, steps = await count(house, boss)
    assert answer["isEnabled"]
    assert (steps["text"]["isOn"], steps["faces"]["isOn"], steps["faces"]["model"]) == (False, True, "yunet-auraface")
    tree["machineLearning"]["enabled"] = False
    assert (await boss.client.put("/system-config", json=tree)).status_code == 200
    answer, steps = await count(house, boss)
    assert not answer["isEnabled"]
    assert not any(step["isOn"] for step in steps.values())
