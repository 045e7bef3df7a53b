"""What reading costs at a size: `python bench/reading.py --data DIR --assets 100000 [--people]`.

Starts a server of its own on an empty data folder, fills its database by COPY, and asks each kind of request over plain
HTTP; with --people, what is asked about people and their photos. With --url, --root-pid and no --data it measures any other
server that already holds such a library.
"""

import argparse
import asyncio
import os
import random
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from measure import Client, Cost, cost, sign_in, table
from seed import OFTEN, PASSWORD, USUAL, person_id, seed, seed_people, usual_month

EMAIL = "bench@example.com"
THUMBNAIL_BYTES = 17_000
SEARCHES: dict[str, dict[str, Any]] = {
    "newest 100": {},
    "by city": {"city": "Berlin"},
    "by country": {"country": "Japan"},
    "by state": {"state": "Latium"},
    "by make": {"make": "motorola"},
    "by model": {"model": "X-T5"},
    "by lens": {"lensModel": "XF23mmF1.4 R LM WR"},
    "without make": {"make": None},
    "rated 5": {"rating": 5},
    "unrated": {"rating": None},
    "favourites": {"isFavorite": True},
    "videos": {"type": "VIDEO"},
    "archived": {"visibility": "archive"},
    "by file name": {"originalFileName": "IMG_1234"},
    "by part of a path": {"originalPath": "abcd1"},
    "by description": {"description": "day 77"},
    "taken in a month": {"takenAfter": "2024-01-01T00:00:00Z", "takenBefore": "2024-02-01T00:00:00Z"},
    "added on a day": {"createdAfter": "2024-01-01T00:00:00Z", "createdBefore": "2024-01-02T00:00:00Z"},
    "changed lately": {"updatedAfter": "2030-01-01T00:00:00Z"},
    "in the trash": {"trashedAfter": "2020-01-01T00:00:00Z"},
    "offline": {"isOffline": True},
    "with motion": {"isMotion": True},
    "encoded": {"isEncoded": True},
    "in no album": {"isNotInAlbum": True},
    "untagged": {"tagIds": None},
    "by checksum": {"checksum": "0" * 40},
    "videos of Berlin, rated 5": {"type": "VIDEO", "city": "Berlin", "rating": 5},
}


def measure(client: Client, root: int, *, heavy: int = 60, light: int = 400) -> list[Cost]:
    """Every kind of request."""
    newest = client.json("POST", "/search/metadata", {"size": 1000})["assets"]["items"]
    ids = [item["id"] for item in newest]
    rnd = random.Random(1)
    usual, large = two_months(client)
    thumbnail = ids[0]
    asks: list[tuple[str, Callable[[], tuple[int, bytes]], int]] = [
        ("ping", lambda: client.ask("GET", "/server/ping"), light),
        ("timeline/buckets", lambda: client.ask("GET", "/timeline/buckets"), light),
        (
            f"timeline/bucket of {usual[1]:,}, kept",
            partial(client.ask, "GET", f"/timeline/bucket?timeBucket={usual[0]}"),
            light // 2,
        ),
        (
            f"timeline/bucket of {large[1]:,}, kept",
            partial(client.ask, "GET", f"/timeline/bucket?timeBucket={large[0]}"),
            light // 2,
        ),
        ("asset info", lambda: client.ask("GET", f"/assets/{rnd.choice(ids)}"), light),
        ("thumbnail 17 kB", lambda: client.ask("GET", f"/assets/{thumbnail}/thumbnail"), light),
    ]
    rows: list[Cost] = []
    for name, ask, count in asks:
        rows.append(cost(name, root, ask, requests=count))
        print(rows[-1], file=sys.stderr, flush=True)
    for name, body in SEARCHES.items():
        rows.append(cost_of_any(f"search: {name}", root, search(client, body), requests=heavy))
    return rows


def search(client: Client, body: dict[str, Any]) -> Callable[[], tuple[int, bytes]]:
    """Asks for a page of a hundred with EXIF."""
    return partial(client.ask, "POST", "/search/metadata", {**body, "size": 100, "withExif": True})


