"""Environments as of a date, and the account of a release."""

from datetime import date

import pandas as pd
import pytest

from mlflow_study.executables import find_uv
from mlflow_study.reproducibility.environments import (
    ResolutionError,
    interpreter,
    normal_name,
    resolve,
    without_paths,
)
from mlflow_study.reproducibility.kpis import (
    MODELS_BACK,
    careful_against_notebook,
    releases,
    stage_success,
)
from mlflow_study.reproducibility.recorded import FOLDER, read_recorded, recorded_digest
from mlflow_study.reproducibility.releases import RELEASES, Ledger, recorded_requirements

needs_uv = pytest.mark.skipif(find_uv() is None, reason="uv is not installed")


def test_twelve_releases_from_2_3_to_3_17_in_order():
    assert len(RELEASES) >= 12
    assert list(RELEASES.values()) == sorted(RELEASES.values())
    assert next(iter(RELEASES)).startswith("2.3")
    assert list(RELEASES)[-1].startswith("3.17")


def test_names_and_messages_are_normal():
    assert normal_name("Flask_SQLAlchemy") == "flask-sqlalchemy"
    told = without_paths("at /home/me/env/lib/x.py from https://host.invalid/simple/six and 1/2")
    assert "home" not in told
    assert "host" not in told
    assert "1/2" in told


@needs_uv
def test_the_date_decides_the_version():
    old, new = resolve(["six"], date(2020, 6, 1)), resolve(["six"], date(2022, 1, 1))
    assert old == ["six==1.15.0"]
    assert new == ["six==1.16.0"]
    with pytest.raises(ResolutionError):
        resolve(["six==99"], date(2022, 1, 1))
    assert interpreter().exists()


def test_the_record_is_read_as_it_stands():
    record = {}
    for model in ("lineaire", "foret"):
        record[f"{model}/requirements.txt"] = "mlflow==2.9.2\nnumpy==1.26.2\n"
        record[f"{model}/python_env.yaml"] = (
            "python: 3.11\nbuild_dependencies: [pip==23, setuptools]\n"
        )
    assert recorded_requirements(record) == [
        "mlflow==2.9.2",
        "numpy==1.26.2",
        "pip==23",
        "setuptools",
    ]


def test_a_stage_that_was_not_tried_is_not_reached():
    ledgers = [Ledger("2.9.2"), Ledger("3.0.1")]
    ledgers[0].note("actuel", "importer", True, "", 1.0)
    ledgers[0].note("actuel", "ouvrir", True, "", 0.0)
    ledgers[1].note("actuel", "importer", False, "/tmp/a/b: no", 1.0)
    stages = pd.DataFrame([row for ledger in ledgers for row in ledger.rows])
    wide = stage_success(stages)
    assert list(wide[("actuel", "importer")]) == [True, False]
    assert list(wide[("actuel", "ouvrir")]) == [True, False]
    assert "tmp" not in stages["detail"].iloc[-1]


class Records:
    """The KPIs that a chapter would keep, by id."""

    def __init__(self):
        self.kept = {}

    def kpi(self, id, label, value, unit, **rest):
        self.kept[id] = {"valeur": value, **rest}

    def not_measured(self, id, label, unit, **rest):
        self.kept[id] = {"valeur": None, **rest}


def test_an_environment_that_imports_and_loads_no_model_does_not_serve():
    ledgers = [Ledger("2.9.2"), Ledger("3.0.1"), Ledger("3.17.2")]
    for ledger, reached in zip(ledgers, ((), ("importer",), MODELS_BACK), strict=True):
        for stage in MODELS_BACK:
            ledger.note("actuel", stage, stage in reached, "", 0.0)
    for gap in (0.0, 40.0):
        ledgers[2].note("migre", "prédictions proches foret", gap == 0, f"écart {gap:.3g}", 0.0)
    stages = pd.DataFrame([row for ledger in ledgers for row in ledger.rows])
    chapter = Records()
    releases(chapter, stages, pd.DataFrame({"date": ["2026-11-24"]}))
    assert chapter.kept["reproductibilite.temps.sans_modeles.actuel"]["valeur"] == 2
    assert chapter.kept["reproductibilite.temps.sans_modeles.jour"]["valeur"] == 3  # never tried
    assert chapter.kept["reproductibilite.temps.ecart_predictions.foret"]["valeur"] == 40
    assert "intervalle" not in chapter.kept["reproductibilite.temps.importer.actuel"]


def test_subjects_played_both_ways_are_compared_one_by_one():
    rungs = pd.DataFrame(
        [
            {"sujet": subject, "enregistrement": name, "echelon": rung}
            for subject, *both in (("a", 5, 0), ("b", 2, 5), ("c", 5, 2), ("d", 1, 1))
            for name, rung in zip(("soin", "carnet"), both, strict=True)
        ]
    )
    chapter = Records()
    careful_against_notebook(chapter, rungs)
    (found,) = chapter.kept.values()
    assert (found["valeur"], found["n"]) == (1, 4)
    assert found["conditions"] == {"soin": 1, "carnet": 0, "p": 1.0}


@pytest.mark.skipif(not FOLDER.exists(), reason="no recorded pass in this checkout")
def test_the_recorded_pass_is_dated_and_whole():
    tables = read_recorded(recorded_digest())
    assert set(tables["etapes"]["release"]) == set(RELEASES)
    assert tables["contexte"]["date"].iloc[0]
    text = " ".join(tables["etapes"]["detail"].astype(str))
    assert "http" not in text
    assert "/work" not in text
