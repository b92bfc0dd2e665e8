"""A warehouse, its feeds, its events and its mails, in which words about mail are said one after the other."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy.engine import Engine

import builders
from builders import NOON, rows
from lifecycle_mail.pipeline import Installation
from lifecycle_mail.settings import Settings
from lifecycle_mail.sources import load_feeds, record_permission
from planning import BRAND, TOPICS, campaign_of, member, plan, topic_of
from running_services import API_KEY, Service

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
HEADER = "customer_id,email,created_at,permission,permission_at\n"
JOINED = "2026-01-01T00:00:00Z"
GROUP: dict[str, Any] = {"sendgrid_group_id": 1001}
SECRET = "secret"


class World:
    """A warehouse, its feeds and its exports. `now` is the time of the next load and claim."""

    def __init__(self, warehouse: Engine, folder: Path, simulator: Service) -> None:
        self.warehouse, self.feeds, self.exports, self.now = warehouse, folder / "feeds", folder / "exports", NOON
        for each in (self.feeds, self.exports):
            each.mkdir()
        simulator.client.post("/simulator/reset").raise_for_status()
        self.simulator, self.files = simulator, 0
        settings = Settings(
            database_url=warehouse.url.render_as_string(hide_password=False), mode="simulate", link_secret=SECRET,
            sendgrid_api_key=API_KEY, sendgrid_base_url=simulator.url, events_dir=self.exports,
        )  # fmt: skip
        self.installation = Installation(settings, warehouse, {**TOPICS, "reminders": topic_of(**GROUP)}, BRAND)

    def load(self, *people: str, after: dt.timedelta = HOUR, **options: Any) -> None:
        """Load one file of `customer_id,address,permission,permission_at`, an hour later than what was before."""
        self.now += after
        lines = [f"{key},{address},{JOINED},{said}\n" for key, address, said in (row.split(",", 2) for row in people)]
        (self.feeds / "customers.csv").write_text(HEADER + "".join(lines))
        load_feeds(self.warehouse, self.feeds, link_secret=SECRET, now=self.now, **options)

    def report(self, *events: dict[str, Any]) -> None:
        """Ingest events, which happen half an hour later."""
        self.now += HOUR / 2
        self.files += 1
        stamp = {"timestamp": int(self.now.timestamp())}
        named = [{"sg_event_id": f"e{self.files}-{n}", **stamp, **event} for n, event in enumerate(events)]
        lines = [orjson.dumps(event) for event in named]
        (self.exports / f"export-{self.files}.ndjson").write_bytes(b"\n".join(lines) + b"\n")
        self.installation.ingest()

    def say(self, customer_id: str, permission: str, origin: str = "preference_centre") -> None:
        self.now += HOUR / 2
        with self.warehouse.begin() as connection:
            record_permission(connection, customer_id, permission, self.now, origin)

    def mail(self, customer_id: str) -> str:
        """Let a mail have gone to the customer just now; return its id."""
        with self.warehouse.begin() as connection:
            if not rows(connection, "select 1 from journey.campaign where campaign = 'win_back'"):
                builders.campaign(connection, "win_back")
            series = builders.enrollment(connection, "win_back", customer_id, enrolled_at=self.now)
            return builders.message(connection, series, "win_back", customer_id, planned_at=self.now)

    def mailed(self, *customer_ids: str, topic: dict[str, Any] | None = None) -> set[str]:
        """Plan a new cart mail for each, deliver, and return whom it reached."""
        self.now += 10 * DAY
        mails = topic_of(**GROUP, **(topic or {}))
        with self.warehouse.begin() as connection:
            connection.exec_driver_sql("delete from segment.membership")
            for one in customer_ids:
                member(connection, one, f"cart-{one}-{self.now:%j%H}", at=self.now)
        plan(self.warehouse, campaign_of(reenter_after_days=1, exit_on=["order"]), mails, self.now)
        known = self.installation
        Installation(known.settings, known.engine, {**known.topics, "reminders": mails}, known.brand).deliver(
            lambda: self.now, "test"
        )
        query = "select customer_id from message.message where accepted_at = :now and campaign = 'cart_abandoned'"
        with self.warehouse.connect() as connection:
            return {name for (name,) in rows(connection, query, now=self.now)}

    def permissions(self) -> dict[str, str]:
        with self.warehouse.connect() as connection:
            return dict(rows(connection, "select customer_id, permission from source.customer"))
