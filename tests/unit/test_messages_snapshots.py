"""What a mail reads of its occurrences, and what it says on the day on which it goes."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from message_templates import LINKS, TEMPLATES, customer

from lifecycle_mail.messages.formatting import addition_checker, days_until, end_writer
from lifecycle_mail.messages.samples import read_samples
from lifecycle_mail.messages.shells import rebuild
from lifecycle_mail.messages.snapshots import at_sending, in_time, with_occurrences
from lifecycle_mail.messages.templates import TemplateLibrary

LIBRARY = TemplateLibrary(TEMPLATES)
NOON = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)


def said(name: str, context: dict[str, Any], at: str, zone: str = "UTC", person: dict[str, Any] | None = None) -> str:
    """Return subject, preheader and text of a template's mail that goes at `at`."""
    sample = read_samples(TEMPLATES, name)[0]
    shell = LIBRARY.shell(sample.spec(name))
    known = at_sending({**sample.context, **context}, "USD", dt.datetime.fromisoformat(at))
    slots = LIBRARY.slots(shell).render(customer(timezone=zone, **person or {}), known, LINKS)
    mail = rebuild(shell, slots.substitutions, slots.subject)
    hidden = mail.html.partition("overflow:hidden;mso-hide:all;\">")[2].partition("<")[0].partition("&#847;")[0]
    return f"{mail.subject}|{hidden}|{mail.text}"


def test_days_are_counted_by_dates_in_the_readers_zone() -> None:
    """A minute before midnight and a minute after it are a day apart; a date has no zone; a past one is negative."""
    assert days_until("2026-11-22T00:01:00+00:00", "2026-11-21T23:59:00+00:00") == 1
    assert days_until("2026-11-22T00:01:00+00:00", "2026-11-21T23:59:00+00:00", "America/New_York") == 0
    assert days_until("2026-11-21", "2026-11-22T00:30:00+00:00", "Asia/Tokyo") == -1
    assert days_until("2026-11-21", "2026-11-22T00:30:00+00:00", "America/New_York") == 0


@pytest.mark.parametrize(
    ("quantity", "price", "total", "currency", "shows"),
    [
        (7, "2.6514", "18.56", None, False), (7, "2.65", "18.55", None, True), ("0.5", 101, 51, "JPY", False),
        (2, "100.4", 201, "JPY", False), (2, "100.4", 200, "JPY", True), ("0.25", "0.252", "0.063", "KWD", True),
    ],
)  # fmt: skip
def test_a_price_per_piece_is_shown_if_it_adds_up(
    quantity: Any, price: Any, total: Any, currency: str | None, shows: bool
) -> None:
    """Quantity times the price as it is shown is the total as it is shown, in the digits of the currency."""
    assert addition_checker("USD")(quantity, price, total, currency) is shows


def test_what_arrives_in_time() -> None:
    """All of it arrives on an earlier day than the one on which it runs out. Unknown delivery promises nothing."""
    thing = {"runs_out_at": "2026-11-24T14:00:00+00:00", "delivery_days": 2}
    assert in_time([thing], "2026-11-21T23:00:00+00:00", "UTC")
    assert not in_time([thing], "2026-11-21T23:00:00+00:00", "Asia/Tokyo")
    assert not in_time([thing], "2026-11-22T08:00:00+00:00", "UTC")
    assert in_time([{**thing, "delivery_days": 1.5}], "2026-11-22T08:00:00+00:00", "UTC")
    assert not in_time([thing, {**thing, "delivery_days": None}], "2026-11-21T08:00:00+00:00", "UTC")


def test_an_older_snapshot_is_completed() -> None:
    """A snapshot without totals, delivery or the date of the birthday gets them; a newer one stays as it is."""
    old = {"currency": "EUR", "total": 6, "items": [{"name": "Tea", "quantity": 2, "unit_price": 3}]}
    line = {"name": "Tea", "quantity": 2, "unit_price": 3, "total": "6", "currency": "EUR"}
    cart = {**old, "items": [line], "totals": [{"currency": "EUR", "total": 6}]}
    assert with_occurrences(old) == {**cart, "occurrences": [cart]}
    assert with_occurrences(cart) == {**cart, "occurrences": [cart]}
    assert with_occurrences({"occurrences": [{"runs_out_at": "x"}]}) == {
        "occurrences": [{"runs_out_at": "x", "delivery_days": None}]
    }


def test_what_is_known_when_the_mail_goes() -> None:
    """The time of sending; the shell's currency unless there are several; the date of a birthday of this year."""
    at = {"sent_at": "2026-11-21T12:00:00+00:00"}
    assert at_sending({}, "USD", NOON) == {**at, "currency": "USD"}
    assert at_sending({"currency": "EUR"}, "USD", NOON) == {**at, "currency": "EUR"}
    two = {"currency": None, "totals": [{"currency": "EUR"}, {"currency": "CZK"}]}
    assert at_sending(two, "USD", NOON) == {**two, **at}
    february = NOON.replace(month=2)
    assert at_sending({"month": 2, "day": 29}, "USD", february)["birthday_on"] == "2026-02-28"
    new_year = NOON.replace(month=12, day=31)
    assert at_sending({"month": 1, "day": 1}, "USD", new_year)["birthday_on"] == "2027-01-01"
    assert at_sending({"month": 12, "day": 31}, "USD", new_year + dt.timedelta(days=2))["birthday_on"] == "2026-12-31"
    assert at_sending({"month": 2, "day": 29, "birthday_on": "2028-02-29"}, "USD", NOON)["birthday_on"] == "2028-02-29"


