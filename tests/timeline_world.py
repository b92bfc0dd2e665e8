"""A made-up world that is walked through time by the real library: what tests/timelines tell in world.yaml.

The moments of a world are taken in order. At each, first its feeds are loaded, then the events that are told are
ingested, then the campaigns are planned and their mails delivered to the simulator.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import yaml
from sqlalchemy.engine import Engine

from builders import rows
from lifecycle_mail import delivery
from lifecycle_mail.pipeline import Installation, open_installation
from lifecycle_mail.settings import Settings
from lifecycle_mail.sources import load_feeds
from running_services import API_KEY, Service

KEYS = {"campaigns", "feeds", "events", "answers", "runs"}
EVENT_KEYS = {"at", "customer", "campaign", "step", "event", "link"}
ANSWER_KEYS = {"at", "customer", "campaign", "step", "survey", "answer", "confirm"}
LOST = {"bounce", "blocked", "dropped"}
PERSON = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)"
A_MINUTE = dt.timedelta(minutes=1)
Row = dict[str, str]


class WorldError(Exception):
    """A world.yaml that cannot be walked: what is wrong, and where."""


@dataclass(frozen=True)
class World:
    """A world as its file tells it; all values are texts, as feed files have them."""

    campaigns: list[str]
    feeds: dict[dt.datetime, dict[str, list[Row]]]
    events: dict[dt.datetime, list[Row]]
    answers: dict[dt.datetime, list[Row]]
    runs: list[dt.datetime]

    def moments(self) -> list[dt.datetime]:
        """Return every moment at which something happens, in order."""
        return sorted({*self.feeds, *self.events, *self.answers, *self.runs})


def read_world(folder: Path) -> World:
    """Read world.yaml of `folder`, which is called as its campaign."""
    told = yaml.load((folder / "world.yaml").read_text(), Loader=yaml.BaseLoader)
    _require(set(told) <= KEYS, f"world.yaml has unknown keys: {sorted(set(told) - KEYS)}")
    return World(
        campaigns=told.get("campaigns", [folder.name]),
        feeds={moment(load["at"]): _feeds(load) for load in told["feeds"]},
        events=_events(told.get("events", []), EVENT_KEYS),
        answers=_events(told.get("answers", []), ANSWER_KEYS),
        runs=[one for entry in told["runs"] for one in _runs(entry)],
    )


def moment(text: str) -> dt.datetime:
    """Read a time with its offset, such as 2026-03-02T09:00Z."""
    at = dt.datetime.fromisoformat(text)
    _require(at.tzinfo is not None, f"{text} has no offset: write 2026-03-02T09:00Z")
    return at.astimezone(dt.UTC)


def _feeds(load: dict[str, Any]) -> dict[str, list[Row]]:
    feeds = {name: one for name, one in load.items() if name != "at"}
    feeds["customers"] = [_customer(row) for row in feeds.get("customers", [])]
    return {name: found for name, found in feeds.items() if found}


def _customer(row: Row) -> Row:
    """Give a customer what the file leaves out: an address, an age as a customer, and permission."""
    plain = {"email": f"{row['customer_id']}@example.com", "created_at": "2025-01-01T00:00:00Z"}
    if "permission" not in row:
        plain |= {"permission": "confirmed", "permission_at": "2025-01-01T00:00:00Z"}
    return {**plain, **row}


def _events(told: list[Row], keys: set[str]) -> dict[dt.datetime, list[Row]]:
    events = defaultdict(list)
    for event in told:
        _require(set(event) <= keys, f"unknown keys {sorted(set(event) - keys)} in {event}")
        events[moment(event["at"])].append(event)
    return dict(events)


def _runs(entry: str | Row) -> Iterator[dt.datetime]:
    if isinstance(entry, str):
        yield moment(entry)
        return
    at, last, every = moment(entry["from"]), moment(entry["to"]), dt.timedelta(hours=float(entry["every_hours"]))
    while at <= last:
        yield at
        at += every


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise WorldError(otherwise)


@dataclass
class Walk:
    """One walk through a world: an installation, its folders, and how many files of each kind were written."""

    world: World
    installation: Installation
    folder: Path
    files: int = 0

    def go(self) -> None:
        """Take every moment of the world."""
        for at in self.world.moments():
            self._load(at)
            self._report([self._event(event, at) for event in self.world.events.get(at, [])])
            self._report([self._answer(answer, at) for answer in self.world.answers.get(at, [])])
            if at in self.world.runs:
                self._run(at)
        self.installation.roll_up(self.world.moments()[-1] + A_MINUTE)

    def _load(self, at: dt.datetime) -> None:
        feeds = self.world.feeds.get(at)
        if not feeds:
            return
        folder = self._next("feeds")
        for name, found in feeds.items():
            (folder / f"{name}.ndjson").write_bytes(b"\n".join(map(orjson.dumps, found)) + b"\n")
        report = load_feeds(self.installation.engine, folder, link_secret="secret", now=at)
        wrong = [f"{what}: {number}" for what, number in report.counts().items() if number and "_loaded" not in what]
        _require(not wrong, f"feeds of {at:%Y-%m-%d %H:%M}: {', '.join(wrong)}")

    def _run(self, at: dt.datetime) -> None:
        for campaign in self.world.campaigns:
            self.installation.plan(campaign, at, at)
        delivery.deliver(
            self.installation.engine, self.installation.settings, self.installation.topics,
            clock=lambda: at, worker="timeline", sleep=lambda seconds: None,
        )  # fmt: skip
        self._report(self._arrivals(at))

    def _arrivals(self, at: dt.datetime) -> list[dict[str, Any]]:
        """Return what the provider reports a second after it took the mails of a run: that they were delivered.

        A mail for which the world tells a bounce was not delivered.
        """
        lost = {(one["customer"], one["step"]) for found in self.world.events.values() for one in found
                if one["event"] in LOST}  # fmt: skip
        query = "select message_id, customer_id, step from message.message where accepted_at = :at"
        with self.installation.engine.connect() as connection:
            taken = rows(connection, query, at=at)
        return [
            _reported(message_id, customer_id, "delivered", at + dt.timedelta(seconds=1))
            for message_id, customer_id, step in taken
            if (customer_id, step) not in lost
        ]

    def _event(self, event: Row, at: dt.datetime) -> dict[str, Any]:
        kind = "bounce" if event["event"] == "blocked" else event["event"]
        told: dict[str, dict[str, Any]] = {
            "bounce": {"type": event["event"], "reason": "550"}, "click": {"url": event.get("link")},
        }  # fmt: skip
        return _reported(self._mail(event, at), event["customer"], kind, at, **told.get(kind, {}))

    def _answer(self, answer: Row, at: dt.datetime) -> dict[str, Any]:
        """Return what the pages behind a mail write down: an answer to a survey, or a confirmation."""
        message_id = self._mail(answer, at)
        if "confirm" in answer:
            return _reported(message_id, answer["customer"], "lm_confirm", at, page=answer["confirm"])
        told = {key: answer[key] for key in ("survey", "answer")}
        return _reported(message_id, answer["customer"], "lm_answer", at, **told)

    def _mail(self, told: Row, at: dt.datetime) -> Any:
        """Return the id of the newest mail of a step to a customer."""
        query = (
            "select message_id from message.message where customer_id = :customer and step = :step"
            " and campaign = :campaign and accepted_at <= :at order by accepted_at desc limit 1"
        )
        campaign = told.get("campaign", self.world.campaigns[0])
        with self.installation.engine.connect() as connection:
            found = rows(connection, query, campaign=campaign, at=at, customer=told["customer"], step=told["step"])
        _require(bool(found), f"at {told['at']} {told['customer']} has no mail of step {told['step']}")
        return found[0][0]

    def _report(self, events: list[dict[str, Any]]) -> None:
        if not events:
            return
        folder = self._next("events")
        (folder / "export.ndjson").write_bytes(b"\n".join(map(orjson.dumps, events)) + b"\n")
        report = self.installation.ingest(folder)
        _require(not report.rejected, f"events: {report}")

    def _next(self, kind: str) -> Path:
        self.files += 1
        folder = self.folder / f"{kind}-{self.files}"
        folder.mkdir()
        return folder


def _reported(message_id: Any, customer_id: str, event: str, at: dt.datetime, **told: Any) -> dict[str, Any]:
    """Return an event as SendGrid posts it; it is a person's, not a scanner's."""
    return {
        "sg_event_id": f"{event}-{message_id}-{at.timestamp()}-{told.get('url')}",
        "lm_message_id": str(message_id),
        "email": f"{customer_id}@example.com",
        "event": event,
        "timestamp": int(at.timestamp()),
        "useragent": PERSON,
        **told,
    }


def walk(world: World, warehouse: Engine, simulator: Service, folder: Path) -> None:
    """Walk `world` in an empty warehouse, with files in `folder`."""
    settings = Settings(
        database_url=warehouse.url.render_as_string(hide_password=False), mode="simulate", link_secret="secret",
        sendgrid_api_key=API_KEY, sendgrid_base_url=simulator.url, events_dir=folder,
    )  # fmt: skip
    installation = open_installation(settings)
    try:
        Walk(world, installation, folder).go()
    finally:
        installation.engine.dispose()
