"""Customers who tell no time zone: the zones of their country, else the installation's default zone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from builders import customer, rows
from lifecycle_mail import delivery, time_zones
from lifecycle_mail.errors import DeliveryRefused, SettingsError
from lifecycle_mail.migrations import migrate
from lifecycle_mail.pipeline import open_installation
from lifecycle_mail.settings import Settings
from lifecycle_mail.sources import load_feeds
from planning import TOPICS, campaign_of, member, plan, states, topic_of

DAYTIME = campaign_of(send_window={"from": "08:00", "to": "20:00"}, max_lateness_hours=48)
HEADER = "customer_id,email,created_at,timezone,country,permission,permission_at\n"
HOUR = timedelta(hours=1)
MORNING = datetime(2026, 3, 2, 10, tzinfo=UTC)


def known(engine: Engine, folder: Path, **people: str) -> dict[str, Any]:
    """Load people of 'zone,country' each; return the zone that was stored of each."""
    lines = "".join(
        f"{name},{name}@example.com,2026-01-01T00:00:00Z,{where},confirmed,2026-01-01T00:00:00Z\n"
        for name, where in people.items()
    )
    (folder / "customers.csv").write_text(HEADER + lines)
    load_feeds(engine, folder, link_secret="s" * 32, now=MORNING)
    with engine.begin() as connection:
        for name in people:
            member(connection, name, f"cart-{name}", MORNING)
        return dict(rows(connection, "select customer_id, timezone from source.customer"))


def planned(engine: Engine) -> dict[str, datetime]:
    plan(engine, DAYTIME, topic_of(), MORNING)
    with engine.connect() as connection:
        return dict(rows(connection, "select customer_id, not_before from message.message"))


def test_without_a_zone_the_hours_are_those_of_the_country(warehouse: Engine, tmp_path: Path) -> None:
    """At 10:00 UTC it is 19:00 in Japan and 20:00 in a part of Australia. In the United States eight in the morning of
    Honolulu is the first hour that is permitted everywhere. A stated zone goes before the country."""
    known(
        warehouse, tmp_path, japan=",JP", germany=",DE", states=",US", australia=",AU", stated="America/New_York,US",
        nowhere=",",
    )  # fmt: skip
    assert planned(warehouse) == {
        "japan": MORNING, "germany": MORNING, "nowhere": MORNING,
        "states": MORNING + 8 * HOUR, "stated": MORNING + 3 * HOUR,
        "australia": datetime(2026, 3, 3, 0, tzinfo=UTC),  # eight in Perth, eleven in Sydney
    }  # fmt: skip


def test_a_country_without_a_common_hour_is_refused_by_name(warehouse: Engine, tmp_path: Path) -> None:
    """Nine to eleven is never at once in New York and in Honolulu: the step says so, and the others go on."""
    known(warehouse, tmp_path, states=",US", japan=",JP")
    narrow = campaign_of(send_window={"from": "09:00", "to": "11:00"}, max_lateness_hours=48)
    plan(warehouse, narrow, topic_of(), MORNING)
    with warehouse.connect() as connection:
        found = rows(connection, "select customer_id, outcome, reason, not_before from decision.decision order by 1")
    assert found == [
        ("japan", "defer", "quiet_hours", datetime(2026, 3, 3, 0, tzinfo=UTC)),
        ("states", "skip", "no_common_hours", None),
    ]


def test_without_a_country_the_default_zone_holds(warehouse: Engine, tmp_path: Path) -> None:
    """LIFECYCLE_DEFAULT_ZONE counts from the next command on, also if no zone of the country is known."""
    known(warehouse, tmp_path, nowhere=",", unknown=",XX", japan=",JP")
    url = warehouse.url.render_as_string(hide_password=False)
    environment = {"LIFECYCLE_DATABASE_URL": url, "LIFECYCLE_DEFAULT_ZONE": "america/new_york"}
    open_installation(Settings.from_environment(environment)).engine.dispose()
    assert planned(warehouse) == {
        "nowhere": MORNING + 3 * HOUR, "unknown": MORNING + 3 * HOUR, "japan": MORNING,
    }  # fmt: skip


def test_zone_names_have_no_case_and_an_unreadable_one_costs_itself(warehouse: Engine, tmp_path: Path) -> None:
    """`asia/TOKYO` is Asia/Tokyo. A zone that no one knows is set aside, and the customer has that of the country."""
    stored = known(warehouse, tmp_path, low="asia/tokyo,", high="ASIA/TOKYO,DE", lost="Europe/Atlantis,JP")
    assert stored == {"low": "Asia/Tokyo", "high": "Asia/Tokyo", "lost": None}
    with warehouse.connect() as connection:
        assert rows(connection, "select reason from source.rejected") == [("invalid_zone",)]
        assert rows(connection, "select customer_id, zones from source.recipient order by 1") == [
            ("high", "Asia/Tokyo"), ("lost", "Asia/Tokyo"), ("low", "Asia/Tokyo"),
        ]  # fmt: skip


def test_the_claim_asks_for_the_same_hours(warehouse: Engine, tmp_path: Path) -> None:
    """Planned by a zone that the feed takes back: at the claim the mail waits for the hours of the country."""
    known(warehouse, tmp_path, ann="Europe/Berlin,US")
    assert planned(warehouse) == {"ann": MORNING}
    with warehouse.begin() as connection:
        connection.exec_driver_sql("update source.customer set timezone = null")
    url = warehouse.url.render_as_string(hide_password=False)
    found = delivery.preview(
        warehouse, Settings(database_url=url), {**TOPICS, "reminders": topic_of()}, now=MORNING + HOUR
    )
    assert [(line.would_go, line.postponed) for line in found] == [(0, 1)]
    assert states(warehouse) == {("ann", "reminder", "planned", None)}


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "CEST", "../UTC"])
def test_a_default_zone_that_no_one_knows_is_refused(zone: str) -> None:
    """The setting is named, with an example."""
    with pytest.raises(SettingsError, match=r"LIFECYCLE_DEFAULT_ZONE is .*Europe/Berlin"):
        Settings.from_environment({"LIFECYCLE_DATABASE_URL": "postgresql://x", "LIFECYCLE_DEFAULT_ZONE": zone})


def test_live_needs_a_default_zone(warehouse: Engine) -> None:
    """It is real people who would be mailed by the hours of UTC."""
    live = Settings(
        database_url="", mode="live", sendgrid_api_key="SG.x", public_url="https://mail.shop.test",
        link_secret="s" * 32, postal_address="Real Street 1", pages_url="https://mail.shop.test",
    )  # fmt: skip
    topics = {"reminders": topic_of(sender={"name": "Shop", "email": "a@shop.test"})}
    with pytest.raises(DeliveryRefused, match="mode live needs LIFECYCLE_DEFAULT_ZONE"):
        delivery.require_deliverable(warehouse, live, topics)
    delivery.require_deliverable(warehouse, replace(live, default_zone="UTC"), topics)


def test_the_zones_of_countries_follow_the_year_and_the_database(warehouse: Engine) -> None:
    """An installation that opens in a new year, or with newer zones, notes them; without news nothing is written."""
    query = "select first_year, default_zone, xmin::text from installation.zone_basis"
    with warehouse.begin() as connection:
        before = rows(connection, query)
        connection.execute(sa.text("delete from installation.country_zone where country = 'JP'"))
    time_zones.agree(warehouse)
    with warehouse.begin() as connection:
        assert rows(connection, query) == before
        connection.exec_driver_sql("update installation.zone_basis set first_year = 2001")
    migrate(warehouse)
    with warehouse.connect() as connection:
        assert rows(connection, "select zones from installation.country_zone where country = 'JP'") == [("Asia/Tokyo",)]
        assert rows(connection, query)[0][:2] == before[0][:2]


def test_zones_of_a_country_that_agree_are_one() -> None:
    """Berlin and Busingen show the same time all year. In New Zealand the Chatham Islands do not."""
    found = time_zones.zones_of_countries(2026)
    assert (found["DE"], found["NO"]) == ("Europe/Berlin", "Europe/Oslo")
    assert (found["ES"], found["NZ"]) == ("Europe/Madrid Atlantic/Canary", "Pacific/Auckland Pacific/Chatham")
    assert found["US"].split()[0] in {"America/Denver", "America/Phoenix"}
    assert {"America/New_York", "Pacific/Honolulu"} < set(found["US"].split())


def test_a_birthday_is_told_by_the_zone_of_the_country(warehouse: Engine) -> None:
    """In Japan March has begun while it is still February in UTC."""
    with warehouse.begin() as connection:
        customer(connection, "ann", country="JP", birthday="1990-03-05")
        customer(connection, "bob", country="GB", birthday="1990-03-05")
    settings = Settings(database_url=warehouse.url.render_as_string(hide_password=False))
    shop = open_installation(settings)
    with shop.engine.connect() as connection:
        evening = datetime(2026, 2, 28, 16, tzinfo=UTC)
        found = rows(
            connection,
            (Path(time_zones.__file__).parent.parent / "sql/segments/birthday_this_month.sql").read_text(),
            as_of=evening,
        )
    assert [row[0] for row in found] == ["ann"]
