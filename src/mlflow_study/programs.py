"""The programs of the population: what a person would have written, file by file.

A program is ``train.py``, its data and, where it needs them, a module of its own
(``features.py``) and an ``MLproject``.  ``train.py`` always has ``parse``, ``load``,
``train`` and ``evaluate``; only ``record`` differs between ways of recording.  It leaves
``predictions.npy`` and ``metrics.json`` in its folder: the truth that the judge compares,
and that the reproducer never sees.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Nature = Literal["déterministe", "à graine", "sans graine", "à plusieurs fils"]
DataPlace = Literal["bibliothèque", "dépôt", "hors dépôt"]
Recording = Literal["autolog", "tutoriel", "soin", "projet", "modele", "carnet"]


@dataclass(frozen=True)
class Subject:
    """What is learnt from what: one data set, one estimator, the arguments it was given."""

    name: str
    dataset: str
    loader: str
    place: DataPlace
    task: Literal["classification", "régression"]
    estimator: str
    nature: Nature
    imports: tuple[str, ...]
    expression: str
    arguments: tuple[tuple[str, str, str, str], ...]
    """(name, type, default written in the program, value given on the command line)"""
    split_seed: str
    local_module: bool = False
    pickled: bool = False
    """True where MLflow's default model format refuses the model: the author chose cloudpickle."""

    def command_line(self) -> tuple[str, ...]:
        return tuple(f"--{name}={value}" for name, _, _, value in self.arguments)


def program(subject: Subject, recording: Recording) -> dict[str, str]:
    """Files of the repository, by name (data files apart)."""
    files = {"train.py": _train(subject, recording)}
    if subject.local_module:
        files["features.py"] = _FEATURES
    if recording == "projet":
        files["MLproject"] = _mlproject(subject)
        files["python_env.yaml"] = _PYTHON_ENV
    if recording == "carnet":
        files["README.md"] = _readme(subject)
    return files


def _train(subject: Subject, recording: Recording) -> str:
    options = [
        f'    parser.add_argument("--{name}", type={kind}, default={default})'
        for name, kind, default, _ in subject.arguments
    ]
    imports = list(subject.imports)
    if subject.local_module:
        imports.append("from features import Ratios")
    if recording == "carnet":
        record = _RECORD[recording]
    else:
        imports.append("import mlflow")
        record = _RECORD[recording]
    data = '    parser.add_argument("--data", default="data.csv")\n'
    return _TEMPLATE.format(
        title=f"Train: {subject.estimator}, {subject.dataset}.",
        imports="\n".join(imports),
        options="\n".join(options) + "\n",
        data="" if subject.place == "bibliothèque" else data,
        load=_LOAD_LIBRARY.format(loader=subject.loader)
        if subject.place == "bibliothèque"
        else _LOAD_FILE,
        split=subject.split_seed,
        expression=subject.expression,
        evaluate=_EVALUATE[subject.task],
        record=record.format(
            hand="\n".join(
                f'        mlflow.log_param("{name}", args.{name})'
                for name, *_ in subject.arguments
                if name != "seed"
            ),
            format=', serialization_format="cloudpickle"' if subject.pickled else "",
            code='["train.py", "features.py"]' if subject.local_module else '["train.py"]',
            has_file=subject.place != "bibliothèque",
        ),
    )


_TEMPLATE = '''"""{title}"""

import argparse
import json

import numpy as np
from sklearn.model_selection import train_test_split
{imports}


def parse():
    parser = argparse.ArgumentParser()
{options}{data}    return parser.parse_args()


def load(args):
{load}

def train(args):
    x, y = load(args)
    x_train, x_test, y_train, y_test = train_test_split(
        x, y, test_size=0.25, random_state={split}
    )
    model = {expression}
    model.fit(x_train, y_train)
    return model, x_train, y_train, x_test, y_test


def evaluate(model, x_test, y_test):
{evaluate}

def main(args):
{record}
    np.save("predictions.npy", predictions)
    with open("metrics.json", "w") as stream:
        json.dump(metrics, stream)


if __name__ == "__main__":
    main(parse())
'''

_LOAD_LIBRARY = """    from sklearn.datasets import {loader}

    return {loader}(return_X_y=True, as_frame=True)
"""

_LOAD_FILE = """    import pandas as pd

    table = pd.read_csv(args.data)
    return table.drop(columns="target"), table["target"]
"""

