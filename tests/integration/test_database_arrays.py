"""Arrays as one text: what goes to PostgreSQL comes back, whatever is in it."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from lifecycle_mail.database import bigints, texts


def test_texts_of_any_kind_come_back_as_they_went(warehouse: Engine) -> None:
    """Quotes, backslashes, separators, braces, the word null and nothing at all are values like any other."""
    given = ["plain", "", "null", None, 'say "hi"', "o'hara", "a,b", "{x}", "\\", '\\"', "line\nbreak", "é中😀", " "]
    with warehouse.connect() as connection:
        back = connection.execute(sa.text("select cast(:given as text[])"), {"given": texts(given)}).scalar_one()
    assert back == given


def test_numbers_come_back_as_they_went_and_no_numbers_as_none(warehouse: Engine) -> None:
    for given in ([1, -2, 2**62], []):
        with warehouse.connect() as connection:
            back = connection.execute(sa.text("select cast(:n as bigint[])"), {"n": bigints(given)}).scalar_one()
        assert back == given
