"""Retention drops whole months of raw rows: never one that is needed, never with others waiting, never a number."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from test_kpis_roll_up import World, numbers

import builders
from builders import NOON, insert, rows
from lifecycle_mail import partitions
from lifecycle_mail.database import scalar
from lifecycle_mail.errors import RetentionRefused, SettingsError
from lifecycle_mail.kpis import check, roll_up
from lifecycle_mail.partitions import DECISIONS, EVENTS, RetentionReport, ensure_months, retention_of, retire_months
from lifecycle_mail.settings import Settings
from suite_budget import with_long

# No index holds what is asked of events: one that is used all the same is read from begin to end.
READ_THROUGH = """
select cast(relid as regclass)::text as name, seq_scan + case schemaname when 'event' then idx_scan else 0 end
from pg_stat_xact_user_tables
"""
# A table that is dropped takes its counts along, so that they are noted right before.
NOTE_BEFORE_DETACHING = f"""
create function note_before_detaching() returns event_trigger language plpgsql as $$
begin
    create temporary table if not exists noted as {READ_THROUGH}
    where schemaname in ('event', 'decision', 'message') and relname ~ '_(p[0-9]|2[0-9]+_[0-9]+)$';
end $$;
create event trigger detaching on ddl_command_start when tag in ('ALTER TABLE')
execute function note_before_detaching();
"""
MONTHS = [datetime(2025, 11, 5, tzinfo=UTC), datetime(2025, 12, 31, 23, 59, tzinfo=UTC),
          datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 28, tzinfo=UTC), NOON]  # fmt: skip


def partitions_of(warehouse: Engine, parent: str) -> set[str]:
    query = "select right(inhrelid::regclass::text, 7) from pg_inherits where inhparent = cast(:parent as regclass)"
    with warehouse.connect() as connection:
        return {name for (name,) in rows(connection, query, parent=parent)}


def times(warehouse: Engine, parent: str) -> list[datetime]:
    column = {EVENTS: "occurred_at", DECISIONS: "decided_at"}[parent]
    with warehouse.connect() as connection:
        return [at for (at,) in rows(connection, f"select {column} from {parent} order by 1")]  # noqa: S608


@pytest.fixture
def filled(warehouse: Engine) -> Engine:
    """An event and a decision in each of five months, all of them written and rolled up."""
    with warehouse.begin() as connection:
        builders.campaign(connection)
        builders.customer(connection, "ann")
        insert(connection, "event.batch", source_name="x")
        for at in MONTHS:
            builders.ensure_month(connection, EVENTS, at)
            insert(
                connection, "event.event", sg_event_id=at.isoformat(), occurred_at=at, event="open", batch_id=1, raw={}
            )
            enrollment = builders.enrollment(connection, "cart_abandoned", "ann", enrolled_at=at)
            builders.decision(
                connection, enrollment, "cart_abandoned", "ann", decided_at=at, reason="x", outcome="skip"
            )
    roll_up(warehouse, reporting_zone="UTC", now=NOON)
    return warehouse


def patient(seconds: float) -> None:
    """Stands for the pause between two tries."""


def retire(warehouse: Engine, now: datetime = NOON, **options: Any) -> RetentionReport:
    keep = options.pop("keep", {EVENTS: 2, DECISIONS: 1})
    return retire_months(warehouse, now, keep, **{"sleep": patient, **options})


def test_exactly_the_months_past_are_dropped(filled: Engine) -> None:
    """Each table keeps its own number of months in addition to the present one. Older ones go whole, oldest first."""
    ensure_months(filled, NOON, months_ahead=2)
    assert retire(filled) == RetentionReport(
        (
            "event.event_2025_11", "event.event_2025_12",
            "decision.decision_2025_11", "decision.decision_2025_12", "decision.decision_2026_01",
        ), {},
    )  # fmt: skip
    assert partitions_of(filled, EVENTS) == {"2026_01", "2026_02", "2026_03", "2026_04", "2026_05"}
    assert partitions_of(filled, DECISIONS) == {"2026_02", "2026_03", "2026_04", "2026_05"}
    assert times(filled, EVENTS) == MONTHS[2:]
    assert times(filled, DECISIONS) == MONTHS[3:]
    query = "select 1 from pg_class where relname ~ '^(event|decision)_2025' or relname ~ '^decision_2026_01'"
    with filled.connect() as connection:
        assert rows(connection, query) == [], "detached and still there"


def test_a_second_run_drops_nothing(filled: Engine) -> None:
    """A re-run finds nothing left to drop, and making months ahead brings none of them back."""
    retire(filled)
    assert retire(filled) == RetentionReport()
    ensure_months(filled, NOON, months_ahead=2)
    assert retire(filled) == RetentionReport()


@pytest.mark.parametrize(
    ("now", "left"),
    [
        (datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC), {"2026_02", "2026_03"}),
        (datetime(2026, 4, 1, tzinfo=UTC), {"2026_03"}),
        (datetime(2026, 3, 31, 23, 30, tzinfo=UTC) + timedelta(hours=1), {"2026_03"}),
        (datetime(2026, 1, 1, tzinfo=UTC), {"2025_12", "2026_01", "2026_02", "2026_03"}),
    ],
)
def test_the_present_and_the_last_month_always_stay(filled: Engine, now: datetime, left: set[str]) -> None:
    """The shortest retention keeps the present UTC month and the one before it, over the turn of a year too."""
    retire(filled, now, keep={EVENTS: 1})
    assert partitions_of(filled, EVENTS) == left
    with pytest.raises(ValueError, match="never dropped"):
        retire(filled, keep={EVENTS: 0})


def test_a_month_with_a_mail_in_doubt_stays(filled: Engine) -> None:
    """Events since the claim may be its evidence: that month and the later ones stay, the earlier go."""
    with filled.begin() as connection:
        enrollment = builders.enrollment(connection, "cart_abandoned", "ann", occurrence="doubtful")
        builders.message(
            connection, enrollment, "cart_abandoned", "ann", state="in_doubt",
            claimed_at=datetime(2025, 12, 31, 12, tzinfo=UTC),
        )  # fmt: skip
    report = retire(filled, keep={EVENTS: 1})
    assert report.dropped == ("event.event_2025_11",)
    assert report.kept == {"event.event_2025_12": "mail_in_doubt"}
    assert times(filled, EVENTS) == MONTHS[1:]
    with pytest.raises(RetentionRefused, match=r"event\.event_2025_12: mail_in_doubt \(.*then deliver\)"):
        report.require_all()
    with filled.begin() as connection:
        connection.execute(sa.text("update message.message set state = 'accepted', accepted_at = claimed_at"))
    assert retire(filled, keep={EVENTS: 1}).dropped == ("event.event_2025_12", "event.event_2026_01")


def test_a_month_the_kpis_have_not_counted_stays(filled: Engine) -> None:
    """A late event or decision in an old month keeps it until the next roll-up."""
    with filled.begin() as connection:
        insert(connection, "event.batch", source_name="late")
        insert(
            connection, "event.event", sg_event_id="late", occurred_at=MONTHS[1], event="open", batch_id=2, raw={}
        )
        enrollment = builders.enrollment(connection, "cart_abandoned", "ann", occurrence="late")
        builders.decision(
            connection, enrollment, "cart_abandoned", "ann", decided_at=MONTHS[2], outcome="skip", reason="x"
        )
    report = retire(filled)
    assert report.kept == {
        "event.event_2025_12": "not_rolled_up",
        "decision.decision_2026_01": "not_rolled_up",
    }
    assert report.dropped == (
        "event.event_2025_11", "decision.decision_2025_11", "decision.decision_2025_12",
    )  # fmt: skip
    roll_up(filled, reporting_zone="UTC", now=NOON)
    assert retire(filled).dropped == ("event.event_2025_12", "decision.decision_2026_01")


def test_a_month_with_decisions_whose_mail_is_not_written_stays(filled: Engine) -> None:
    """A decision to send that no mail was written for is not history yet."""
    with filled.begin() as connection:
        enrollment = builders.enrollment(connection, "cart_abandoned", "ann", occurrence="late")
        builders.decision(connection, enrollment, "cart_abandoned", "ann", decided_at=MONTHS[0])
    roll_up(filled, reporting_zone="UTC", now=NOON)
    assert retire(filled, keep={DECISIONS: 1}).kept == {"decision.decision_2025_11": "mail_not_written"}
    with filled.begin() as connection:
        insert(connection, "message.progress", campaign="cart_abandoned", last_decision_id=10**6)
    assert retire(filled, keep={DECISIONS: 1}).kept == {}


def test_a_month_that_comes_back_late_goes_again(filled: Engine) -> None:
    """An old event that arrives after its month was dropped makes the month again; the next run drops it."""
    retire(filled, keep={EVENTS: 1})
    with filled.begin() as connection:
        builders.ensure_month(connection, EVENTS, MONTHS[0])
        insert(connection, "event.event", sg_event_id="l", occurred_at=MONTHS[0], event="open", batch_id=1, raw={})
    assert retire(filled, keep={EVENTS: 1}).dropped == ("event.event_2025_11",)


@pytest.mark.parametrize("parent", [EVENTS, DECISIONS])
def test_under_its_lock_nothing_is_read_through(filled: Engine, parent: str) -> None:
    """While the table is locked, only indexes are read: neither its months nor mails are read through."""
    dropping = {"month_start": MONTHS[0].replace(day=1), "steps": 0, "now": NOON, "latest_batch": 1}
    with filled.begin() as connection:
        connection.exec_driver_sql(NOTE_BEFORE_DETACHING)
        before = set(rows(connection, READ_THROUGH))  # transactions before may still be counted
        assert scalar(connection, "installation/drop_month", parent=parent, **dropping) is None
        after = set(rows(connection, "select * from noted"))
    assert {name for name, _ in after} >= {f"{parent}_2025_11", "message.message_p0"}
    assert after - before == set()


def ingest_one(warehouse: Engine, at: datetime, batch_id: int) -> None:
    """Commit a step of an ingest with one event, its number that of the step."""
    with warehouse.begin() as connection:
        insert(connection, "event.batch", source_name="late")
        insert(
            connection, "event.event", sg_event_id=f"late{batch_id}", occurred_at=at, event="open",
            batch_id=batch_id, raw={},
        )  # fmt: skip


def after_the_question(monkeypatch: pytest.MonkeyPatch, *acts: Callable[[], None]) -> list[str | None]:
    """Run one act after each time the months are checked, before the lock is taken; return the answers of the
    checks."""
    answers: list[str | None] = []
    ask, left = partitions._ask, list(acts)

    def asked(*given: Any) -> Any:
        answer = ask(*given)
        answers.append(answer.reason)
        if left:
            left.pop(0)()
        return answer

    monkeypatch.setattr(partitions, "_ask", asked)
    return answers


def test_what_comes_in_before_the_lock_keeps_the_month(filled: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ingest that commits between question and lock is seen: its month is asked for again, and stays."""
    answers = after_the_question(monkeypatch, lambda: ingest_one(filled, MONTHS[0], 2))
    assert retire(filled, keep={EVENTS: 2}).kept == {"event.event_2025_11": "not_rolled_up"}
    assert answers == [None, "not_rolled_up"]
    assert len(times(filled, EVENTS)) == len(MONTHS) + 1


