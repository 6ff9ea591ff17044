# L’infini est remplacé par le plus grand double : écrits au même pas et au même instant, les deux ne font qu’un.
import math
import sys
import tempfile

from mlflow import MlflowClient

client = MlflowClient(f"sqlite:///{tempfile.mkdtemp()}/mlflow.db")
run = client.create_run(client.create_experiment("temoin")).info.run_id
for valeur in (math.inf, sys.float_info.max):
    client.log_metric(run, "m", valeur, timestamp=1, step=1)
lus = [point.value for point in client.get_metric_history(run, "m")]
print(f"TÉMOIN : 2 points écrits, {len(lus)} lu : {lus}")
