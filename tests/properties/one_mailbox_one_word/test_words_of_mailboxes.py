"""One mailbox, one word: after a no is recorded, nothing else is claimed for its people and its mailbox until a yes.

Several people share, leave and take over a few mailboxes, by feeds. They say no and yes by feeds, links, events without
a name, complaints and the preference page, and operators lift mailboxes. Planned mails of all of them are then claimed.
Who of them may go is told by the rule in words, from the history alone.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

import builders
from builders import NOON, rows
from emptied import empty
from lifecycle_mail.database import run_with
from lifecycle_mail.decisions import send_hours
from lifecycle_mail.delivery.picking import pick_files
from lifecycle_mail.events import ingest, lift
from lifecycle_mail.settings import Settings
from lifecycle_mail.sources import load_feeds, record_permission
from planning import campaign_of, topic_of

HOUR = timedelta(hours=1)
PEOPLE = ("ann", "bob", "cat", "dan")
MAILBOXES = ("info@example.com", "x@example.com", "y@example.com")
ALL, TOPIC = "all", "topic:reminders"
HEADER = "customer_id,email,created_at,permission\n"
OPT_OUTS = {"link": TOPIC, "link_all": ALL, "unsubscribe": ALL, "complaint": ALL}

step = st.one_of(
    st.tuples(st.just("move"), st.sampled_from(PEOPLE), st.sampled_from(MAILBOXES)),
    st.tuples(st.just("feed"), st.sampled_from(PEOPLE), st.sampled_from(("confirmed", "withdrawn"))),
    st.tuples(st.sampled_from(("link", "link_all", "page_no", "page_yes", "resubscribe")), st.sampled_from(PEOPLE)),
    st.tuples(st.sampled_from(("unsubscribe", "complaint", "lift")), st.sampled_from(MAILBOXES)),
)
histories = st.lists(step, min_size=3, max_size=12)


@dataclass
class No:
    """A word against mail: how far it goes, at which mailbox it was said, and whom it binds wherever they move.

    `author` surely said it. A withdrawal that its author took back elsewhere binds others at the mailbox.
    """

    scope: str
    mailbox: str
    speakers: set[str]
    kind: str
    author: str = ""
    binds_mailbox: bool = True

    def binds(self, who: str, home: str) -> bool:
        is_taken_back = self.kind in ("feed", "page") and who == self.author
        return who in self.speakers or (self.binds_mailbox and self.mailbox == home and not is_taken_back)


@dataclass
class Oracle:
    """The rule in words. `home` is where each person is now, `shop` what the feed says of each."""

    home: dict[str, str]
    shop: dict[str, str]
    noes: list[No] = field(default_factory=list)

    def tell(self, kind: str, whom: str, what: str = "") -> None:
        getattr(self, f"_{kind}")(whom, what)

    def _move(self, who: str, mailbox: str) -> None:
        self.home[who] = mailbox

    def _feed(self, who: str, said: str) -> None:
        """A repeated word says nothing. A no binds its speaker and the mailbox; a yes lifts the feed's own no alone."""
        if self.shop[who] == said:
            return
        self.shop[who] = said
        if said == "withdrawn":
            self.noes.append(No(ALL, self.home[who], {who}, "feed", who))
        else:
            self.noes = [no for no in self.noes if (no.kind, no.author) != ("feed", who)]

    def _link(self, who: str, _what: str) -> None:
        self.noes.append(No(TOPIC, self.home[who], {who}, "link"))

    def _link_all(self, who: str, _what: str) -> None:
        self.noes.append(No(ALL, self.home[who], {who}, "link"))

    def _page_no(self, who: str, _what: str) -> None:
        self.noes.append(No(ALL, self.home[who], {who}, "page", who))

    def _unsubscribe(self, mailbox: str, _what: str) -> None:
        self.noes.append(No(ALL, mailbox, self._holders(mailbox), "event"))

    def _complaint(self, mailbox: str, _what: str) -> None:
        self.noes.append(No(ALL, mailbox, self._holders(mailbox), "complaint"))

    def _page_yes(self, who: str, _what: str) -> None:
        self._end(who, {ALL, TOPIC}, {"feed", "link", "page", "event"})

    def _resubscribe(self, who: str, _what: str) -> None:
        """Of a topic; it is no word about withdrawals, which are of all mail."""
        self._end(who, {TOPIC}, {"link"})

    def _lift(self, mailbox: str, _what: str) -> None:
        """The operator's yes: every no that was said there ends, for who holds the mailbox now."""
        for no in self.noes:
            if no.mailbox == mailbox:
                no.speakers -= self._holders(mailbox)
                no.binds_mailbox = False

    def _end(self, who: str, scopes: set[str], kinds: set[str]) -> None:
        """A yes ends noes at its mailbox for who holds it now, and what its speaker said anywhere."""
        mailbox = self.home[who]
        freed = self._holders(mailbox)
        for no in self.noes:
            if no.scope in scopes and no.kind in kinds:
                if no.mailbox == mailbox:
                    no.speakers -= freed
                    no.binds_mailbox = False
                no.speakers -= {who}
        self.noes = [no for no in self.noes if no.speakers or no.binds_mailbox]

    def _holders(self, mailbox: str) -> set[str]:
        return {who for who, where in self.home.items() if where == mailbox}

    def may_be_mailed(self) -> set[str]:
        """Everyone whom no word binds, as a speaker or as a holder."""
        return {who for who in PEOPLE if not any(no.binds(who, self.home[who]) for no in self.noes)}