_EVALUATE = {
    "classification": """    from sklearn.metrics import log_loss

    predictions = model.predict_proba(x_test)
    return predictions, {
        "loss": float(log_loss(y_test, predictions)),
        "score": float(model.score(x_test, y_test)),
    }
""",
    "régression": """    from sklearn.metrics import mean_squared_error

    predictions = model.predict(x_test)
    return predictions, {
        "loss": float(mean_squared_error(y_test, predictions)),
        "score": float(model.score(x_test, y_test)),
    }
""",
}

_FIT = """model, x_train, y_train, x_test, y_test = train(args)
        predictions, metrics = evaluate(model, x_test, y_test)"""

_RECORD: dict[Recording, str] = {
    "autolog": f"""    mlflow.sklearn.autolog()
    with mlflow.start_run():
        {_FIT}""",
    "tutoriel": f"""    with mlflow.start_run():
        {_FIT}
{{hand}}
        mlflow.log_metric("loss", metrics["loss"])
        mlflow.log_metric("score", metrics["score"])
        mlflow.sklearn.log_model(model, name="model"{{format}})""",
    "soin": f"""    import subprocess
    import sys
    from importlib.metadata import distributions

    git = ["git", "remote", "get-url", "origin"]
    with mlflow.start_run():
        {_FIT}
        mlflow.log_params(vars(args))
        mlflow.log_metrics(metrics)
        origin = subprocess.run(git, capture_output=True, text=True).stdout.strip()
        mlflow.set_tags({{{{"git.url": origin or "unknown", "command": " ".join(["train.py", *sys.argv[1:]])}}}})
        frozen = sorted(f"{{{{d.name}}}}=={{{{d.version}}}}" for d in distributions())
        mlflow.log_text("\\n".join(frozen), "environment/requirements.txt")
        mlflow.log_input(mlflow.data.from_pandas(x_train, name="train"), context="training")
        for code in {{code}}:
            mlflow.log_artifact(code, "code")
        if {{has_file}}:
            mlflow.log_artifact(args.data, "data")""",
    "projet": """    with mlflow.start_run():
        model, x_train, y_train, x_test, y_test = train(args)
        predictions, metrics = evaluate(model, x_test, y_test)
        mlflow.log_metrics(metrics)""",
    "modele": f"""    with mlflow.start_run():
        {_FIT}
{{hand}}
        mlflow.log_metrics(metrics)
        source = args.data if {{has_file}} else None
        dataset = mlflow.data.from_pandas(
            x_train.assign(target=y_train), source=source, targets="target", name="train"
        )
        mlflow.log_input(dataset, context="training")
        mlflow.sklearn.log_model(
            model,
            name="model",
            signature=mlflow.models.infer_signature(x_train, model.predict(x_train)),
            input_example=x_train.head(3),
            code_paths={{code}}{{format}},
        )""",
    "carnet": f"""    if True:
        {_FIT}""",
}

_FEATURES = '''"""Ratios of neighbouring columns: this project's own transformer."""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin


class Ratios(TransformerMixin, BaseEstimator):
    def fit(self, x, y=None):
        self.n_features_in_ = x.shape[1]
        return self

    def transform(self, x):
        values = np.asarray(x, dtype=float)
        return np.hstack([values, values[:, 1:] / (1.0 + np.abs(values[:, :-1]))])
'''

_PYTHON_ENV = """python: "3.11"
dependencies:
  - mlflow
  - scikit-learn
  - pandas
"""


def _mlproject(subject: Subject) -> str:
    kinds = {"int": "float", "float": "float", "str": "string"}
    names = [name for name, *_ in subject.arguments]
    lines = ["name: " + subject.name, "python_env: python_env.yaml", "entry_points:", "  main:"]
    lines.append("    parameters:")
    lines += [
        f"      {name}: {{type: {kinds[kind]}, default: {default}}}"
        for name, kind, default, _ in subject.arguments
    ]
    if subject.place == "hors dépôt":
        names.append("data")
        lines.append("      data: {type: string, default: data.csv}")
    options = " ".join(f"--{name}={{{name}}}" for name in names)
    return "\n".join([*lines, f'    command: "python train.py {options}"']) + "\n"


def _readme(subject: Subject) -> str:
    return (
        f"# {subject.estimator} on {subject.dataset}\n\n"
        "Run: `python train.py` with the options written in notes.txt.\n"
        "Needs scikit-learn and pandas (versions in notes.txt).\n"
    )


