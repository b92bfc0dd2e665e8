"""Intervals and tests of experiments agree with other authors' programs, with published examples and with chance."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from scipy import optimize, stats
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from lifecycle_mail.kpis.statistics import (
    Arm,
    Stratum,
    chi_square_tail,
    difference,
    mantel_haenszel,
    minimum_detectable,
    mismatch_p,
    needed_people,
    newcombe,
    normal_quantile,
    verdict,
    wilson,
)

ARMS = [(0, 1), (1, 1), (0, 20), (3, 5), (56, 70), (48, 80), (7, 1_000)]


def stratum(treated: tuple[int, int], control: tuple[int, int]) -> Stratum:
    return Stratum(Arm(*treated), Arm(*control))


@pytest.mark.parametrize("alpha", [0.05, 0.0125])
@pytest.mark.parametrize("arm", ARMS)
def test_a_share_has_wilson_s_bounds(arm: tuple[int, int], alpha: float) -> None:
    """The bounds are those of statsmodels, also without a hit and with nothing but hits."""
    assert wilson(Arm(*arm), alpha) == pytest.approx(proportion_confint(*arm, alpha, "wilson"), abs=1e-9)


@pytest.mark.parametrize("control", ARMS)
@pytest.mark.parametrize("treated", ARMS)
def test_a_difference_has_newcombe_s_bounds(treated: tuple[int, int], control: tuple[int, int]) -> None:
    """The bounds are those of statsmodels."""
    found = newcombe(stratum(treated, control))
    low, high = confint_proportions_2indep(*treated, *control, method="newcomb", compare="diff")
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)


@pytest.mark.parametrize(
    ("treated", "control", "bounds"),
    [
        ((56, 70), (48, 80), ("0.0524", "0.3339")),
        ((9, 10), (3, 10), ("0.1705", "0.8090")),
        ((10, 10), (0, 20), ("0.6791", "1.0000")),
    ],
)
def test_newcombe_s_own_examples(
    treated: tuple[int, int], control: tuple[int, int], bounds: tuple[str, str]
) -> None:
    """The bounds that Newcombe printed in 1998 for his method 10."""
    found = newcombe(stratum(treated, control))
    assert (f"{found.low:.4f}", f"{found.high:.4f}") == bounds


MONTHS = [stratum((50, 1_000), (50, 1_000)), stratum((285, 1_900), (15, 100))]


def test_shares_that_changed_between_epochs_are_no_effect() -> None:
    """Half held out while 5 % bought, one in twenty while 15 % did: inside each epoch both arms are alike, so the
    difference is 0. All people thrown together would show 335/2900 - 65/1100, which is 5.6 points."""
    found = difference(MONTHS)
    assert found is not None
    assert found.value == pytest.approx(0, abs=1e-12)
    assert found.low < 0 < found.high
    thrown_together = difference([stratum((335, 2_900), (65, 1_100))])
    assert thrown_together is not None
    assert thrown_together.low > 0.03


def test_the_difference_over_epochs_is_mantel_and_haenszel_s() -> None:
    """By hand: weights 10 * 10 / 20 = 5 and 20 * 5 / 25 = 4, differences 0.2 and 0.05: (1 + 0.2) / 9."""
    found = mantel_haenszel([stratum((5, 10), (3, 10)), stratum((5, 20), (1, 5))])
    assert found.value == pytest.approx(1.2 / 9)


@pytest.mark.parametrize(
    "strata",
    [
        MONTHS,
        [stratum((9, 95), (0, 5)), stratum((20, 190), (3, 10))],
        [stratum((40, 100), (30, 100)), stratum((20, 60), (15, 70)), stratum((3, 30), (1, 40))],
    ],
)
def test_the_bounds_over_epochs_are_where_sato_s_test_turns(strata: list[Stratum]) -> None:
    """At each bound the estimate lies z of Sato's standard errors away, as written here and solved by scipy."""
    a, n1 = (np.array([getattr(one.treated, name) for one in strata], float) for name in ("hits", "trials"))
    b, n0 = (np.array([getattr(one.control, name) for one in strata], float) for name in ("hits", "trials"))
    weight = (n1 * n0 / (n1 + n0)).sum()
    estimate = ((a * n0 - b * n1) / (n1 + n0)).sum() / weight

    def distance(bound: float) -> float:
        slope = ((n1**2 * b - n0**2 * a + n1 * n0 * (n0 - n1) / 2) / (n1 + n0) ** 2).sum()
        base = ((a * (n0 - b) + b * (n1 - a)) / (2 * (n1 + n0))).sum()
        return float((estimate - bound) ** 2 - normal_quantile(0.05) ** 2 * (bound * slope + base) / weight**2)

    found = mantel_haenszel(strata)
    assert found.low == pytest.approx(optimize.brentq(distance, -1, estimate), abs=1e-9)
    assert found.high == pytest.approx(optimize.brentq(distance, estimate, 1), abs=1e-9)


def test_an_epoch_without_one_arm_says_nothing() -> None:
    """It is left out: one epoch that is left has Newcombe's bounds, and none at all has no difference."""
    one, empty = stratum((56, 70), (48, 80)), stratum((9, 10), (0, 0))
    assert difference([one, empty]) == newcombe(one)
    assert difference([empty]) is None
    assert difference([]) is None


