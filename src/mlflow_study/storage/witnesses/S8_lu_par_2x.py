"""Un run que cet MLflow écrit dans des fichiers, lu par MLflow 2.22.1.

Demande `uv` sur le PATH, et un index d'où il installe cette version à part.
"""

import os
import subprocess
import tempfile
from pathlib import Path

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
import mlflow

uri = (Path(tempfile.mkdtemp()) / "mlruns").as_uri()
client = mlflow.MlflowClient(uri)
run = client.create_run("0").info.run_id
client.log_metric(run, "exactitude", 0.9)
read = f"import mlflow; print(mlflow.MlflowClient({uri!r}).get_run({run!r}).data.metrics)"
old = ["mlflow==2.22.1", "setuptools<81", "sqlalchemy<2.1"]
command = ["uv", "run", "--quiet", "--no-project", "--isolated"]
command += [word for name in old for word in ("--with", name)] + ["python", "-c", read]
done = subprocess.run(command, capture_output=True, text=True)
said = done.stdout.strip() or done.stderr[-300:]
print(f"écrit par MLflow {mlflow.__version__}, lu par {old[0]} : {said}")
print("REFUTE" if "'exactitude': 0.9" in done.stdout else "CONFIRME")
