"""The claims of the chapter: forged evidence gives each verdict, witnesses still show it."""

import os
import subprocess
import sys
from contextlib import ExitStack

import pytest

from mlflow_study.evidence.files import read_register
from mlflow_study.evidence.records import Claim, Kpi
from mlflow_study.evidence.verdicts import judge
from mlflow_study.paths import REGISTER
from mlflow_study.stores import open_store, unavailable
from mlflow_study.tracking import witnesses

CLAIMS = [claim for claim in read_register(REGISTER) if claim.chapitre == "02_suivi"]
EXPECTED = {
    "T2": "le run rend nan, le modèle 0.0",
    "T3": "signe gardé : False",
    "T4": "SQLite 1, fichiers 2",
    "T5": "−1 puis NaN montre nan ; +1 puis NaN montre 1.0",
    "T6": "2 refus, expérience illisible",
    "T7": "2 points écrits, 1 lu : [1.7976931348623157e+308]",
    "T8": "paramètres sur 300",
    "T9": "'perte@': False, 'perte\\ntest': False, 'perte\\n': True",
    "T10": "statut FINISHED",
    "T11": "code 1, statut FINISHED",
    "T12": "UNIQUE constraint failed: tags.key, tags.run_uuid",
    "T13": "11000 signes donnés, 6000 gardés",
    "T14": "ILIKE 'ete'\": 1, \"params.accentue ILIKE 'été'\": 0",
    "T15": "ABab (SQLite)",
    "T16": "le lot réussit ; 6001 signes écrits, 6000 lus",
    "T17": "un appel à create_run, 2 runs",
    "T18": "4 runs rendus, 3 distincts",
    "T19": "6001 signes écrits, 6000 lus, 0 avis",
    "T23": "4 expériences rendues, 3 distinctes",
    "T24": "MlflowException, (sqlite3.OperationalError) database is locked ; statut RUNNING",
    "T25": "meta.yaml de 0 octet ; search_runs : AttributeError",
    "T26": "0 trace chez B ; chez A : ['\"secret de B\"']",
    "T20": "SQLite (None, 7), fichiers ('iris', 0) ; run lisible : False",
    "T27": "rend « étude », le run va dans « Default »",
    "T21": "[('diverge', 0.0), ('bon', 0.2)]",
}


def forged(claim: Claim, failures: int, n: int, where: int = 0) -> Kpi:
    assert claim.critere is not None
    pattern = claim.critere.kpis[where % len(claim.critere.kpis)]
    value = n - failures if claim.critere.forme == "presence" else failures
    id = pattern.replace("*", f"s{where}")
    return Kpi(
        id=id,
        chapitre="02_suivi",
        libelle=f"c{where}",
        valeur=value,
        unite="",
        n=n,
        methode="forgée",
    )


def verdict(claim: Claim, kpis: list[Kpi], witness: bool = True) -> str:
    found = judge(claim, {k.id: k for k in kpis}, {claim.id: "x"} if witness else {}, ["02_suivi"])
    return found.verdict


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_each_verdict_can_come_out(claim: Claim) -> None:
    assert verdict(claim, [forged(claim, 0, 10_000)]) == "confirmée"
    failed = forged(claim, 10_000, 10_000)
    assert verdict(claim, [failed]) == "réfutée"
    assert verdict(claim, [failed], witness=False) == "indéterminée"
    assert verdict(claim, []) == "non éprouvée"
    assert claim.critere is not None
    if claim.critere.n_min > 1:
        assert verdict(claim, [forged(claim, 0, 1)]) == "indéterminée"
    if "*" in "".join(claim.critere.kpis) or len(claim.critere.kpis) > 1:
        assert (
            verdict(claim, [forged(claim, 0, 10_000), forged(claim, 10_000, 10_000, 1)])
            == "nuancée"
        )


def test_there_are_enough_claims_and_each_has_a_source() -> None:
    assert len(CLAIMS) >= 14
    assert all(claim.source.lien.startswith("https://") for claim in CLAIMS)


@pytest.mark.parametrize("claim", sorted(witnesses.files()))
def test_witness_still_shows_what_it_says(claim: str) -> None:
    with ExitStack() as stack:
        # The witness's server needs no workers for its jobs: two processes rather than fifteen.
        environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        if "MARIADB_URI" in witnesses.code(claim):
            if reason := unavailable("mariadb"):
                pytest.skip(reason)
            environment["MARIADB_URI"] = stack.enter_context(open_store("mariadb")).tracking_uri
        done = subprocess.run(
            [sys.executable, str(witnesses.files()[claim])],
            capture_output=True,
            text=True,
            timeout=180,
            env=environment,
        )
    assert done.returncode == 0, done.stderr[-1000:]
    told = done.stdout.splitlines()[-1]
    assert told.startswith("TÉMOIN")
    assert EXPECTED[claim] in told
    if claim == "T10":
        assert int(told.split("points gardés")[0].split()[-1]) < 1000
