# L’attente de l’appelant, avec et sans journalisation asynchrone, sur un magasin de fichiers.
import os
import tempfile
import time

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
from mlflow import MlflowClient

client = MlflowClient(tracking_uri=f"file://{tempfile.mkdtemp()}/mlruns")
run = client.create_run(client.create_experiment("essai")).info.run_id
client.log_metric(run, "m", 0.0, synchronous=False).wait()
waits = {}
for synchronous in (True, False):
    start = time.perf_counter()
    pending = [
        client.log_metric(run, "m", 0.5, step=s, synchronous=synchronous) for s in range(200)
    ]
    waits[synchronous] = time.perf_counter() - start
    for operation in filter(None, pending):
        operation.wait()
    print(f"synchrone={synchronous} : {5 * waits[synchronous]:.3f} ms d’attente par appel")
print(
    "L’ASYNCHRONE ATTEND MOINS" if waits[False] < waits[True] else "L’ASYNCHRONE N’ATTEND PAS MOINS"
)
