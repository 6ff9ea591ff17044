"""Which code made this run?  The same question in every way of launching Python.

Each context prepares a folder whose truth is known (which files ran, with which
content, in which repository), launches a run in a process of its own, then reads the
store and grades its answers to nine questions.  An answer to «quel code ?» is right if
and only if checking out the recorded commit gives back, byte for byte, the files that
ran; a commit that does not, with nothing that warns of it, is a *wrong* answer.
"""

from __future__ import annotations

import json
import os
import platform
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from mlflow_study.stores import Store, open_stores
from mlflow_study.traceability.grades import Grade
from mlflow_study.traceability.repositories import Repository, environment

if TYPE_CHECKING:
    from mlflow.entities import Run

HOOK = Path(__file__).parent / "payload" / "context_provider.py"
LAUNCHER = Path(__file__).parent / "payload" / "launcher.py"
COMMIT, BRANCH = "mlflow.source.git.commit", "mlflow.source.git.branch"
URL = "mlflow.source.git.repoURL"
DIRTY, DIFF = "mlflow.source.git.dirty", "mlflow.source.git.diff"
_HOOK = "ETUDE_PENDANT"
TIMEOUT_S = 120.0


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
    return Launch(["train.py"], repository.path, files, repository, repository.path / "train.py")


def _dirty(root: Path, before: str = "") -> Launch:
    repository = Repository.create(root / "projet", {"train.py": script(0.1, before)})
    now = {"train.py": script(0.2, before)}
    repository.write(now)
    entry = repository.path / "train.py"
    return Launch(["train.py"], repository.path, now, repository, entry, clean=False)


def _untracked(root: Path, before: str = "") -> Launch:
    repository = Repository.create(root / "projet", {"README": "projet\n"})
    files = {"essai.py": script(0.3, before)}
    repository.write(files)
    entry = repository.path / "essai.py"
    return Launch(["essai.py"], repository.path, files, repository, entry, clean=False)


def _ignored(root: Path) -> Launch:
    repository = Repository.create(root / "projet", {".gitignore": "brouillon/\n"})
    files = {"brouillon/essai.py": script(0.3)}
    repository.write(files)
    entry = repository.path / "brouillon" / "essai.py"
    return Launch(["essai.py"], entry.parent, files, repository, entry, clean=False)


def _dirty_module(root: Path) -> Launch:
    driver = {"train.py": _DRIVER.format(before="")}
    old = {"travail.py": _MODULE.format(score=0.1)}
    repository = Repository.create(root / "projet", driver | old)
    new = {"travail.py": _MODULE.format(score=0.2)}
    repository.write(new)
    entry = repository.path / "train.py"
    return Launch(["train.py"], repository.path, driver | new, repository, entry, clean=False)


def _subfolder(root: Path) -> Launch:
    files = {"src/modeles/train.py": script(0.1)}
    repository = Repository.create(root / "projet", files)
    entry = repository.path / "src/modeles/train.py"
    return Launch(["src/modeles/train.py"], repository.path, files, repository, entry)


def _absolute(root: Path) -> Launch:
    files = {"train.py": script(0.1)}
    repository = Repository.create(root / "projet", files)
    elsewhere = root / "ailleurs"
    elsewhere.mkdir()
    entry = repository.path / "train.py"
    return Launch([str(entry)], elsewhere, files, repository, entry)


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
    entry = repository.path / "train.py"
    return Launch(["train.py"], repository.path, files, repository, entry, branch=None)


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
    entry = inside.path / "train.py"
    return Launch(["vendu/train.py"], parent.path, files, inside, entry)


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
    return Launch(["train.py"], parent.path, ran, parent, parent.path / "train.py", clean=False)


def _notebook(root: Path) -> Launch:
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
    repository = Repository.create(root / "projet", {"analyse.ipynb": text})
    command = ["-m", "papermill", "analyse.ipynb", str(root / "sortie.ipynb"), "--no-progress-bar"]
    entry = repository.path / "analyse.ipynb"
    return Launch(command, repository.path, {"analyse.ipynb": text}, repository, entry)


