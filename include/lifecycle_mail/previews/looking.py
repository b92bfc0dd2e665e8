"""A segment at a moment: its size, who may be mailed and why not the others, overlaps, and some masked customers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from sqlalchemy.engine import Connection, Engine

from lifecycle_mail import segments
from lifecycle_mail.campaigns import Topic
from lifecycle_mail.database import run

MANY_MAILS = 10
"""Marketing mails in 30 days from which on a customer counts as one who gets much."""


@dataclass(frozen=True)
class Reach:
    """Customers by whether they may be mailed now; `refused` has the first reason of each of the others."""

    mailable: int
    refused: dict[str, int]


@dataclass(frozen=True)
class Pressure:
    """Customers who were capped in 7 days, who got MANY_MAILS or any mail in 30 days, and the mails of these days."""

    capped: int
    mailed_often: int
    mailed: int
    mails: int


@dataclass(frozen=True)
class Change:
    """What a version changes against the one that runs: customers who come in, leave and stay."""

    come_in: int
    leave: int
    stay: int


@dataclass(frozen=True)
class SegmentPreview:
    """A segment at `as_of`: customers and memberships, and what is known of them now.

    `overlaps`: (segment, its customers, those it shares). `sample`: ten masked customers as name → value.
    `seconds` is the time of the select that found the members.
    """

    segment: segments.SegmentDefinition
    as_of: dt.datetime
    topic: str
    memberships: int
    customers: int
    list_size: int
    reach: Reach
    pressure: Pressure
    overlaps: Sequence[tuple[str, int, int]]
    sample: Sequence[dict[str, Any]]
    change: Change | None
    sql: str
    seconds: float

    @property
    def share(self) -> float:
        """The share of the list, 0 to 1."""
        return self.customers / self.list_size if self.list_size else 0.0


def preview(
    engine: Engine, name: segments.Asked, topic: Topic, as_of: dt.datetime, now: dt.datetime, former: str | None = None
) -> SegmentPreview:
    """Return the preview of segment `name` (or a rules file) for mails of `topic`.

    Members are those at `as_of`. Permission, caps and pressure are those of `now`, when a mail would go.
    `former` names the segment that `name` would take the place of.

    Raises:
        SegmentError: unknown segment, wrong rules, or the select fails.
    """
    segment = segments.definition(name)
    with engine.connect() as connection:
        begun = perf_counter()
        customers = segments.copy_customers(connection, "preview_member", name, as_of)
        seconds = perf_counter() - begun
        if former is not None:
            segments.copy_customers(connection, "preview_former", former, as_of)
        found = SegmentPreview(
            segment=segment,
            as_of=as_of,
            topic=topic.topic,
            memberships=_memberships(connection),
            customers=customers,
            list_size=run(connection, "previews/list_size", as_of=as_of).scalar_one(),
            reach=_reach(connection, topic, now),
            pressure=Pressure(**run(connection, "previews/pressure", now=now, many=MANY_MAILS).mappings().one()),
            overlaps=[tuple(row) for row in run(connection, "previews/overlap", as_of=as_of, segment=segment.name)],
            sample=[dict(row) for row in run(connection, "previews/sample", as_of=as_of).mappings()],
            change=None if former is None else Change(**run(connection, "previews/change").mappings().one()),
            sql=segments.shown_sql(connection, name, as_of),
            seconds=seconds,
        )
        connection.rollback()
    return found


def reach(
    engine: Engine,
    name: segments.Asked,
    topic: Topic,
    as_of: dt.datetime,
    now: dt.datetime,
    parameters: dict[str, Any] | None = None,
) -> Reach:
    """Return who of the members at `as_of` may be mailed about `topic` now, and why the others may not."""
    with engine.connect() as connection:
        segments.copy_customers(connection, "preview_member", name, as_of, parameters)
        found = _reach(connection, topic, now)
        connection.rollback()
    return found


def judge(connection: Connection, topic: Topic, now: dt.datetime) -> None:
    """Create preview_judged: whether each customer of preview_member may be mailed about `topic` now."""
    run(
        connection, "previews/create_judged",
        topic=topic.topic, permissions=list(topic.permissions), is_marketing=topic.is_marketing, now=now,
    )  # fmt: skip


def _reach(connection: Connection, topic: Topic, now: dt.datetime) -> Reach:
    judge(connection, topic, now)
    counted = {row.reason: row.customers for row in run(connection, "previews/reach")}
    return Reach(mailable=counted.pop(None, 0), refused=counted)


def _memberships(connection: Connection) -> int:
    return int(connection.exec_driver_sql("select coalesce(sum(memberships), 0) from preview_member").scalar_one())
