# Deux états modifiés du même commit partagent un modèle ; la différence du premier est
# effacée par celle du second.
# Cause : mlflow/genai/git_versioning/git_info.py:87-104 (la différence n'est pas dans le
# filtre) et __init__.py:43 (set_logged_model_tags réécrit) ; demande de fusion #17342.
import os
import subprocess
import tempfile
from pathlib import Path

folder = tempfile.mkdtemp()
os.chdir(folder)
git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
Path("train.py").write_text("lr = 0.1\n")
for command in (["init", "-q"], ["add", "train.py"], ["commit", "-qm", "un"]):
    subprocess.run([*git, *command], check=True)

import mlflow  # noqa: E402

mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
models = []
for rate in ("0.2", "0.3"):
    Path("train.py").write_text(f"lr = {rate}\n")
    models.append(mlflow.genai.enable_git_model_versioning().active_model.model_id)
kept = mlflow.get_logged_model(models[0]).tags["mlflow.source.git.diff"]
print("même modèle pour les deux états :", models[0] == models[1])
print("différence du premier état gardée :", "lr = 0.2" in kept)