_RUN_CELLS = """import json
from jupyter_client.manager import run_kernel
with run_kernel(kernel_name="python3") as client:
    for cell in json.load(open("analyse.ipynb"))["cells"]:
        client.execute_interactive(cell["source"], output_hook=lambda _: None)
"""


def _kernel(root: Path) -> Launch:
    """The cells sent to a kernel, as Papermill and nbclient do, without their imports."""
    return replace(_notebook(root), argv=["-c", _RUN_CELLS])


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
    entry = repository.path / "paquet/train.py"
    return Launch(["-m", "paquet.train"], repository.path, files, repository, entry)


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
    entry = repository.path / "train.py"
    return Launch(["train.py"], worker, files, repository, entry)


def _worker_in_repository(root: Path) -> Launch:
    """The same, but the worker's own folder happens to lie in another repository."""
    files = {"train.py": script(0.1)}
    repository = Repository.create(root / "projet", files)
    home = Repository.create(root / "noeud", {".bashrc": "# dotfiles\n"})
    worker = home.path / "travail-7f3a"
    worker.mkdir()
    shutil.copy(repository.path / "train.py", worker)
    entry = repository.path / "train.py"
    return Launch(
        ["train.py"],
        worker,
        files,
        repository,
        entry,
        others={home.head(): "commit d’un dépôt étranger"},
    )


def _changed_folder(root: Path) -> Launch:
    """The script changes folder; another repository holds a file of the same name."""
    other = Repository.create(root / "autre", {"train.py": script(0.9)})
    files = {"train.py": script(0.1, before=f"os.chdir({str(other.path)!r})")}
    repository = Repository.create(root / "projet", files)
    return Launch(
        ["train.py"],
        repository.path,
        files,
        repository,
        repository.path / "train.py",
        others={other.head(): "commit d’un dépôt étranger"},
    )


def _head_moves(root: Path) -> Launch:
    """A colleague, or the user, commits another version while the script is loading."""
    files = {"train.py": script(0.1)}
    repository = Repository.create(root / "projet", files)
    (root / "suite.py").write_text(script(0.2), encoding="utf-8")
    hook = f"cp {root / 'suite.py'} train.py && git commit -qam suite"
    return Launch(
        ["train.py"],
        repository.path,
        files,
        repository,
        repository.path / "train.py",
        env={_HOOK: hook},
    )


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
    return Launch(
        ["session.py"],
        repository.path,
        session | new,
        repository,
        repository.path / "session.py",
        env={_HOOK: hook},
    )


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
    entry = repository.path / "train.py"
    return Launch(
        ["train.py"],
        repository.path,
        again,
        repository,
        entry,
        between=lambda: repository.commit(again),
    )


def _without_git(root: Path) -> Launch:
    nowhere = {"PATH": str(root), "GIT_PYTHON_GIT_EXECUTABLE": str(root / "git")}
    return replace(_clean(root), env=nowhere)


def _forged_user(root: Path) -> Launch:
    return replace(_clean(root), env={"LOGNAME": "directrice"})


def _late_clock(root: Path) -> Launch:
    before = "import time\n_now = time.time\ntime.time = lambda: _now() - 30 * 86400"
    files = {"train.py": script(0.1, before)}
    repository = Repository.create(root / "projet", files)
    return Launch(["train.py"], repository.path, files, repository, repository.path / "train.py")


def _versioned(root: Path) -> Launch:
    files = {"train.py": script(0.1, _VERSIONING)}
    repository = Repository.create(root / "projet", files)
    return Launch(["train.py"], repository.path, files, repository, repository.path / "train.py")


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
    return Launch(
        [str(repository.path / "train.py")],
        other.path,
        files,
        repository,
        repository.path / "train.py",
        others={other.head(): "commit d’un dépôt étranger"},
    )


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
    Context("papermill", "notebook par Papermill", "autre entrée", _notebook, slow=True),
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

