# Un nom qui finit par une fin de ligne est accepté ; les autres caractères non annoncés sont refusés.
import tempfile

from mlflow import MlflowClient

client = MlflowClient(f"sqlite:///{tempfile.mkdtemp()}/mlflow.db")
run = client.create_run(client.create_experiment("temoin")).info.run_id
accepte = {}
for nom in ("perte@", "perte\ntest", "perte\n"):
    try:
        client.log_metric(run, nom, 1.0)
        accepte[nom] = True
    except Exception:
        accepte[nom] = False
print(f"TÉMOIN : noms acceptés : {accepte}")
