"""Forged KPIs for each verdict of this chapter's claims."""

import pandas as pd
import pytest

from mlflow_study.evidence.files import read_register
from mlflow_study.evidence.records import Kpi
from mlflow_study.evidence.verdicts import judge
from mlflow_study.paths import REGISTER
from mlflow_study.reproducibility.kpis import DOCUMENTED_INPUTS, signature_kept
from mlflow_study.reproducibility.witnesses import witnesses

CHAPTER = "03_reproductibilite"
CLAIMS = {c.id: c for c in read_register(REGISTER) if c.chapitre == CHAPTER}


def kpi(id, value, n=100):
    reason = {"motif": "forgée"} if value is None else {}
    return Kpi(
        id=id,
        chapitre=CHAPTER,
        libelle=id,
        valeur=value,
        unite="",
        n=n,
        methode="m",
        conditions=reason,
    )


def verdict(claim_id, *kpis, shown=True):
    shown_witnesses = {claim_id: "print()\n"} if shown else {}
    return judge(CLAIMS[claim_id], {k.id: k for k in kpis}, shown_witnesses, [CHAPTER]).verdict


R = "reproductibilite."
CASES = {
    "R1": (R + "projet.echecs.dans_le_depot", R + "projet.echecs.hors_depot"),
    "R2": (R + "temps.sans_modeles.jour", R + "temps.sans_modeles.actuel"),
    "R4": (R + "modele.module_local.sans_code_paths", R + "modele.module_local.exigences"),
    "R5": (R + "empreinte.manquees.nombres_et_textes", R + "empreinte.manquees.au_dela_de_10000"),
    "R7": (R + "modele.refuses.cloudpickle", R + "modele.refuses.defaut"),
    "R9": (R + "modele.bits.sklearn", R + "modele.bits.pyfunc"),
    "R10": (R + "temps.relecture_2x.ouvrir", R + "temps.relecture_2x.charger_foret"),
    "R11": (R + "projet.altere.dossier_de_travail", R + "projet.altere.depot_nu"),
}


def test_the_register_has_enough_claims_each_with_advice_when_it_can_fail():
    assert len(CLAIMS) >= 10
    assert all(CLAIMS[claim].conseil for claim in witnesses())


@pytest.mark.parametrize("claim_id", CASES)
def test_universal_claims_come_out_every_way(claim_id):
    first, second = CASES[claim_id]
    assert verdict(claim_id, kpi(first, 0), kpi(second, 0)) == "confirmée"
    assert verdict(claim_id, kpi(first, 0), kpi(second, 3)) == "nuancée"
    assert verdict(claim_id, kpi(first, 1), kpi(second, 3)) == "réfutée"
    assert verdict(claim_id, kpi(first, 1), kpi(second, 3), shown=False) == "indéterminée"
    assert verdict(claim_id, kpi(first, None), kpi(second, None)) == "non éprouvée"
    n_min = CLAIMS[claim_id].critere.n_min
    if n_min > 1:
        assert verdict(claim_id, kpi(first, 0, n_min - 1)) == "indéterminée"


@pytest.mark.parametrize(
    ("claim_id", "id"),
    [("R3", R + "modele.fichiers"), ("R8", R + "modele.signature_tenue")],
)
def test_presence_claims_come_out_every_way(claim_id, id):
    assert verdict(claim_id, kpi(id, 8, 8)) == "confirmée"
    assert verdict(claim_id, kpi(id, 7, 8)) == "nuancée"
    assert verdict(claim_id, kpi(id, 0, 8)) == "réfutée"
    assert verdict(claim_id, kpi(id, 1, 1)) == "indéterminée"


def test_the_models_of_the_inference_claim_are_enough_to_confirm_it():
    first, second = CASES["R4"]
    assert verdict("R4", kpi(first, 0, 1), kpi(second, 0, 2)) == "confirmée"
    assert verdict("R4", kpi(first, 1, 1), kpi(second, 0, 2)) == "nuancée"


def test_the_signature_must_keep_values_where_it_says_so():
    outcome = dict.fromkeys(DOCUMENTED_INPUTS, "refusée")
    outcome |= {
        "colonnes dans un autre ordre": "acceptée, mêmes bits",
        "colonne en trop": "acceptée, derniers bits changés",
        "décimaux à la place de flottants": "acceptée, mêmes bits",
        "colonne d’objets, dates": "acceptée, mêmes bits",
        "colonne d’objets, dates en texte": "acceptée, mêmes bits",
        "flottants sur 32 bits": "acceptée, autres valeurs",
    }

    def kept(**changed):
        told = outcome | changed
        return signature_kept(pd.DataFrame({"entree": list(told), "issue": list(told.values())}))

    assert kept().all()
    assert not kept(**{"colonne en trop": "acceptée, autres valeurs"})["colonne en trop"]
    assert not kept(**{"flottants sur 32 bits": "refusée"})["flottants sur 32 bits"]


def test_the_mechanism_claim():
    id = R + "empreinte.vues_apres_10000"
    assert verdict("R6", kpi(id, 0)) == "confirmée"
    assert verdict("R6", kpi(id, 1)) == "réfutée"
