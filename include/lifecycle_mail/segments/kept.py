"""Values of attributes that depend on other people, computed once per moment for all segments that ask them.

One order may move the borders of all groups of such an attribute, so its select reads everything. A refresh computes it
once, writes down whose value changed (segment.kept_value), and asks these customers again in each segment.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from lifecycle_mail.database import lock, refresh_statistics, run
from lifecycle_mail.segments.changes import asked_words
from lifecycle_mail.segments.compiling import KEPT_VALUE, attribute_values
from lifecycle_mail.segments.evaluation import copy_aside, plan_for_whole_tables
from lifecycle_mail.segments.reading import reading
from lifecycle_mail.segments.rules import Is, RuleSegment
from lifecycle_mail.segments.vocabulary import Attribute

_COLUMNS = {"customer_id": "text", "value": "text"}


def depends_on_others(rules: RuleSegment) -> list[Attribute]:
    """Return the attributes that the rules ask, also through other segments, whose values other people change."""
    asked = {one.asks.name: one.asks for one in asked_words(rules) if isinstance(one, Is)}
    return [asked[name] for name in sorted(asked) if asked[name].is_kept]


def keep(engine: Engine, rules: RuleSegment, as_of: datetime) -> frozenset[str]:
    """Bring the kept values that `rules` ask to `as_of`; return the attributes whose values are for that moment.

    Each attribute is one transaction, and takes turns. What is kept for a later moment stays.

    Raises:
        SegmentError: the attribute's select is wrong or beyond the limits.
    """
    kept = set()
    for attribute in depends_on_others(rules):
        with engine.begin() as connection:
            lock(connection, f"kept:{attribute.name}")
            if _keep(connection, attribute, as_of):
                kept.add(attribute.name)
    return frozenset(kept)


def _keep(connection: Connection, attribute: Attribute, as_of: datetime) -> bool:
    values = attribute_values(attribute, as_of)
    md5 = hashlib.md5(str(values.compile()).encode(), usedforsecurity=False).hexdigest()
    load_id = run(connection, "segments/seen").one().load_id
    known = run(connection, "segments/kept_attribute", attribute=attribute.name).one_or_none()
    if known is not None and known.as_of > as_of:
        return False
    if known is None or (known.as_of, known.load_id, known.definition_md5) != (as_of, load_id, md5):
        _compute(connection, attribute, values, as_of)
        mark = {"as_of": as_of, "load_id": load_id, "definition_md5": md5}
        run(connection, "segments/mark_kept", attribute=attribute.name, **mark)
    return True


def _compute(connection: Connection, attribute: Attribute, values: sa.Subquery, as_of: datetime) -> None:
    plan_for_whole_tables(connection)
    name = attribute.statement
    with reading(connection, name, values, sa.select(values), columns=_COLUMNS) as found:
        copy_aside(connection, "fresh_value", sa.select(found))
    connection.exec_driver_sql("analyze fresh_value")
    changed = run(connection, "segments/keep_values", attribute=attribute.name, as_of=as_of).rowcount
    connection.exec_driver_sql("drop table fresh_value")
    refresh_statistics(connection, f"{KEPT_VALUE.schema}.{KEPT_VALUE.name}", changed)
