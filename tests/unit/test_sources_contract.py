"""The contract of the feeds, against the interface as it is published."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle_mail.errors import FeedError
from lifecycle_mail.sources.feeds import feeds, read_feeds

# The published table, word for word: a question mark means the column, or a value, may be missing.
PUBLISHED = {
    "customers": "customer_id, email, created_at, first_name?, last_name?, locale?, timezone?, country?, region?, "
    "city?, currency?, birthday?, tier?, signup_source?, permission?, permission_at?, permission_wording?, "
    "permission_source?",
    "products": "product_id, name, product_type?, category?, price?, currency?, is_consumable?, "
    "units_per_pack?, daily_use?, delivery_days?, goods_kind?, upgrade_product_id?, url?, image_url?, complements?, "
    "available_from?, available_until?",
    "orders": "order_id, customer_id, ordered_at, total, currency?, cart_id?, delivered_at?, offer_code?, "
    "status?",
    "order_lines": "order_id, line_no, product_id, quantity, unit_price",
    "carts": "cart_id, customer_id, created_at, updated_at, status, url?, currency?",
    "cart_lines": "cart_id, product_id, quantity, unit_price, line_no?, currency?",
    "page_views": "view_id, customer_id, viewed_at, product_id?, topic?, seconds_on_page?",
    "lead_actions": "action_id, customer_id, kind, subject?, acted_at",
    "reviews": "review_id, customer_id, product_id, order_id?, rating, reviewed_at",
    "offers": "offer_code, customer_id?, campaign?, kind?, percent?, amount?, currency?, valid_from, valid_until, "
    "redeemed_at?",
    "currency_rates": "day, currency, rate",
    "occasions": "occasion_id, name, kind, starts_at, ends_at?, url?",
    "registrations": "occasion_id, customer_id, registered_at, status, status_at?",
    "contracts": "contract_id, customer_id, product_id?, starts_at, ends_at, status?",
    "referrals": "referral_id, customer_id, referred_customer_id?, referred_at, ordered_at?",
}
CHOICES = {
    ("customers", "permission"): {"none", "pending", "confirmed", "withdrawn"},
    ("products", "goods_kind"): {"soft", "hard"},
    ("orders", "status"): {"placed", "cancelled", "refunded"},
    ("carts", "status"): {"open", "ordered", "emptied"},
    ("offers", "kind"): {"percent", "amount", "free_shipping", "gift"},
    ("registrations", "status"): {"registered", "attended", "cancelled"},
    ("contracts", "status"): {"active", "ended", "cancelled"},
}


def test_feeds_have_the_published_columns() -> None:
    """All feeds, with the published columns in order, required and optional ones as published."""
    ours = {
        feed.name: ", ".join(column.name + ("" if column.required else "?") for column in feed.columns)
        for feed in feeds().values()
    }
    assert ours == PUBLISHED


def test_words_are_the_published_ones() -> None:
    """Columns that take one of a few words take the published words."""
    ours = {
        (feed.name, column.name): set(column.choices)
        for feed in feeds().values() for column in feed.columns if column.kind == "choice"
    }
    assert ours == CHOICES


def test_keys_are_required_columns() -> None:
    """Every key column is a required column of its feed, or the one that numbers its rows, which is 0 if missing."""
    for feed in feeds().values():
        required = {column.name for column in feed.columns if column.required}
        numbers = {column.name for column in feed.columns if column.name == feed.numbers and column.default == "0"}
        assert set(feed.key) <= required | numbers, feed.name


RIGHT = """feed: wishes
table: wish
what: Wishes.
key: [wish_id]
columns:
  wish_id: text
  wished_at?: time
  unit_price: {kind: number, refusal: negative_price}
  kind?: {kind: choice, choices: [a, b]}
"""


def test_a_file_of_the_folder_is_a_feed(tmp_path: Path) -> None:
    """Columns come in the order of the file; `?` makes one optional; refusals are named by column unless given."""
    (tmp_path / "wishes.yaml").write_text(RIGHT)
    (wishes,) = read_feeds(tmp_path).values()
    assert [(one.name, one.kind, one.required, one.refusal) for one in wishes.columns] == [
        ("wish_id", "text", True, ""), ("wished_at", "time", False, ""),
        ("unit_price", "number", True, "negative_price"), ("kind", "choice", False, "unknown_kind"),
    ]  # fmt: skip
    assert (wishes.name, wishes.table, wishes.key) == ("wishes", "wish", ("wish_id",))


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("at?: time", "at?: tine", "wishes.yaml:7: 'columns.wished_at?.kind' is 'tine': did you mean 'time'?"),
        ("table: wish", "tabel: wish", "unknown key 'tabel': did you mean 'table'?"),
        ("key: [wish_id]", "key: [wished_at]", "key names wished_at, which is not a column that is required"),
        ("feed: wishes", "feed: wish", "wishes.yaml:1: the feed is called 'wish': name the file wish.yaml"),
        ("wish_id: text", "Wish Id: text", "wishes.yaml:6:"),
        ("refusal", "refuse", "unknown key 'columns.unit_price.refuse': did you mean 'refusal'?"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused(tmp_path: Path, right: str, wrong: str, said: str) -> None:
    """The refusal says file and line, what is wrong, and the nearest right word."""
    (tmp_path / "wishes.yaml").write_text(RIGHT.replace(right, wrong, 1))
    with pytest.raises(FeedError) as refused:
        read_feeds(tmp_path)
    assert said in str(refused.value)
