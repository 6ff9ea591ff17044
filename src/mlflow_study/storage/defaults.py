"""What MLflow does when it is told nothing: tried in empty folders, in processes of their own.

Each scenario is a folder and an environment; ``_use`` then does what a beginner does (one run,
one metric) and says where it went.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from mlflow_study import nursery
from mlflow_study.executables import find_uv
from mlflow_study.storage.rich_experiment import silenced
from mlflow_study.stores import StoreName, open_store

Row = dict[str, Any]


def _use() -> Row:
    """One run, one metric, a registered model, with MLflow's own choices."""
    import mlflow

    uri = mlflow.get_tracking_uri()
    row: Row = {"uri": uri, "magasin": uri.partition(":")[0], "suivi": "", "registre": ""}
    try:
        with mlflow.start_run():
            mlflow.log_metric("exactitude", 0.9)
        row["suivi"] = "écrit"
    except Exception as error:
        row["suivi"] = _refusal(error)
    try:
        mlflow.MlflowClient().create_registered_model("modele")
        row["registre"] = "écrit"
    except Exception as error:
        row["registre"] = _refusal(error)
    return row


def _refusal(error: Exception) -> str:
    known = "MLFLOW_ALLOW_FILE_STORE" in str(error)
    return "refus" if known else f"erreur : {type(error).__name__}: {str(error)[:160]}"


def _nothing(_: Path) -> None:
    return


def _empty_mlruns(folder: Path) -> None:
    (folder / "mlruns").mkdir()


def _filled_mlruns(folder: Path) -> None:
    """What years of use leave: ``mlruns/0`` with its ``meta.yaml``."""
    from mlflow import MlflowClient

    client = MlflowClient((folder / "mlruns").as_uri(), (folder / "mlruns").as_uri())
    client.log_metric(client.create_run("0").info.run_id, "exactitude", 0.8)


def _both(folder: Path) -> None:
    _filled_mlruns(folder)
    (folder / "mlflow.db").touch()


@dataclass(frozen=True)
class Scenario:
    """``allow``: value of ``MLFLOW_ALLOW_FILE_STORE`` (MLflow's default is false)."""

    name: str
    label: str
    prepare: Callable[[Path], None]
    allow: str = "false"
    environment: dict[str, str] = field(default_factory=dict)


SCENARIOS = (
    Scenario("vide", "dossier vide", _nothing),
    Scenario("mlruns_vide", "dossier `mlruns` vide", _empty_mlruns),
    Scenario("mlruns_rempli", "dossier `mlruns` rempli", _filled_mlruns),
    Scenario("mlruns_et_base", "`mlruns` rempli et `mlflow.db`", _both),
    Scenario("accord", "`mlruns` rempli, accord donné", _filled_mlruns, "true"),
    Scenario(
        "demande",
        "fichiers demandés, sans accord",
        _nothing,
        environment={"MLFLOW_TRACKING_URI": "./mlruns"},
    ),
    Scenario(
        "demande_accord",
        "fichiers demandés, accord donné",
        _nothing,
        "true",
        {"MLFLOW_TRACKING_URI": "./mlruns"},
    ),
)


def observe() -> pd.DataFrame:
    """One row per scenario: URI chosen, what became of tracking and registry, files made."""
    with tempfile.TemporaryDirectory(prefix="mlflow-etude-") as scratch:
        jobs = []
        for scenario in SCENARIOS:
            folder = Path(scratch) / scenario.name
            folder.mkdir()
            scenario.prepare(folder)
            environment = {"MLFLOW_ALLOW_FILE_STORE": scenario.allow, **scenario.environment}
            jobs.append(nursery.Job(folder, function=_use, environment=environment))
        rows = []
        for scenario, outcome in zip(SCENARIOS, nursery.run_all(jobs), strict=True):
            found = outcome.value or {"suivi": outcome.error, "registre": outcome.error}
            made = sorted(
                path.name
                for path in (Path(scratch) / scenario.name).iterdir()
                if path.name[0] != "."
            )
            rows.append(
                {
                    "scenario": scenario.name,
                    "libelle": scenario.label,
                    "magasin": found.get("magasin", ""),
                    "suivi": found["suivi"],
                    "registre": found["registre"],
                    "fichiers": ", ".join(made),
                }
            )
    return pd.DataFrame(rows)


# --- another release -----------------------------------------------------------------

READ_BY_OLDER: dict[str, StoreName] = {
    "lecture": "sqlite",
    "lecture_fichiers": "file",
    "lecture_serveur": "http+sqlite",
}
"""Column of ``older`` -> store that this MLflow writes and the older one reads."""

_OLD = """
import json, os, sys
import mlflow
out = {"release": mlflow.__version__, "uri": mlflow.get_tracking_uri().partition(":")[0]}
if not out["uri"]: out["uri"] = "file"
with mlflow.start_run():
    mlflow.log_metric("m", 0.5)
out["mlruns"] = os.path.isdir("mlruns")
out["base"] = os.path.exists("mlflow.db")
for name, uri, experiment in json.loads(sys.argv[1]):
    try:
        found = mlflow.MlflowClient(uri).search_runs([experiment])
        out[name] = f"{len(found)} run"
    except Exception as error:
        said = " ".join(w for w in str(error).split() if "/" not in w)
        out[name] = type(error).__name__ + ": " + said[:160]
print("JSON" + json.dumps(out))
"""


def older(release: str) -> pd.DataFrame:
    """An older MLflow, in an environment made by ``uv``: its default store, and whether it
    reads what this MLflow wrote: a database, a file store, what a server of today serves.

    SQLAlchemy is held below 2.1, which releases 2.x cannot import: that would be another
    reason to fail.

    One row; ``motif`` says why where the environment could not be made (empty otherwise).
    """
    if release == "aucune":
        return _not_made("le profil ne demande aucune autre version de MLflow")
    uv = find_uv()
    if uv is None:
        return _not_made("le programme uv n’est pas installé")
    with ExitStack() as stack:
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="mlflow-etude-"))
        written = []
        for column, name in READ_BY_OLDER.items():
            store = stack.enter_context(open_store(name))
            with silenced():
                experiment = store.create_experiment("recente")
                store.client().create_run(experiment)
            written.append((column, store.tracking_uri, experiment))
        folder = Path(scratch) / "vide"
        folder.mkdir()
        command = [
            uv,
            "run",
            "--quiet",
            "--no-project",
            "--isolated",
            "--with",
            f"mlflow=={release}",
        ]
        command += [
            "--with",
            "setuptools<81",
            "--with",
            "sqlalchemy<2.1",
            "python",
            "-c",
            _OLD,
            json.dumps(written),
        ]
        try:
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=600,
                env=nursery.clean_environment({"MLFLOW_ALLOW_FILE_STORE": "false"}) | nursery.network(),
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return _not_made("l’environnement n’a pas été prêt en dix minutes")
        lines = [line for line in done.stdout.splitlines() if line.startswith("JSON")]
        if not lines:
            return _not_made("l’environnement de cette version n’a pas pu être installé")
        return pd.DataFrame([{**json.loads(lines[-1][4:]), "motif": ""}])


def _not_made(reason: str) -> pd.DataFrame:
    empty = {
        "release": "",
        "uri": "",
        "mlruns": False,
        "base": False,
        **dict.fromkeys(READ_BY_OLDER, ""),
    }
    return pd.DataFrame([{**empty, "motif": reason}])
