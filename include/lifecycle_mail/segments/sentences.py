"""Rules → one sentence in plain words, for the people who ask for a segment and those who approve it."""

from __future__ import annotations

from typing import Any

from lifecycle_mail.segments.rules import Condition, Did, Group, InSegment, Is, RuleSegment
from lifecycle_mail.segments.vocabulary import PRODUCT_FILTERS

_TIMES = {1: "once", 2: "twice"}


def sentence(rules: RuleSegment) -> str:
    """Return what the rules say: "Bought coffee at least twice in the last 365 days and …"."""
    text = phrase(rules.rules)
    return f"{text[:1].upper()}{text[1:]}."


def phrase(rule: Condition) -> str:
    """Return one rule in words, without a capital letter."""
    if isinstance(rule, Is):
        return _attribute(rule)
    if isinstance(rule, Did):
        return f"never {_fact(rule, 'anything')}" if rule.times() == (0, 0) else _fact(rule)
    if isinstance(rule, InSegment):
        return f"is in segment {rule.segment}{_parameters(rule)}"
    return _group(rule, "")


def _group(group: Group, within: str) -> str:
    """Return a group in words; `within` is the word that joins it to others, empty if it stands alone."""
    parts = group.parts()
    some, every, none = (parts.get(word, []) for word in ("any", "all", "none"))
    joined = "and" if len(every) + len(none) + bool(some) > 1 else within
    said = [_part(rule, joined) for rule in every]
    if some:
        words = " or ".join(_part(rule, "or" if len(some) > 1 else joined) for rule in some)
        said.append(f"({words})" if len(some) > 1 and joined == "and" else words)
    said += [_negated(rule) for rule in none]
    text = " and ".join(said)
    return f"({text})" if within == "or" and len(said) > 1 else text


def _part(rule: Condition, within: str) -> str:
    return _group(rule, within) if isinstance(rule, Group) else phrase(rule)


def _negated(rule: Condition) -> str:
    """Return that a rule does not hold."""
    if isinstance(rule, Did) and rule.times() == (1, None):
        return f"never {_fact(rule, 'anything')}"
    if isinstance(rule, InSegment):
        return f"is not in segment {rule.segment}{_parameters(rule)}"
    return f"not ({_group(rule, '') if isinstance(rule, Group) else phrase(rule)})"


def _parameters(rule: InSegment) -> str:
    given = ", ".join(f"{name} {value:g}" for name, value in rule.parameters.items())
    return f" ({given})" if given else ""


def _attribute(rule: Is) -> str:
    attribute = rule.asks
    if rule.known is False:
        return f"{_plain(attribute.name)} is not known"
    if attribute.type == "boolean" and list(rule.asked()) == ["equals"]:
        return attribute.says if rule.asked()["equals"] else f"not ({attribute.says})"
    said = " and ".join(_compared(word, value) for word, value in rule.asked().items())
    if not said:
        return f"{_plain(attribute.name)} is known"
    return attribute.says.replace("{}", f"{said} {_unit(rule)}".strip())


def _unit(rule: Is) -> str:
    attribute = rule.asks
    if attribute.has_currency or attribute.type not in ("number", "instant"):
        return rule.currency or ""
    is_one = list(rule.asked().values()) == [1]
    return attribute.unit.removesuffix("s") if is_one else attribute.unit


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _compared(word: str, value: Any) -> str:
    if word == "between":
        return f"between {_shown(value[0])} and {_shown(value[1])}"
    if word in ("in", "not_in"):
        names = _either([_shown(one) for one in value])
        return names if word == "in" else f"not {names}"
    return f"{ {'equals': '', 'at_least': 'at least ', 'at_most': 'at most '}[word]}{_shown(value)}"


def _shown(value: Any) -> str:
    return f"{value:,.10g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _either(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _fact(rule: Did, anything: str = "something") -> str:
    says = rule.asks.says
    object_ = _object(rule) or anything if "{}" in says else ""
    parts = [says.replace("{}", object_), *_other_filters(rule), _times(rule), _window(rule)]
    return " ".join(part for part in parts if part)


def _object(rule: Did) -> str:
    """Return what it was done with: a kind of product, a category or a product; empty = it does not matter."""
    filters = rule.filters()
    named = [
        (f"{prefix}{_all_compared(filters[name])}")
        for name, prefix in zip(PRODUCT_FILTERS, ("product ", "", "something of "), strict=True)
        if name in filters
    ]
    return ", ".join(named)


def _other_filters(rule: Did) -> list[str]:
    """Return the filters that the verb does not take."""
    taken = PRODUCT_FILTERS if "{}" in rule.asks.says else ()
    words = {"topic": "about", "total": "for", "currency": "in", "rating": "with a rating of"}
    filters = {name: asked for name, asked in rule.filters().items() if name not in taken}
    return [f"{words.get(name, f'with {_plain(name)}')} {_all_compared(asked)}" for name, asked in filters.items()]


def _all_compared(asked: dict[str, Any]) -> str:
    return " and ".join(_compared(word, value) for word, value in asked.items())


def _times(rule: Did) -> str:
    least, most = rule.times()
    if (least, most) in ((1, None), (0, 0)):
        return ""
    if least == most:
        return f"exactly {_often(least)}"
    if most is None:
        return f"at least {_often(least)}"
    return f"at most {_often(most)}" if least == 0 else f"{least} to {most} times"


def _often(times: int) -> str:
    return _TIMES.get(times, f"{times:,} times")


def _window(rule: Did) -> str:
    if rule.within_days is not None:
        return f"in the last {_days(rule.within_days)}"
    if rule.between_days is not None:
        near, far = rule.between_days
        return f"between {_shown(near)} and {_days(far)} ago"
    return ""


def _days(days: float) -> str:
    return f"{_shown(days)} day{'' if days == 1 else 's'}"
