"""Une métrique, un modèle : un magasin de fichiers ordinaire que la migration refuse."""

import os
import subprocess
import sys
import tempfile

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
import mlflow
from sklearn.linear_model import LinearRegression

folder = tempfile.mkdtemp()
mlflow.set_tracking_uri(f"file://{folder}/mlruns")
with mlflow.start_run() as run:
    mlflow.log_metric("exactitude", 0.9)
    model = LinearRegression().fit([[0], [1]], [0, 1])
    mlflow.sklearn.log_model(model, name="modele", pip_requirements=["scikit-learn"])

with open(f"{folder}/mlruns/0/{run.info.run_id}/metrics/exactitude") as metric:
    print("points écrits pour une seule mesure :", len(metric.readlines()))
command = [
    "mlflow",
    "migrate-filestore",
    "--source",
    folder,
    "--target",
    f"sqlite:///{folder}/m.db",
]
done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True)
print("code de sortie :", done.returncode)
print(next((line for line in (done.stdout + done.stderr).splitlines() if "UNIQUE" in line), ""))
print("REFUTE" if done.returncode else "CONFIRME")
