"""The ladder, on results worked out by hand."""

import numpy as np
import pytest

from mlflow_study.reproducibility.judging import Result, compare, conclude, margin

P = np.array([0.25, 0.75])


def result(loss, predictions=P, name="loss"):
    return Result({name: loss}, predictions)


@pytest.mark.parametrize(
    ("again", "rung"),
    [
        (result(0.5), 5),
        (result(0.5, P + 1e-16), 4 if (P + 1e-16 != P).any() else 5),
        (result(0.5, P.astype("float32")), 4),
        (result(0.5, None), 4),
        (result(np.nextafter(0.5, 1)), 3),
        (result(0.5 * (1 + 2e-6)), 1),
        (result(0.5, name="other"), 1),
    ],
)
def test_rung_of_a_single_run(again, rung):
    assert compare(result(0.5), again).rung == rung


def test_equivalence_needs_repetitions_and_a_small_difference():
    rng = np.random.default_rng(0)
    originals, same, other = rng.normal(1, 0.1, 20), rng.normal(1, 0.1, 20), rng.normal(2, 0.1, 20)
    apart = compare(result(0.5), result(0.6))
    assert conclude(apart, originals, same).rung == 2
    assert conclude(apart, originals, other).rung == 1
    assert conclude(apart, originals[:1], same).rung == 1


def test_a_better_rung_is_not_lowered():
    assert conclude(compare(result(0.5), result(0.5)), [1.0, 1.0], [9.0, 9.0]).rung == 5


def test_margin_has_a_floor_for_programs_that_do_not_vary():
    assert margin([2.0, 2.0, 2.0]) == pytest.approx(0.002)
    assert margin([1.0, 3.0]) == pytest.approx(3 * np.sqrt(2))
