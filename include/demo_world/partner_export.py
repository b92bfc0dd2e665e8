"""A partner's export, broken on purpose: the demo shows each refusal with its reason, and good rows that load.

Entirely made up. Three of the twelve customers and one of the five lines are good.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from demo_world.shop_time import start_of


def partner_customers(day: date) -> list[dict[str, Any]]:
    """Return twelve rows of the feed `customers`; the comment at each says what is wrong with it.

    day: they signed up 30 days before it. It is the same day every run, so that a second load refuses nothing new.
    """
    signed_up = start_of(day) - timedelta(days=30)
    good = {
        "created_at": signed_up,
        "locale": "en-GB",
        "timezone": "Europe/London",
        "country": "GB",
        "currency": "USD",
    }
    good |= {
        "permission": "confirmed",
        "permission_at": signed_up + timedelta(hours=1),
        "signup_source": "partner",
    }

    def row(number: int, name: str, **other: Any) -> dict[str, Any]:
        key, address = f"partner-{number:02}", f"partner.{number:02}@example.com"
        return good | {"customer_id": key, "email": address, "first_name": name, "last_name": "O'Neill"} | other

    return [
        row(1, "Siobhán", birthday="1988-04-17"),  # good
        row(2, '<b>Bobby</b> & "Co"', birthday="1990-02-28"),  # good: a name is text, however it looks
        row(3, "Ümit", permission="none", permission_at=None),  # good: a customer without permission
        row(4, "Paul", timezone="Europe/Londn"),  # a zone that does not exist
        row(5, "Ruth", birthday="1800-01-01"),  # a birthday of 1800
        row(6, "Kofi", email="kofi@example.com\nBcc: all@example.com"),  # a newline in the address
        row(7, "Inés", email="ines.example.com"),  # an address without @
        row(1, "Siobhan", birthday="1988-04-17"),  # a key the file has already
        row(8, "Lars", created_at="2026-13-45T00:00:00+00:00"),  # a date that does not exist
        row(9, "Mei", created_at="2026-05-01T12:00:00"),  # a time without offset
        row(10, "Tomás", permission="maybe"),  # an unknown permission
        row(11, "Ada", customer_id=None),  # no key
    ]


def partner_order_lines() -> list[dict[str, Any]]:
    """Five rows of the feed `order_lines`, of an order the partner never delivered."""
    good = {"order_id": "partner-order-1", "product_id": "1029743", "quantity": 1, "unit_price": 2.49}
    return [
        good | {"line_no": 1},  # good
        good | {"line_no": 2, "quantity": -3},  # a negative quantity
        good | {"line_no": 3, "unit_price": -2.49},  # a negative price
        good | {"line_no": 4, "quantity": "two"},  # not a number
        good | {"line_no": None},  # no key
    ]
