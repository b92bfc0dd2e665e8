"""The contract of the feed files, as data: ten feeds, their columns, what each value must be.

Stage 1 of the path. Adding a feed is adding a `Feed` here and its table in a migration; reading, checking,
setting aside and merging follow from it. Columns are named as in the database.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal[
    "text", "address", "time", "birthday", "number", "integer", "boolean",
    "choice", "zone", "country", "currency", "locale",
]

MAXIMUM_TEXT = 10_000
AMOUNT = 9_999_999_999  # what numeric(14, 4) holds


@dataclass(frozen=True)
class Column:
    """One column of a feed.

    `required`: neither the column nor a value may be missing. `default`: the text that stands for a
    missing value. `refusal`: the named reason where the value breaks the column's own rule (a negative
    number, a word that is no choice). `maximum` (numbers, inclusive) is what the database column holds.
    `is_vital`: optional, but the row without it would say something else, so that an unreadable value sets the
    whole row aside. An unreadable value of another optional column is set aside by itself.
    `synonyms`: pairs (word, choice) of words that other systems export for a choice; they are compared in
    lower case without blanks, hyphens and underscores.
    """

    name: str
    kind: Kind = "text"
    required: bool = True
    default: str | None = None
    choices: tuple[str, ...] = ()
    refusal: str = ""
    maximum: int = AMOUNT
    synonyms: tuple[tuple[str, str], ...] = ()
    is_vital: bool = False

    @property
    def refuses_row(self) -> bool:
        """Whether a value that cannot be read sets the whole row aside."""
        return self.required or self.is_vital


@dataclass(frozen=True)
class Feed:
    """One feed: its file name without ending, its table in schema `source`, its columns and its key.

    `in_order`: pairs of time columns of which the first may not be later than the second. `replaces`: the
    part of the key under which a file's rows replace all there were (a cart's lines). `telling`: columns that
    mean something even in a row that is refused. `keeps_first_load`: the table's first_load_id says which load
    brought a row first.
    """

    name: str
    table: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    in_order: tuple[tuple[str, str], ...] = ()
    replaces: tuple[str, ...] = ()
    telling: tuple[str, ...] = ()
    keeps_first_load: bool = False

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of all columns, in the contract's order."""
        return tuple(column.name for column in self.columns)

    @property
    def tells_permission(self) -> bool:
        """Whether the rows of this feed say what a customer permits."""
        return "permission" in self.telling


def _text(name: str, *, required: bool = True) -> Column:
    return Column(name, "text", required)


def _optional(name: str, kind: Kind = "text") -> Column:
    return Column(name, kind, required=False)


def _vital(column: Column) -> Column:
    return replace(column, is_vital=True)


def _time(name: str, *, required: bool = True) -> Column:
    return Column(name, "time", required)


def _number(name: str, refusal: str, *, required: bool = True, maximum: int = AMOUNT) -> Column:
    return Column(name, "number", required, refusal=refusal, maximum=maximum)


def _choice(name: str, refusal: str, choices: tuple[str, ...], *, default: str | None = None,
            required: bool = False, synonyms: tuple[tuple[str, str], ...] = ()) -> Column:
    return Column(name, "choice", required, default, choices, refusal, synonyms=synonyms)


# Words for a no that leave no doubt. A word for a yes has no synonym: 'subscribed' of one system is a single
# opt-in, of another a confirmed one. 'cleaned' is about a mailbox, 'not_subscribed' is a state and no word.
# Whatever is not read lets mailing rest, so that a missing synonym mails nobody.
WORDS_FOR_NO = ("unsubscribed", "unsubscribe", "optedout", "optout", "revoked")


CUSTOMERS = Feed(
    "customers", "customer",
    (
        _text("customer_id"),
        Column("email", "address"),
        _time("created_at"),
        _optional("first_name"),
        _optional("last_name"),
        _optional("locale", "locale"),
        _optional("timezone", "zone"),
        _optional("country", "country"),
        _optional("currency", "currency"),
        _optional("birthday", "birthday"),
        _optional("signup_source"),
        _choice(
            "permission", "unknown_permission", ("none", "pending", "confirmed", "withdrawn"),
            synonyms=tuple((word, "withdrawn") for word in WORDS_FOR_NO),
        ),
        _time("permission_at", required=False),
    ),
    key=("customer_id",),
    telling=("customer_id", "email", "permission", "permission_at"),
    keeps_first_load=True,
)