QUESTIONS = {
    "code": "Quel code a produit ce résultat ?",
    "valide": "Ce code était-il validé dans Git ?",
    "depot": "Dans quel dépôt est-il ?",
    "branche": "Sur quelle branche ?",
    "fichier": "Quel fichier a été lancé ?",
    "arguments": "Avec quels arguments ?",
    "utilisateur": "Qui l’a lancé ?",
    "machine": "Sur quelle machine ?",
    "date": "Quand ?",
}


class Interpreters:
    """Starts each launch in a process of its own: duplicated after import, or new."""

    def __init__(self, real: bool, folder: Path, hook: bool = False) -> None:
        self.path = {"PYTHONPATH": str(_install_hook(folder))} if hook else {}
        self.server = None if real else self._serve(folder)

    def _serve(self, folder: Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(LAUNCHER)],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment() | self.path,
        )

    def run(self, launch: Launch, env: dict[str, str]) -> str:
        """Launch and wait; returns the end of the traceback, empty when all went well."""
        env = env | self.path
        if self.server is None:
            done = subprocess.run(
                [sys.executable, *launch.argv],
                cwd=launch.cwd,
                env=env,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
                check=False,
            )
            return done.stderr[-2000:] if done.returncode else ""
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        order = {"argv": launch.argv, "cwd": str(launch.cwd), "env": env}
        self.server.stdin.write(json.dumps(order) + "\n")
        self.server.stdin.flush()
        error = str(json.loads(self.server.stdout.readline())["error"])
        return "" if error.rstrip().endswith("SystemExit: 0") else error

    def close(self) -> None:
        if self.server is not None:
            assert self.server.stdin is not None
            self.server.stdin.close()
            self.server.wait(timeout=30)


def _install_hook(folder: Path) -> Path:
    """Lay ``context_provider`` out as an installed package that declares its entry point."""
    site = folder / "site"
    about = site / "code_context-1.0.dist-info"
    about.mkdir(parents=True)
    shutil.copy(HOOK, site / "code_context.py")
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: code-context\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "[mlflow.run_context_provider]\ncode = code_context:CodeContext\n"
    )
    return site


@contextmanager
def interpreters(real: bool, hook: bool = False) -> Iterator[Interpreters]:
    with tempfile.TemporaryDirectory(prefix="etude-") as folder:
        found = Interpreters(real, Path(folder).resolve(), hook)
        try:
            yield found
        finally:
            found.close()


def observe_contexts(
    backends: Sequence[str],
    real: bool = False,
    contexts: Sequence[str] = (),
    hook: bool = False,
) -> pd.DataFrame:
    """One row per backend, context and question.

    ``real`` starts a new interpreter per context instead of duplicating one that has
    imported MLflow; ``contexts`` restricts to some ids; ``hook`` installs the context
    provider of ``payload/context_provider.py``.  Columns: backend, famille,
    contexte, libelle, question, verite, reponse, note, erreur.
    """
    chosen = [c for c in CONTEXTS if (c.id in contexts if contexts else real or not c.slow)]
    rows: list[dict[str, Any]] = []
    with open_stores(backends) as stores, interpreters(real, hook) as pythons:
        for name, store in stores.items():
            for context in chosen:
                with tempfile.TemporaryDirectory(prefix="etude-", ignore_cleanup_errors=True) as d:
                    found = _observe(context, store, pythons, Path(d).resolve())
                rows += [{"backend": name, **row} for row in found]
    return pd.DataFrame(rows)


