"""An incremental roll-up gives what a full one gives, whatever came late, twice, or was taken back."""

from __future__ import annotations

import random
import re
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

import builders
from builders import NOON, rows
from lifecycle_mail.events import erase, ingest
from lifecycle_mail.kpis import check, facts, roll_up, rolling_up

TABLES = {
    "step_outcome": "enrollment_id, step",
    "campaign_daily": "day, campaign, step, variant",
    "event_daily": "day, campaign, step, variant",
    "campaign_revenue_daily": "day, campaign, step, variant, currency",
    "event_revenue_daily": "day, campaign, step, variant, currency",
    "order_credit": "order_id",
    "series_daily": "day, campaign",
    "step_daily": (
        "day, decided_day, campaign, step, variant, decision_outcome, decision_reason, state, reason, outcome"
    ),
    "waiting_daily": "day, campaign, reason",
    "experiment": "campaign, epoch, kind, step",
    "arm_unit": "campaign, epoch, kind, step, customer_id",
    "arm_count": "campaign, epoch, kind, step, arm, is_eligible, is_matured",
    "experiment_result": "campaign, kind, step, arm",
    "list_movement": "customer_id, day, movement",
    "list_daily": "day",
}
LATER = NOON + timedelta(days=60)


def numbers(warehouse: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Every table of the roll-up, whole. `as_of` aside: it says which roll-up wrote a row, and not what is counted."""
    inspector = sa.inspect(warehouse)
    with warehouse.connect() as connection:
        return {
            table: rows(
                connection,
                f"select {', '.join(_counted(inspector, table))} from kpi.{table} order by {key}",  # noqa: S608
            )
            for table, key in TABLES.items()
        }


def _counted(inspector: sa.Inspector, table: str) -> list[str]:
    return [column["name"] for column in inspector.get_columns(table, schema="kpi") if column["name"] != "as_of"]


class World:
    """A shop that lives on in random ways: each `live` is something that may happen between two roll-ups."""

    def __init__(self, warehouse: Engine, folder: Path, seed: int) -> None:
        self.warehouse = warehouse
        self.folder = folder
        self.chance = random.Random(seed)
        self.customers = [f"c{number}" for number in range(5)]
        self.mails: list[tuple[str, str, datetime]] = []
        self.orders: dict[str, str] = {}
        self.posted: list[dict[str, Any]] = []
        self.serial = 0
        with warehouse.begin() as connection:
            load_id = builders.load(connection)
            builders.campaign(connection, "cart", goal_event="order", goal_within_days=5)
            builders.campaign(connection, "wish", goal_event="click", goal_within_days=2)
            builders.campaign(connection, "taste", goal_event="review", goal_within_days=9)
            builders.campaign(connection, "receipt", is_marketing=False, goal_event="order", goal_within_days=3)
            two = {"reminder": {"a": 0.5, "b": 0.5}}
            builders.epoch(connection, "cart", holdout_ratio=0.3, variants=two)
            builders.epoch(connection, "wish", holdout_ratio=0, variants=two, goal_event="click", goal_within_days=2)
            builders.epoch(connection, "taste", goal_event="review", goal_within_days=9)
            self.epochs = {"cart": 1, "wish": 1, "taste": 1, "receipt": 1}
            for name in self.customers:
                builders.customer(connection, name, load_id=load_id)
                builders.permission(connection, name, "confirmed", NOON - timedelta(days=self.chance.randrange(30)))

    def number(self) -> int:
        self.serial += 1
        return self.serial

    def moment(self) -> datetime:
        return NOON + timedelta(minutes=self.chance.randrange(-60 * 24, 60 * 24 * 12))

    def live(self) -> None:
        """Let a random number of random things happen, events at the end."""
        deeds = [
            self.decide, self.decide, self.deliver, self.order, self.change_order, self.review, self.consent,
            self.move_house, self.redefine_goal, self.erase_someone, self.change_review, self.begin_epoch,
        ]  # fmt: skip
        weights = [7, 7, 8, 8, 3, 2, 3, 1, 1, 1, 2, 1]
        with self.warehouse.begin() as connection:
            for deed in self.chance.choices(deeds, weights, k=self.chance.randrange(12, 30)):
                deed(connection)
            self.wait(connection)
        self.post_events()

    def decide(self, connection: Connection) -> None:
        campaign, who = self.chance.choice(["cart", "wish", "taste", "receipt"]), self.chance.choice(self.customers)
        at = self.moment()
        outcome, reason = self.chance.choice(
            [("send", "eligible"), ("send", "eligible"), ("defer", "quiet_hours"), ("skip", "held_out"),
             ("skip", "no_permission"), ("hold", "paused")]
        )  # fmt: skip
        enrollment = builders.enrollment(
            connection, campaign, who, occurrence=f"o{self.number()}", enrolled_at=at,
            is_holdout=reason == "held_out", epoch=self.chance.randint(1, self.epochs[campaign]),
        )  # fmt: skip
        arm = "holdout" if reason == "held_out" else self.chance.choice(["a", "b"])
        builders.decision(
            connection, enrollment, campaign, who, decided_at=at, outcome=outcome, reason=reason, variant=arm
        )
        if outcome in ("send", "defer") and self.chance.random() < 0.8:
            state = self.chance.choice(["planned", "planned", "claimed", "in_doubt", "abandoned", "accepted"])
            message_id = builders.message(
                connection, enrollment, campaign, who, state=state, planned_at=at, variant=arm
            )
            self.mails.append((message_id, who, at))
        elif outcome == "hold":
            builders.decision(
                connection, enrollment, campaign, who, decided_at=at + timedelta(days=1), outcome="skip",
                reason="stale", variant=arm,
            )  # fmt: skip

    def deliver(self, connection: Connection) -> None:
        query = "select cast(message_id as text) from message.message where state in ('planned', 'claimed') order by 1"
        waiting = [message_id for (message_id,) in rows(connection, query)]
        for message_id in self.chance.sample(waiting, len(waiting) // 2):
            state = self.chance.choice(["accepted", "accepted", "accepted", "rejected", "cancelled", "in_doubt"])
            connection.execute(
                sa.text(
                    "update message.message set state = :state, reason = :reason,"
                    " accepted_at = case when :state = 'accepted' then planned_at + interval '7 hours' end"
                    " where message_id = cast(:id as uuid)"
                ),
                {"state": state, "reason": None if state == "accepted" else f"because_{state}", "id": message_id},
            )

    def order(self, connection: Connection) -> None:
        for _ in range(3):
            key, who, at = f"order-{self.number()}", self.chance.choice(self.customers), self.moment()
            if self.mails and self.chance.random() < 0.6:
                _, who, mailed_at = self.chance.choice(self.mails)
                at = mailed_at + timedelta(hours=self.chance.randrange(1, 100))
            currency = self.chance.choice(["EUR", "EUR", "USD", None])
            total = self.chance.randrange(0, 50)
            builders.order(connection, key, who, at, total=total, currency=currency)
            self.orders[key] = who

    def change_order(self, connection: Connection) -> None:
        if not self.orders:
            return
        connection.execute(
            sa.text(
                "update source.orders set status = :status, load_id = :load, ordered_at = :at, customer_id = :who,"
                " total = total + 1 where order_id = :key"
            ),
            {
                "status": self.chance.choice(["cancelled", "refunded", "placed"]),
                "load": builders.load(connection),
                "at": self.moment(),
                "who": self.chance.choice(self.customers),
                "key": self.chance.choice(sorted(self.orders)),
            },
        )

    def change_review(self, connection: Connection) -> None:
        connection.execute(
            sa.text("update source.review set customer_id = :who, load_id = :load where review_id = :key"),
            {
                "who": self.chance.choice(self.customers),
                "load": builders.load(connection),
                "key": f"r{self.chance.randint(1, max(1, self.serial))}",
            },
        )

    def begin_epoch(self, connection: Connection) -> None:
        campaign = self.chance.choice(["cart", "taste"])
        self.epochs[campaign] += 1
        goal = {"cart": ("order", 5), "taste": ("review", 9)}[campaign]
        ((latest,),) = rows(connection, "select max(as_of) + interval '1 second' from decision.decision")
        shares = {"a": 0.9, "b": 0.1} if self.chance.random() < 0.5 else {"a": 0.5, "b": 0.5}
        builders.epoch(
            connection, campaign, epoch=self.epochs[campaign], began_at=latest or NOON,
            holdout_ratio=self.chance.choice([0.1, 0.3]), variants={"reminder": shares},
            goal_event=goal[0], goal_within_days=goal[1],
        )  # fmt: skip

    def review(self, connection: Connection) -> None:
        builders.insert(
            connection, "source.review", review_id=f"r{self.number()}", product_id="p", rating=4,
            customer_id=self.chance.choice(self.customers), reviewed_at=self.moment(),
            load_id=builders.load(connection),
        )  # fmt: skip

    def consent(self, connection: Connection) -> None:
        builders.permission(
            connection, self.chance.choice(self.customers),
            self.chance.choice(["confirmed", "withdrawn", "pending", "confirmed"]),
            self.moment() + timedelta(seconds=self.number()),
            self.chance.choice(["feed", "unsubscribe", "sunset", "preference_page"]),
        )  # fmt: skip

    def move_house(self, connection: Connection) -> None:
        who, email = self.chance.choice(self.customers), f"new-{self.number()}@example.com"
        query = "update source.customer set email = :email where customer_id = :who and erased_at is null"
        connection.execute(sa.text(query), {"email": email, "who": who})

    def wait(self, connection: Connection) -> None:
        """Some occurrences that began no series do now; others wait for another reason since, or begin to wait."""
        for (key,) in rows(connection, "select occurrence from journey.occurrence where fate = 'waiting' order by 1"):
            change = self.chance.choice([
                "fate = fate", "fate = fate", "reason = 'reentered_too_soon', decided_at = :at",
                "fate = 'enrolled', reason = null, enrollment_id = 1",
            ])  # fmt: skip
            query = sa.text(f"update journey.occurrence set {change} where occurrence = :key")  # noqa: S608
            connection.execute(query, {"key": key, **({"at": self.moment()} if ":at" in change else {})})
        for _ in range(3):
            builders.insert(
                connection, "journey.occurrence", campaign="cart", customer_id=self.chance.choice(self.customers),
                occurrence=f"w{self.number()}", occurred_at=NOON, fate="waiting", reason="series_running",
                decided_at=NOON + timedelta(hours=self.chance.randrange(60)),
            )  # fmt: skip

    def redefine_goal(self, connection: Connection) -> None:
        query = "update journey.campaign set goal_within_days = :days where campaign = :campaign"
        which = {"days": self.chance.randrange(1, 8), "campaign": self.chance.choice(["cart", "wish"])}
        connection.execute(sa.text(query), which)

    def erase_someone(self, connection: Connection) -> None:
        if self.chance.random() < 0.7:
            return
        who = self.chance.choice(self.customers)
        ((address,),) = rows(connection, "select address from source.customer where customer_id = :who", who=who)
        erase(connection, who, address)
        query = (
            "update source.customer set email = null, erased_at = coalesce(erased_at, :at) where customer_id = :who"
        )
        connection.execute(sa.text(query), {"at": NOON + timedelta(days=13), "who": who})

    def post_events(self) -> None:
        """Some new events about any mail, however old, and repeats of old ones, in disorder."""
        fresh = [self.event() for _ in range(self.chance.randrange(0, 40))] if self.mails else []
        self.posted += fresh
        posts = fresh + self.chance.sample(self.posted, len(self.posted) // 3)
        self.chance.shuffle(posts)
        path = self.folder / f"export-{self.number()}.ndjson"
        path.write_bytes(b"".join(orjson.dumps(post) + b"\n" for post in posts))
        ingest(self.warehouse, path, topics={7: "reminders"}, events_a_step=self.chance.choice((3, 100)))

    def event(self) -> dict[str, Any]:
        message_id, who, at = self.chance.choice(self.mails)
        kind, extra = self.chance.choice([
            ("processed", {}), ("delivered", {}), ("delivered", {}), ("open", {}), ("open", {}),
            ("open", {"sg_machine_open": True}), ("click", {}), ("bounce", {"type": "bounce"}),
            ("bounce", {"type": "blocked"}), ("dropped", {"reason": "Bounced Address"}), ("spamreport", {}),
            ("unsubscribe", {}), ("group_unsubscribe", {"asm_group_id": 7}),
            ("group_resubscribe", {"asm_group_id": 7}), ("deferred", {}), ("lm_unsubscribe", {"lm_topic": "reminders"}),
        ])  # fmt: skip
        moment = at + timedelta(minutes=self.chance.choice([1, 5, 300, 60 * 24 * 2, 60 * 24 * 33]))
        return {
            "email": f"{who}@example.com", "timestamp": int(moment.timestamp()), "event": kind,
            "sg_event_id": f"e{self.number()}", "lm_message_id": message_id, **extra,
        }  # fmt: skip


@pytest.mark.parametrize(("seed", "zone"), [(100, "UTC"), (101, "Asia/Tokyo"), (102, "America/New_York"), (103, "UTC")])
def test_incremental_equals_full(warehouse: Engine, tmp_path: Path, seed: int, zone: str) -> None:
    """After any history, rolled up in any portions, every table equals a full recompute, and all identities hold."""
    world = World(warehouse, tmp_path, seed)
    for days in (3, 9, 6, 12, 15):  # windows end between two roll-ups; one is asked for an earlier moment
        world.live()
        roll_up(warehouse, reporting_zone=zone, now=NOON + timedelta(days=days))
        assert check(warehouse) == []
    incremental = numbers(warehouse)
    assert all(incremental.values()), "this history leaves a table empty: it would prove too little"
    assert roll_up(warehouse, reporting_zone=zone, now=NOON + timedelta(days=15), full=True).full == 1
    assert numbers(warehouse) == incremental
    assert check(warehouse) == []


@pytest.mark.parametrize(
    ("statement", "right", "planted"),
    [
        ("create_delta", "stored.clicked_day", "stored.opened_day as clicked_day"),  # two facts mixed up
        ("create_delta", "stored.clicked_day", "cast(null as date) as clicked_day"),  # a fact forgotten
        ("apply_event_daily", "(kpi_delta.opened_day, 'openers')", "(kpi_delta.clicked_day, 'openers')"),
        ("apply_campaign_daily", "planned = known.planned + excluded.planned", "planned = excluded.planned"),
    ],
)
def test_a_fault_in_the_counts_is_found(
    warehouse: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statement: str, right: str, planted: str
) -> None:
    """What test_incremental_equals_full looks at differs as soon as one statement pairs a fact with another column."""
    text = facts.for_facts(f"kpis/{statement}").text
    assert text.count(right) == 1
    faulty = sa.text(text.replace(right, planted))
    for_facts = facts.for_facts
    world = World(warehouse, tmp_path, 0)
    with monkeypatch.context() as patch:
        patch.setattr(facts, "for_facts", lambda name: faulty if name == f"kpis/{statement}" else for_facts(name))
        for _ in range(5):
            world.live()
            roll_up(warehouse, reporting_zone="UTC", now=LATER)
    incremental = numbers(warehouse)
    roll_up(warehouse, reporting_zone="UTC", now=LATER, full=True)
    assert numbers(warehouse) != incremental


HISTORY = (
    """insert into journey.enrollment
        (enrollment_id, campaign, customer_id, occurrence, occurred_at, enrolled_at, is_holdout, ended_at, end_reason)
    overriding system value
    select n, 'cart', 'c' || n % 500, cast(n as text), at, at, n % 500 < 50, at, 'completed'
    from generate_series(cast(:first as bigint), cast(:last as bigint)) as n, cast(:noon as timestamptz) as at""",
    """insert into decision.decision
        (decided_at, as_of, enrollment_id, step, campaign, customer_id, variant, outcome, reason, due_at)
    select at, at, n, 'reminder', 'cart', 'c' || n % 500, 'a', 'send', 'eligible', at
    from generate_series(cast(:first as bigint), cast(:last as bigint)) as n, cast(:noon as timestamptz) as at""",
    """insert into message.message
        (message_id, enrollment_id, step, campaign, customer_id, topic, variant, priority, shell_id, state,
         planned_at, not_before, expires_at, send_day, accepted_at, settled_at)
    select message.message_id(n, 'reminder'), n, 'reminder', 'cart', 'c' || n % 500, 'reminders', 'a', 50, 1,
        'accepted', at, at, at + interval '1 day', cast(at as date), at, at
    from generate_series(cast(:first as bigint), cast(:last as bigint)) as n, cast(:noon as timestamptz) as at""",
    """insert into event.engagement
        (enrollment_id, step, message_id, campaign, customer_id, first_event_at, delivered_at, batch_id)
    select n, 'reminder', message.message_id(n, 'reminder'), 'cart', 'c' || n % 500, at, at, :batch
    from generate_series(cast(:first as bigint), cast(:last as bigint)) as n, cast(:noon as timestamptz) as at""",
    """insert into source.orders (order_id, customer_id, ordered_at, total, currency, load_id)
    select 'o' || n, 'c' || n % 500, cast(:noon as timestamptz) + interval '1 hour', 10, 'EUR', :load
    from generate_series(cast(:first as bigint), cast(:last as bigint)) as n""",
)


def live_on(warehouse: Engine, first: int, last: int) -> None:
    """Add mails, what became of them, and orders, by number."""
    with warehouse.begin() as connection:
        builders.ensure_month(connection, "decision.decision", NOON)
        batch = builders.insert(connection, "event.batch", source_name="history")
        load = builders.load(connection)
        for text in HISTORY:
            given = {"first": first, "last": last, "noon": NOON, "batch": batch, "load": load}
            query = sa.text(text)
            connection.execute(query, {name: given[name] for name in query.compile().params})


@pytest.mark.parametrize("without", [None, "kpis/probe_plans"])
def test_a_roll_up_reads_of_the_history_what_changed(
    warehouse: Engine, monkeypatch: pytest.MonkeyPatch, without: str | None
) -> None:
    """However long the history is, no table of it is read through; without probe_plans.sql the planner would."""
    with warehouse.begin() as connection:
        builders.campaign(connection, "cart", goal_event="order", goal_within_days=5)
        builders.epoch(connection, "cart", variants={"reminder": {"a": 0.5, "b": 0.5}})
    live_on(warehouse, 1, 6_000)
    roll_up(warehouse, reporting_zone="UTC", now=LATER)
    live_on(warehouse, 6_001, 6_600)
    with warehouse.begin() as connection:
        connection.exec_driver_sql("analyze")
    ran = rolling_up.run
    nothing = sa.text("select 1")
    monkeypatch.setattr(
        rolling_up, "run",
        lambda connection, name, **given: (
            connection.execute(nothing) if name == without else ran(connection, name, **given)
        ),
    )  # fmt: skip
    found: set[str] = set()

    def look(connection: Connection) -> None:
        query = "select cast(relid as regclass)::text from pg_stat_xact_user_tables where seq_tup_read > 200"
        found.update(name for (name,) in rows(connection, query))

    sa.event.listen(warehouse, "commit", look)
    assert roll_up(warehouse, reporting_zone="UTC", now=LATER).outcomes >= 600
    sa.event.remove(warehouse, "commit", look)
    history = re.compile(r"(journey|decision|message|event|source|kpi)\.(?!campaign|roll|epoch|experiment|arm_count)")
    assert bool({name for name in found if history.match(name)}) == (without is not None), found


def test_a_roll_up_without_news_changes_nothing(warehouse: Engine, tmp_path: Path) -> None:
    """A second roll-up looks only at what may still move, and leaves every number as it was."""
    world = World(warehouse, tmp_path, 11)
    world.live()
    roll_up(warehouse, reporting_zone="UTC", now=LATER)
    before = numbers(warehouse)
    report = roll_up(warehouse, reporting_zone="UTC", now=LATER)
    assert numbers(warehouse) == before
    assert (report.outcomes, report.customers, report.orders) == (0, 0, 0)


def test_days_asked_for_are_judged_again(warehouse: Engine, tmp_path: Path) -> None:
    """--from and --to repair steps whose facts were changed behind every watermark, and only those."""
    world = World(warehouse, tmp_path, 5)
    for _ in range(3):
        world.live()
    roll_up(warehouse, reporting_zone="UTC", now=LATER)
    with warehouse.begin() as connection:
        connection.exec_driver_sql(
            "update event.engagement set first_open_at = null, last_open_at = null, first_click_at = null"
        )
        ((first_day,),) = rows(connection, "select min(day) from kpi.campaign_daily where openers > 0")
    stale = numbers(warehouse)
    roll_up(warehouse, reporting_zone="UTC", now=LATER)
    assert numbers(warehouse) == stale
    roll_up(warehouse, reporting_zone="UTC", now=LATER, since=first_day, until=first_day)
    with warehouse.connect() as connection:
        query = "select sum(openers) from kpi.campaign_daily where day = :day"
        assert rows(connection, query, day=first_day) == [(0,)]
    roll_up(warehouse, reporting_zone="UTC", now=LATER, since=date(2020, 1, 1))
    repaired = numbers(warehouse)
    roll_up(warehouse, reporting_zone="UTC", now=LATER, full=True)
    assert numbers(warehouse) == repaired


def test_a_new_reporting_zone_recomputes_everything(warehouse: Engine, tmp_path: Path) -> None:
    """Days of two zones never stand side by side."""
    world = World(warehouse, tmp_path, 3)
    world.live()
    roll_up(warehouse, reporting_zone="UTC", now=LATER)
    assert roll_up(warehouse, reporting_zone="Asia/Tokyo", now=LATER).full == 1
    moved = numbers(warehouse)
    assert roll_up(warehouse, reporting_zone="Asia/Tokyo", now=LATER).full == 0
    roll_up(warehouse, reporting_zone="Asia/Tokyo", now=LATER, full=True)
    assert numbers(warehouse) == moved


def test_a_failed_roll_up_leaves_nothing_behind(warehouse: Engine, tmp_path: Path) -> None:
    """A roll-up is one transaction: one that fails at its end changes no number and no watermark."""
    world = World(warehouse, tmp_path, 4)
    world.live()
    with warehouse.begin() as connection:
        connection.execute(sa.text("alter table kpi.roll_up add constraint no_more check (outcomes < 0)"))
    with pytest.raises(sa.exc.IntegrityError):
        roll_up(warehouse, reporting_zone="UTC", now=LATER)
    assert not any(numbers(warehouse).values())
    with warehouse.begin() as connection:
        connection.execute(sa.text("alter table kpi.roll_up drop constraint no_more"))
    assert roll_up(warehouse, reporting_zone="UTC", now=LATER).outcomes > 0
    assert check(warehouse) == []


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        ("update kpi.campaign_daily set openers = delivered + 1 where accepted > 0", "campaign_funnel"),
        ("update kpi.event_daily set accepted = accepted + 1 where accepted > 0", "same_totals"),
        ("update kpi.campaign_daily set accepted = accepted + 1, planned = planned + 1", "counted_steps"),
        ("update kpi.campaign_revenue_daily set revenue = revenue + 1", "revenue"),
        ("update kpi.step_daily set steps = steps + 1", "step_states"),
        ("delete from kpi.step_daily where outcome <> ''", "step_states"),
        ("update kpi.arm_count set units = units + 1", "people"),
        ("update kpi.arm_count set converters = units + 1", "people"),
        ("delete from kpi.arm_unit where customer_id = (select min(customer_id) from kpi.arm_unit)", "people"),
        ("update kpi.list_daily set closing = closing + 1", "list_balance"),
        ("delete from kpi.list_daily where day = (select max(day) - 1 from kpi.list_daily)", "list_balance"),
        ("update kpi.list_daily set joined = joined + 1, closing = closing + 1, opening = opening", "list_members"),
    ],
)
def test_the_checks_find_damage(warehouse: Engine, tmp_path: Path, damage: str, named: str) -> None:
    """Every identity is really checked: breaking it is reported by its name."""
    world = World(warehouse, tmp_path, 2)
    for _ in range(4):
        world.live()
    roll_up(warehouse, reporting_zone="UTC", now=LATER)
    assert check(warehouse) == []
    with warehouse.begin() as connection:
        assert connection.execute(sa.text(damage)).rowcount > 0
    assert named in {problem.partition(":")[0] for problem in check(warehouse)}
