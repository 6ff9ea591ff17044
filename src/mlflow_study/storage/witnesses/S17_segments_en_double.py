"""Des segments (spans) écrits dans la base, et parfois aussi dans un fichier."""

import sqlite3
import tempfile
from pathlib import Path

import mlflow
from mlflow.entities.trace_location import MlflowExperimentLocation

folder = tempfile.mkdtemp()
mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
experiment = mlflow.create_experiment("e", artifact_location=f"file://{folder}/artefacts")
traces = copies = 0
while copies == 0 and traces < 300:
    destination = MlflowExperimentLocation(experiment)
    with mlflow.start_span("a", trace_destination=destination), mlflow.start_span("b"):
        pass
    traces += 1
    mlflow.flush_trace_async_logging()
    copies = len(list(Path(folder).rglob("traces.json")))
(rows,) = sqlite3.connect(f"{folder}/mlflow.db").execute("SELECT COUNT(*) FROM spans").fetchone()
print(f"{traces} trace(s) : {rows} segments dans la base, {copies} fichier(s) traces.json de plus")
print("REFUTE" if copies else "CONFIRME")
