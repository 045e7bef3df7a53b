import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
import pytest_asyncio
from PIL import Image

from calotype.core.config import Config
from calotype.outside import decoders as decoders_module
from calotype.outside.decoders import DecoderDied, Decoders, Undecodable
from calotype.outside.images import Output, Recipe, render

LIMITS = {"memory_mib": 1024, "max_pixels": 10_000_000}


@pytest_asyncio.fixture(loop_scope="session")
async def decoders() -> AsyncIterator[Decoders]:
    pool = Decoders(count=2, timeout_s=30, **LIMITS)
    yield pool
    await pool.close()


def recipe(folder: Path) -> Recipe:
    return Recipe((Output(folder / "p.jpeg", "jpeg", 100),))


def picture(folder: Path) -> Path:
    Image.new("RGB", (64, 48), (9, 99, 200)).save(folder / "a.png")
    return folder / "a.png"


def stuck(folder: Path) -> Path:
    """A file whose reading never ends, like one on a mount that hangs."""
    os.mkfifo(folder / "stuck.jpg")
    return folder / "stuck.jpg"


async def the_child(pool: Decoders, *, other_than: int = 0) -> int:
    """The pid of a child that has had time to begin."""
    for _ in range(200):
        new = [pid for pid in pool.pids if pid != other_than]
        if new:
            await asyncio.sleep(0.3)
            return new[0]
        await asyncio.sleep(0.02)
    raise AssertionError("no child came")


async def test_nothing_runs_until_there_is_work_and_one_child_serves_many_tasks(decoders: Decoders, tmp_path: Path):
    assert decoders.pids == []
    await render(decoders, picture(tmp_path), recipe(tmp_path))
    (pid,) = decoders.pids
    await render(decoders, picture(tmp_path), recipe(tmp_path))
    assert decoders.pids == [pid]


async def test_children_leave_when_they_are_not_needed(tmp_path: Path):
    pool = Decoders(count=1, timeout_s=30, idle_s=0.1, **LIMITS)
    await render(pool, picture(tmp_path), recipe(tmp_path))
    (pid,) = pool.pids
    await asyncio.sleep(0.5)
    assert pool.pids == []
    assert not psutil.pid_exists(pid)
    await render(pool, picture(tmp_path), recipe(tmp_path))  # and come back
    await pool.close()


async def test_a_child_with_nothing_to_do_gives_memory_back(decoders: Decoders, tmp_path: Path):
    noise = Image.effect_noise((3000, 2200), 90)
    Image.merge("RGB", (noise, noise, noise)).save(tmp_path / "large.jpg", quality=70)
    await render(decoders, tmp_path / "large.jpg", Recipe((Output(tmp_path / "p.jpeg", "jpeg", 1440),)))
    child = psutil.Process(decoders.pids[0])
    busy = child.memory_info().rss
    assert busy > 80 << 20, "nothing is kept between two photos: each would pay for its memory"
    for _ in range(100):
        if child.memory_info().rss < busy - (10 << 20):
            break
        await asyncio.sleep(0.1)
    assert child.memory_info().rss < busy - (10 << 20)
    assert decoders.pids == [child.pid]
    await render(decoders, picture(tmp_path), recipe(tmp_path))
    assert decoders.pids == [child.pid]


async def test_a_killed_child_is_replaced_and_the_task_is_done(decoders: Decoders, tmp_path: Path):
    (tmp_path / "out").mkdir()
    fifo = stuck(tmp_path)
    task = asyncio.create_task(render(decoders, fifo, recipe(tmp_path / "out")))
    first = await the_child(decoders)
    fifo.unlink()
    picture(tmp_path).rename(fifo)
    os.kill(first, signal.SIGKILL)
    assert (await task).width_px == 64
    assert first not in decoders.pids


async def test_a_child_killed_twice_may_be_bad_luck(decoders: Decoders, tmp_path: Path):
    task = asyncio.create_task(render(decoders, stuck(tmp_path), recipe(tmp_path)))
    first = await the_child(decoders)
    os.kill(first, signal.SIGKILL)
    os.kill(await the_child(decoders, other_than=first), signal.SIGKILL)
    with pytest.raises(DecoderDied, match="SIGKILL"):
        await task


