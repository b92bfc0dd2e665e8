"""Write what follows from the measured rates into docs/scale.md: its tables, and the sentences with their numbers.

    python bench/scale.py

`bench/run.py --accept WHY` does so with the accepted figures, `bench/results.json`. A part of the page stands between
`<!-- NAME: written by bench/scale.py -->` and `<!-- end -->`. The rest is written by hand, without measured numbers.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "scale.md"

# The goal, and what is assumed on the way to it.
CUSTOMERS = 100e6
EVENTS_A_MONTH = 1_000e6
EVENTS_A_MAIL = 3  # of the benchmark's export: processed, delivered, and what people and machines open and click
MAILS_A_MONTH = EVENTS_A_MONTH / EVENTS_A_MAIL
BUSIEST_DAY = 0.09  # of a month's mails and events
MAILS_A_REQUEST = 400
DECISIONS_A_MAIL = 1.5  # skips, holds and deferrals are decisions without a mail
EVENT_MONTHS, DECISION_MONTHS = 4, 13  # kept: three and twelve, and the present one
MEASURED_CUSTOMERS = 1e6
DOLLARS_A_THOUSAND_MAILS, DOLLARS_A_SERVER_HOUR, DOLLARS_A_GIGABYTE_MONTH = 0.30, 1.00, 0.10
HOURS_A_MONTH = 730
CORES = 2
PARTS = re.compile(r"(<!-- (\w+): written by bench/scale\.py -->\n).*?(<!-- end -->)", re.DOTALL)


def write(document: dict[str, Any]) -> None:
    """Bring the page to the results."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), document), encoding="utf-8")


def page(text: str, document: dict[str, Any]) -> str:
    """Return the page with its parts written from `document`, the content of results.json."""
    found = Measured(document)
    parts = {
        "measured": _measured, "bytes": _bytes, "needs": _needs, "processors": _processors, "disk": _disk,
        "cost": _cost, "delivery": _delivery,
    }  # fmt: skip
    return PARTS.sub(lambda part: f"{part[1]}{parts[part[2]](found)}{part[3]}", text)


class Measured:
    """The figures of results.json by name."""

    def __init__(self, document: dict[str, Any]) -> None:
        results = document["benchmarks"].values()
        self.by_name = {figure["name"]: figure for result in results for figure in result["figures"]}

    def value(self, name: str) -> float:
        """Return a figure's value."""
        return float(self.by_name[name]["value"])

    def detail(self, name: str, key: str) -> Any:
        """Return one of a figure's details."""
        return self.by_name[name]["details"][key]

    def bytes_of(self, name: str, suffix: str) -> dict[str, int]:
        """Return table → bytes per row of a figure's work."""
        details = self.by_name[name]["details"]
        return {key.removesuffix(suffix): size for key, size in details.items() if key.endswith(suffix) and "." in key}

    @property
    def of_mail(self) -> dict[str, int]:
        """Table → bytes per mail."""
        return self.bytes_of("delivery_mails_a_second", "_bytes")

    @property
    def of_event(self) -> dict[str, int]:
        """Table → bytes an event."""
        return self.bytes_of("events_per_second", "_bytes_an_event")


def _measured(found: Measured) -> str:
    load = found.detail("segments_hour_seconds", "load_parts_seconds")["whole_load"]
    together = found.detail("segments_hour_seconds", "refreshes_together_seconds")
    rows = (
        ("load of an hour's 10,000 orders, over 10 million", f"{load:.1f} s", "the order lines of the buyers"),
        ("refresh of four segments after it, two at a time", f"{together:.1f} s", "reading every customer's activity"),
        ("planning", f"{_count(found.detail('planning_1m_seconds', 'mails_a_second'))} mails a second",
         "writing rows and indexes"),
        ("delivery", f"{_count(found.value('delivery_mails_a_second'))} mails a second, two workers", "both cores"),
        ("events", f"{_count(found.value('events_per_second'))} a second",
         "both cores: two connections write, parsing takes a fifth"),
        ("roll-up of a million new events", f"{found.value('roll_up_seconds'):.1f} s;"
         f" {found.value('roll_up_growth'):.2f} times as long on ten times the history",
         "the steps touched, and larger indexes to put them into"),
    )  # fmt: skip
    return _table(("stage", "rate", "what bounds it"), rows)


def _bytes(found: Measured) -> str:
    event = found.of_event["event.event"]
    return (
        f"On disk, with indexes: a planned, claimed and accepted mail takes {_count(sum(found.of_mail.values()))} bytes"
        f" over all its tables. An\nevent takes {_count(sum(found.of_event.values()))}: {event} in `event.event`, where"
        f" the line as it came takes {found.detail('events_per_second', 'bytes_an_event')}, and"
        f" {found.of_event['event.engagement']} in `event.engagement`.\n"
    )


def _needs(_: Measured) -> str:
    day = BUSIEST_DAY * MAILS_A_MONTH
    rows = (
        ("mails planned and delivered", _millions(MAILS_A_MONTH), _millions(day)),
        (f"requests to SendGrid, 1,000 recipients at most; assume {MAILS_A_REQUEST}, since steps, languages and hours"
         " split batches", _count(MAILS_A_MONTH / MAILS_A_REQUEST), _count(day / MAILS_A_REQUEST)),
        ("events ingested", _millions(EVENTS_A_MONTH), _millions(BUSIEST_DAY * EVENTS_A_MONTH)),
        (f"decisions, {DECISIONS_A_MAIL} a mail", _millions(DECISIONS_A_MAIL * MAILS_A_MONTH),
         _millions(DECISIONS_A_MAIL * day)),
    )  # fmt: skip
    return _table(("need", "a month", "busiest day"), rows)


