"""Every way of launching Python that is tried, each with its truth prepared.

A context prepares a folder whose truth is known: which files ran, with which content, in
which repository.  ``contexts`` launches it and grades what the store answers.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mlflow_study.traceability import jupyter
from mlflow_study.traceability.repositories import Repository

_HOOK = "ETUDE_PENDANT"
NOTEBOOK = "analyse.ipynb"


@dataclass(frozen=True)
class Launch:
    """What is launched, and the truth about it."""

    argv: list[str]
    """What follows ``python`` on the command line."""
    cwd: Path
    ran: dict[str, str]
    """Files that really ran: path in ``repository`` -> content."""
    repository: Repository | None
    entry: Path | None
    """File that a reader would have to start again."""
    branch: str | None = "main"
    clean: bool | None = True
    """Was all that ran committed?  None outside Git."""
    arguments: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    between: Callable[[], object] | None = None
    """When set, what happens before the same command is launched a second time."""
    others: dict[str, str] = field(default_factory=dict)
    """Commits of other repositories -> a name to show."""
    drive: Callable[[], object] | None = None
    """What acts on the program from outside while it runs."""


def _launch(
    repository: Repository,
    ran: dict[str, str],
    entry: str = "train.py",
    argv: list[str] | None = None,
    cwd: Path | None = None,
    **truth: Any,
) -> Launch:
    """``python entry`` from the folder of the repository, unless said otherwise."""
    return Launch(
        argv or [entry], cwd or repository.path, ran, repository, repository.path / entry, **truth
    )


def _foreign(repository: Repository) -> dict[str, str]:
    return {repository.head(): "commit d’un dépôt étranger"}


def script(score: float, before: str = "", options: str = "") -> str:
    """A training script whose constant is its identity."""
    return f"""import os, sys, mlflow
{before}
if "{_HOOK}" in os.environ:
    os.system(os.environ["{_HOOK}"])
with mlflow.start_run({options}):
    mlflow.log_metric("score", {score})
"""


_VERSIONING = "import mlflow.genai\nmlflow.genai.enable_git_model_versioning()"
_MODULE = "def train():\n    return {score}\n"
_DRIVER = """import mlflow
{before}
import travail
with mlflow.start_run():
    mlflow.log_metric("score", travail.train())
