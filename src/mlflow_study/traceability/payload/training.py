"""The training script whose record is questioned; run as ``python train.py ORDERS DATA COPY JOURNAL``.

A plain script such as a data scientist writes, with nothing of the study in it but the
journal that it keeps: one JSON line per store with what truly happened.  ``ORDERS`` is
a JSON file: a list of ``{name, uri, experiment, model}``.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from pathlib import Path

import mlflow
import mlflow.sklearn
import pandas as pd
import sklearn
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression

SEED = 7


def now() -> int:
    return int(time.time() * 1000)


def train(order: dict[str, str], data: Path, copy: Path) -> dict[str, object]:
    """A search of two nested runs, a run that fails, and two registered versions."""
    mlflow.set_tracking_uri(order["uri"])
    mlflow.set_registry_uri(order["uri"])
    mlflow.set_experiment(experiment_id=order["experiment"])
    table = pd.read_csv(data)
    features, target = table.drop(columns="y"), table["y"]
    dataset = mlflow.data.from_pandas(table, source=str(data), name="ventes", targets="y")
    journal: dict[str, object] = {"start": now()}
    runs = []
    with mlflow.start_run(run_name="recherche") as parent:
        for penalty in (0.1, 1.0):
            with mlflow.start_run(run_name=f"C={penalty}", nested=True) as run:
                begun = run.info.start_time
                mlflow.log_input(dataset, context="training")
                model = LogisticRegression(C=penalty, random_state=SEED, max_iter=50)
                mlflow.log_params({"C": penalty, "random_state": SEED, "max_iter": 50})
                history = []
                for step in range(3):
                    model.fit(features, target)
                    score = float(model.score(features, target)) - 0.01 * (2 - step)
                    mlflow.log_metric("exactitude", score, step=step)
                    history.append(score)
                mlflow.log_text(f"exactitude {history[-1]}", "rapport.txt")
                info = mlflow.sklearn.log_model(
                    model,
                    name="modele",
                    signature=infer_signature(features, model.predict(features)),
                    registered_model_name=order["model"],
                    pip_requirements=[f"scikit-learn=={sklearn.__version__}"],
                )
            runs.append(
                {
                    "id": run.info.run_id,
                    "name": f"C={penalty}",
                    "begun": begun,
                    "ended": now(),
                    "passed": {"C": str(penalty), "random_state": str(SEED), "max_iter": "50"},
                    "all": {k: str(v) for k, v in model.get_params().items()},
                    "history": history,
                    "report": f"exactitude {history[-1]}",
                    "model_id": info.model_id,
                }
            )
    # the same table, read from another place, by another experiment step
    again = pd.read_csv(copy)
    with mlflow.start_run(run_name="relecture") as reread:
        mlflow.log_input(
            mlflow.data.from_pandas(again, source=str(copy), name="ventes", targets="y")
        )
    try:
        with mlflow.start_run(run_name="échec") as failed:
            raise RuntimeError("diverged")
    except RuntimeError:
        pass
    with mlflow.start_run(run_name="à jeter") as discarded:
        mlflow.log_param("C", 9)
    return journal | {
        "runs": runs,
        "parent": parent.info.run_id,
        "failed": failed.info.run_id,
        "discarded": discarded.info.run_id,
        "reread": reread.info.run_id,
        "digest": dataset.digest,
        "features": list(features.columns),
        "sklearn": sklearn.__version__,
        "python": platform.python_version(),
        "mlflow": mlflow.__version__,
        "arguments": " ".join(sys.argv[1:]),
        "host": platform.node(),
        "cores": os.cpu_count(),
    }


def main() -> None:
    orders = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    data, copy, journal = map(Path, sys.argv[2:])
    for order in orders:
        with journal.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps({"store": order["name"], **train(order, data, copy)}) + "\n")


if __name__ == "__main__":
    main()
