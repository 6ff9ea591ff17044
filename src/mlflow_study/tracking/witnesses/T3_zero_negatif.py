# SQLite range −0.0 comme l’entier 0 : le signe est perdu, sans avis.
import math
import tempfile

from mlflow import MlflowClient

client = MlflowClient(f"sqlite:///{tempfile.mkdtemp()}/mlflow.db")
run = client.create_run(client.create_experiment("temoin")).info.run_id
client.log_metric(run, "m", -0.0)
lu = client.get_run(run).data.metrics["m"]
print(f"TÉMOIN : écrit -0.0, lu {lu!r}, signe gardé : {math.copysign(1, lu) < 0}")