"""


def _clean(root: Path) -> Launch:
    files = {"train.py": script(0.1)}
    repository = Repository.create(root / "projet", files)
    return _launch(repository, files)


def _dirty(root: Path, before: str = "") -> Launch:
    repository = Repository.create(root / "projet", {"train.py": script(0.1, before)})
    now = {"train.py": script(0.2, before)}
    repository.write(now)
    return _launch(repository, now, clean=False)


def _untracked(root: Path, before: str = "") -> Launch:
    repository = Repository.create(root / "projet", {"README": "projet\n"})
    files = {"essai.py": script(0.3, before)}
    repository.write(files)
    return _launch(repository, files, "essai.py", clean=False)


def _ignored(root: Path) -> Launch:
    repository = Repository.create(root / "projet", {".gitignore": "brouillon/\n"})
    files = {"brouillon/essai.py": script(0.3)}
    repository.write(files)
    folder = repository.path / "brouillon"
    return _launch(repository, files, "brouillon/essai.py", ["essai.py"], cwd=folder, clean=False)


def _dirty_module(root: Path) -> Launch:
    driver = {"train.py": _DRIVER.format(before="")}
    old = {"travail.py": _MODULE.format(score=0.1)}
    repository = Repository.create(root / "projet", driver | old)
    new = {"travail.py": _MODULE.format(score=0.2)}
    repository.write(new)
    return _launch(repository, driver | new, clean=False)


def _subfolder(root: Path) -> Launch:
    files = {"src/modeles/train.py": script(0.1)}
    repository = Repository.create(root / "projet", files)
    return _launch(repository, files, "src/modeles/train.py")


def _absolute(root: Path) -> Launch:
    files = {"train.py": script(0.1)}
    repository = Repository.create(root / "projet", files)
    elsewhere = root / "ailleurs"
    elsewhere.mkdir()
    return _launch(repository, files, argv=[str(repository.path / "train.py")], cwd=elsewhere)


def _no_repository(root: Path) -> Launch:
    folder = root / "dossier"
    folder.mkdir()
    files = {"train.py": script(0.1)}
    Repository(folder).write(files)
    return Launch(["train.py"], folder, files, None, folder / "train.py", branch=None, clean=None)


def _detached(root: Path, before: str = "") -> Launch:
    files = {"train.py": script(0.1, before)}
    repository = Repository.create(root / "projet", files)
    repository.git("checkout", "-q", "--detach")
    return _launch(repository, files, branch=None)


def _worktree(root: Path) -> Launch:
    repository = Repository.create(root / "projet", {"train.py": script(0.1)})
    repository.git("worktree", "add", "-q", "-b", "essai", str(root / "annexe"))
    annex = Repository(root / "annexe")
    files = {"train.py": script(0.4)}
    annex.commit(files)
    return Launch(
        ["train.py"], annex.path, files, repository, annex.path / "train.py", branch="essai"
    )


def _submodule_script(root: Path) -> Launch:
    library = Repository.create(root / "bibliotheque", {"train.py": script(0.1)})
    parent = Repository.create(root / "projet", {"README": "projet\n"})
    parent.git("submodule", "add", "-q", str(library.path), "vendu")
    parent.commit({}, "vendor")
    inside = Repository(parent.path / "vendu")
    files = {"train.py": script(0.1)}
    return _launch(inside, files, argv=["vendu/train.py"], cwd=parent.path)


def _submodule_moved(root: Path) -> Launch:
    """The parent's commit names one revision of the submodule; another one is imported."""
    library = Repository.create(root / "bibliotheque", {"travail.py": _MODULE.format(score=0.1)})
    driver = {"train.py": _DRIVER.format(before="import sys; sys.path.insert(0, 'vendu')")}
    parent = Repository.create(root / "projet", driver)
    parent.git("submodule", "add", "-q", str(library.path), "vendu")
    parent.commit({}, "vendor")
    inside = Repository(parent.path / "vendu")
    inside.commit({"travail.py": _MODULE.format(score=0.2)})
    ran = driver | {"vendu": inside.head()}
    return _launch(parent, ran, clean=False)


