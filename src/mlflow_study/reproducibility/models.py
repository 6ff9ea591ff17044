"""Logged models: do they save by default, load, predict the same bits; what do they ask for?"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlflow_study import nursery
from mlflow_study.errors import StudyError
from mlflow_study.reproducibility.environments import build, normal_name

Row = dict[str, Any]


def _models(kinds: tuple[str, ...] | None = None) -> dict[str, Any]:
    """Fitted estimators by French name: common scikit-learn models on small bundled data."""
    from sklearn import (
        cluster,
        compose,
        decomposition,
        discriminant_analysis,
        ensemble,
        gaussian_process,
        linear_model,
        naive_bayes,
        neighbors,
        neural_network,
        svm,
        tree,
    )
    from sklearn.datasets import load_wine
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    x, y = load_wine(return_X_y=True, as_frame=True)
    scaled = StandardScaler
    made: dict[str, Any] = {
        "régression logistique": linear_model.LogisticRegression(max_iter=50),
        "régression d’arête": linear_model.Ridge(),
        "chaîne (échelle, logistique)": make_pipeline(scaled(), linear_model.LogisticRegression()),
        "descente stochastique": linear_model.SGDClassifier(random_state=0),
        "arbre de décision": tree.DecisionTreeClassifier(random_state=0),
        "forêt aléatoire": ensemble.RandomForestClassifier(5, random_state=0),
        "arbres extrêmes": ensemble.ExtraTreesClassifier(5, random_state=0),
        "gradient boosté": ensemble.GradientBoostingClassifier(n_estimators=5, random_state=0),
        "gradient boosté par histogrammes": ensemble.HistGradientBoostingClassifier(
            max_iter=5, random_state=0
        ),
        "plus proches voisins": neighbors.KNeighborsClassifier(),
        "machine à vecteurs de support": svm.SVC(random_state=0),
        "réseau de neurones": neural_network.MLPClassifier((4,), max_iter=5, random_state=0),
        "bayésien naïf": naive_bayes.GaussianNB(),
        "analyse discriminante": discriminant_analysis.LinearDiscriminantAnalysis(),
        "processus gaussien": gaussian_process.GaussianProcessClassifier(),
        "k-moyennes": cluster.KMeans(3, n_init=1, random_state=0),
        "composantes principales, logistique": make_pipeline(
            scaled(), decomposition.PCA(3), linear_model.LogisticRegression()
        ),
        "colonnes séparées": make_pipeline(
            compose.make_column_transformer((scaled(), list(x.columns[:6])), remainder="drop"),
            linear_model.LogisticRegression(),
        ),
        "fonction de l’utilisateur (numpy.log1p)": make_pipeline(
            FunctionTransformer(np.log1p), linear_model.LogisticRegression(max_iter=50)
        ),
        "recherche en grille": GridSearchCV(
            make_pipeline(scaled(), linear_model.LogisticRegression()),
            {"logisticregression__C": [0.1, 1.0]},
            cv=3,
        ),
    }
    chosen = {name: made[name] for name in (kinds or tuple(made))}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {name: model.fit(x, y) for name, model in chosen.items()}


def measure_models(environments: bool) -> dict[str, pd.DataFrame]:
    """Everything asked of logged models, two questions at a time; one part per question.

    Parts: ``formats``, ``entrees``, ``module_local``, ``exigences`` and ``fichiers``: see
    ``measure_formats``, ``measure_inputs``, ``measure_local_code``, ``measure_requirements``.
    """
    with ThreadPoolExecutor(2) as pool:
        requirements = pool.submit(measure_requirements, environments)
        parts = {
            "formats": pool.submit(measure_formats),
            "module_local": pool.submit(measure_local_code, environments),
            "entrees": pool.submit(measure_inputs),
        }
    return {name: part.result() for name, part in parts.items()} | requirements.result()


def measure_formats() -> pd.DataFrame:
    """Save each model with MLflow's defaults, then as cloudpickle; load; compare predictions.

    ``mlflow.sklearn.save_model`` and ``load_model`` are called with nothing but the model
    (and its requirements, so that none is inferred).  Columns: modele, format (``défaut``,
    ``cloudpickle``), enregistre, refus (types that the format does not trust), charge,
    memes_bits.
    """
    return pd.DataFrame(_in_fresh_process(_formats))


def _in_fresh_process(function: Callable[..., list[Row]], *values: Any) -> list[Row]:
    """Run in a process forked from libraries only.  Raises StudyError when it fails."""
    with tempfile.TemporaryDirectory(prefix="mlflow-modeles-") as scratch:
        outcome = nursery.run(nursery.Job(Path(scratch), function=function, values=values))
    if not outcome.ok:
        raise StudyError(f"L’épreuve des modèles a échoué : {outcome.error}")
    rows: list[Row] = outcome.value
    return rows


def _formats() -> list[Row]:
    import mlflow.sklearn
    from mlflow.exceptions import MlflowException
    from sklearn.datasets import load_wine

    x, _ = load_wine(return_X_y=True, as_frame=True)
    rows: list[Row] = []
    for name, model in _models().items():
        expected = np.asarray(model.predict(x))
        for format_name, options in (
            ("défaut", {}),
            ("cloudpickle", {"serialization_format": "cloudpickle"}),
        ):
            row: Row = {"modele": name, "format": format_name, "enregistre": True, "refus": ""}
            path = f"{format_name}-{len(rows)}"
            row |= {"charge": False, "memes_bits": False}
            try:
                mlflow.sklearn.save_model(model, path, pip_requirements=["scikit-learn"], **options)
            except MlflowException as error:
                row["enregistre"] = False
                row["refus"] = str(error).partition("Untrusted types found in the file:")[2][:200]
            if row["enregistre"]:
                loaded = mlflow.sklearn.load_model(path)
                found = np.asarray(loaded.predict(x))
                row["charge"] = True
                row["memes_bits"] = found.tobytes() == expected.tobytes()
            rows.append(row)
    return rows


INPUTS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "identique": lambda x: x,
    "colonnes dans un autre ordre": lambda x: x[list(reversed(x.columns))],
    "colonne en trop": lambda x: x.assign(surplus=1.0),
    "colonne manquante": lambda x: x.drop(columns=x.columns[0]),
    "colonne renommée": lambda x: x.rename(columns={x.columns[0]: "autre"}),
    "flottants sur 32 bits": lambda x: x.astype("float32"),
    "entiers à la place de flottants": lambda x: x.assign(**{x.columns[0]: 13}),
    "entiers longs à la place de flottants": lambda x: x.assign(
        **{x.columns[0]: np.int64(2**60 + 1)}
    ),
    "texte à la place de nombres": lambda x: x.astype({x.columns[0]: str}),
    "décimaux à la place de flottants": lambda x: x.assign(
        **{x.columns[0]: np.array([Decimal(v) for v in x[x.columns[0]]], dtype=object)}
    ),
    "valeur manquante": lambda x: x.mask(x.index.to_series().eq(0), axis=0),
    "tableau numpy sans noms": lambda x: x.to_numpy(),
    "liste de dictionnaires": lambda x: x.to_dict("records"),
}
"""Ways in which a caller may hand the same table over to a model with a signature."""

DATES: dict[str, Callable[[pd.DataFrame], Any]] = {
    "colonne d’objets, dates": lambda x: x.assign(jour=x["jour"].dt.date.astype(object)),
    "colonne d’objets, dates en texte": lambda x: x.assign(
        jour=x["jour"].dt.strftime("%Y-%m-%d").astype(object)
    ),
}
"""The same of a table of one column of dates, and of the model that it is made for."""


def measure_inputs() -> pd.DataFrame:
    """Hand a model with a signature the same table in many guises, through ``pyfunc``.

    Columns: entree, issue (``refusée``, ``acceptée, mêmes bits``, ``acceptée, derniers bits
    changés`` when the largest relative difference is below 1e-9, ``acceptée, autres
    valeurs``), ecart, erreur.  The reference is the model itself on the same table.
    """
    return pd.DataFrame(_in_fresh_process(_inputs))


def _inputs() -> list[Row]:
    import mlflow.pyfunc
    import mlflow.sklearn
    from mlflow.models import ModelSignature, infer_signature
    from mlflow.types import ColSpec, Schema
    from sklearn.datasets import load_diabetes
    from sklearn.linear_model import Ridge

    x, y = load_diabetes(return_X_y=True, as_frame=True)
    model = Ridge().fit(x, y)
    mlflow.sklearn.save_model(
        model,
        "m",
        signature=infer_signature(x, model.predict(x)),
        pip_requirements=["scikit-learn"],
    )

    class Days(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
        def predict(self, model_input: Any) -> Any:
            return model_input["jour"].dt.dayofyear.to_numpy()

    mlflow.pyfunc.save_model(
        "jours",
        python_model=Days(),
        signature=ModelSignature(Schema([ColSpec("datetime", "jour")])),
        pip_requirements=["mlflow"],
    )
    days = pd.DataFrame({"jour": pd.to_datetime(["2024-03-04", "2025-01-31"])})
    return _handed("m", np.asarray(model.predict(x)), x, INPUTS) + _handed(
        "jours", days["jour"].dt.dayofyear.to_numpy(), days, DATES
    )


def _handed(
    path: str, expected: Any, x: pd.DataFrame, guises: dict[str, Callable[[pd.DataFrame], Any]]
) -> list[Row]:
    """What the model of ``path`` answers to each guise of ``x``."""
    import mlflow.pyfunc

    loaded = mlflow.pyfunc.load_model(path)
    rows: list[Row] = []
    for name, change in guises.items():
        row: Row = {"entree": name, "ecart": None, "erreur": ""}
        try:
            found = np.asarray(loaded.predict(change(x)))
            gap = float(np.max(np.abs(found - expected) / np.abs(expected)))
            words = "autres valeurs" if gap >= 1e-9 else "derniers bits changés"
            row["ecart"] = gap
            row["issue"] = "acceptée, mêmes bits" if gap == 0 else f"acceptée, {words}"
        except Exception as error:  # any refusal is an outcome here
            row["issue"] = "refusée"
            row["erreur"] = f"{type(error).__name__}: {error}"[:200]
        rows.append(row)
    return rows


LOCAL_MODULE = """
import mlflow.pyfunc


