"""What a segment would have done: at points of the past, who entered, and what would have become of a mail to each."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy.engine import Connection, Engine

from lifecycle_mail import segments
from lifecycle_mail.campaigns import Topic
from lifecycle_mail.database import run
from lifecycle_mail.previews.looking import MANY_MAILS

_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Steps:
    """How many points, and how far they are apart."""

    points: int
    apart: dt.timedelta


WEEKLY = Steps(13, 7 * _DAY)
DAILY = Steps(90, _DAY)


@dataclass(frozen=True)
class Point:
    """The segment at one moment: its customers, and those who entered since the point before.

    Of these, `mails` would have been mailed, and `capped` not, because marketing mails had filled their cap.
    `pressed` are those who may be mailed and got MANY_MAILS in the 30 days before.
    """

    at: dt.datetime
    members: int
    entered: int
    mails: int
    capped: int
    pressed: int


def replay(
    engine: Engine, name: segments.Asked, topic: Topic, until: dt.datetime, steps: Steps = WEEKLY
) -> list[Point]:
    """Return the points up to `until`, as one mail of `topic` to each who entered would have gone.

    Members are judged at each point, on the facts timed up to it. Permission and words against mail are those of today.

    Raises:
        SegmentError: unknown segment, wrong rules, or the select fails.
    """
    with engine.connect() as connection:
        _begin(connection)
        for number in range(steps.points + 1):
            _add_point(connection, name, number, until - (steps.points - number) * steps.apart)
        connection.exec_driver_sql("analyze replay_member")
        found = run(
            connection, "previews/replay",
            topic=topic.topic, permissions=list(topic.permissions), many=MANY_MAILS, **_cap(topic),
        )  # fmt: skip
        points = [Point(**row) for row in found.mappings()]
        connection.rollback()
    return points


def _begin(connection: Connection) -> None:
    for statement in ("create_replay_point", "create_replay_member"):
        run(connection, f"previews/{statement}")


def _add_point(connection: Connection, name: segments.Asked, number: int, at: dt.datetime) -> None:
    segments.copy_customers(connection, "replay_now", name, at)
    run(connection, "previews/add_point", point_no=number, at=at)
    run(connection, "previews/add_members", point_no=number, at=at)
    connection.exec_driver_sql("drop table replay_now")


def _cap(topic: Topic) -> dict[str, float | None]:
    if topic.cap is None:
        return {"cap_mails": None, "cap_hours": 24}
    return {"cap_mails": topic.cap.mails, "cap_hours": 168 if topic.cap.per == "week" else 24}
