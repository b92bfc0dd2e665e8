"""In doubt: a mail that may have gone goes again only if it surely has not, whatever the webhook does. All end by name.

A history has mails that the provider accepted with an answer, and mails without one, which it took or did not take. Its
five servers post the events: at once, late within the 24 hours of its retries, or only on request.
Strangers' events, test payloads and clocks that are ahead come in between. A worker looks at random hours.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path

import orjson
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

from builders import NOON, ensure_month, rows
from emptied import empty
from lifecycle_mail.campaigns import Topic
from lifecycle_mail.delivery.reconciling import reconcile
from lifecycle_mail.delivery.reports import DeliveryReport
from lifecycle_mail.events import ingest
from planning import topic_of

SERVERS = 5
RETRY_HOURS = 23.5
ASKED_FOR_HOURS = 400.0
END_HOURS = 500.0
ANSWERED_HOURS = range(-1, 50)
"""Hours around the attempts in which the provider accepted mails with an answer."""
OTHERS = (
    {"event": "delivered", "email": "stranger@example.com", "sg_message_id": "another-sender.filter-1"},
    {"event": "open", "email": "stranger@example.com", "lm_message_id": "ffffffff-ffff-4fff-8fff-ffffffffffff"},
    {"event": "processed", "email": "example@example.com", "smtp-id": "<14c5d75ce93.dfd.64b469@ismtpd-555>"},
)


HISTORIES = count()


@dataclass(frozen=True)
class Mail:
    """One request's mail: when it was tried, who posts its event, and what the provider and we know of it."""

    name: str
    at_hours: float
    server: int
    is_answered: bool
    is_taken: bool
    late_hours: float = 0.0
    """Of its own event alone: one post that was repeated."""


@dataclass(frozen=True)
class Outage:
    """Events of mails that these servers took in [from_hours, to_hours) come `until_hours` after noon."""

    servers: frozenset[int]
    from_hours: float
    to_hours: float
    until_hours: float

    def comes_at(self, mail: Mail) -> float:
        """Hours after noon at which the mail's event is posted."""
        if mail.server in self.servers and self.from_hours <= mail.at_hours < self.to_hours:
            return max(self.until_hours, mail.at_hours)
        return mail.at_hours + mail.late_hours


@dataclass(frozen=True)
class History:
    """What happens, and at which hours after noon a worker looks."""

    policy: str
    settle_after_hours: float
    mails: tuple[Mail, ...] = field(repr=False)  # hundreds
    outage: Outage
    looks: tuple[float, ...]

    def topic(self) -> Topic:
        return topic_of(in_doubt=self.policy, settle_after_hours=self.settle_after_hours)


def answered_mails(per_hour: int, quiet: range) -> list[Mail]:
    """So many mails an hour, dealt out to the servers in turn; one mail an hour in the quiet hours."""
    found: list[Mail] = []
    for hour in ANSWERED_HOURS:
        many = 1 if hour in quiet else per_hour
        found += [
            Mail(f"peer{hour}-{n}", hour + n / many, (len(found) + n) % SERVERS, is_answered=True, is_taken=True)
            for n in range(many)
        ]
    return found


def few_answered(draw: st.DrawFn) -> list[Mail]:
    """Fewer than twenty mails, of any servers."""
    servers = draw(st.lists(st.integers(0, SERVERS - 1), max_size=18))
    return [Mail(f"peer{n}", n % 3, server, is_answered=True, is_taken=True) for n, server in enumerate(servers)]


def doubtful_mails(draw: st.DrawFn) -> list[Mail]:
    """Mails without an answer: of each server one that was taken and one that was not. The first one's post is repeated
    until it comes, and all others of that hour come at once."""
    return [
        Mail(
            f"doubt{server}-{'taken' if is_taken else 'lost'}", draw(st.integers(0, 2)) + 0.5, server,
            is_answered=False, is_taken=is_taken, late_hours=RETRY_HOURS if server == 1 and is_taken else 0.0,
        )
        for server in range(SERVERS)
        for is_taken in (True, False)
    ]  # fmt: skip


KINDS = ("works", "one server", "all for hours", "all for quiet hours", "all", "few mails")


@st.composite
def histories(draw: st.DrawFn, kind: str) -> History:
    """A history in which the webhook works, or is down for one server all the time or for all of them for hours."""
    quiet = range(-1, 5) if kind == "all for quiet hours" else range(0)
    per_hour = 40 if quiet else 6
    answered = few_answered(draw) if kind == "few mails" else answered_mails(per_hour, quiet)
    struck = {"works": frozenset[int](), "one server": frozenset({0}), "few mails": frozenset({0})}
    begins, ends = (-1.0, 5.0) if "hours" in kind else (-2.0, 60.0)
    outage = Outage(
        struck.get(kind, frozenset(range(SERVERS))), begins, ends, draw(st.sampled_from([ASKED_FOR_HOURS, RETRY_HOURS]))
    )
    is_soon = kind == "works" and draw(st.booleans())  # resends as soon as it may: a post may still be repeated
    return History(
        "resend" if is_soon else draw(st.sampled_from(["resend", "resend", "resend", "abandon"])),
        4.0 if is_soon else draw(st.sampled_from([4.0, 25.0, 48.0])),
        (*answered, *doubtful_mails(draw)),
        outage,
        (draw(st.sampled_from([7.0, 22.0])), draw(st.sampled_from([30.0, 52.0, 74.0, 80.0, 200.0]))),
    )


