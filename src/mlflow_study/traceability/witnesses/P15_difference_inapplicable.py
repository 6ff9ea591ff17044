# La différence gardée n'est pas un correctif que git accepte : la fin de ligne est perdue,
# et modifications dans l'index et hors de l'index sont collées dans le mauvais ordre.
# Cause : mlflow/genai/git_versioning/git_info.py:59-64 (GitPython ôte la dernière fin de
# ligne de `git diff`, et la différence hors index est mise avant celle de l'index).
# Aucun signalement trouvé dans mlflow/mlflow (la différence vient de #17342).
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
Path("train.py").write_text("lr = 0.2\n")

import mlflow  # noqa: E402

mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
model = mlflow.genai.enable_git_model_versioning().active_model
diff = model.tags["mlflow.source.git.diff"]
subprocess.run(["git", "checkout", "-q", "."], check=True)
done = subprocess.run(["git", "apply", "-"], input=diff, text=True, capture_output=True)
print("git apply :", done.stderr.strip() or "accepté")
print("code retrouvé :", Path("train.py").read_text() == "lr = 0.2\n")
