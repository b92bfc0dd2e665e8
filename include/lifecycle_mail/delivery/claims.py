"""Claim a batch: pick, judge, reserve, render and mark, in one transaction that commits before any request.

    pick     lock up to 1,000 planned mails of one shell, skipping those of other workers     (`picking`)
    judge    check again what was decided: exit, permission, suppression, hours, staleness    (`picking`)
    ask      of opt-in mails after a no, one per mailbox goes                                (`opt_ins`)
    yield    leave the day to planned mails of a higher priority that can still go in it      (`contention`)
    reserve  take a place in each recipient's day or week                                     (`places`)
    choose   the products that they recommend                                                 (`messages.recommending`)
    render   the slots of the mails that go                                                   (`rendering`)
    mark     planned → claimed, with a lease and the attempt's number
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import orjson
from sqlalchemy.engine import Connection, Engine

from lifecycle_mail.campaigns import Topic
from lifecycle_mail.database import run, scalar
from lifecycle_mail.delivery.contention import yield_to_higher
from lifecycle_mail.delivery.opt_ins import keep_first
from lifecycle_mail.delivery.picking import Batch, PickedMail, closed, parted, pick
from lifecycle_mail.delivery.places import move_to_next_period, release, reserve, until_carts_are_taken_over
from lifecycle_mail.delivery.rendering import parted_by_size, render, without_offer
from lifecycle_mail.delivery.work import ClaimSetup, stopped
from lifecycle_mail.errors import ClaimLost
from lifecycle_mail.messages import load_shell
from lifecycle_mail.messages.codes import codes_of
from lifecycle_mail.messages.recommending import Shown, keep_recommended, recommended_for
from lifecycle_mail.messages.shells import Shell
from lifecycle_mail.messages.states import ClaimedMail, MessageKey, cancel, postpone, take_claim
from lifecycle_mail.sendgrid.requests import needs_own_request


@dataclass(frozen=True)
class Attempt:
    """One request to be made; its claim is committed. `whole` = one recipient's mail, rendered whole.

    `taken_at` is the beginning of the claim, in seconds of `lease_seconds`.
    """

    attempt_id: int
    shell_id: int
    shell: Shell
    topic: Topic
    mails: list[ClaimedMail]
    whole: bool
    taken_at: float


@dataclass(frozen=True)
class Claim:
    """What one claim did. `picked` 0 means that the shell has nothing left for this worker.

    A claim leads to at most one request, so a worker that dies leaves no more than that in doubt. `alone` are mails
    that are too large to share a request. They stay planned, and each is claimed by itself.
    """

    picked: int
    attempt: Attempt | None = None
    alone: Sequence[MessageKey] = ()
    ended: Counter[str] = field(default_factory=Counter)
    postponed: int = 0


def claim(engine: Engine, setup: ClaimSetup, batch: Batch) -> Claim:
    """Claim those mails of a batch that may go; the claim is committed when this returns.

    Raises:
        ClaimLost: mails changed state during the claim, and it is undone.
    """
    with engine.begin() as connection:
        if stopped(connection, setup, batch.work) or setup.is_to_stop(connection, batch.work, batch.now):
            return Claim(picked=0)
        return claim_in(connection, setup, batch)


def claim_in(connection: Connection, setup: ClaimSetup, batch: Batch) -> Claim:
    """Claim within the caller's transaction (a preview rolls it back)."""
    work, now = batch.work, batch.now
    rows = pick(connection, batch)
    if not rows:
        return Claim(picked=0)
    shell = load_shell(connection, work.written_shell_id)
    go, ended = parted(rows, work, setup.settings)
    postponed = postpone(connection, closed(rows) + until_carts_are_taken_over(rows, work, now))
    codes = codes_of(connection, shell, [row.enrollment_id for row in go])
    go, unoffered = without_offer(shell, go, codes, now)
    go, asked = keep_first(connection, work, go, now)
    go, yielded = yield_to_higher(connection, setup, batch, go)
    reserved, full = reserve(connection, work.topic, setup.topics, go, now)
    moved, stale = move_to_next_period(connection, work, full, now)
    renderer = setup.library_of(connection, shell).slots(shell)
    going = reserved[: batch.most]
    recommended = _recommended(connection, batch, shell, going)
    rendered, broken = render(renderer, setup.settings, work.topic.topic, going, now, recommended, codes)
    cancel(connection, ended + unoffered + asked + stale, now)
    cancel(connection, broken, now, state="rejected")
    together, alone = parted_by_size(rendered)
    release(connection, [row.key for row in reserved[batch.most :]] + [key for key, _ in broken] + alone)
    return Claim(
        picked=len(rows),
        attempt=_mark(connection, setup, batch, shell, together, recommended) if together else None,
        alone=alone,
        ended=Counter(reason for _, reason in [*ended, *unoffered, *asked, *stale, *broken]),
        postponed=postponed + yielded + moved,
    )


def _recommended(
    connection: Connection, batch: Batch, shell: Shell, rows: Sequence[PickedMail]
) -> dict[int, Shown]:
    """Return what each mail recommends, by enrollment; nothing if the step recommends nothing."""
    wanted = batch.work.campaign.recommend_of(batch.work.step)
    if wanted is None:
        return {}
    people = [(row.customer_id, orjson.loads(row.context)) for row in rows]
    shown = recommended_for(connection, wanted, people, shell.currency, batch.now)
    return {row.enrollment_id: products for row, products in zip(rows, shown, strict=True)}


def _mark(
    connection: Connection,
    setup: ClaimSetup,
    batch: Batch,
    shell: Shell,
    mails: list[ClaimedMail],
    recommended: Mapping[int, Shown],
) -> Attempt:
    """Write the attempt and mark its mails as claimed.

    Raises:
        ClaimLost: some are not planned any more. Another worker may send them, so the transaction must be rolled back.
    """
    work = batch.work
    run(connection, "delivery/probe_plans")
    lease_until = batch.now + dt.timedelta(seconds=setup.settings.claim_lease_seconds)
    attempt_id = int(
        scalar(
            connection,
            "delivery/begin_attempt",
            shell_id=work.shell_id,
            campaign=work.campaign.campaign,
            worker=setup.worker,
            recipients=len(mails),
            now=batch.now,
            lease_until=lease_until,
        )
    )
    taken = take_claim(connection, attempt_id, mails, batch.now, lease_until)
    if taken != len(mails):
        raise ClaimLost(
            f"{len(mails) - taken} of {len(mails)} mails of campaign {work.campaign.campaign} changed state "
            "during their claim: nothing of it was sent; run deliver again, and find out what else writes to "
            "message.message"
        )
    if recommended:
        claimed = [mail.key.enrollment_id for mail in mails]
        keep_recommended(connection, work.step, {one: recommended[one] for one in claimed})
    whole = needs_own_request(mails[0])
    return Attempt(attempt_id, work.shell_id, shell, work.topic, mails, whole, batch.taken_at)
