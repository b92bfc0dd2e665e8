"""What a run prints at its end, and keeps as JSON: the three books side by side."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from cluster.scenario import BUYERS, PEOPLE, REQUEST_SECONDS
from cluster.stack import WORKERS
from cluster.totals import Totals, problems

COMMAND = "make compose-test KEEP=bench/compose.json"


def print_report(console: Console, totals: Totals, seconds: int) -> None:
    """Print the mails of each campaign by what became of them, then what the kill did."""
    books = _by_campaign(totals)
    heads = ("campaign", "decided", "accepted", "cancelled", "rejected", "open", "by the provider", "by the KPIs")
    table = Table(*heads, title="Mails, by three books", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for campaign, row in books.items():
        table.add_row(campaign, *(f"{number:,}" for number in row.values()))
    table.add_row("all", *(f"{sum(row[head] for row in books.values()):,}" for head in heads[1:]))
    console.print()
    console.print(table)
    for name, value in _figures(totals).items():
        console.print(f"{name.replace('_', ' '):<42} {value:>9,}", highlight=False)
    verdict = "Every promise was kept." if not problems(totals) else "NOT every promise was kept:"
    console.print(f"\n{verdict} {seconds // 60} minutes {seconds % 60} seconds.", highlight=False)


def write_result(file: Path, totals: Totals, seconds: int) -> None:
    """Write the same as JSON, with the command that made it."""
    result = {
        "command": COMMAND,
        "machine": f"{os.cpu_count()} cores",
        "workers": WORKERS,
        "customers": 4 * PEOPLE,
        "buyers_before_delivery": BUYERS,
        "seconds_a_request_is_held_back": REQUEST_SECONDS,
        "campaigns": _by_campaign(totals),
        "figures": _figures(totals),
        "seconds": seconds,
    }
    file.write_text(json.dumps(result, indent=2) + "\n")


def _by_campaign(totals: Totals) -> dict[str, dict[str, int]]:
    states = Counter((mail.campaign, mail.state) for mail in totals.mails)
    campaign_of = {mail.message_id: mail.campaign for mail in totals.mails}
    provider = Counter(campaign_of.get(str(key)) for key in totals.provider_ids)
    ended = ("accepted", "cancelled", "rejected")
    return {
        campaign: {
            "decided": count,
            **{state: states[campaign, state] for state in ended},
            "open": sum(n for (name, state), n in states.items() if name == campaign and state not in ended),
            "by the provider": provider[campaign],
            "by the KPIs": totals.kpi_accepted.get(campaign, 0),
        }
        for campaign, count in sorted(totals.decided.items())
    }


def _figures(totals: Totals) -> dict[str, Any]:
    after = totals.requests_after_kill
    return {
        "requests_accepted": totals.provider_requests,
        "mails_accepted_twice": len(totals.provider_ids) - len(set(totals.provider_ids)),
        "task_processes_killed": len(totals.killed.shards),
        "requests_in_flight_when_killed": len(totals.killed.requests),
        "requests_in_doubt_before_events": sum(totals.in_doubt_requests.values()),
        "mails_in_doubt_after_events": sum(mail.state == "in_doubt" for mail in totals.mails),
        "requests_by_the_other_after_the_kill": sum(
            count for host, count in after.items() if host != totals.killed.container
        ),
        "events_that_happened": totals.provider_events,
        "events_loaded": totals.events,
    }
