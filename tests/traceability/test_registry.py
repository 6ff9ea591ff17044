"""The registry's life: the journal is the truth, the log equals it, the prudent never lie."""

from __future__ import annotations

import pandas as pd
import pytest

from mlflow_study.stores import open_store
from mlflow_study.traceability.registry_history import KINDS, Journal, live_registry
from mlflow_study.traceability.remedies import (
    measure_audit_cost,
    measure_convention,
    promote,
    promotions,
)


@pytest.fixture(scope="module")
def life() -> dict[str, pd.DataFrame]:
    return live_registry(["sqlite"], events=150, queries=200, seed=3, repeats=2)


def test_a_journal_tells_any_moment() -> None:
    journal, fact = Journal(), ("alias", "m", "", "a")
    assert journal.at(5, fact) is None
    journal.note(10, fact, "1")
    journal.note(20, fact, None)
    journal.note(30, fact, "2")
    assert [journal.at(t, fact) for t in (9, 10, 19, 20, 29, 30)] == [
        None,
        "1",
        "1",
        None,
        None,
        "2",
    ]


def test_readers(life: dict[str, pd.DataFrame]) -> None:
    questions = life["questions"]
    assert set(questions["nature"]) == set(KINDS)
    shares = questions.groupby("lecteur")["note"].value_counts(normalize=True).unstack(fill_value=0)
    assert shares.loc["journal", "juste"] == 1
    assert shares.loc["prudent", "fausse"] == 0
    assert shares.loc["naif", "fausse"] > 0
    alias = questions[(questions["lecteur"] == "prudent") & (questions["nature"] == "alias")]
    assert set(alias["note"]) == {"absente"}


def test_the_same_seed_lives_the_same_life(life: dict[str, pd.DataFrame]) -> None:
    again = live_registry(["sqlite"], events=150, queries=200, seed=3, repeats=2)
    assert again["vie"]["versions"].tolist() == life["vie"]["versions"].tolist()
    pd.testing.assert_frame_equal(again["lignee"], life["lignee"])


def test_lineage_and_access(life: dict[str, pd.DataFrame]) -> None:
    links = life["lignee"].set_index("maillon")
    assert (links.loc[["modèle", "run", "données", "code"], "complets"] == links["n"].iloc[0]).all()
    assert life["acces"]["evenements"].max() == 150
    assert (life["acces"]["temps_s"] > 0).all()


def test_promote_keeps_who_when_and_where() -> None:
    with open_store("sqlite") as store:
        client = store.client()
        run = client.create_run(store.create_experiment())
        client.create_registered_model("m")
        for place in "ab":
            client.create_model_version("m", f"{run.info.artifact_uri}/{place}", run.info.run_id)
        promote(client, "m", "champion", "1")
        promote(client, "m", "champion", "2")
        history = promotions(client, "m")
        assert [note["version"] for note in history] == ["1", "2"]
        assert history[0]["at"] <= history[1]["at"]
        assert all(note["by"] for note in history)
        assert client.get_model_version_by_alias("m", "champion").version == 2


def test_the_convention_needs_discipline() -> None:
    notes = measure_convention(["sqlite"], moves=10, discipline=[1.0, 0.5], seed=1)
    share = notes.groupby("discipline")["note"].agg(lambda n: (n == "juste").mean())
    assert share[1.0] == 1
    assert share[0.5] < 1


def test_the_cost_is_measured_on_both_sides() -> None:
    cost = measure_audit_cost(["sqlite"], repeats=3, seed=1)
    assert cost.groupby(["operation", "journal"]).size().eq(3).all()
