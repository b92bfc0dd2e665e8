"""After the mails: some people who clicked buy, a few of all the others do, and no one buys in the future."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from demo_world import ReactionCounts, shift_for, write_reactions, write_world
from demo_world.reactions import buyers

TODAY = date(2026, 11, 21)
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
CLICKED = NOON - timedelta(minutes=40)
ENROLLED = NOON - timedelta(hours=3)
CROWD = [str(key) for key in range(1, 2001)]


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_clickers_buy_far_more_often_than_the_others() -> None:
    """About 35 % of those who clicked and 2 % of those who did not, in every arm, held-out ones as well."""
    arms = {customer: "holdout" if number % 2 else "treated" for number, customer in enumerate(CROWD)}
    enrolled = [(customer, arms[customer], ENROLLED) for customer in CROWD]
    clickers = [(customer, CLICKED) for customer in CROWD[:1000] if arms[customer] == "treated"]
    found = buyers(clickers, enrolled, NOON, 7)
    by_click = [buyer for buyer in found if buyer.clicked]
    assert {buyer.customer_id for buyer in by_click} <= {customer for customer, _ in clickers}
    assert 0.30 <= len(by_click) / len(clickers) <= 0.40
    assert 0.01 <= (len(found) - len(by_click)) / (len(CROWD) - len(clickers)) <= 0.03
    assert {arms[buyer.customer_id] for buyer in found if not buyer.clicked} == {"holdout", "treated"}
    assert len({buyer.customer_id for buyer in found}) == len(found)


@pytest.mark.parametrize("minutes", [0.001, 1, 600])
def test_orders_lie_between_the_click_and_now(minutes: float) -> None:
    """However short the time since the click, the order is after it and not in the future."""
    clicked_at = NOON - timedelta(minutes=minutes)
    found = buyers([(customer, clicked_at) for customer in CROWD[:200]], [], NOON, 7)
    assert found
    assert all(clicked_at < buyer.ordered_at <= NOON for buyer in found)


def test_a_click_in_the_future_is_no_reason_to_buy() -> None:
    """Clicks and enrollments at or after now are left out."""
    later = [(customer, NOON) for customer in CROWD]
    assert buyers(later, [(customer, "treated", NOON) for customer in CROWD], NOON, 7) == []


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world of 150 households."""
    folder = tmp_path_factory.mktemp("world")
    write_world(folder, today=TODAY, shift_days=shift_for(TODAY), households=150)
    return folder


@pytest.fixture(scope="module")
def clickers(world: Path) -> list[tuple[str, datetime]]:
    """All customers of the world clicked, and so did a partner's customer without any purchase."""
    return [
        *((row["customer_id"], CLICKED) for row in read(world / "customers.csv")),
        ("partner-01", CLICKED),
    ]


@pytest.fixture(scope="module")
def reacted(
    world: Path, clickers: list[tuple[str, datetime]], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of reactions to those clicks."""
    folder = tmp_path_factory.mktemp("reactions")
    write_reactions(folder, clickers, [], NOON, 7, world=world)
    return folder


def test_whoever_left_a_cart_buys_what_was_in_it(world: Path, reacted: Path) -> None:
    """The order names the cart and holds its lines, and the cart is ordered at that moment."""
    orders = {row["cart_id"]: row for row in read(reacted / "orders.reactions.csv") if row["cart_id"]}
    carts = {row["cart_id"]: row for row in read(reacted / "carts.reactions.csv")}
    still_open = {row["cart_id"]: row for row in read(world / "carts.csv") if row["status"] == "open"}
    assert orders
    assert orders.keys() == carts.keys() <= still_open.keys()
    for cart_id, order in orders.items():
        assert carts[cart_id]["status"] == "ordered"
        assert carts[cart_id]["updated_at"] == order["ordered_at"]
        assert order["customer_id"] == still_open[cart_id]["customer_id"]
        bought = [
            line
            for line in read(reacted / "order_lines.reactions.csv")
            if line["order_id"] == order["order_id"]
        ]
        left = [line for line in read(world / "cart_lines.csv") if line["cart_id"] == cart_id]
        content = [
            [(row["product_id"], row["quantity"], row["unit_price"]) for row in side]
            for side in (bought, left)
        ]
        assert content[0] == content[1]


def test_totals_are_the_sums_of_the_lines_and_revenue_the_sum_of_totals(
    reacted: Path, world: Path, clickers: list[tuple[str, datetime]], tmp_path: Path
) -> None:
    """Every order has lines, costs something, and is counted."""
    sums: dict[str, float] = {}
    for line in read(reacted / "order_lines.reactions.csv"):
        cost = float(line["quantity"]) * float(line["unit_price"])
        sums[line["order_id"]] = sums.get(line["order_id"], 0) + cost
    orders = {row["order_id"]: float(row["total"]) for row in read(reacted / "orders.reactions.csv")}
    assert orders == {order: pytest.approx(total, abs=0.006) for order, total in sums.items()}
    assert min(orders.values()) > 0
    counts = write_reactions(tmp_path, clickers, [], NOON, 7, world=world)
    assert counts == ReactionCounts(len(orders), 0, pytest.approx(sum(orders.values())))  # type: ignore[arg-type]


def test_the_same_clicks_bring_the_same_orders(
    reacted: Path, world: Path, clickers: list[tuple[str, datetime]], tmp_path: Path
) -> None:
    """Clicks in another order write the same bytes: loading them twice is loading them once."""
    write_reactions(tmp_path, reversed(clickers), [], NOON, 7, world=world)
    for name in ("orders.reactions.csv", "order_lines.reactions.csv", "carts.reactions.csv"):
        assert (tmp_path / name).read_bytes() == (reacted / name).read_bytes()