def cost_of_any(name: str, root: int, ask: Callable[[], tuple[int, bytes]], *, requests: int = 60) -> Cost:
    """What a request costs that may be slow: then it is made five times only."""
    begun = time.perf_counter()
    ask()
    is_slow = time.perf_counter() - begun > 0.3
    found = cost(name, root, ask, requests=5 if is_slow else requests, warm=2)
    print(found, file=sys.stderr, flush=True)
    return found


def measure_people(client: Client, root: int) -> list[Cost]:
    """Every kind of request about people: who is on every ninth photo, on every fiftieth, and on a few hundred."""
    rnd = random.Random(1)
    ids = [item["id"] for item in client.json("POST", "/search/metadata", {"size": 1000})["assets"]["items"]]
    first, second, seldom = (person_id(number) for number in (0, 1, len(OFTEN) + 10))
    gets = {
        "people": "/people",
        "people, hidden too": "/people?withHidden=true",
        "portrait": f"/people/{first}/thumbnail",
    }
    searches: dict[str, dict[str, Any]] = {"somebody and a city": {"personIds": [str(first)], "city": "Berlin 3"}}
    for person in (first, second, seldom):
        query = f"personId={person}&visibility=timeline&withStacked=true"
        months = client.json("GET", f"/timeline/buckets?{query}")
        count, month = max((each["count"], each["timeBucket"]) for each in months)
        of = f"{sum(each['count'] for each in months):,}"
        gets[f"statistics of {of}"] = f"/people/{person}/statistics"
        gets[f"timeline/buckets of {of}"] = f"/timeline/buckets?{query}"
        gets[f"timeline/buckets of {of}, archived too"] = f"/timeline/buckets?personId={person}"
        gets[f"timeline/bucket of {count:,} of {of}, kept"] = f"/timeline/bucket?{query}&timeBucket={month}"
        searches[f"{of} of somebody"] = {"personIds": [str(person)]}
    gets["timeline/buckets of favourites"] = f"/timeline/buckets?personId={first}&isFavorite=true"
    searches |= {
        "both of two": {"personIds": [str(first), str(second)]},
        "both of two who are seldom together": {"personIds": [str(seldom), str(second)]},
        "somebody in a month": {"personIds": [str(second)], **SEARCHES["taken in a month"]},
        "any of two": {"filter": {"personIds": {"any": [str(second), str(seldom)]}}},
        "without somebody": {"filter": {"personIds": {"none": [str(first)]}}},
        "with people": {"filter": {"hasPeople": {"eq": True}}},
        "without people": {"filter": {"hasPeople": {"eq": False}}},
    }
    asks: dict[str, Callable[[], tuple[int, bytes]]] = {
        "faces of a photo": lambda: client.ask("GET", f"/faces?id={rnd.choice(ids)}"),
        "asset info": lambda: client.ask("GET", f"/assets/{rnd.choice(ids)}"),
    }
    asks |= {name: partial(client.ask, "GET", path) for name, path in gets.items()}
    asks |= {f"search: {name}": search(client, body) for name, body in searches.items()}
    rows = [cost_of_any(name, root, ask) for name, ask in asks.items()]
    rows.append(cold_bucket(client, root, month_of(client, first), query=f"personId={first}&"))
    return rows


def month_of(client: Client, person: UUID) -> tuple[str, int]:
    """The month in which somebody is on the most photos."""
    months = client.json("GET", f"/timeline/buckets?personId={person}")
    return max(((each["timeBucket"], each["count"]) for each in months), key=lambda month: month[1])