def _processors(found: Measured) -> str:
    larger, mails, events = CUSTOMERS / MEASURED_CUSTOMERS, BUSIEST_DAY * MAILS_A_MONTH, BUSIEST_DAY * EVENTS_A_MONTH
    day = 24 * larger
    seconds = {
        "keeping activity, every hour": found.detail("segments_hour_seconds", "activity_seconds") * day,
        "refreshing four segments, every hour":
            found.detail("segments_hour_seconds", "refreshes_together_seconds") * day,
        f"planning {_millions(mails)}": mails / found.detail("planning_1m_seconds", "mails_a_second"),
        f"delivering {_millions(mails)}": mails / found.value("delivery_mails_a_second"),
        f"ingesting {_millions(events)} events": events / found.value("events_per_second"),
        "rolling them up": events / 1e6 * found.value("roll_up_seconds"),
    }  # fmt: skip
    seconds["all of it"] = sum(seconds.values())
    rows = [(stage, f"{spent / 3600:.1f} h", f"{spent / 864:.1f}%") for stage, spent in seconds.items()]
    return _table(("stage", "time of the busiest day at the measured rates", "share of a day of two cores"), rows)


def _disk(found: Measured) -> str:
    event = found.of_event["event.event"]
    decision = found.of_mail["decision.decision"]
    mail = sum(found.of_mail.values()) - decision
    events = EVENTS_A_MONTH * event / 1e12
    decisions = MAILS_A_MONTH * DECISIONS_A_MAIL * decision / 1e12
    kept = (MAILS_A_MONTH * mail + EVENTS_A_MONTH * found.of_event["event.engagement"]) / 1e12
    after = {months: [EVENT_MONTHS * events, min(months, DECISION_MONTHS) * decisions, months * kept]
             for months in (12, 24)}  # fmt: skip
    rows = [
        (f"raw events: {event} an event", events, "3 months and the present one"),
        (f"decisions: {decision} each", decisions, "12 months and the present one"),
        (f"messages, enrollments, memberships, due steps, reservations: {_count(mail)} a mail; `event.engagement`:"
         f" {found.of_event['event.engagement']} an event", kept, "for ever"),
    ]  # fmt: skip
    lines = [
        (what, f"{_count(1e3 * month)} GB", how, *(f"{after[months][place]:.1f} TB" for months in after))
        for place, (what, month, how) in enumerate(rows)
    ]
    sums = [f"**{sum(one):.1f} TB**" for one in after.values()]
    lines.append(("all of it", f"{_count(1e3 * (events + decisions + kept))} GB", "", *sums))
    table = _table(("bytes", "a month", "kept", "after 12 months", "after 24"), lines)
    return f"{table}\nSo with retention the database still grows by {kept:.2f} TB a month, {12 * kept:.0f} TB a year.\n"


def _cost(found: Measured) -> str:
    mails = MAILS_A_MONTH / 1e3 * DOLLARS_A_THOUSAND_MAILS
    mail, event = sum(found.of_mail.values()), sum(found.of_event.values())
    gigabytes = (12 * MAILS_A_MONTH * mail + EVENT_MONTHS * EVENTS_A_MONTH * event) / 1e9
    rows = (
        (f"{_millions(MAILS_A_MONTH)} mails", f"{DOLLARS_A_THOUSAND_MAILS:.2f} a thousand", _count(mails)),
        ("PostgreSQL of 16 cores and 128 GB, and a replica of the same size", f"{DOLLARS_A_SERVER_HOUR:.2f} an hour",
         _count(2 * DOLLARS_A_SERVER_HOUR * HOURS_A_MONTH)),
        (f"their disks at the end of the first year, {gigabytes / 1e3:.0f} TB each",
         f"{DOLLARS_A_GIGABYTE_MONTH:.2f} a gigabyte and month", _count(2 * gigabytes * DOLLARS_A_GIGABYTE_MONTH)),
        ("four workers of 2 cores and 4 GB (a delivery process takes"
         f" {found.value('worker_memory_mb'):.0f} MB), two collectors, Airflow's two",
         f"{DOLLARS_A_SERVER_HOUR / 8:.3f} an hour", _count(8 * DOLLARS_A_SERVER_HOUR / 8 * HOURS_A_MONTH)),
    )  # fmt: skip
    return _table(("what", "price assumed, in dollars", "a month"), rows)


def _delivery(found: Measured) -> str:
    alone = found.detail("scaling_2_workers", "one_worker")
    two, four = (found.detail(f"scaling_{n}_workers", "mails_a_second") / alone for n in (2, 4))
    share, seconds, mails = (
        found.detail("delivery_mails_a_second", key) for key in ("shares", "seconds_with_start_of_processes", "mails")
    )
    seconds_a_mail = CORES * share["PostgreSQL"] * seconds / mails
    return (
        f"With a slow provider two workers on two cores delivered {two:.2f} times as much as one, and four"
        f" {four:.2f} times as much.\nA mail takes {1e6 * seconds_a_mail:.0f} µs of the database's processors, so 16"
        f" cores have room for {_count(round(16 / seconds_a_mail, -3))} mails a second.\n"
        "The write-ahead log ends that before (step 4).\n"
    )


def _count(number: float) -> str:
    return f"{number:,.0f}"


def _millions(number: float) -> str:
    return f"{number / 1e6:,.0f} million"


def _table(head: tuple[str, ...], rows: Any) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


if __name__ == "__main__":
    write(json.loads((HERE / "results.json").read_text(encoding="utf-8")))
