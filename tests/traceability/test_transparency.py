"""Records read and runs found: checked against what was put in."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from mlflow_study.stores import open_store
from mlflow_study.traceability.kpis import field_classes, fields_asked, record_retrieval
from mlflow_study.traceability.transparency import (
    FIELDS,
    TASKS,
    CountingClient,
    _hide,
    open_record,
    read_records,
    time_retrieval,
)


def test_each_task_tells_right_from_wrong() -> None:
    with open_store("sqlite") as store:
        needles = _hide(store, 0, store.create_experiment())
        wrong = replace(
            needles, best="x", on_data={"x"}, commit="x", values=[0.0], versions=[needles.best] * 2
        )
        for label, task in TASKS.items():
            client = CountingClient(store.client())
            assert task(client, needles), label
            assert client.calls >= 1
            assert not task(store.client(), wrong), label


def test_retrieval_is_timed_at_each_size_and_capped() -> None:
    table = time_retrieval(["sqlite"], [20, 60], repeats=3, cap_s=10, seed=1)
    assert table.groupby(["runs", "tache"]).size().eq(3).all()
    assert table["juste"].all()
    capped = time_retrieval(["sqlite"], [20], repeats=3, cap_s=0.0, seed=1)
    assert capped.groupby("tache").size().eq(1).all()
    assert capped["plafond"].all()


def test_a_repeated_search_is_one_case() -> None:
    rows = [
        {
            "backend": "sqlite",
            "runs": runs,
            "tache": task,
            "juste": right,
            "temps_s": 0.1,
            "appels": 1,
        }
        for runs, task, right in (
            (10, "t", True),
            (10, "t", False),
            (10, "u", True),
            (20, "t", True),
        )
    ]
    kept: dict[str, tuple[object, object]] = {}

    class Chapter:
        def kpi(self, id: str, label: str, value: object, unit: str, **rest: object) -> None:
            kept[id] = value, rest["n"]

    record_retrieval(Chapter(), pd.DataFrame(rows))
    assert kept["tracabilite.recherche.fausse.sqlite"] == (1, 3)


def test_an_empty_record_and_a_full_one() -> None:
    with open_store("sqlite") as store:
        client = store.client()
        experiment = store.create_experiment()
        bare = client.create_run(experiment).info.run_id
        full = client.create_run(experiment).info.run_id
        for key, value in {
            "mlflow.note.content": "pourquoi",
            "mlflow.source.git.commit": "c",
            "host": "calcul-3",
            "command": "train.py --lr=0.1",
        }.items():
            client.set_tag(full, key, value)
        client.log_param(full, "seed", 1)
        client.log_text(full, "print()", "train.py")
        for step in (0, 1):
            client.log_metric(full, "loss", 0.5, step=step)
        fields = {field.id: field for field in FIELDS}
        empty, rich = open_record(store, bare), open_record(store, full)
        for name in ("objectif", "commit", "machine", "arguments", "graine", "code", "evolution"):
            assert fields[name].filled(rich), name
            assert not fields[name].filled(empty), name


@pytest.mark.lent
def test_the_population_is_read_in_every_way() -> None:
    table = read_records(1)
    assert set(table["enregistrement"]) == {"autolog", "tutoriel", "soin", "projet", "modele"}
    filled = table.set_index(["enregistrement", "champ"])["rempli"]
    assert filled["autolog", "parametres"]
    assert not filled["tutoriel", "code"]
    assert filled["soin", "code"]


def test_field_classes() -> None:
    rows = [("a", True, True), ("b", True, False), ("c", False, False)]
    table = pd.DataFrame(
        [
            {"champ": f, "libelle": f, "groupe": "g", "enregistrement": e, "rempli": v}
            for f, x, y in rows
            for e, v in (("e1", x), ("e2", y))
        ]
    )
    assert field_classes(table)["classe"].tolist() == ["seul", "demandé", "jamais"]


def test_only_what_can_be_asked_is_kept() -> None:
    asked = [
        ("iris-logistique", "graine"), ("wine-foret", "graine"), ("wine-foret", "commit"),
        ("wine-foret", "materiel"), ("wine-foret", "parametres"),
    ]  # fmt: skip
    table = pd.DataFrame(asked, columns=["sujet", "champ"]).assign(libelle="x")
    kept = fields_asked(table)
    assert kept["champ"].tolist() == ["commit", "parametres", "graine"]
    assert kept["sujet"].unique().tolist() == ["wine-foret"]
    assert "hyperparamètres (au moins un)" in set(kept["libelle"])
