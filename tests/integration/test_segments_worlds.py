"""The four segments in generated worlds, at many instants, against an independent judge in pandas.

Facts lie on a grid of half hours. Instants are taken from the same grid, so that edges are hit exactly; some instants
miss the grid by one microsecond. `inactive` and `replenishment_due` have three judges: the tables kept from the facts,
the facts themselves, and pandas.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pandas as pd
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from lifecycle_mail import segments
from lifecycle_mail.sources import settle_supplies
from suite_budget import with_long

START = datetime(2025, 9, 1, tzinfo=UTC)
HALF_HOURS = 300 * 48
ZONES = (None, "UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Tehran", "America/New_York")
MICROSECOND = timedelta(microseconds=1)
Found = set[tuple[str, str, datetime]]


@dataclass
class World:
    """The rows of one generated shop, by table."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, table: str, **row: Any) -> None:
        self.rows.setdefault(table, []).append(row)

    def frame(self, table: str) -> pd.DataFrame:
        return pd.DataFrame(self.rows[table])


def make_world(seed: int) -> World:
    """Forty customers, their purchases, carts, views, opens and clicks over 300 days."""
    chance = random.Random(seed)
    world = World()
    for number in range(40):
        _add_customer(world, chance, f"C{number:02d}")
    _add_products(world)
    for number in range(420):
        _add_order(world, chance, f"O{number:03d}")
    for number in range(120):
        at = _moment(chance)
        world.add("source.page_view", view_id=f"V{number}", customer_id=_anyone(chance), viewed_at=at)
    for number in range(60):
        _add_cart(world, chance, f"K{number:02d}")
    for number in range(1, 61):
        _add_mail(world, chance, number)
    return world


def _moment(chance: random.Random) -> datetime:
    return START + timedelta(minutes=30 * chance.randrange(HALF_HOURS))


def _anyone(chance: random.Random) -> str:
    return f"C{min(int(chance.expovariate(0.06)), 41):02d}"  # a few are busy, most are not, two are unknown


