# Un MLflow Project lancé d'un dossier modifié : le commit gardé n'est pas celui du code exécuté.
# Cause : le dernier commit est gardé sans regarder s'il est modifié (mlflow/projects/utils.py:278).
import subprocess
import tempfile
from pathlib import Path

import mlflow

dossier = Path(tempfile.mkdtemp())
mlflow.set_tracking_uri(f"sqlite:///{tempfile.mkdtemp()}/mlflow.db")
mlflow.set_experiment(experiment_id=mlflow.create_experiment("e", tempfile.mkdtemp()))


def git(*mots):
    moi = ["-c", "user.name=moi", "-c", "user.email=moi@example.org"]
    fait = subprocess.run(["git", *moi, *mots], cwd=dossier, capture_output=True, check=True)
    return fait.stdout.decode()


programme = dossier / "train.py"
(dossier / "MLproject").write_text("entry_points: {main: {command: python train.py}}")
programme.write_text("print('validé')")
git("init", "-q")
git("add", ".")
git("commit", "-qm", "un")
programme.write_text("print('modifié')")
fait = mlflow.projects.run(str(dossier), env_manager="local", experiment_name="e")
commit = mlflow.get_run(fait.run_id).data.tags["mlflow.source.git.commit"]
print(
    "le commit contient le code exécuté :",
    git("show", f"{commit}:train.py") == programme.read_text(),
)
