"""Change one factor, keep everything else: is it noticed, and does the result move?

A seeded program (``payload/factor.py``: a linear model and a small network) runs once as a
reference and once with each factor changed, in the same Git repository and store.
*Noticed*: a field of the record other than metrics, dates and identifiers differs.
*Moved*: the metrics or predictions differ, bit by bit.  A result that moves unnoticed has
changed **in silence**.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlflow_study import nursery
from mlflow_study.errors import StudyError
from mlflow_study.population import git
from mlflow_study.reproducibility.environments import ResolutionError, build, interpreter
from mlflow_study.reproducibility.record import read_record
from mlflow_study.stores import Store, open_stores

os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

PAYLOAD = Path(__file__).with_name("payload") / "factor.py"
ROWS = 12_000
Frame = pd.DataFrame


def reference_table() -> Frame:
    """12 000 rows, ten numbers, two booleans, one binary target: past MLflow's 10 000 rows."""
    from sklearn.datasets import make_classification

    x, y = make_classification(ROWS, 10, n_informative=6, random_state=0)
    table = pd.DataFrame(x, columns=[f"x{i}" for i in range(10)])
    return table.assign(fumeur=x[:, 0] > 0, actif=x[:, 1] > 0.5, target=y)


def _permute(table: Frame) -> Frame:
    order = np.random.default_rng(0).permutation(len(table))
    return table.iloc[order].reset_index(drop=True)


def _late(table: Frame) -> Frame:
    """Ten numbers changed after the ten-thousandth row."""
    changed = table.copy()
    changed.loc[11_000:11_009, "x0"] += 5.0
    return changed


def _early(table: Frame) -> Frame:
    changed = table.copy()
    changed.loc[1_000:1_009, "x0"] += 5.0
    return changed


def _booleans(table: Frame) -> Frame:
    return table.assign(fumeur=~table["fumeur"])


@dataclass(frozen=True)
class Factor:
    """One changed factor; ``fresh`` asks for a process that loads its libraries anew."""

    name: str
    options: tuple[str, ...] = ()
    data: Callable[[Frame], Frame] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    fresh: bool = False
    dirty: bool = False
    moved: bool = False
    store: str = "sqlite"
    library: str | None = None
    python: str | None = None


