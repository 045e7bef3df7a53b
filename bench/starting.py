"""How long a warm start takes: `python bench/starting.py --data DIR` (a folder that was started before).

Prints seconds and CPU seconds from the command to the first answer, and the memory after a minute of idling.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from measure import cpu_s, pss_mib, table, tree


def start(data: Path, port: int) -> tuple[subprocess.Popen[bytes], float, float]:
    """The process, seconds and CPU seconds until it answered."""
    environment = {
        **os.environ,
        "CALOTYPE_DATA": str(data),
        "CALOTYPE_PORT": str(port),
        "CALOTYPE_LOG_LEVEL": "warning",
    }
    begun = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "calotype", "run"], env=environment)
    while time.perf_counter() - begun < 60:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/server/config", timeout=1):
                return process, time.perf_counter() - begun, cpu_s(tree(process.pid))
        except OSError:
            time.sleep(0.02)
    process.terminate()
    raise RuntimeError("the server did not start")


def stop(process: subprocess.Popen[bytes]) -> None:
    """As an administrator stops it."""
    process.terminate()
    process.wait(60)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--port", type=int, default=22832)
    arguments.add_argument("--idle", type=float, default=60)
    given = arguments.parse_args()
    took: list[float] = []
    spent: list[float] = []
    for _ in range(4):
        process, seconds, cpu = start(given.data.absolute(), given.port)
        took.append(seconds)
        spent.append(cpu)
        stop(process)
    process, _, _ = start(given.data.absolute(), given.port)
    time.sleep(given.idle)
    idle = pss_mib(tree(process.pid))
    before = cpu_s(tree(process.pid))
    time.sleep(20)
    idle_cpu = (cpu_s(tree(process.pid)) - before) / 20 * 100
    stop(process)
    row = {
        "start s": statistics.median(took[1:]),
        "start CPU-s": statistics.median(spent[1:]),
        "idle PSS MiB": idle,
        "idle CPU %": idle_cpu,
    }
    print(table([row]))
