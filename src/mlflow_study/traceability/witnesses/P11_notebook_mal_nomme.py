# Un notebook lancé par programme porte le nom du noyau, et aucun commit.
# Cause : mlflow/tracking/context/jupyter_notebook_context.py (le nom vient d'un serveur
# Jupyter ou de variables) ; à défaut, default_context.py prend sys.argv[0], le noyau.
# Connu : mlflow/mlflow #973.
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

folder = tempfile.mkdtemp()
source = (
    "import mlflow\n"
    "with mlflow.start_run() as run: pass\n"
    "print(mlflow.get_run(run.info.run_id).data.tags['mlflow.source.name'])"
)
cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": source}
cell |= {"outputs": [], "execution_count": None}
kernel = {"name": "python3", "display_name": "Python 3"}
book = {"cells": [cell], "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
Path(folder, "analyse.ipynb").write_text(json.dumps(book))
env = {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db"}
command = [sys.executable, "-m", "papermill", "analyse.ipynb", "sortie.ipynb"]
subprocess.run(command, cwd=folder, env=env, check=True, capture_output=True)
done = json.loads(Path(folder, "sortie.ipynb").read_text())
name = done["cells"][0]["outputs"][-1]["text"][-1].strip()
print("source enregistrée :", os.path.basename(name))
