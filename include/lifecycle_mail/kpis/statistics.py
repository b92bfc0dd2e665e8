"""Intervals, tests and sizes of experiments: pure arithmetic on counts, each with the source of its formula.

An *arm* is how many of its people reached the goal and how many people it has. Shares and differences are between
-1 and 1, not percent. Confidence is 95 % unless `alpha` says otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal, NamedTuple

ALPHA, POWER = 0.05, 0.80
MISMATCH_P = 0.001  # so rarely do right shares look like wrong ones

Verdict = Literal["helps", "hurts", "no_call", "too_few"]


class Arm(NamedTuple):
    """One arm: `hits` of `trials` people reached the goal."""

    hits: int
    trials: int


class Stratum(NamedTuple):
    """The two arms of one epoch."""

    treated: Arm
    control: Arm

    @property
    def weight(self) -> float:
        """The Mantel-Haenszel weight n1 n0 / (n1 + n0): what the epoch adds to the precision."""
        people = self.treated.trials + self.control.trials
        return self.treated.trials * self.control.trials / people if people else 0.0


@dataclass(frozen=True)
class Difference:
    """The treated share less the control share, with its bounds."""

    value: float
    low: float
    high: float


def normal_quantile(alpha: float) -> float:
    """Return z with the probability `alpha` outside [-z, z]."""
    return NormalDist().inv_cdf(1 - alpha / 2)


def wilson(arm: Arm, alpha: float = ALPHA) -> tuple[float, float]:
    """Return the bounds of a share by Wilson's score (Wilson 1927, JASA 22, 209-212). `trials` is above 0."""
    hits, trials = arm
    z = normal_quantile(alpha)
    middle = 2 * hits + z**2
    spread = z * math.sqrt(z**2 + 4 * hits * (1 - hits / trials))
    return max(0.0, (middle - spread) / (2 * (trials + z**2))), min(1.0, (middle + spread) / (2 * (trials + z**2)))


def newcombe(stratum: Stratum, alpha: float = ALPHA) -> Difference:
    """Return the difference of two shares (Newcombe 1998, Statistics in Medicine 17, 873-890, method 10).

    Its bounds are made of Wilson's bounds of each arm, so it holds for small arms and for arms without a hit.
    """
    (treated, t_low, t_high), (control, c_low, c_high) = (
        (arm.hits / arm.trials, *wilson(arm, alpha)) for arm in stratum
    )
    value = treated - control
    low = value - math.hypot(treated - t_low, c_high - control)
    return Difference(value, low, value + math.hypot(t_high - treated, control - c_low))


def mantel_haenszel(strata: Sequence[Stratum], alpha: float = ALPHA) -> Difference:
    """Return the difference of shares over several epochs. In each of `strata` both arms have people.

    The estimate is Mantel and Haenszel's risk difference (Greenland and Robins 1985, Biometrics 41, 55-68). Its
    variance is Sato's (1989, Biometrics 45, 1323-1324): (d P + Q) / W². The bounds are the differences d that are
    z standard errors from the estimate (Klingenberg 2014, Statistics in Medicine 33, 2968-2983). If the variance were
    taken at the estimate itself, small arms without a hit would look certain.
    """
    total = sum(one.weight for one in strata)
    shares = [[arm.hits / arm.trials for arm in one] for one in strata]
    estimate = sum(one.weight * (a - b) for one, (a, b) in zip(strata, shares, strict=True)) / total
    parts = [_sato(one) for one in strata]
    slope, base = (sum(part[place] for part in parts) / total**2 for place in (0, 1))
    z = normal_quantile(alpha)
    middle = estimate + z**2 * slope / 2
    spread = math.sqrt(max(0.0, middle**2 - estimate**2 + z**2 * base))
    return Difference(estimate, max(-1.0, middle - spread), min(1.0, middle + spread))


def _sato(stratum: Stratum) -> tuple[float, float]:
    """Return P and Q of one epoch, as Sato 1989 calls them."""
    (a, n1), (b, n0) = stratum
    people = n1 + n0
    slope = (n1**2 * b - n0**2 * a + n1 * n0 * (n0 - n1) / 2) / people**2
    return slope, (a * (n0 - b) + b * (n1 - a)) / (2 * people)


