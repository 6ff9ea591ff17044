"""Un projet relancé d’après son enregistrement : ses données n’y étaient pas, il échoue."""

import os
import subprocess
import tempfile
from pathlib import Path

os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", GIT_PYTHON_REFRESH="quiet")
import mlflow
import mlflow.projects

folder = Path(tempfile.mkdtemp())
mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
project, data = folder / "project", folder / "data.csv"
project.mkdir()
data.write_text("1\n2\n")
(project / "MLproject").write_text(
    "entry_points:\n  main:\n    parameters:\n      data: {type: string}\n"
    '    command: "cat {data}"\n'
)
first = mlflow.projects.run(str(project), parameters={"data": str(data)}, env_manager="local")
subprocess.run(["rm", str(data)], check=True)  # une autre machine, un autre jour
run = mlflow.get_run(first.run_id)
try:
    mlflow.projects.run(str(project), parameters=dict(run.data.params), env_manager="local")
    print("CONFIRME : le projet a tourné d’après son enregistrement")
except mlflow.exceptions.ExecutionException as error:
    print("REFUTE : l’enregistrement nomme les données, il ne les porte pas :", error)