FACTORS: tuple[Factor, ...] = (
    Factor("rien (témoin)"),
    Factor("graine, passée en paramètre", options=("--seed=4",)),
    Factor("ordre des lignes", data=_permute),
    Factor("donnée modifiée avant la 10 000e ligne", data=_early),
    Factor("donnée modifiée après la 10 000e ligne", data=_late),
    Factor("colonne booléenne inversée", data=_booleans),
    Factor("code modifié, non validé", dirty=True),
    Factor("autre dossier", moved=True),
    Factor("autre utilisateur", environment={"LOGNAME": "collegue", "USER": "collegue"}),
    Factor("autre magasin (fichiers)", store="file"),
)
FRESH_FACTORS: tuple[Factor, ...] = (
    Factor("rien (témoin), processus neuf", fresh=True),
    Factor(
        "autre noyau de calcul (BLAS)", environment={"OPENBLAS_CORETYPE": "Nehalem"}, fresh=True
    ),
    Factor(
        "un seul fil de calcul",
        environment={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        fresh=True,
    ),
    Factor("autre version de scikit-learn", fresh=True, library="scikit-learn==1.6.1"),
    Factor("autre version de Python (3.12)", fresh=True, python="3.12"),
    Factor("autre version de Python (3.10)", fresh=True, python="3.10"),
)
IGNORED_TAGS = ("mlflow.runName", "mlflow.log-model.history")


def measure_factors(environments: bool) -> pd.DataFrame:
    """One row per factor.

    Factors that need a process which loads its libraries anew are played beside the others,
    in a repository and against a witness of their own.  ``environments``: also build
    environments with another scikit-learn and another Python (``uv``).  Columns: facteur, remarque (fields that differ), bouge, bouge_lineaire,
    bouge_reseau, ecart (largest relative difference of a loss), silence, motif (why it could
    not be tried).
    """
    with (
        tempfile.TemporaryDirectory(prefix="mlflow-facteurs-") as scratch,
        open_stores(["sqlite", "file"]) as stores,
        ThreadPoolExecutor(2) as pool,
    ):
        benches = [_Bench(Path(scratch) / name, stores, environments) for name in ("a", "b")]
        rows = list(pool.map(_Bench.play_all, benches, (FACTORS, FRESH_FACTORS)))
    return pd.DataFrame([row for lane in rows for row in lane])


class _Bench:
    """A repository, a table and two stores in which factors are played one by one."""

    def __init__(self, folder: Path, stores: dict[str, Store], environments: bool) -> None:
        self.folder, self.stores, self.environments = folder, stores, environments
        self.experiments = {name: store.create_experiment() for name, store in stores.items()}
        self.table = reference_table()
        self.clone = folder / "projet"
        self.clone.mkdir(parents=True)
        shutil.copy(PAYLOAD, self.clone / "factor.py")
        self.table.to_parquet(self.clone / "table.parquet")
        (self.clone / ".gitignore").write_text("facts.json\n.journal\n*.parquet\n")
        git(self.clone, "init", "--quiet", "--initial-branch=main")
        git(self.clone, "add", "--all")
        git(self.clone, "commit", "--quiet", "--message=First version")

    def play_all(self, factors: Sequence[Factor]) -> list[dict[str, Any]]:
        """Play factors in order; each is compared with the first, where nothing changes."""
        facts = [self.play(factor) for factor in factors]
        return [_row(f, facts[0], found) for f, found in zip(factors, facts, strict=True)]

    def play(self, factor: Factor) -> dict[str, Any]:
        if (factor.library or factor.python) and not self.environments:
            return {"motif": "cette exécution ne construit pas d’environnement (profil standard)"}
        store = self.stores[factor.store]
        place = self.clone
        if factor.moved:
            place = self.folder / "ailleurs" / "projet"
            shutil.copytree(self.clone, place)
        if factor.data is not None:
            factor.data(self.table).to_parquet(place / "table.parquet")
        if factor.dirty:
            text = PAYLOAD.read_text(encoding="utf-8").replace("C=0.1", "C=0.2")
            (place / "factor.py").write_text(text, encoding="utf-8")
        environment = {
            "MLFLOW_TRACKING_URI": store.tracking_uri,
            "MLFLOW_EXPERIMENT_ID": self.experiments[factor.store],
            **factor.environment,
        }
        try:
            error = self._run(factor, place, environment)
        except ResolutionError as none:
            return {"motif": f"les versions du témoin n’y ont pas d’équivalent (`{none}`)"}
        except StudyError as missing:
            return {"motif": str(missing)}
        finally:
            if factor.data is not None:
                self.table.to_parquet(place / "table.parquet")
            if factor.dirty:
                git(place, "checkout", "--quiet", "factor.py")
        if error:
            return {"motif": error}
        facts: dict[str, Any] = json.loads((place / "facts.json").read_text(encoding="utf-8"))
        facts["champs"] = _fields(store.tracking_uri, facts["run"])
        return facts

    def _run(self, factor: Factor, place: Path, environment: dict[str, str]) -> str:
        """Run the program; the error in words, or an empty text.  Raises StudyError."""
        (place / "facts.json").unlink(missing_ok=True)
        if not factor.fresh:
            outcome = nursery.run(
                nursery.Job(
                    place, script="factor.py", arguments=factor.options, environment=environment
                )
            )
            return outcome.error
        python = Path(sys.executable)
        if factor.library or factor.python:
            wanted = ["mlflow==3.17.2", "numpy", "pandas", factor.library or "scikit-learn"]
            if factor.python:
                interpreter(factor.python)
            python = build(_like_here(wanted), None, factor.python or "3.11").python
        env = nursery.clean_environment(environment)
        done = subprocess.run(
            [str(python), "factor.py", *factor.options],
            cwd=place,
            env=env,
            capture_output=True,
            text=True,
            timeout=nursery.TIMEOUT_S,
        )
        return "" if done.returncode == 0 else done.stderr.strip()[-200:]


def _like_here(wanted: list[str]) -> list[str]:
    """The same versions as here, except for what is pinned already."""
    from importlib.metadata import version

    pinned = [name if "==" in name else f"{name}=={version(name)}" for name in wanted]
    return [*pinned, f"scipy=={version('scipy')}", f"pyarrow=={version('pyarrow')}"]


def _fields(uri: str, run_id: str) -> dict[str, str]:
    """Everything the record says, less metrics, dates and identifiers."""
    record = read_record(uri, run_id)
    fields = {f"paramètre {k}": v for k, v in record.parameters.items()}
    fields |= {f"étiquette {k}": v for k, v in record.tags.items() if k not in IGNORED_TAGS}
    for index, entry in enumerate(record.datasets):
        fields |= {f"jeu {index} {k}": v for k, v in entry.items()}
    return fields


def _row(factor: Factor, base: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    if "motif" in found or "motif" in base:
        motif = found.get("motif") or base.get("motif")
        return {
            "facteur": factor.name,
            "remarque": "",
            "bouge": None,
            "bouge_lineaire": None,
            "bouge_reseau": None,
            "ecart": None,
            "silence": None,
            "motif": motif,
        }
    before, after = base["champs"], found["champs"]
    noticed = sorted(k for k in before.keys() | after.keys() if before.get(k) != after.get(k))
    moves = {
        name: base["metriques"][name] != found["metriques"][name]
        or base["predictions"][name] != found["predictions"][name]
        for name in ("lineaire", "reseau")
    }
    gap = max(abs(base["pertes"][n] - found["pertes"][n]) / abs(base["pertes"][n]) for n in moves)
    moved = any(moves.values())
    return {
        "facteur": factor.name,
        "remarque": ", ".join(noticed),
        "bouge": moved,
        "bouge_lineaire": moves["lineaire"],
        "bouge_reseau": moves["reseau"],
        "ecart": gap,
        "silence": moved and not noticed,
        "motif": "",
    }


def measure_moved_store() -> pd.DataFrame:
    """A whole store (database and artifacts) moved to another folder: what is still found?

    One row per kind of thing asked for.  The old folder no longer exists.
    """
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="mlflow-demenage-") as scratch:
        before, after = Path(scratch) / "avant", Path(scratch) / "apres"
        before.mkdir()
        from mlflow_study.stores import create_sqlite

        client = MlflowClient(create_sqlite(before / "mlflow.db"))
        location = (before / "artefacts").as_uri()
        run = client.create_run(client.create_experiment("demenage", artifact_location=location))
        client.log_param(run.info.run_id, "C", "0.3")
        client.log_metric(run.info.run_id, "loss", 0.25)
        client.log_text(run.info.run_id, "bonjour", "note.txt")
        shutil.move(before, after)
        moved = MlflowClient(f"sqlite:///{after / 'mlflow.db'}")

        def ask(thing: str, question: Callable[[], bool]) -> None:
            try:
                found, error = question(), ""
            except (MlflowException, OSError) as problem:
                found, error = False, type(problem).__name__
            rows.append({"chose": thing, "retrouvee": found, "erreur": error})

        run_id = run.info.run_id
        ask("paramètre", lambda: moved.get_run(run_id).data.params == {"C": "0.3"})
        ask("métrique", lambda: moved.get_run(run_id).data.metrics == {"loss": 0.25})
        ask("liste des artefacts", lambda: len(moved.list_artifacts(run_id)) == 1)
        ask(
            "artefact",
            lambda: Path(moved.download_artifacts(run_id, "note.txt")).read_text() == "bonjour",
        )
    return pd.DataFrame(rows)
