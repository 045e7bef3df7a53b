"""The places of the contract's examples, found in the tables that are made from the packaged data."""

from pathlib import Path

import pytest

from calotype.media import places_data, zones
from calotype.media.geocode import Place, Places, places


@pytest.fixture(scope="session")
def tables(request: pytest.FixtureRequest) -> Places:
    """Made once and kept in pytest's cache: it takes ten seconds."""
    assert request.config.cache
    return places(Path(request.config.cache.mkdir("places")))


@pytest.mark.parametrize(
    ("latitude", "longitude", "place"),
    [
        (52.52, 13.405, Place("Mitte", "Berlin", "Germany")),
        (-33.8688, 151.2093, Place("Sydney", "New South Wales", "Australia")),
        (40.7128, -74.006, Place("New York City", "New York", "United States of America")),
        (48.8566, 2.3522, Place("Paris 04 Hôtel-de-Ville", "Île-de-France", "France")),
        (35.6812, 139.7671, Place("Hatchōbori", "Tokyo", "Japan")),
        (0, 10, Place("Kango", "Estuaire", "Gabon")),
        (39, -108, Place("Cedaredge", "Colorado", "United States of America")),
        (41.2203, -96.071625, Place("Ralston", "Nebraska", "United States of America")),
    ],
)
def test_the_nearest_place_within_25_km(tables: Places, latitude: float, longitude: float, place: Place) -> None:
    assert tables.near(latitude, longitude) == place


def test_beyond_25_km_there_is_only_the_country(tables: Places) -> None:
    assert tables.near(23, 10) == Place(country="Algeria")
    assert tables.near(40.7128, 74.006) == Place(country="Kyrgyzstan")


def test_the_open_sea_belongs_to_nobody(tables: Places) -> None:
    assert tables.near(0, -30) == Place()


def test_the_poles_and_the_antimeridian_are_places_like_others(tables: Places) -> None:
    assert tables.near(90, 0) == Place()
    assert tables.near(-90, 180).city is None
    # Taveuni lies on the antimeridian; a neighbour on the other side of it is near.
    east, west = tables.near(-16.8, 179.999), tables.near(-16.8, -179.999)
    assert east == west


@pytest.mark.parametrize("name", ["Berlin", "berlin", " BERLIN "])
def test_a_name_leads_to_its_largest_place_first(tables: Places, name: str) -> None:
    found = tables.search(name)
    assert len(found) == 20
    assert (found[0].name, found[0].admin1) == ("Berlin", "Berlin")
    assert (found[0].latitude, found[0].longitude) == (52.52437, 13.41053)


def test_names_in_other_languages_without_accents_and_half_typed_are_understood(tables: Places) -> None:
    assert tables.search("東京")[0].name == "Tokyo"
    assert tables.search("munchen")[0].name == "Munich"
    assert tables.search("Hatchobori")[0].name == "Hatchōbori"
    assert tables.search("san franc")[0].name == "San Francisco"


def test_a_misspelt_name_finds_something_like_it(tables: Places) -> None:
    assert "Barcelona" in [found.name for found in tables.search("Barcelonna")]


def test_nothing_is_like_nothing(tables: Places) -> None:
    assert tables.search("") == []
    assert tables.search("…!") == []


def test_names_are_compared_without_case_accents_and_punctuation() -> None:
    assert places_data.fold("  Saint-Étienne_du\tRouvray ") == "saint etienne du rouvray"


@pytest.mark.parametrize(
    ("latitude", "longitude", "zone"),
    [
        (52.52, 13.405, "Europe/Berlin"),
        (-33.8688, 151.2093, "Australia/Sydney"),
        (40.7128, -74.006, "America/New_York"),
        (35.6812, 139.7671, "Asia/Tokyo"),
        (48.8566, 2.3522, "Europe/Paris"),
        (0, 10, "Africa/Libreville"),
        (23, 10, "Africa/Algiers"),
        (40.7128, 74.006, "Asia/Bishkek"),
        (0, -30, "Etc/GMT+2"),  # the open sea has zones too
        (91, 0, None),
    ],
)
def test_every_position_has_a_zone(latitude: float, longitude: float, zone: str | None) -> None:
    assert zones.zone_at(latitude, longitude) == zone