def coverage(of_units: bool, runs: int = 2_000) -> float:
    """How often the interval holds the true difference, 0. 200 people, a quarter held out, each enrolled eight times
    with one fate: a person who buys, buys in all eight windows."""
    dice = np.random.default_rng(23)
    times = 1 if of_units else 8

    @cache
    def holds(treated: int, control: int) -> bool:
        found = newcombe(stratum((treated * times, 150 * times), (control * times, 50 * times)))
        return found.low <= 0 <= found.high

    buyers = zip(dice.binomial(150, 0.15, runs), dice.binomial(50, 0.15, runs), strict=True)
    return sum(holds(int(treated), int(control)) for treated, control in buyers) / runs


def test_first_enrollments_are_as_sure_as_they_say() -> None:
    """With eight enrollments per customer the interval of first enrollments holds the truth in at least 93 % of runs.
    That of all enrollments would hold it in about half of them."""
    assert coverage(of_units=True) >= 0.93
    assert coverage(of_units=False) < 0.7


def test_several_epochs_are_as_sure_as_they_say() -> None:
    """With 50 and 26 held out in two epochs, and base rates of 5 and 15 %, at least 93 % of runs hold the truth, 0."""
    dice = np.random.default_rng(7)
    sizes = [(950, 50, 0.05), (500, 26, 0.15)]
    held = 0
    for _ in range(2_000):
        strata = [
            stratum((int(dice.binomial(n1, p)), n1), (int(dice.binomial(n0, p)), n0)) for n1, n0, p in sizes
        ]
        found = mantel_haenszel(strata)
        held += found.low <= 0 <= found.high
    assert held / 2_000 >= 0.93


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("statistic", [0.0, 0.3, 3.84, 10.83, 40.0])
def test_the_tail_of_chi_square(statistic: float, freedom: int) -> None:
    """The probabilities are scipy's."""
    assert chi_square_tail(statistic, freedom) == pytest.approx(stats.chi2.sf(statistic, freedom), abs=1e-12)


def test_a_planted_split_is_a_mismatch() -> None:
    """600 to 400 where halves were dealt is no chance: (100² / 500) * 2 = 40. 520 to 480 is: 1.6. Epochs add up."""
    halves = [0.5, 0.5]
    planted, fair = mismatch_p([([600, 400], halves)]), mismatch_p([([520, 480], halves)])
    assert planted == pytest.approx(stats.chi2.sf(40, 1))
    assert fair == pytest.approx(stats.chi2.sf(1.6, 1))
    both = mismatch_p([([600, 400], halves), ([520, 480], halves), ([0, 0], halves)])
    assert both == pytest.approx(stats.chi2.sf(41.6, 2))
    assert mismatch_p([([0, 0], halves)]) is None


def test_the_smallest_difference_has_the_power_it_says() -> None:
    """The power of that difference is 80 % by statsmodels, for shares whose variance is that of all people."""
    strata = [stratum((950, 9_496), (48, 500))]
    share = (998 + 2) / (9_996 + 4)
    effect = minimum_detectable(strata)
    assert effect is not None
    in_deviations = effect / math.sqrt(share * (1 - share))
    power = NormalIndPower().power(in_deviations, nobs1=9_496, alpha=0.05, ratio=500 / 9_496)
    assert power == pytest.approx(0.8, abs=1e-4)
    assert minimum_detectable([stratum((9, 10), (0, 0))]) is None


def test_people_needed_make_the_target_detectable() -> None:
    """With as many people as needed, dealt by the shares, the smallest detectable difference is the target; people who
    were dealt otherwise before count by their precision. If all are treated, no number of people is enough."""
    few = [stratum((10, 95), (1, 5))]
    needed = needed_people(few, 0.95, 0.1)
    assert needed is not None
    hits = (11 + 2) / 104
    assert needed == pytest.approx((2.8016 / 0.1) ** 2 * hits * (1 - hits) / (0.95 * 0.05), abs=1)
    assert needed_people(few, 0.95, 0.5) == 100  # 72 would do, and there are 100
    assert needed_people([], 0.95, 0.1) == pytest.approx((2.8016 / 0.1) ** 2 * 0.25 / (0.95 * 0.05), abs=1)
    assert needed_people([stratum((100, 1_000), (100, 1_000))], 0.95, 0.1) == 2_000
    assert needed_people(few, 1.0, 0.1) is None
    assert needed_people(few, 0.95, 0.0) is None


GOOD = stratum((300, 1_000), (100, 1_000))


@pytest.mark.parametrize(
    ("strata", "target", "mismatch", "said"),
    [
        ([GOOD], 0.15, 0.5, "helps"),
        ([GOOD], None, 0.5, "helps"),
        ([Stratum(GOOD.control, GOOD.treated)], 0.15, 0.5, "hurts"),
        ([stratum((100, 1_000), (100, 1_000))], 0.15, 0.5, "no_call"),
        ([GOOD], 0.15, 0.0009, "no_call"),
        ([GOOD], 0.15, 0.0011, "helps"),
        ([GOOD], 0.01, 0.5, "too_few"),
        ([stratum((9, 10), (0, 0))], None, None, "too_few"),
        ([], 0.15, None, "too_few"),
    ],
)
def test_a_verdict_stands_before_a_number(
    strata: list[Stratum], target: float | None, mismatch: float | None, said: str
) -> None:
    """Too few people make no call, whatever they did; arms that chance cannot have dealt make none either."""
    assert verdict(difference(strata), minimum_detectable(strata), target, mismatch) == said
