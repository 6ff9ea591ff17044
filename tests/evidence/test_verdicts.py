"""Forged evidence for each form of criterion and each verdict."""

from datetime import date

import pytest
from pydantic import ValidationError

from mlflow_study.evidence.records import Claim, Criterion, Kpi, Source
from mlflow_study.evidence.verdicts import examine, judge

SOURCE = Source(titre="page", lien="https://mlflow.org", lu=date(2026, 11, 24))


def kpi(name, value, n=100, interval=None, motif=None):
    return Kpi(
        id=f"stockage.x.{name}",
        chapitre="01_stockage",
        libelle=name,
        valeur=value,
        unite="",
        n=n,
        intervalle=interval,
        methode="forgée",
        conditions={"motif": motif} if motif else {},
    )


def claim(form, **criterion):
    return Claim(
        id="S1",
        domaine="stockage",
        chapitre="01_stockage",
        enonce="…",
        source=SOURCE,
        critere=Criterion(forme=form, kpis=["stockage.x.*"], texte="…", **criterion),
    )


def verdict(a_claim, *kpis, witness=True, chapters=("01_stockage",)):
    witnesses = {"S1": "print(1)\n"} if witness else {}
    return judge(a_claim, {k.id: k for k in kpis}, witnesses, chapters)


UNIVERSAL = claim("universelle", n_min=50)
AT_MOST = claim("borne", seuil=10, sens="au_plus")
AT_LEAST = claim("taux", seuil=0.9, sens="au_moins", n_min=10)
PRESENCE = claim("presence")
EQUAL = claim("egalite", attendu="sqlite")


@pytest.mark.parametrize(
    ("a_claim", "kpis", "expected"),
    [
        (UNIVERSAL, [kpi("a", 0)], "confirmée"),
        (UNIVERSAL, [kpi("a", 1)], "réfutée"),
        (UNIVERSAL, [kpi("a", 1, n=1)], "réfutée"),  # one witness is enough, however small n
        (UNIVERSAL, [kpi("a", 0, n=49)], "indéterminée"),
        (UNIVERSAL, [kpi("a", 0), kpi("b", 2)], "nuancée"),
        (UNIVERSAL, [kpi("a", 0, n=3), kpi("b", 2)], "réfutée"),
        (UNIVERSAL, [kpi("a", 0), kpi("b", 0, n=3)], "indéterminée"),
        (UNIVERSAL, [], "non éprouvée"),
        (AT_MOST, [kpi("a", 5, interval=(4, 10))], "confirmée"),
        (AT_MOST, [kpi("a", 5, interval=(4, 11))], "indéterminée"),
        (AT_MOST, [kpi("a", 12, interval=(11, 13))], "réfutée"),
        (AT_MOST, [kpi("a", 10)], "confirmée"),
        (AT_MOST, [kpi("a", 12, interval=(11, 13)), kpi("b", 1)], "nuancée"),
        (AT_MOST, [kpi("a", 12, interval=(11, 13)), kpi("b", 5, interval=(1, 20))], "indéterminée"),
        (AT_LEAST, [kpi("a", 0.95, interval=(0.9, 0.99))], "confirmée"),
        (AT_LEAST, [kpi("a", 0.95, interval=(0.89, 0.99))], "indéterminée"),
        (AT_LEAST, [kpi("a", 0.5, interval=(0.4, 0.6))], "réfutée"),
        (AT_LEAST, [kpi("a", 1.0, n=9, interval=(0.99, 1))], "indéterminée"),
        (PRESENCE, [kpi("a", 4, n=4)], "confirmée"),
        (PRESENCE, [kpi("a", 3, n=4)], "nuancée"),
        (PRESENCE, [kpi("a", 0, n=4)], "réfutée"),
        (EQUAL, [kpi("a", "sqlite")], "confirmée"),
        (EQUAL, [kpi("a", "file")], "réfutée"),
        (EQUAL, [kpi("a", "file"), kpi("b", "sqlite")], "nuancée"),
    ],
)
def test_each_form_gives_each_verdict(a_claim, kpis, expected):
    assert verdict(a_claim, *kpis).verdict == expected


def test_a_verdict_points_to_its_evidence_and_its_witness():
    found = verdict(UNIVERSAL, kpi("a", 0), kpi("b", 2))
    assert found.preuves == ["stockage.x.a", "stockage.x.b"]
    assert found.temoin == "print(1)\n"
    assert "aucun contre-exemple\u00a0: a" in found.motif
    assert "contre-exemples\u00a0: b" in found.motif


def test_a_reason_says_how_many_cases_are_against():
    motif = verdict(UNIVERSAL, kpi("a", 0), kpi("b", 2)).motif
    assert motif.endswith("contre-exemples\u00a0: b (2 sur 100)")
    assert "a (" not in motif


def test_a_bound_on_the_failure_rate_is_printed_where_cases_were_drawn():
    drawn = claim("universelle", n_min=50, tire=True)
    assert "0,3\u00a0%" in verdict(drawn, kpi("a", 0, n=1000)).motif
    chosen = verdict(UNIVERSAL, kpi("a", 0, n=1000), kpi("b", 0, n=60)).motif
    assert "%" not in chosen
    assert "n = 60" in chosen


@pytest.mark.parametrize("values", [[1], [0, 1]])
def test_no_accusation_without_a_witness(values):
    kpis = [kpi(str(i), value) for i, value in enumerate(values)]
    found = verdict(UNIVERSAL, *kpis, witness=False)
    assert found.verdict == "indéterminée"
    assert "témoin" in found.motif


def test_a_chapter_that_did_not_run_is_said_not_tested():
    found = verdict(UNIVERSAL, kpi("a", 0), chapters=())
    assert found.verdict == "non éprouvée"
    assert "pas été exécuté" in found.motif


def test_an_unmeasured_kpi_gives_its_reason_and_no_judgement():
    found = verdict(UNIVERSAL, kpi("a", None, motif="pas de serveur"))
    assert (found.verdict, found.motif) == ("non éprouvée", "pas de serveur")


def test_an_unmeasured_kpi_does_not_weigh_on_the_others():
    assert verdict(UNIVERSAL, kpi("a", None, motif="absent"), kpi("b", 0)).verdict == "confirmée"


def test_a_claim_that_cannot_be_tested_says_why():
    untestable = Claim(
        id="S2",
        domaine="stockage",
        chapitre="01_stockage",
        enonce="…",
        source=SOURCE,
        non_eprouvee="demande un service payant",
    )
    found = judge(untestable, {}, {}, ["01_stockage"])
    assert (found.verdict, found.motif) == ("non éprouvée", "demande un service payant")


def test_examine_refuses_what_was_not_measured():
    with pytest.raises(ValueError, match="not measured"):
        examine(kpi("a", None, motif="x"), UNIVERSAL.critere)


@pytest.mark.parametrize("form", ["taux", "borne", "rapport", "egalite"])
def test_an_incomplete_criterion_is_refused(form):
    with pytest.raises(ValidationError):
        claim(form)


def test_a_claim_needs_a_criterion_or_a_reason():
    with pytest.raises(ValidationError):
        Claim(id="S1", domaine="stockage", chapitre="x", enonce="…", source=SOURCE)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_kpi_is_never_nan_or_infinite(value):
    with pytest.raises(ValidationError):
        kpi("a", value)


def test_a_kpi_without_value_needs_a_reason():
    with pytest.raises(ValidationError):
        kpi("a", None)
