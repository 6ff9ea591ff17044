"""`mlflow run` écrit un .git dans un dépôt nu, que l’on ne peut plus cloner."""

import os
import subprocess
import tempfile
from pathlib import Path

os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", GIT_PYTHON_REFRESH="quiet")
import mlflow
import mlflow.projects


def git(*words, cwd):
    who = ["-c", "user.name=a", "-c", "user.email=a@b.invalid"]
    return subprocess.run(["git", *who, *words], cwd=cwd, capture_output=True, text=True)


folder = Path(tempfile.mkdtemp())
mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
work = folder / "work"
work.mkdir()
(work / "MLproject").write_text('entry_points:\n  main:\n    command: "echo hello"\n')
git("init", cwd=work)
git("add", ".", cwd=work)
git("commit", "-m", "one", cwd=work)
commit = git("rev-parse", "HEAD", cwd=work).stdout.strip()
bare = folder / "team.git"
git("clone", "--bare", ".", str(bare), cwd=work)
before = git("clone", bare.as_uri(), "before", cwd=folder).returncode
try:
    mlflow.projects.run(bare.as_uri(), version=commit, env_manager="local")
except mlflow.exceptions.ExecutionException as error:
    print(str(error).splitlines()[0][:90])
git("clone", bare.as_uri(), "after", cwd=folder)
alive = git("log", "--oneline", cwd=folder / "after").returncode == 0
print(
    "clonable avant :",
    before == 0,
    "; histoire après :",
    alive,
    "; .git dedans :",
    (bare / ".git").exists(),
)
print("CONFIRME : le dépôt est intact" if alive else "REFUTE : le dépôt a été modifié")
