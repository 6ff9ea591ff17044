"""Ce que `mlflow gc` laisse d'un run : ses modèles, le lien de ses données, sa trace."""

import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import mlflow
import pandas as pd
from sklearn.linear_model import LinearRegression

folder = tempfile.mkdtemp()
uri = f"sqlite:///{folder}/mlflow.db"
mlflow.set_tracking_uri(uri)
experiment = mlflow.create_experiment("e", artifact_location=f"file://{folder}/artefacts")
with mlflow.start_run(experiment_id=experiment) as run:
    mlflow.log_input(mlflow.data.from_pandas(pd.DataFrame({"x": [1.0]})), context="train")
    model = LinearRegression().fit([[0], [1]], [0, 1])
    mlflow.sklearn.log_model(model, name="m", pip_requirements=["scikit-learn"])
mlflow.MlflowClient().delete_run(run.info.run_id)
command = [sys.executable, "-m", "mlflow", "gc", "--backend-store-uri", uri, "--tracking-uri", uri]
print(subprocess.run(command, capture_output=True, text=True).stdout)

database = sqlite3.connect(f"{folder}/mlflow.db")
left = {
    "runs.run_uuid": "runs WHERE run_uuid = ?",
    "inputs.destination_id": "inputs WHERE destination_id = ?",
    "inputs.source_id": "inputs WHERE source_id = ?",
    "logged_models.source_run_id": "logged_models WHERE source_run_id = ?",
}
for place, clause in left.items():
    (count,) = database.execute(f"SELECT COUNT(*) FROM {clause}", (run.info.run_id,)).fetchone()
    print(f"{place} : {count} ligne(s)")
files = [p for p in Path(folder, "artefacts").rglob("*") if p.is_file()]
print(len(files), "fichiers de modèle restent sur le disque")
print("REFUTE" if files else "CONFIRME")
