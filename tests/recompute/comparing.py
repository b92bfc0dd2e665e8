"""Each table and view of schema kpi computed from the facts, and compared row by row with what the roll-up wrote."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import Any

import pandas as pd
from sqlalchemy.engine import Engine

from recompute.carts import Buyers
from recompute.experiments import RESULTS, Experiments, wilson
from recompute.facts import Facts, read, table
from recompute.mailing_list import COMING, movements
from recompute.steps import FACTS, STILL_MOVING, Step, steps_of

BOOKKEEPING = {"ahead", "list_change", "moved_fact", "progress", "roll_up", "rolled_load", "waiting_change"}
OF_OTHERS = {"campaign_lift", "variant_result"}
"""Views that give columns of kpi.experiment_result other names."""
PARTLY = {"experiment_result": RESULTS}
"""Of what only these columns are computed here: the others have judges of their own, with published values."""

KEY = ["day", "campaign", "step", "variant"]
COUNTS = list(FACTS)
FOUR_DIGITS = Decimal("0.0001")
BENCHMARKS = {
    "open_rate_benchmark": "0.20", "click_through_rate_benchmark": "0.03", "bounce_rate_benchmark": "0.0042",
    "unsubscribe_rate_benchmark": "0.0005", "complaint_rate_benchmark": "0.001",
}  # fmt: skip
RATES: dict[str, tuple[list[str], str]] = {
    "delivery_rate": (["delivered"], "accepted"),
    "open_rate": (["openers"], "delivered"),
    "machine_open_rate": (["machine_openers"], "delivered"),
    "click_through_rate": (["clickers"], "delivered"),
    "click_to_open_rate": (["clickers"], "openers"),
    "machine_click_rate": (["machine_clickers"], "delivered"),
    "conversion_rate": (["converters"], "delivered"),
    "click_to_conversion": (["click_converters"], "clickers"),
    "accepted_conversion_rate": (["accepted_converters"], "accepted"),
    "events_coverage": (["delivered", "bounced_hard", "bounced_soft", "dropped"], "accepted"),
    "hard_bounce_rate": (["bounced_hard"], "accepted"),
    "soft_bounce_rate": (["bounced_soft"], "accepted"),
    "bounce_rate": (["bounced_hard", "bounced_soft"], "accepted"),
    "drop_rate": (["dropped"], "accepted"),
    "unsubscribe_rate": (["unsubscribed"], "delivered"),
    "complaint_rate": (["complained"], "delivered"),
}
LEAVES = ("unsubscribed", "bounced", "complained", "sunset", "withdrawn", "erased")


def rate(numerator: Any, denominator: Any) -> Decimal | None:
    """A quotient of six digits; None if there is nothing to divide by."""
    if not denominator:
        return None
    return (Decimal(numerator) / Decimal(denominator)).quantize(Decimal("0.000001"), ROUND_HALF_UP)


def differences(warehouse: Engine, zone: str, currency: str | None, now: dt.datetime) -> list[str]:
    """Return one line per table or view that differs from its definition, with the first rows that only one has.

    `now` is that of the last roll-up, `zone` and `currency` those of the reports.
    """
    numbers = Numbers(read(warehouse, zone, currency, now), table(warehouse, "kpi.list_movement"))
    found = []
    for name, compute in numbers.tables().items():
        right, stored = compute(), table(warehouse, f"kpi.{name}")
        columns = PARTLY.get(name) or [column for column in stored.columns if column != "as_of"]
        unknown = set(columns) ^ set(right.columns)
        if unknown:
            found.append(f"{name}: only one of both has the columns {', '.join(sorted(unknown))}")
            continue
        only_right, only_stored = _apart(right[columns], stored[columns])
        if only_right or only_stored:
            found.append(f"{name}: right would be {only_right[:2]}, stored is {only_stored[:2]}")
    return found


def recomputed_names() -> set[str]:
    """The tables and views of schema kpi that are computed here."""
    one, other = Numbers.__new__(Numbers), Experiments.__new__(Experiments)
    one.experiments = other
    return set(one.tables())


def _apart(right: pd.DataFrame, stored: pd.DataFrame) -> tuple[list[Any], list[Any]]:
    one, other = Counter(_plain(right)), Counter(_plain(stored))
    return _sorted(one - other), _sorted(other - one)


def _sorted(rows: Counter[Any]) -> list[Any]:
    return sorted(rows.elements(), key=repr)


def _plain(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    return [tuple(_value(value) for value in row) for row in frame.itertuples(index=False)]


def _value(value: Any) -> Any:
    """A value as it compares: numbers without regard to their digits, days without a clock, null as None."""
    if value is None or value is pd.NaT or (isinstance(value, float) and pd.isna(value)):
        return None
    if isinstance(value, bool):
        return value
    if isinstance(value, dict):
        return tuple(sorted((key, _value(one)) for key, one in value.items()))
    if isinstance(value, int | float | Decimal) or hasattr(value, "dtype"):
        return Decimal(str(value)).normalize() + 0 if not isinstance(value, bool | str) else value
    return value


class Numbers:
    """Every table and view, from the facts."""

    def __init__(self, facts: Facts, counted: pd.DataFrame) -> None:
        self.facts = facts
        self.buyers = Buyers(facts)
        self.steps = steps_of(facts, self.buyers)
        self.experiments = Experiments(facts, self.steps, self.buyers)
        self.campaigns = {row.campaign: row for row in facts.rows("journey.campaign")}
        self.outcomes = pd.DataFrame([self._outcome(step) for step in self.steps], dtype=object)
        self.credits = self._credits()
        self.movements = movements(
            facts, {(row.customer_id, row.day, row.movement) for row in counted.itertuples(index=False)}
        )

    def tables(self) -> dict[str, Callable[[], pd.DataFrame]]:
        """What computes each table and view."""
        return {
            "step_outcome": self.step_outcome,
            "campaign_daily": self.campaign_daily,
            "event_daily": self.event_daily,
            "cart_order": self.cart_order,
            "order_credit": self.order_credit,
            "campaign_revenue_daily": self.campaign_revenue_daily,
            "event_revenue_daily": self.event_revenue_daily,
            "step_daily": self.step_daily,
            "waiting_daily": self.not_enrolled_daily,
            "list_movement": self.list_movement,
            "list_daily": self.list_daily,
            "campaign_rates": self.campaign_rates,
            "campaign_summary": self.campaign_summary,
            "campaign_revenue": self.campaign_revenue,
            "list_growth": self.list_growth,
            "refused_daily": self.refused_daily,
            "decision_daily": self.decision_daily,
            "message_states": self.message_states,
            "not_enrolled_daily": self.not_enrolled_daily,
            **self.experiments.tables(),
        }

    # Steps and their counts

    def _outcome(self, step: Step) -> dict[str, Any]:
        decision, mail = step.decision, step.mail
        reason = mail.reason if mail else decision.reason
        return {
            "enrollment_id": step.enrollment_id, "step": step.step, "campaign": step.campaign,
            "customer_id": step.customer_id, "variant": step.variant,
            "day": self.facts.day(step.accepted_at or step.first_seen_at),
            "decision_id": decision and decision.decision_id, "decided_at": decision and decision.decided_at,
            "decision_outcome": decision and decision.outcome, "decision_reason": decision and decision.reason,
            "state": step.state, "reason": None if step.accepted_at else reason,
            "is_open": step.state in STILL_MOVING if mail else decision.outcome != "skip",
            "accepted_at": step.accepted_at, "goal_until": step.goal_until, "outcome": step.outcome,
            "credit_model": step.credit_model, "credit_since": step.credit_since, "credit_until": step.credit_until,
            **{column: self.facts.day(step.facts[name]) for name, (column, _) in FACTS.items()},
        }  # fmt: skip

    def step_outcome(self) -> pd.DataFrame:
        return self.outcomes

    def campaign_daily(self) -> pd.DataFrame:
        return self.daily

    @cached_property
    def daily(self) -> pd.DataFrame:
        """Each fact of a step counts on the step's own day."""
        counts = self.outcomes[KEY].copy()
        for name, (column, _) in FACTS.items():
            counts[name] = self.outcomes[column].notna().astype(int)
        summed = counts.groupby(KEY, as_index=False)[COUNTS].sum()
        return summed[summed[COUNTS].sum(axis=1) > 0]

    def event_daily(self) -> pd.DataFrame:
        """Each fact counts on the day on which it happened."""
        long = pd.concat(
            self.outcomes.loc[self.outcomes[column].notna(), ["campaign", "step", "variant", column]]
            .rename(columns={column: "day"})
            .assign(fact=name)
            for name, (column, _) in FACTS.items()
        )
        wide = pd.crosstab([long[by] for by in KEY], long["fact"])
        return wide.reindex(columns=COUNTS, fill_value=0).reset_index()

    def refused_daily(self) -> pd.DataFrame:
        """Steps without an accepted mail that came to an end, and those in doubt."""
        ended = [one for one in self.steps if not one.accepted_at]
        rows = [
            {
                **dict(zip(KEY, self._key(step), strict=True)),
                "reason": (step.mail.reason or step.state) if step.mail else step.decision.reason,
                "steps": 1, "by_decision": int(step.mail is None), "by_message": int(step.mail is not None),
                "in_doubt": int(step.state == "in_doubt"),
            }
            for step in ended
            if (step.state not in STILL_MOVING or step.state == "in_doubt")
            and (step.mail or step.decision.outcome == "skip")
        ]  # fmt: skip
        numbers = ["steps", "by_decision", "by_message", "in_doubt"]
        return pd.DataFrame(rows, columns=[*KEY, "reason", *numbers]).groupby([*KEY, "reason"], as_index=False).sum()

    def _key(self, step: Step) -> tuple[Any, ...]:
        return self.facts.day(step.accepted_at or step.first_seen_at), step.campaign, step.step, step.variant

    def decision_daily(self) -> pd.DataFrame:
        """Final decisions, by the day of the decision if it led to something, else by the step's day."""
        rows = [
            {
                "day": self.facts.day(step.decision.decided_at), "campaign": step.campaign, "step": step.step,
                "variant": step.variant, "outcome": step.decision.outcome, "reason": step.decision.reason,
            }
            for step in self.steps
            if step.decision
        ]  # fmt: skip
        return _counted(pd.DataFrame(rows), [*KEY, "outcome", "reason"], "steps")

    def step_daily(self) -> pd.DataFrame:
        """Steps by what was decided, and what became of them. A word that a step does not have is empty."""
        words = ["decision_outcome", "decision_reason", "state", "reason", "outcome"]
        rows = [
            (
                *self._key(step), self.facts.day(step.first_seen_at),
                *(self._outcome(step)[word] or "" for word in words),
            )
            for step in self.steps
        ]  # fmt: skip
        key = [*KEY, "decided_day", *words]
        return _counted(pd.DataFrame(rows, columns=key), key, "steps")

    def message_states(self) -> pd.DataFrame:
        key = ["campaign", "step", "variant", "state", "outcome"]
        rows = [(s.campaign, s.step, s.variant, s.state, s.outcome) for s in self.steps if s.mail]
        return _counted(pd.DataFrame(rows, columns=key), key, "messages")

    def not_enrolled_daily(self) -> pd.DataFrame:
        """Occurrences that wait, by the day since which they do."""
        rows = [
            (self.facts.day(row.decided_at), row.campaign, row.reason, row.customer_id)
            for row in self.facts.rows("journey.occurrence")
            if row.fate == "waiting"
        ]
        key = ["day", "campaign", "reason"]
        frame = pd.DataFrame(rows, columns=[*key, "customer_id"])
        return frame.groupby(key, as_index=False).agg(
            occurrences=("customer_id", "size"), customers=("customer_id", "nunique")
        )

    # Rates

    def campaign_rates(self) -> pd.DataFrame:
        return self._with_rates(self.daily)

    def campaign_summary(self) -> pd.DataFrame:
        return self.summary

    @cached_property
    def summary(self) -> pd.DataFrame:
        """The same for each arm, each step and each campaign, over all days."""
        levels = []
        for by in (["campaign"], ["campaign", "step"], ["campaign", "step", "variant"]):
            groups = self.daily.groupby(by)
            level = groups[COUNTS].sum()
            level["first_day"], level["last_day"] = groups["day"].min(), groups["day"].max()
            levels.append(level.reset_index())
        found = pd.concat(levels).astype(object)
        for column in ("step", "variant"):
            found[column] = found[column].where(found[column].notna(), None)
        return self._with_rates(found)

    def _with_rates(self, counts: pd.DataFrame) -> pd.DataFrame:
        found = counts.astype(object).reset_index(drop=True)
        rows = found.to_dict("records")
        for name, (numerators, denominator) in RATES.items():
            parts = [(sum(int(row[one]) for one in numerators), int(row[denominator])) for row in rows]
            found[name] = [rate(*part) for part in parts]
            found[f"{name}_low"], found[f"{name}_high"] = zip(*(wilson(*part) for part in parts), strict=True)
        for name, value in BENCHMARKS.items():
            found[name] = Decimal(value)
        targets = {name: campaign.goal_target_ratio for name, campaign in self.campaigns.items()}
        found["conversion_rate_benchmark"] = [targets.get(name) for name in found["campaign"]]
        return found

    # Orders

    def _credits(self) -> pd.DataFrame:
        """An order that was placed is credited once: to the mail touched last before it, if it came in time."""
        mails = [step for step in self.steps if step.credit_since]
        rows = []
        for order in self.facts.rows("source.orders"):
            touched = [
                mail
                for mail in mails
                if mail.customer_id in self.buyers.of(order.order_id, mail.campaign)
                and mail.credit_since <= order.ordered_at <= mail.credit_until  # type: ignore[operator]
            ]
            if order.status != "placed" or not touched or not self.facts.has_happened(order.ordered_at):
                continue
            mail = max(touched, key=lambda one: (one.credit_since, one.enrollment_id, one.step))
            rows.append(self._credit(order, mail))
        return pd.DataFrame(rows, columns=CREDIT_COLUMNS, dtype=object)

    def _credit(self, order: Any, mail: Step) -> dict[str, Any]:
        day, order_day = self.facts.day(mail.accepted_at), self.facts.day(order.ordered_at)
        assert order_day is not None
        return {
            "order_id": order.order_id, "customer_id": mail.customer_id, "enrollment_id": mail.enrollment_id,
            "step": mail.step, "campaign": mail.campaign, "variant": mail.variant, "day": day, "order_day": order_day,
            "currency": order.currency or "XXX", "revenue": order.total,
            "is_delivered": mail.outcome == "delivered", "model": mail.credit_model,
            "reporting_revenue": self._converted(order, order_day),
        }  # fmt: skip

    def _converted(self, order: Any, day: dt.date) -> Decimal | None:
        """The total in the reporting currency, at the newest rate of the order's day or before it."""
        if self.facts.currency is None or order.currency is None:
            return None
        if order.currency == self.facts.currency:
            return order.total
        rates = [
            one for one in self.facts.rows("source.currency_rate") if one.currency == order.currency and one.day <= day
        ]
        if not rates:
            return None
        newest = max(rates, key=lambda one: one.day)
        return (order.total * newest.rate).quantize(FOUR_DIGITS, ROUND_HALF_UP)

    def cart_order(self) -> pd.DataFrame:
        """Orders of carts that another customer placed, by campaign and by the customers for whom they count."""
        orders = {row.order_id: row for row in self.facts.rows("source.orders")}
        rows = [
            {
                "order_id": order_id, "campaign": campaign, "customer_id": who, "is_first": is_first,
                "placed_by": orders[order_id].customer_id, "ordered_at": orders[order_id].ordered_at,
            }
            for order_id, campaign, who, is_first in self.buyers.rows()
        ]  # fmt: skip
        columns = ["order_id", "campaign", "customer_id", "is_first", "placed_by", "ordered_at"]
        return pd.DataFrame(rows, columns=columns, dtype=object)

    def order_credit(self) -> pd.DataFrame:
        return self.credits

    def campaign_revenue_daily(self) -> pd.DataFrame:
        found = self._revenue("day")
        delivered = self.credits["is_delivered"].astype(bool)
        for name, column in (("delivered_revenue", "revenue"), ("delivered_reporting_revenue", "reporting_revenue")):
            part = self.credits[delivered].groupby([*KEY, "currency"])[column].agg(_total)
            keys = zip(*(found[by] for by in [*KEY, "currency"]), strict=True)
            found[name] = [part.get(key, Decimal(0)) for key in keys]
        return found

    def event_revenue_daily(self) -> pd.DataFrame:
        return self._revenue("order_day")

    def _revenue(self, day: str) -> pd.DataFrame:
        credits = self.credits.drop(columns="day").assign(day=self.credits[day])
        return (
            credits.groupby([*KEY, "currency"])
            .agg(
                orders=("order_id", "size"), revenue=("revenue", _total),
                reporting_orders=("reporting_revenue", "count"), reporting_revenue=("reporting_revenue", _total),
            )
            .reset_index()
        )  # fmt: skip

    def campaign_revenue(self) -> pd.DataFrame:
        """A row per currency, and if there is a reporting currency one more, for what has a rate."""
        credits, rows = self.credits.to_dict("records"), []
        for level in self.summary.to_dict("records"):
            part = [one for one in credits if all(level[by] in (None, one[by]) for by in KEY[1:])]
            for currency in sorted({one["currency"] for one in part}):
                of_it = [one for one in part if one["currency"] == currency]
                rows.append(self._revenue_row(level, currency, "revenue", of_it, 0))
            if self.facts.currency and part:
                with_rate = [one for one in part if one["reporting_revenue"] is not None]
                missing = len(part) - len(with_rate)
                rows.append(self._revenue_row(level, self.facts.currency, "reporting_revenue", with_rate, missing))
        return pd.DataFrame(rows, columns=REVENUE_COLUMNS, dtype=object)

    @staticmethod
    def _revenue_row(level: Any, currency: str, amount: str, part: list[Any], missing: int) -> dict[str, Any]:
        is_converted = amount == "reporting_revenue"
        revenue = _total(one[amount] for one in part)
        delivered = _total(one[amount] for one in part if one["is_delivered"])
        return {
            "campaign": level["campaign"], "step": level["step"], "variant": level["variant"], "currency": currency,
            "is_converted": is_converted, "orders": len(part), "revenue": revenue, "orders_without_rate": missing,
            "delivered_revenue": delivered, "delivered": level["delivered"],
            "revenue_per_email": rate(delivered, level["delivered"]), "accepted": level["accepted"],
            "accepted_revenue_per_email": rate(revenue, level["accepted"]),
        }  # fmt: skip

    # The list

    def list_movement(self) -> pd.DataFrame:
        return pd.DataFrame(sorted(self.movements), columns=["customer_id", "day", "movement"], dtype=object)

    def list_daily(self) -> pd.DataFrame:
        """Every day from the first movement to the later of the last one and today."""
        kinds = (*COMING, *LEAVES)
        if not self.movements:
            return pd.DataFrame(columns=["day", "opening", *kinds, "closing"])
        days = [day for _, day, _ in self.movements]
        last = max(max(days), self.facts.day(self.facts.now))  # type: ignore[type-var]
        counted = Counter((day, kind) for _, day, kind in self.movements)
        rows, size = [], 0
        for offset in range((last - min(days)).days + 1):  # type: ignore[operator]
            day = min(days) + dt.timedelta(days=offset)
            counts = {kind: counted[day, kind] for kind in kinds}
            closing = size + sum(counts[kind] for kind in COMING) - sum(counts[kind] for kind in LEAVES)
            rows.append({"day": day, "opening": size, **counts, "closing": closing})
            size = closing
        return pd.DataFrame(rows, dtype=object)

    def list_growth(self) -> pd.DataFrame:
        """Growth: new less unsubscribed, bounced and complained. Net growth: closing less opening."""
        rows = []
        for day in self.list_daily().itertuples(index=False):
            growth = day.joined - day.unsubscribed - day.bounced - day.complained
            rows.append({
                "day": day.day, "opening": day.opening, "closing": day.closing,
                "gained": sum(getattr(day, kind) for kind in COMING),
                "lost": sum(getattr(day, kind) for kind in LEAVES),
                "growth": growth, "growth_rate": rate(growth, day.opening), "growth_rate_benchmark": Decimal(0),
                "net_growth": day.closing - day.opening,
                "net_growth_rate": rate(day.closing - day.opening, day.opening),
                **{f"{kind}_share": rate(getattr(day, kind), day.opening)
                   for kind in ("unsubscribed", "bounced", "complained")},
            })  # fmt: skip
        return pd.DataFrame(rows, dtype=object)


CREDIT_COLUMNS = [
    "order_id", "customer_id", "enrollment_id", "step", "campaign", "variant", "day", "order_day", "currency",
    "revenue", "is_delivered", "model", "reporting_revenue",
]  # fmt: skip
REVENUE_COLUMNS = [
    "campaign", "step", "variant", "currency", "is_converted", "orders", "revenue", "orders_without_rate",
    "delivered_revenue", "delivered", "revenue_per_email", "accepted", "accepted_revenue_per_email",
]  # fmt: skip


def _total(amounts: Iterable[Any]) -> Decimal:
    return sum((one for one in amounts if one is not None and not pd.isna(one)), Decimal(0))


def _counted(frame: pd.DataFrame, key: list[str], name: str) -> pd.DataFrame:
    return frame.groupby(key, dropna=False).size().rename(name).reset_index()
