"""What ``mlflow.sklearn.autolog`` records, against ``get_params()`` and the numbers themselves.

Each estimator is fitted once in a run of its own.  ``log_models`` is off: the models
belong to the chapter on reproducibility, and packing them would take all the time.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlflow_study.stores import Store

if TYPE_CHECKING:
    from mlflow.entities import Run


def estimators() -> dict[str, Any]:
    """The estimators tried, by name: simple, composite, searched, and with awkward parameters."""
    from sklearn.cluster import KMeans
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler
    from sklearn.svm import SVC
    from sklearn.tree import DecisionTreeClassifier

    words = [f"mot{i:04d}" for i in range(1000)]
    return {
        "LinearRegression": LinearRegression(),
        "LogisticRegression": LogisticRegression(max_iter=300),
        "DecisionTree": DecisionTreeClassifier(random_state=0),
        "RandomForest": RandomForestClassifier(5, random_state=np.random.RandomState(0)),
        "GradientBoosting": GradientBoostingClassifier(n_estimators=3),
        "SVC": SVC(gamma=0.1, class_weight={0: 1.0, 1: 2.0, 2: 1.5}),
        "GaussianNB": GaussianNB(priors=np.array([0.2, 0.3, 0.5])),
        "MLP": MLPClassifier((4,), max_iter=20, random_state=1),
        "KMeans": KMeans(3, n_init=1, random_state=0),
        "Pipeline": make_pipeline(StandardScaler(), LogisticRegression(max_iter=200)),
        "Pipeline à fonction": make_pipeline(FunctionTransformer(np.log1p), GaussianNB()),
        "ColumnTransformer": make_pipeline(
            ColumnTransformer([("a", StandardScaler(), [0, 1])], remainder="passthrough"), GaussianNB()
        ),
        "GridSearch": GridSearchCV(SVC(), {"C": [0.1, 1, 10], "gamma": [0.01, 0.1, 1]}, cv=2),
        "RandomizedSearch": RandomizedSearchCV(
            DecisionTreeClassifier(), {"max_depth": list(range(1, 9))}, n_iter=7, cv=2, random_state=0
        ),
        "Texte à long vocabulaire": make_pipeline(TfidfVectorizer(vocabulary=words), GaussianNBDense()),
    }  # fmt: skip


def GaussianNBDense() -> Any:
    """Gaussian naive Bayes after making the input dense."""
    from sklearn.naive_bayes import GaussianNB
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    return make_pipeline(FunctionTransformer(_dense), GaussianNB())


def _dense(x: Any) -> Any:
    return x.toarray()


def _compare(name: str, model: Any, run: Run, score: float) -> dict[str, Any]:
    deep = not name.endswith("Search")
    wanted = {key: str(value) for key, value in model.get_params(deep=deep).items()}
    held = run.data.params
    truncated = [k for k, v in wanted.items() if k in held and held[k] != v and v.startswith(held[k].removesuffix("...")[:400])]  # fmt: skip
    altered = [k for k, v in wanted.items() if k in held and held[k] != v and k not in truncated]
    missing = [k for k in wanted if k not in held]
    # What a text cannot give back: an object's address, an array cut with «...».
    opaque = [k for k, v in held.items() if " at 0x" in v or "RandomState(" in v or "..." in v]
    logged = run.data.metrics.get("training_score")
    return {
        "estimateur": name,
        "attendus": len(wanted),
        "exacts": len(wanted) - len(missing) - len(truncated) - len(altered),
        "tronques": len(truncated),
        "alteres": len(altered),
        "absents": len(missing),
        "opaques": len(opaque),
        "exemple": ", ".join([*truncated, *altered, *missing, *opaque][:3]),
        "metriques": len(run.data.metrics),
        "score_exact": bool(
            logged is not None and (logged == score or np.isclose(logged, score, rtol=0, atol=0))
        ),
        "score_present": logged is not None,
        "jeu": bool(run.inputs.dataset_inputs),
        "version_sklearn": any("sklearn" in k and "version" in k for k in run.data.tags),
        "statut": run.info.status,
    }


def autologging(store: Store) -> pd.DataFrame:
    """One row per estimator: what was recorded of its parameters and of its score.

    Columns: see ``_compare``, plus ``combinaisons`` tried by a search and ``enfants``,
    the runs that they got.
    """
    import mlflow
    from sklearn.datasets import load_iris

    warnings.simplefilter("ignore")
    mlflow.set_tracking_uri(store.tracking_uri)
    experiment = store.create_experiment("autolog")
    mlflow.set_experiment(experiment_id=experiment)
    mlflow.sklearn.autolog(log_models=False, silent=True)
    x, y = load_iris(return_X_y=True)
    texts = [f"mot{i % 7:04d} mot{i % 5:04d}" for i in range(len(y))]
    fitted = {}
    for name, model in estimators().items():
        with mlflow.start_run() as run:
            model.fit(texts if name.startswith("Texte") else x, y)
        fitted[name] = (model, run.info.run_id)
    # Switched once: each switch patches every estimator of scikit-learn, for 0.2 CPU s.
    mlflow.sklearn.autolog(disable=True)
    rows = []
    for name, (model, run_id) in fitted.items():
        score = float(model.score(texts if name.startswith("Texte") else x, y))
        children = mlflow.search_runs(
            [experiment], f"tags.`mlflow.parentRunId` = '{run_id}'", output_format="list"
        )
        tried = len(model.cv_results_["params"]) if hasattr(model, "cv_results_") else 0
        found = _compare(name, model, mlflow.get_run(run_id), score)
        rows.append({**found, "combinaisons": tried, "enfants": len(children)})
    return pd.DataFrame(rows)


def metrics_afterwards(store: Store) -> pd.DataFrame:
    """Two models fitted in turn, then metrics of each: does each land in its model's run?

    Columns ``cas, limite_annoncee`` (the docstring warns), ``attendu, recu, juste``.
    """
    import mlflow
    import sklearn.metrics
    from sklearn.datasets import load_iris
    from sklearn.metrics import accuracy_score as imported_before
    from sklearn.naive_bayes import GaussianNB
    from sklearn.tree import DecisionTreeClassifier

    mlflow.set_tracking_uri(store.tracking_uri)
    mlflow.set_experiment(experiment_id=store.create_experiment("apres"))
    mlflow.sklearn.autolog(log_models=False, silent=True)
    x, y = load_iris(return_X_y=True)
    first, second = GaussianNB(), DecisionTreeClassifier(max_depth=1, random_state=0)
    runs = {}
    for label, model in (("premier", first), ("second", second)):
        model.fit(x, y)
        runs[label] = mlflow.last_active_run().info.run_id
    train = x[::2]
    cases = {
        "prédiction du premier": ("premier", first.predict(train)),
        "prédiction du second": ("second", second.predict(train)),
        "copie d’une prédiction du premier": ("premier", np.array(first.predict(train))),
        "liste faite d’une prédiction": ("premier", list(first.predict(train))),
        "fonction importée avant autolog": ("premier", first.predict(train)),
    }
    rows = []
    truth = y[::2]
    for case, (owner, predicted) in cases.items():
        before = {label: dict(mlflow.get_run(run).data.metrics) for label, run in runs.items()}
        if case.startswith("fonction"):
            value = imported_before(truth, predicted)
        else:
            value = sklearn.metrics.accuracy_score(truth, predicted)
        after = {label: dict(mlflow.get_run(run).data.metrics) for label, run in runs.items()}
        landed = [label for label in runs if after[label] != before[label]]
        new = [v for label in landed for k, v in after[label].items() if k not in before[label]]
        rows.append(
            {
                "cas": case,
                "limite_annoncee": not case.startswith("prédiction"),
                "attendu": owner,
                "recu": ", ".join(landed) or "aucun",
                "juste": landed == [owner] and new == [value],
            }
        )
    return pd.DataFrame(rows)
