"""One row per scenario: the numbers that a scenario is judged by, its judgement, and the table of all scenarios."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from fault_stage import Afterwards, Evidence, Stage
from proof import duplicates, silent_losses


@dataclass
class Row:
    """What came of a scenario. Numbers count mails unless the name says otherwise."""

    scenario: str
    recipients: int
    """Mails in the ledger; `planned` is how many there were."""
    planned: int
    workers: int
    kills: dict[str, int] = field(default_factory=dict)
    kills_inside_a_request: int = 0
    incidents: dict[str, int] = field(default_factory=dict)
    """What else was done: restarts, faulty answers, stops."""
    taken: int = 0
    """What the provider's record holds."""
    duplicates: int = 0
    duplicates_by_address: int = 0
    losses: int = 0
    requests: int = 0
    """Attempts that became requests; `received` is how many the provider saw (none: it was restarted)."""
    received: int | None = None
    lost_requests: int = 0
    """Requests of dead workers that nothing is known of; `lost_requests_a_worker` is the most of one."""
    lost_requests_a_worker: int = 0
    unclear_requests: int = 0
    in_doubt: int = 0
    unanswered_mails: int = 0
    """Mails of the requests that are lost or unclear."""
    settled_in_silence: int = 0
    settled_by_events: int = 0
    settled_by_policy: int = 0
    left_in_doubt: int = 0
    rejected: int = 0
    cancelled: int = 0
    gave_up: int = 0
    """Workers that ended with a refusal."""
    seconds: float = 0.0
    must_fail: bool = False
    """A deliberately unsafe delivery: the checker has to find its duplicates."""
    problems: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Declared:
    """What may happen in a scenario in addition to what its ordered faults explain: this many and no more."""

    incidents: dict[str, int] = field(default_factory=dict)
    """What was done besides kills; 'workers that gave up' permits that some did."""
    cancelled: int = 0
    cut_answers: int = 0
    """Requests that were under way when the provider itself was killed, at most."""


def judge(
    scenario: str, stage: Stage, after: Afterwards, workers: int, *, cancelled: int = 0, cut_answers: int = 0,
    **incidents: int,
) -> Row:  # fmt: skip
    """Compare the ledger with the provider's record, and write down every number that is wrong.

    `incidents` counts what was done besides kills, by name, with underscores for spaces. `cancelled` and `cut_answers`
    are those of `Declared`.
    """
    named = {name.replace("_", " "): number for name, number in incidents.items()}
    row = row_of(scenario, stage.evidence(), after, workers, Declared(named, cancelled, cut_answers))
    row.seconds = round(time.monotonic() - stage.started, 1)
    return row


def row_of(scenario: str, evidence: Evidence, after: Afterwards, workers: int, declared: Declared) -> Row:
    """The numbers of a scenario with what is wrong in them."""
    accepted, tally = evidence.accepted, evidence.tally
    losses = silent_losses(after.end, accepted)
    doubtful = after.sent.ids("in_doubt")
    row = Row(
        scenario=scenario,
        recipients=len(after.end.states),
        planned=evidence.planned,
        workers=workers,
        kills=dict(tally.kills),
        kills_inside_a_request=tally.kills_inside_a_request,
        incidents=declared.incidents,
        taken=accepted.total(),
        duplicates=duplicates(accepted),
        duplicates_by_address=duplicates(evidence.addresses),
        losses=len(set().union(*losses.values())),
        requests=after.end.requests,
        received=evidence.received,
        lost_requests=after.sent.lost_requests.total(),
        lost_requests_a_worker=max(after.sent.lost_requests.values(), default=0),
        unclear_requests=after.sent.unclear_requests,
        in_doubt=len(doubtful),
        unanswered_mails=after.sent.unanswered_mails,
        settled_in_silence=len(doubtful - after.silent.ids("in_doubt")),
        settled_by_events=len(doubtful & after.with_events.ids("accepted")),
        settled_by_policy=len(after.with_events.ids("in_doubt") - after.end.ids("in_doubt")),
        left_in_doubt=len(after.end.ids("in_doubt")),
        rejected=len(after.end.ids("rejected")),
        cancelled=len(after.end.ids("cancelled")),
        gave_up=tally.refused,
    )
    row.problems = [f"{len(ids)} mails {what}" for what, ids in losses.items()]
    row.problems += _wrong_mails(row, evidence, declared) + _wrong_requests(row, evidence, after, declared)
    row.problems += _wrong_doubt(row, after)
    return row


