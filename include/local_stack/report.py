"""What the demo prints at its end: every figure is a query of include/sql/demo on the warehouse.

Benchmarks stand next to the measured ones. If nothing was delivered, a rate is a dash, never zero.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from sqlalchemy.engine import Connection, Engine, Row

from lifecycle_mail.database import run

NEW = "new in this run"
ON_A_PAGE = 4  # campaigns next to each other
CREDIT_COUNTS = "Credited revenue is of orders soon after a mail. People buy without mail too: the lift says how many."
LIFT_COUNTS = (
    "Rates are shares of mails, the campaign's goal is one of series. Lift compares people whose series got mail with "
    "those held out, each counted once, after their time to reach the goal is over."
)
MISMATCH_P = 0.001  # below it, kpi.campaign_lift calls nothing: chance cannot have dealt such arms


def print_report(console: Console, warehouse: Engine, since: dt.datetime) -> None:
    """Print every table, with the counts of what came since `since` (aware) next to the totals."""
    with warehouse.connect() as connection:
        console.print(_loaded(connection, since))
        for table in _rejected(connection, since):
            console.print(table)
        console.print(_segments(connection))
        for table in _decisions(connection, since):
            console.print(table)
        console.print(_messages(connection, since))
        console.print(_events(connection, since))
        for table in _kpis(connection):
            console.print(table)
        console.print(f"{LIFT_COUNTS} {CREDIT_COUNTS}\n")


def _loaded(connection: Connection, since: dt.datetime) -> Table:
    table = _table("Rows loaded", "feed", "rows", NEW)
    for row in run(connection, "demo/rows_loaded", since=since):
        table.add_row(row.feed, _count(row.row_count), _count(row.new_count))
    return table


def _rejected(connection: Connection, since: dt.datetime) -> tuple[Table, Table]:
    """Return the rows that were refused, and apart from them the rows that were loaded without a value."""
    counts = ("rows", NEW, "for example")
    refused = _table("Rows refused, by reason", "feed", "reason", *counts, right=(2, 3))
    aside = _table(
        "Values set aside (their rows were loaded without them)", "feed", "column", "reason", *counts, right=(3, 4)
    )
    for row in run(connection, "demo/rows_rejected", since=since):
        told = (row.reason, _count(row.row_count), _count(row.new_count), row.example)
        if row.is_loaded:
            aside.add_row(row.feed, row.left_out, *told)
        else:
            refused.add_row(row.feed, *told)
    return refused, aside


def _segments(connection: Connection) -> Table:
    table = _table("Segments", "segment", "members", "customers", "entered that day", "left", "as of (UTC)")
    for row in run(connection, "demo/segment_sizes"):
        counts = (row.members, row.customers, row.entered, row.departed)
        table.add_row(row.segment, *map(_count, counts), f"{row.as_of:%Y-%m-%d %H:%M}")
    return table


def _decisions(connection: Connection, since: dt.datetime) -> Iterator[Table]:
    rows = run(connection, "demo/decisions", since=since).all()
    for names in _side_by_side(sorted({row.campaign for row in rows})):
        yield _decisions_of(names, [row for row in rows if row.campaign in names])


def _decisions_of(campaigns: Sequence[str], rows: Sequence[Row[Any]]) -> Table:
    counts: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    new: dict[tuple[str, str], int] = defaultdict(int)
    for row in rows:
        counts[row.outcome, row.reason][row.campaign] = row.row_count
        new[row.outcome, row.reason] += row.new_count
    heads = ("outcome", "reason", *campaigns, "all", NEW)
    table = _table("Decisions: one named answer per due step", *heads, right=range(2, len(heads)))
    for (outcome, reason), by_campaign in counts.items():
        cells = [_count(by_campaign.get(campaign, 0)) for campaign in campaigns]
        cells += [_count(sum(by_campaign.values())), _count(new[outcome, reason])]
        table.add_row(outcome, reason, *cells)
    return table


def _messages(connection: Connection, since: dt.datetime) -> Table:
    heads = ("campaign", "state", "why", "mails", "accepted in this run")
    table = _table("Mails, by state", *heads, right=(3, 4))
    for row in run(connection, "demo/messages", since=since):
        counts = (_count(row.row_count), _count(row.accepted_now))
        table.add_row(row.campaign, row.state, row.reason or "", *counts)
    return table


def _events(connection: Connection, since: dt.datetime) -> Table:
    table = _table("Events, each counted once", "kind", "events", NEW)
    for row in run(connection, "demo/events", since=since):
        table.add_row(row.kind, _count(row.row_count), _count(row.new_count))
    return table


# The KPI table: one row per KPI, one column per campaign, and the benchmarks next to them.


@dataclass(frozen=True)
class Kpi:
    """One line of the table: its name, the column of demo/campaign_kpis, and what the guides call good.

    `unit` is count or ratio (shown in percent).
    """

    name: str
    column: str
    unit: str = "ratio"
    good: str = ""

    def cell(self, row: Row[Any]) -> str:
        """Return the campaign's value; a dash if there is nothing to divide by."""
        value = getattr(row, self.column)
        if value is None:
            return "–"
        if self.unit == "count":
            return _count(value)
        return f"{100 * value:.2f} %"


