"""The shop of the planning and delivery benchmarks: everybody has left a cart of three lines, two hours ago at noon.

Customers live in four time zones and have an order of a month ago, so that the claim's questions find something to
read. The campaign is the shipped one without its holdout: every cart gets a mail.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
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
    """insert into source.product (product_id, name, price, currency, url, load_id)
    select 'p' || n, 'Fluid Milk ' || n, 2.49, 'USD', 'https://shop.example.com/p/' || n, 1
    from generate_series(0, :products - 1) as n""",
    """insert into source.customer
    (customer_id, email, created_at, first_name, locale, timezone, currency, permission, permission_at, load_id)
    select
        'c' || n, 'c' || n || '@example.com', cast(:noon as timestamptz) - interval '400 days', 'Ada',
        (array['en-US', 'en-GB', 'de-DE', 'fr-FR'])[1 + n % 4],
        (array['America/New_York', 'Europe/London', 'Europe/Berlin', 'Europe/Paris'])[1 + n % 4],
        'USD', 'confirmed', cast(:noon as timestamptz) - interval '400 days', 1
    from generate_series(1, :mails) as n""",
    """insert into source.cart (cart_id, customer_id, created_at, updated_at, status, url, load_id)
    select
        'cart-' || n, 'c' || n, cast(:noon as timestamptz) - interval '3 hours',
        cast(:noon as timestamptz) - interval '2 hours' + (n % 3000) * interval '1 second', 'open',
        'https://shop.example.com/cart/' || n, 1
    from generate_series(1, :mails) as n""",
    """insert into source.cart_line (cart_id, product_id, quantity, unit_price, load_id)
    select 'cart-' || n, 'p' || (n * 7 + place) % :products, 1 + place, 2.49 + place, 1
    from generate_series(1, :mails) as n cross join generate_series(0, 2) as place""",
    """insert into source.orders (order_id, customer_id, ordered_at, total, currency, load_id)
    select 'o' || n, 'c' || n, cast(:noon as timestamptz) - interval '30 days', 14.94, 'USD', 1
    from generate_series(1, :mails) as n""",
)



def fill(own: Engine, mails: int) -> None:
    """Make a shop of `mails` customers and carts, with the statistics a shop of that age has."""
    with own.begin() as connection:
        for query in SHOP:
            given = {"mails": mails, "noon": NOON, "products": PRODUCTS}
            connection.execute(sa.text(query), {name: given[name] for name in given if f":{name}" in query})
    with own.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("vacuum analyze")
        connection.exec_driver_sql("checkpoint")


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
    """Return the shipped cart campaign with everybody treated, its topic and the brand."""
    topics = read_topics(INCLUDE / "topics.yaml")
    campaign = read_campaign(INCLUDE / "campaigns" / "cart_abandoned.yaml", topics)
    brand = read_brand(INCLUDE / "brand.yaml", postal_address="1 Example Street")
    return campaign.model_copy(update={"holdout": 0.0}), topics[campaign.topic], brand
