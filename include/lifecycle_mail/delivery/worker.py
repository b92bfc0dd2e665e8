"""The delivery worker: claim, send, record, until nothing is claimable.

Any number of workers may run at once. They share nothing but the database. If a worker is killed, at any point, only
the one request that it had in flight can be in doubt.
"""

from __future__ import annotations

import datetime as dt
import gc
import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby

from sqlalchemy.engine import Engine
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError

from lifecycle_mail.campaigns import Topic
from lifecycle_mail.database import scalar
from lifecycle_mail.delivery.claims import Attempt, Claim, claim
from lifecycle_mail.delivery.modes import require_deliverable
from lifecycle_mail.delivery.picking import Batch
from lifecycle_mail.delivery.reconciling import end_unapproved, reconcile
from lifecycle_mail.delivery.recording import LeaseOver, Outcome, Recorded, record
from lifecycle_mail.delivery.reports import DeliveryReport
from lifecycle_mail.delivery.work import ClaimSetup, ShellWork, shells_with_work, stopped
from lifecycle_mail.errors import DeliveryRefused, SendingStopped, TemplateError
from lifecycle_mail.leases import lease_seconds
from lifecycle_mail.messages.shells import rebuild
from lifecycle_mail.messages.states import MessageKey
from lifecycle_mail.messages.templates import TemplateLibrary
from lifecycle_mail.sendgrid.answers import AccessRefused, NothingSent, RateLimited, TooLarge, Unknown
from lifecycle_mail.sendgrid.provider import Provider
from lifecycle_mail.sendgrid.requests import MAX_RECIPIENTS, Request, build_request, build_whole_request
from lifecycle_mail.settings import Settings

logger = logging.getLogger(__name__)

MAX_UNKNOWN_IN_A_ROW = 5
MAX_UNSENT_IN_A_ROW = 4
MAX_LATE_IN_A_ROW = 4
MAX_RATE_LIMITED_IN_A_ROW = 20
MAX_WAIT_SECONDS = 60.0
RECORD_TRIES = 10
MAX_RECORD_WAIT_SECONDS = 30.0  # 3 minutes in all: a fail-over takes one or two
LEASE_SHARE = 0.8  # of the lease, for rendering and the request together
YOUNG_OBJECTS = 50_000  # more than a batch makes

Clock = Callable[[], dt.datetime]
Sleep = Callable[[float], None]


def deliver(
    engine: Engine,
    settings: Settings,
    topics: dict[str, Topic],
    *,
    clock: Clock,
    worker: str,
    shard: int = 0,
    sleep: Sleep = time.sleep,
    progress: Callable[[DeliveryReport], None] = lambda report: None,
) -> DeliveryReport:
    """Send everything that may go now, and return what happened.

    `clock` returns the present moment (time zone aware). `shard` rotates the shell with which this worker begins, among
    the shells of one priority.

    Raises:
        DeliveryRefused: the mode does not permit it, or the provider cannot be reached; mails stay planned.
        SendingStopped: the provider refused our access; all sending is paused.
        ClaimLost: mails changed state during a claim; nothing of it was sent.
    """
    require_deliverable(engine, settings, topics)
    setup = ClaimSetup(settings, topics, TemplateLibrary(settings.templates_dir), worker)
    report = DeliveryReport()
    if setup.is_live:
        end_unapproved(engine, clock(), report)
    reconcile(engine, topics, clock(), report)
    with Provider(settings) as provider, _garbage_seldom_looked_for():
        run_ = _Run(engine, setup, provider, clock, sleep, report, progress)
        run_.is_probing = _is_unclear(engine)
        while run_.one_round(shard):
            pass
    return report


def _is_unclear(engine: Engine) -> bool:
    """Tell whether the provider has given no clear answer lately, to this worker or any other."""
    with engine.connect() as connection:
        return bool(scalar(connection, "delivery/is_unclear", requests=MAX_UNKNOWN_IN_A_ROW))


