# Le même point écrit deux fois : un point dans SQLite, deux dans des fichiers.
import os
import tempfile

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
from mlflow import MlflowClient

gardes = []
for uri in ("sqlite:///{}/mlflow.db", "file://{}/mlruns"):
    client = MlflowClient(uri.format(tempfile.mkdtemp()))
    run = client.create_run(client.create_experiment("temoin")).info.run_id
    for _ in range(2):
        client.log_metric(run, "m", 0.5, timestamp=1, step=1)
    gardes.append(len(client.get_metric_history(run, "m")))
print(f"TÉMOIN : points gardés, SQLite {gardes[0]}, fichiers {gardes[1]}")