def difference(strata: Sequence[Stratum], alpha: float = ALPHA) -> Difference | None:
    """Return the difference over epochs: Newcombe for one, Mantel-Haenszel for several, None without any.

    An epoch in which an arm has no people says nothing of the difference, and is left out.
    """
    told = [one for one in strata if one.weight > 0]
    if not told:
        return None
    return newcombe(told[0], alpha) if len(told) == 1 else mantel_haenszel(told, alpha)


def minimum_detectable(strata: Sequence[Stratum], alpha: float = ALPHA, power: float = POWER) -> float | None:
    """Return the smallest difference that a test at `alpha` finds with probability `power`; None without people.

    (z_alpha/2 + z_power) sqrt(p (1 - p) / W), as for two equal shares p (Fleiss, Levin and Paik 2003, Statistical
    Methods for Rates and Proportions, chapter 4), with the precision W of `Stratum.weight` added up over epochs.
    """
    precision = sum(one.weight for one in strata)
    return _factor(alpha, power) * math.sqrt(_variance(strata) / precision) if precision else None


def needed_people(
    strata: Sequence[Stratum], treated_share: float, target: float, alpha: float = ALPHA, power: float = POWER
) -> int | None:
    """Return how many people there must be until `minimum_detectable` is `target`, if more come as they are dealt now.

    `treated_share`: the share of new people in the treated arm. None if it is 0 or 1, or the target is 0.
    """
    gained = treated_share * (1 - treated_share)  # precision per new person
    if gained <= 0 or target <= 0:
        return None
    people = sum(arm.trials for one in strata for arm in one)
    needed = _factor(alpha, power) ** 2 * _variance(strata) / target**2
    missing = needed - sum(one.weight for one in strata)
    return people + max(0, math.ceil(missing / gained - 1e-9))


def _factor(alpha: float, power: float) -> float:
    return normal_quantile(alpha) + NormalDist().inv_cdf(power)


def _variance(strata: Sequence[Stratum]) -> float:
    """Return p (1 - p) of all people, with two hits and two misses added (Agresti and Coull 1998): never 0."""
    hits = sum(arm.hits for one in strata for arm in one) + 2
    trials = sum(arm.trials for one in strata for arm in one) + 4
    return hits / trials * (1 - hits / trials)


def mismatch_p(counted: Sequence[tuple[Sequence[int], Sequence[float]]]) -> float | None:
    """Return how likely such counts are if people were dealt by the shares; None if no epoch has people.

    `counted`: per epoch the people of each arm, and each arm's share, which add up to 1. Pearson's chi-square (1900),
    added up over epochs. Below MISMATCH_P something other than chance chose who is in which arm.
    """
    statistic, freedom = 0.0, 0
    for people, shares in counted:
        total = sum(people)
        if total:
            expected = [total * share for share in shares]
            statistic += sum((seen - mean) ** 2 / mean for seen, mean in zip(people, expected, strict=True))
            freedom += len(people) - 1
    return chi_square_tail(statistic, freedom) if freedom else None


def chi_square_tail(statistic: float, freedom: int) -> float:
    """Return the probability of more than `statistic` at so many degrees of freedom.

    The finite sums of Abramowitz and Stegun 1964, 26.4.4 (odd) and 26.4.5 (even).
    """
    half = statistic / 2
    if freedom % 2:
        tail, power = math.erfc(math.sqrt(half)), 0.5
    else:
        tail, power = math.exp(-half), 1.0
    while power < freedom / 2:
        tail += math.exp(power * math.log(half) - half - math.lgamma(power + 1)) if half else 0.0
        power += 1
    return min(1.0, tail)


def verdict(
    found: Difference | None, detectable: float | None, target: float | None, mismatch: float | None
) -> Verdict:
    """Return what may be said of a difference; a number is worth showing only if this is not `too_few`."""
    if found is None or detectable is None or (target is not None and detectable > target):
        return "too_few"
    if mismatch is not None and mismatch < MISMATCH_P:
        return "no_call"
    return "helps" if found.low > 0 else "hurts" if found.high < 0 else "no_call"