class Squares(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return [v**2 for v in model_input]
"""


def measure_local_code(infer: bool) -> pd.DataFrame:
    """A model that needs a module of the project, saved with and without ``code_paths``.

    Without, it is saved with no option at all where ``infer``; else the requirements are
    given, for MLflow takes seconds to infer them.  It is loaded in a new process and folder,
    without the project on its path.  Columns: enregistrement, enregistre, charge, memes, erreur.
    """
    given = {"pip_requirements": ["mlflow"]}
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="mlflow-module-") as scratch:
        folder = Path(scratch)
        (folder / "squares.py").write_text(LOCAL_MODULE, encoding="utf-8")
        for label, options in (
            ("sans code_paths", {} if infer else given),
            ("avec code_paths", given | {"code_paths": ["squares.py"]}),
        ):
            outcome = nursery.run(
                nursery.Job(folder, function=_save_local, values=(str(folder), label, options))
            )
            row: Row = {"enregistrement": label, "enregistre": outcome.ok, "charge": False}
            row |= {"memes": False, "erreur": outcome.error[:200]}
            if outcome.ok:
                elsewhere = folder / "ailleurs"
                elsewhere.mkdir(exist_ok=True)
                loaded = nursery.run(
                    nursery.Job(elsewhere, function=_load_local, values=(str(folder / label),))
                )
                row["charge"] = loaded.ok
                row["memes"] = loaded.ok and loaded.value == outcome.value
                row["erreur"] = loaded.error[:200]
            rows.append(row)
    return pd.DataFrame(rows)


def _load_local(path: str) -> list[int]:
    import mlflow.pyfunc

    return list(mlflow.pyfunc.load_model(path).predict([1, 2, 3]))


def _save_local(folder: str, name: str, options: dict[str, Any]) -> list[int]:
    import importlib

    import mlflow.pyfunc

    sys.path[0:0] = [folder]
    model = importlib.import_module("squares").Squares()
    mlflow.pyfunc.save_model(name, python_model=model, **options)
    return list(model.predict(None, [1, 2, 3]))


ANNOUNCED = ("MLmodel", "conda.yaml", "python_env.yaml", "requirements.txt")
"""Files that the documentation says a model carries, beside the model itself."""


def measure_requirements(environments: bool) -> dict[str, pd.DataFrame]:
    """What MLflow infers that a model needs, and whether that is enough, exact, too much.

    Parts: ``fichiers`` (modele, fichier, present) and ``exigences``, one row per model and
    inferred line: modele, exigence, epinglee (has ``==``), exacte
    (the installed version), utile (loading and predicting fails without the package; None
    unless ``environments``), suffisant (a fresh environment made from the whole list loads
    and predicts the same; None unless ``environments``), motif.
    """
    rows: list[Row] = []
    files: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="mlflow-exigences-") as scratch:
        folder = Path(scratch)
        kinds = ("chaîne (échelle, logistique)", "bayésien naïf")[: 2 if environments else 1]
        jobs = [
            nursery.Job(folder, function=_infer, values=(k, str(i))) for i, k in enumerate(kinds)
        ]
        for kind, outcome in zip(kinds, nursery.run_all(jobs), strict=True):
            if not outcome.ok:
                raise StudyError(f"L’inférence des exigences a échoué : {outcome.error}")
            path, expected = folder / outcome.value[0], outcome.value[1]
            lines = [
                line
                for line in (path / "requirements.txt").read_text(encoding="utf-8").splitlines()
                if line.strip()
            ]
            files += [
                {"modele": kind, "fichier": name, "present": (path / name).exists()}
                for name in ANNOUNCED
            ]
            with ThreadPoolExecutor(2) as pool:
                fresh = pool.submit(_fresh, path, lines, expected) if environments else None
                each = list(pool.map(lambda li, p=path: _requirement(li, p, environments), lines))
            enough, why = fresh.result() if fresh else (None, "")
            rows += [{"modele": kind, **row, "suffisant": enough, "motif": why} for row in each]
    return {"exigences": pd.DataFrame(rows), "fichiers": pd.DataFrame(files)}


def _infer(kind: str, name: str) -> tuple[str, str]:
    import mlflow.sklearn
    from sklearn.datasets import load_wine

    x, _ = load_wine(return_X_y=True, as_frame=True)
    model = _models((kind,))[kind]
    mlflow.sklearn.save_model(model, name)
    return name, hashlib.sha256(model.predict_proba(x).tobytes()).hexdigest()


_CHECK = """
import hashlib, importlib.abc, sys
blocked = set(sys.argv[2:])
class Wall(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError("No module named " + repr(name), name=name)
sys.meta_path.insert(0, Wall())
import mlflow.sklearn
from sklearn.datasets import load_wine
x, _ = load_wine(return_X_y=True, as_frame=True)
print(hashlib.sha256(mlflow.sklearn.load_model(sys.argv[1]).predict_proba(x).tobytes()).hexdigest())
"""


def _check(python: Path, path: Path, blocked: tuple[str, ...] = ()) -> tuple[str, str]:
    """(digest of the predictions or empty, last line of the error)."""
    done = subprocess.run(
        [str(python), "-c", _CHECK, str(path), *blocked],
        capture_output=True,
        text=True,
        env=nursery.clean_environment({}),
        cwd=path.parent,
    )
    if done.returncode != 0:
        return "", (done.stderr.strip().splitlines() or [""])[-1][:200]
    return done.stdout.split()[-1], ""


def _fresh(path: Path, lines: list[str], expected: str) -> tuple[bool | None, str]:
    try:
        environment = build(lines)
    except StudyError as error:
        return None, str(error)
    found, error_line = _check(environment.python, path)
    return found == expected, error_line


def _requirement(line: str, path: Path, environments: bool) -> Row:
    from importlib.metadata import PackageNotFoundError, packages_distributions, version

    name, separator, pinned = line.partition("==")
    package = normal_name(name.split("[")[0])
    try:
        exact = separator != "" and version(package) == pinned.strip()
    except PackageNotFoundError:
        exact = False
    useful: bool | None = None
    if environments and package != "mlflow":
        modules = tuple(
            module
            for module, owners in packages_distributions().items()
            if package in {normal_name(o) for o in owners}
        )
        useful = not _check(Path(sys.executable), path, modules)[0]
    return {
        "exigence": package,
        "epinglee": bool(separator),
        "exacte": exact,
        "utile": useful,
    }