def _observe(
    context: Context, store: Store, pythons: Interpreters, root: Path
) -> list[dict[str, Any]]:
    launch = context.prepare(root)
    experiment = store.create_experiment(f"contexte-{context.id}")
    env = environment() | {
        "MLFLOW_TRACKING_URI": store.tracking_uri,
        "MLFLOW_EXPERIMENT_ID": experiment,
        "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
        "PYTHONWARNINGS": "ignore",
        "PYTHONDONTWRITEBYTECODE": "1",
        **launch.env,
    }
    start = int(time.time() * 1000)
    error = pythons.run(launch, env)
    if launch.between is not None:
        launch.between()
        error += pythons.run(launch, env)
    window = (start, int(time.time() * 1000) + 1)
    client = store.client()
    runs = client.search_runs([experiment], order_by=["attributes.start_time ASC"])
    if not runs:
        raise RuntimeError(f"context {context.id} left no run: {error}")
    run = runs[context.run]
    answers = dict(_answers(store, run))
    return [
        {
            "famille": context.family,
            "contexte": context.id,
            "libelle": context.label,
            "question": question,
            "verite": _shown(truth, root),
            "reponse": _shown(answer, root),
            "note": note,
            "erreur": _shown(error.strip().splitlines()[-1] if error.strip() else "", root),
        }
        for question, truth, answer, note in _graded(launch, run, answers, window)
    ]


def _shown(value: Any, root: Path) -> str:
    return "" if value is None else str(value).replace(str(root), "…")


def _answers(store: Store, run: Run) -> Iterator[tuple[str, str]]:
    """What the store says of the code: tags of the model linked to the run, then of the run."""
    models = store.client().search_logged_models([run.info.experiment_id])
    for model in models:
        if any(metric.run_id == run.info.run_id for metric in model.metrics or []):
            yield from model.tags.items()
    yield from run.data.tags.items()


def _graded(
    launch: Launch, run: Run, tags: dict[str, str], window: tuple[int, int]
) -> Iterator[tuple[str, Any, Any, Grade]]:
    yield ("code", *_grade_code(launch, tags))
    yield ("valide", *_grade_clean(launch, tags))
    remote = _remote(launch.repository) if launch.repository else None
    yield ("depot", remote, tags.get(URL), _equal(remote, tags.get(URL)))
    branch = tags.get(BRANCH)
    yield ("branche", launch.branch, branch, _equal(launch.branch, branch))
    yield ("fichier", *_grade_entry(launch, tags))
    yield ("arguments", *_grade_arguments(launch, run, tags))
    user = pwd.getpwuid(os.getuid()).pw_name
    told = tags.get("mlflow.user")
    # the account's name is not shown: only whether the store gives it
    yield (
        "utilisateur",
        "le compte du système",
        told if told != user else "le compte du système",
        _equal(user, told),
    )
    host = platform.node()
    everything = [*tags.values(), *run.data.params.values()]
    found = any(host and host in text for text in everything)
    yield (
        "machine",
        "la machine",
        "la machine" if found else None,
        "juste" if found else "absente",
    )
    low, high = window
    inside = low <= run.info.start_time <= high
    gap = round((run.info.start_time - low) / 86_400_000)
    yield (
        "date",
        "à l’heure",
        "à l’heure" if inside else f"{gap} jours",
        "juste" if inside else "fausse",
    )


def _remote(repository: Repository) -> str | None:
    return next(iter(repository.git("remote", "get-url", "origin").split()), None)


def _equal(truth: str | None, answer: str | None) -> Grade:
    if truth == answer:
        return "juste"
    return "absente" if answer is None else "fausse"


def _holds(launch: Launch, commit: str) -> bool:
    repository = launch.repository
    if repository is None:
        return False
    gitlinks = {p: v for p, v in launch.ran.items() if (repository.path / p / ".git").exists()}
    files = {p: v for p, v in launch.ran.items() if p not in gitlinks}
    return repository.holds(commit, files) and all(
        repository.git("rev-parse", f"{commit}:{path}").strip() == sha
        for path, sha in gitlinks.items()
    )


