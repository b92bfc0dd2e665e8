"""Capital and small letters as a language has them: in Turkish, i becomes İ and ı becomes I.

Path: sources → segments → journeys → decisions → [messages] → delivery → events → kpis.
Python knows the rule of all other languages alone. Templates write `customer.first_name|upper`, which asks this one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jinja2.filters import do_capitalize, do_lower, do_title, do_upper

_DOTTED = frozenset({"tr", "az"})
Filter = Callable[[Any], str]


def casing_filters(language: str) -> dict[str, Filter]:
    """Return the filters upper, lower, capitalize and title of a language (BCP 47)."""
    usual: dict[str, Filter] = {
        "upper": do_upper, "lower": do_lower, "capitalize": do_capitalize, "title": do_title,
    }  # fmt: skip
    return usual if language.partition("-")[0] not in _DOTTED else dict(zip(usual, _TURKISH, strict=True))


def _upper(text: Any) -> str:
    return do_upper(_text(text).replace("i", "İ"))


def _lower(text: Any) -> str:
    return do_lower(_text(text).replace("İ", "i").replace("I", "ı"))


def _capitalize(text: Any) -> str:
    whole = _text(text)
    return _upper(whole[:1]) + _lower(whole[1:])


def _title(text: Any) -> str:
    return " ".join(map(_capitalize, _text(text).split(" ")))


def _text(value: Any) -> str:
    return "" if value is None else str(value)


_TURKISH: tuple[Filter, ...] = (_upper, _lower, _capitalize, _title)