def _wrong_mails(row: Row, evidence: Evidence, declared: Declared) -> list[str]:
    refused = evidence.refused_recipients
    return _said({
        f"{row.recipients} mails in the ledger, {row.planned} planned": row.recipients != row.planned,
        f"{row.duplicates} mails sent twice": row.duplicates,
        f"{row.duplicates_by_address} mails to an address that had one": row.duplicates_by_address,
        f"{row.cancelled} mails cancelled, {declared.cancelled} declared": row.cancelled != declared.cancelled,
        f"{row.rejected} mails rejected, {refused} recipients refused":
            # A 413 to a request of one mail rejects that mail; after an outage requests are so small.
            not refused - row.lost_requests <= row.rejected <= refused + evidence.oversized_answers,
    })  # fmt: skip


def _wrong_requests(row: Row, evidence: Evidence, after: Afterwards, declared: Declared) -> list[str]:
    """What is wrong in the requests. A killed worker may have met a fault that was not recorded."""
    tally, restarts = evidence.tally, declared.incidents.get("database restarts", 0)
    unkilled = set(after.end.lost_requests) - tally.killed
    least, most = evidence.unclear_answers - row.lost_requests, evidence.unclear_answers + declared.cut_answers
    unseen = 0 if row.received is None else row.requests - row.received
    return _said({
        f"one worker left {row.lost_requests_a_worker} requests in doubt": row.lost_requests_a_worker > 1,
        # A restart may cut a claim's commit off from the word that it is done: the worker gives up, nothing was sent.
        f"{len(unkilled)} workers that were not killed left a request in doubt":
            len(unkilled) > restarts or not unkilled <= tally.gave_up,
        f"{row.gave_up} workers gave up": row.gave_up and "workers that gave up" not in declared.incidents,
        f"{row.unclear_requests} unclear requests, {evidence.unclear_answers} unclear answers ordered":
            not least <= row.unclear_requests <= most,
        f"{after.end.lost_requests.total() + after.end.unclear_requests} requests in doubt in the end":
            (after.end.lost_requests, after.end.unclear_requests)
            != (after.sent.lost_requests, after.sent.unclear_requests),
        f"{row.requests} requests made, {row.received} received": not 0 <= unseen <= row.lost_requests,
    })  # fmt: skip


def _wrong_doubt(row: Row, after: Afterwards) -> list[str]:
    doubtful = after.sent.ids("in_doubt")
    return _said({
        f"{row.in_doubt} mails in doubt, {row.unanswered_mails} in unanswered requests":
            row.in_doubt != row.unanswered_mails,
        f"{row.settled_in_silence} mails settled without any event": row.settled_in_silence,
        f"{row.left_in_doubt} mails left in doubt": row.left_in_doubt,
        "events did not settle exactly the mails the provider took":
            doubtful & after.with_events.ids("accepted") != doubtful & after.taken,
        "a mail is still planned or claimed": bool(after.sent.ids("planned", "claimed")),
    })  # fmt: skip


def _said(found: dict[str, object]) -> list[str]:
    return [what for what, is_wrong in found.items() if is_wrong]


NUMBERS = (
    ("recipients", "recipients"), ("workers", "workers"), ("taken", "taken"), ("duplicates", "twice"),
    ("losses", "lost"), ("lost_requests", "requests lost"), ("lost_requests_a_worker", "most a worker"),
    ("unclear_requests", "unclear"), ("in_doubt", "in doubt"), ("settled_by_events", "by events"),
    ("settled_by_policy", "by policy"), ("left_in_doubt", "left"), ("rejected", "rejected"),
    ("cancelled", "cancelled"),
)  # fmt: skip