def _add_customer(world: World, chance: random.Random, key: str) -> None:
    born = date(1980, 2, 29) if chance.random() < 0.1 else date(1970 + chance.randrange(30), 1, 1)
    born += timedelta(days=0 if born.month == 2 else chance.randrange(365))
    erased = chance.random() < 0.1
    world.add(
        "source.customer", customer_id=key, email=None if erased else f"{key}@example.com",
        created_at=START + timedelta(minutes=30 * chance.randrange(HALF_HOURS // 2)),
        timezone=chance.choice(ZONES), birthday=None if erased else born, erased_at=START if erased else None,
    )  # fmt: skip


def _add_products(world: World) -> None:
    for key, kind, consumable, units, use, delivery in (
        ("P1", "vitamins", True, 30, 1, None),
        ("P2", "vitamins", True, None, None, 2),
        ("P3", "vitamins", True, None, None, None),
        ("P4", "coffee", True, 10, 3, 1),
        ("P5", "coffee", True, 5, 0, 1.5),
        ("P6", "tea", True, None, 0.5, None),
        ("P7", "mugs", False, 1, 1, None),
        ("P8", None, True, None, None, None),
    ):
        world.add(
            "source.product", product_id=key, name=f"Product {key}", product_type=kind, is_consumable=consumable,
            units_per_pack=units, daily_use=use, delivery_days=delivery,
        )  # fmt: skip


def _add_order(world: World, chance: random.Random, key: str) -> None:
    status = chance.choices(("placed", "cancelled", "refunded"), (8, 1, 1))[0]
    at, who = _moment(chance), _anyone(chance)
    world.add("source.orders", order_id=key, customer_id=who, ordered_at=at, total=1, status=status, cart_id=None)
    for line in range(1, chance.randrange(2, 5)):
        world.add(
            "source.order_line", order_id=key, line_no=line, product_id=f"P{chance.randrange(1, 9)}",
            quantity=chance.choice((0, 1, 1, 2, 0.5)), unit_price=1,
        )  # fmt: skip


def _add_cart(world: World, chance: random.Random, key: str) -> None:
    status, at = chance.choice(("open", "open", "open", "ordered", "emptied")), _moment(chance)
    world.add(
        "source.cart", cart_id=key, customer_id=_anyone(chance), created_at=at - timedelta(minutes=30), updated_at=at,
        status=status,
    )  # fmt: skip
    if chance.random() < 0.8:
        quantity = 0 if chance.random() < 0.1 else 1
        world.add("source.cart_line", cart_id=key, product_id="P1", quantity=quantity, unit_price=2)
    if chance.random() < 0.2:
        placed = at + timedelta(seconds=chance.choice((-3600, -1, 0, 5400)))
        world.add(
            "source.orders", order_id=f"of-{key}", customer_id="guest", ordered_at=placed, total=1, cart_id=key,
            status=chance.choice(("placed", "refunded", "cancelled")),
        )  # fmt: skip


def _add_mail(world: World, chance: random.Random, number: int) -> None:
    """One mail's raw opens and clicks, some opens by machines, and the engagement folded from them."""
    message = f"00000000-0000-0001-0000-{number:012d}"
    kinds = chance.choices(("open", "machine", "click"), k=chance.randrange(1, 6))
    facts = [(kind, _moment(chance)) for kind in kinds]
    for place, (kind, at) in enumerate(facts):
        raw = {"sg_machine_open": True} if kind == "machine" else {}
        world.add(
            "event.event", sg_event_id=f"{number}-{place}", occurred_at=at, message_id=message, batch_id=1,
            event="click" if kind == "click" else "open", raw=orjson.dumps(raw).decode(),
            fact="machine_open" if kind == "machine" else None,
        )  # fmt: skip
        if kind == "click":
            world.add(
                "event.click", enrollment_id=number, step="one", clicked_at=at, link=place, agent=1, is_scanner=False,
            )  # fmt: skip
    opens = [at for kind, at in facts if kind == "open"] or [None]
    clicks = [at for kind, at in facts if kind == "click"] or [None]
    world.add(
        "event.engagement", enrollment_id=number, step="one", message_id=message, campaign="any", batch_id=1,
        customer_id=_anyone(chance), first_event_at=min(at for _, at in facts),
        first_open_at=min(opens), last_open_at=max(opens), first_click_at=min(clicks), last_click_at=max(clicks),
    )  # fmt: skip


def put(warehouse: Engine, world: World) -> None:
    """Write the world's rows; nothing else is in the tables."""
    with warehouse.begin() as connection:
        load = connection.execute(sa.text("insert into source.load default values returning load_id")).scalar_one()
        for month in range(12):
            made = sa.text("select installation.ensure_month('event.event', cast(:at as timestamptz))")
            connection.execute(made, {"at": START + timedelta(days=30 * month)})
        for table, rows in world.rows.items():
            owned = [{**row, "load_id": load} if table.startswith("source.") else row for row in rows]
            _insert(connection, table, owned)


def _insert(connection: Connection, table: str, rows: list[dict[str, Any]]) -> None:
    names = ", ".join(rows[0])
    marks = ", ".join(f":{name}" for name in rows[0])
    connection.execute(sa.text(f"insert into {table} ({names}) values ({marks})"), rows)  # noqa: S608


def instants(world: World, seed: int, days: Iterable[int], count: int) -> list[datetime]:
    """Instants at which some fact is exactly this many days old, and neighbours one microsecond away."""
    chance = random.Random(seed)
    facts = [row["ordered_at"] for row in world.rows["source.orders"]]
    facts += [row["viewed_at"] for row in world.rows["source.page_view"]]
    facts += [row["occurred_at"] for row in world.rows["event.event"]]
    chosen = [chance.choice(facts) + timedelta(days=chance.choice(list(days))) for _ in range(count)]
    return [at + chance.choice((-MICROSECOND, timedelta(0), timedelta(0), MICROSECOND)) for at in chosen]


def found(warehouse: Engine, name: str, as_of: datetime, **given: int) -> Found:
    rows = [(m.customer_id, m.occurrence, m.occurred_at) for m in segments.members(warehouse, name, as_of, given)]
    assert len(rows) == len(set(rows))
    return set(rows)


def text_of(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S") + (f".{at.microsecond:06d}" if at.microsecond else "") + "Z"


def known(world: World) -> pd.DataFrame:
    customers = world.frame("source.customer")
    return customers[customers.erased_at.isna()]


def activity(world: World) -> pd.DataFrame:
    """Columns customer_id, kind, at: every activity, one row each."""
    orders, views = world.frame("source.orders"), world.frame("source.page_view")
    events = world.frame("event.event").merge(world.frame("event.engagement")[["message_id", "customer_id"]])
    human = events[~((events.event == "open") & events.raw.str.contains("sg_machine_open"))]
    return pd.concat(
        [
            orders[orders.status != "cancelled"].rename(columns={"ordered_at": "at"}).assign(kind="order"),
            views.rename(columns={"viewed_at": "at"}).assign(kind="view"),
            human.rename(columns={"occurred_at": "at", "event": "kind"}),
        ]
    )[["customer_id", "kind", "at"]]


def inactive_by_pandas(world: World, as_of: datetime, days: int) -> Found:
    facts = activity(world)
    last = facts[facts["at"] <= as_of].groupby("customer_id")["at"].max()
    silent = last[last <= as_of - timedelta(days=days)]
    silent = silent[silent.index.isin(known(world).customer_id)]
    return {(customer, text_of(at), at.to_pydatetime()) for customer, at in silent.items()}


def write_activity(warehouse: Engine, world: World) -> None:
    """Write the activity rows as loads and ingests would have."""
    last = (
        activity(world)
        .groupby(["customer_id", "kind"])["at"]
        .max()
        .reset_index()
        .pivot_table(index="customer_id", columns="kind", values="at", aggfunc="max")
    )
    column = {"order": "last_order_at", "view": "last_view_at", "open": "last_open_at", "click": "last_click_at"}
    rows = [
        {"customer_id": customer}
        | {name: None if pd.isna(row.get(kind)) else row[kind].to_pydatetime() for kind, name in column.items()}
        for customer, row in last.iterrows()
    ]
    with warehouse.begin() as connection:
        connection.execute(sa.text("truncate source.customer_activity"))
        _insert(connection, "source.customer_activity", rows)


@pytest.mark.parametrize("seed", with_long([1], [2]))
def test_inactive_is_the_same_by_activity_rows_by_facts_and_by_pandas(warehouse: Engine, seed: int) -> None:
    """At any instant, before or after the newest fact, all three judges name the same members."""
    world = make_world(seed)
    put(warehouse, world)
    asked = [(at, days) for days in (15, 90) for at in instants(world, seed, (15, 90), 12)]
    judged = [inactive_by_pandas(world, at, days) for at, days in asked]
    assert sum(map(len, judged)) > 150
    by_facts = [found(warehouse, "inactive", at, days=days) for at, days in asked]
    write_activity(warehouse, world)
    by_rows = [found(warehouse, "inactive", at, days=days) for at, days in asked]
    for place, (at, days) in enumerate(asked):
        assert by_facts[place] == judged[place], (at, days)
        assert by_rows[place] == judged[place], (at, days)


def carts_by_pandas(world: World, as_of: datetime, idle: timedelta, age: timedelta) -> Found:
    carts = world.frame("source.cart")
    lines = world.frame("source.cart_line")
    carts = carts[(carts.status == "open") & carts.cart_id.isin(lines[lines.quantity > 0].cart_id)]
    carts = carts[
        carts.updated_at.between(as_of - age, as_of - idle) & carts.customer_id.isin(known(world).customer_id)
    ]
    orders = world.frame("source.orders")
    orders = orders[(orders.status != "cancelled") & (orders.ordered_at <= as_of)]
    own = carts.merge(orders[["cart_id", "ordered_at"]], on="cart_id")
    carts = carts[~carts.cart_id.isin(own[own.ordered_at >= own.created_at].cart_id)]
    last = orders.groupby("customer_id").ordered_at.max().rename("last_order_at")
    carts = carts.join(last.astype("datetime64[us, UTC]"), on="customer_id")
    left = carts[~(carts.last_order_at > carts.updated_at)]
    return {
        (cart.customer_id, f"{cart.cart_id}@{text_of(cart.updated_at)}", cart.updated_at.to_pydatetime())
        for cart in left.itertuples()
    }


@pytest.mark.parametrize("seed", with_long([1], [2]))
def test_abandoned_carts_agree_with_pandas(warehouse: Engine, seed: int) -> None:
    """Carts at instants that hit both ends of their window exactly are those pandas finds."""
    world = make_world(seed)
    put(warehouse, world)
    changes = [row["updated_at"] for row in world.rows["source.cart"]]
    asked = [at + shift for at in changes for shift in (timedelta(hours=1), timedelta(days=7), timedelta(days=3))]
    asked += [at + MICROSECOND for at in asked] + [at - MICROSECOND for at in asked]
    total = 0
    for at in random.Random(seed).sample(asked, 80):
        expected = carts_by_pandas(world, at, timedelta(hours=1), timedelta(days=7))
        assert found(warehouse, "cart_abandoned", at) == expected, at
        total += len(expected)
    assert total > 20


def purchases(world: World, as_of: datetime) -> pd.DataFrame:
    """Order lines of consumables that count at `as_of`, with their order and product."""
    orders = world.frame("source.orders")
    orders = orders[(orders.status == "placed") & (orders.ordered_at <= as_of)]
    lines = world.frame("source.order_line").merge(orders, on="order_id").merge(world.frame("source.product"))
    lines = lines[lines.is_consumable & (lines.quantity > 0) & lines.customer_id.isin(known(world).customer_id)]
    return lines.sort_values(["ordered_at", "order_id", "line_no"])


def _days(value: Any) -> timedelta:
    return timedelta(microseconds=round(Fraction(value) * 86_400_000_000))


def _or(value: Any, other: int) -> Fraction:
    return Fraction(other) if pd.isna(value) else Fraction(value)


def due_by_pandas(world: World, as_of: datetime, lead: int, lateness: int) -> Found:
    lines = purchases(world, as_of)
    states_none = lines.daily_use.isna() | (lines.daily_use == 0)
    rows: list[tuple[str, str, datetime, timedelta, Fraction]] = []
    for (customer, _), bought in lines[~states_none].groupby(["customer_id", "product_id"]):
        last = bought[bought.order_id == bought.order_id.iloc[-1]]
        one = last.iloc[0]
        supply = _days(Fraction(last.quantity.sum()) * _or(one.units_per_pack, 1) / Fraction(one.daily_use))
        rows.append((customer, f"{one.order_id}/{one.line_no}", one.ordered_at, supply, _or(one.delivery_days, 0)))
    for (customer, kind), bought in lines.groupby(["customer_id", "product_type"]):
        by_rhythm = bought[states_none[bought.index]]
        times = list(bought.drop_duplicates("order_id").ordered_at)
        if by_rhythm.empty or len(times) < 3:
            continue
        last = by_rhythm[by_rhythm.order_id == by_rhythm.order_id.iloc[-1]]
        rhythm = median(later - earlier for earlier, later in pairwise(times))
        at, delivery = last.ordered_at.iloc[0], max(_or(days, 0) for days in last.delivery_days)
        rows.append((customer, f"{kind}@{text_of(at)}", at, rhythm, delivery))
    due = [(who, what, at, at + supply - _days(delivery) - _days(lead)) for who, what, at, supply, delivery in rows]
    return {(who, what, at.to_pydatetime()) for who, what, at, when in due if when <= as_of < when + _days(lateness)}


@pytest.mark.parametrize("seed", with_long([1], [2]))
def test_due_is_the_same_by_kept_supplies_by_facts_and_by_pandas(warehouse: Engine, seed: int) -> None:
    """Declared use and rhythms agree at instants at which some purchase is exactly due or exactly too late. They agree
    before and after the newest purchase, and if only some customers are settled."""
    world = make_world(seed)
    put(warehouse, world)
    asked = [(at, (3, 7)) for at in instants(world, seed + 3, (2, 9, 27, 34, 57), 10)]
    asked += [(at, (0, 30)) for at in instants(world, seed, (2, 9, 27, 34, 57), 10)]
    judged = [due_by_pandas(world, at, *days) for at, days in asked]
    assert sum(map(len, judged)) > 50

    def read() -> list[Found]:
        return [
            found(warehouse, "replenishment_due", at, lead_days=lead, lateness_days=late) for at, (lead, late) in asked
        ]

    by_facts = read()
    with warehouse.begin() as connection:
        assert settle_supplies(connection) > 50
    by_supplies = read()
    with warehouse.begin() as connection:
        connection.execute(sa.text("insert into source.supply_change values ('C01'), ('C03'), ('C07')"))
    by_both = read()
    for place, asking in enumerate(asked):
        assert by_facts[place] == judged[place], asking
        assert by_supplies[place] == judged[place], asking
        assert by_both[place] == judged[place], asking


def birthdays_by_pandas(world: World, as_of: datetime) -> Found:
    rows = []
    for one in known(world).itertuples():
        local = as_of.astimezone(ZoneInfo(one.timezone if isinstance(one.timezone, str) else "UTC"))
        if one.created_at <= as_of and one.birthday.month == local.month:
            first = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
            rows.append((one.customer_id, str(local.year), first))
    return set(rows)


@pytest.mark.parametrize("seed", with_long([1], [2]))
def test_birthdays_agree_with_pandas(warehouse: Engine, seed: int) -> None:
    """Around every turn of a month in every zone the members are those pandas finds."""
    world = make_world(seed)
    put(warehouse, world)
    total = 0
    for month in pd.date_range("2025-10-01", "2026-06-01", freq="MS", tz="UTC"):
        for hours in (-14, -3.5, 0, 11, 300):
            at = (month + pd.Timedelta(hours=hours)).to_pydatetime() - random.Random(seed).choice((0, 1)) * MICROSECOND
            expected = birthdays_by_pandas(world, at)
            assert found(warehouse, "birthday_this_month", at) == expected, at
            total += len(expected)
    assert total > 50
