"""Rules → one select at an instant, made of SQLAlchemy expressions; every value of a rule is bound.

Each rule that is no group becomes a subquery of customers. The select joins them to the customers by outer joins, and
the groups combine who was found where. So each rule is read once, however the groups nest.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, distinct_on

from lifecycle_mail.database import statement
from lifecycle_mail.segments.rules import Condition, Did, Group, InSegment, Is, Leaf, RuleSegment
from lifecycle_mail.segments.vocabulary import NUMBER_FILTERS, PRODUCT_FILTERS, Attribute, Fact

Among = Callable[[sa.ColumnElement[Any]], sa.ColumnElement[bool]]
"""What restricts a column of customer_ids to the customers that are asked for."""
OtherSegment = Callable[[InSegment, datetime, Among], sa.Subquery]
"""The members of another segment at an instant, among the customers that are asked for."""
Kept = frozenset[str]
"""Attributes whose values are kept for the moment that is asked for (`kept`)."""

_FIRST_MOMENT, _LAST_MOMENT = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_INSTANT = sa.DateTime(timezone=True)
_TYPES: dict[str, Any] = {
    "number": sa.Numeric(),
    "text": sa.Text(),
    "boolean": sa.Boolean(),
    "instant": _INSTANT,
}
_CUSTOMER = sa.table(
    "customer",
    sa.column("customer_id", sa.Text()),
    sa.column("created_at", _INSTANT),
    sa.column("erased_at", _INSTANT),
    schema="source",
)
_PRODUCT = sa.table("product", *(sa.column(name, sa.Text()) for name in PRODUCT_FILTERS), schema="source")
_MEMBERSHIP = sa.table(
    "membership",
    *(sa.column(name, sa.Text()) for name in ("segment", "customer_id", "occurrence")),
    *(sa.column(name, _INSTANT) for name in ("occurred_at", "entered_at", "left_at")),
    schema="segment",
)


KEPT_VALUE = sa.table(
    "kept_value",
    *(sa.column(name, sa.Text()) for name in ("attribute", "customer_id", "value")),
    sa.column("changed_at", _INSTANT),
    schema="segment",
)


def days_before(at: datetime, days: float) -> datetime:
    """Return the moment so many days of 24 hours before; beyond the calendar its first or its last moment."""
    try:
        return at - timedelta(days=days)
    except OverflowError:
        return _FIRST_MOMENT if days > 0 else _LAST_MOMENT


def everybody(_column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Restrict nothing."""
    return sa.true()


@dataclass(frozen=True)
class _Found:
    """The customers a rule was looked for among; `meets` says of a row of theirs, or of its absence, if it holds."""

    customers: sa.Subquery
    meets: bool

    @property
    def holds(self) -> sa.ColumnElement[bool]:
        # Not `customer_id is not null`: PostgreSQL would turn the outer join into an inner one and choose its order by
        # estimates, which of a formula are guesses. An outer join always begins with the customers, and hashes.
        found = sa.func.coalesce(self.customers.c.is_found, sa.false())
        return found if self.meets else sa.not_(found)