def two_months(client: Client) -> tuple[tuple[str, int], tuple[str, int]]:
    """The month of the usual size, and one from the middle of the library: their names and how many photos show in them.

    A library that was not made by `seed.py` has no such month: then it is the one nearest to that size.
    """
    months = [(bucket["timeBucket"], bucket["count"]) for bucket in client.json("GET", "/timeline/buckets")]
    usual = next((month for month in months if month[0] == f"{USUAL:%Y-%m-%d}"), None)
    return usual or min(months, key=lambda month: abs(month[1] - 2400)), months[len(months) // 2]


def cold_bucket(client: Client, root: int, month: tuple[str, int], *, query: str = "", requests: int = 20) -> Cost:
    """A month whose kept body is out of date each time: before every request one of its photos changes.

    The price of the change alone is measured the same way and taken off.
    """
    name, count = month
    inside = client.json("GET", f"/timeline/bucket?{query}timeBucket={name}")["id"][0]
    favourite = False

    def change() -> tuple[int, bytes]:
        nonlocal favourite
        favourite = not favourite
        return client.ask("PUT", f"/assets/{inside}", {"isFavorite": favourite})

    def both() -> tuple[int, bytes]:
        change()
        return client.ask("GET", f"/timeline/bucket?{query}timeBucket={name}")

    alone, together = cost("", root, change, requests=requests * 3), cost("", root, both, requests=requests)
    return Cost(
        f"timeline/bucket of {count:,}, cold", requests, together.cpu_ms - alone.cpu_ms, together.p50_ms - alone.p50_ms,
        together.p95_ms - alone.p95_ms, together.size,
    )  # fmt: skip


def own_server(data: Path, port: int) -> subprocess.Popen[bytes]:
    """A fresh server on a data folder; returns when it answers."""
    environment = {
        **os.environ,
        "CALOTYPE_DATA": str(data),
        "CALOTYPE_PORT": str(port),
        "CALOTYPE_LOG_LEVEL": "warning",
    }
    process = subprocess.Popen([sys.executable, "-m", "calotype", "run"], env=environment)
    begun = time.perf_counter()
    while time.perf_counter() - begun < 60:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/server/ping", timeout=1):
                return process
        except OSError:
            time.sleep(0.1)
    process.terminate()
    raise RuntimeError("the server did not start")


def seeded(data: Path, assets: int, *, people: bool) -> None:
    """Fill the embedded database of a data folder; with no photos to add, see to the month of the usual size alone."""
    from calotype.outside import embedded

    url = embedded.postgres_url(embedded.run_folder(data))
    asyncio.run(seed(url, assets) if assets else _with_usual_month(url))
    if people:
        asyncio.run(seed_people(url))


async def _with_usual_month(url: str) -> None:
    connection = await asyncpg.connect(url)
    await usual_month(connection, await connection.fetchval("SELECT id FROM users WHERE email = $1", EMAIL))
    await connection.close()


def place_thumbnail(data: Path, client: Client) -> None:
    """A file of the usual size for the newest photo, and for everybody's portrait."""
    newest = client.json("POST", "/search/metadata", {"size": 1})["assets"]["items"][0]["id"]
    for name in (f"{newest}_thumbnail.webp", "person.jpg"):
        path = data / "thumbs" / "bench" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(random.Random(1).randbytes(THUMBNAIL_BYTES))


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--url", default="")
    arguments.add_argument("--root-pid", type=int, default=0)
    arguments.add_argument("--data", type=Path)
    arguments.add_argument("--port", type=int, default=22830)
    arguments.add_argument("--assets", type=int, default=100_000, help="0: the data folder is filled already")
    arguments.add_argument("--people", action="store_true", help="put people on the photos, and ask about them")
    arguments.add_argument("--only-fill", action="store_true", help="fill the data folder and stop")
    given = arguments.parse_args()
    process = None
    try:
        if given.data:
            given.data = given.data.absolute()
            process = own_server(given.data, given.port)
            url, root = f"http://127.0.0.1:{given.port}", process.pid
            seeded(given.data, given.assets, people=given.people)
            if given.only_fill:
                sys.exit()
            someone = sign_in(url, EMAIL, PASSWORD)
            place_thumbnail(given.data, someone)
            time.sleep(10)  # the counts are folded meanwhile
        else:
            url, root = given.url, given.root_pid
            someone = sign_in(url, EMAIL, PASSWORD)
        if given.people:
            rows = measure_people(someone, root)
        else:
            rows = measure(someone, root) + [cold_bucket(someone, root, month) for month in two_months(someone)]
        print(table([asdict(row) for row in rows]))
    finally:
        if process:
            process.terminate()
            process.wait(30)
