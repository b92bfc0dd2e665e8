"""SQL cases without Python: a folder tests/sql/<stage>/<statement>/test_<case>/ is one test.

    given.yaml    table → rows, for example ``source.orders: [{order_id: O1, …}]``
    params.yaml   the statement's parameters, if it has any: as_of, and those of the segment that differ from its
                  defaults
                  defaults; of `recommendations` currency (EUR) and items (3) too
    expect.yaml   the exact rows, in any order; its first line is a comment that says what is promised

The statement is include/sql/<stage>/<statement>.sql, a select. What rules ask lies deeper (HOMES: `attributes` is
segments/attributes, `did` is segments/facts). A word of a registry (REGISTRIES: `exits` is journeys/exits) reads the
relation that it is written for: `given.yaml` holds its rows under that name, `series: [{…}]`.

A word of `recommendations` (segments/recommendations) is asked for the mails `asked`, and its rows are those that the
rules of all recommendations leave of it.

Rows of `given` may leave columns out. A column that must not be null and has no default gets the value of DEFAULTS,
else one by type (text: the column's name, numbers: 1, true or false: false, times: 2020-01-01 00:00 UTC, json: {}).
Every case has a row in source.load with load_id 1. Rows of `expect` name the columns that they are about, all rows the
same ones. Leave `context` out if the case is not about it. Times carry an offset; texts that look like times are texts.

A case of a KPI fact, tests/sql/facts/<fact>/test_<case>/, is expect.yaml alone. Each row is a judged step, with the
columns of kpi_judged, `goal_reached_at`, and `day`: the date in UTC on which the step has the fact, null if it does not
have it.

Cases run in one migrated database, each in a transaction that is rolled back. The statement runs twice, before and
after the tables kept from the facts are settled; the rows must be the same.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
import yaml
from sqlalchemy.engine import Connection, CursorResult, Engine, make_url

from lifecycle_mail.database import engine, run, run_given, run_with, statement, texts
from lifecycle_mail.decisions.conditions import rules_of
from lifecycle_mail.kpis.facts import facts, run_for_facts
from lifecycle_mail.kpis.goals import run_with_goals
from lifecycle_mail.segments import fitting, parameters
from lifecycle_mail.sources import settle_supplies
from lifecycle_mail.words import words_of

FOLDER = Path(__file__).parent
# Folder of cases → folder of words, the relation they read, its columns and what a column holds that a case leaves out.
SERIES = {
    "enrollment_id": ("bigint", 1), "campaign": ("text", "campaign"), "topic": ("text", "topic"),
    "customer_id": ("text", "customer_id"), "occurred_at": ("timestamptz", "2020-01-01T00:00:00+00:00"),
    "enrolled_at": ("timestamptz", "2020-01-01T00:00:00+00:00"), "context": ("jsonb", {}),
    "may_have_left": ("boolean", True),
}  # fmt: skip
ASKED = {
    "step_due_id": ("bigint", 1), "enrollment_id": ("bigint", 1), "campaign": ("text", "campaign"),
    "customer_id": ("text", "customer_id"), "due_at": ("timestamptz", "2020-01-01T00:00:00+00:00"),
    "is_holdout": ("boolean", False), "occurred_at": ("timestamptz", "2020-01-01T00:00:00+00:00"),
    "enrolled_at": ("timestamptz", "2020-01-01T00:00:00+00:00"), "context": ("jsonb", {}), "value": ("jsonb", {}),
}  # fmt: skip
GOAL = {
    "goal": ("text", "goal"), "campaign": ("text", "campaign"), "customer_id": ("text", "customer_id"),
    "enrollment_id": ("bigint", 1), "step": ("text", ""), "since": ("timestamptz", "2026-03-01T12:00:00Z"),
    "till": ("timestamptz", "2026-03-02T12:00:00Z"), "first_alone": ("boolean", False),
}  # fmt: skip
MAIL = {
    "mail": ("integer", 0), "customer_id": ("text", "customer_id"), "product_ids": ("text[]", []),
    "product_types": ("text[]", []), "categories": ("text[]", []),
}  # fmt: skip
HOMES = {"attributes": "segments/attributes", "did": "segments/facts"}
REGISTRIES: dict[str, tuple[str, str, dict[str, tuple[str, Any]]]] = {
    "exits": ("journeys/exits", "series", SERIES),
    "conditions": ("decisions/conditions", "asked", ASKED),
    "goals": ("kpis/goals", "asked", GOAL),
    "recommendations": ("segments/recommendations", "asked", MAIL),
}
START = "2020-01-01T00:00:00+00:00"
DEFAULTS: dict[str, Any] = {
    "load_id": 1,
    "source.customer.email": "someone@example.com",
    "source.orders.status": "placed",
    "source.cart.status": "open",
    "decision.decision.outcome": "send",
}
MONTHLY = {"event.event": "occurred_at", "decision.decision": "decided_at"}  # tables in months, by which time
BY_TYPE: dict[str, Any] = {
    "text": None,  # the column's own name
    "boolean": False,
    "bigint": 1,
    "integer": 1,
    "numeric": 1,
    "double precision": 1,
    "timestamp with time zone": START,
    "date": START[:10],
    "jsonb": {},
    "ARRAY": [],
    "uuid": "00000000-0000-0000-0000-000000000001",
}


class _Loader(yaml.SafeLoader):
    """YAML without guesses about times: they stay texts, and PostgreSQL reads them."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect every expect.yaml below this folder as one test."""
    if file_path.name == "expect.yaml" and file_path.is_relative_to(FOLDER):
        return CaseFile.from_parent(parent, path=file_path)
    return None


