"""Children may die, grow and hang; whoever asked something reasonable gets an answer all the same."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.inference.conftest import Asking, clip, opened, picture

ROOT = Path(__file__).parents[2]


def program(family: str) -> list[str]:
    return [sys.executable, "-m", "tests.inference.wild", family]


@pytest.fixture
async def wild(tmp_path, monkeypatch):
    """A service whose text encoder does as it is told."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    folder = tmp_path / "clip" / "wild" / "textual"
    folder.mkdir(parents=True)
    (folder / "model.onnx").touch()
    made: list[Asking] = []

    def make(**settings) -> Asking:
        made.append(opened(tmp_path, program=program, **settings))
        return made[-1]

    yield make
    for asking in made:
        await asking.service.close()


async def say(asking: Asking, text: str):
    return await asking.predict(clip("textual", "wild"), text=text)


async def until(happened: Callable[[], bool]) -> None:
    for _ in range(300):
        if happened():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("it never happened")


async def test_a_text_that_kills_its_child_twice_is_refused_and_the_next_is_answered(wild):
    asking = wild()
    reply = await say(asking, "die")
    assert reply.status == 500
    assert reply.json["detail"] == "The process for words ended twice because of it."
    assert (await say(asking, "hello")).json["clip"] == "hello (1)"


async def test_a_child_that_dies_once_is_replaced_and_its_request_answered(wild, tmp_path):
    asking = wild()
    assert (await say(asking, f"die-once {tmp_path / 'died'}")).status == 200
    assert asking.service.families["words"].figures.starts == 2
    assert asking.service.families["words"].figures.falls == {f"status {-signal.SIGKILL}": 1}


async def test_whoever_waited_beside_a_fatal_request_is_answered(wild):
    asking = wild()
    await say(asking, "warm up")
    replies = await asyncio.gather(*(say(asking, f"nap 0.2 {n}") for n in range(10)), say(asking, "die"))
    assert [reply.status for reply in replies] == [200] * 10 + [500]


async def test_a_child_killed_from_outside_in_the_middle_is_replaced(wild):
    asking = wild()
    waiting = asyncio.create_task(say(asking, "nap 1"))
    family = asking.service.families["words"]
    await until(lambda: family.figures.models != {})
    await asyncio.sleep(0.3)
    assert family.pid
    os.kill(family.pid, signal.SIGKILL)
    assert (await waiting).status == 200
    assert family.figures.retried == 1


async def test_a_child_that_grows_beyond_its_share_is_replaced(wild):
    asking = wild(memory_mib=256)
    reply = await say(asking, "grow 400")
    assert reply.status == 500
    assert "needs more memory than the 256 MiB" in reply.json["detail"]
    assert asking.service.families["words"].figures.falls["memory"] >= 1
    assert (await say(asking, "hello")).status == 200
    assert asking.service.families["words"].rss_mib < 256


async def test_a_child_that_hangs_is_replaced(wild):
    asking = wild(patience_s=4)
    reply = await say(asking, "hang")
    assert reply.status == 500
    assert reply.json["detail"] == "It took longer than 4 seconds."
    assert (await say(asking, "hello")).status == 200


async def test_an_error_is_told_and_does_not_cost_the_child(wild):
    asking = wild()
    await say(asking, "warm up")
    replies = await asyncio.gather(
        say(asking, "nap 0.2"), say(asking, "nap 0.2"), say(asking, "err"), say(asking, "hello")
    )
    assert [reply.status for reply in replies] == [200, 200, 500, 200]
    assert "as told" in replies[2].json["detail"]
    assert asking.service.families["words"].figures.starts == 1


async def test_what_waits_together_is_computed_together(wild):
    asking = wild(lanes=1)
    await say(asking, "warm up")
    first = asyncio.create_task(say(asking, "nap 0.5"))
    await asyncio.sleep(0.2)
    replies = await asyncio.gather(*(say(asking, f"x{n}") for n in range(8)))
    assert {reply.json["clip"] for reply in replies} == {f"x{n} (8)" for n in range(8)}
    assert (await first).json["clip"] == "nap 0.5 (1)"


async def test_an_idle_child_ends_and_comes_back(wild):
    asking = wild(ttl_s=1)
    assert (await say(asking, "hello")).status == 200
    family = asking.service.families["words"]
    await until(lambda: family.pid is None)
    assert family.figures.falls == {}
    assert (await say(asking, "hello again")).json["clip"] == "hello again (1)"


async def test_a_large_text_model_keeps_its_child_until_a_smaller_one_takes_over(wild, tmp_path):
    os.truncate(tmp_path / "clip" / "wild" / "textual" / "model.onnx", (1 << 30) + 1)  # sparse: takes no room
    asking = wild(ttl_s=1)
    await say(asking, "hello")
    family = asking.service.families["words"]
    await asyncio.sleep(2.5)
    assert family.pid is not None
    await say(asking, "shrink")
    await until(lambda: family.pid is None)


async def test_more_than_may_wait_are_sent_away_for_a_while(wild):
    asking = wild(queue=3)
    await say(asking, "warm up")
    replies = await asyncio.gather(*(say(asking, f"nap 0.3 {n}") for n in range(6)))
    statuses = sorted(reply.status for reply in replies)
    assert statuses == [200, 200, 200, 503, 503, 503]
    refused = next(reply for reply in replies if reply.status == 503)
    assert int(refused.headers["retry-after"]) > 0
    assert refused.json["fault"] == "busy"
    assert (await say(asking, "hello")).status == 200


async def test_nothing_is_left_open_by_requests_of_any_kind(wild):
    asking = wild()
    await asking.predict(clip(name="calotype-toy__shapes"), image=picture())
    await say(asking, "warm up")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        await asking.predict(clip(name="calotype-toy__shapes"), image=picture())
        await asking.predict(clip(name="calotype-toy__shapes"), image=b"nonsense")
        await asking.predict(clip(name="none"), image=picture())
        await asking.predict(b"nonsense", image=picture())
        await say(asking, "err")
    assert len(os.listdir("/proc/self/fd")) == before


async def test_children_do_not_outlive_the_service(wild):
    asking = wild()
    await say(asking, "hello")
    pid = asking.service.families["words"].pid
    await asking.service.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
