"""Who is compared with whom, what these people did, and goals of series, from docs/kpis.md."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, NamedTuple

import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from recompute.carts import Buyers
from recompute.events import heard
from recompute.facts import Facts, earliest
from recompute.steps import Step

KEY = ["campaign", "epoch", "kind", "step"]
UNITS = [
    *KEY, "customer_id", "arm", "enrollment_id", "enrolled_at", "decided_at", "is_eligible", "counted_from",
    "window_ends_at", "converted_at", "orders", "revenue", "orders_before", "revenue_before",
]  # fmt: skip
ELIGIBLE = {"held_out", "alert_raised", "stale", "no_common_hours", "capped", "lower_priority"}
ABOUT_THE_FILE = {"added_later", "step_gone"}
OF_THE_TREATED = {"open", "click", "offer_used"}
RESULTS = [
    "campaign", "kind", "step", "arm", "goal_event", "goal_target_ratio", "epochs", "units", "converters",
    "other_units", "other_converters", "pending_units", "rate", "rate_low", "rate_high", "other_rate",
    "other_rate_low", "other_rate_high", "difference", "all_units", "all_converters", "all_other_units",
    "all_other_converters", "all_difference",
]  # fmt: skip
"""What is computed of kpi.experiment_result. Bounds of differences and verdicts are judged by published values."""


class Experiment(NamedTuple):
    """What is compared: the holdout of an epoch, or a step's variants."""

    campaign: str
    epoch: int
    kind: str
    step: str
    shares: dict[str, Decimal]
    began: Any
    ended_at: dt.datetime | None