@dataclass
class _Compiler:
    as_of: datetime
    among: Among
    other: OtherSegment
    kept: Kept = frozenset()
    found: list[_Found] = field(default_factory=list)

    def holds(self, rule: Condition) -> sa.ColumnElement[bool]:
        """Return the condition of a rule, and note the subqueries that it needs."""
        if isinstance(rule, Group):
            return self._group(rule)
        found = self._leaf(rule)
        if isinstance(found, bool):
            return sa.true() if found else sa.false()
        self.found.append(found)
        return found.holds

    def _group(self, group: Group) -> sa.ColumnElement[bool]:
        parts = group.parts()
        every = [self.holds(rule) for rule in parts.get("all", [])]
        if some := parts.get("any"):
            every.append(sa.or_(*[self.holds(rule) for rule in some]))
        if none := parts.get("none"):
            every.append(sa.not_(sa.or_(*[self.holds(rule) for rule in none])))
        return sa.and_(*every)

    def _leaf(self, rule: Leaf) -> _Found | bool:
        if isinstance(rule, InSegment):
            member = self.other(rule, self.as_of, self.among)
            return self._named(sa.select(member.c.customer_id).distinct(), True)
        return self._attribute(rule) if isinstance(rule, Is) else self._fact(rule)

    def _attribute(self, rule: Is) -> _Found | bool:
        """Return who has such a value. If those without a row have it too, return who has another, for the opposite."""
        values = _kept_values(rule.asks) if rule.attribute in self.kept else None
        if values is None:
            values = attribute_values(rule.asks, self.as_of, rule.currency)
        value, absent = values.c.value, rule.asks.absent
        if absent is not None and not rule.asked():
            return bool(rule.known)
        kept = sa.func.coalesce(value, sa.literal(absent, _TYPES[rule.asks.type])) if absent is not None else value
        conditions = [_compare(rule.asks, kept, word, given, self.as_of) for word, given in rule.asked().items()]
        if absent is not None and all(_absent_meets(absent, *asked) for asked in rule.asked().items()):
            return self._named(self._of(values).where(sa.not_(sa.and_(*conditions))), False)
        known = self._of(values).where(value.is_not(None), *conditions)
        return self._named(known, rule.known is not False)

    def _fact(self, rule: Did) -> _Found:
        """Return who did it so often. If never is often enough, return who did it too often, for the opposite."""
        rows, conditions = filtered_facts(rule, self.as_of)
        at = rows.c.at
        if rule.within_days is not None:
            conditions.append(at > days_before(self.as_of, rule.within_days))
        if rule.between_days is not None:
            near, far = rule.between_days
            conditions += [at > days_before(self.as_of, far), at <= days_before(self.as_of, near)]
        return self._so_often(rule, rows, conditions)

    def _so_often(self, rule: Did, rows: Any, conditions: list[sa.ColumnElement[bool]]) -> _Found:
        least, most = rule.times()
        customer, times = rows.c.customer_id, sa.func.count(rows.c.fact_id.distinct())
        chosen = sa.select(customer).where(*conditions, self.among(customer)).group_by(customer)
        if least == 0:
            return self._named(chosen.having(times > most), False)
        if least > 1 or most is not None:
            chosen = chosen.having(times >= least)
        return self._named(chosen.having(times <= most) if most is not None else chosen, True)

    def _of(self, values: sa.Subquery) -> sa.Select[Any]:
        return sa.select(values.c.customer_id).where(self.among(values.c.customer_id))

    def _named(self, customers: sa.Select[Any], meets: bool) -> _Found:
        named = customers.add_columns(sa.true().label("is_found"))
        return _Found(named.subquery(f"rule_{len(self.found) + 1}"), meets)


def customers_of(
    rules: RuleSegment, as_of: datetime, other: OtherSegment, among: Among = everybody, kept: Kept = frozenset()
) -> sa.Select[Any]:
    """Return the select of the customers that meet the rules at `as_of`: one column, customer_id, without repeats.

    A customer is there from sign-up to erasure. The values of attributes in `kept` come from segment.kept_value.
    """
    compiler = _Compiler(as_of, among, other, kept)
    condition = compiler.holds(rules.rules)
    customer = _CUSTOMER.c
    joined: Any = _CUSTOMER
    for found in compiler.found:
        joined = joined.outerjoin(found.customers, customer.customer_id == found.customers.c.customer_id)
    there = (customer.erased_at.is_(None), customer.created_at <= as_of, among(customer.customer_id))
    return sa.select(customer.customer_id).select_from(joined).where(*there, condition)


def members_of(
    rules: RuleSegment, as_of: datetime, other: OtherSegment, among: Among = everybody, kept: Kept = frozenset()
) -> sa.Select[Any]:
    """Return the members at `as_of` as a segment gives them: customer_id, occurrence, occurred_at and context.

    `occurred_at` is the entry, or the beginning of the month in UTC. `context` is empty.
    """
    inside = customers_of(rules, as_of, other, among, kept).subquery("inside")
    stay = _stays(rules.segment, as_of)
    occurrence, occurred_at = _occurrence(rules.occurrence, as_of, stay)
    return sa.select(
        inside.c.customer_id,
        sa.cast(occurrence, sa.Text()).label("occurrence"),
        sa.cast(occurred_at, _INSTANT).label("occurred_at"),
        sa.literal_column("cast('{}' as jsonb)", JSONB()).label("context"),
    ).select_from(inside.outerjoin(stay, inside.c.customer_id == stay.c.customer_id))


