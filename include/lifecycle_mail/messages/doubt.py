"""How a mail in doubt ends if no event of its own comes: in_doubt → abandoned | planned, by its topic's policy.

The provider posts an event again for 24 hours, in any order, so a newer event says nothing about the older ones.

    abandon   once no event of the mail can still be on its way; whether other events came does not matter
    resend    once the mails that were accepted around the attempt have events of their own: if this one had been
              accepted, it would have one too. If they have none, or if there are too few of them, nothing is sent
              again.

A later event still makes an abandoned mail accepted (`settling`).
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy.engine import Connection

from lifecycle_mail.campaigns import EVENT_RETRY_HOURS, Topic
from lifecycle_mail.database import run
from lifecycle_mail.messages.states import MessageKey

WINDOW_BEFORE_HOURS = 1.0  # mails accepted up to this long before an attempt count as evidence too
MAILS_TO_JUDGE_BY = 20
COVERED_PERCENT = 99  # the rest may have lost their events one by one
GIVE_UP_HOURS = 72.0  # since the attempt: what cannot be judged by then can never be judged

NO_EVIDENCE = "no_evidence"
RESEND = "resend"
TOO_FEW_TO_JUDGE = "too_few_to_judge"
EVENTS_MISSING = "events_missing"
MEANINGS = {
    NO_EVIDENCE: "no event of these mails came",
    TOO_FEW_TO_JUDGE: f"fewer than {MAILS_TO_JUDGE_BY} mails were accepted around their attempts, too few to tell "
    "whether the provider's events come in",
    EVENTS_MISSING: "mails accepted around their attempts have no events: look at the collector and at the provider's "
    "webhook",
}
"""What each reason means for mails, in words for operators."""


class Coverage(NamedTuple):
    """What the events say about the mails that were accepted around one attempt.

    `doubtful`: mails of the attempt that are in doubt. `mails`: mails accepted in its window. `has_event`: those of
    them with an event of their own. `silent_hours`: hours of the window in which mails were accepted but none has an
    event.
    """

    attempted_at: dt.datetime
    doubtful: int
    mails: int
    has_event: int
    silent_hours: int

    def verdict(self) -> str:
        """Return RESEND, or the reason why sending again would be a guess."""
        if self.mails < MAILS_TO_JUDGE_BY:
            return TOO_FEW_TO_JUDGE
        if self.silent_hours or 100 * self.has_event < COVERED_PERCENT * self.mails:
            return EVENTS_MISSING
        return RESEND

    def is_given_up(self, now: dt.datetime) -> bool:
        """Tell whether the attempt is too old to wait for a judgement any longer."""
        return self.attempted_at + dt.timedelta(hours=GIVE_UP_HOURS) <= now


@dataclass
class SettledDoubt:
    """What became of a topic's mails in doubt.

    `again`: mails that are planned again. `abandoned`: mails by reason. `waiting`: mails that stay in doubt although
    their hours are over, by what keeps them from being sent again.
    """

    again: list[MessageKey] = field(default_factory=list)
    abandoned: Counter[str] = field(default_factory=Counter)
    waiting: Counter[str] = field(default_factory=Counter)


def settle_in_doubt(connection: Connection, topic: Topic, now: dt.datetime) -> SettledDoubt:
    """Settle the topic's mails in doubt whose hours are over at `now`, by its policy."""
    if topic.in_doubt == "resend":
        return _resend_covered(connection, topic, now)
    return abandon_in_doubt(connection, topic.topic, topic.settle_after_hours, now)


def abandon_in_doubt(
    connection: Connection, topic: str, settle_after_hours: float, now: dt.datetime
) -> SettledDoubt:
    """in_doubt → abandoned, `settle_after_hours` plus the hours of the provider's retries after the attempt."""
    mails = run(
        connection,
        "messages/abandon_in_doubt",
        topic=topic,
        reason=NO_EVIDENCE,
        after_hours=settle_after_hours + EVENT_RETRY_HOURS,
        now=now,
    ).rowcount
    return SettledDoubt(abandoned=+Counter({NO_EVIDENCE: mails}))


def _resend_covered(connection: Connection, topic: Topic, now: dt.datetime) -> SettledDoubt:
    coverage = [
        Coverage(**row._mapping)
        for row in run(
            connection,
            "messages/coverage_of_doubt",
            topic=topic.topic,
            settle_after_hours=topic.resend_after_hours,
            before_hours=WINDOW_BEFORE_HOURS,
            now=now,
        )
    ]
    settled = SettledDoubt()
    for one in coverage:
        settled.waiting[one.verdict()] += one.doubtful
    _settle_judged(connection, topic.topic, coverage, now, settled)
    settled.waiting = +(settled.waiting - settled.abandoned)
    del settled.waiting[RESEND]  # these are planned again, or another worker holds them and does so
    return settled


def _settle_judged(
    connection: Connection, topic: str, coverage: Sequence[Coverage], now: dt.datetime, settled: SettledDoubt
) -> None:
    """Move the mails of attempts that can be judged, or never will be, and record in `settled` which moved."""
    ripe = [(one, one.verdict()) for one in coverage if one.verdict() == RESEND or one.is_given_up(now)]
    if not ripe:
        return
    moved = run(
        connection,
        "messages/settle_in_doubt",
        topic=topic,
        attempted_at=[one.attempted_at for one, _ in ripe],
        states=["planned" if verdict == RESEND else "abandoned" for _, verdict in ripe],
        reasons=[verdict for _, verdict in ripe],
        only_expired=[verdict == EVENTS_MISSING for _, verdict in ripe],
        now=now,
    )
    for row in moved:
        if row.state == "planned":
            settled.again.append(MessageKey(row.enrollment_id, row.step))
        else:
            settled.abandoned[row.reason] += 1
