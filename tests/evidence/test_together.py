"""Several instruments at once give what they give one by one, and are remembered alike."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

from mlflow_study.errors import EvidenceError
from mlflow_study.evidence.observations import Laboratory


def count(n: int) -> pd.DataFrame:
    return pd.DataFrame({"i": range(n), "process": os.getpid()})


def parts(n: int) -> dict[str, pd.DataFrame]:
    return {"a": count(n)[["i"]], "b": count(n + 1)[["i"]]}


def fail() -> pd.DataFrame:
    raise RuntimeError("instrument")


JOBS = {"one": (count, {"n": 3}), "two": (parts, {"n": 2})}


def test_same_tables_in_other_processes_then_read_back(tmp_path: Path) -> None:
    laboratory = Laboratory(tmp_path)
    found = laboratory.measure_together(JOBS)
    assert found["one"]["i"].tolist() == [0, 1, 2]
    assert os.getpid() not in set(found["one"]["process"])
    assert sorted(found["two"]) == ["a", "b"]
    assert [entry["origine"] for entry in laboratory.log] == ["mesurée", "mesurée"]
    again = Laboratory(tmp_path)
    pd.testing.assert_frame_equal(again.measure_together(JOBS)["one"], found["one"])
    alone = again.measure("one", count, n=3)  # the same key, whichever way it was measured
    pd.testing.assert_frame_equal(alone, found["one"])
    assert {entry["origine"] for entry in again.log} == {"relue"}


def test_a_failing_instrument_is_heard(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="instrument"):
        Laboratory(tmp_path).measure_together({"bad": (fail, {}), **JOBS})
    again = Laboratory(tmp_path)
    again.measure_together(JOBS)
    assert {entry["origine"] for entry in again.log} == {"relue"}  # what had ended was kept


def test_recorded_evidence_is_never_measured(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError):
        Laboratory(tmp_path / "new", recorded=tmp_path / "old").measure_together(JOBS)
