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
        (["confirmée"] * 3, "nous comptons 3 confirmées"),
        (["confirmée", "nuancée", "réfutée"], "1 réfutée, 1 nuancée et 1 confirmée"),
        (["réfutée"], "Sur 1 affirmation éprouvée"),
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
    assert "Tient en partie\u00a0: [@affirmation-S3]." in told[0][1]
    assert "Conseil de S1." in told[1][1]
    assert "S2" not in told[0][1] + told[1][1]


def counted(id, value, n, unit="contre-exemples"):
    return Kpi(id=id, chapitre="c", libelle="l", valeur=value, unite=unit, n=n, methode="m")


@pytest.mark.parametrize(
    ("kpis", "expected"),
    [
        ([], "Sur 1 affirmation"),
        ([counted(f"{dire.ORDINARY}.file", 0, 30), counted(f"{dire.ORDINARY}.sqlite", 0, 40)],
         "MLflow 3.17.2 rend telles quelles les 70 entrées ordinaires essayées. Sur"),
        ([counted(f"{dire.ORDINARY}.file", 2, 30)], "altère 2 des 30 entrées ordinaires"),
        ([counted(dire.LOST, 0, 30)], "ne perd aucune des 30 écritures synchrones"),
        ([counted(dire.LOST, 0.1, 30, "proportion")], "perd 3 des 30 écritures"),
        ([counted("reproductibilite.reussite.conclusion.mlflow", 0.825, 40, "proportion")],
         "MLflow ne suffit pas toujours à refaire une expérience (33 sur 40"),
        ([counted("reproductibilite.reussite.conclusion.mlflow", 1, 40, "proportion")],
         "ramène à la même conclusion les 40 expériences refaites"),
        ([counted(dire.LOST, 0, 9), counted("tracabilite.changements.suivis.sqlite", 0, 37, "proportion")],
         "Mais il ne garde pour aucune des 37 sortes de changements"),
        ([counted("tracabilite.changements.suivis.sqlite", 0.5, 36, "proportion")],
         "garde l’ancienne valeur, la date et l’auteur de 18 sortes de changements sur 36"),
    ],
)  # fmt: skip
def test_the_general_answer_begins_with_what_was_measured(kpis, expected):
    answer = dire.brief(made(["confirmée"], kpis))["answer"]
    assert expected in answer.replace("\u00a0", " ").replace("\u202f", " ")


def test_expectations_of_readers_are_counted_apart():
    synthesis = made(["confirmée", "réfutée"])
    for v in synthesis.verdicts:
        synthesis.register.append(
            Claim(id=v.id, domaine=v.domaine, chapitre=v.chapitre, enonce=v.enonce, source=v.source,
                  critere=Criterion(forme="universelle", kpis=["a.b"], texte="t"), attente=v.id == "S2")
        )  # fmt: skip
    answer = dire.brief(synthesis)["answer"].replace("\u00a0", " ").replace("\u202f", " ")
    assert "Sur 1 affirmation éprouvée" in answer
    assert "1 attente de lecteur, que MLflow ne promet pas : 1 réfutée." in answer


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ([("confirmée", True), ("réfutée", False)], "tient"),
        ([("confirmée", False)], "ne tient pas"),
        ([("réfutée", True)], "ne tient pas"),
        ([("confirmée", True), ("réfutée", True)], "tient en partie"),
        ([("nuancée", True)], "tient en partie"),
        ([("non éprouvée", True)], "non tranché ici"),
    ],
)
def test_verdicts_tell_for_or_against_an_earlier_text(kinds, expected):
    assert dire._stance([(verdict(kind), same) for kind, same in kinds]) == expected


def test_what_holds_says_how_much_supports_it():
    bounded = verdict("confirmée", motif="aucun contre-exemple : a ; taux d’échec d’au plus 0,3 %")
    assert dire._support(bounded, {}) == "taux d’échec d’au plus 0,3 %"
    counts = verdict("confirmée").model_copy(update={"preuves": ["a.x", "a.y"]})
    kpis = {k.id: k for k in (counted("a.x", 0, 40), counted("a.y", 0, 12))}
    assert dire._support(counts, kpis).replace("\u00a0", " ") == "n = 12"


def test_a_share_of_few_cases_is_told_as_a_count():
    assert dire._cell(counted("a.b", 0.875, 8, "proportion")) == "7 sur 8"
    assert "n\u00a0=" in dire._cell(counted("a.b", 0.5, 1000, "proportion"))


@pytest.mark.parametrize(
    ("iso", "text"), [("2026-11-24", "24 novembre 2026"), ("2026-08-01T1", "1 août 2026")]
)
def test_dates_are_french(iso, text):
    assert dire.day(iso).replace("1er", "1") == text


def test_a_number_of_cases_that_all_columns_share_is_told_once():
    item = dire.SubjectKpi("stockage", "nom", "mesure", "a.b")
    both = {k.id: k for k in (counted("a.b.file", 2, 8, ""), counted("a.b.sqlite", 3, 8, ""))}
    row = dire._kpi_row(both, item)
    assert row["Mesure"].endswith("(n\u00a0=\u00a08)")
    assert (row["fichiers"], row["SQLite"]) == ("2", "3")
    both["a.b.file"] = counted("a.b.file", 2, 9, "")
    assert "n\u00a0=\u00a09" in dire._kpi_row(both, item)["fichiers"]
