"""Statistics against values worked out by hand or printed in their sources."""

import itertools
import math

import numpy as np
import pytest
from scipy.stats import binom

from mlflow_study.evidence import statistics as st


def test_wilson_matches_the_published_example():
    # Newcombe, Statistics in Medicine 17 (1998), table I: 81 of 263, Wilson 0.2553-0.3662.
    low, high = st.wilson(81, 263)
    assert low == pytest.approx(0.2553, abs=5e-5)
    assert high == pytest.approx(0.3662, abs=5e-5)


@pytest.mark.parametrize(("k", "n"), [(-1, 3), (4, 3), (0, 0)])
def test_wilson_refuses_impossible_counts(k, n):
    with pytest.raises(ValueError, match="out of"):
        st.wilson(k, n)


def test_wilson_stays_inside_zero_and_one():
    assert st.wilson(0, 10)[0] == 0.0
    assert st.wilson(10, 10)[1] == 1.0


def test_zero_failure_bound_is_about_three_over_n():
    assert st.zero_failure_bound(1000) == pytest.approx(3 / 1000, rel=0.01)
    assert st.zero_failure_bound(1) == pytest.approx(0.95)


def test_the_smallest_samples_for_the_quantiles_of_the_rules():
    assert st.quantile_min_n(0.95) == 59
    assert st.quantile_min_n(0.99) == 299


def test_quantile_has_no_interval_below_the_smallest_sample():
    assert st.quantile(range(58), 0.95).interval is None
    assert st.quantile(range(59), 0.95).interval is not None


def test_quantile_of_a_known_sample():
    q = st.quantile(range(1, 101), 0.5)
    assert q.value == pytest.approx(50.5)
    # Ranks 40 and 61 for the median of 100 values (Conover, Practical Nonparametric Statistics).
    assert q.interval == (40.0, 61.0)


@pytest.mark.parametrize(
    ("q", "n"),
    [(0.5, 6), (0.5, 9), (0.5, 300), (0.95, 59), (0.95, 60), (0.95, 80), (0.99, 299), (0.05, 60)],
)
def test_quantile_interval_covers_at_least_as_announced(q, n):
    low, high = st.quantile(range(1, n + 1), q).interval  # values are their own ranks
    below = binom.cdf(np.arange(n + 1), n, q)
    assert below[int(high) - 1] - below[int(low) - 1] >= 0.95


def test_a_median_of_five_has_no_interval():
    assert st.quantile(range(5), 0.5).interval is None


def test_median_ratio_finds_a_factor_of_two():
    rng = np.random.default_rng(2)
    value, (low, high) = st.median_ratio(rng.normal(20, 1, 200), rng.normal(10, 1, 200), seed=3)
    assert low < 2 < high
    assert value == pytest.approx(2, rel=0.05)


def test_power_law_recovers_its_exponent():
    x = np.array([10, 100, 1000, 10000])
    fit = st.power_law(x, 3 * x**1.5)
    assert fit.b == pytest.approx(1.5)
    assert fit.residual < 1e-9


def test_a_few_accidents_do_not_move_a_power_law():
    x = np.repeat([100, 1000, 10_000], 5)
    y = 1e-4 * x**0.5
    y[6], y[12] = 30 * y[6], 30 * y[12]
    fit = st.power_law(x, y)
    assert fit.b == pytest.approx(0.5, abs=0.01)
    assert fit.b_interval is not None
    assert 0.3 < fit.b_interval[0] <= fit.b_interval[1] < 0.8


@pytest.mark.parametrize(
    ("sizes", "known"),
    [([1, 1, 2, 2, 3], False), ([1, 2, 3, 4], False), ([1, 2, 3, 4, 5], True),
     ([1, 1, 2, 2, 3, 3], True), ([1, 1, 1, 2, 2, 3], True), ([1, 1, 1, 1, 2, 3], False)],
)  # fmt: skip
def test_a_power_law_has_an_interval_only_where_the_widest_one_covers_enough(sizes, known):
    orders = set(itertools.permutations(sizes))
    outside = sum(list(order) in (sorted(sizes), sorted(sizes)[::-1]) for order in orders)
    assert (outside / len(orders) <= 0.05) == known
    assert (st.power_law(sizes, sizes).b_interval is not None) == known


def test_straight_line_gives_bytes_per_item():
    fit = st.straight_line([0, 100, 200], [1000, 6000, 11000])
    assert fit.b == pytest.approx(50)
    assert fit.a == pytest.approx(1000)


@pytest.mark.parametrize("fit", [st.power_law, st.straight_line])
def test_a_fit_needs_three_distinct_abscissae(fit):
    with pytest.raises(ValueError, match="distinct"):
        fit([1, 1, 2], [1, 1, 2])


def test_equivalence_is_shown_only_within_the_margin():
    a = [1.0, 1.01, 0.99, 1.0, 1.02, 0.98]
    assert st.equivalent(a, a, margin=0.1)[0]
    assert not st.equivalent(a, [x + 0.1 for x in a], margin=0.1)[0]
    assert not st.equivalent([0, 10], [0, 10], margin=0.1)[0]  # too noisy to be shown


def test_equivalence_of_constants_is_exact():
    assert st.equivalent([1, 1], [1, 1], margin=0)[0]
    assert not st.equivalent([1, 1], [2, 2], margin=0.5)[0]


def test_affine_finds_an_exact_law_and_where_it_reaches() -> None:
    x = [1.0, 2.0, 3.0, 10.0]
    law = st.affine(x, [3 + 2 * v**2 for v in x], power=2)
    assert (law.a, law.b) == pytest.approx((3, 2))
    assert law.residual == pytest.approx(0, abs=1e-9)
    value, (low, high) = law.reach(203)
    assert value == pytest.approx(10)
    assert low == pytest.approx(10, abs=1e-4)
    assert high == pytest.approx(10, abs=1e-4)


def test_affine_weighs_relative_misses_by_hand() -> None:
    # y = b x exactly but for the last, ten per cent above: a = 0 would miss it by 10 %
    law = st.affine([1, 10, 100], [1.0, 10.0, 110.0])
    assert 1.0 < law.b < 1.1
    assert law.b_interval[0] < law.b < law.b_interval[1]
    assert law.n == 3


def test_affine_without_growth_is_never_reached() -> None:
    law = st.affine([1, 2, 3, 4], [5.0, 4.0, 5.0, 4.0])
    assert law.reach(100)[1][1] == math.inf
    with pytest.raises(ValueError, match="3 distinct"):
        st.affine([1, 1, 2], [1, 1, 2])


def test_median_ratio_is_the_ratio_with_an_interval_around_it() -> None:
    value, (low, high) = st.median_ratio([2, 4, 6, 8, 10], [1, 2, 3, 4, 5], seed=3)
    assert value == 2.0
    assert low <= 2.0 <= high
    assert st.median_ratio([4, 4], [2, 2], seed=0) == (2.0, (2.0, 2.0))
    with pytest.raises(ValueError, match="empty"):
        st.median_ratio([], [1], seed=0)


def test_rate_interval_of_a_poisson_process_is_the_textbook_one() -> None:
    # gaps of a Poisson process have dispersion 1: 100 events, 100 ± 19.6
    assert st.rate_interval(100.0, 100, 1.0) == pytest.approx((80.4, 119.6))
    assert st.rate_interval(10.0, 4, 1.0) is None
    assert st.rate_interval(10.0, 50, math.nan) is None
