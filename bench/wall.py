"""The wall in a browser: `python bench/wall.py --url http://127.0.0.1:2283` on a library that `reading.py` filled.

Signs in, opens the timeline, and prints how long the first screen of tiles took, and how even the frames are while the wall
scrolls through years.
"""

import argparse
import statistics
from typing import Any

from measure import table
from playwright.sync_api import Page, sync_playwright
from seed import PASSWORD

CHROMIUM = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic", "--no-first-run")
TILE = "[data-tile], .tile"
FRAMES = """async (seconds) => {
    const times = [];
    let last = performance.now();
    const end = last + seconds * 1000;
    while (last < end) {
        const now = await new Promise(requestAnimationFrame);
        times.push(now - last);
        last = now;
        document.querySelector('.scroller').scrollBy(0, 40);
    }
    return times;
}"""


def sign_in(page: Page, url: str) -> None:
    """A session cookie, without the form."""
    answer = page.request.post(f"{url}/api/auth/login", data={"email": "bench@example.com", "password": PASSWORD})
    assert answer.ok, answer.text()


def measure(url: str, width: int, height: int) -> dict[str, Any]:
    """One window size."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(CHROMIUM))
        page = browser.new_page(viewport={"width": width, "height": height})
        sign_in(page, url)
        firsts = []
        for _ in range(3):
            page.goto("about:blank")
            page.goto(f"{url}/photos", wait_until="commit")
            page.wait_for_selector(TILE, timeout=30_000)
            firsts.append(page.evaluate("performance.now()"))
        page.wait_for_timeout(1000)
        idle = page.evaluate(FRAMES.replace("40)", "0)"), 2)
        times = page.evaluate(FRAMES, 6)
        tiles = page.locator(TILE).count()
        heap = page.evaluate("performance.memory?.usedJSHeapSize ?? 0") / 1048576
        browser.close()
    times.sort()
    return {
        "window": f"{width}×{height}",
        "first tiles ms": statistics.median(firsts),
        "frame p50 ms": times[len(times) // 2],
        "frame p95 ms": times[int(len(times) * 0.95)],
        "frames over 34 ms, %": 100 * sum(t > 34 for t in times) / len(times),
        "idle frame p50 ms": sorted(idle)[len(idle) // 2],
        "tiles in the page": tiles,
        "heap MiB": heap,
    }


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--url", default="http://127.0.0.1:2283")
    given = arguments.parse_args()
    print(table([measure(given.url, width, height) for width, height in ((390, 844), (1280, 800), (2560, 1440))]))
