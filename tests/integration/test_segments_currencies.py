"""How amounts are rounded before they are added up."""

from __future__ import annotations

import sqlalchemy as sa
from babel.numbers import get_currency_precision, list_currencies
from sqlalchemy.engine import Engine


def test_amounts_are_rounded_as_mails_show_them(warehouse: Engine) -> None:
    """The database rounds to the digits with which a mail writes the currency, whichever it is; unknown ones to two."""
    codes = sorted(list_currencies())
    query = "select code, segment.currency_digits(code) from unnest(cast(:codes as text[])) as code"
    with warehouse.connect() as connection:
        found = dict(map(tuple, connection.execute(sa.text(query), {"codes": codes}).all()))
        unknown = connection.execute(sa.text("select segment.currency_digits(null)")).scalar_one()
    assert found == {code: get_currency_precision(code) for code in codes}
    assert unknown == 6  # of no currency at all: the mail rounds to those of the brand