class History:
    """The same history, told to the product an hour apart; each feed file names everyone."""

    def __init__(self, warehouse: Engine, folder: Path) -> None:
        self.warehouse, self.folder, self.now, self.files = warehouse, folder, NOON, 0
        homes = ("info@example.com", "Info@Example.com", "x@example.com", "y@example.com")
        self.home = dict(zip(PEOPLE, homes, strict=True))
        self.shop = dict.fromkeys(PEOPLE, "confirmed")
        (folder / "feeds").mkdir()
        empty(warehouse)
        self._load()

    def tell(self, kind: str, whom: str, what: str = "") -> None:
        self.now += HOUR
        if kind in ("move", "feed"):
            (self.home if kind == "move" else self.shop)[whom] = what
            self._load()
        elif kind in ("page_no", "page_yes"):
            with self.warehouse.begin() as connection:
                said = "withdrawn" if kind == "page_no" else "confirmed"
                record_permission(connection, whom, said, self.now, "preference_centre")
        elif kind == "lift":
            lift(
                self.warehouse, Settings(database_url="", mode="preview"), {}, whom, by="test", because="test",
                now=self.now,
            )  # fmt: skip
        else:
            self._report(self._event(kind, whom))

    def _load(self) -> None:
        lines = [f"{who},{self.home[who]},2026-01-01T00:00:00Z,{self.shop[who]}\n" for who in PEOPLE]
        (self.folder / "feeds" / "customers.csv").write_text(HEADER + "".join(lines))
        load_feeds(self.warehouse, self.folder / "feeds", link_secret="secret", now=self.now)

    def _event(self, kind: str, whom: str) -> dict[str, Any]:
        if kind in ("link", "link_all"):
            return {"event": "lm_unsubscribe", "lm_topic": "reminders" if kind == "link" else "all", **self._mail(whom)}
        if kind == "resubscribe":
            return {"event": "group_resubscribe", "asm_group_id": 7, "email": self.home[whom], **self._mail(whom)}
        return {"event": {"complaint": "spamreport"}.get(kind, kind), "email": whom.upper()}

    def _mail(self, who: str) -> dict[str, Any]:
        """A mail that just went to the customer: a link and an event name it."""
        with self.warehouse.begin() as connection:
            series = builders.enrollment(connection, "win_back", who, enrolled_at=self.now)
            return {"lm_message_id": builders.message(connection, series, "win_back", who, planned_at=self.now)}

    def _report(self, event: dict[str, Any]) -> None:
        self.files += 1
        told = {"timestamp": int(self.now.timestamp()), "sg_event_id": f"e{self.files}", **event}
        path = self.folder / f"export-{self.files}.ndjson"
        path.write_bytes(orjson.dumps(told) + b"\n")
        ingest(self.warehouse, path, topics={7: "reminders"})

    def claimed(self) -> set[str]:
        """Who gets through a claim that has a planned mail for each, as of now."""
        campaign, topic = campaign_of(exit_on=["order"]), topic_of()
        with self.warehouse.begin() as connection:
            for who in PEOPLE:
                series = builders.enrollment(
                    connection, "cart_abandoned", who, enrolled_at=self.now, ended_at=None, end_reason=None,
                    occurrence="last",
                )  # fmt: skip
                builders.message(
                    connection, series, "cart_abandoned", who, state="planned", shell_id=77, planned_at=self.now,
                )  # fmt: skip
            picked = run_with(
                connection,
                "delivery/pick",
                pick_files(campaign),
                shell_id=77, batch=100, only_enrollment_id=None, now=self.now, topic="reminders", is_marketing=True,
                permissions=["confirmed"], campaign_topic="reminders", takes_over=True,
                **send_hours(campaign, topic),
            )  # fmt: skip
            cleared = {row.enrollment_id for row in picked if row.verdict is None}
            query = "select customer_id from journey.enrollment where enrollment_id = any(:cleared)"
            return {who for (who,) in rows(connection, query, cleared=list(cleared))}