def table(
    rows: list[dict[str, Any]], facts: list[dict[str, Any]], others: list[dict[str, Any]], wrong: dict[str, str]
) -> str:
    """The report as Markdown.

    It has totals, kills by point, a line per scenario and its problems, what was asserted of events, the tests that
    judge themselves (`others`), and by title what failed or is missing (`wrong`).
    """
    safe = [row for row in rows if not row["must_fail"]]
    lines = [
        "# Crash and fault report",
        "",
        "Written by `make faults`. Real worker processes post to the simulator; every number is counted from the",
        "simulator's own record of what it took and from the ledger. Numbers are mails, unless they say requests.",
        "",
        *_totals(safe),
        *_listed("Failed or missing", [f"{what}: {why}" for what, why in sorted(wrong.items())]),
        *_listed("Problems", [f"{row['scenario']}: {problem}" for row in safe for problem in row["problems"]]),
        *_kills(safe),
        *_scenarios(rows),
    ]
    if facts:
        lines += ["", "## Events", "", "| what | numbers |", "|---|---|"]
        lines += [f"| {fact['what']} | {_pairs(fact['numbers'])} |" for fact in facts]
    if others:
        lines += ["", "## Judged by assertions of their own", "", "| test | result | seconds |", "|---|---|---:|"]
        lines += [f"| {one['test']} | {one['result']} | {one['seconds']:.0f} |" for one in others]
    return "\n".join(lines) + "\n"


def _totals(safe: list[dict[str, Any]]) -> list[str]:
    total = Counter[str]()
    for row in safe:
        total.update({name: number for name, number in row.items() if isinstance(number, int)})
        total["kills"] += sum(row["kills"].values())
        total["problems"] += len(row["problems"])
    return [
        f"Over all {len(safe)} scenarios: {total['kills']} kills, {total['recipients']} mails, "
        f"**{total['duplicates']} sent twice, {total['losses']} lost silently**, {total['in_doubt']} in doubt, of "
        f"which {total['settled_by_events']} were settled by events, {total['settled_by_policy']} by the topic's "
        f"policy, {total['left_in_doubt']} left. Problems: {total['problems']}.",
        "",
    ]


def _listed(head: str, what: list[str]) -> list[str]:
    """A section with one line each, or nothing if `what` is empty."""
    return [f"## {head}", "", *(f"- {one}" for one in what), ""] if what else []


def _kills(safe: list[dict[str, Any]]) -> list[str]:
    kills = Counter[str]()
    for row in safe:
        kills.update(row["kills"])
    lines = ["| killed | kills |", "|---|---:|"]
    lines += [f"| {point} | {number} |" for point, number in sorted(kills.items())]
    inside = [row for row in safe if row["kills"].get("at a random moment")]
    if at_random := kills["at a random moment"]:
        share = sum(row["kills_inside_a_request"] for row in inside) / at_random
        lines += ["", f"Of the {at_random} kills at random moments {share:.0%} fell inside a request."]
    return [*lines, ""]


def _scenarios(rows: list[dict[str, Any]]) -> list[str]:
    head = ["scenario", *(title for _, title in NUMBERS), "kills", "also", "seconds"]
    lines = ["## Scenarios", "", "| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(NUMBERS) + 1) + "---|---:|"]
    for row in sorted(rows, key=lambda row: (row["must_fail"], row["scenario"])):
        cells = [row["scenario"] + (" (unsafe: has to be caught)" if row["must_fail"] else "")]
        cells += [str(row[name]) for name, _ in NUMBERS]
        cells += [str(sum(row["kills"].values())), _pairs(row["incidents"]), f"{row['seconds']:.0f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _pairs(numbers: dict[str, Any]) -> str:
    return ", ".join(f"{name} {number}" for name, number in numbers.items())
