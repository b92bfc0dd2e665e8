"""Record what an answer means: message states, the attempt, reservations, pauses. One transaction per answer."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy.engine import Connection, Engine

from lifecycle_mail.database import run
from lifecycle_mail.delivery.claims import Attempt
from lifecycle_mail.delivery.pauses import campaign_scope
from lifecycle_mail.delivery.places import release
from lifecycle_mail.messages.states import MessageKey, Settlement, accept_replanned, give_back, settle
from lifecycle_mail.sendgrid.answers import (
    Accepted,
    AccessRefused,
    Answer,
    NothingSent,
    RateLimited,
    RecipientsRefused,
    RequestRefused,
    TooLarge,
    Unknown,
)


@dataclass(frozen=True)
class LeaseOver:
    """No request was made: the worker was delayed until its claim had ended, and other workers may have settled it."""

    error: str = "the lease was over before the request"
    status: None = None


Outcome = Answer | LeaseOver


@dataclass(frozen=True)
class Recorded:
    """How many mails of an attempt reached each outcome."""

    accepted: int = 0
    rejected: int = 0
    returned: int = 0
    in_doubt: int = 0


def record(engine: Engine, attempt: Attempt, answer: Outcome, now: dt.datetime) -> Recorded:
    """Record what `answer` means for every mail of `attempt`."""
    with engine.begin() as connection:
        recorded, outcome, error = _settle(connection, attempt, answer, now)
        run(
            connection,
            "delivery/finish_attempt",
            attempt_id=attempt.attempt_id,
            outcome=outcome,
            http_status=answer.status,
            x_message_id=answer.x_message_id if isinstance(answer, Accepted) else None,
            error=error,
            now=now,
        )
    return recorded


def _settle(
    connection: Connection, attempt: Attempt, answer: Outcome, now: dt.datetime
) -> tuple[Recorded, str, str | None]:
    match answer:
        case Accepted():
            return Recorded(accepted=_accept(connection, attempt, now)), "accepted", None
        case RecipientsRefused(reasons=reasons):
            return _refuse_recipients(connection, attempt, reasons, now)
        case RequestRefused(error=error):
            _pause(connection, campaign_scope(attempt.shell.campaign), "breaker", error, now)
            return _return(connection, attempt, "request_refused", now), "returned", error
        case AccessRefused(error=error):
            _pause(connection, "all", "provider", error, now)
            return _return(connection, attempt, "access_refused", now), "returned", error
        case TooLarge() if len(attempt.mails) == 1:
            return _refuse(connection, attempt, {attempt.mails[0].key: "too_large"}, now), "rejected", "413"
        case TooLarge():
            return _return(connection, attempt, "too_large", now), "split", "413: fewer recipients next"
        case RateLimited():
            return _return(connection, attempt, "rate_limited", now), "returned", "429"
        case NothingSent(error=error):
            return _return(connection, attempt, "not_sent", now), "returned", error
        case LeaseOver(error=error):
            return _return(connection, attempt, "lease_over", now), "returned", error
        case Unknown(error=error):
            moved = settle(connection, Settlement(attempt.attempt_id, "in_doubt", "no_answer", now))
            return Recorded(in_doubt=moved), "in_doubt", error


def _accept(connection: Connection, attempt: Attempt, now: dt.datetime) -> int:
    """Accept the attempt's mails, including those whose claim expired and which the policy has planned again."""
    moved = settle(connection, Settlement(attempt.attempt_id, "accepted", None, now))
    if moved < len(attempt.mails):
        moved += accept_replanned(connection, attempt.attempt_id, [mail.key for mail in attempt.mails], now)
    return moved


def _refuse_recipients(
    connection: Connection, attempt: Attempt, reasons: dict[int, str], now: dt.datetime
) -> tuple[Recorded, str, str | None]:
    """Reject the recipients that the error names; the others go again. If it names none of ours, a breaker trips."""
    named = {
        attempt.mails[place].key: f"refused: {reason}"
        for place, reason in reasons.items()
        if place < len(attempt.mails)
    }
    if not named:
        error = "400: names recipients that were not in the request"
        _pause(connection, campaign_scope(attempt.shell.campaign), "breaker", error, now)
        return _return(connection, attempt, "request_refused", now), "returned", error
    refused = _refuse(connection, attempt, named, now)
    returned = _return(connection, attempt, "others_refused", now)
    return Recorded(rejected=refused.rejected, returned=returned.returned), "rejected", "; ".join(
        sorted(set(named.values()))
    )


def _refuse(
    connection: Connection, attempt: Attempt, reasons: dict[MessageKey, str], now: dt.datetime
) -> Recorded:
    rejected = 0
    for key, reason in reasons.items():
        rejected += settle(connection, Settlement(attempt.attempt_id, "rejected", reason, now, only=[key]))
    release(connection, list(reasons))
    return Recorded(rejected=rejected)


def _return(connection: Connection, attempt: Attempt, reason: str, now: dt.datetime) -> Recorded:
    """Plan the attempt's unsettled mails again, and give their places back."""
    moved = give_back(connection, attempt.attempt_id, reason=reason, at=now)
    release(connection, moved)
    return Recorded(returned=len(moved))


def _pause(connection: Connection, scope: str, reason: str, detail: str, now: dt.datetime) -> None:
    run(connection, "delivery/pause", scope=scope, reason=reason, detail=detail, now=now)