class Experiments:
    """Everything about experiments and goals."""

    def __init__(self, facts: Facts, steps: list[Step], buyers: Buyers) -> None:
        self.facts, self.steps = facts, steps
        self.others_carts: dict[tuple[str, str], set[tuple[str, bool]]] = defaultdict(set)
        for order_id, campaign, who, is_first in buyers.rows():
            self.others_carts[order_id, campaign].add((who, is_first))
        self.campaigns = {row.campaign: row for row in facts.rows("journey.campaign")}
        self.series = {row.enrollment_id: row for row in facts.rows("journey.enrollment")}
        self.epochs: dict[str, list[Any]] = defaultdict(list)
        for row in sorted(facts.rows("journey.epoch"), key=lambda one: one.epoch):
            self.epochs[row.campaign].append(row)
        self.experiments = list(self._experiments())
        self.orders: dict[str, list[Any]] = defaultdict(list)
        for order in facts.rows("source.orders"):
            if order.status != "cancelled":
                self.orders[order.customer_id].append(order)
        self.bought_again = facts.bought_again()
        self.heard = heard(facts, dt.datetime.max.replace(tzinfo=dt.UTC))
        self.units = list(self._units())

    def tables(self) -> dict[str, Callable[[], pd.DataFrame]]:
        """What computes each table and view."""
        return {
            "experiment": self.experiment,
            "arm_unit": lambda: pd.DataFrame(self.units, columns=UNITS, dtype=object),
            "arm_count": self.arm_count,
            "experiment_result": self.experiment_result,
            "series_daily": self.series_daily,
            "campaign_goal": self.campaign_goal,
        }

    # What is compared

    def _experiments(self) -> Iterator[Experiment]:
        for campaign, epochs in self.epochs.items():
            for row, following in zip(epochs, [*epochs[1:], None], strict=True):
                ended_at = following and following.began_at
                if 0 < row.holdout_ratio < 1:
                    shares = {"treated": 1 - row.holdout_ratio, "held_out": row.holdout_ratio}
                    yield Experiment(campaign, row.epoch, "holdout", "", shares, row, ended_at)
                for step, variants in row.variants.items():
                    if len(variants) > 1:
                        yield Experiment(campaign, row.epoch, "variant", step, variants, row, ended_at)

    def experiment(self) -> pd.DataFrame:
        rows = [
            (
                *one[:4], {arm: float(share) for arm, share in one.shares.items()}, one.began.began_at, one.ended_at,
                one.began.goal_event, one.began.goal_within_days,
            )
            for one in self.experiments
        ]  # fmt: skip
        columns = [*KEY, "shares", "started_at", "ended_at", "goal_event", "goal_within_days"]
        return pd.DataFrame(rows, columns=columns, dtype=object)

    # People

    def _units(self) -> Iterator[dict[str, Any]]:
        """Each customer once per experiment: the first series that has a decision, of variants one of that step."""
        for one in self.experiments:
            first: dict[str, Any] = {}
            for decision in self._decisions(one):
                known = first.get(decision.customer_id)
                if known is None or decision.enrollment_id < known.enrollment_id:
                    first[decision.customer_id] = decision
            for decision in first.values():
                yield self._unit(one, decision)

    def _decisions(self, one: Experiment) -> Iterator[Any]:
        """Decisions that may make a customer a unit, the earliest first. Those about the file are passed over."""
        for decision in sorted(self.facts.rows("decision.decision"), key=lambda row: row.decision_id):
            series = self.series[decision.enrollment_id]
            if (series.campaign, series.epoch) != one[:2] or decision.reason in ABOUT_THE_FILE:
                continue
            if one.kind == "holdout" or (
                decision.step == one.step
                and not series.is_holdout
                and decision.variant in one.shares
                and self._shares_at(decision) == one.shares
            ):
                yield decision

    def _shares_at(self, decision: Any) -> Any:
        """By which shares the step was dealt."""
        begun = [row for row in self.epochs[decision.campaign] if row.began_at <= decision.as_of]
        return begun[-1].variants.get(decision.step) if begun else None

    def _unit(self, one: Experiment, decision: Any) -> dict[str, Any]:
        series = self.series[decision.enrollment_id]
        since = decision.decided_at if one.kind == "variant" else series.enrolled_at
        until = since + dt.timedelta(days=float(one.began.goal_within_days))
        before = [
            order
            for order in self._orders_of(one, series.customer_id)
            if series.enrolled_at - dt.timedelta(days=90) <= order.ordered_at < series.enrolled_at
        ]
        during = [order for order in self._orders_of(one, series.customer_id) if since <= order.ordered_at <= until]
        return {
            **dict(zip(KEY, one[:4], strict=True)), "customer_id": series.customer_id,
            "arm": decision.variant if one.kind == "variant" else "held_out" if series.is_holdout else "treated",
            "enrollment_id": series.enrollment_id, "enrolled_at": series.enrolled_at,
            "decided_at": decision.decided_at,
            "is_eligible": decision.outcome in ("send", "defer") or decision.reason in ELIGIBLE,
            "counted_from": since, "window_ends_at": until,
            "converted_at": self._goal(one, series, decision, since, until),
            "orders": len(during), "revenue": _by_currency(during),
            "orders_before": len(before), "revenue_before": _by_currency(before),
        }  # fmt: skip

    def _orders_of(self, one: Experiment, who: str) -> list[Any]:
        """The orders that count for a customer. That of a cart counts in a holdout for its first customer alone."""
        own = [order for order in self.orders[who] if (order.order_id, one[0]) not in self.others_carts]
        named = [
            order
            for orders in list(self.orders.values())
            for order in orders
            for told, is_first in self.others_carts.get((order.order_id, one[0]), ())
            if told == who and (is_first or one.kind == "variant")
        ]
        return own + named

    def _goal(self, one: Experiment, series: Any, decision: Any, since: dt.datetime, until: dt.datetime) -> Any:
        """The earliest fact that is the epoch's goal. What only mailed people can do is no goal of a holdout."""
        goal, who = one.began.goal_event, series.customer_id
        if one.kind == "holdout" and goal in OF_THE_TREATED:
            return None
        if goal in ("open", "click"):
            mail = self.heard.get((decision.enrollment_id, decision.step))
            clicked = mail and mail.first_click_at
            found = [clicked, mail and mail.first_open_at] if goal == "open" else [clicked]
            # The first one counts: a mail cannot be opened for the first time twice.
            found = [earliest(*found)]
        elif goal == "order":
            found = [order.ordered_at for order in self._orders_of(one, who)]
        elif goal == "reordered":
            found = [at for number, _, at in self.bought_again if number == series.enrollment_id]
        elif goal == "page_view":
            found = [row.viewed_at for row in self.facts.rows("source.page_view") if row.customer_id == who]
        elif goal == "review":
            found = [row.reviewed_at for row in self.facts.rows("source.review") if row.customer_id == who]
        else:
            found = [
                row.redeemed_at
                for row in self.facts.rows("source.offer")
                if row.customer_id == who and self.facts.called(row.campaign) in (None, one.campaign)
            ]
        return earliest(*(at for at in found if at is not None and since <= at <= until))

    def arm_count(self) -> pd.DataFrame:
        counts: Counter[tuple[Any, ...]] = Counter()
        converted: Counter[tuple[Any, ...]] = Counter()
        for unit in self.units:
            key = (
                *(unit[by] for by in KEY), unit["arm"], unit["is_eligible"], unit["window_ends_at"] <= self.facts.now
            )  # fmt: skip
            counts[key] += 1
            converted[key] += unit["converted_at"] is not None
        columns = [*KEY, "arm", "is_eligible", "is_matured", "units", "converters"]
        return pd.DataFrame([(*key, n, converted[key]) for key, n in counts.items()], columns=columns, dtype=object)

    def experiment_result(self) -> pd.DataFrame:
        """Each arm and all others together, over the epochs that have the present goal."""
        rows = []
        for campaign, kind, step in sorted({(one.campaign, one.kind, one.step) for one in self.experiments}):
            now = self.epochs[campaign][-1]
            those = [
                one
                for one in self.experiments
                if (one.campaign, one.kind, one.step) == (campaign, kind, step)
                and (one.began.goal_event, one.began.goal_within_days) == (now.goal_event, now.goal_within_days)
            ]
            arms = {"treated"} if kind == "holdout" else {arm for one in those for arm in one.shares}
            if not those or (kind == "holdout" and now.goal_event in OF_THE_TREATED):
                continue
            rows += [self._result(arm, [one for one in those if arm in one.shares]) for arm in sorted(arms)]
        return pd.DataFrame(rows, columns=RESULTS, dtype=object)

    def _result(self, arm: str, those: list[Experiment]) -> dict[str, Any]:
        one = those[-1]
        eligible, everyone = self._sides(arm, those, True), self._sides(arm, those, False)
        told = [sides for sides in eligible if sides[0][1] and sides[1][1]]
        (hits, people), (other_hits, others) = _summed(eligible)
        (all_hits, all_people), (all_other_hits, all_others) = _summed(everyone)
        low, high = wilson(hits, people)
        other_low, other_high = wilson(other_hits, others)
        campaign = self.campaigns.get(one.campaign)
        return {
            "campaign": one.campaign, "kind": one.kind, "step": one.step, "arm": arm,
            "goal_event": one.began.goal_event, "goal_target_ratio": campaign and campaign.goal_target_ratio,
            "epochs": len(told), "units": people, "converters": hits, "other_units": others,
            "other_converters": other_hits,
            "pending_units": sum(
                unit["is_eligible"] and unit["window_ends_at"] > self.facts.now
                for unit in self.units for one in those if tuple(unit[by] for by in KEY) == one[:4]
            ),
            "rate": _share(hits, people), "rate_low": low, "rate_high": high,
            "other_rate": _share(other_hits, others), "other_rate_low": other_low, "other_rate_high": other_high,
            "difference": _difference(eligible),
            "all_units": all_people, "all_converters": all_hits, "all_other_units": all_others,
            "all_other_converters": all_other_hits, "all_difference": _difference(everyone),
        }  # fmt: skip

    def _sides(self, arm: str, those: list[Experiment], only_eligible: bool) -> list[tuple[tuple[int, int], ...]]:
        """Per epoch: converters and people of the arm, and of the others, whose window is over."""
        found = []
        for one in those:
            units = [
                unit
                for unit in self.units
                if tuple(unit[by] for by in KEY) == one[:4]
                and unit["window_ends_at"] <= self.facts.now
                and (unit["is_eligible"] or not only_eligible)
            ]
            sides = [unit for unit in units if unit["arm"] == arm], [unit for unit in units if unit["arm"] != arm]
            found.append(tuple((sum(unit["converted_at"] is not None for unit in side), len(side)) for side in sides))
        return found

    # Goals

    def _delivered_series(self) -> dict[int, tuple[dt.date, str, bool]]:
        """Each series with a delivered mail: the day of the first one, and whether one of them reached the goal."""
        mails: dict[int, list[Step]] = defaultdict(list)
        for step in self.steps:
            if step.outcome == "delivered":
                mails[step.enrollment_id].append(step)
        return {
            series: (
                min(self.facts.day(mail.accepted_at) for mail in those),  # type: ignore[type-var]
                those[0].campaign,
                any(mail.goal_reached_at for mail in those),
            )
            for series, those in mails.items()
        }  # type: ignore[return-value]

    def series_daily(self) -> pd.DataFrame:
        counts: Counter[tuple[Any, ...]] = Counter()
        converted: Counter[tuple[Any, ...]] = Counter()
        for day, campaign, has_converted in self._delivered_series().values():
            counts[day, campaign] += 1
            converted[day, campaign] += has_converted
        rows = [(*key, n, converted[key]) for key, n in counts.items()]
        return pd.DataFrame(rows, columns=["day", "campaign", "mailed", "converted"], dtype=object)

    def campaign_goal(self) -> pd.DataFrame:
        return pd.DataFrame([self._goal_row(one) for one in self.campaigns.values()], dtype=object)

    def _goal_row(self, one: Any) -> dict[str, Any]:
        days = [
            (day, has_converted)
            for day, campaign, has_converted in self._delivered_series().values()
            if campaign == one.campaign
            and (one.goal_from is None or day >= one.goal_from)
            and (one.goal_until is None or day <= one.goal_until)
        ]
        today, mailed, converted = self.facts.day(self.facts.now), len(days), sum(has for _, has in days)
        assert today is not None
        target, until = one.goal_target_ratio, one.goal_until
        low, high = wilson(converted, mailed)
        missing = None if target is None else max(0, math.ceil(target * mailed) - converted)
        left = (until - today).days + 1 if until and until >= today else None
        first_day = one.goal_from or min((day for day, _ in days), default=None)
        has_begun = target is not None and first_day is not None and first_day <= today
        passed = (min(today, until or today) - first_day).days + 1 if has_begun else 0
        return {
            "campaign": one.campaign, "goal_event": one.goal_event, "goal_within_days": one.goal_within_days,
            "goal_target_ratio": target, "goal_from": one.goal_from, "goal_until": until,
            "mailed_series": mailed, "converted_series": converted, "conversion_rate": _share(converted, mailed),
            "conversion_rate_low": low, "conversion_rate_high": high,
            "above_target": _share(converted, mailed) - target if target is not None and mailed else None,
            "is_reached": low >= target if target is not None and low is not None else None,
            "converters_missing": missing, "days_left": left if target is not None else None,
            "needed_per_day": _share(missing, left) if missing is not None and left else None,
            "pace": _share(converted, passed) if has_begun else None,
        }  # fmt: skip