SUBJECTS: tuple[Subject, ...] = (
    Subject(
        "iris-logistique",
        "iris",
        "load_iris",
        "bibliothèque",
        "classification",
        "régression logistique",
        "déterministe",
        ("from sklearn.linear_model import LogisticRegression",),
        "LogisticRegression(C=args.C, max_iter=args.max_iter)",
        (("C", "float", "1.0", "0.3"), ("max_iter", "int", "100", "400")),
        "0",
    ),
    Subject(
        "wine-foret",
        "wine",
        "load_wine",
        "hors dépôt",
        "classification",
        "forêt aléatoire à graine",
        "à graine",
        ("from sklearn.ensemble import RandomForestClassifier",),
        "RandomForestClassifier(n_estimators=args.n_estimators, random_state=args.seed)",
        (("n_estimators", "int", "100", "40"), ("seed", "int", "0", "11")),
        "args.seed",
        pickled=True,
    ),
    Subject(
        "diabetes-ridge",
        "diabetes",
        "load_diabetes",
        "dépôt",
        "régression",
        "régression d’arête, dans une chaîne",
        "déterministe",
        (
            "from sklearn.linear_model import Ridge",
            "from sklearn.pipeline import make_pipeline",
            "from sklearn.preprocessing import StandardScaler",
        ),
        "make_pipeline(StandardScaler(), Ridge(alpha=args.alpha))",
        (("alpha", "float", "1.0", "12.5"),),
        "1",
    ),
    Subject(
        "wine-foret-libre",
        "wine",
        "load_wine",
        "dépôt",
        "classification",
        "forêt aléatoire sans graine",
        "sans graine",
        ("from sklearn.ensemble import RandomForestClassifier",),
        "RandomForestClassifier(n_estimators=args.n_estimators)",
        (("n_estimators", "int", "100", "30"),),
        "None",
        pickled=True,
    ),
    Subject(
        "cancer-gradient",
        "breast_cancer",
        "load_breast_cancer",
        "bibliothèque",
        "classification",
        "arbres renforcés (OpenMP)",
        "à plusieurs fils",
        ("from sklearn.ensemble import HistGradientBoostingClassifier",),
        "HistGradientBoostingClassifier(max_iter=args.max_iter, random_state=args.seed)",
        (("max_iter", "int", "100", "15"), ("seed", "int", "0", "5")),
        "args.seed",
        pickled=True,
    ),
    Subject(
        "digits-neurones",
        "digits",
        "load_digits",
        "bibliothèque",
        "classification",
        "petit réseau de neurones, dans une chaîne",
        "à graine",
        (
            "from sklearn.neural_network import MLPClassifier",
            "from sklearn.pipeline import make_pipeline",
            "from sklearn.preprocessing import MinMaxScaler",
        ),
        "make_pipeline(MinMaxScaler(), MLPClassifier((args.width,), max_iter=args.max_iter, "
        "random_state=args.seed))",
        (
            ("width", "int", "32", "16"),
            ("max_iter", "int", "200", "12"),
            ("seed", "int", "0", "3"),
        ),
        "args.seed",
        pickled=True,
    ),
    Subject(
        "cancer-recherche",
        "breast_cancer",
        "load_breast_cancer",
        "bibliothèque",
        "classification",
        "recherche en grille d’une chaîne",
        "déterministe",
        (
            "from sklearn.linear_model import LogisticRegression",
            "from sklearn.model_selection import GridSearchCV",
            "from sklearn.pipeline import make_pipeline",
            "from sklearn.preprocessing import StandardScaler",
        ),
        "GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression(max_iter=args.max_iter)), "
        '{"logisticregression__C": [0.01, 0.1, 1.0, 10.0]}, cv=args.folds)',
        (("max_iter", "int", "100", "300"), ("folds", "int", "5", "3")),
        "2",
        pickled=True,
    ),
    Subject(
        "iris-module",
        "iris",
        "load_iris",
        "dépôt",
        "classification",
        "recherche aléatoire sans graine, avec un module du projet",
        "sans graine",
        (
            "from sklearn.linear_model import LogisticRegression",
            "from sklearn.model_selection import RandomizedSearchCV",
            "from sklearn.pipeline import make_pipeline",
        ),
        "RandomizedSearchCV(make_pipeline(Ratios(), LogisticRegression(max_iter=args.max_iter)), "
        '{"logisticregression__C": np.logspace(-3, 2, 50)}, n_iter=args.draws, cv=3)',
        (("max_iter", "int", "100", "200"), ("draws", "int", "10", "4")),
        "None",
        local_module=True,
        pickled=True,
    ),
)
"""Eight subjects: three deterministic, two seeded, two unseeded, one threaded."""
