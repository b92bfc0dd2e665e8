"""Mailboxes that several campaigns write to: planned, delivered, and what the provider took of it, moment by moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self
from unittest.mock import patch

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from builders import customer, rows
from lifecycle_mail import delivery
from lifecycle_mail.campaigns import Campaign, Topic
from lifecycle_mail.delivery import worker
from lifecycle_mail.sendgrid.answers import Accepted
from lifecycle_mail.sendgrid.requests import Request
from lifecycle_mail.settings import Settings
from planning import campaign_of, member, plan, topic_of

BOX = "box@example.com"
MESSAGES = """
select message_id::text, campaign, customer_id, state, reason, not_before
from message.message
order by campaign, customer_id
"""


class Killed(BaseException):
    """The worker dies here."""


@dataclass
class Post:
    """The provider: takes every request and notes what it took and when, or dies, or gives an answer it is told to."""

    now: datetime | None = None
    taken: list[tuple[datetime, str, str]] = field(default_factory=list)  # moment, address, message id
    answers: list[Any] = field(default_factory=list)  # 'before' and 'after': the worker dies there

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def send(self, request: Request, _answer_by: float) -> Any:
        told = self.answers.pop(0) if self.answers else None
        if told == "before":
            raise Killed
        if told not in (None, "after"):
            return told
        for one in orjson.loads(b"".join(request.pieces()))["personalizations"]:
            assert self.now is not None
            self.taken.append((self.now, one["to"][0]["email"], one["custom_args"]["lm_message_id"]))
        if told == "after":
            raise Killed
        return Accepted(f"x-{len(self.taken)}")


@dataclass
class Mailboxes:
    """A warehouse whose mails go to a provider of the test's own."""

    warehouse: Engine
    topics: dict[str, Topic] = field(default_factory=lambda: {"reminders": topic_of(cap={"mails": 1, "per": "day"})})
    post: Post = field(default_factory=Post)

    def person(self, name: str, zone: str | None = None, address: str = BOX, **columns: Any) -> None:
        with self.warehouse.begin() as connection:
            customer(connection, name, timezone=zone, email=address, **columns)

    def run(self, statement: str, **values: Any) -> None:
        with self.warehouse.begin() as connection:
            connection.execute(sa.text(statement), values)

    def plan(self, name: str, priority: int, at: datetime, *people: str, **changes: Any) -> Campaign:
        """One planning run of a campaign for these people, whose mails are due at `at`."""
        topic = self.topics[changes.setdefault("topic", "reminders")]
        given = {"campaign": name, "priority": priority, "max_lateness_hours": 30, **changes}
        campaign = campaign_of(**given)
        with self.warehouse.begin() as connection:
            connection.exec_driver_sql("delete from segment.membership")
            for person in people:
                member(connection, person, f"{name}-{person}-{at:%d%H%M}", at)
        plan(self.warehouse, campaign, topic, at)
        return campaign

    def deliver(self, now: datetime, **settings: Any) -> list[str]:
        """One run of delivery; return the campaigns whose mails the provider took in it, in order."""
        self.post.now, before = now, len(self.post.taken)
        url = self.warehouse.url.render_as_string(hide_password=False)
        told = {"mode": "simulate", "sendgrid_base_url": "http://127.0.0.1:1", "sendgrid_api_key": "SG.x", **settings}
        with self._post():
            delivery.deliver(
                self.warehouse, Settings(database_url=url, **told), self.topics, clock=lambda: now, worker="test",
                sleep=lambda seconds: None,
            )  # fmt: skip
        named = {row[0]: row[1] for row in self.messages()}
        return [named[message_id] for _, _, message_id in self.post.taken[before:]]

    @contextmanager
    def _post(self) -> Iterator[None]:
        with patch.object(worker, "Provider", lambda settings: self.post):
            yield

    def messages(self) -> list[tuple[Any, ...]]:
        """Every mail: message id, campaign, customer, state, reason, not before."""
        with self.warehouse.connect() as connection:
            return rows(connection, MESSAGES)

    def states(self) -> dict[str, tuple[str, str | None]]:
        """Campaign → state and reason of its mail; each has one."""
        return {row[1]: row[3:5] for row in self.messages()}
