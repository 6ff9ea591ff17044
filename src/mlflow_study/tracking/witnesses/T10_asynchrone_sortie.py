# Un script ordinaire, envoi asynchrone, sans `with` : il se termine bien, et perd.
# La perte dépend de l’instant : le script est lancé jusqu’à dix fois.
import subprocess
import sys
import tempfile

from mlflow import MlflowClient

uri = f"sqlite:///{tempfile.mkdtemp()}/mlflow.db"
client = MlflowClient(uri)
experience = client.create_experiment("temoin")
for _ in range(10):
    run = client.create_run(experience).info.run_id
    script = f"""
import mlflow
mlflow.set_tracking_uri({uri!r})
mlflow.start_run(run_id={run!r})
for i in range(1000):
    mlflow.log_metric("m", i, step=i, synchronous=False)
"""
    fin = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    gardes = len(client.get_metric_history(run, "m"))
    if gardes < 1000:
        break
print(fin.stderr[:300])
statut = client.get_run(run).info.status
print(f"TÉMOIN : code {fin.returncode}, {gardes} points gardés sur 1000, statut {statut}")