def _by_currency(orders: list[Any]) -> dict[str, Decimal]:
    """Totals by currency; what was refunded brings nothing."""
    found: dict[str, Decimal] = {}
    for order in orders:
        if order.status == "placed":
            currency = order.currency or "XXX"
            found[currency] = found.get(currency, Decimal(0)) + order.total
    return found


def _share(part: Any, whole: Any) -> Decimal | None:
    return round(Decimal(part) / Decimal(whole), 6) if whole else None


def wilson(hits: int, trials: int) -> tuple[Decimal | None, Decimal | None]:
    """The bounds of a share, 95 %: Wilson's score, by another author."""
    if not trials:
        return None, None
    low, high = proportion_confint(hits, trials, alpha=0.05, method="wilson")
    return round(Decimal(low), 6), round(Decimal(high), 6)


def _summed(sides: list[tuple[tuple[int, int], ...]]) -> list[tuple[int, int]]:
    return [(sum(one[place][0] for one in sides), sum(one[place][1] for one in sides)) for place in (0, 1)]


def _difference(sides: list[tuple[tuple[int, int], ...]]) -> Decimal | None:
    """The mean of the epochs' differences, each weighed by n1 n0 / (n1 + n0)."""
    told = [(a, n1, b, n0) for (a, n1), (b, n0) in sides if n1 and n0]
    weights = [n1 * n0 / (n1 + n0) for _, n1, _, n0 in told]
    differences = [a / n1 - b / n0 for a, n1, b, n0 in told]
    if not told:
        return None
    value = sum(w * d for w, d in zip(weights, differences, strict=True)) / sum(weights)
    return round(Decimal(value), 6)
