"""List hygiene: people who stay silent to the end of a win-back get no more mail, and what the list looks like.

A campaign asks for it by `on_end: {completed: {sunset: {days: N}}}`. The sunset is our word about a mailbox. It is
never pushed to SendGrid, and any yes of the person lifts it. Silence is only believed while the provider's events
arrive.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import orjson
from sqlalchemy.engine import Connection, Engine

from lifecycle_mail.database import lock, run
from lifecycle_mail.events.batches import empty_batch
from lifecycle_mail.intake import Row
from lifecycle_mail.messages.doubt import COVERED_PERCENT, MAILS_TO_JUDGE_BY


@dataclass(frozen=True)
class HygieneReport:
    """What one run found: measures as in event.hygiene_run, and why no sunset was judged (None = it was)."""

    measures: dict[str, int]
    rested: str | None

    def counts(self) -> dict[str, int]:
        """Return the measures."""
        return dict(self.measures)

    def rows(self) -> list[Row]:
        """Return measure and how many: what reports print."""
        return list(self.measures.items())


def tidy(engine: Engine, now: dt.datetime) -> HygieneReport:
    """Judge who is silent for good at `now`, let their mail end, and keep what was found; one transaction.

    A run for the same moment finds no one left. Without events of 99 % of the mails of the last 30 days, or with fewer
    than 20 such mails, no one's silence is believed.
    """
    with engine.begin() as connection:
        lock(connection, "ingest")  # words of an ingest or an erasure must be whole
        measures, rested = _judge(connection, now)
        measures |= dict(run(connection, "events/list_health", now=now).mappings().one())
        run(connection, "events/record_hygiene", ran_at=now, measures=orjson.dumps(measures).decode())
    return HygieneReport(measures, rested)


def _judge(connection: Connection, now: dt.datetime) -> tuple[dict[str, int], str | None]:
    due = run(connection, "events/create_sunset", now=now).rowcount
    covered = run(connection, "events/covered_lately", now=now).one()
    measures = {"sunset_due": due, "sunset": 0, "mails_30_days": covered.mails, "mails_with_events": covered.heard}
    rested = _why_not(covered.mails, covered.heard) if due else None
    if due and rested is None:
        batch_id = empty_batch(connection, "list_hygiene")
        run(connection, "events/log_words", batch_id=batch_id)
        measures["sunset"] = run(connection, "events/fold_suppression", batch_id=batch_id).rowcount
    connection.exec_driver_sql("drop table event_said")
    return measures, rested


def _why_not(mails: int, heard: int) -> str | None:
    if mails < MAILS_TO_JUDGE_BY:
        return f"only {mails} mails of 30 days can tell whether events arrive: at least {MAILS_TO_JUDGE_BY} are needed"
    if 100 * heard < COVERED_PERCENT * mails:
        share = f"{100 * heard / mails:.1f} % of the mails of 30 days have events, and {COVERED_PERCENT} % are needed"
        return f"{share}: look at the provider's webhook"
    return None