def attribute_values(attribute: Attribute, as_of: datetime, currency: str | None = None) -> sa.Subquery:
    """Return customer_id and value of an attribute at `as_of`, once per customer.

    An amount has a value per currency: the given one counts, else the greatest.
    """
    columns: dict[str, Any] = {"customer_id": sa.Text(), "value": _TYPES[attribute.type]}
    if attribute.has_currency:
        columns["currency"] = sa.Text()
    rows = _bound(attribute.statement, as_of).columns(**columns).subquery()
    if not attribute.has_currency:
        return rows
    if currency is not None:
        return sa.select(rows.c.customer_id, rows.c.value).where(rows.c.currency == currency).subquery()
    greatest = sa.func.max(rows.c.value).label("value")
    return sa.select(rows.c.customer_id, greatest).group_by(rows.c.customer_id).subquery()


def _kept_values(attribute: Attribute) -> sa.Subquery:
    kept = KEPT_VALUE.c
    return sa.select(kept.customer_id, kept.value).where(kept.attribute == attribute.name).subquery()


def every_fact(fact: Fact, as_of: datetime) -> sa.Subquery:
    """Return the facts of a word up to `as_of`, of everybody: customer_id, fact_id, at and what filters ask."""
    columns: dict[str, Any] = {"customer_id": sa.Text(), "fact_id": sa.Text(), "at": _INSTANT}
    columns |= {name: sa.Numeric() if name in NUMBER_FILTERS else sa.Text() for name in fact.columns}
    return _bound(fact.statement, as_of).columns(**columns).subquery("fact")


def filtered_facts(rule: Did, as_of: datetime) -> tuple[sa.Subquery, list[sa.ColumnElement[bool]]]:
    """Return the facts that a rule asks about, up to `as_of`, and the conditions of its filters."""
    fact = rule.asks
    rows = every_fact(fact, as_of)
    own = [name for name in rule.filters() if name in fact.columns]
    conditions = [_compared(rows.c[name], *asked) for name in own for asked in rule.filters()[name].items()]
    if _needs_products(rule):
        conditions.append(_about_products(rule, fact, rows))
    return rows, conditions


def _needs_products(rule: Did) -> bool:
    asked = set(rule.filters()) & set(PRODUCT_FILTERS)
    return bool(asked) and not (asked == {"product_id"} and rule.asks.lines is None)


def _about_products(rule: Did, fact: Fact, rows: sa.Subquery) -> sa.ColumnElement[bool]:
    """Return the condition that one and the same line of the fact is about such a product."""
    if fact.lines is None:
        return rows.c.product_id.in_(sa.select(_PRODUCT.c.product_id).where(*_products(rule, _PRODUCT.c.product_id)))
    line = _line_table(*fact.lines)
    joined = line.outerjoin(_PRODUCT, line.c.product_id == _PRODUCT.c.product_id)
    # A line names its product even if the catalogue has lost it.
    such = (line.c.quantity > 0, *_products(rule, line.c.product_id))
    return rows.c.fact_id.in_(sa.select(line.c[fact.lines[1]]).select_from(joined).where(*such))


def _products(rule: Did, product_id: sa.ColumnElement[Any]) -> list[sa.ColumnElement[bool]]:
    filters = rule.filters()
    columns: dict[str, Any] = {
        "product_id": product_id,
        "product_type": _PRODUCT.c.product_type,
        "category": _PRODUCT.c.category,
    }
    return [_compared(columns[name], *asked) for name in columns if name in filters for asked in filters[name].items()]