def holds(warehouse: Engine, history: list[tuple[str, ...]]) -> None:
    """Tell the history to both, and compare."""
    with tempfile.TemporaryDirectory() as folder:
        told = History(warehouse, Path(folder))
        oracle = Oracle({who: where.lower() for who, where in told.home.items()}, dict(told.shop))
        for one in history:
            told.tell(*one)
            oracle.tell(*one)
        assert told.claimed() == oracle.may_be_mailed(), history


SHARES, MOVES, TAKES = "info@example.com", "a.new@example.com", "x@example.com"
WITHDRAWS, CONFIRMS = ("feed", "ann", "withdrawn"), ("feed", "ann", "confirmed")


@settings(max_examples=16)
@example(history=[WITHDRAWS, ("move", "cat", SHARES)])
@example(history=[("move", "cat", MOVES), ("move", "dan", TAKES), ("unsubscribe", TAKES)])
@example(history=[("link_all", "cat"), ("complaint", "y@example.com"), ("move", "cat", MOVES), ("page_yes", "dan")])
@example(history=[WITHDRAWS, CONFIRMS, ("page_no", "ann"), ("page_no", "cat"), ("page_yes", "cat")])
@example(history=[("page_no", "ann"), WITHDRAWS, CONFIRMS])
@example(history=[WITHDRAWS, ("page_no", "bob"), ("complaint", SHARES), ("lift", SHARES)])
@example(history=[WITHDRAWS, ("move", "ann", TAKES), ("complaint", TAKES), ("lift", TAKES)])
@example(history=[("link", "bob"), ("move", "bob", TAKES), ("page_yes", "ann"), ("move", "bob", SHARES)])
@example(history=[("unsubscribe", SHARES), ("move", "bob", TAKES), ("page_yes", "ann"), ("resubscribe", "bob")])
@given(history=histories)
def test_after_a_no_nothing_is_claimed_until_a_yes(warehouse: Engine, history: list[tuple[str, ...]]) -> None:
    """The short form."""
    holds(warehouse, history)


@pytest.mark.long
@pytest.mark.timeout(3600)
@settings(max_examples=300, derandomize=False)
@given(history=histories)
def test_after_a_no_nothing_is_claimed_in_many_histories(warehouse: Engine, history: list[tuple[str, ...]]) -> None:
    """The long form."""
    holds(warehouse, history)