def _grade_code(launch: Launch, tags: dict[str, str]) -> tuple[str, str | None, Grade]:
    commit = tags.get(COMMIT)
    truth = "code validé" if launch.clean else "code hors de tout commit"
    if "code.commits" in tags:
        return (truth, *_grade_snapshot(launch, tags))
    if commit is None:
        return truth, None, "absente"
    if _holds(launch, commit):
        return truth, "un commit qui contient ce code", "juste"
    warned = tags.get(DIRTY) == "true"
    name = launch.others.get(commit, "un commit qui ne contient pas ce code")
    if not warned:
        return truth, name, "fausse"
    patch = tags.get(DIFF)
    if patch is None:
        return truth, f"{name}, dit modifié", "partielle"
    for text, says in (
        (patch, "et une différence qui le redonne"),
        (patch + "\n", "et une différence qui le redonne si l’on y ajoute la fin de ligne perdue"),
    ):
        if launch.repository and launch.repository.holds_with_patch(commit, text, launch.ran):
            return truth, f"{name}, dit modifié, {says}", "juste" if text is patch else "partielle"
    applies = launch.repository is not None and any(
        launch.repository.holds_with_patch(commit, text, {}) for text in (patch, patch + "\n")
    )
    if applies:
        return truth, f"{name}, dit modifié, et une différence qui donne un autre code", "fausse"
    return truth, f"{name}, dit modifié, et une différence que git refuse", "partielle"


def _grade_snapshot(launch: Launch, tags: dict[str, str]) -> tuple[str | None, Grade]:
    """The answer of the hook: a snapshot of each repository that took part."""
    commits = {Path(k): v for k, v in json.loads(tags["code.commits"]).items()}
    found = [
        commit
        for folder, commit in commits.items()
        if launch.repository is not None
        and (folder == launch.repository.path or folder == launch.cwd)
    ]
    changed = tags.get("code.changed_since_import") == "true"
    outside = tags.get("code.outside", "[]") != "[]"
    if any(_holds(launch, commit) for commit in found):
        return "un instantané qui contient ce code", "juste"
    if not found or launch.repository is None:
        return None, "absente"
    if changed:
        return "un instantané d’un autre code, dit changé pendant le chargement", "partielle"
    if outside:
        return "un instantané qui dit ce qui lui manque", "partielle"
    return "un instantané qui ne contient pas ce code", "fausse"


def _grade_clean(launch: Launch, tags: dict[str, str]) -> tuple[str, str | None, Grade]:
    told = tags.get(DIRTY)
    words = {True: "validé", False: "non validé", None: "sans objet"}
    truth = words[launch.clean]
    if told is None:
        return truth, None, "juste" if launch.clean is None else "absente"
    answer = "validé" if told == "false" else "non validé"
    return truth, answer, "juste" if answer == truth else "fausse"


def _grade_entry(launch: Launch, tags: dict[str, str]) -> tuple[str, str | None, Grade]:
    name = tags.get("mlflow.source.name")
    if launch.entry is None:
        return "aucun fichier", name, "juste" if name in (None, "-c", "<console>") else "fausse"
    truth = str(launch.entry)
    if not name:
        return truth, None, "absente"
    path = name.removeprefix("file://").partition("#")[0]
    if Path(path).is_absolute() and (path == truth or Path(path) == launch.entry.parent):
        return truth, name, "juste"
    if not Path(path).is_absolute() and truth.endswith("/" + path.removeprefix("./")):
        return truth, name, "partielle"
    if tags.get("mlflow.source.type") == "PROJECT" and launch.entry.parent.name in path:
        return truth, name, "partielle"
    same_file = Path(path).name == launch.entry.name
    return (
        truth,
        name if not Path(path).is_absolute() or same_file else Path(path).name,
        ("partielle" if same_file else "fausse"),
    )


def _grade_arguments(
    launch: Launch, run: Run, tags: dict[str, str]
) -> tuple[str, str | None, Grade]:
    if launch.arguments:
        found = {k: run.data.params.get(k) for k in launch.arguments}
        entry = tags.get("mlflow.project.entryPoint")
        good = found == launch.arguments and entry == "main"
        return str(launch.arguments), f"{entry} {found}", "juste" if good else "fausse"
    if "code.arguments" not in tags:
        return "la ligne de commande", None, "absente"
    given = launch.argv[2:] if launch.argv[0] in ("-m", "-c") else launch.argv[1:]
    told = json.loads(tags["code.arguments"])
    return "la ligne de commande", str(told), "juste" if told == given else "fausse"
