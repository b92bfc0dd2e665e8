"""Keep suppressions in step with SendGrid's lists, both ways: what the webhook missed, what SendGrid does not have.

The webhook reports within seconds. The lists also have what it could not report. A pull commits the rows of a window
together with how far it has read. A push records what it is about to send, sends it, and records what SendGrid took.
Either may be killed at any point and repeated. docs/decisions/0009 says why it works this way.
"""

from __future__ import annotations

import csv
import io
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import orjson
from sqlalchemy.engine import Connection, Engine

from lifecycle_mail.campaigns import Topic, Topics
from lifecycle_mail.database import copy_in, lock, run, session_lock
from lifecycle_mail.delivery.modes import require_deliverable
from lifecycle_mail.errors import SyncError
from lifecycle_mail.events.groups import warn_of_unlisted_groups
from lifecycle_mail.events.lifting import keep_lifted
from lifecycle_mail.intake import Intake, Limits, Row
from lifecycle_mail.sendgrid.event_words import EARLIEST_EPOCH, Groups
from lifecycle_mail.sendgrid.suppression_lists import (
    ADDRESSES_A_PUSH,
    GLOBAL,
    GROUPS,
    REASONS,
    AddressesRefused,
    Listed,
    SuppressionLists,
)
from lifecycle_mail.sendgrid.suppression_windows import Reading, Window, read_windows
from lifecycle_mail.settings import Settings

logger = logging.getLogger(__name__)

OVERLAP = timedelta(hours=24)  # SendGrid repeats webhook events for as long; a row may be late by as much
CLOSED_AFTER = timedelta(minutes=5)
CLOCKS_DIFFER_MINUTES = 10
ROWS_A_STEP = 5000


@dataclass(frozen=True)
class SyncReport:
    """What one synchronisation did.

    listed: distinct rows read, including blocks. blocks: rows that suppress nothing. suppressed: suppressions that are
    new or changed. unsettled: windows that kept changing, which the next run reads again. pushed: addresses
    SendGrid took. refused: addresses it refused. foreign: rows of other applications' groups, which say nothing here.
    `left_out`: rows that were read and say nothing new here, by reason.
    """

    listed: int = 0
    blocks: int = 0
    suppressed: int = 0
    unsettled: int = 0
    pushed: int = 0
    refused: int = 0
    foreign: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict, compare=False)

    def counts(self) -> dict[str, int]:
        """Return the counts by name."""
        return {name: getattr(self, name) for name in _COUNTS}

    def rows(self) -> list[Row]:
        """Return the table by reason."""
        left_out = [(f"left out: {reason}", number) for reason, number in sorted(self.left_out.items()) if number]
        return [*self.counts().items(), *left_out]

    def alarms(self, limits: Limits) -> list[str]:
        """Say if SendGrid refused too many of our opt-outs, or if its lists hold too much that is no address."""
        read = Intake("SendGrid's lists", self.listed, {"no address": self.left_out.get(NO_ADDRESS, 0)})
        pushed = Intake("opt-outs for SendGrid", self.pushed + self.refused, {"refused": self.refused})
        return [alarm for one in (read, pushed) if (alarm := one.alarm(limits))]

    def plus(self, other: SyncReport) -> SyncReport:
        """Return the sum of two reports, count by count."""
        left_out = Counter(self.left_out) + Counter(other.left_out)
        counts = {name: getattr(self, name) + getattr(other, name) for name in _COUNTS}
        return SyncReport(**counts, left_out=dict(left_out))


_COUNTS = ("listed", "blocks", "suppressed", "unsettled", "pushed", "refused", "foreign")
NO_ADDRESS = "no address"


