"""The shop of the planning and delivery benchmarks: every customer left a cart of three lines two hours ago, at noon.

Customers live in four time zones and placed one order a month ago. The campaign is the shipped one without its holdout,
so every cart gets a mail.

A troubled shop has more for the queries of planning and claims to find. Of every 103 people, the decision refuses two.
The claim refuses one more, who ordered or complained after the decision (half each). One customer in fifty had another
address before. The list of suppressions also holds strangers, a tenth as many as there are customers. The places hold
another day as well.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from measuring import INCLUDE, say, timed
from sqlalchemy.engine import Engine

from lifecycle_mail import decisions, journeys, messages, segments
from lifecycle_mail.campaigns import Brand, Campaign, Topic, read_brand, read_campaign, read_topics
from lifecycle_mail.messages.templates import TemplateLibrary

NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
PRODUCTS = 2_000

SHOP = (
    "insert into source.load default values",
    """insert into source.product (product_id, name, price, currency, url, image_url, load_id)
    select
        'p' || n, (array['Fluid Milk ', 'Soft Drinks, 12 cans, ', 'Cheese & Herbs '])[1 + n % 3] || n, 2.49, 'USD',
        'https://shop.example.com/p/' || n, 'https://shop.example.com/pictures/' || n || '.jpg', 1
    from generate_series(0, :products - 1) as n""",
    """insert into source.customer
    (customer_id, email, created_at, first_name, locale, timezone, currency, permission, permission_at, load_id)
    select
        'c' || n, 'c' || n || '@example.com', cast(:noon as timestamptz) - interval '400 days',
        (array['Ada', 'Grace', 'Jean', 'Zoë', 'Annemarie', 'Li', 'José', 'Maximilian'])[1 + n % 8],
        (array['en-US', 'en-GB', 'de-DE', 'fr-FR'])[1 + n % 4],
        (array['America/New_York', 'Europe/London', 'Europe/Berlin', 'Europe/Paris'])[1 + n % 4],
        'USD', case when :is_troubled and n % 103 > 100 and n % 4 = 0 then 'withdrawn' else 'confirmed' end,
        cast(:noon as timestamptz) - interval '400 days', 1
    from generate_series(1, :people) as n""",
    """insert into source.cart (cart_id, customer_id, created_at, updated_at, status, url, load_id)
    select
        'cart-' || n, 'c' || n, cast(:noon as timestamptz) - interval '3 hours',
        cast(:noon as timestamptz) - interval '2 hours' + (n % 3000) * interval '1 second', 'open',
        'https://shop.example.com/cart/' || n, 1
    from generate_series(1, :people) as n""",
    """insert into source.cart_line (cart_id, product_id, quantity, unit_price, load_id)
    select 'cart-' || n, 'p' || (n * 7 + place) % :products, 1 + place, 2.49 + place, 1
    from generate_series(1, :people) as n cross join generate_series(0, 2) as place""",
    """insert into source.orders (order_id, customer_id, ordered_at, total, currency, load_id)
    select 'o' || n, 'c' || n, cast(:noon as timestamptz) - interval '30 days', 14.94, 'USD', 1
    from generate_series(1, :people) as n""",
)
TROUBLES = (
    """insert into source.former_address (customer_id, address)
    select 'c' || n, 'former' || n || '@example.com' from generate_series(50, :people, 50) as n""",
    """insert into event.suppression (address, scope, reason, suppressed_at, source)
    select
        'c' || n || '@example.com', case when n % 4 = 1 then 'topic:reminders' else 'all' end,
        (array['withdrawn', 'unsubscribed', 'hard_bounce', 'complaint'])[1 + n % 4],
        cast(:noon as timestamptz) - interval '9 days', 'events'
    from generate_series(1, :people) as n
    where n % 103 > 100 and n % 4 > 0""",
    """insert into event.suppression (address, scope, reason, suppressed_at, source)
    select 'stranger' || n || '@example.com', 'all', 'hard_bounce', cast(:noon as timestamptz) - interval '9 days',
        'events'
    from generate_series(1, :mails / 10) as n""",
    """insert into delivery.cap_reservation (address_key, period, starts_on, n, enrollment_id, step, taken_at, zones)
    select
        cast(md5('other' || n) as uuid), 'day', date '2026-03-01', 1, -n, 'reminder',
        timestamptz '2026-03-01 12:00Z', 'UTC'
    from generate_series(1, :mails / 5) as n""",
)
MEANWHILE = (
    """insert into source.orders (order_id, customer_id, ordered_at, total, currency, load_id)
    select 'late' || n, 'c' || n, cast(:noon as timestamptz) + interval '1 hour', 14.94, 'USD', 1
    from generate_series(103, :people, 103) as n where n % 2 = 0""",
    """insert into event.suppression (address, scope, reason, suppressed_at, source)
    select 'c' || n || '@example.com', 'all', 'complaint', cast(:noon as timestamptz) + interval '1 hour', 'events'
    from generate_series(103, :people, 103) as n where n % 2 = 1""",
)


@dataclass(frozen=True)
class Crowd:
    """The people who left a cart: `mails` people who get a mail and, in a troubled shop, more people who get none."""

    mails: int
    is_troubled: bool = False

    @property
    def people(self) -> int:
        """How many people left a cart. With every hundred who get a mail come two whom the decision refuses (no
        permission, or one of three reasons of suppression)."""
        return self.mails + self.refused_late * 3

    @property
    def refused_late(self) -> int:
        """How many get a mail planned that the claim cancels: the third of those."""
        return self.mails // 100 if self.is_troubled else 0


def fill(own: Engine, crowd: Crowd) -> None:
    """Make the shop of a crowd, with the statistics a shop of that age has."""
    _execute(own, SHOP + (TROUBLES if crowd.is_troubled else ()), crowd)
    with own.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("vacuum analyze")
        connection.exec_driver_sql("checkpoint")


def meanwhile(own: Engine, crowd: Crowd) -> None:
    """Let the people whom the claim refuses, in a troubled shop, order or complain after planning."""
    _execute(own, MEANWHILE if crowd.is_troubled else (), crowd)


def _execute(own: Engine, queries: tuple[str, ...], crowd: Crowd) -> None:
    given = {
        "mails": crowd.mails, "people": crowd.people, "is_troubled": crowd.is_troubled, "noon": NOON,
        "products": PRODUCTS,
    }  # fmt: skip
    with own.begin() as connection:
        for query in queries:
            text = sa.text(query)
            connection.execute(text, {name: given[name] for name in text.compile().params})


def refresh(own: Engine) -> float:
    """Bring the segment to noon; return the seconds."""
    members, seconds = timed(lambda: segments.refresh(own, "cart_abandoned", NOON, {"idle_minutes": 60}))
    say(f"{members.members} members in {seconds:.1f} s")
    return seconds


def plan(own: Engine, as_of: dt.datetime = NOON) -> tuple[dict[str, float], int]:
    """Plan the campaign once; return the seconds of each stage, and how many mails it wrote."""
    campaign, topic, brand = campaign_without_holdout()
    library = TemplateLibrary(INCLUDE / "templates")
    journeys.publish(own, campaign, topic)
    seconds = {}
    stages: dict[str, Callable[[], Any]] = {
        "enroll": lambda: journeys.enroll(own, campaign, as_of),
        "advance": lambda: journeys.advance(own, campaign, as_of),
        "decide": lambda: decisions.decide(own, campaign, topic, as_of, as_of),
        "write": lambda: messages.write_messages(own, campaign, topic, library, brand, as_of),
    }
    counts: dict[str, int] = {}
    for name, stage in stages.items():
        result, seconds[name] = timed(stage)
        counts |= result.counts()
        say(f"{name}: {result.counts()} in {seconds[name]:.1f} s")
    return seconds, counts["messages"]


def campaign_without_holdout() -> tuple[Campaign, Topic, Brand]:
    """Return the shipped cart campaign without a holdout, its topic and the brand."""
    topics = read_topics(INCLUDE / "topics.yaml")
    campaign = read_campaign(INCLUDE / "campaigns" / "cart_abandoned.yaml", topics)
    brand = read_brand(INCLUDE / "brand.yaml", postal_address="1 Example Street")
    return campaign.model_copy(update={"holdout": 0.0}), topics[campaign.topic], brand