# What is read of a customers file that is refused as a whole: who said no, and nothing else.
OPT_OUTS = Feed(
    CUSTOMERS.name, CUSTOMERS.table,
    tuple(replace(column, required=False) for column in CUSTOMERS.columns if column.name in CUSTOMERS.telling),
    key=CUSTOMERS.key,
    telling=CUSTOMERS.telling,
)

PRODUCTS = Feed(
    "products", "product",
    (
        _text("product_id"),
        _text("name"),
        _optional("product_type"),
        _optional("category"),
        _number("price", "negative_price", required=False),
        _vital(_optional("currency", "currency")),  # the price would be one of another currency
        Column("is_consumable", "boolean", required=False, default="false"),
        _number("units_per_pack", "negative_units_per_pack", required=False),
        _number("daily_use", "negative_daily_use", required=False),
        _number("delivery_days", "negative_delivery_days", required=False, maximum=999_999),
        _choice("goods_kind", "unknown_goods_kind", ("soft", "hard")),
        _optional("upgrade_product_id"),
        _optional("url"),
        _optional("image_url"),
    ),
    key=("product_id",),
)

ORDERS = Feed(
    "orders", "orders",
    (
        _text("order_id"),
        _text("customer_id"),
        _time("ordered_at"),
        _number("total", "negative_total"),
        _vital(_optional("currency", "currency")),
        _optional("cart_id"),
        _time("delivered_at", required=False),
        _optional("offer_code"),
        _vital(_choice("status", "unknown_status", ("placed", "cancelled", "refunded"), default="placed")),
    ),
    key=("order_id",),
)

ORDER_LINES = Feed(
    "order_lines", "order_line",
    (
        _text("order_id"),
        Column("line_no", "integer", refusal="negative_line_no", maximum=2_147_483_647),
        _text("product_id"),
        _number("quantity", "negative_quantity"),
        _number("unit_price", "negative_price"),
    ),
    key=("order_id", "line_no"),
)

CARTS = Feed(
    "carts", "cart",
    (
        _text("cart_id"),
        _text("customer_id"),
        _time("created_at"),
        _time("updated_at"),
        _choice("status", "unknown_status", ("open", "ordered", "emptied"), required=True),
        _optional("url"),
    ),
    key=("cart_id",),
    telling=("cart_id", "status"),
)

CART_LINES = Feed(
    "cart_lines", "cart_line",
    (
        _text("cart_id"),
        _text("product_id"),
        _number("quantity", "negative_quantity"),
        _number("unit_price", "negative_price"),
    ),
    key=("cart_id", "product_id"),
    replaces=("cart_id",),
)

PAGE_VIEWS = Feed(
    "page_views", "page_view",
    (
        _text("view_id"),
        _text("customer_id"),
        _time("viewed_at"),
        _optional("product_id"),
        _optional("topic"),
        _number("seconds_on_page", "negative_seconds_on_page", required=False, maximum=99_999_999),
    ),
    key=("view_id",),
)

LEAD_ACTIONS = Feed(
    "lead_actions", "lead_action",
    (
        _text("action_id"),
        _text("customer_id"),
        _text("kind"),
        _optional("subject"),
        _time("acted_at"),
    ),
    key=("action_id",),
)

REVIEWS = Feed(
    "reviews", "review",
    (
        _text("review_id"),
        _text("customer_id"),
        _text("product_id"),
        _optional("order_id"),
        _number("rating", "negative_rating", maximum=99),
        _time("reviewed_at"),
    ),
    key=("review_id",),
)

OFFERS = Feed(
    "offers", "offer",
    (
        _text("offer_code"),
        _vital(_optional("customer_id")),  # a personal offer would be everyone's
        _vital(_optional("campaign")),
        _vital(_number("percent", "negative_percent", required=False, maximum=100)),
        _time("valid_from"),
        _time("valid_until"),
        _vital(_time("redeemed_at", required=False)),  # a used offer would look unused
    ),
    key=("offer_code",),
    in_order=(("valid_from", "valid_until"),),
)

FEEDS: dict[str, Feed] = {
    feed.name: feed
    for feed in (
        CUSTOMERS, PRODUCTS, ORDERS, ORDER_LINES, CARTS, CART_LINES, PAGE_VIEWS, LEAD_ACTIONS, REVIEWS, OFFERS
    )
}
