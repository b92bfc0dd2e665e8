"""What an occurrence becomes that does not simply begin a series: it joins one, gives it its context, or waits.

Second half of enrolling (`series`), for one part of the customers, within its transaction. The table `candidate` holds
the occurrences without a series. journey.occurrence keeps what became of them, if journey.enrollment does not say it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection

from lifecycle_mail.campaigns import JOIN_AHEAD_DAYS, Campaign
from lifecycle_mail.database import bigints, run, run_given, run_with, scalar
from lifecycle_mail.segments import copy_members_ahead, definition

_BEGUN = {"begun_series": ("journeys/begun_series",)}


def follow(connection: Connection, campaign: Campaign, entry: dict[str, Any]) -> bool:
    """Fill the table `followed`: candidates about a thing that moved to them (a cart after a login), and what the
    series of its former customer means for theirs. Those who have to wait are marked. Return whether it is there.

    Three statements: create_former (whose series there were), create_followed (what was sent of them), mark_over.
    """
    if not definition(campaign.segment.name).moves:
        return False
    found = run_given(connection, "journeys/create_former", entry).rowcount
    if found:
        asked = {
            "as_of": entry["as_of"], "joins": campaign.joins, "returned_counts": False,
            "reenter_after_days": campaign.reenter_after_days,
            "last_after_hours": campaign.last_after_hours,
        }  # fmt: skip
        run_with(connection, "journeys/create_followed", _BEGUN, **asked)
        run(connection, "journeys/mark_over")
    connection.exec_driver_sql("drop table former")
    return found > 0


def supersede(connection: Connection, campaign: Campaign, entry: dict[str, Any]) -> tuple[int, int]:
    """Let newer occurrences end the series that nothing was sent of, or give the others their context.

    Three statements: create_outdated (whose running series is about something older), supersede, take_over. Returns how
    many series ended, and how many go on with a newer context.
    """
    run_given(connection, "journeys/create_outdated", entry)
    connection.exec_driver_sql("analyze outdated")
    asked = {"as_of": entry["as_of"], "returned_counts": False}
    ended = run_with(connection, "journeys/supersede", _BEGUN, **asked).scalar_one()
    taken = run_given(connection, "journeys/take_over", {**entry, "about": _about(campaign)}).rowcount
    connection.exec_driver_sql("drop table outdated")
    return ended, taken


def admit(connection: Connection, campaign: Campaign, entry: dict[str, Any]) -> None:
    """Fill the table `entrant`: the occurrences that join a running series, or begin one together.

    Five statements: create_joinable (running series that nothing was claimed of), create_recent and mark_recent (what
    may not be mailed about again yet), create_entrant, add_ahead.
    """
    given = {**entry, "about": _about(campaign), "reenter_after_days": campaign.reenter_after_days}
    asked = {name: entry[name] for name in ("campaign", "as_of")}
    run_with(connection, "journeys/create_joinable", _BEGUN, **asked, returned_counts=True)
    connection.exec_driver_sql("analyze joinable")
    for table in ("recent", "entrant"):
        run_given(connection, f"journeys/create_{table}", given)
        connection.exec_driver_sql(f"analyze {table}")
        if table == "recent":
            run_given(connection, "journeys/mark_recent", given)
    if _look_ahead(connection, campaign, entry["as_of"]):
        run_given(connection, "journeys/add_ahead", given)
        connection.exec_driver_sql("drop table ahead")
        connection.exec_driver_sql("analyze entrant")


def days_ahead(campaign: Campaign) -> int:
    """Return the days within which what falls due is part of a series that begins.

    Raises:
        SegmentError: the campaign asks for it, and its segment cannot look ahead, or not so far.
    """
    segment = definition(campaign.segment.name)
    if not campaign.joins or (campaign.join_ahead_days is None and segment.ahead is None):
        return 0
    days = JOIN_AHEAD_DAYS if campaign.join_ahead_days is None else campaign.join_ahead_days
    if days:
        segment.looking_ahead(campaign.segment.parameters, days)
    return days


def _look_ahead(connection: Connection, campaign: Campaign, as_of: dt.datetime) -> bool:
    """Fill the table `ahead` with what falls due soon to customers whose series begins; return whether there is such a
    customer."""
    days, segment = days_ahead(campaign), campaign.segment
    beginning = "select entrant.customer_id from entrant where entrant.place = 1 and not entrant.joins"
    if not days or not connection.exec_driver_sql(f"{beginning} limit 1").all():
        return False
    copy_members_ahead(connection, "ahead", segment.name, segment.parameters, as_of, days, beginning)
    return True


def join_series(connection: Connection, campaign: Campaign, entry: dict[str, Any]) -> int:
    """Write which entrants share a series, and give these series the contexts of all; return how many joined.

    Four statements: create_sharing (the entrants that do not have a series alone), share (their rows), replace_parts
    (a newer occurrence of the same thing), write_contexts.
    """
    given = {**entry, "about": _about(campaign)}
    if not run_given(connection, "journeys/create_sharing", given).rowcount:
        joined = 0
    else:
        connection.exec_driver_sql("analyze sharing")
        joined = run_given(connection, "journeys/share", given).one().joined
        run_given(connection, "journeys/replace_parts", given)
        changed = connection.exec_driver_sql("select distinct enrollment_id from sharing").scalars()
        _write_contexts(connection, changed)
    connection.exec_driver_sql("drop table joinable, recent, entrant, sharing")
    return joined


def write_waiting(connection: Connection, entry: dict[str, Any]) -> int:
    """Name the reason why candidates have no series; return how many reasons are new."""
    return run_given(connection, "journeys/write_waiting", entry).rowcount


def end_shared_by_exit(connection: Connection, campaign: Campaign, given: dict[str, Any]) -> int:
    """End the occurrences of shared series that an exit ends, and series with their last; return how many series ended.

    Statements: close_parts and has_shared (is there any?), create_struck (the series), end_parts (their occurrences),
    end_with_parts (series without any left). The others go on with the context of the occurrences that are left.
    """
    files = campaign.exit_files
    run(connection, "journeys/close_parts", campaign=campaign.campaign)
    if not scalar(connection, "journeys/has_shared", campaign=campaign.campaign):
        return 0
    finding = {name: given[name] for name in ("campaign", "topic", "as_of")}
    struck = run_with(connection, "journeys/create_struck", {"exit_words": files}, **finding).rowcount
    ended = 0
    if struck:
        ending = {"topic": given["topic"], "by_moment": given["as_of"], "goal_facts": given["goal_facts"]}
        parts = run_with(connection, "journeys/end_parts", judged_part(campaign), **ending).scalars().all()
        ended = scalar(connection, "journeys/end_with_parts", as_of=given["as_of"])
        _write_contexts(connection, set(parts))
    connection.exec_driver_sql("drop table struck")
    return int(ended)


def judged_part(campaign: Campaign) -> dict[str, tuple[str, ...]]:
    """Return the files that a statement about occurrences of shared series is put together from."""
    return {"judged_part": ("journeys/judged_part",), "exit_words": campaign.exit_files}


@dataclass(frozen=True)
class PartExit:
    """An occurrence of a shared series, and the fact that ends it; None = it goes on."""

    occurrence: str
    reason: str | None
    exited_at: dt.datetime | None


def part_exits(connection: Connection, campaign: Campaign, customer_id: str, as_of: dt.datetime) -> list[PartExit]:
    """Return what planning would end the occurrences of the customer's shared series with at `as_of`, the first to end
    first; no row if the customer has no such series."""
    asked = {"campaign": campaign.campaign, "customer_id": customer_id, "topic": campaign.topic, "by_moment": as_of}
    found = run_with(connection, "journeys/part_exits", judged_part(campaign), **asked)
    return [PartExit(**row._mapping) for row in found]


def _write_contexts(connection: Connection, enrollment_ids: Iterable[int]) -> None:
    run(connection, "journeys/write_contexts", enrollment_ids=bigints(enrollment_ids))


def _about(campaign: Campaign) -> list[str]:
    return list(definition(campaign.segment.name).about)