SUPPLY = {
    "product_id": "p", "product_name": "Coffee", "product_type": "Drinks", "ordered_at": "2026-10-20T12:00:00+00:00",
    "runs_out_at": "2026-11-27T12:00:00+00:00", "delivery_days": 2, "url": None, "image_url": None, "basis": "declared",
}  # fmt: skip


@pytest.mark.parametrize(
    ("at", "change", "subject", "preheader", "words"),
    [
        ("2026-11-24T09:00:00+00:00", {}, "Running low on Coffee?", "arrives before you run out",
         "lasts until about November 27. Order now and you won't notice the gap."),
        ("2026-11-25T09:00:00+00:00", {}, "Running low on Coffee?", "keep count", "lasts until about November 27.\n"),
        ("2026-11-24T09:00:00+00:00", {"delivery_days": None}, "Running low on Coffee?", "keep count",
         "lasts until about November 27.\n"),
        ("2026-11-27T22:00:00+00:00", {}, "Running low on Coffee?", "keep count", "lasts until about November 27.\n"),
        ("2026-11-30T09:00:00+00:00", {}, "Out of Coffee?", "keep count", "lasted until about November 27.\n"),
        ("2026-11-24T09:00:00+00:00", {"basis": "rhythm", "product_name": None}, "Running low on Drinks?",
         "arrives before", "you need more around November 27."),
        ("2026-11-30T09:00:00+00:00", {"basis": "rhythm", "product_name": None}, "Out of Drinks?", "keep count",
         "you needed more around November 27."),
        ("2026-11-24T09:00:00+00:00", {"product_name": None, "product_type": None}, "Time to top up?", "arrives before",
         "- An item (Last ordered October 20, 2026)"),
    ],
)  # fmt: skip
def test_a_reminder_says_what_holds_on_the_day_it_goes(
    at: str, change: dict[str, Any], subject: str, preheader: str, words: str
) -> None:
    """It runs out ahead, or it has; it arrives in time only if the delivery is known and short enough."""
    supply = {**SUPPLY, **change}
    mail = said("replenishment/due_soon", {**supply, "occurrences": [supply]}, at)
    assert mail.startswith(f"{subject}|")
    assert preheader in mail.split("|")[1]
    assert words in mail


def test_a_reminder_of_several_says_what_holds_of_all() -> None:
    """One that has run out is said so on its line; in time is said only if it holds of all."""
    later = {**SUPPLY, "product_name": "Tea", "runs_out_at": "2026-11-29T12:00:00+00:00"}
    both = {**SUPPLY, "occurrences": [later, SUPPLY]}
    assert "arrives before you run out" in said("replenishment/due_soon", both, "2026-11-24T09:00:00+00:00")
    near = said("replenishment/due_soon", both, "2026-11-26T09:00:00+00:00")
    assert near.startswith("Running low on Coffee and one more thing?|")
    assert "these run low soon.\n" in near
    past = said("replenishment/due_soon", both, "2026-11-28T09:00:00+00:00")
    assert past.startswith("More Coffee, and one more thing?|")
    of_each = ("Lasted until about November 27", "Lasts until about November 29")
    assert [words for words in ("these have run out or run low soon", *of_each) if words not in past] == []


@pytest.mark.parametrize(
    ("at", "zone", "subject", "words"),
    [
        ("2026-11-23T12:00:00+00:00", "UTC", "An early happy birthday, Ada", "Your day is coming up"),
        ("2026-11-24T04:30:00+00:00", "America/New_York", "An early happy birthday, Ada", "Your day is coming up"),
        ("2026-11-24T12:00:00+00:00", "UTC", "Happy birthday, Ada", "Today is your day"),
        ("2026-11-24T22:00:00+00:00", "Asia/Tokyo", "A late happy birthday, Ada", "We hope you had a lovely birthday"),
        ("2026-11-25T02:00:00+00:00", "America/New_York", "Happy birthday, Ada", "Today is your day"),
    ],
)
def test_a_wish_knows_whether_the_day_has_passed(at: str, zone: str, subject: str, words: str) -> None:
    """Before the day, on it, and after it, by the date where the customer is: a late wish is not among the first."""
    mail = said("birthday/wish", {"month": 11, "day": 24, "birthday_on": "2026-11-24"}, at, zone)
    assert mail.startswith(f"{subject}|")
    assert words in mail
    assert ("among the first" in mail) is not subject.startswith("A late")
    for title in ("An early happy birthday!", "A late happy birthday!", "Happy birthday!"):
        assert (title in mail) is (title[:7] == subject[:7])