async def test_a_file_that_crashes_two_children_is_at_fault(decoders: Decoders, tmp_path: Path):
    task = asyncio.create_task(render(decoders, stuck(tmp_path), recipe(tmp_path)))
    first = await the_child(decoders)
    os.kill(first, signal.SIGSEGV)
    os.kill(await the_child(decoders, other_than=first), signal.SIGSEGV)
    with pytest.raises(Undecodable, match="SIGSEGV"):
        await task
    await render(decoders, picture(tmp_path), recipe(tmp_path))  # the pool has lost nothing


async def test_a_task_that_takes_too_long_is_ended(tmp_path: Path):
    pool = Decoders(count=1, timeout_s=1.5, **LIMITS)
    began = time.monotonic()
    with pytest.raises(DecoderDied, match="longer than"):
        await render(pool, stuck(tmp_path), recipe(tmp_path))
    assert time.monotonic() - began < 5
    assert pool.pids == []
    await pool.close()


async def test_a_cancelled_task_takes_its_child_along(decoders: Decoders, tmp_path: Path):
    task = asyncio.create_task(render(decoders, stuck(tmp_path), recipe(tmp_path)))
    pid = await the_child(decoders)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not psutil.pid_exists(pid)


async def test_no_more_children_than_allowed(decoders: Decoders, tmp_path: Path):
    source = picture(tmp_path)
    most = 0

    async def one(index: int) -> None:
        nonlocal most
        target = Output(tmp_path / f"{index}.jpeg", "jpeg", 100)
        await render(decoders, source, Recipe((target,)))
        most = max(most, len(decoders.pids))

    await asyncio.gather(*(one(index) for index in range(12)))
    assert most == 2


async def test_half_written_files_of_a_killed_child_are_removed(decoders: Decoders, tmp_path: Path):
    (tmp_path / ".p.jpeg.4242.part").write_bytes(b"half")
    with pytest.raises(FileNotFoundError):
        await render(decoders, tmp_path / "gone.png", recipe(tmp_path))
    assert not (tmp_path / ".p.jpeg.4242.part").exists()


WORKER = """
import asyncio, sys
from pathlib import Path
from calotype.outside.decoders import Decoders
from calotype.outside.images import Output, Recipe, render

async def main():
    pool = Decoders(count=1, memory_mib=1024, timeout_s=300, max_pixels=10**7)
    recipe = Recipe((Output(Path(sys.argv[1] + ".out"), "jpeg", 9),))
    task = asyncio.create_task(render(pool, Path(sys.argv[1]), recipe))
    while not pool.pids:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.5)
    print(pool.pids[0], flush=True)
    await task

asyncio.run(main())
"""


def test_children_die_with_their_worker(tmp_path: Path):
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, str(stuck(tmp_path))],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(decoders_module.__file__).parents[2])},
    ) as worker:
        try:
            assert worker.stdout
            child = psutil.Process(int(worker.stdout.readline()))
            assert child.is_running()
        finally:
            worker.kill()
    for _ in range(250):
        with contextlib.suppress(psutil.NoSuchProcess):
            if child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
                time.sleep(0.02)
                continue
        return
    raise AssertionError("the child outlived its worker")


async def test_a_child_knows_no_secret_and_keeps_its_limits(decoders: Decoders, tmp_path: Path):
    os.environ["CALOTYPE_DATABASE_URL"] = "postgres://secret"
    try:
        await render(decoders, picture(tmp_path), recipe(tmp_path))
    finally:
        del os.environ["CALOTYPE_DATABASE_URL"]
    child = psutil.Process(decoders.pids[0])
    assert "CALOTYPE_DATABASE_URL" not in child.environ()
    assert child.rlimit(psutil.RLIMIT_AS) == (1024 << 20, 1024 << 20)
    assert child.rlimit(psutil.RLIMIT_CORE) == (0, 0)


async def test_one_pool_per_configuration():
    pool = decoders_module.pool(Config(decoders=1))
    assert decoders_module.pool(Config(decoders=1)) is pool
    assert decoders_module.pool(Config(decoders=2)) is not pool
    await decoders_module.close_all()
    assert decoders_module.pool(Config(decoders=1)) is not pool
    await decoders_module.close_all()
