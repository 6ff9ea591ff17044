# Les mêmes 100 points, écrits un à un dans des fichiers puis dans SQLite.
import os
import tempfile
import time

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
from mlflow import MlflowClient

folder = tempfile.mkdtemp()
seconds = {}
for name, uri in {
    "fichiers": f"file://{folder}/mlruns",
    "sqlite": f"sqlite:///{folder}/m.db",
}.items():
    client = MlflowClient(tracking_uri=uri)
    run = client.create_run(client.create_experiment("essai")).info.run_id
    client.log_metric(run, "m", 0.0)
    start = time.perf_counter()
    for step in range(100):
        client.log_metric(run, "m", 0.5, step=step)
    seconds[name] = time.perf_counter() - start
    print(f"{name} : {10 * seconds[name]:.2f} ms par point")
print(
    "LES FICHIERS SONT PLUS RAPIDES"
    if seconds["fichiers"] < seconds["sqlite"]
    else "SQLITE EST PLUS RAPIDE"
)