KPIS = (
    Kpi("mails accepted", "accepted", "count"),
    Kpi("steps held out", "held_out", "count"),
    Kpi("delivery rate", "delivery_rate", good="near 100 %"),
    Kpi("  mails we heard of", "events_coverage", good="near 100 %"),
    Kpi("open rate (people)", "open_rate", good="20 %"),
    Kpi("  machine opens, not in it", "machine_open_rate"),
    Kpi("click-through rate", "click_through_rate", good="3 %"),
    Kpi("  click-to-open rate", "click_to_open_rate"),
    Kpi("conversion rate", "conversion_rate"),
    Kpi("  of mails clicked", "click_to_conversion"),
    Kpi("series that converted", "series_rate", good="its goal, below"),
    Kpi("  the campaign's goal", "goal_target_ratio"),
    Kpi("bounce rate", "bounce_rate", good="0.42 %"),
    Kpi("  of these hard", "hard_bounce_rate"),
    Kpi("unsubscribe rate", "unsubscribe_rate", good="below 0.05 %"),
    Kpi("complaint rate", "complaint_rate", good="below 0.1 %"),
)


def _kpis(connection: Connection) -> Iterator[Table]:
    campaigns = run(connection, "demo/campaign_kpis").all()
    revenue = run(connection, "demo/campaign_revenue").all()
    for some in _side_by_side(campaigns):
        yield _kpis_of(some, revenue)


def _kpis_of(campaigns: Sequence[Row[Any]], revenue: Sequence[Row[Any]]) -> Table:
    heads = ("KPI", *(row.campaign for row in campaigns), "benchmark")
    table = _table("KPIs of each campaign so far", *heads)
    for kpi in KPIS:
        table.add_row(kpi.name, *(kpi.cell(row) for row in campaigns), kpi.good)
    table.add_row("lift over the held out", *map(_lift, campaigns), "above 0")
    table.add_row("  95 % interval", *map(_lift_interval, campaigns), "")
    for name, column in (("credited revenue", "revenue"), ("  per e-mail", "revenue_per_email")):
        table.add_row(name, *(_money(revenue, row.campaign, column) for row in campaigns), "")
    return table


def _money(revenue: Sequence[Row[Any]], campaign: str, column: str) -> str:
    """Return a line per currency of the campaign, and one for all of them in the reporting currency; else a dash."""
    lines = [
        f"{getattr(row, column) or 0:,.2f} {row.currency}{' in all' if row.is_converted else ''}"
        for row in revenue
        if row.campaign == campaign
    ]
    return "\n".join(lines) or "–"


def _lift(row: Row[Any]) -> str:
    """Return the lift, or in its place why no number says anything."""
    if row.verdict is None:
        return "–"
    if row.verdict == "too_few":
        needed = "" if row.needed_units is None else f" of {int(row.needed_units):,}"
        return f"too few people yet ({int(row.eligible_units):,}{needed})"
    return "no call: arms not as dealt" if _is_mismatched(row) else f"{100 * row.lift:+.1f} pts"


def _lift_interval(row: Row[Any]) -> str:
    if row.verdict in (None, "too_few") or _is_mismatched(row):
        return ""
    return f"{100 * row.lift_low:+.1f} to {100 * row.lift_high:+.1f}"


def _is_mismatched(row: Row[Any]) -> bool:
    return row.sample_ratio_p is not None and row.sample_ratio_p < MISMATCH_P


def _table(title: str, *heads: str, right: Sequence[int] | None = None) -> Table:
    """Return a table whose columns numbered in `right` (default: all but the first) hold numbers."""
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    numbers = range(1, len(heads)) if right is None else right
    for position, head in enumerate(heads):
        table.add_column(head, justify="right" if position in numbers else "left", no_wrap=position == 0)
    return table


def _side_by_side(campaigns: Sequence[Any]) -> list[Sequence[Any]]:
    """Return the campaigns in groups that fit next to each other on a page; one empty group if there are none."""
    return [campaigns[first : first + ON_A_PAGE] for first in range(0, max(len(campaigns), 1), ON_A_PAGE)]


def _count(number: int) -> str:
    return f"{int(number):,}" if number else "–"
