"""Planning a campaign: enroll → advance → decide → write, for a million members of the cart segment.

    python bench/planning.py [--scale 1.0] [--profile]

A shop of a million customers in four time zones, each with an open cart of three lines and an old order, in a
PostgreSQL of its own. The segment is refreshed, then the shipped cart campaign (without its holdout, so that
every member gets a mail) is planned with the ordinary functions, each its own transaction. The peer is the
database's own share: the very rows that planning wrote, inserted once more into empty tables of the same shape.
"""

from __future__ import annotations

import argparse
import datetime as dt
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from cart_shop import NOON, Crowd, fill, plan, refresh
from measuring import PROFILES, Figure, report, say, timed, warehouse
from sqlalchemy.engine import Connection, Engine

MAILS = 1_000_000
LIMIT_SECONDS = 30.0
WAL_GIGABYTES = 6
NEXT_STEP = dt.timedelta(hours=23)
WRITTEN = ("journey.enrollment", "journey.upcoming", "journey.step_due", "decision.decision", "message.message")


def main() -> None:
    """Measure once and report."""
    options = _options()
    mails = round(MAILS * options.scale)
    if options.profile:
        _profile(round(mails / 5))
    with warehouse(WAL_GIGABYTES * options.scale) as own:
        _, filled = timed(lambda: fill(own, Crowd(mails)))
        say(f"{mails} carts made in {filled:.0f} s")
        refreshed = refresh(own)
        seconds, planned = plan(own)
        if planned != mails:
            raise SystemExit(f"{planned} mails were planned, not {mails}")
        copied = _insert_again(own)
        later, _ = plan(own, NOON + NEXT_STEP)
    report("planning", [_figure(mails, options.scale, seconds, refreshed, copied, sum(later.values()))])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--profile", action="store_true")
    return parser.parse_args()


def _profile(mails: int) -> None:
    """Plan once with every large statement explained first, and keep where the time goes."""
    lines = [f"Where planning {mails} mails spends its time: each statement's own time, and its steps above 8 %."]
    with warehouse() as own:
        fill(own, Crowd(mails))
        refresh(own)
        with _explained(own, lines):
            plan(own)
    PROFILES.mkdir(parents=True, exist_ok=True)
    (PROFILES / "planning.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


@contextmanager
def _explained(own: Engine, lines: list[str]) -> Iterator[None]:
    """Explain every statement of `own` that plans, within a savepoint, before it is run."""

    def before(connection: Connection, _: Any, query: str, given: Any, *__: Any) -> None:
        if not re.match(r"\s*(with|create temp|select\s+fresh)", query):
            return
        with connection.connection.driver_connection.cursor() as cursor:  # type: ignore[union-attr]
            cursor.execute("savepoint explained")
            cursor.execute(f"explain (analyze, buffers off, costs off, timing on) {query}", given)
            lines.extend(_readable(query, [row[0] for row in cursor.fetchall()]))
            cursor.execute("rollback to savepoint explained")

    sa.event.listen(own, "before_cursor_execute", before)
    yield
    sa.event.remove(own, "before_cursor_execute", before)


def _readable(query: str, plan: list[str]) -> list[str]:
    """Return the steps of a plan that take a considerable part of its time; nothing for a statement that takes no
    time."""
    whole = float(re.search(r"Execution Time: ([\d.]+)", "\n".join(plan)).group(1))  # type: ignore[union-attr]
    if whole < 50:
        return []
    shown = ["", f"{whole:.0f} ms  {' '.join(query.split())[:96]} …"]
    for line in plan:
        found = re.search(r"\(actual time=[\d.]+\.\.([\d.]+) rows=([\d.]+) loops=(\d+)\)", line)
        if found and float(found[1]) * int(found[3]) > 0.08 * whole and "->" in line:
            step = line[: found.start()].rstrip()
            shown.append(f"{step[:90]}  {float(found[1]):.0f} ms, {float(found[2]):.0f} rows x {found[3]}")
    return shown


def _insert_again(own: Engine) -> float:
    """Insert the planned rows into empty tables of the same columns, checks, indexes and partitions; the seconds.

    On two connections side by side, as planning does: the rows of even enrollments, and those of odd ones.
    """
    with own.begin() as connection:
        connection.exec_driver_sql("create schema peer")
        copies = {table: _empty_copy(connection, table) for table in WRITTEN}
    seconds = 0.0
    for table, copy in copies.items():
        _, spent = timed(lambda table=table, copy=copy: _insert_halves(own, table, copy))  # type: ignore[misc]
        say(f"{table} inserted again in {spent:.1f} s")
        seconds += spent
    return seconds


def _insert_halves(own: Engine, table: str, copy: str) -> None:
    names = _written_columns(own, table)
    query = (
        f"insert into {copy} ({names}) overriding system value select {names} from {table}"  # noqa: S608
        " where mod(enrollment_id, 2) = "
    )
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda half: _commit(own, f"{query}{half}"), (0, 1)))


def _written_columns(own: Engine, table: str) -> str:
    """Return the names of the columns that are not computed from others."""
    query = (
        "select string_agg(quote_ident(attname), ', ') from pg_attribute"
        " where attrelid = cast(%(table)s as regclass) and attnum > 0 and not attisdropped and attgenerated = ''"
    )
    with own.connect() as connection:
        return str(connection.exec_driver_sql(query, {"table": table}).scalar_one())


def _commit(own: Engine, query: str) -> None:
    with own.begin() as connection:
        connection.exec_driver_sql(query)


def _empty_copy(connection: Connection, table: str) -> str:
    """Create `peer.<name>` like `table`, with partitions of the same bounds; return its name."""
    copy = f"peer.{table.split('.')[1]}"
    key = connection.execute(
        sa.text("select pg_get_partkeydef(cast(:table as regclass))"), {"table": table}
    ).scalar_one()
    by = f" partition by {key}" if key else ""
    connection.exec_driver_sql(f"create table {copy} (like {table} including all){by}")
    bounds = connection.execute(
        sa.text("select pg_get_expr(c.relpartbound, c.oid) from pg_class as c join pg_inherits as i"
                " on i.inhrelid = c.oid where i.inhparent = cast(:table as regclass)"),
        {"table": table},
    ).scalars()  # fmt: skip
    for number, bound in enumerate(bounds.all()):
        connection.exec_driver_sql(f"create table {copy}_{number} partition of {copy} {bound}")
    return copy


def _figure(
    mails: int, scale: float, seconds: dict[str, float], refreshed: float, copied: float, later: float
) -> Figure:
    return Figure(
        name="planning_1m_seconds",
        what="enroll, advance, decide and write the mails of one campaign of a million members",
        value=round(sum(seconds.values()), 2),
        unit="s",
        better="lower",
        limit=LIMIT_SECONDS if scale >= 1 else None,
        peer="insert … select of the very same rows into empty tables of the same shape, on two connections as well",
        peer_value=round(copied, 2),
        bound_by="rows written: heap, write-ahead log and twelve indexes, into whose last pages two connections insert",
        details={
            "mails": mails,
            "mails_a_second": round(mails / sum(seconds.values())),
            **{f"{name}_seconds": round(spent, 2) for name, spent in seconds.items()},
            "next_step_seconds": round(later, 2),
            "segment_refresh_seconds": round(refreshed, 2),
        },
    )


if __name__ == "__main__":
    main()
