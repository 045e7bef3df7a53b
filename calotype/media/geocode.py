"""From coordinates to city, state and country, and from a name to places; nobody outside is asked.

The tables are GeoNames' (CC BY 4.0), mapped from disk: a process touches only the pages it needs.
"""

import json
import math
import mmap
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from calotype.media import places_data, zones
from calotype.media.places_data import CELL_DEG, COLUMNS, ROWS, UNIT

MAX_KM = 25.0
EARTH_KM = 6371.0088  # mean radius, IUGG
MIN_SIMILARITY = 0.3  # pg_trgm's default for "similar"
_DEGREE_KM = EARTH_KM * math.pi / 180
_MOST_HITS = 500  # substring hits looked at; the largest cities come first

IntArray = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a photo was taken, as far as known."""

    city: str | None = None
    state: str | None = None
    country: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A place a name leads to. Degrees; `admin1` is the state, where it is known."""

    name: str
    latitude: float
    longitude: float
    admin1: str | None


class Places:
    """The tables, open. Threads may share one."""

    def __init__(self, folder: Path) -> None:
        def table(name: str) -> Any:
            return np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r"))  # a plain view: memmap is slow to index

        labels = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
        self._countries: list[str] = labels["countries"]
        self._country_of_code: dict[str, str] = dict(zip(labels["codes"], labels["countries"], strict=True))
        self._admins: list[str] = labels["admins"]
        self._cell_starts: IntArray = table("cell_starts")
        self._cell_city: IntArray = table("cell_city")
        self._cell_latitude: IntArray = table("cell_latitude")
        self._cell_longitude: IntArray = table("cell_longitude")
        self._latitude: IntArray = table("latitude")
        self._longitude: IntArray = table("longitude")
        self._country: npt.NDArray[np.uint16] = table("country")
        self._admin: npt.NDArray[np.uint16] = table("admin")
        self._name_ends: IntArray = table("name_ends")
        self._line_ends: IntArray = table("line_ends")
        self._gram_starts: IntArray = table("gram_starts")
        self._gram_city: IntArray = table("gram_city")
        self._names = _mapped(folder / "names.txt")
        self._lines = _mapped(folder / "search.txt")

    def near(self, latitude: float, longitude: float) -> Place:
        """The nearest place within 25 km; else the country alone; nothing on the open sea."""
        city = self._nearest(latitude, longitude)
        if city is not None:
            return Place(self._name(city), self._state(city), self._country_name(city))
        return Place(country=self._country_of_code.get(zones.country_at(latitude, longitude) or ""))

    def search(self, name: str, limit: int = 20) -> list[Found]:
        """Places of that name in any language, best first: exact, then beginning with it, then merely similar."""
        wanted = places_data.fold(name)
        if not wanted:
            return []
        scores = self._similar(wanted)
        for city in self._containing(wanted):
            scores[city] = max(scores.get(city, 0.0), self._closeness(city, wanted))
        best = sorted(scores, key=lambda city: (-scores[city], city))  # a lower number has more people
        if hasattr(self._lines, "madvise"):  # the text was read from end to end, and is not wanted in memory
            self._lines.madvise(mmap.MADV_DONTNEED)
        return [self._found(city) for city in best[:limit]]

    def _nearest(self, latitude: float, longitude: float) -> int | None:
        reach = MAX_KM / _DEGREE_KM
        across = reach / max(math.cos(math.radians(min(89.0, abs(latitude) + reach))), 1e-3)
        first_row, _ = places_data.cell_of(latitude - reach, longitude)
        last_row, _ = places_data.cell_of(latitude + reach, longitude)
        west = math.floor((longitude - across + 180) / CELL_DEG)
        east = min(math.floor((longitude + across + 180) / CELL_DEG), west + COLUMNS - 1)
        best: tuple[float, int] | None = None
        for row in range(first_row, min(last_row, ROWS - 1) + 1):
            for start, end in _wrapped(west, east):
                low, high = (int(self._cell_starts[row * COLUMNS + edge]) for edge in (start, end + 1))
                if low < high and ((found := self._closest(low, high, latitude, longitude)) < (best or (MAX_KM, 0))):
                    best = found
        return None if best is None else int(self._cell_city[best[1]])

    def _closest(self, low: int, high: int, latitude: float, longitude: float) -> tuple[float, int]:
        """Great-circle distance in km and table row of the closest of these rows."""
        latitudes = np.radians(self._cell_latitude[low:high] / UNIT)
        longitudes = np.radians(self._cell_longitude[low:high] / UNIT)
        phi, lam = math.radians(latitude), math.radians(longitude)
        half = (
            np.sin((latitudes - phi) / 2) ** 2 + math.cos(phi) * np.cos(latitudes) * np.sin((longitudes - lam) / 2) ** 2
        )
        nearest = int(np.argmin(half))
        return 2 * EARTH_KM * math.asin(math.sqrt(min(1.0, float(half[nearest])))), low + nearest

    def _similar(self, wanted: str) -> dict[int, float]:
        """Cities whose own name shares enough trigrams, with how much of both they share (0–1)."""
        buckets = places_data.trigrams(wanted)
        edges = [(int(self._gram_starts[bucket]), int(self._gram_starts[bucket + 1])) for bucket in buckets]
        hits = np.concatenate([self._gram_city[low:high] for low, high in edges])
        if not hits.size:
            return {}
        shared = np.bincount(hits)
        candidates = np.flatnonzero(shared >= max(1, math.ceil(len(buckets) * MIN_SIMILARITY)))
        candidates = candidates[np.argsort(-shared[candidates], kind="stable")][:_MOST_HITS]
        scores: dict[int, float] = {}
        for city in candidates.tolist():
            own = len(places_data.trigrams(places_data.fold(self._name(city))))
            score = int(shared[city]) / (len(buckets) + own - int(shared[city]))
            if score >= MIN_SIMILARITY:
                scores[city] = min(score, 1.0)
        return scores

    def _containing(self, wanted: str) -> list[int]:
        """Cities with a name, in any language, that begins with the words; the most populous first."""
        needle, cities, at = f"\t{wanted}".encode(), list[int](), 0
        while len(cities) < _MOST_HITS and (at := self._lines.find(needle, at)) >= 0:
            city = int(np.searchsorted(self._line_ends, at, side="right")) - 1
            cities.append(city)
            at = int(self._line_ends[city + 1])
        return cities

    def _closeness(self, city: int, wanted: str) -> float:
        line = self._lines[int(self._line_ends[city]) : int(self._line_ends[city + 1])].decode()
        own = line.split("\t", 2)[1]
        if own == wanted:
            return 4.0
        if f"\t{wanted}\t" in line:
            return 3.0
        return 2.0 if own.startswith(wanted) else 1.0

    def _found(self, city: int) -> Found:
        latitude, longitude = int(self._latitude[city]) / UNIT, int(self._longitude[city]) / UNIT
        return Found(self._name(city), latitude, longitude, self._state(city))

    def _name(self, city: int) -> str:
        return self._names[int(self._name_ends[city]) : int(self._name_ends[city + 1])].decode()

    def _state(self, city: int) -> str | None:
        number = int(self._admin[city])
        return self._admins[number] if number < len(self._admins) else None

    def _country_name(self, city: int) -> str | None:
        number = int(self._country[city])
        return self._countries[number] if number < len(self._countries) else None


_open: dict[Path, Places] = {}
_opening = threading.Lock()


def places(data: Path) -> Places:
    """The tables of this data folder, opened once a process and made if they are not there. May take seconds: call it
    in a thread.
    """
    with _opening:
        if data not in _open:
            _open[data] = Places(places_data.prepare(data))
        return _open[data]


def _mapped(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _wrapped(west: int, east: int) -> list[tuple[int, int]]:
    """Runs of columns from west to east, cut where the grid ends at the antimeridian."""
    if west < 0:
        return [(west + COLUMNS, COLUMNS - 1), (0, east)] if east >= 0 else [(west + COLUMNS, east + COLUMNS)]
    if east >= COLUMNS:
        return [(west, COLUMNS - 1), (0, east - COLUMNS)] if west < COLUMNS else [(west - COLUMNS, east - COLUMNS)]
    return [(west, east)]
