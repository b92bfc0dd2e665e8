"""What the demo prints at its end: every figure is a query of include/sql/demo on the warehouse.

The guide's figures stand beside the measured ones; where nothing was delivered a rate is a dash, never zero.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from sqlalchemy.engine import Connection, Engine, Row

from lifecycle_mail.database import run

Kpis = Row[Any]
NEW = "new in this run"


def print_report(console: Console, warehouse: Engine, since: dt.datetime) -> None:
    """Print every table; counts of what came since `since` (aware) stand beside the totals."""
    with warehouse.connect() as connection:
        console.print(_loaded(connection, since))
        console.print(_rejected(connection, since))
        console.print(_segments(connection))
        console.print(_decisions(connection, since))
        console.print(_messages(connection, since))
        console.print(_events(connection, since))
        console.print(_kpis(connection))


def _loaded(connection: Connection, since: dt.datetime) -> Table:
    table = _table("Rows loaded", "feed", "rows", NEW)
    for row in run(connection, "demo/rows_loaded", since=since):
        table.add_row(row.feed, _count(row.row_count), _count(row.new_count))
    return table


def _rejected(connection: Connection, since: dt.datetime) -> Table:
    heads = ("feed", "reason", "rows", NEW, "for example")
    table = _table("Rows rejected, by reason", *heads, right=(2, 3))
    for row in run(connection, "demo/rows_rejected", since=since):
        table.add_row(row.feed, row.reason, _count(row.row_count), _count(row.new_count), row.example)
    return table


def _segments(connection: Connection) -> Table:
    table = _table("Segments", "segment", "members", "customers", "entered that day", "left", "as of (UTC)")
    for row in run(connection, "demo/segment_sizes"):
        counts = (row.members, row.customers, row.entered, row.departed)
        table.add_row(row.segment, *map(_count, counts), f"{row.as_of:%Y-%m-%d %H:%M}")
    return table


def _decisions(connection: Connection, since: dt.datetime) -> Table:
    rows = run(connection, "demo/decisions", since=since).all()
    campaigns = sorted({row.campaign for row in rows})
    counts: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    new: dict[tuple[str, str], int] = defaultdict(int)
    for row in rows:
        counts[row.outcome, row.reason][row.campaign] = row.row_count
        new[row.outcome, row.reason] += row.new_count
    heads = ("outcome", "reason", *campaigns, "all", NEW)
    table = _table("Decisions: one named answer a due step", *heads, right=range(2, len(heads)))
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


# The KPI table: one row a KPI, one column a campaign, the guide's figure beside them.


def _rate(numerator: str, denominator: str) -> Callable[[Kpis], str]:
    def cell(row: Kpis) -> str:
        count, base = getattr(row, numerator), getattr(row, denominator)
        return f"{100 * count / base:.2f} %" if base else "–"

    return cell


def _number(name: str) -> Callable[[Kpis], str]:
    return lambda row: _count(getattr(row, name))


def _revenue_per_mail(row: Kpis) -> str:
    return f"{row.revenue / row.delivered:.3f}" if row.delivered else "–"


def _goal(row: Kpis) -> str:
    return f"{100 * row.goal_target_ratio:.1f} %" if row.goal_target_ratio is not None else "–"


KPIS: tuple[tuple[str, Callable[[Kpis], str], str], ...] = (
    ("mails accepted", _number("accepted"), ""),
    ("people held out", _number("held_out"), ""),
    ("delivery rate", _rate("delivered", "accepted"), "near 100 %"),
    ("open rate (human)", _rate("openers", "delivered"), "20 %"),
    ("machine opens, beside", _rate("machine_openers", "delivered"), ""),
    ("click-through rate", _rate("clickers", "delivered"), "3.0 %"),
    ("click-to-open rate", _rate("clickers", "openers"), ""),
    ("conversion rate", _rate("converters", "delivered"), "the goal"),
    ("  goal of the campaign", _goal, ""),
    ("revenue per e-mail", _revenue_per_mail, ""),
    ("bounce rate, hard", _rate("bounced_hard", "accepted"), "0.42 % both"),
    ("bounce rate, soft", _rate("bounced_soft", "accepted"), ""),
    ("unsubscribe rate", _rate("unsubscribed", "delivered"), "below 0.05 %"),
    ("complaint rate", _rate("complained", "delivered"), "below 0.1 %"),
)


def _kpis(connection: Connection) -> Table:
    campaigns = run(connection, "demo/campaign_kpis").all()
    heads = ("KPI", *(row.campaign for row in campaigns), "the guide")
    table = _table("KPIs of each campaign so far", *heads)
    for name, cell, guide in KPIS:
        table.add_row(name, *(cell(row) for row in campaigns), guide)
    return table


def _table(title: str, *heads: str, right: Sequence[int] | None = None) -> Table:
    """Return a table whose columns numbered in `right` (default: all but the first) hold numbers."""
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    numbers = range(1, len(heads)) if right is None else right
    for position, head in enumerate(heads):
        table.add_column(head, justify="right" if position in numbers else "left", no_wrap=position == 0)
    return table


def _count(number: int) -> str:
    return f"{int(number):,}" if number else "–"
