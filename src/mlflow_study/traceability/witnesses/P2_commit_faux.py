# Le script modifié n'est dans aucun commit ; MLflow enregistre pourtant le dernier.
# Cause : mlflow/utils/git_utils.py:50-76 (get_git_commit lit HEAD, sans regarder l'état
# de l'arbre). Demandes connues : mlflow/mlflow #1912, #7017 ; projet de correction #22624.
import os
import subprocess
import sys
import tempfile
from pathlib import Path

folder = tempfile.mkdtemp()
os.chdir(folder)
script = (
    "import mlflow\n"
    "with mlflow.start_run() as run:\n"
    "    mlflow.log_metric('score', {})\n"
    "print(mlflow.get_run(run.info.run_id).data.tags['mlflow.source.git.commit'])\n"
)
Path("train.py").write_text(script.format(0.1))
git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
for command in (["init", "-q"], ["add", "train.py"], ["commit", "-qm", "un"]):
    subprocess.run([*git, *command], check=True)

Path("train.py").write_text(script.format(0.9))  # changed, not committed
env = {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db"}
done = subprocess.run([sys.executable, "train.py"], env=env, capture_output=True, text=True)
commit = done.stdout.strip().splitlines()[-1]
kept = subprocess.run(["git", "show", f"{commit}:train.py"], capture_output=True, text=True).stdout
print("commit enregistré :", commit[:10])
print("le commit contient le code exécuté :", kept == script.format(0.9))
