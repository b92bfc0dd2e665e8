"""The judgement of `make compose-test`: it reports each way in which a run can go wrong, and passes a good run."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from cluster.totals import Killed, Mail, Totals, problems

SURVIVOR, VICTIM = "aaaaaaaaaaaa", "bbbbbbbbbbbb"
WORKER = f"{VICTIM}:76:1"
MAILS = (
    Mail("m1", "birthday", "c1", "accepted", None),
    Mail("m2", "birthday", "c2", "accepted", None),
    Mail("m3", "win_back", "c3", "cancelled", "converted"),
)
GOOD = Totals(
    decided={"birthday": 2, "win_back": 1},
    mails=MAILS,
    provider_ids=("m1", "m2"),
    provider_requests=2,
    killed=Killed(VICTIM, (1,), (WORKER,)),
    in_doubt_requests={WORKER: 1},
    buyers=frozenset({"c3"}),
    requests_after_kill={SURVIVOR: 4},
    provider_events=5,
    events=5,
    kpi_accepted={"birthday": 2},
)


def test_a_good_run_has_no_problems() -> None:
    """Three books that agree, one request in doubt for one killed process: nothing to say."""
    assert problems(GOOD) == []


WRONG = [
    ("accepted more than once", {"provider_ids": ("m1", "m2", "m2")}),
    ("by the provider's alone: 1", {"provider_ids": ("m1", "m2", "m9")}),
    ("by our book alone: 1", {"provider_ids": ("m1",)}),
    ("mails written", {"decided": {"birthday": 3, "win_back": 1}}),
    ("mails written", {"decided": {}, "mails": ()}),
    ("not settled", {"mails": (dataclasses.replace(MAILS[0], state="in_doubt"), *MAILS[1:])}),
    ("without a reason", {"mails": (*MAILS[:2], dataclasses.replace(MAILS[2], reason=None))}),
    ("bought before", {"buyers": frozenset({"c2", "c3"})}),
    ("bought before", {"buyers": frozenset()}),
    ("proves nothing", {"killed": Killed(VICTIM, (1,), ()), "in_doubt_requests": {}}),
    ("2 requests in doubt after 1", {"in_doubt_requests": {WORKER: 2}}),
    ("killed were", {"in_doubt_requests": {f"{SURVIVOR}:9:0": 1}}),
    ("no other worker", {"requests_after_kill": {}}),
    ("after its death", {"requests_after_kill": {SURVIVOR: 4, VICTIM: 1}}),
    ("by the KPIs", {"kpi_accepted": {"birthday": 1}}),
    ("4 events loaded, 5 happened", {"events": 4}),
]


@pytest.mark.parametrize(("said", "change"), WRONG, ids=[f"{said}-{n}" for n, (said, _) in enumerate(WRONG)])
def test_what_went_wrong_is_said(said: str, change: dict[str, Any]) -> None:
    """Each promise that is broken has a line of its own words."""
    assert any(said in problem for problem in problems(dataclasses.replace(GOOD, **change)))
