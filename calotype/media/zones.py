"""Which time zone and which country a position lies in, from the borders of the time zones.

The borders take 10 MiB when first asked for; processes that never ask never load them.
"""

import threading
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from timezonefinder import TimezoneFinder

_one_at_a_time = threading.Lock()  # the finder reads its file through a shared position


def zone_at(latitude: float, longitude: float) -> str | None:
    """IANA name of the zone; on the open sea one of the `Etc/GMT…` zones. `None` outside the map."""
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        return None
    with _one_at_a_time:
        return _finder().timezone_at(lat=latitude, lng=longitude)


def country_at(latitude: float, longitude: float) -> str | None:
    """ISO code of the country (coastal waters included), as far as time zones tell; `None` on the open sea."""
    return _countries().get(zone_at(latitude, longitude) or "")


@cache
def _finder() -> "TimezoneFinder":
    from timezonefinder import TimezoneFinder

    return TimezoneFinder(in_memory=False)


@cache
def _countries() -> dict[str, str]:
    """Each zone's country: zone.tab of the time zone database names exactly one."""
    table = files("tzdata").joinpath("zoneinfo", "zone.tab").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in table.splitlines() if line and not line.startswith("#"))
    return {row[2].strip(): row[0] for row in rows}
