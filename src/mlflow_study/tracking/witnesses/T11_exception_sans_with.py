# Une exception sans `with` : le run est marqué FINISHED, comme s’il avait réussi.
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
raise RuntimeError("apprentissage manqué")
"""
fin = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
print(fin.stderr.splitlines()[-1])
print(f"TÉMOIN : code {fin.returncode}, statut {client.get_run(run).info.status}")
