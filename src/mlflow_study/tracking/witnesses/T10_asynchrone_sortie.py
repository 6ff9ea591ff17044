# Un script ordinaire, envoi asynchrone, sans « with » : il se termine bien, et perd.
import subprocess
import sys
import tempfile

from mlflow import MlflowClient

uri = f"sqlite:///{tempfile.mkdtemp()}/mlflow.db"
client = MlflowClient(uri)
run = client.create_run(client.create_experiment("temoin")).info.run_id
script = f"""
import mlflow
mlflow.set_tracking_uri({uri!r})
mlflow.start_run(run_id={run!r})
for i in range(200):
    mlflow.log_metric("m", i, step=i, synchronous=False)
"""
fin = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
print(fin.stderr[:300])
gardes = len(client.get_metric_history(run, "m"))
statut = client.get_run(run).info.status
print(f"TÉMOIN : code {fin.returncode}, {gardes} points gardés sur 200, statut {statut}")