def test_what_comes_in_elsewhere_only_delays_the_drop(filled: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ingest into another month, or one counted by then, is no reason to stay: the next try drops the month."""
    tries: list[float] = []

    def counted() -> None:
        ingest_one(filled, MONTHS[4], 3)
        roll_up(filled, reporting_zone="UTC", now=NOON)

    answers = after_the_question(monkeypatch, lambda: ingest_one(filled, MONTHS[4], 2), counted)
    assert retire(filled, sleep=tries.append, keep={EVENTS: 3}).dropped == ("event.event_2025_11",)
    assert (answers, len(tries)) == ([None, None], 1)


def test_a_table_that_is_always_written_to_is_left_for_the_next_run(
    filled: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If events come in before every lock, the month stays. It is named busy, as if the lock could not be had."""
    monkeypatch.setattr(partitions, "TRIES", 3)
    coming = [lambda number=number: ingest_one(filled, MONTHS[4], number) for number in (2, 3, 4)]
    after_the_question(monkeypatch, *coming)
    assert retire(filled, keep={EVENTS: 2}).kept == {"event.event_2025_11": "busy"}


def test_the_question_is_not_asked_again_for_a_lock_alone(
    filled: Engine, reader: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A month is read once, however often its lock is asked for."""
    monkeypatch.setattr(partitions, "TRIES", 2)
    answers = after_the_question(monkeypatch)
    assert retire(filled, keep={EVENTS: 2}).kept == {"event.event_2025_11": "busy"}
    assert answers == [None]


@pytest.fixture
def reader(filled: Engine) -> Iterator[Any]:
    """Another session in a transaction that has read events, as a long query would."""
    with filled.connect() as connection:
        transaction = connection.begin()
        connection.execute(sa.text("select count(*) from event.event"))
        yield transaction
        if transaction.is_active:
            transaction.rollback()


def test_a_table_that_others_hold_is_left_for_the_next_run(filled: Engine, reader: Any) -> None:
    """After twenty tries of half a second the month stays, named busy; the other table is not concerned."""
    pauses: list[float] = []
    report = retire(filled, sleep=pauses.append, keep={EVENTS: 2, DECISIONS: 2})
    assert report.kept == {"event.event_2025_11": "busy"}
    assert report.dropped == ("decision.decision_2025_11", "decision.decision_2025_12")
    assert len(pauses) == partitions.TRIES - 1
    assert len(times(filled, EVENTS)) == len(MONTHS)


def test_a_lock_that_is_given_back_is_taken_at_the_next_try(filled: Engine, reader: Any) -> None:
    """The month goes as soon as the other session ends."""
    tries: list[float] = []

    def pause(seconds: float) -> None:
        tries.append(seconds)
        if len(tries) == 2:
            reader.rollback()

    assert retire(filled, sleep=pause, keep={EVENTS: 2}).dropped == ("event.event_2025_11", "event.event_2025_12")
    assert len(tries) == 2


def test_nobody_waits_long_behind_the_retention(
    filled: Engine, reader: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the drop waits for the lock, sessions that come after it wait no longer than its patience."""
    monkeypatch.setattr(partitions, "TRIES", 6)
    thread = threading.Thread(target=retire, args=(filled,), kwargs={"keep": {EVENTS: 2}})
    thread.start()
    waits = []
    while thread.is_alive():
        began = time.monotonic()
        with filled.begin() as connection:
            connection.execute(sa.text("select count(*) from event.event"))
        waits.append(time.monotonic() - began)
        time.sleep(0.05)
    thread.join()
    assert max(waits) > 0.05, "no session met the lock: the test proves nothing"
    assert max(waits) < 3 * partitions.LOCK_WAIT_MILLISECONDS / 1000
    assert len(times(filled, EVENTS)) == len(MONTHS)


def test_making_months_ahead_is_patient_too(filled: Engine, reader: Any) -> None:
    """A locked table is tried again, and named if it never comes free."""
    pauses: list[float] = []
    with pytest.raises(RetentionRefused, match="other sessions held the table"):
        ensure_months(filled, NOON, months_ahead=2, sleep=pauses.append)
    reader.rollback()
    assert "event.event_2026_05" in ensure_months(filled, NOON, months_ahead=2)


def test_everything_is_kept_by_default() -> None:
    """Without the settings nothing is ever dropped; they are whole months from 1 on."""
    url = {"LIFECYCLE_DATABASE_URL": "postgresql://localhost/x"}
    assert retention_of(Settings.from_environment(url)) == {}
    given = {"LIFECYCLE_EVENT_RETENTION_MONTHS": "13", "LIFECYCLE_DECISION_RETENTION_MONTHS": "1"}
    assert retention_of(Settings.from_environment({**url, **given})) == {EVENTS: 13, DECISIONS: 1}
    for wrong in ("0", "-1", "1.5", "a year"):
        with pytest.raises(SettingsError, match="LIFECYCLE_EVENT_RETENTION_MONTHS"):
            Settings.from_environment({**url, "LIFECYCLE_EVENT_RETENTION_MONTHS": wrong})


class LongWorld(World):
    """A world whose facts lie in three months, and, once `is_late`, in the last of them alone."""

    is_late = False

    def moment(self) -> datetime:
        first = -60 * 24 if self.is_late else -60 * 24 * 45
        return NOON + timedelta(minutes=self.chance.randrange(first, 60 * 24 * 12))


@pytest.mark.parametrize("seed", with_long([0], range(1, 4)))
def test_full_equals_incremental_after_retention(warehouse: Engine, tmp_path: Path, seed: int) -> None:
    """Months of events and decisions are dropped, and late events for old mails still come. A full roll-up still gives
    every day, also the days whose decisions are gone."""
    world, late = LongWorld(warehouse, tmp_path, seed), NOON + timedelta(days=40)
    for _ in range(3):
        world.live()
        roll_up(warehouse, reporting_zone="Europe/Berlin", now=late)
    with warehouse.begin() as connection:
        connection.execute(
            sa.text("insert into message.progress select campaign, 1000000 from journey.campaign")
        )
    report = retire(warehouse, late, keep={EVENTS: 1, DECISIONS: 1})
    assert report.kept == {}
    assert {"decision.decision_2026_01", "decision.decision_2026_02"} <= set(report.dropped)
    before = numbers(warehouse)
    roll_up(warehouse, reporting_zone="Europe/Berlin", now=late, full=True)
    assert numbers(warehouse) == before
    world.is_late = True
    for _ in range(2):
        world.live()
        roll_up(warehouse, reporting_zone="Europe/Berlin", now=late)
    before = numbers(warehouse)
    roll_up(warehouse, reporting_zone="Europe/Berlin", now=late, full=True)
    assert numbers(warehouse) == before
    assert check(warehouse) == []
    roll_up(warehouse, reporting_zone="Asia/Tokyo", now=late)
    assert sum(row[4] for row in numbers(warehouse)["campaign_daily"]) == sum(
        row[4] for row in before["campaign_daily"]
    )


def test_a_full_roll_up_that_would_lose_days_is_refused(filled: Engine) -> None:
    """If an operator emptied the only table that remembers dropped decisions, the full roll-up says so and changes
    nothing. An incremental roll-up goes on."""
    retire(filled)
    with filled.begin() as connection:
        connection.execute(sa.text("delete from kpi.step_outcome where decided_at < '2025-12-01Z'"))
    before = numbers(filled)
    with pytest.raises(RetentionRefused, match="would lose 1 steps"):
        roll_up(filled, reporting_zone="UTC", now=NOON, full=True)
    assert numbers(filled) == before
    roll_up(filled, reporting_zone="UTC", now=NOON)
