"""Which products mails recommend: for all mails of a batch at once, by the statements of its word.

Last part of the stage; messages call it when they render. A word of include/sql/segments/recommendations gives the
candidates, and include/sql/segments/recommended.sql holds what every recommendation has to keep.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Any

import orjson
from sqlalchemy.engine import Connection

from lifecycle_mail.database import run, run_with
from lifecycle_mail.words import RECOMMENDATIONS, words_of


@dataclass(frozen=True)
class About:
    """What one mail starts from: its customer, and the products, product types and categories that it is about."""

    customer_id: str
    product_ids: list[str]
    product_types: list[str]
    categories: list[str]


@dataclass(frozen=True)
class Recommended:
    """One recommended product. `price` is in `currency`; `why` names the rule that chose it."""

    product_id: str
    name: str
    url: str | None
    image_url: str | None
    price: Decimal
    currency: str
    why: str


def about(customer_id: str, context: Mapping[str, Any]) -> About:
    """Return what a mail with this context starts from; a mail about several occurrences starts from all of them."""
    parts = [context, *(part for part in _listed(context.get("occurrences")) if isinstance(part, Mapping))]
    return About(
        customer_id,
        _texts(one for part in parts for one in _products(part)),
        _texts(part.get("product_type") for part in parts),
        _texts(part.get("category") for part in parts),
    )


def recommend(
    connection: Connection, word: str, items: int, asked: Sequence[About], currency: str, as_of: datetime
) -> list[list[Recommended]]:
    """Return up to `items` products for each of `asked`, the best first, on facts timed up to `as_of`.

    `word` is a file of include/sql/segments/recommendations; all products are in `currency` (ISO 4217).
    """
    found: list[list[Recommended]] = [[] for _ in asked]
    if not asked:
        return found
    given = [{"mail": number, **asdict(one)} for number, one in enumerate(asked)]
    run(connection, "segments/drop_recommendation_asked")
    run(connection, "segments/create_recommendation_asked", asked=orjson.dumps(given).decode(), as_of=as_of)
    run(connection, "segments/index_recommendation_asked")
    files = {"candidates": (words_of(RECOMMENDATIONS)[word].file,)}
    rows = run_with(connection, "segments/recommended", files, currency=currency, items=items, as_of=as_of).mappings()
    for mail, of_mail in groupby(rows, key=lambda row: row["mail"]):
        found[mail] = [Recommended(**{name: row[name] for name in Recommended.__annotations__}) for row in of_mail]
    return found


def _products(context: Mapping[str, Any]) -> Iterator[Any]:
    yield context.get("product_id")
    yield from _listed(context.get("product_ids"))
    yield from (item.get("product_id") for item in _listed(context.get("items")) if isinstance(item, Mapping))


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _texts(values: Iterator[Any]) -> list[str]:
    """Return each text once, in its order. A snapshot may hold none, and a key is never anything but text."""
    return list(dict.fromkeys(value for value in values if isinstance(value, str) and value))