class CaseFile(pytest.File):
    """One case directory."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the one test of this folder, named like it."""
        yield pytest.Function.from_parent(self, name=self.path.parent.name, callobj=_test_of(self.path.parent))


def _test_of(folder: Path) -> Any:
    check = check_fact if folder.is_relative_to(FOLDER / "facts") else check_case

    def case(case_warehouse: Engine) -> None:
        check(case_warehouse, folder)

    case.__doc__ = _promise(folder / "expect.yaml")
    return case


def _promise(path: Path) -> str:
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    if not first.startswith("# "):
        raise ValueError(f"{path}: begin it with a comment that says what is promised")
    return first[2:]


def check_case(warehouse: Engine, folder: Path) -> None:
    """Put the given rows in place, run the statement, compare its rows with the expected ones."""
    stage, name = folder.relative_to(FOLDER).parts[:2]
    given, expected = _read(folder / "given.yaml") or {}, _read(folder / "expect.yaml") or []
    chosen = _read(folder / "params.yaml") or {} if (folder / "params.yaml").exists() else {}
    with warehouse.connect() as connection:
        connection.execute(sa.text("insert into source.load (load_id) overriding system value values (1)"))
        read = given.pop(REGISTRIES[stage][1]) if stage in REGISTRIES else []
        for table, rows in given.items():
            for row in rows:
                _insert(connection, table, row)
        ask = _question(connection, stage, name, chosen, read)
        found = ask().mappings().all()
        settle_supplies(connection)
        again = ask().mappings().all()
        connection.rollback()
    assert _sorted(list(map(dict, again))) == _sorted(list(map(dict, found)))
    columns = _columns(expected, folder)
    times = {column for row in found for column, value in row.items() if isinstance(value, datetime)}
    promised = [{name: _time(value) if name in times else value for name, value in row.items()} for row in expected]
    assert _sorted([{column: row[column] for column in columns} for row in found]) == _sorted(promised)


def check_fact(warehouse: Engine, folder: Path) -> None:
    """Put the judged steps of expect.yaml in place, and compare the days on which they have the fact."""
    (fact,) = (one for one in facts() if one.fact == folder.parent.name)
    steps = [{**step, "day": _plain(step["day"])} for step in _read(folder / "expect.yaml")]
    with warehouse.connect() as connection:
        for table in ("touched", "judged"):
            run_given(connection, f"kpis/create_{table}", {"now": "infinity"})
        run_with_goals(connection, "kpis/create_goal", now="infinity")
        for number, step in enumerate(steps):
            row = orjson.dumps({"enrollment_id": number, "step": "step", **step}).decode()
            for table in ("kpi_judged", "kpi_goal"):
                insert = f"insert into {table} select * from jsonb_populate_record(null::{table}, cast(:row as jsonb))"  # noqa: S608
                connection.execute(sa.text(insert), {"row": row})
        run_for_facts(connection, "kpis/create_outcome", reporting_zone="UTC")
        days = connection.execute(sa.text(f"select {fact.day} from kpi_outcome order by enrollment_id"))  # noqa: S608
        found = [{**step, "day": _plain(day)} for step, (day,) in zip(steps, days, strict=True)]
        connection.rollback()
    assert found == steps


def _question(
    connection: Connection, stage: str, name: str, chosen: dict[str, Any], read: list[dict[str, Any]]
) -> Callable[[], CursorResult[Any]]:
    """Return what asks the statement; a word reads the rows `read` as its relation."""
    if stage in HOMES:
        bound = statement(f"{HOMES[stage]}/{name}").compile().params
        return partial(run, connection, f"{HOMES[stage]}/{name}", **{key: chosen[key] for key in bound})
    if stage not in REGISTRIES:
        return partial(run, connection, f"{stage}/{name}", **_parameters(stage, name, chosen))
    folder, relation, columns = REGISTRIES[stage]
    unknown = {column for row in read for column in row} - set(columns)
    if unknown:
        raise ValueError(f"{relation} has no column {', '.join(sorted(unknown))}")
    rows = [{column: default for column, (_, default) in columns.items()} | row for row in read]
    if stage == "recommendations":
        return partial(_recommended, connection, folder, name, rows, chosen)
    types = ", ".join(f"{column} {kind}" for column, (kind, _) in columns.items())
    given = f"select * from jsonb_to_recordset(cast(:read as jsonb)) as given ({types})"  # noqa: S608
    word = statement(f"{folder}/{name}").text
    text = f"with {relation} as not materialized ({given})\nselect found.* from (\n{word}\n) as found"
    if "fitting" in words_of(folder)[name].header["reads"]:
        _fit(connection, name, rows)
    return partial(connection.execute, sa.text(text), {"read": orjson.dumps(rows).decode(), **chosen})