def pull(
    engine: Engine,
    settings: Settings,
    topics: Mapping[str, Topic],
    *,
    now: datetime,
    lists: SuppressionLists | None = None,
) -> SyncReport:
    """Read SendGrid's lists up to five minutes before `now`, from a day before the end of the last run.

    Bounces, invalid addresses, spam reports, unsubscribes and group unsubscribes become event.suppression, as
    the webhook's events would. A list never lifts a suppression. Mode preview asks SendGrid nothing.

    Raises:
        DeliveryRefused: the mode and the settings do not permit it.
        SyncError: SendGrid gives no usable answer for some lists. The other lists are read, and of the failed lists the
            windows before the failure are committed.
    """
    if settings.mode == "preview":
        return SyncReport()
    require_deliverable(engine, settings, dict(topics))
    with engine.connect() as holder, session_lock(holder, "suppression_sync"), _open(settings, lists) as opened:
        puller = _Puller(engine, settings.link_secret, groups_of(topics), opened, now)
        report, failed = puller.pull_all()
    logger.info("pulled suppressions: %s", report)
    warn_of_unlisted_groups(engine)
    if failed:
        first = next(iter(failed.values()))
        raise SyncError(f"SendGrid's lists {', '.join(failed)} could not be read (any others were): {first}")
    return report


def push(
    engine: Engine,
    settings: Settings,
    topics: Mapping[str, Topic],
    *,
    now: datetime,
    clock: Callable[[], datetime] | None = None,
    lists: SuppressionLists | None = None,
) -> SyncReport:
    """Send SendGrid the opt-outs that it is not known to have: of a topic to its group, of everything to the global
    list.

    Only people's own opt-outs are sent (view event.opt_out). Sunset, bounces and an operator's word stay here.
    `now` is when the push begins. `clock` gives the time at which SendGrid took a batch (None = `now` for all of them,
    for a short run). By these two times the next pull recognises our own push. Mode preview sends nothing.

    Raises:
        DeliveryRefused: the mode and the settings do not permit it.
        SyncError: no usable answer, SendGrid does not have a topic's group, or it refused all of several addresses.
            What it took is recorded, and the other lists are pushed.
    """
    if settings.mode == "preview":
        return SyncReport()
    require_deliverable(engine, settings, dict(topics))
    groups = [{"scope": "all", "group_id": GLOBAL}]
    groups += [{"scope": f"topic:{name}", "group_id": group} for group, name in _topic_by_group(topics).items()]
    with engine.connect() as holder, session_lock(holder, "suppression_sync"), _open(settings, lists) as opened:
        with engine.begin() as connection:
            # A running erasure would not remove rows that are queued at the same time.
            lock(connection, "ingest")
            known = orjson.dumps(groups).decode()
            run(connection, "events/unqueue_opt_outs", groups=known)
            run(connection, "events/queue_opt_outs", groups=known, now=now)
            queued = [row.group_id for row in run(connection, "events/queued_groups")]
        report, unknown, refusals = _push_groups(engine, opened, queued, clock or (lambda: now))
    logger.info("pushed opt-outs: %s", report)
    if problems := _problems(unknown, refusals, _topic_by_group(topics)):
        raise SyncError("; ".join(problems))
    return report


def _problems(unknown: set[int], refusals: Mapping[int, str], topic_of: Mapping[int, str]) -> list[str]:
    found = []
    if unknown:
        names = sorted(topic_of[group] for group in unknown)
        found.append(
            f"SendGrid has no unsubscribe group {', '.join(map(str, sorted(unknown)))} (topic {', '.join(names)}): "
            "make the group there, or correct sendgrid_group_id; these opt-outs wait until then"
        )
    for group, said in sorted(refusals.items()):
        where = "the global list" if group == GLOBAL else f"unsubscribe group {group} (topic {topic_of[group]})"
        found.append(
            f"SendGrid refused every address for {where} (400: {said}): the request is wrong, or none of the texts is "
            "an address; these opt-outs wait, and docs/runbook.md says what to do"
        )
    return found


def _open(settings: Settings, lists: SuppressionLists | None) -> AbstractContextManager[SuppressionLists]:
    return SuppressionLists(settings) if lists is None else nullcontext(lists)


def groups_of(topics: Mapping[str, Topic]) -> Groups:
    """Return the unsubscribe groups that a topics file names: those of topics, and those of other applications."""
    foreign = topics.foreign_groups if isinstance(topics, Topics) else ()
    return Groups(_topic_by_group(topics), frozenset(foreign))


