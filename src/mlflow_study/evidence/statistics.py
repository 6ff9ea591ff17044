"""Intervals, tests and fits: the only statistics that the report may quote.

Every function takes plain numbers and returns plain numbers, so that each one
can be checked against values worked out by hand.  All intervals are two-sided
at 95 % unless ``confidence`` says otherwise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

CONFIDENCE = 0.95
Interval = tuple[float, float]


def wilson(successes: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    """Wilson score interval of a proportion, ``successes`` out of ``n``.

    Source: E. B. Wilson, JASA 22 (1927). Raises ValueError if n < 1 or if
    ``successes`` is not within 0..n.
    """
    from scipy.stats import binomtest

    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"{successes} successes out of {n}")
    ci = binomtest(successes, n).proportion_ci(confidence, method="wilson")
    return float(ci.low), float(ci.high)


def zero_failure_bound(n: int, confidence: float = CONFIDENCE) -> float:
    """One-sided upper bound of a failure rate when 0 failures came in ``n`` tries.

    Exact (Clopper–Pearson): 1 - (1 - confidence)^(1/n), about 3/n at 95 %.
    """
    if n < 1:
        raise ValueError("n must be at least 1")
    return 1.0 - float((1.0 - confidence) ** (1.0 / n))


def quantile_min_n(q: float, confidence: float = CONFIDENCE) -> int:
    """Smallest n for which the sample maximum bounds quantile ``q`` from above.

    P(max >= quantile) = 1 - q^n >= confidence: 59 for p95, 299 for p99.
    """
    return math.ceil(math.log(1.0 - confidence) / math.log(q))


@dataclass(frozen=True)
class Quantile:
    """A sample quantile; ``interval`` is None where n is too small for one."""

    q: float
    value: float
    interval: Interval | None
    n: int


def quantile(sample: ArrayLike, q: float, confidence: float = CONFIDENCE) -> Quantile:
    """Quantile ``q`` with a distribution-free interval from order statistics.

    The ranks come from the binomial (n, q) (David & Nagaraja, Order Statistics, 2003,
    §7.1), the error shared between both ends.  Where the sample maximum is the upper end,
    what it leaves of the error goes to the lower one, so that coverage stays at least
    ``confidence``.  Where no two ranks reach it (a median below n = 6, p95 below 59), the
    interval is None: the reader is told «n insuffisant».
    """
    from scipy.stats import binom

    x = np.sort(np.asarray(sample, dtype=float))
    n = int(x.size)
    if n == 0:
        raise ValueError("empty sample")
    value = float(np.quantile(x, q))
    if q < 0.5:
        mirror = quantile(-x, 1.0 - q, confidence).interval
        return Quantile(q, value, None if mirror is None else (-mirror[1], -mirror[0]), n)
    below = above = (1.0 - confidence) / 2
    high = int(binom.ppf(1 - above, n, q)) + 1
    if high > n:
        high, below = n, 1.0 - confidence - q**n
    low = int(binom.ppf(below, n, q)) if below > 0 else 0
    interval = (float(x[low - 1]), float(x[high - 1])) if 1 <= low < high else None
    return Quantile(q, value, interval, n)


def median_ratio(
    numerator: ArrayLike, denominator: ArrayLike, *, seed: int
) -> tuple[float, Interval]:
    """Ratio of two medians with its bootstrap interval (independent samples).

    Percentile bootstrap (Efron & Tibshirani, 1993), all resamples at once: a report asks for
    hundreds.
    """
    a, b = np.asarray(numerator, dtype=float), np.asarray(denominator, dtype=float)
    if a.size == 0 or b.size == 0:
        raise ValueError("empty sample")
    rng = np.random.default_rng(seed)
    above, below = (np.median(x[rng.integers(0, x.size, (2000, x.size))], axis=1) for x in (a, b))
    alpha = 1.0 - CONFIDENCE
    low, high = np.quantile(above / below, [alpha / 2, 1 - alpha / 2])
    return float(np.median(a) / np.median(b)), (float(low), float(high))


def rate_interval(rate: float, n: int, dispersion: float) -> Interval | None:
    """Interval of a rate of ``n`` events whose gaps have this coefficient of variation.

    Renewal theorem: the count in a fixed time is asymptotically normal with variance
    n · dispersion² (Cox, Renewal Theory, 1962, §3.3).  None below 5 events.
    """
    if n < 5 or not math.isfinite(dispersion):
        return None
    half = 1.96 * dispersion / math.sqrt(n)
    return max(0.0, rate * (1 - half)), rate * (1 + half)


@dataclass(frozen=True)
class Growth:
    """y = a · x^b fitted on logarithms; ``residual`` is the largest |log10| miss.

    ``b_interval`` is None where the points are too few for one.
    """

    a: float
    b: float
    b_interval: Interval | None
    residual: float
    n: int


def power_law(x: ArrayLike, y: ArrayLike, confidence: float = CONFIDENCE) -> Growth:
    """Power law by the median of the slopes between points, which a few accidents do not move.

    Durations err on one side (something else took the processor), by factors: one such call
    widens Student's interval without end, and Sen's hardly.  Needs 3 distinct abscissae.
    Source: P. K. Sen, JASA 63, 1968 (Theil–Sen).

    Under no law at all, ordinates rise with their abscissae (ties in groups of t) once in
    n! / ∏ t!, and fall as often: where that is too often, even the widest interval, from the
    least slope to the greatest, covers less than ``confidence``, and there is none.
    """
    from scipy import stats

    xs, ys = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if xs.size != ys.size or np.unique(xs).size < 3 or (xs <= 0).any() or (ys <= 0).any():
        raise ValueError("a power law needs 3 distinct positive abscissae")
    lx, ly = np.log10(xs), np.log10(ys)
    b, intercept, low, high = map(float, stats.theilslopes(ly, lx, confidence))
    miss = float(np.abs(ly - (intercept + b * lx)).max())
    ties = np.unique(xs, return_counts=True)[1].tolist()
    chance = 2 * math.prod(map(math.factorial, ties)) / math.factorial(xs.size)
    interval = (low, high) if chance <= 1 - confidence else None
    return Growth(float(10**intercept), b, interval, miss, int(xs.size))


@dataclass(frozen=True)
class Line:
    """y = a + b · x with Student's interval on b."""

    a: float
    b: float
    b_interval: Interval
    n: int


