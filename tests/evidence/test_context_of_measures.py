"""A report bound again from evidence names the commit, machine and dates of the measures."""

from __future__ import annotations

from mlflow_study.evidence.synthesis import describe


def measure(date, commit, modified=False, origin="enregistrée"):
    return {
        "nom": "m",
        "origine": origin,
        "date": date,
        "machine": {"python": "3.11.9"},
        "versions": {"mlflow": "3.17.2"},
        "commit": commit,
        "depot_modifie": modified,
    }


def account(*measures):
    return {
        "parametres": {},
        "debut": "2030-01-01T00:00:00+00:00",
        "fin": "2030-01-01T00:01:00+00:00",
        "mesures": list(measures),
    }


def test_the_context_is_that_of_the_latest_measure():
    early = measure("2026-11-24T10:00:00+00:00", "aaa", modified=True)
    late = measure("2026-11-25T10:00:00+00:00", "bbb")
    found = describe({"02_suivi": account(late), "01_stockage": account(early)}, seed=7)
    assert (found.commit, found.depot_modifie) == ("bbb", True)
    assert (found.debut, found.fin) == (early["date"], late["date"])
    assert found.preuves_enregistrees
    assert found.python == "3.11.9"


def test_without_a_measure_nothing_is_claimed():
    found = describe({}, seed=7)
    assert found.commit is None
    assert not found.preuves_enregistrees
