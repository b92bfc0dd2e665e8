"""Experiments: who is compared with whom, what these people did, and what may be said of it.

Part of the roll-up and in its transaction. A *unit* is one customer in one experiment (kpi.arm_unit). Units are found
by decisions and judged from the base facts. The difference to what was stored is added to kpi.arm_count. `statistics`
computes results from these few counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from sqlalchemy.engine import Connection, Row

from lifecycle_mail.database import run, texts
from lifecycle_mail.kpis import statistics
from lifecycle_mail.kpis.goals import goals_of_mailed, run_with_goals
from lifecycle_mail.kpis.statistics import ALPHA, Arm, Difference, Stratum

HOLDOUT, TREATED = "holdout", "treated"
NEVER = datetime(1900, 1, 1, tzinfo=UTC)


def count_units(
    connection: Connection, progress: Mapping[str, str], full: bool, now: datetime
) -> None:
    """Bring kpi.arm_unit and kpi.arm_count up to date at `now`.

    `progress`: the watermarks of the last roll-up. With `full` all decisions are read, and kpi_known_unit holds the
    units whose decisions retention has dropped.
    """
    moments = {"now": now, "counted_until": progress.get("as_of", NEVER)}
    run(connection, "kpis/create_first")
    for campaign in run(connection, "kpis/experimenting").scalars().all():
        later_than = 0 if full else int(progress.get(f"decisions:{campaign}", 0))
        run(connection, "kpis/add_first", campaign=campaign, later_than=later_than)
    if full:
        run(connection, "kpis/add_first_retired")
    connection.exec_driver_sql("analyze kpi_first")
    if not full:
        run(connection, "kpis/create_known_unit")
    connection.exec_driver_sql("create index on kpi_known_unit (customer_id)")
    connection.exec_driver_sql("analyze kpi_known_unit (customer_id)")
    run(connection, "kpis/create_found_unit")
    connection.exec_driver_sql("analyze kpi_found_unit (customer_id)")
    run_with_goals(connection, "kpis/create_unit", goals_of_mailed=texts(goals_of_mailed()))
    connection.exec_driver_sql("analyze kpi_unit (customer_id)")
    run(connection, "kpis/create_unit_delta", **moments)
    run(connection, "kpis/apply_arm_count", as_of=now)
    run(connection, "kpis/prune_arm_count")
    run(connection, "kpis/replace_units", as_of=now)


def write_results(connection: Connection, now: datetime) -> None:
    """Compute kpi.experiment_result from kpi.arm_count."""
    run(connection, "kpis/forget_results")
    counts = run(connection, "kpis/experiment_counts").all()
    for _, rows in groupby(counts, key=lambda row: (row.campaign, row.kind, row.step)):
        for result in results(list(rows)):
            run(connection, "kpis/insert_result", as_of=now, **result)


def results(counts: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    """Return a row of kpi.experiment_result, without as_of, per arm of one experiment.

    `counts`: rows of experiment_counts.sql of one campaign, kind and step, one per epoch and arm. A holdout has one
    result, that of the treated; none if no held-out person can reach the goal.
    """
    epochs = _by_epoch(counts)
    if counts[0].kind == HOLDOUT:
        return [] if counts[0].goal_event in goals_of_mailed() else [_result(epochs, TREATED)]
    return [_result(epochs, arm) for arm in sorted({row.arm for row in counts})]


def _by_epoch(counts: Sequence[Row[Any]]) -> list[dict[str, Row[Any]]]:
    """Return the arms of each epoch by name, the latest epoch last."""
    epochs: dict[int, dict[str, Row[Any]]] = defaultdict(dict)
    for row in counts:
        epochs[row.epoch][row.arm] = row
    return [epochs[number] for number in sorted(epochs)]


def _result(epochs: list[dict[str, Row[Any]]], arm: str) -> dict[str, Any]:
    """Return the arm compared with all others together, over the epochs that have it."""
    having = [epoch for epoch in epochs if arm in epoch]
    eligible = [_stratum(epoch, arm, "units", "converters") for epoch in having]
    everyone = [_stratum(epoch, arm, "all_units", "all_converters") for epoch in having]
    first = having[-1][arm]
    target = None if first.goal_target_ratio is None else float(first.goal_target_ratio)
    alpha = ALPHA / (len(having[-1]) - 1)
    found = statistics.difference(eligible, alpha)
    detectable = statistics.minimum_detectable(eligible, alpha)
    mismatch = statistics.mismatch_p([_dealt(epoch) for epoch in having])
    return {
        "campaign": first.campaign, "kind": first.kind, "step": first.step, "arm": arm,
        "goal_event": first.goal_event, "goal_target_ratio": first.goal_target_ratio,
        "epochs": sum(one.weight > 0 for one in eligible),
        "pending_units": sum(int(row.pending_units) for epoch in having for row in epoch.values()),
        **_shares(eligible),
        **_counts(everyone, "all_"),
        **_bounds(found, "difference"),
        **_bounds(statistics.difference(everyone, alpha), "all_difference"),
        "minimum_detectable": detectable,
        "needed_units": target and statistics.needed_people(eligible, first.share, target, alpha),
        "sample_ratio_p": mismatch,
        "verdict": statistics.verdict(found, detectable, target, mismatch),
    }  # fmt: skip


def _stratum(epoch: Mapping[str, Row[Any]], arm: str, units: str, converters: str) -> Stratum:
    """Return one epoch: the arm, and all other arms together."""
    others = [row for name, row in epoch.items() if name != arm]
    treated = Arm(int(getattr(epoch[arm], converters)), int(getattr(epoch[arm], units)))
    control = Arm(*(sum(int(getattr(row, name)) for row in others) for name in (converters, units)))
    return Stratum(treated, control)


def _dealt(epoch: Mapping[str, Row[Any]]) -> tuple[list[int], list[float]]:
    """Return how many people each arm of an epoch has, and the shares that they were dealt by."""
    return [int(row.units) for row in epoch.values()], [row.share for row in epoch.values()]


def _counts(strata: Sequence[Stratum], prefix: str = "") -> dict[str, int]:
    return {
        f"{prefix}units": sum(one.treated.trials for one in strata),
        f"{prefix}converters": sum(one.treated.hits for one in strata),
        f"{prefix}other_units": sum(one.control.trials for one in strata),
        f"{prefix}other_converters": sum(one.control.hits for one in strata),
    }


def _shares(strata: Sequence[Stratum]) -> dict[str, int | float | None]:
    """Return the counts of both sides, and each side's share with its bounds."""
    counts = _counts(strata)
    shares: dict[str, int | float | None] = dict(counts)
    for side in ("", "other_"):
        arm = Arm(counts[f"{side}converters"], counts[f"{side}units"])
        low, high = statistics.wilson(arm) if arm.trials else (None, None)
        shares[f"{side}rate"] = arm.hits / arm.trials if arm.trials else None
        shares[f"{side}rate_low"], shares[f"{side}rate_high"] = low, high
    return shares


def _bounds(found: Difference | None, name: str) -> dict[str, float | None]:
    if found is None:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
