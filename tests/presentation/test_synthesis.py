"""The synthesis says the other way when the evidence turns out the other way."""

from __future__ import annotations

from datetime import date

import pytest

from mlflow_study.evidence.records import Claim, Context, Criterion, Kpi, Source, Verdict
from mlflow_study.evidence.synthesis import Synthesis
from mlflow_study.presentation import synthesis as dire


def verdict(kind, number=1, motif="vérifiée : a ; contredite : b"):
    return Verdict(
        id=f"S{number}",
        domaine="stockage",
        enonce="Énoncé.",
        source=Source(titre="t", lien="l", lu=date(2026, 11, 24)),
        critere="c",
        verdict=kind,
        motif=motif,
        preuves=[],
        temoin=None,
        chapitre="01_stockage",
    )


def made(kinds, kpis=(), answers=None):
    context = Context(
        mlflow="3.17.2",
        python="3.11",
        versions={},
        machine={"coeurs": 2, "memoire_octets": 10**9},
        commit=None,
        depot_modifie=None,
        profil="essai",
        parametres={},
        graine=1,
        debut="2026-11-24T10:00:00+00:00",
    )
    verdicts = [verdict(kind, i) for i, kind in enumerate(kinds, 1)]
    return Synthesis({k.id: k for k in kpis}, verdicts, context, answers or {}, [])


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ([], "n’a tranché aucune"),
        (["indéterminée", "non éprouvée"], "n’a tranché aucune"),
        (["confirmée"] * 3, "tient sans réserve 3 des 3 affirmations"),
        (["confirmée", "nuancée", "réfutée"], "tient sans réserve 1 des 3 affirmations"),
        (["réfutée"], "tient sans réserve 0 des 1 affirmation tranchée"),
    ],
)
def test_the_general_answer_follows_the_verdicts(kinds, expected):
    answer = dire.brief(made(kinds))["answer"].replace("\u00a0", " ").replace("\u202f", " ")
    assert expected in answer


def test_untested_claims_do_not_count_in_the_answer():
    answer = dire.brief(made(["confirmée", "non éprouvée"]))["answer"]
    assert "1 affirmation éprouvée" in answer.replace("\u00a0", " ").replace("\u202f", " ")


def test_counts_agree_in_number_and_keep_the_order():
    text = dire.counted({"confirmée": 2, "réfutée": 1}).replace("\u00a0", " ")
    assert text == "1 réfutée et 2 confirmées"
    assert dire.counted({}) == "aucune affirmation jugée"


def test_a_list_shows_what_tells_against_a_claim():
    assert dire._against(verdict("nuancée")) == "contredite : b"
    assert dire._against(verdict("réfutée", motif="contredite : b")) == "contredite : b"


def kpi(id, value):
    return Kpi(id=id, chapitre="c", libelle="l", valeur=value, unite="proportion", methode="m")


def test_a_row_of_the_subject_has_one_column_per_store_that_was_measured():
    item = dire.SubjectKpi("stockage", "nom", "mesure", "a.b")
    row = dire._kpi_row({"a.b.sqlite": kpi("a.b.sqlite", 0.5)}, item)
    assert {k: v.replace("\u00a0", " ") for k, v in row.items()} == {
        "Mesure": "nom : mesure",
        "SQLite": "50 %",
    }


def test_a_measure_without_store_stands_alone():
    item = dire.SubjectKpi("stockage", "nom", "mesure", "a.b", alone=True)
    assert dire.ALONE in dire._kpi_row({"a.b": kpi("a.b", 0.5)}, item)


def test_each_chapter_is_quoted_under_its_question():
    answers = {
        "01_stockage": {"answer": "Dans une base.\n\nLe détail.", "surprise": ""},
        "02_suivi": {"answer": "Presque tout.", "surprise": "Étonnant."},
    }
    brief = dire.brief(made(["confirmée"], answers=answers))
    assert brief["figures"] == ["**Stockage.** Dans une base.", "**Suivi.** Presque tout."]


def test_what_does_not_hold_is_told_by_what_a_user_meets(monkeypatch):
    told = []
    monkeypatch.setattr(dire.page, "finding", lambda title, text: told.append((title, text)))
    synthesis = made(["réfutée", "confirmée", "nuancée"])
    criterion = Criterion(forme="universelle", kpis=["a.b"], texte="t")
    for v, meets in zip(synthesis.verdicts, ("manque", "silence", "silence"), strict=True):
        synthesis.register.append(
            Claim(
                id=v.id,
                domaine=v.domaine,
                chapitre=v.chapitre,
                enonce=v.enonce,
                source=v.source,
                critere=criterion,
                consequence=meets,
                conseil=f"Conseil de {v.id}.",
            )
        )
    dire.failings(synthesis)
    assert [title.partition("\u00a0")[0] for title, _ in told] == [
        "Altéré, perdu ou dit faux, en silence",
        "Ni gardé, ni retrouvé",
    ]
    assert "Conseil de S3." in told[0][1]
    assert "S2" not in told[0][1] + told[1][1]


@pytest.mark.parametrize(
    ("iso", "text"), [("2026-11-24", "24 novembre 2026"), ("2026-08-01T1", "1 août 2026")]
)
def test_dates_are_french(iso, text):
    assert dire.day(iso).replace("1er", "1") == text
