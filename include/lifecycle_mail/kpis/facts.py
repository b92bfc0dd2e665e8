"""KPI facts: include/sql/kpis/facts.sql is their one list, and statements that name facts are generated from it.

A statement is written for one fact. In it `each_fact` is the fact's column of the daily tables, `each_day` its column
of kpi.step_outcome, `each_whole` the fact that it is a part of, `each_moment` when it happened. A line that names one
of these stands for one line per fact. So columns are paired by name on both sides of an insert, a union or a
comparison.
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
_ENTRY = re.compile(
    r"\( ?'(?P<fact>\w+)', '(?P<day>\w+)', (?:null|'(?P<whole>\w+)'), (?P<happened_at>.+?) ?\),?"
)
_STAND_IN = re.compile(r"\beach_(fact|day|whole|moment)\b")


@dataclass(frozen=True)
class Fact:
    """One fact about a step: its columns, the fact that it is a part of, and when it happened.

    `happened_at` is SQL of type timestamptz over the columns that create_outcome.sql reads; null = it did not happen.
    """

    fact: str
    day: str
    whole: str | None
    happened_at: str


@cache
def facts() -> tuple[Fact, ...]:
    """Return the facts in the order of the list.

    Raises:
        KpiError: a line is not a fact, a name occurs twice, or a part stands above its whole.
    """
    found: list[Fact] = []
    for entry in _entries(statement(LIST).text.splitlines()):
        found.append(_fact(entry, {one.fact for one in found}, {one.day for one in found}))
    return tuple(found)


def _entries(lines: list[str]) -> list[str]:
    """Return the text of each fact, in one line: the facts between `values` and `) as fact`."""
    begin = next(number for number, line in enumerate(lines) if line.strip() == "values")
    end = next(number for number, line in enumerate(lines) if line.lstrip().startswith(") as fact"))
    text = "\n".join(lines[begin + 1 : end])
    indent = re.match(" *", text)[0]  # type: ignore[index]
    return [" ".join(entry.split()) for entry in re.split(rf"\n{indent}(?=[^ )])", text)]


def _fact(entry: str, above: set[str], days: set[str]) -> Fact:
    match = _ENTRY.fullmatch(entry)
    if not match:
        raise _wrong(entry, "write each fact in a line as ('fact', 'day_column', 'within' or null, happened_at)")
    fact = Fact(**match.groupdict())
    if fact.fact in above or fact.day in days:
        raise _wrong(entry, "its fact or its day column is taken: give it another name")
    if fact.whole is not None and fact.whole not in above:
        raise _wrong(entry, f"no fact above it is called {fact.whole}: write it below its whole")
    return fact


def _wrong(entry: str, why: str) -> KpiError:
    return KpiError(f"include/sql/{LIST}.sql: {entry}: {why}")


def run_for_facts(connection: Connection, name: str, /, **parameters: Any) -> CursorResult[Any]:
    """Execute, for all facts, the named statement that is written for one fact."""
    return connection.execute(for_facts(name), parameters)


@cache
def for_facts(name: str) -> sa.TextClause:
    """Return the named statement; each line that names a stand-in becomes one line per fact."""
    return sa.text("\n".join(_repeated(line) for line in statement(name).text.splitlines()))


def _repeated(line: str) -> str:
    """Return the line for every fact that has what it names, separated by commas or by the line's own `and` or `or`."""
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
    """Return when the fact happened to a step; null unless every fact that it is a part of happened too."""
    by_name = {one.fact: one for one in facts()}
    wholes, above = [], fact.whole
    while above is not None:
        wholes.append(f"({by_name[above].happened_at}) is not null")
        above = by_name[above].whole
    return f"(case when {' and '.join(wholes)} then {fact.happened_at} end)" if wholes else f"({fact.happened_at})"
