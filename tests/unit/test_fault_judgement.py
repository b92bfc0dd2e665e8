"""The judgement of `make faults`: it reports each way in which a scenario can go wrong, and passes a good one."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

import pytest

from fault_report import Declared, row_of
from fault_stage import Afterwards, Evidence, Tally
from proof import Ledger

SENT = {"m1": "in_doubt", "m2": "in_doubt", "m3": "in_doubt", "m4": "in_doubt", "m5": "accepted", "m6": "rejected"}
HEARD = {**SENT, "m1": "accepted", "m2": "accepted"}
END = {**HEARD, "m3": "abandoned", "m4": "abandoned"}


def ledger(states: dict[str, str], **changes: Any) -> Ledger:
    """A killed worker took m1 and m2 along, m3 and m4 got no answer, and m6 was refused by name."""
    reasons = {one: None if state == "accepted" else "told" for one, state in states.items()}
    found = Ledger(states, reasons, Counter({"killed": 1}), unclear_requests=1, unanswered_mails=4, requests=4)
    return dataclasses.replace(found, **changes)


def after(**changes: Ledger) -> Afterwards:
    found = Afterwards({"m1", "m2", "m5"}, ledger(SENT), ledger(SENT), ledger(HEARD), ledger(END))
    return dataclasses.replace(found, **changes)


def evidence(**changes: Any) -> Evidence:
    """The provider took the killed worker's request, and the repeated request without m6."""
    found = Evidence(
        planned=6,
        accepted=Counter(["m1", "m2", "m5"]),
        addresses=Counter(["a1", "a2", "a5"]),
        received=4,
        unclear_answers=1,
        refused_recipients=1,
        oversized_answers=0,
        tally=Tally(killed={"killed"}),
    )
    return dataclasses.replace(found, **changes)


def problems(declared: Declared | None = None, then: Afterwards | None = None, **seen: Any) -> list[str]:
    """What is said of the good scenario with these changes; `seen` are of its evidence."""
    return row_of("made up", evidence(**seen), then or after(), 2, declared or Declared()).problems


RESTARTED = Declared({"database restarts": 1, "workers that gave up": 1})
GAVE_UP = Tally(gave_up={"killed"})
TOLERABLE: list[dict[str, Any]] = [
    {},
    {"received": 3},  # the killed worker's request never came
    {"received": None},
    {"declared": RESTARTED, "tally": GAVE_UP},
    {"declared": Declared({"workers that gave up": 1}), "tally": Tally(killed={"killed"}, gave_up={"other"})},
    {"declared": Declared(cut_answers=1), "unclear_answers": 0},
    {"unclear_answers": 2},  # one befell the killed worker
    {"refused_recipients": 0, "oversized_answers": 1},  # a request of one mail
    {"declared": Declared(cancelled=1), "then": after(end=ledger({**END, "m3": "cancelled"}))},
]


@pytest.mark.parametrize("given", TOLERABLE, ids=[",".join(one) or "good" for one in TOLERABLE])
def test_what_is_explained_is_no_problem(given: dict[str, Any]) -> None:
    """Books that agree, and what the scenario ordered or declared: nothing to say."""
    assert problems(**given) == []


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("1 mails without an end", {"then": after(end=ledger({**END, "m3": "planned"}))}),
    ("2 mails ended without a reason", {"then": after(end=ledger(END, reasons={**dict.fromkeys(END), "m6": "told"}))}),
    ("1 mails called accepted, never taken", {"then": after(end=ledger({**END, "m3": "accepted"}))}),
    ("1 mails taken, not called accepted", {"accepted": Counter(["m1", "m2", "m3", "m5"])}),
    ("5 mails in the ledger, 6 planned", {"then": after(end=ledger({one: END[one] for one in END if one != "m6"}))}),
    ("1 mails sent twice", {"accepted": Counter(["m1", "m2", "m5", "m5"])}),
    ("1 mails to an address that had one", {"addresses": Counter(["a1", "a2", "a2"])}),
    ("1 mails cancelled, 0 declared", {"then": after(end=ledger({**END, "m3": "cancelled"}))}),
    ("0 mails cancelled, 1 declared", {"declared": Declared(cancelled=1)}),
    ("1 mails rejected, 0 recipients refused", {"refused_recipients": 0}),
    ("1 mails rejected, 3 recipients refused", {"refused_recipients": 3}),
    ("one worker left 2 requests in doubt", {"then": after(sent=ledger(SENT, lost_requests=Counter({"killed": 2})))}),
    ("1 workers that were not killed left", {"tally": Tally()}),
    ("1 workers that were not killed left", {"tally": GAVE_UP, "declared": Declared({"workers that gave up": 1})}),
    ("1 workers that were not killed left", {"tally": Tally(), "declared": RESTARTED}),
    (
        "2 workers that were not killed left",
        {
            "declared": RESTARTED,
            "tally": Tally(gave_up={"killed", "other"}),
            "then": after(end=ledger(END, lost_requests=Counter({"killed": 1, "other": 1}))),
        },
    ),
    ("1 workers gave up", {"tally": Tally(killed={"killed"}, gave_up={"other"})}),
    ("1 unclear requests, 0 unclear answers ordered", {"unclear_answers": 0}),
    ("1 unclear requests, 3 unclear answers ordered", {"unclear_answers": 3}),
    ("3 requests in doubt in the end", {"then": after(end=ledger(END, unclear_requests=2))}),
    ("4 requests made, 5 received", {"received": 5}),
    ("4 requests made, 2 received", {"received": 2}),
    ("4 mails in doubt, 5 in unanswered requests", {"then": after(sent=ledger(SENT, unanswered_mails=5))}),
    ("1 mails settled without any event", {"then": after(silent=ledger({**SENT, "m3": "abandoned"}))}),
    ("1 mails left in doubt", {"then": after(end=ledger({**END, "m3": "in_doubt"}))}),
    ("events did not settle exactly", {"then": after(with_events=ledger({**HEARD, "m2": "in_doubt"}))}),
    ("events did not settle exactly", {"then": after(with_events=ledger({**HEARD, "m3": "accepted"}))}),
    ("still planned or claimed", {"then": after(sent=ledger({**SENT, "m5": "claimed"}))}),
]


@pytest.mark.parametrize(("said", "given"), WRONG, ids=[f"{said}-{n}" for n, (said, _) in enumerate(WRONG)])
def test_what_went_wrong_is_said(said: str, given: dict[str, Any]) -> None:
    """One thing off: its alarm is among those raised."""
    assert any(said in one for one in problems(**given)), problems(**given)
