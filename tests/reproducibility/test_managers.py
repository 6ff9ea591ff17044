"""Environment managers of ``mlflow run``: tried where they can be, otherwise said why not."""

import pytest

from mlflow_study.executables import find_uv
from mlflow_study.reproducibility.managers import MANAGERS, measure_managers


def test_nothing_is_tried_unless_asked_and_every_gap_has_a_reason():
    table = measure_managers(False)
    assert list(table["gestionnaire"]) == list(MANAGERS)
    assert table["reussi"].isna().all()
    assert (table["motif"] != "").all()


@pytest.mark.lent
@pytest.mark.skipif(find_uv() is None, reason="uv is not installed")
def test_uv_is_really_tried():
    row = measure_managers(True).set_index("gestionnaire").loc["uv"]
    assert row["reussi"] is not None
    assert row["reussi"] or row["motif"]
