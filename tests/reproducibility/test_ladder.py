"""The whole way for one subject: recorded, put away, reproduced, judged."""

import pytest

from mlflow_study.reproducibility.ablation import ABLATIONS, measure_ablation
from mlflow_study.reproducibility.ladder import measure_ladder
from mlflow_study.reproducibility.projects import FORMS, measure_local_projects


@pytest.mark.lent
def test_one_subject_in_every_recording():
    tables = measure_ladder(1, 2)
    rungs = tables["echelle"]
    assert len(rungs[rungs["mode"] == "autonome"]) == 6
    assert set(rungs["enregistrement"]) == {
        "autolog",
        "tutoriel",
        "soin",
        "projet",
        "modele",
        "carnet",
    }
    careful = rungs[rungs["enregistrement"] == "soin"].iloc[0]
    assert careful["echelon"] == 5, careful
    assert careful["faits"] == 0
    assert (tables["journal"]["effort"] == "commande").any()
    dates = tables["champs"].query("variable == 'dates'")
    assert dates["present"].all()


@pytest.mark.lent
def test_taking_the_data_away_stops_the_reproduction():
    table = measure_ablation(("wine-foret",), 3).set_index("retire")
    assert len(table) == len(ABLATIONS)
    assert table.loc["rien (témoin)", "echelon"] == 5
    assert table.loc["les données", "arret"] == "données"
    assert table.loc["le code et l’adresse du dépôt", "arret"] == "code"
    assert table.loc["la graine", "echelon"] < 5


def test_local_repositories_are_looked_at_before_and_after():
    table = measure_local_projects().set_index("forme")
    assert list(table.index) == list(FORMS)
    assert table.loc["dossier de travail", "clonable"]
    assert (
        table["altere"] == (table["tete_deplacee"] | (table["ajouts"] != "") | ~table["clonable"])
    ).all()