@contextmanager
def _garbage_seldom_looked_for() -> Iterator[None]:
    """Look for garbage in cycles once per request. Python's default, after every few mails, took 6 % of a worker's
    time.

    Objects that are loaded now are not collected meanwhile. The only cycles a batch leaves are those of its request.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _from_another_shell(works: list[ShellWork], shard: int) -> list[ShellWork]:
    """Begin at another shell of the same priority. Beginning at a lower one would take the places of the higher one."""
    order: list[ShellWork] = []
    for _, same in groupby(works, key=lambda work: work.priority):
        shells = list(same)
        turn = shard % len(shells)
        order += shells[turn:] + shells[:turn]
    return order


def _request_of(attempt: Attempt) -> Request:
    shell, topic = attempt.shell, attempt.topic
    if not attempt.whole:
        return build_request(shell.campaign, shell, attempt.mails, topic)
    mail = attempt.mails[0]
    return build_whole_request(shell.campaign, rebuild(shell, mail.substitutions(), mail.subject), mail, topic)


class _Run:
    """One run of one worker. The answers it has seen in succession decide when it waits and when it stops.

    While `is_probing`, a request holds one mail. Otherwise each run during an outage would put batch after batch in
    doubt. Probing begins with the second unclear answer in succession, whichever worker got the first, and ends with a
    clear one.
    """

    def __init__(
        self,
        engine: Engine,
        setup: ClaimSetup,
        provider: Provider,
        clock: Clock,
        sleep: Sleep,
        report: DeliveryReport,
        progress: Callable[[DeliveryReport], None],
    ) -> None:
        self.engine = engine
        self.setup = setup
        self.provider = provider
        self.clock = clock
        self.sleep = sleep
        self.report = report
        self.progress = progress
        self.in_a_row: Counter[type[Outcome]] = Counter()
        self.limits: dict[int, int] = {}
        self.is_probing = False

    def one_round(self, shard: int) -> bool:
        """Go through every shell with work once; return False if there was nothing to claim."""
        self.setup.library.look_again()  # a template that was deployed meanwhile counts
        with self.engine.begin() as connection:
            works, waiting = shells_with_work(connection, self.setup, self.clock())
            held = {work.shell_id: stopped(connection, self.setup, work) for work in works}
        self.report.stopped |= waiting | {reason for reason in held.values() if reason}
        ready = _from_another_shell([work for work in works if held[work.shell_id] is None], shard)
        return sum(self._one_shell(work) for work in ready) > 0

    def _one_shell(self, work: ShellWork) -> int:
        picked = 0
        while True:
            found, alone = self._one_batch(work)
            if not found:
                return picked
            picked += found
            for key in alone:
                self._one_batch(work, only=key)
            if self.is_probing and self.in_a_row[Unknown]:
                return picked  # another shell's mails may get an answer

    def _one_batch(self, work: ShellWork, only: MessageKey | None = None) -> tuple[int, Sequence[MessageKey]]:
        """Claim and send once; return how many mails were looked at, and which are left to go alone.

        Nothing of the batch is held when this returns, because two batches at once take twice the memory.
        """
        claimed = self._claim(work, only)
        if claimed.attempt:
            self._send(claimed.attempt)
            gc.collect(0)  # the request is released by now
        return claimed.picked, claimed.alone

    def _claim(self, work: ShellWork, only: MessageKey | None) -> Claim:
        limit = self.limits.get(work.shell_id, MAX_RECIPIENTS)
        most = 1 if self.is_probing else limit
        try:
            claimed = claim(self.engine, self.setup, Batch(work, self.clock(), limit, only, most))
        except TemplateError as error:  # its files changed since the round began: the next round takes the new ones
            self.report.stopped.add(f"campaign {work.campaign.campaign}: {error}")
            return Claim(picked=0)
        self.report.ended.update(claimed.ended)
        self.report.postponed += claimed.postponed
        self.setup.rejected[work.campaign.campaign] += claimed.ended["render_failed"]
        return claimed

    def _send(self, attempt: Attempt) -> None:
        self.report.requests += 1
        request = _request_of(attempt)
        late = self._is_late(attempt)
        answer: Outcome = LeaseOver() if late else self.provider.send(request, self._answer_by(attempt))
        recorded = self._record(attempt, answer)
        self.report.add(recorded)
        self.setup.rejected[attempt.shell.campaign] += recorded.rejected
        self.setup.accepted[attempt.shell.campaign] += recorded.accepted
        self.progress(self.report)
        self._wait_or_stop(attempt, answer)

    def _is_late(self, attempt: Attempt) -> bool:
        """Tell whether no time is left: after the lease another worker may settle these mails, and send them."""
        return lease_seconds() >= self._answer_by(attempt)

    def _answer_by(self, attempt: Attempt) -> float:
        """Return the time by which a request must be answered, well before its lease ends (`lease_seconds`)."""
        return attempt.taken_at + LEASE_SHARE * self.setup.settings.claim_lease_seconds

    def _record(self, attempt: Attempt, answer: Outcome) -> Recorded:
        """Record, and try again while the database is away, because what the answer says must not be lost."""
        for turn in range(RECORD_TRIES):
            try:
                return record(self.engine, attempt, answer, self.clock())
            except (DataError, IntegrityError, ProgrammingError):
                raise
            except DBAPIError:  # restarted, failed over, read-only for a while
                if turn == RECORD_TRIES - 1:
                    raise
                self.sleep(min(2.0**turn, MAX_RECORD_WAIT_SECONDS))
        raise AssertionError("unreachable")

    def _wait_or_stop(self, attempt: Attempt, answer: Outcome) -> None:
        """Wait or stop if the answer demands it."""
        seen = self.in_a_row[type(answer)] + 1
        self.in_a_row = Counter({type(answer): seen})
        unclear_again = isinstance(answer, Unknown) and seen > 1
        self.is_probing = unclear_again or (self.is_probing and isinstance(answer, Unknown | NothingSent | LeaseOver))
        match answer:
            case AccessRefused(error=error):
                raise SendingStopped(
                    f"the provider refused our access ({error}): all sending is paused; correct the key or the "
                    "sender, then run `sending resume`"
                )
            case TooLarge() if len(attempt.mails) > 1:
                self.limits[attempt.shell_id] = max(1, len(attempt.mails) // 2)
            case RateLimited(reset_seconds=reset_seconds):
                self._wait_for_reset(reset_seconds, seen)
            case LeaseOver(error=error) if seen >= MAX_LATE_IN_A_ROW:
                raise DeliveryRefused(
                    f"{error}, {seen} times in a row: every mail stays planned; raise "
                    f"LIFECYCLE_CLAIM_LEASE_SECONDS ({self.setup.settings.claim_lease_seconds:g}), or reduce the load "
                    "of this machine"
                )
            case NothingSent(error=error):
                self._wait_for_connection(error, seen)
            case Unknown(error=error) if seen >= MAX_UNKNOWN_IN_A_ROW:
                raise DeliveryRefused(
                    f"{seen} requests in a row had no clear answer (last: {error}): delivery stopped before more "
                    "mails fall in doubt; look at the provider's status, then run deliver again"
                )

    def _wait_for_reset(self, reset_seconds: float | None, seen: int) -> None:
        if seen >= MAX_RATE_LIMITED_IN_A_ROW:
            raise DeliveryRefused(
                f"the provider limited {seen} requests in a row: mails stay planned; run deliver again later, and "
                "with fewer shards if it happens again"
            )
        if reset_seconds is None:
            seconds = min(2.0 ** min(seen, 6), MAX_WAIT_SECONDS) * random.uniform(0.5, 1.0)
        else:
            seconds = min(max(reset_seconds, 0.1), MAX_WAIT_SECONDS)
        logger.info("rate limited: waiting %.1f seconds", seconds)
        self.sleep(seconds)

    def _wait_for_connection(self, error: str, seen: int) -> None:
        if seen >= MAX_UNSENT_IN_A_ROW:
            raise DeliveryRefused(
                f"cannot reach the provider ({error}): every mail stays planned; check SENDGRID_BASE_URL and "
                "the network, then run deliver again"
            )
        self.sleep(min(0.2 * 2.0**seen, MAX_WAIT_SECONDS))
