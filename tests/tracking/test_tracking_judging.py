"""The classes of a round trip, on planted reads and refusals."""

import math

import numpy as np
import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

from mlflow_study.tracking import roundtrip as rt
from mlflow_study.tracking.generators import Case, Write


@pytest.mark.parametrize(
    ("given", "got", "same"),
    [
        (0.1, 0.1, True),
        (-0.0, 0.0, False),
        (math.nan, math.nan, True),
        (math.nan, 0.0, False),
        (2**53 + 1, float(2**53), False),
        (2**53, float(2**53), True),
        (True, 1.0, True),
        (np.float32(0.1), float(np.float32(0.1)), True),
        (np.array([2.0]), 2.0, True),
        (np.array([1.0, 2.0]), 1.0, False),
        ("1e3", 1000.0, True),
        (None, 0.0, False),
    ],
)
def test_a_number_is_the_same_or_not(given: object, got: float, same: bool) -> None:
    assert rt.same_number(given, got) is same


def test_only_the_announced_replacement_of_infinity_is_an_announced_alteration() -> None:
    assert rt.announced(math.inf, rt.LARGEST)
    assert rt.announced(-math.inf, -rt.LARGEST)
    assert not rt.announced(math.inf, -rt.LARGEST)
    assert not rt.announced(1.0, rt.LARGEST)


@pytest.mark.parametrize(
    ("error", "clear"),
    [
        (MlflowException("Names may only contain…", INVALID_PARAMETER_VALUE), True),
        (MlflowException("step: (sqlite3.ProgrammingError) [SQL: INSERT…"), False),
        (TypeError("expected string or bytes-like object, got 'int'"), False),
        (OverflowError("int too large to convert to float"), True),
        (OSError(36, "File name too long"), False),
    ],
)
def test_a_refusal_is_clear_or_misleading(error: Exception, clear: bool) -> None:
    assert rt.clear(error) is clear


def test_the_latest_write_is_the_largest_step_then_timestamp_then_value() -> None:
    writes = [Write("m", 9.0, 1, 5), Write("m", 1.0, 2, 3), Write("m", 2.0, 2, 3)]
    assert rt.latest(writes) is writes[2]


def test_planted_histories_get_their_class() -> None:
    from mlflow.entities import Metric

    write = Write("m", 0.5, 3, 7)
    assert rt._judge_history([write], [Metric("m", 0.5, 7, 3)]).classe == "identique"
    assert rt._judge_history([write], [Metric("m", 0.5, 7, 0)]).classe == "altérée en silence"
    assert rt._judge_history([write], []).classe == "acceptée, puis illisible"
    data = Write("m", 0.5, 3, 7, ("iris", "e"))
    assert rt._judge_history([data], [Metric("m", 0.5, 7, 3)]).classe == "altérée en silence"
    kept = Metric("m", 0.5, 7, 3, dataset_name="iris", dataset_digest="e")
    assert rt._judge_history([data], [kept]).classe == "identique"


def test_a_case_is_told_in_one_line() -> None:
    case = Case("métrique", "s", "client", (Write("m", "x" * 500),))
    assert "\n" not in rt.describe(case)
    assert len(rt.describe(case)) <= 400
