"""An operator's yes: an address may be mailed again, here and at SendGrid, and a log says who said so and why.

Apart from the path of an ingest. SendGrid comes first: while it still lists the address, a mail to it would be dropped,
and the drop would suppress the address again. A run that is killed or fails has lifted nothing here, and the next one
does it all. What was said before the lift and is read after it stays lifted (`keep_lifted`).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.engine import Connection, Engine

from lifecycle_mail.campaigns import Topic
from lifecycle_mail.database import lock, run, session_lock
from lifecycle_mail.delivery.modes import require_deliverable
from lifecycle_mail.mailboxes import mailbox
from lifecycle_mail.sendgrid.suppression_lists import GLOBAL, SuppressionLists
from lifecycle_mail.settings import Settings
from lifecycle_mail.sources import Withdrawal, lift_withdrawals, withdrawals_at

logger = logging.getLogger(__name__)

BOUNCES, COMPLAINTS, OPT_OUTS = "bounces", "complaints", "opt_outs"
KINDS = (BOUNCES, COMPLAINTS, OPT_OUTS)
"""What `only` may name. Without it everything is lifted, also sunset and an operator's word."""

_REASONS = {BOUNCES: ("hard_bounce", "dropped"), COMPLAINTS: ("complaint",), OPT_OUTS: ("unsubscribed",)}
_LISTS = {
    BOUNCES: ("bounces", "blocks", "invalid_emails"),
    COMPLAINTS: ("spam_reports",),
    OPT_OUTS: ("unsubscribes",),
}


@dataclass(frozen=True)
class LiftReport:
    """What one lift did.

    lifted: (scope, reason) of each suppression that was in force here. taken_off: SendGrid's lists that held the
    address, groups as 'group <number>'. was_resting: mail to the mailbox rested after soft bounces. withdrawals: what
    was said against all mail at the mailbox in the log of consent, and is ended. left: (customer, kind) of what still
    keeps mail from those who have the mailbox, as events/left_in_force.sql says.
    """

    lifted: tuple[tuple[str, str], ...]
    taken_off: tuple[str, ...]
    was_resting: bool = False
    withdrawals: tuple[Withdrawal, ...] = ()
    left: tuple[tuple[str, str], ...] = ()

    @property
    def is_nothing(self) -> bool:
        """Whether there was nothing to lift, here or there."""
        return not (self.lifted or self.taken_off or self.was_resting or self.withdrawals)


def lift(
    engine: Engine,
    settings: Settings,
    topics: Mapping[str, Topic],
    address: str,
    *,
    by: str,
    because: str,
    now: datetime,
    only: Sequence[str] = KINDS,
    lists: SuppressionLists | None = None,
) -> LiftReport:
    """Lift every no that is in force at an address, after taking it off SendGrid's lists; `only`: these KINDS alone.

    It ends suppressions, and withdrawals that were said at the mailbox (one of OPT_OUTS). It gives no permission: who
    never confirmed is not mailed. What a customer said at another mailbox stays.

    Groups of other applications are theirs: the address stays on their lists. In mode preview SendGrid is not asked.

    Raises:
        DeliveryRefused: the mode and the settings do not permit it.
        SyncError: SendGrid gave no usable answer: nothing is lifted here, and the next run does all of it.
    """
    address, kinds = mailbox(address), [kind for kind in KINDS if kind in only]
    if settings.mode != "preview":
        require_deliverable(engine, settings, dict(topics))
    with engine.connect() as holder, session_lock(holder, "suppression_sync"):
        with engine.connect() as connection:
            ours = set(run(connection, "events/our_groups").scalars())
        taken_off = [] if settings.mode == "preview" else _take_off(settings, lists, address, kinds, ours)
        with engine.begin() as connection:
            lock(connection, "ingest")
            report = _lift_here(connection, address, kinds, taken_off, by=by, because=because, now=now)
    logger.info("lifted %d suppressions, took an address off %d lists", len(report.lifted), len(report.taken_off))
    return report


def keep_lifted(connection: Connection) -> None:
    """Lift again what was said before an operator's lift and came in only now; in the caller's transaction."""
    run(connection, "events/keep_lifted")


def _take_off(
    settings: Settings, given: SuppressionLists | None, address: str, kinds: Sequence[str], ours: set[int]
) -> list[str]:
    """Take the address off SendGrid's lists of these kinds; return those that held it."""
    with SuppressionLists(settings) if given is None else nullcontext(given) as lists:
        held = [name for kind in kinds for name in _LISTS[kind] if lists.is_listed(name, address)]
        for name in held:
            lists.take_off(name, address)
        groups = sorted(lists.groups_left(address) & ours) if OPT_OUTS in kinds else []
        for group_id in groups:
            lists.take_back(group_id, address)
    return held + [f"group {group_id}" for group_id in groups]


def _lift_here(
    connection: Connection, address: str, kinds: Sequence[str], taken_off: list[str], *, by: str, because: str,
    now: datetime,
) -> LiftReport:  # fmt: skip
    reasons = None if tuple(kinds) == KINDS else [reason for kind in kinds for reason in _REASONS[kind]]
    said = {"address": address, "reasons": reasons, "now": now}
    lifted = tuple(sorted((row.scope, row.reason) for row in run(connection, "events/lift", **said)))
    rested = _end_rest(connection, address, now) if BOUNCES in kinds else False
    ended = withdrawals_at(connection, address) if OPT_OUTS in kinds else ()
    report = LiftReport(lifted, tuple(taken_off), rested, ended)
    if not report.is_nothing:
        if OPT_OUTS in kinds:
            lift_withdrawals(connection, address, now)
        groups = [GLOBAL if name == "unsubscribes" else int(name[6:]) for name in taken_off if _is_push_list(name)]
        run(connection, "events/forget_pushes", address=address, groups=groups)
        run(
            connection, "events/log_lift", **said, lifted_by=by, because=because,
            lifted=[*(f"{scope} {reason}" for scope, reason in lifted), *["all withdrawn"] * bool(ended)],
            taken_off=taken_off,
        )  # fmt: skip
    left = run(connection, "events/left_in_force", address=address)
    return replace(report, left=tuple((row.customer_id, row.kind) for row in left))


def _end_rest(connection: Connection, address: str, now: datetime) -> bool:
    """Forget the mailbox's soft bounces; return whether mail to it rested."""
    ends = run(connection, "events/end_soft_bounces", address=address).scalars()
    return any(until is not None and until > now for until in ends)


def _is_push_list(name: str) -> bool:
    """Tell whether opt-outs are pushed to this list of SendGrid."""
    return name == "unsubscribes" or name.startswith("group ")
