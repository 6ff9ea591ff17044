"""``mlflow run URI -v COMMIT`` on a repository of this machine: is the repository left alone?

Source of the mechanism: ``mlflow/projects/utils.py``, ``_fetch_project`` and
``_fetch_git_repo``: a local address is its own destination folder.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from mlflow_study import nursery
from mlflow_study.population import git
from mlflow_study.stores import create_sqlite

FORMS = ("dossier de travail", "dossier de travail, file://", "dépôt nu", "dépôt nu, file://")
_MLPROJECT = 'name: essai\nentry_points:\n  main:\n    command: "echo bonjour"\n'


def measure_local_projects() -> pd.DataFrame:
    """Run the first of two commits from each form of address; look at the repository after.

    Columns: forme, lance (the project ran), tete_deplacee (the checked-out commit moved),
    ajouts (entries that appeared), clonable (a clone still gets the two commits), altere.
    """
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="mlflow-projets-") as scratch:
        folder = Path(scratch)
        jobs, places = [], []
        for index, form in enumerate(FORMS):
            place = folder / str(index)
            place.mkdir()
            repository, first = _repository(place, bare=form.startswith("dépôt nu"))
            address = repository.as_uri() if form.endswith("file://") else str(repository)
            before = (_head(repository), _entries(repository))
            places.append((form, repository, before))
            jobs.append(
                nursery.Job(
                    place,
                    function=_run_project,
                    values=(address, first),
                    environment={"MLFLOW_TRACKING_URI": create_sqlite(place / "m.db")},
                )
            )
        for (form, repository, (head, entries)), outcome in zip(
            places, nursery.run_all(jobs), strict=True
        ):
            added = sorted(_entries(repository) - entries)
            moved = _head(repository) != head
            clonable = _clone_commits(repository) == 2
            rows.append(
                {
                    "forme": form,
                    "lance": outcome.ok,
                    "erreur": outcome.error.split("\n")[0][:120] if not outcome.ok else "",
                    "tete_deplacee": moved,
                    "ajouts": ", ".join(added),
                    "clonable": clonable,
                    "altere": moved or bool(added) or not clonable,
                }
            )
    return pd.DataFrame(rows)


def _repository(folder: Path, *, bare: bool) -> tuple[Path, str]:
    """A repository of two commits; (its folder, the first commit)."""
    work = folder / "projet"
    work.mkdir()
    git(work, "init", "--quiet", "--initial-branch=main")
    commits = []
    for text in ("un", "deux"):
        (work / "note.txt").write_text(text, encoding="utf-8")
        (work / "MLproject").write_text(_MLPROJECT, encoding="utf-8")
        git(work, "add", "--all")
        git(work, "commit", "--quiet", f"--message={text}")
        commits.append(git(work, "rev-parse", "HEAD"))
    if not bare:
        return work, commits[0]
    git(work, "clone", "--quiet", "--bare", ".", str(folder / "projet.git"))
    return folder / "projet.git", commits[0]


def _head(repository: Path) -> str:
    folder = repository if (repository / "HEAD").exists() else repository / ".git"
    return (folder / "HEAD").read_text(encoding="utf-8")


def _entries(repository: Path) -> set[str]:
    return {path.name for path in repository.iterdir()}


def _clone_commits(repository: Path) -> int:
    """Commits of the default branch that a clone by ``file://`` receives."""
    with tempfile.TemporaryDirectory() as scratch:
        command = ["git", "clone", "--quiet", repository.as_uri(), f"{scratch}/copie"]
        env = nursery.clean_environment({})
        subprocess.run(command, capture_output=True, env=env)
        log = subprocess.run(
            ["git", "-C", f"{scratch}/copie", "rev-list", "--count", "origin/main"],
            capture_output=True,
            text=True,
            env=env,
        )
        return int(log.stdout) if log.returncode == 0 else 0


def _run_project(address: str, commit: str) -> str:
    import mlflow.projects

    return str(mlflow.projects.run(address, version=commit, env_manager="local").run_id)
