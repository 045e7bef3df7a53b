"""From a picture to an answer with nothing made up: a real inference service, a real model, real words."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from calotype.outside.inference import HttpVision, Plan
from calotype.seeing import missing
from calotype.settings import current
from calotype.settings.settings import to_tree
from tests.drawn import jpeg, shape_picture
from tests.working import ada, children, gazetteer, house, work_pool, worker_application

pytest.importorskip("onnxruntime", reason="the extra `inference` is not installed")

__all__ = ["ada", "children", "gazetteer", "house", "work_pool", "worker_application"]

TOY = "calotype-toy__shapes"
SHAPES = (("red", "circle"), ("blue", "circle"), ("red", "square"), ("green", "star"), ("yellow", "triangle"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Service:
    """`calotype infer` as a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        ours = {
            "CALOTYPE_DATA": str(folder),
            "CALOTYPE_INFERENCE_PORT": str(self.port),
            "CALOTYPE_INFERENCE_FETCH": "false",
        }
        self.environment = {**{k: v for k, v in os.environ.items() if not k.startswith("CALOTYPE_")}, **ours}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-m", "calotype", "infer"], env=self.environment)
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                if httpx.get(f"{self.url}/ping", timeout=1, trust_env=False).status_code == 200:
                    return
            except httpx.HTTPError:
                time.sleep(0.2)
        raise AssertionError("the inference service did not start")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@pytest.fixture
def service(tmp_path_factory) -> Iterator[Service]:
    made = Service(tmp_path_factory.mktemp("models"))
    made.start()
    yield made
    made.kill()


@pytest.fixture
async def library(house, ada, service):
    """Five drawn shapes, uploaded while the toy model is chosen; nothing was done with them yet."""
    house.with_config(inference_url=service.url)
    checks = Plan((service.url,), True, 1.0, 0.0)

    async def plan() -> Plan:
        return checks

    vision = HttpVision(plan)
    house.world = replace(house.world, vision=vision)
    house.application._take(house.world)
    tree = to_tree(await current.read(house.world))
    tree["machineLearning"]["clip"]["modelName"] = TOY
    tree["machineLearning"]["facialRecognition"]["enabled"] = False
    async with house.world.writing() as tx:
        await current.save(tx, house.world, tree)
    yield [
        await ada.asset(jpeg(shape_picture(colour, shape, seed=n)), f"{colour}-{shape}.jpg")
        for n, (colour, shape) in enumerate(SHAPES)
    ]
    await vision.close()


async def found(ada, path: str = "/search/smart", **body) -> list[str]:
    answer = await ada.client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    items = answer.json()["items"] if path.startswith("/calotype") else answer.json()["assets"]["items"]
    return [(item.get("asset") or item)["originalFileName"].removesuffix(".jpg") for item in items]


async def test_a_red_circle_is_found_by_its_words(house, ada, library):
    await house.work()
    assert (await found(ada, query="a red circle"))[0] == "red-circle"
    assert (await found(ada, query="a blue circle"))[0] == "blue-circle"
    assert (await found(ada, query="a green star"))[0] == "green-star"
    assert (await found(ada, "/calotype/search", query="a yellow triangle"))[0] == "yellow-triangle"
    like = await found(ada, queryAssetId=library[0])
    assert like[0] == "red-circle"


async def test_a_killed_service_loses_nothing(house, ada, library, service):
    service.kill()
    await house.work()
    answer = await ada.client.post("/search/smart", json={"query": "a red circle"})
    assert answer.json()["assets"]["items"] == [], "nothing was seen yet, and that is no error"
    assert await house.sql("SELECT FROM asset_problem") == []
    assert any(job.name == "SmartSearch" for job in house.jobs)
    service.start()
    house.world.vision._posts.clear()  # as after the rest that an address is given
    house.world.cache.kept = {k: v for k, v in house.world.cache.kept.items() if k.startswith("settings")}
    await house.work()
    assert (await found(ada, query="a red circle"))[0] == "red-circle"
    await missing.sweep(house.world)
    assert [job for job in house.jobs if job.name in ("SmartSearch", "Ocr")] == []
    service.kill()
    away = await ada.client.post("/search/smart", json={"query": "a purple ring"})
    assert away.status_code == 503
    assert "text, date and place" in away.json()["message"]
    box = await ada.client.post("/calotype/search", json={"query": "red-circle"})
    assert (box.json()["meaning"], len(box.json()["items"])) == ("away", 1)
