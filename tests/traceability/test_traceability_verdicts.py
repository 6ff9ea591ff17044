"""Each claim of the chapter, judged on forged KPIs, comes out every way it can."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlflow_study.evidence.files import read_register
from mlflow_study.evidence.records import Kpi
from mlflow_study.evidence.statistics import wilson
from mlflow_study.evidence.verdicts import judge
from mlflow_study.paths import REGISTER
from mlflow_study.traceability.kpis import WITNESSES

CLAIMS = {c.id: c for c in read_register(REGISTER) if c.chapitre == "04_tracabilite"}
CHAPTER = ["04_tracabilite"]


def kpi(pattern: str, store: str, value: float, n: int, interval=None) -> Kpi:
    return Kpi(
        id=pattern.replace("*", store),
        chapitre="04_tracabilite",
        libelle=store,
        valeur=value,
        unite="",
        intervalle=interval,
        n=n,
        methode="forgée",
    )


def verdict(claim_id: str, *values: tuple[float, int]) -> str:
    claim = CLAIMS[claim_id]
    pattern = claim.critere.kpis[0]
    rate = claim.critere.forme == "taux"
    forged = [
        kpi(pattern, store, v / n if rate else v, n, wilson(int(v), n) if rate else None)
        for store, (v, n) in zip(("sqlite", "postgresql"), values, strict=False)
    ]
    found = judge(claim, {k.id: k for k in forged}, {claim_id: "code"}, CHAPTER)
    return found.verdict


def test_enough_claims_each_with_a_source() -> None:
    assert len(CLAIMS) >= 12
    assert all(claim.source.lien for claim in CLAIMS.values())


@pytest.mark.parametrize("claim_id", [i for i, c in CLAIMS.items() if c.critere.forme == "universelle"])  # fmt: skip
def test_universal_claims(claim_id: str) -> None:
    n = CLAIMS[claim_id].critere.n_min
    assert verdict(claim_id, (0, n), (0, n)) == "confirmée"
    assert verdict(claim_id, (1, n), (1, n)) == "réfutée"
    assert verdict(claim_id, (0, n), (1, n)) == "nuancée"
    if n > 1:
        assert verdict(claim_id, (0, n - 1)) == "indéterminée"
    assert verdict(claim_id) == "non éprouvée"


@pytest.mark.parametrize("claim_id", [i for i, c in CLAIMS.items() if c.critere.forme == "presence"])  # fmt: skip
def test_presence_claims(claim_id: str) -> None:
    n = max(CLAIMS[claim_id].critere.n_min, 2)
    assert verdict(claim_id, (n, n), (n, n)) == "confirmée"
    assert verdict(claim_id, (0, n), (0, n)) == "réfutée"
    assert verdict(claim_id, (n - 1, n)) == "nuancée"
    assert verdict(claim_id) == "non éprouvée"


@pytest.mark.parametrize("claim_id", [i for i, c in CLAIMS.items() if c.critere.forme == "taux"])
def test_rate_claims(claim_id: str) -> None:
    assert verdict(claim_id, (400, 400)) == "confirmée"
    assert verdict(claim_id, (0, 400)) == "réfutée"
    assert verdict(claim_id, (400, 400), (0, 400)) == "nuancée"
    assert verdict(claim_id, (5, 5)) == "indéterminée"


def test_an_accusation_needs_its_witness() -> None:
    claim = CLAIMS["P2"]
    forged = kpi(claim.critere.kpis[0], "sqlite", 3, 20)
    assert judge(claim, {forged.id: forged}, {}, CHAPTER).verdict == "indéterminée"


SHOWS = {
    "P1": "le commit contient le code exécuté : False",
    "P2": "le commit contient le code exécuté : False",
    "P3": "dirty enregistré : false",
    "P5": "auteur de la version : None",
    "P6": "la date de la version a changé : False",
    "P7": "adresse du second run gardée : False",
    "P8": "ce que montre MLflow a changé : False",
    "P9": "un seul modèle : False",
    "P10": "auteur enregistré : directrice",
    "P11": "source enregistrée : ipykernel_launcher.py",
    "P12": "date changée : False",
    "P13": "après l'étiquette : False",
    "P14": "différence du premier état gardée : False",
    "P15": "code retrouvé : False",
    "P18": "webhooks restants : 0 ; annonces de version : 1, puis 2",
    "P19": "colonnes de date, d'auteur ou de passé : 0",
}


def test_every_witness_belongs_to_a_claim() -> None:
    names = {path.name.partition("_")[0] for path in WITNESSES.glob("P*.py")}
    assert names == set(SHOWS)
    assert names <= set(CLAIMS)


@pytest.mark.lent
@pytest.mark.parametrize("path", sorted(WITNESSES.glob("P*.py")), ids=lambda p: p.stem)
def test_a_witness_still_shows_what_it_says(path: Path, tmp_path: Path) -> None:
    env = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith(("MLFLOW_TRACKING", "MLFLOW_REGISTRY"))
    }
    done = subprocess.run(
        [sys.executable, str(path)],
        cwd=tmp_path,
        env={**env, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert SHOWS[path.name.partition("_")[0]] in done.stdout
