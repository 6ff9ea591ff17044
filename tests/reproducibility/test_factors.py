"""One factor at a time: every factor of the list is there, tried or said why not."""

import pytest

from mlflow_study.reproducibility.factors import FACTORS, FRESH_FACTORS, measure_factors


@pytest.mark.lent
def test_every_factor_is_a_row_and_the_witnesses_do_not_move():
    table = measure_factors(False).set_index("facteur")
    assert list(table.index) == [f.name for f in (*FACTORS, *FRESH_FACTORS)]
    for name in ("rien (témoin)", "rien (témoin), processus neuf", "autre dossier"):
        assert table.loc[name, "motif"] == ""
        assert not table.loc[name, "bouge"], name
    assert table.loc["graine, passée en paramètre", "bouge"]
    assert "paramètre seed" in table.loc["graine, passée en paramètre", "remarque"]
    assert table.loc["autre utilisateur", "remarque"] == "étiquette mlflow.user"
    for name in ("autre version de scikit-learn", "autre version de Python (3.12)"):
        assert table.loc[name, "motif"]
