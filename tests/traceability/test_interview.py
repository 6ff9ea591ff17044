"""Provenance questions: right where the journal says so, wrong where a lie was planted."""

from __future__ import annotations

import pandas as pd
import pytest

from mlflow_study.traceability.interview import interview
from mlflow_study.traceability.provenance import validate
from mlflow_study.traceability.questions import QUESTIONS, Question


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return interview(["sqlite"])


def test_at_least_25_questions_in_the_three_classes_of_prov() -> None:
    assert len(QUESTIONS) >= 25
    assert {question.prov for question in QUESTIONS} == {"entité", "activité", "agent"}
    ids = [question.id for question in QUESTIONS]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("answer", "note"),
    [({"a": 1}, "juste"), (None, "absente"), ({}, "partielle"), ({"a": 2}, "fausse")],
)
def test_grades(answer: object, note: str) -> None:
    question = Question(
        "q",
        "entité",
        "?",
        lambda _: answer,
        lambda _: {"a": 1},
        lambda a, t: a.items() <= t.items(),
    )
    assert question.grade(answer, {"a": 1}) == note


def test_planted_lies_are_found_and_facts_confirmed(tables: dict[str, pd.DataFrame]) -> None:
    notes = tables["questions"].set_index("question")["note"]
    for right in ("donnees", "parametres", "commit", "parent", "run-version", "version-en-service"):
        assert notes[right] == "juste", right
    for false in ("mesure-antidatee", "statut", "rapport", "numero-reutilise", "lieu-relecture"):
        assert notes[false] == "fausse", false
    for absent in ("version-passee", "machine", "auteur-alias", "promotions"):
        assert notes[absent] == "absente", absent
    assert notes["tous-parametres"] == "partielle"
    assert notes["donnees-intactes"] == "juste"  # the digest tells that the file was changed


def test_the_model_leads_everywhere(tables: dict[str, pd.DataFrame]) -> None:
    assert tables["modele"]["trouve"].all()


def test_prov_reads_back_and_the_late_point_breaks_a_constraint(
    tables: dict[str, pd.DataFrame],
) -> None:
    assert set(tables["formats"]["relu"]) == {"égal"}
    assert len(tables["contraintes"]) == 1
    assert "après la fin" in tables["contraintes"]["contrainte"].iloc[0]
    ends = set(tables["liens"]["de"]) | set(tables["liens"]["vers"])
    assert ends <= set(tables["noeuds"]["id"])


def test_nothing_of_the_machine_is_kept(tables: dict[str, pd.DataFrame]) -> None:
    text = "".join(table.to_csv() for table in tables.values())
    assert "/tmp" not in text


def test_broken_constraints_are_seen() -> None:
    from datetime import UTC, datetime

    from prov.model import ProvDocument

    document = ProvDocument()
    document.add_namespace("e", "https://example.org/#")
    early, late = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 2, tzinfo=UTC)
    document.activity("e:run", early, late)
    document.entity("e:a")
    document.entity("e:b")
    document.wasGeneratedBy("e:a", "e:run", early)
    assert validate(document) == []
    document.wasGeneratedBy("e:b", "e:run", datetime(2024, 1, 3, tzinfo=UTC))
    assert len(validate(document)) == 1
    document.wasDerivedFrom("e:a", "e:b")
    document.wasDerivedFrom("e:b", "e:a")
    assert "tourne en rond" in validate(document)[-1]
    document.used("e:run", "e:ghost")
    assert any("ghost" in text for text in validate(document))
    document.activity("e:back", late, early)
    assert any("finit avant" in text for text in validate(document))