def straight_line(x: ArrayLike, y: ArrayLike, confidence: float = CONFIDENCE) -> Line:
    """Least-squares line, for a size in bytes against a count: b is bytes per item."""
    from scipy import stats

    xs, ys = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if xs.size != ys.size or np.unique(xs).size < 3:
        raise ValueError("a line with an interval needs 3 distinct abscissae")
    fit = stats.linregress(xs, ys)
    half = float(stats.t.ppf(0.5 + confidence / 2, xs.size - 2) * fit.stderr)
    b = float(fit.slope)
    return Line(float(fit.intercept), b, (b - half, b + half), int(xs.size))


@dataclass(frozen=True)
class Affine:
    """y = a + b · x^power, relative errors; ``residual`` is the largest relative miss."""

    a: float
    b: float
    b_interval: Interval
    power: int
    residual: float
    n: int

    def reach(self, y: float) -> tuple[float, Interval]:
        """The x where the law reaches ``y``, and where it does with the bounds of b.

        Infinite where b is not positive.
        """

        def at(b: float) -> float:
            if b <= 0:
                return math.inf
            return float((max(y - self.a, 0.0) / b) ** (1.0 / self.power))

        return at(self.b), (at(self.b_interval[1]), at(self.b_interval[0]))


def affine(x: ArrayLike, y: ArrayLike, power: int = 1, confidence: float = CONFIDENCE) -> Affine:
    """Least squares of the *relative* misses of y = a + b · x^power: a duration with a fixed
    part and a part that grows, measured over several decades, where large values also
    spread more.  Student's interval on b.  Needs 3 distinct abscissae and positive y.
    """
    from scipy import stats

    xs, ys = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if xs.size != ys.size or np.unique(xs).size < 3 or (ys <= 0).any():
        raise ValueError("a law needs 3 distinct abscissae and positive ordinates")
    design = np.column_stack([1.0 / ys, xs**power / ys])
    solution, *_ = np.linalg.lstsq(design, np.ones_like(ys), rcond=None)
    misses = 1.0 - design @ solution
    freedom = xs.size - 2
    variance = float(misses @ misses) / freedom * np.linalg.inv(design.T @ design)[1, 1]
    a, b = float(solution[0]), float(solution[1])
    half = float(stats.t.ppf(0.5 + confidence / 2, freedom) * math.sqrt(max(variance, 0.0)))
    return Affine(a, b, (b - half, b + half), power, float(np.abs(misses).max()), int(xs.size))


def equivalent(
    a: ArrayLike, b: ArrayLike, margin: float, confidence: float = CONFIDENCE
) -> tuple[bool, Interval]:
    """Two one-sided tests (TOST, Schuirmann 1987): are two means within ``margin``?

    Returns (equivalent, the 2·confidence-1 Welch interval of the difference a - b).
    """
    from scipy import stats

    x, y = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if x.size < 2 or y.size < 2:
        raise ValueError("each sample needs at least 2 values")
    difference = float(x.mean() - y.mean())
    vx, vy = x.var(ddof=1) / x.size, y.var(ddof=1) / y.size
    if vx + vy == 0:
        return abs(difference) <= margin, (difference, difference)
    df = (vx + vy) ** 2 / (vx**2 / (x.size - 1) + vy**2 / (y.size - 1))
    half = float(stats.t.ppf(confidence, df) * math.sqrt(vx + vy))
    low, high = difference - half, difference + half
    return (-margin < low and high < margin), (low, high)
