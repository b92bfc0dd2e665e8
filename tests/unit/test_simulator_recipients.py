"""Recipients do the same things for the same seed and message, at the rates asked for."""

import random

import pytest

from sendgrid_simulator.recipients import FORCED, Rates, plan


def kinds(address: str, key: str = "m1", seed: int = 7, group: bool = True, suppressed: bool = False) -> list[str]:
    return [moment.kind for moment in plan(seed, key, address, Rates(), group, suppressed)]


def test_outcome_depends_on_seed_and_message_alone() -> None:
    """In any order, and any number of times, a message gets the same plan; another seed gives another plan."""
    keys = [f"m{number}" for number in range(300)]
    first = {key: plan(7, key, "a@example.com", Rates(), True) for key in keys}
    random.Random(1).shuffle(keys)
    assert {key: plan(7, key, "a@example.com", Rates(), True) for key in keys} == first
    assert {key: plan(8, key, "a@example.com", Rates(), True) for key in keys} != first


def test_rates_are_met() -> None:
    """Over many messages each share comes out near its rate: within four standard deviations."""
    rates, count = Rates(bounce=0.02, block=0.02, drop=0.02, complain=0.02), 20_000
    plans = [{one.kind for one in plan(3, f"m{n}", "a@example.com", rates, True)} for n in range(count)]
    delivered = sum("delivered" in one for one in plans)

    def share(kind: str, of: int) -> float:
        return sum(kind in one for one in plans) / of

    hard = share("bounce", count) + share("async_bounce", count)
    for found, wanted, size in (
        (hard, 0.02, count), (share("block", count), 0.02, count), (share("dropped", count), 0.02, count),
        (share("open", delivered), 0.20, delivered), (share("click", delivered), 0.03, delivered),
        (share("machine_open", delivered), 0.15, delivered), (share("spamreport", delivered), 0.02, delivered),
    ):  # fmt: skip
        assert abs(found - wanted) < 4 * (wanted * (1 - wanted) / size) ** 0.5


def test_a_click_follows_an_open_and_an_open_follows_delivery() -> None:
    """A recipient clicks only what they opened and opens only what arrived; times never run backwards."""
    for number in range(3000):
        moments = plan(7, f"m{number}", "a@example.com", Rates(open=0.6, click=0.4), True)
        order = [moment.kind for moment in moments]
        assert [moment.after_seconds for moment in moments] == sorted(moment.after_seconds for moment in moments)
        if "click" in order:
            assert order.index("delivered") < order.index("open") < order.index("click")


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("bounce", ["processed", "bounce"]),
        ("block", ["processed", "block"]),
        ("expire", ["processed", "deferred", "deferred", "deferred", "deferred", "expire"]),
        ("drop", ["dropped"]),
        ("defer", ["processed", "deferred", "deferred", "delivered"]),
        ("async_bounce", ["processed", "delivered", "async_bounce"]),
        ("deliver", ["processed", "delivered"]),
        ("open", ["processed", "delivered", "open"]),
        ("machine", ["processed", "delivered", "machine_open"]),
        ("click", ["processed", "delivered", "open", "click"]),
        ("unsubscribe", ["processed", "delivered", "unsubscribe"]),
        ("group_unsubscribe", ["processed", "delivered", "group_unsubscribe"]),
        ("complain", ["processed", "delivered", "spamreport"]),
        ("mute", []),
    ],
)
def test_an_address_can_force_its_behaviour(word: str, expected: list[str]) -> None:
    """The word before the plus sign decides, whatever the seed."""
    assert word in FORCED
    for seed in range(20):
        assert kinds(f"{word}+{seed}@example.com", f"m{seed}", seed) == expected


def test_only_the_documented_form_forces() -> None:
    """An ordinary address that merely begins with such a word is left to chance."""
    assert kinds("bounce@example.com") == kinds("ada@example.com")
    assert kinds("bouncer+1@example.com") == kinds("ada@example.com")


def test_leaving_a_group_needs_a_group() -> None:
    """Without an unsubscribe group in the mail, leaving is leaving for good."""
    assert kinds("group_unsubscribe+1@example.com", group=False)[-1] == "unsubscribe"


def test_the_suppressed_are_dropped() -> None:
    """A suppressed recipient gets one dropped event, whatever the address would force."""
    assert kinds("open+1@example.com", suppressed=True) == ["dropped"]


def test_impossible_rates_are_refused() -> None:
    """Shares outside 0 to 1, or that together pass 1, are refused by name."""
    with pytest.raises(ValueError, match="rate open must lie between 0 and 1"):
        Rates(open=1.2)
    with pytest.raises(ValueError, match="together must not pass 1"):
        Rates(bounce=0.6, block=0.6)