def _notebook(root: Path, argv: Sequence[str] = (), **truth: Any) -> Launch:
    """A notebook of one cell, committed; ``argv`` runs it."""
    cell: dict[str, Any] = {
        "cell_type": "code",
        "id": "train",
        "metadata": {},
        "source": script(0.1),
        "outputs": [],
        "execution_count": None,
    }
    book = {
        "cells": [cell],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    text = json.dumps(book, indent=1) + "\n"
    repository = Repository.create(root / "projet", {NOTEBOOK: text})
    return _launch(repository, {NOTEBOOK: text}, NOTEBOOK, list(argv), **truth)


def _papermill(root: Path) -> Launch:
    output = str(root / "sortie.ipynb")
    return _notebook(root, ["-m", "papermill", NOTEBOOK, output, "--no-progress-bar"])


def _execute(root: Path) -> Launch:
    return _notebook(root, ["-m", "jupyter", "execute", NOTEBOOK])


def _kernel(root: Path) -> Launch:
    """The cells sent to a kernel, as Papermill and nbclient do, without a server."""
    connection = root / "kernel-essai.json"
    return _notebook(
        root,
        ["-m", "ipykernel_launcher", "-f", str(connection)],
        drive=lambda: jupyter.run_in_kernel(connection, [script(0.1)]),
    )


def _server(root: Path) -> Launch:
    """The notebook opened in a Jupyter server, as JupyterLab opens it."""
    runtime = root / "jupyter"
    return _notebook(
        root,
        jupyter.server_command(),
        env={"JUPYTER_RUNTIME_DIR": str(runtime), "JUPYTER_CONFIG_DIR": str(root / "reglages")},
        drive=lambda: jupyter.run_in_server(runtime, NOTEBOOK, [script(0.1)]),
    )


def _command(root: Path) -> Launch:
    repository = Repository.create(root / "projet", {"README": "projet\n"})
    return Launch(
        ["-c", script(0.5)],
        repository.path,
        {"<ligne de commande>": script(0.5)},
        repository,
        None,
        clean=False,
    )


def _module(root: Path) -> Launch:
    files = {"paquet/train.py": script(0.1), "paquet/__init__.py": ""}
    repository = Repository.create(root / "projet", files)
    return _launch(repository, files, "paquet/train.py", ["-m", "paquet.train"])


def _imported(root: Path) -> Launch:
    """The launcher lies in one repository, the code that trains in another."""
    library = Repository.create(root / "bibliotheque", {"travail.py": _MODULE.format(score=0.1)})
    before = f"import sys; sys.path.insert(0, {str(library.path)!r})"
    tools = Repository.create(root / "outils", {"lance.py": _DRIVER.format(before=before)})
    return Launch(
        [str(tools.path / "lance.py")],
        library.path,
        {"travail.py": _MODULE.format(score=0.1)},
        library,
        tools.path / "lance.py",
        others={tools.head(): "commit du lanceur"},
    )


_PROJECT = {
    "MLproject": "name: essai\nentry_points:\n  main:\n    parameters:\n"
    "      lr: {type: float, default: 0.5}\n    command: 'sh train.sh {lr}'\n",
    "train.sh": 'test -n "$1"\n',
}


def _project(root: Path, uri: Callable[[Repository], str] | None = None) -> Launch:
    repository = Repository.create(root / "projet", _PROJECT)
    target = uri(repository) if uri else "."
    command = ["-m", "mlflow", "run", target, "--env-manager", "local", "-P", "lr=0.1"]
    # the root of the repository holds the project
    cwd = repository.path if uri is None else root
    return Launch(
        command, cwd, _PROJECT, repository, repository.path / "MLproject", arguments={"lr": "0.1"}
    )


def _project_dirty(root: Path) -> Launch:
    launch = _project(root)
    assert launch.repository is not None
    now = _PROJECT | {"train.sh": 'test -n "$1" && true\n'}
    launch.repository.write(now)
    return replace(launch, ran=now, clean=False)


def _project_git(root: Path) -> Launch:
    return _project(root, lambda repository: f"file://{repository.path}")


def _remote_worker(root: Path) -> Launch:
    """The script is copied to a worker, without its repository, as schedulers do."""
    files = {"train.py": script(0.1)}
    repository = Repository.create(root / "projet", files)
    worker = root / "noeud" / "travail-7f3a"
    worker.mkdir(parents=True)
    shutil.copy(repository.path / "train.py", worker)
    return _launch(repository, files, cwd=worker)


def _worker_in_repository(root: Path) -> Launch:
    """The same, but the worker's own folder happens to lie in another repository."""
    files = {"train.py": script(0.1)}
    repository = Repository.create(root / "projet", files)
    home = Repository.create(root / "noeud", {".bashrc": "# dotfiles\n"})
    worker = home.path / "travail-7f3a"
    worker.mkdir()
    shutil.copy(repository.path / "train.py", worker)
    return _launch(repository, files, cwd=worker, others=_foreign(home))


def _changed_folder(root: Path) -> Launch:
    """The script changes folder; another repository holds a file of the same name."""
    other = Repository.create(root / "autre", {"train.py": script(0.9)})
    files = {"train.py": script(0.1, before=f"os.chdir({str(other.path)!r})")}
    repository = Repository.create(root / "projet", files)
    return _launch(repository, files, others=_foreign(other))


def _head_moves(root: Path) -> Launch:
    """A colleague, or the user, commits another version while the script is loading."""
    files = {"train.py": script(0.1)}
    repository = Repository.create(root / "projet", files)
    (root / "suite.py").write_text(script(0.2), encoding="utf-8")
    hook = f"cp {root / 'suite.py'} train.py && git commit -qam suite"
    return _launch(repository, files, env={_HOOK: hook})


def _long_session(root: Path) -> Launch:
    """Two runs in one process; the module is changed, committed and reloaded in between."""
    session = {
        "session.py": f"""import importlib, os, mlflow, travail
with mlflow.start_run():
    mlflow.log_metric("score", travail.train())
os.system(os.environ["{_HOOK}"])
importlib.reload(travail)
with mlflow.start_run():
    mlflow.log_metric("score", travail.train())
"""
    }
    old = {"travail.py": _MODULE.format(score=0.1)}
    new = {"travail.py": _MODULE.format(score=0.25)}
    repository = Repository.create(root / "projet", session | old)
    (root / "suite.py").write_text(new["travail.py"], encoding="utf-8")
    hook = f"cp {root / 'suite.py'} travail.py && git commit -qam suite"
    return _launch(repository, session | new, "session.py", env={_HOOK: hook})


def _resumed(root: Path) -> Launch:
    """A run begun by one version of the code and finished by the next one."""
    repository = Repository.create(root / "projet", {"train.py": script(0.1)})
    again = {
        "train.py": """import os, mlflow
first = mlflow.MlflowClient().search_runs([os.environ["MLFLOW_EXPERIMENT_ID"]])[0]
with mlflow.start_run(run_id=first.info.run_id):
    mlflow.log_metric("score", 0.2)
"""
    }
    return _launch(repository, again, between=lambda: repository.commit(again))


def _without_git(root: Path) -> Launch:
    nowhere = {"PATH": str(root), "GIT_PYTHON_GIT_EXECUTABLE": str(root / "git")}
    return replace(_clean(root), env=nowhere)


def _forged_user(root: Path) -> Launch:
    return replace(_clean(root), env={"LOGNAME": "directrice"})


def _late_clock(root: Path) -> Launch:
    before = "import time\n_now = time.time\ntime.time = lambda: _now() - 30 * 86400"
    files = {"train.py": script(0.1, before)}
    repository = Repository.create(root / "projet", files)
    return _launch(repository, files)


def _versioned(root: Path) -> Launch:
    files = {"train.py": script(0.1, _VERSIONING)}
    repository = Repository.create(root / "projet", files)
    return _launch(repository, files)


def _versioned_staged(root: Path) -> Launch:
    """Staged and unstaged changes of the same file, as ``git add -p`` leaves them."""
    launch = _dirty(root, _VERSIONING)
    assert launch.repository is not None
    launch.repository.git("add", "-A")
    now = {"train.py": script(0.7, _VERSIONING)}
    launch.repository.write(now)
    return replace(launch, ran=now)


def _versioned_twice(root: Path) -> Launch:
    """A first dirty state is run, then a second one, from the same commit."""
    first = _dirty(root, _VERSIONING)
    repository = first.repository
    assert repository is not None
    return replace(first, between=lambda: repository.write({"train.py": script(0.8, _VERSIONING)}))


def _versioned_elsewhere(root: Path) -> Launch:
    """The script of one repository, started from the folder of another."""
    other = Repository.create(root / "autre", {"README": "autre\n"})
    files = {"train.py": script(0.1, _VERSIONING)}
    repository = Repository.create(root / "projet", files)
    argv = [str(repository.path / "train.py")]
    return _launch(repository, files, argv=argv, cwd=other.path, others=_foreign(other))


@dataclass(frozen=True)
class Context:
    """One way of launching; ``run`` says which run of the experiment is asked about."""

    id: str
    label: str
    family: str
    prepare: Callable[[Path], Launch]
    run: int = -1
    """Index in order of start time: -1 the last, 0 the first."""
    slow: bool = False
    """Costs seconds of imports: tried with new interpreters only, or by name."""


CONTEXTS = (
    Context("propre", "dépôt propre", "script", _clean),
    Context("modifie", "dépôt modifié (non validé)", "script", _dirty),
    Context("module-modifie", "script validé, module importé modifié", "script", _dirty_module),
    Context("non-suivi", "script jamais validé", "script", _untracked),
    Context("ignore", "script dans un dossier ignoré par Git", "script", _ignored),
    Context("sous-dossier", "script dans un sous-dossier", "script", _subfolder),
    Context("chemin-absolu", "script appelé d’un autre dossier", "script", _absolute),
    Context("sans-depot", "dossier sans dépôt", "script", _no_repository),
    Context("tete-detachee", "tête détachée", "script", _detached),
    Context("worktree", "arbre de travail annexe (worktree)", "script", _worktree),
    Context("sous-module", "script d’un sous-module", "script", _submodule_script),
    Context("sous-module-avance", "sous-module avancé, non validé", "script", _submodule_moved),
    Context("sans-git", "commande git absente", "script", _without_git),
    Context("python-c", "python -c", "autre entrée", _command),
    Context("python-m", "python -m paquet.module", "autre entrée", _module),
    Context("papermill", "notebook par Papermill", "autre entrée", _papermill, slow=True),
    Context("execute", "notebook par jupyter execute", "autre entrée", _execute, slow=True),
    Context(
        "jupyter", "notebook ouvert dans un serveur Jupyter", "autre entrée", _server, slow=True
    ),
    Context("noyau", "notebook envoyé à un noyau Jupyter", "autre entrée", _kernel),
    Context("module-importe", "lanceur d’un dépôt, code d’un autre", "autre entrée", _imported),
    Context("projet-local", "MLflow Project, dossier propre", "MLflow Project", _project),
    Context("projet-modifie", "MLflow Project, dossier modifié", "MLflow Project", _project_dirty),
    Context("projet-git", "MLflow Project, adresse Git", "MLflow Project", _project_git),
    Context("noeud", "script copié sur un nœud distant", "autre lieu", _remote_worker),
    Context(
        "noeud-depot",
        "nœud dont le dossier est dans un dépôt étranger",
        "autre lieu",
        _worker_in_repository,
    ),
    Context("change-dossier", "le script change de dossier courant", "autre lieu", _changed_folder),
    Context("tete-bouge", "un commit arrive pendant le chargement", "autre moment", _head_moves),
    Context(
        "session-longue",
        "second run d’une session, module validé et rechargé",
        "autre moment",
        _long_session,
    ),
    Context("reprise", "run repris par la version suivante du code", "autre moment", _resumed),
    Context("horloge", "horloge du client en retard de 30 jours", "autre moment", _late_clock),
    Context("utilisateur", "variable LOGNAME changée", "autre agent", _forged_user),
    Context("genai-propre", "dépôt propre", "git_model_versioning", _versioned),
    Context(
        "genai-modifie",
        "dépôt modifié",
        "git_model_versioning",
        lambda root: _dirty(root, _VERSIONING),
    ),
    Context(
        "genai-index",
        "modifications dans l’index et hors de l’index",
        "git_model_versioning",
        _versioned_staged,
    ),
    Context(
        "genai-deux-etats",
        "premier de deux états modifiés successifs",
        "git_model_versioning",
        _versioned_twice,
        run=0,
    ),
    Context(
        "genai-non-suivi",
        "script jamais validé",
        "git_model_versioning",
        lambda root: _untracked(root, _VERSIONING),
    ),
    Context(
        "genai-tete-detachee",
        "tête détachée",
        "git_model_versioning",
        lambda root: _detached(root, _VERSIONING),
    ),
    Context(
        "genai-ailleurs",
        "lancé du dossier d’un autre dépôt",
        "git_model_versioning",
        _versioned_elsewhere,
    ),
)

HOOKED = (
    "propre",
    "modifie",
    "module-modifie",
    "non-suivi",
    "ignore",
    "sans-depot",
    "worktree",
    "sous-module-avance",
    "python-c",
    "module-importe",
    "noeud",
    "noeud-depot",
    "change-dossier",
    "tete-bouge",
    "session-longue",
    "reprise",
)
"""Where the hook is tried: the contexts where the code is hard to tell, and two easy ones."""
