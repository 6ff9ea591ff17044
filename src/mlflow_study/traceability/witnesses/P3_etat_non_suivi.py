# Un script jamais validé tourne ; l'étiquette dit que le dépôt est propre.
# Cause : mlflow/genai/git_versioning/git_info.py:53 (is_dirty(untracked_files=False)) ;
# choix d'origine, voir mlflow/mlflow, demande de fusion #17029.
import os
import subprocess
import tempfile
from pathlib import Path

folder = tempfile.mkdtemp()
os.chdir(folder)
git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "un"]):
    subprocess.run([*git, *command], check=True)
Path("essai.py").write_text("print('ce code tourne')\n")  # never added to Git

import mlflow  # noqa: E402

mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
model = mlflow.genai.enable_git_model_versioning().active_model
state = subprocess.run(["git", "status", "--short"], capture_output=True, text=True).stdout
print("git status :", state.strip())
print("dirty enregistré :", model.tags["mlflow.source.git.dirty"])