def _topic_by_group(topics: Mapping[str, Topic]) -> dict[int, str]:
    return {
        topic.sendgrid_group_id: name for name, topic in topics.items() if topic.sendgrid_group_id is not None
    }


@dataclass(frozen=True)
class _Puller:
    """One pull: from where, up to where, and for which moment."""

    engine: Engine
    link_secret: str
    groups: Groups
    lists: SuppressionLists
    now: datetime

    def pull_all(self) -> tuple[SyncReport, dict[str, SyncError]]:
        """Read every list; return the counts, and the error of each list that failed."""
        report, failed = SyncReport(), dict[str, SyncError]()
        for list_name in (*REASONS, GROUPS):
            try:
                pulled = self.pull_groups() if list_name == GROUPS else self.pull_list(list_name)
                report = report.plus(pulled)
            except SyncError as error:  # one failed list must not keep the suppressions of another from being read
                failed[list_name] = error
        return report, failed

    def pull_list(self, list_name: str) -> SyncReport:
        """Read one list that is read by time, oldest first, and commit some thousand rows at a time."""
        window = self._window(list_name)
        report = SyncReport()
        if window is None:
            return report
        readings = read_windows(
            lambda start, end, offset: self.lists.page(list_name, start, end, offset),
            window,
            self.lists.rows_a_page,
        )
        for rows, end_epoch, unsettled in _in_steps(readings):
            report = report.plus(SyncReport(listed=len(rows), unsettled=unsettled))
            # After a window that kept changing the mark does not move, so that the next run reads it again.
            covered = None if report.unsettled else datetime.fromtimestamp(end_epoch, UTC)
            report = report.plus(self._take(list_name, rows, covered))
        return report

    def pull_groups(self) -> SyncReport:
        """Read which address left which group: one answer, so nothing can move between pages."""
        rows = frozenset(self.lists.group_members())
        ours = frozenset(row for row in rows if row.group_id not in self.groups.foreign)
        return SyncReport(listed=len(rows), foreign=len(rows - ours)).plus(self._take(GROUPS, ours, self.now))

    def _window(self, list_name: str) -> Window | None:
        with self.engine.connect() as connection:
            covered = dict(tuple(row) for row in run(connection, "events/sync_progress")).get(list_name)
        start = EARLIEST_EPOCH if covered is None else int((covered - OVERLAP).timestamp())
        end = int((self.now - CLOSED_AFTER).timestamp())
        return Window(start, end) if start <= end else None

    def _take(self, list_name: str, rows: frozenset[Listed], covered_until: datetime | None) -> SyncReport:
        """Fold rows and record how far the list was read, in one transaction."""
        blocks = len(rows) if list_name == "blocks" else 0
        with self.engine.begin() as connection:
            # A running erasure or ingest must not see half of it, and this must not see half of theirs.
            lock(connection, "ingest")
            report = self._fold(connection, list_name, rows) if rows and not blocks else SyncReport()
            if covered_until is not None:
                run(
                    connection,
                    "events/record_sync_progress",
                    list_name=list_name, covered_until=covered_until, now=self.now,
                )  # fmt: skip
        return report.plus(SyncReport(blocks=blocks))

    def _fold(self, connection: Connection, list_name: str, rows: Iterable[Listed]) -> SyncReport:
        run(connection, "events/create_listed")
        left_out = {NO_ADDRESS: sum(not row.address for row in rows)}
        text = io.StringIO()
        csv.writer(text).writerows(self._meaning(list_name, row) for row in sorted(rows) if row.address)
        text.seek(0)
        copy_in(connection, "listed_staging", ("address", "scope", "reason", "group_id", "listed_epoch"), text)
        erased = run(connection, "events/drop_erased_listed", link_secret=self.link_secret)
        left_out["of erased people"] = erased.rowcount
        echoes = run(connection, "events/drop_echoes", clocks_differ_minutes=CLOCKS_DIFFER_MINUTES)
        left_out["our own push"] = echoes.rowcount
        run(connection, "events/log_listed")
        changed = run(connection, "events/fold_listed").rowcount
        keep_lifted(connection)
        run(connection, "events/hold_listed")
        return SyncReport(suppressed=changed, left_out=left_out)

    def _meaning(self, list_name: str, row: Listed) -> tuple[str, str, str, int | None, int]:
        """Return address, scope, reason, group, time."""
        if list_name != GROUPS:
            group_id = GLOBAL if list_name == "unsubscribes" else None
            return row.address, "all", str(REASONS[list_name]), group_id, row.listed_epoch
        return row.address, self.groups.scope(row.group_id or 0), "unsubscribed", row.group_id, row.listed_epoch


