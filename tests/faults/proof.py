"""The checker compares the ledger with what the provider really took. Every number is an exact set's size."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import Engine

from builders import rows

ENDED = {"accepted", "rejected", "cancelled", "abandoned"}
NO_ANSWER_CAME = "no answer was recorded before the lease ended"


@dataclass(frozen=True)
class Ledger:
    """The state of every mail, and the requests without a known answer, by worker."""

    states: dict[str, str]
    reasons: dict[str, str | None]
    lost_requests: Counter[str]
    """Requests by worker that have no answer: the worker died, or lost its database."""
    unclear_requests: int
    """Requests in doubt because the provider gave no clear answer."""
    unanswered_mails: int
    """Mails that both of these carried."""
    requests: int
    """Attempts that came as far as a request."""

    def ids(self, *states: str) -> set[str]:
        """The message ids in one of `states`."""
        return {message_id for message_id, state in self.states.items() if state in states}

    def counts(self) -> Counter[str]:
        return Counter(self.states.values())


def read_ledger(engine: Engine) -> Ledger:
    with engine.connect() as connection:
        mails = rows(connection, "select cast(message_id as text), state, reason from message.message")
        attempts = rows(
            connection,
            "select worker, recipients, outcome is null or error = :no_answer as is_lost"
            " from delivery.attempt where outcome is null or outcome = 'in_doubt'",
            no_answer=NO_ANSWER_CAME,
        )
        requests = rows(
            connection,
            "select count(*) from delivery.attempt"
            " where outcome is distinct from 'returned' or http_status is not null",
        )
    lost = Counter(worker for worker, _, is_lost in attempts if is_lost)
    return Ledger(
        {message_id: state for message_id, state, _ in mails},
        {message_id: reason for message_id, _, reason in mails},
        lost,
        len(attempts) - lost.total(),
        sum(recipients for _, recipients, _ in attempts),
        requests[0][0],
    )


def read_accepted(record: Path, column: str = "message_id") -> Counter[str]:
    """How often the provider took each message id (or each `address`), from its own record."""
    with (record / "accepted.ndjson").open() as file:
        return Counter(json.loads(line)[column] for line in file)


def duplicates(accepted: Counter[str]) -> int:
    """Mails beyond the first of one message id, or to one address."""
    return accepted.total() - len(accepted)


def silent_losses(ledger: Ledger, accepted: Counter[str]) -> dict[str, set[str]]:
    """Mails whose end is missing or wrong: what is wrong → message ids. No mail may be in doubt any more."""
    found = {
        "without an end": set(ledger.states) - ledger.ids(*ENDED),
        "ended without a reason": {
            one for one in ledger.ids("rejected", "cancelled", "abandoned") if not ledger.reasons[one]
        },
        "called accepted, never taken": ledger.ids("accepted") - set(accepted),
        "taken, not called accepted": set(accepted) - ledger.ids("accepted"),
    }
    return {what: ids for what, ids in found.items() if ids}