@pytest.mark.parametrize(
    ("ends_at", "hours", "words"),
    [
        ("2026-11-22T02:30:00+00:00", 24, "November 22, 11:30\u202fAM GMT+09:00"),
        ("2026-11-22T15:00:00+00:00", 12.5, "November 23, 12:00\u202fAM GMT+09:00"),
        ("2026-11-28T02:30:00+00:00", 168, "November 27, 2026"),
        ("2026-11-28T15:00:00+00:00", 168, "November 28, 2026"),
    ],
)  # fmt: skip
def test_an_offer_is_not_said_to_last_longer_than_it_does(ends_at: str, hours: float, words: str) -> None:
    """What holds for hours ends at a time in Tokyo; what holds for days is told by its last whole day there."""
    assert end_writer("en")(ends_at, "Asia/Tokyo", hours) == words


def test_a_product_without_a_name_is_an_item() -> None:
    """A product that the catalogue does not have is called an item, in the preheader nothing; never by its key."""
    line = {
        "product_id": "sku-77", "name": None, "quantity": 1, "unit_price": 3, "total": 3, "currency": "USD",
        "url": None, "image_url": None,
    }  # fmt: skip
    for name in ("cart_abandoned/reminder", "cart_abandoned/doubts", "cart_abandoned/incentive"):
        mail = said(name, {"items": [line], "item_count": 1}, "2026-11-21T12:00:00+00:00")
        assert "sku-77" not in mail
        assert "- An item  $3.00" in mail
    assert "|Everything is where you left it.|" in said(
        "cart_abandoned/reminder", {"items": [line], "item_count": 1}, "2026-11-21T12:00:00+00:00"
    )


@pytest.mark.parametrize("wrong", [{"total": "x"}, {"total": "1e40"}, {"total": None}, {"name": "Tea"}])
def test_a_snapshot_that_holds_no_amount_stays_as_it_is(wrong: dict[str, Any]) -> None:
    """Its template names what is wrong, and the other mails go."""
    cart = {"items": [{"currency": None, **wrong}], "item_count": 1, "currency": None, "total": 1}
    assert at_sending(cart, "USD", NOON) == {**cart, "sent_at": NOON.isoformat(), "currency": "USD"}


LINES = ((7, "2.6514"), (3, "0.375"), ("0.5", 101), (1, "1249.5"), (4, "250"))
DIGITS = {"USD": 2, "JPY": 0, "IRR": 0, "KWD": 3, "CLF": 4}


@pytest.mark.parametrize("currency", DIGITS)
@pytest.mark.parametrize("told", [True, False], ids=["told", "the brand's"])
@pytest.mark.parametrize("name", ["cart_abandoned/reminder", "cart_abandoned/doubts", "cart_abandoned/incentive"])
def test_what_a_cart_shows_adds_up(name: str, told: bool, currency: str) -> None:
    """In currencies without digits, with two, three and four: a price per piece times the quantity is the amount of its
    line, and the lines together are the total. So it is if no feed tells the currency and it is the brand's."""
    unit = Decimal(1).scaleb(-DIGITS[currency]) if told else Decimal("0.000001")  # as the segment rounds
    exact = [(Decimal(quantity) * Decimal(price)).quantize(unit, ROUND_HALF_UP) for quantity, price in LINES]
    items = [
        {"product_id": "p", "name": "Tea", "quantity": quantity, "unit_price": price, "total": str(total),
         "currency": currency if told else None, "url": None, "image_url": None}
        for (quantity, price), total in zip(LINES, exact, strict=True)
    ]  # fmt: skip
    totals = [{"currency": items[0]["currency"], "total": str(sum(exact))}]
    sample = read_samples(TEMPLATES, name)[0]
    shell = LIBRARY.shell(replace(sample.spec(name), currency=currency))
    cart = {**sample.context, "items": items, "item_count": 5, "totals": totals, "currency": items[0]["currency"]}
    slots = LIBRARY.slots(shell).render(customer(), at_sending(cart, currency, NOON), LINKS)
    text = rebuild(shell, slots.substitutions, slots.subject).text

    def amount(written: str) -> Decimal:
        return Decimal("".join(filter(str.isdigit, written))).scaleb(-DIGITS[currency])

    rows = re.findall(r"^- Tea(?: \((?:Quantity )?([0-9.]+)(?: at ([^)]+) each)?\))?  (.+)$", text, re.M)
    shown = sum(amount(total) for _, _, total in rows)
    if name != "cart_abandoned/doubts":
        assert len(rows) == 5
        assert amount(text.partition("Total: ")[2].partition("\n")[0]) == shown
    assert [(piece, total) for count, piece, total in rows
            if piece and Decimal(count) * amount(piece) != amount(total)] == []  # fmt: skip
    assert any(piece for _, piece, _ in rows) is (name == "cart_abandoned/reminder")