def _line_table(name: str, column: str) -> sa.TableClause:
    schema, _, table = name.rpartition(".")
    texts = [sa.column(name, sa.Text()) for name in (column, "product_id")]
    return sa.table(table, *texts, sa.column("quantity", sa.Numeric()), schema=schema)


def _bound(name: str, as_of: datetime) -> sa.TextClause:
    """Return a statement at `as_of`; one without history does not bind it."""
    text = statement(name)
    return text.bindparams(as_of=as_of) if "as_of" in text.compile().params else text


def _compare(
    attribute: Attribute, value: sa.ColumnElement[Any], word: str, given: Any, as_of: datetime
) -> sa.ColumnElement[bool]:
    if attribute.type == "instant":
        return _so_many_days(attribute, value, word, given, as_of)
    return _compared(value, word, given)


def _compared(value: sa.ColumnElement[Any], word: str, given: Any) -> sa.ColumnElement[bool]:
    """Return the comparison of a column with bound values; of a value that is not known it is null."""
    if word == "between":
        return sa.and_(value >= given[0], value <= given[1])
    if word in ("in", "not_in"):
        # One value that is a list: the statement's text does not depend on how many there are.
        some = sa.literal(given, ARRAY(value.type))
        return value == sa.any_(some) if word == "in" else value != sa.all_(some)
    compare = {"equals": operator.eq, "at_least": operator.ge, "at_most": operator.le}[word]
    return compare(value, given)


def _so_many_days(
    attribute: Attribute, at: sa.ColumnElement[Any], word: str, given: Any, as_of: datetime
) -> sa.ColumnElement[bool]:
    """Return the comparison of the days (24 hours each) between an instant and `as_of`.

    A number of days by itself means that day: from so many days on, before one more.
    """
    if word in ("in", "not_in"):
        some = sa.or_(*[_so_many_days(attribute, at, "equals", one, as_of) for one in given])
        return some if word == "in" else sa.not_(some)
    if word == "equals":
        return sa.and_(
            _so_many_days(attribute, at, "at_least", given, as_of),
            sa.not_(_so_many_days(attribute, at, "at_least", given + 1, as_of)),
        )
    if word == "between":
        parts = zip(("at_least", "at_most"), given, strict=True)
        return sa.and_(*[_so_many_days(attribute, at, part, days, as_of) for part, days in parts])
    edge = days_before(as_of, -given if attribute.is_ahead else given)
    is_later_side = (word == "at_least") == attribute.is_ahead
    return at >= edge if is_later_side else at <= edge


def _absent_meets(absent: Any, word: str, given: Any) -> bool:
    if word == "between":
        return bool(given[0] <= absent <= given[1])
    if word in ("in", "not_in"):
        return (absent in given) == (word == "in")
    compare = {"equals": operator.eq, "at_least": operator.ge, "at_most": operator.le}[word]
    return bool(compare(absent, given))


def _stays(segment: str, as_of: datetime) -> sa.Subquery:
    """Return the interval of the membership that contains `as_of`, or ends at it, once per customer.

    An interval that ends at `as_of` may be of an earlier refresh for this same instant, before facts changed.
    """
    stay = _MEMBERSHIP.c
    return (
        sa.select(stay.customer_id, stay.occurrence, stay.occurred_at)
        .ext(distinct_on(stay.customer_id))
        .where(stay.segment == segment, stay.entered_at <= as_of)
        .where(sa.or_(stay.left_at.is_(None), stay.left_at >= as_of))
        .order_by(stay.customer_id, stay.entered_at.desc())
        .subquery("stay")
    )


def _occurrence(kind: str, as_of: datetime, stay: sa.Subquery) -> tuple[Any, Any]:
    if kind == "month":
        month = as_of.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        return sa.literal(f"{as_of:%Y-%m}"), sa.literal(month, _INSTANT)
    entered_at = sa.func.coalesce(stay.c.occurred_at, sa.literal(as_of, _INSTANT))
    if kind == "once":
        return sa.literal("once"), entered_at
    text = as_of.replace(tzinfo=None).isoformat() + "Z"
    return sa.func.coalesce(stay.c.occurrence, sa.literal(text)), entered_at
