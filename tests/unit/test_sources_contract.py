"""The contract of the feeds, against the interface as it is published."""

from __future__ import annotations

from lifecycle_mail.sources.contract import FEEDS

# The published table, word for word: a question mark means the column, or a value, may be missing.
PUBLISHED = {
    "customers": "customer_id, email, created_at, first_name?, last_name?, locale?, timezone?, country?, "
    "currency?, birthday?, signup_source?, permission?, permission_at?",
    "products": "product_id, name, product_type?, category?, price?, currency?, is_consumable?, "
    "units_per_pack?, daily_use?, delivery_days?, goods_kind?, upgrade_product_id?, url?, image_url?",
    "orders": "order_id, customer_id, ordered_at, total, currency?, cart_id?, delivered_at?, offer_code?, "
    "status?",
    "order_lines": "order_id, line_no, product_id, quantity, unit_price",
    "carts": "cart_id, customer_id, created_at, updated_at, status, url?",
    "cart_lines": "cart_id, product_id, quantity, unit_price",
    "page_views": "view_id, customer_id, viewed_at, product_id?, topic?, seconds_on_page?",
    "lead_actions": "action_id, customer_id, kind, subject?, acted_at",
    "reviews": "review_id, customer_id, product_id, order_id?, rating, reviewed_at",
    "offers": "offer_code, customer_id?, campaign?, percent?, valid_from, valid_until, redeemed_at?",
}
CHOICES = {
    ("customers", "permission"): {"none", "pending", "confirmed", "withdrawn"},
    ("products", "goods_kind"): {"soft", "hard"},
    ("orders", "status"): {"placed", "cancelled", "refunded"},
    ("carts", "status"): {"open", "ordered", "emptied"},
}


def test_feeds_have_the_published_columns() -> None:
    """All ten feeds, with the published columns in order, required and optional ones as published."""
    ours = {
        feed.name: ", ".join(column.name + ("" if column.required else "?") for column in feed.columns)
        for feed in FEEDS.values()
    }
    assert ours == PUBLISHED


def test_words_are_the_published_ones() -> None:
    """Columns that take one of a few words take the published words."""
    ours = {
        (feed.name, column.name): set(column.choices)
        for feed in FEEDS.values() for column in feed.columns if column.kind == "choice"
    }
    assert ours == CHOICES


def test_keys_are_required_columns() -> None:
    """Every key column is a required column of its feed."""
    for feed in FEEDS.values():
        assert set(feed.key) <= {column.name for column in feed.columns if column.required}, feed.name
