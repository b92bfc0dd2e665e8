"""Time zones of people who tell none: those of their country, else the one the installation names. Above the database.

A country's zones come from the time zone database (`tzdata`, zone.tab). The warehouse holds them in
`installation.country_zone`, which `source.recipient` reads, so that planning and claims need no other look-up.
"""

from __future__ import annotations

import datetime as dt
import importlib.resources
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import version
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy.engine import Connection, Engine

from lifecycle_mail.database import lock, run

Changes = tuple[tuple[dt.datetime, dt.timedelta], ...]  # when an offset begins, and which

DAY = dt.timedelta(days=1)
MINUTE = dt.timedelta(minutes=1)


def agree(warehouse: Engine, default_zone: str | None = None) -> None:
    """Bring the warehouse's zones up to date: for this year, this time zone database, and the default zone (None = as
    it is). Without news this is one look at one row."""
    with warehouse.connect() as connection:
        if _is_agreed(connection, default_zone):
            return
    with warehouse.begin() as connection:
        lock(connection, "zones")
        year = int(run(connection, "installation/noted_zones").one().year)
        zones = zones_of_countries(year)
        run(
            connection,
            "installation/note_zones",
            zones=orjson.dumps(zones).decode(),
            tzdata_version=version("tzdata"),
            first_year=year,
            default_zone=default_zone,
        )


def _is_agreed(connection: Connection, default_zone: str | None) -> bool:
    noted = run(connection, "installation/noted_zones").one()
    is_present = (noted.tzdata_version, noted.first_year) == (version("tzdata"), noted.year)
    return is_present and default_zone in (None, noted.default_zone)


@lru_cache(maxsize=4)
def zones_of_countries(year: int) -> dict[str, str]:
    """Return the zones of each country (ISO 3166-1 alpha-2) that differ within `year` or the next, by blanks apart.

    One zone: all of the country's agree through both years. Dates are written by the first: of three or more the one
    in the middle, of two that which the time zone database names first.
    """
    begin, end = dt.datetime(year, 1, 1, tzinfo=dt.UTC), dt.datetime(year + 2, 1, 1, tzinfo=dt.UTC)
    return {country: " ".join(_different(names, begin, end)) for country, names in _zone_table().items()}


def _zone_table() -> dict[str, list[str]]:
    """Return the zones of each country, in the order of the time zone database."""
    table = importlib.resources.files("tzdata").joinpath("zoneinfo/zone.tab").read_text(encoding="utf-8")
    found: dict[str, list[str]] = {}
    for line in table.splitlines():
        if line and not line.startswith("#"):
            country, _, name, *_ = line.split("\t")
            found.setdefault(country, []).append(name)
    return found


def _different(names: Sequence[str], begin: dt.datetime, end: dt.datetime) -> list[str]:
    """Return one zone of each kind of clock, the middle one by its offset first."""
    if len(names) == 1:
        return list(names)
    kinds: dict[Changes, str] = {}
    for name in names:
        kinds.setdefault(_changes(ZoneInfo(name), begin, end), name)
    if len(kinds) <= 2:
        return list(kinds.values())
    ordered = [name for _, name in sorted(kinds.items(), key=lambda kind: kind[0][0][1])]
    middle = ordered.pop(len(ordered) // 2)
    return [middle, *ordered]


def _changes(zone: ZoneInfo, begin: dt.datetime, end: dt.datetime) -> Changes:
    """Return the offset at `begin` and each change of it before `end`, to the minute."""
    found = [(begin, _offset(zone, begin))]
    day = begin
    while day < end:
        if _offset(zone, day + DAY) != found[-1][1]:
            found.append(_first_of(zone, day, found[-1][1]))
        day += DAY
    return tuple(found)


def _first_of(zone: ZoneInfo, day: dt.datetime, before: dt.timedelta) -> tuple[dt.datetime, dt.timedelta]:
    """Return the minute of the 24 hours after `day` at which the offset is another than `before`, and that one."""
    low, high = 0, DAY // MINUTE
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(zone, day + middle * MINUTE) == before else (low, middle)
    return day + high * MINUTE, _offset(zone, day + high * MINUTE)


def _offset(zone: ZoneInfo, at: dt.datetime) -> dt.timedelta:
    return at.astimezone(zone).utcoffset() or dt.timedelta(0)
