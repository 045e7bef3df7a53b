"""What a service tells of its models: their terms, their state, and how they run."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from calotype.inference import download, verdict
from calotype.inference.app import Application, Service
from calotype.inference.catalogue import HERE, PRESETS
from calotype.inference.download import Progress
from calotype.inference.library import Library
from calotype.inference.settings import Settings
from tests.inference.conftest import TOY, Asking, clip, opened, picture


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Asking]:
    asking = opened(tmp_path)
    yield asking
    await asking.service.close()


async def told(asking: Asking) -> dict[str, Any]:
    reply = await asking.ask("GET", "/models")
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json"
    return reply.json


def of(answer: dict[str, Any], name: str) -> dict[str, Any]:
    (model,) = [each for each in answer["models"] if each["name"] == name]
    return model


async def test_what_we_recommend_comes_first_and_every_model_says_its_terms(here: Asking):
    models = (await told(here))["models"]
    assert [each["name"] for each in models[: len(PRESETS)]] == [preset.name for preset in PRESETS]
    assert all(each["licence"] and each["source"] for each in models)
    assert "yunet" not in {
        each["name"] for each in models
    }  # it finds faces and cannot tell them apart: chosen with another


async def test_models_for_research_alone_are_marked_and_say_so(here: Asking):
    answer = await told(here)
    buffalo, nllb = of(answer, "buffalo_l"), of(answer, "nllb-clip-base-siglip__v1")
    assert buffalo["isNonCommercial"]
    assert "non-commercial" in buffalo["notice"]
    assert nllb["isNonCommercial"]
    assert not of(answer, "yunet-auraface")["isNonCommercial"]
    assert of(answer, "buffalo_l")["source"] == "https://huggingface.co/immich-app/buffalo_l"


async def test_asking_loads_nothing_and_starts_nobody(here: Asking):
    answer = await told(here)
    assert [child["family"] for child in answer["children"]] == ["pixels", "clip", "words", "faces", "ocr"]
    assert not any(child["isAlive"] or child["starts"] for child in answer["children"])
    toy = of(answer, TOY)
    assert (toy["state"], toy["runs"]) == ("present", [])
    assert 500_000 < toy["sizeBytes"] < 1_000_000  # both halves; the project keeps it below a megabyte


async def test_a_model_that_works_says_on_what_and_its_child_how_large_it_is(here: Asking):
    assert (await here.predict(clip(), image=picture())).status == 200
    answer = await told(here)
    assert of(answer, TOY)["runs"] == [
        {"family": "clip", "isLoaded": True, "provider": "cpu", "precision": "fp32", "fellBack": ""}
    ]
    (child,) = [each for each in answer["children"] if each["family"] == "clip"]
    assert child["isAlive"]
    assert child["loaded"] == [TOY]
    assert 10 << 20 < child["memoryBytes"] < child["limitBytes"]
    assert not any(run["isLoaded"] for each in answer["models"] if each["name"] != TOY for run in each["runs"])


async def test_a_model_whose_child_has_gone_is_loaded_no_more(here: Asking):
    assert (await here.predict(clip(), image=picture())).status == 200
    await here.service.families["clip"].close()
    (run,) = of(await told(here), TOY)["runs"]
    assert (run["isLoaded"], run["provider"]) == (False, "cpu")


async def test_of_two_models_in_one_child_the_idle_one_leaves_and_that_is_told(tmp_path: Path):
    shutil.copytree(HERE / "clip" / TOY, tmp_path / "clip" / "another")
    asking = opened(tmp_path, ttl_s=3)
    try:
        await asking.predict(clip(name="another"), image=picture())
        assert asking.service.families["clip"].loaded == {"another"}

        async def loaded() -> set[str]:
            await asking.predict(clip(), image=picture())
            return set(asking.service.families["clip"].loaded)

        for _ in range(300):
            if await loaded() == {TOY}:
                break
            await asyncio.sleep(0.1)
        assert await loaded() == {TOY}
        assert asking.service.families["clip"].figures.starts == 1
    finally:
        await asking.service.close()


async def test_a_model_that_somebody_put_there_is_told_without_terms(here: Asking, tmp_path: Path):
    shutil.copytree(HERE / "clip" / TOY, tmp_path / "clip" / "my-own")
    shutil.rmtree(tmp_path / "clip" / "my-own" / "textual")
    (tmp_path / "clip" / "empty").mkdir()
    answer = await told(here)
    mine = of(answer, "my-own")
    assert (mine["state"], mine["licence"], mine["canFetch"]) == ("partial", "", False)
    assert [(part["type"], part["state"]) for part in mine["parts"]] == [("visual", "present"), ("textual", "missing")]
    assert "empty" not in {each["name"] for each in answer["models"]}


@pytest.mark.parametrize(
    ("stamp", "passed"), [("right", {"isPassed": True, "reason": "", "cosine": 0.998, "order": 0.99}), ("old", None)]
)
async def test_what_the_self_test_found_is_told_while_the_files_are_the_same(
    here: Asking, tmp_path: Path, stamp: str, passed: object
):
    folder = tmp_path / "clip" / TOY / "visual"
    shutil.copytree(HERE / "clip" / TOY / "visual", folder)
    judged(folder, "int8", stamp=verdict.stamp(folder) if stamp == "right" else "1:1")
    assert of(await told(here), TOY)["parts"][0]["trial"] == passed


async def test_of_several_self_tests_one_that_passed_is_told(here: Asking, tmp_path: Path):
    folder = tmp_path / "clip" / TOY / "visual"
    shutil.copytree(HERE / "clip" / TOY / "visual", folder)
    judged(folder, "int8", precision="fp32", reason="The least cosine is 0.9000.", cosine=0.9)
    assert of(await told(here), TOY)["parts"][0]["trial"]["isPassed"] is False
    judged(folder, "bf16")
    assert of(await told(here), TOY)["parts"][0]["trial"]["isPassed"] is True


def judged(folder: Path, small: verdict.Small, **found: Any) -> None:
    """A self-test has ended, if nothing else is said well."""
    good = verdict.Verdict(small, "", 0.998, 0.99, 30.0, "", verdict.stamp(folder), "x86_64 vnni")
    (folder / small).mkdir()
    (folder / small / "verdict.json").write_text(json.dumps(asdict(good) | found))


async def test_a_damaged_verdict_is_none(here: Asking, tmp_path: Path):
    folder = tmp_path / "clip" / TOY / "visual"
    shutil.copytree(HERE / "clip" / TOY / "visual", folder)
    (folder / "int8").mkdir()
    (folder / "int8" / "verdict.json").write_text("[]")
    assert of(await told(here), TOY)["parts"][0]["trial"] is None


async def test_a_fetch_is_seen_while_it_goes_on_and_its_failure_afterwards(tmp_path: Path):
    go_on = asyncio.Event()
    loop = asyncio.get_running_loop()

    class Slow(download.Fetcher):
        """A store that sends a third and then breaks off."""

        def wanted(self, model: Any, kind: str) -> list[download.Wanted]:
            return [download.Wanted(f"{kind}/model.onnx", "https://huggingface.co/x", size=300)]

        def fetch(self, wanted: Any, partial: Path, tell: Any) -> dict[str, str]:
            tell(100, 300)
            asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(20)
            raise download.Failed("The store is closed.")

    library = Library(tmp_path, Slow(), wait_s=0.05)
    asking = Asking(Application(lambda: Service(Settings(models=tmp_path), library)))
    entries = {"facial-recognition": {kind: {"modelName": "buffalo_l"} for kind in ("detection", "recognition")}}
    assert (await asking.predict(entries, image=picture())).status == 503
    for _ in range(100):
        if library.fetching() == [Progress("buffalo_l", "detection", 100, 300)]:
            break
        await asyncio.sleep(0.02)
    model = of(await told(asking), "buffalo_l")
    assert (model["state"], model["doneBytes"], model["totalBytes"]) == ("fetching", 100, 300)
    go_on.set()
    for _ in range(100):
        if not library.fetching():
            break
        await asyncio.sleep(0.02)
    model = of(await told(asking), "buffalo_l")
    assert (model["state"], model["reason"], model["canFetch"]) == ("failed", "The store is closed.", True)
    await asking.service.close()


async def test_only_reading_is_allowed(here: Asking):
    assert (await here.ask("POST", "/models")).status == 405
