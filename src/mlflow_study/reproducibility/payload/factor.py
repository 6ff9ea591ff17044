"""Train on a table and record what a careful person records; print the result's every bit.

    python factor.py --data table.parquet --seed 3 --out facts.json

Imports the standard library, numpy, pandas, scikit-learn and MLflow's public API only.
"""

import argparse
import hashlib
import json
import os

import mlflow
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default="table.parquet")
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--out", default="facts.json")
    args = parser.parse_args()
    table = pd.read_parquet(args.data)
    x, y = table.drop(columns="target").astype(float), table["target"]
    linear = make_pipeline(StandardScaler(), LogisticRegression(C=0.1))
    network = make_pipeline(
        StandardScaler(), MLPClassifier((8,), max_iter=2, random_state=args.seed)
    )
    facts = {"metriques": {}, "predictions": {}, "pertes": {}}
    with mlflow.start_run() as run:
        mlflow.log_params({"seed": args.seed})
        dataset = mlflow.data.from_pandas(table, targets="target", name="table")
        mlflow.log_input(dataset, context="training")
        for name, model in {"lineaire": linear, "reseau": network}.items():
            predictions = model.fit(x, y).predict_proba(x)
            loss = float(log_loss(y, predictions))
            mlflow.log_metric(name + "_loss", loss)
            facts["pertes"][name] = loss
            facts["metriques"][name] = loss.hex()
            order = np.lexsort(predictions.T)  # rows may have been permuted
            facts["predictions"][name] = hashlib.sha256(predictions[order].tobytes()).hexdigest()
    facts["run"] = run.info.run_id
    with open(args.out, "w", encoding="utf-8") as stream:
        json.dump(facts, stream)


if __name__ == "__main__":
    import warnings

    warnings.simplefilter("ignore")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    main()