def _recommended(
    connection: Connection, folder: str, name: str, rows: list[dict[str, Any]], chosen: dict[str, Any]
) -> CursorResult[Any]:
    """Return what mails of a word recommend: its candidates that keep the rules of all recommendations."""
    run(connection, "segments/drop_recommendation_asked")
    asked = orjson.dumps(rows).decode()
    run(connection, "segments/create_recommendation_asked", asked=asked, as_of=chosen["as_of"])
    given = {"currency": "EUR", "items": 3, **chosen}
    return run_with(connection, "segments/recommended", {"candidates": (f"{folder}/{name}",)}, **given)


def _fit(connection: Connection, word: str, rows: list[dict[str, Any]]) -> None:
    """Fill the relation `fitting` with the customers of `asked` whom the rule of the word fits, as deciding does."""
    run(connection, "decisions/create_fitting")
    for row in rows:
        at, who = datetime.fromisoformat(row["due_at"]), [row["customer_id"]]
        found = fitting(connection, rules_of(word, row["value"]), at, who)
        run(connection, "decisions/add_fitting", due_at=row["due_at"], customers=texts(found))


def _read(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), _Loader)


def _parameters(stage: str, name: str, chosen: dict[str, Any]) -> dict[str, Any]:
    """Return what the statement binds; a segment's parameters are read as the product reads them."""
    if stage != "segments" or "as_of" not in statement(f"{stage}/{name}").compile().params or "segment" in chosen:
        return chosen
    rest = {key: value for key, value in chosen.items() if key != "as_of"}
    return {"as_of": chosen["as_of"], **parameters(name, rest)}


def _insert(connection: Connection, table: str, row: dict[str, Any]) -> None:
    if table in MONTHLY:
        made = sa.text("select installation.ensure_month(:table, cast(:at as timestamptz))")
        connection.execute(made, {"table": table, "at": row[MONTHLY[table]]})
    full = {**_missing(connection, table, row), **row}
    names = ", ".join(full)
    insert = f"insert into {table} ({names}) overriding system value "
    select = f"select {names} from jsonb_populate_record(null::{table}, cast(:row as jsonb))"  # noqa: S608
    connection.execute(sa.text(insert + select), {"row": orjson.dumps(full).decode()})


def _missing(connection: Connection, table: str, row: dict[str, Any]) -> dict[str, Any]:
    """Return values for the columns of `table` that need one and are not in `row`."""
    schema, name = table.split(".")
    needed = connection.execute(
        sa.text(
            "select column_name, data_type from information_schema.columns where table_schema = :schema "
            "and table_name = :name and is_nullable = 'NO' and column_default is null "
            "and is_identity = 'NO' and is_generated = 'NEVER'"
        ),
        {"schema": schema, "name": name},
    ).all()
    return {column: _default(table, column, kind) for column, kind in needed if column not in row} | {
        column.rpartition(".")[2]: value
        for column, value in DEFAULTS.items()
        if column.rpartition(".")[0] == table and column.rpartition(".")[2] not in row
    }


def _default(table: str, column: str, kind: str) -> Any:
    value = DEFAULTS.get(f"{table}.{column}", DEFAULTS.get(column, BY_TYPE[kind]))
    return column if value is None else value


def _columns(expected: list[dict[str, Any]], folder: Path) -> list[str]:
    named = {frozenset(row) for row in expected}
    if len(named) > 1:
        raise ValueError(f"{folder}/expect.yaml: rows name different columns: name the same ones in each")
    return sorted(named.pop()) if named else []


def _sorted(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted((_plain(row) for row in rows), key=partial(orjson.dumps, option=orjson.OPT_SORT_KEYS))


def _plain(value: Any) -> Any:
    """Return `value` so that equal things compare equal: instants as UTC texts, numbers as floats."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Decimal | int | float) and not isinstance(value, bool):
        return float(value)
    return str(value) if isinstance(value, date | uuid.UUID) else value


def _time(value: str | None) -> datetime | None:
    """Return the instant an expected text says; one without offset is refused: it would mean any zone."""
    at = None if value is None else datetime.fromisoformat(value)
    if at is not None and at.tzinfo is None:
        raise ValueError(f"{value} has no offset: write it with one, or with Z")
    return at


@pytest.fixture(scope="session")
def case_warehouse(server_url: str, template_database: str) -> Iterator[Engine]:
    """An engine on one migrated database for all cases of a worker; every case rolls back."""
    name = f"lifecycle_cases_{uuid.uuid4().hex[:12]}"
    _admin(server_url, f'create database "{name}" template "{template_database}"')
    own = engine(make_url(server_url).set(database=name).render_as_string(hide_password=False))
    yield own
    own.dispose()
    _admin(server_url, f'drop database if exists "{name}" with (force)')


def _admin(url: str, command: str) -> None:
    admin = engine(url)
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text(command))
    admin.dispose()
