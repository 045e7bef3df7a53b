"""A client of HTTP does not bring a terminal along."""

import subprocess
import sys

TOLD = """
import sys
from calotype.core import lean
lean.preload("httpx")
import httpx
print(sorted({"click", "pygments", "rich"} & sys.modules.keys()), httpx.AsyncClient.__name__)
import click
print(click.__name__)
"""


def test_what_is_left_out_can_still_be_had_later():
    done = subprocess.run([sys.executable, "-c", TOLD], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[] AsyncClient", "click"]