def _in_steps(readings: Iterable[Reading]) -> Iterator[tuple[frozenset[Listed], int, int]]:
    """Join readings to steps of ROWS_A_STEP rows; yield rows, the last second covered, readings unsettled."""
    rows: set[Listed] = set()
    unsettled, end_epoch = 0, None
    for reading in readings:
        rows |= reading.rows
        end_epoch, unsettled = reading.window.end_epoch, unsettled + int(not reading.is_settled)
        if len(rows) >= ROWS_A_STEP:
            yield frozenset(rows), end_epoch, unsettled
            rows, unsettled, end_epoch = set(), 0, None
    if end_epoch is not None:
        yield frozenset(rows), end_epoch, unsettled


def _push_groups(
    engine: Engine, lists: SuppressionLists, queued: list[int], clock: Callable[[], datetime]
) -> tuple[SyncReport, set[int], dict[int, str]]:
    """Push what is queued; return the counts, the groups SendGrid does not have, and those refused as a whole."""
    # Never push to a group that SendGrid does not have: it would add those addresses to its global list.
    known = lists.group_ids() if any(group != GLOBAL for group in queued) else set()
    report, refusals = SyncReport(), dict[int, str]()
    unknown = {group_id for group_id in queued if group_id != GLOBAL and group_id not in known}
    for group_id in queued:
        if group_id not in unknown:
            pushed, refusal = _push_group(engine, lists, group_id, clock)
            report = report.plus(pushed)
            if refusal is not None:
                refusals[group_id] = refusal
    return report, unknown, refusals


def _push_group(
    engine: Engine, lists: SuppressionLists, group_id: int, clock: Callable[[], datetime]
) -> tuple[SyncReport, str | None]:
    """Push what is queued for one list; return the counts, and why a whole batch was refused (None = it was not)."""
    report, last = SyncReport(), ""
    while True:
        with engine.connect() as connection:
            reading = {"group_id": group_id, "after_address": last, "rows": ADDRESSES_A_PUSH}
            addresses = list(run(connection, "events/queued_opt_outs", **reading).scalars())
        if not addresses:
            return report, None
        refused = _add(lists, group_id, addresses)
        if len(refused) == len(addresses) > 1:
            # More likely the request is wrong than each address. Marked as refused, they would never be pushed again.
            return report, refused[addresses[0]]
        pushed_at = clock()  # a run may take hours, and SendGrid lists addresses as of now, not as of its beginning
        taken = [one for one in addresses if one not in refused]
        with engine.begin() as connection:
            run(
                connection,
                "events/finish_push",
                group_id=group_id, taken=taken, refused=sorted(refused), now=pushed_at,
            )  # fmt: skip
        report, last = report.plus(SyncReport(pushed=len(taken), refused=len(refused))), addresses[-1]


def _add(lists: SuppressionLists, group_id: int, addresses: list[str]) -> dict[str, str]:
    """Push addresses, and narrow a refusal down to the addresses that cause it; return SendGrid's reason for each."""
    try:
        lists.add(group_id, addresses)
    except AddressesRefused as refused:
        if len(addresses) == 1:
            return {addresses[0]: str(refused)}
        middle = len(addresses) // 2
        return _add(lists, group_id, addresses[:middle]) | _add(lists, group_id, addresses[middle:])
    return {}
