"""KPI facts: include/sql/kpis/facts.sql is the one list of them, and statements that name facts follow from it.

A statement is written for one fact: `each_fact` is its column of the daily tables, `each_day` its column of
kpi.step_outcome, `each_whole` the fact of which it is a part, `each_moment` when it happened. A line that names one of
these stands for one line per fact. So columns are paired by name on both sides of an insert, a union or a comparison.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, CursorResult

from lifecycle_mail.database import statement
from lifecycle_mail.errors import KpiError

LIST = "kpis/facts"
_LINE = re.compile(r"\s*\('(?P<fact>\w+)', '(?P<day>\w+)', (?:null|'(?P<whole>\w+)'), (?P<happened_at>.+)\),?")
_STAND_IN = re.compile(r"\beach_(fact|day|whole|moment)\b")


@dataclass(frozen=True)
class Fact:
    """What may become of a step: its columns, the fact of which it is a part, and when it happened.

    `happened_at` is SQL of type timestamptz over what create_outcome.sql reads; null = it did not happen.
    """

    fact: str
    day: str
    whole: str | None
    happened_at: str


@cache
def facts() -> tuple[Fact, ...]:
    """Return the facts in the order of the list.

    Raises:
        KpiError: a line is not one fact, a name stands there twice, or a part stands above its whole.
    """
    lines = statement(LIST).text.splitlines()
    begin = next(number for number, line in enumerate(lines) if line.strip() == "values")
    end = next(number for number, line in enumerate(lines) if line.lstrip().startswith(") as fact"))
    found: list[Fact] = []
    for line in lines[begin + 1 : end]:
        found.append(_fact(line, {one.fact for one in found}, {one.day for one in found}))
    return tuple(found)


def _fact(line: str, above: set[str], days: set[str]) -> Fact:
    match = _LINE.fullmatch(line)
    if not match:
        _refuse(line, "write one fact per line: ('fact', 'day_column', 'within' or null, happened_at)")
    fact = Fact(**match.groupdict())
    if fact.fact in above or fact.day in days:
        _refuse(line, "its fact or its day column is taken: give it another name")
    if fact.whole is not None and fact.whole not in above:
        _refuse(line, f"no fact above it is called {fact.whole}: write a fact below the one of which it is a part")
    return fact


def _refuse(line: str, why: str) -> None:
    raise KpiError(f"include/sql/{LIST}.sql: {line.strip()}: {why}")


def run_for_facts(connection: Connection, name: str, /, **parameters: Any) -> CursorResult[Any]:
    """Execute the named statement, written for one fact, for all of them."""
    return connection.execute(for_facts(name), parameters)


@cache
def for_facts(name: str) -> sa.TextClause:
    """Return the named statement with one line per fact for each line that names a stand-in."""
    return sa.text("\n".join(_repeated(line) for line in statement(name).text.splitlines()))


def _repeated(line: str) -> str:
    """Return the line for every fact that has what it names: separated by commas, or by its own `and` or `or`."""
    named = set(_STAND_IN.findall(line))
    if not named:
        return line
    copies = [_for_fact(line, fact) for fact in facts() if "whole" not in named or fact.whole is not None]
    is_condition = line.lstrip().startswith(("and ", "or "))
    return ("\n" if is_condition or line.endswith(",") else ",\n").join(copies)


def _for_fact(line: str, fact: Fact) -> str:
    said = {"fact": fact.fact, "day": fact.day, "whole": fact.whole or "", "moment": _moment(fact)}
    return _STAND_IN.sub(lambda match: said[match[1]], line)


def _moment(fact: Fact) -> str:
    """Return when the fact happened to a step that has everything of which it is a part."""
    by_name = {one.fact: one for one in facts()}
    wholes, above = [], fact.whole
    while above is not None:
        wholes.append(f"({by_name[above].happened_at}) is not null")
        above = by_name[above].whole
    return f"(case when {' and '.join(wholes)} then {fact.happened_at} end)" if wholes else f"({fact.happened_at})"