WRITE = """
insert into message.message (
    message_id, enrollment_id, step, campaign, customer_id, topic, variant, priority, shell_id, state, reason,
    planned_at, not_before, expires_at, send_day, claimed_at, attempt_id, accepted_at, settled_at
)
select
    message.message_id(n, 'reminder'), n, 'reminder', 'cart_abandoned', name, 'reminders', 'default', 50, 1,
    case when is_answered then 'accepted' else 'in_doubt' end, case when not is_answered then 'no_answer' end,
    at, at, at + interval '20 days', cast(at as date), at, n,
    case when is_answered then at end, case when is_answered then at end
from unnest(cast(:names as text[]), cast(:moments as timestamptz[]), cast(:answered as boolean[]))
    with ordinality as mail (name, at, is_answered, n)
"""


def write(warehouse: Engine, mails: tuple[Mail, ...]) -> dict[str, str]:
    """Write the mails as a delivery left them; return name → message id."""
    given_mails = {
        "names": [mail.name for mail in mails],
        "moments": [NOON + timedelta(hours=mail.at_hours) for mail in mails],
        "answered": [mail.is_answered for mail in mails],
    }
    with warehouse.begin() as connection:
        ensure_month(connection, "event.event", NOON)
        connection.execute(sa.text(WRITE), given_mails)
        return {name: str(one) for name, one in rows(connection, "select customer_id, message_id from message.message")}


def events_of(history: History, ids: dict[str, str], after_hours: float, until_hours: float) -> list[bytes]:
    """The events that were posted in (after_hours, until_hours], and others' with them."""
    moment = int((NOON + timedelta(hours=until_hours)).timestamp())
    ours = [
        {"event": "processed", "email": f"{mail.name}@example.com", "sg_event_id": f"of-{mail.name}",
         "timestamp": int((NOON + timedelta(hours=mail.at_hours)).timestamp()), "lm_message_id": ids[mail.name]}
        for mail in history.mails
        if mail.is_taken and after_hours < history.outage.comes_at(mail) <= until_hours
    ]  # fmt: skip
    others = [
        {**event, "sg_event_id": f"other-{n}-{until_hours}-{days}", "timestamp": moment + 86_400 * days}
        for n, event in enumerate(OTHERS)
        for days in (0, 14)
    ]
    return [orjson.dumps(event) for event in (*ours, *others)]


def ledger(warehouse: Engine) -> dict[str, tuple[str, str | None]]:
    """Customer → state and reason of the one mail."""
    with warehouse.connect() as connection:
        found = rows(connection, "select customer_id, state, reason from message.message")
    return {name: (state, reason) for name, state, reason in found}


def live_through(warehouse: Engine, folder: Path, history: History) -> list[dict[str, tuple[str, str | None]]]:
    """Play the history; return the ledger after each look."""
    empty(warehouse)
    ids = write(warehouse, history.mails)
    before, seen = -10.0, []
    for number, hours in enumerate((*history.looks, END_HOURS)):
        inbox = folder / f"{next(HISTORIES)}-{number}"
        inbox.mkdir()
        (inbox / "events.ndjson").write_bytes(b"\n".join(events_of(history, ids, before, hours)) + b"\n")
        ingest(warehouse, inbox, now=NOON + timedelta(hours=END_HOURS))
        reconcile(warehouse, {"reminders": history.topic()}, NOON + timedelta(hours=hours), DeliveryReport())
        seen.append(ledger(warehouse))
        before = hours
    return seen


NAMED = {"no_evidence", "too_few_to_judge", "events_missing"}


def check(warehouse: Engine, folder: Path, history: History) -> None:
    """No mail that was taken is planned again, and at the end each is accepted, planned again or abandoned by name."""
    seen = live_through(warehouse, folder, history)
    for mail in history.mails:
        states = [one[mail.name] for one in seen]
        if mail.is_taken:
            assert "planned" not in {state for state, _ in states}, f"{mail} would go twice: {states}"
            assert states[-1][0] == "accepted", f"{mail} was taken: {states}"
            continue
        state, reason = states[-1]
        assert (state, reason in NAMED) in {("planned", False), ("abandoned", True)}, f"{mail} ends as {states}"
        assert state == "abandoned" or history.policy == "resend", f"{mail} goes again by 'abandon': {states}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=6)
@given(data=st.data())
def test_doubt_never_sends_twice_and_ends_by_name(
    warehouse: Engine, folder: Path, kind: str, data: st.DataObject
) -> None:
    """The short form."""
    check(warehouse, folder, data.draw(histories(kind)))


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=80, derandomize=False)
@given(data=st.data())
def test_doubt_never_sends_twice_in_many_histories(
    warehouse: Engine, folder: Path, kind: str, data: st.DataObject
) -> None:
    """The long form."""
    check(warehouse, folder, data.draw(histories(kind)))
