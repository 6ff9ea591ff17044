"""Which code made this run?  The same question in every way of launching Python.

Each context prepares a folder whose truth is known (which files ran, with which
content, in which repository), launches a run in a process of its own, then reads the
store and grades its answers to nine questions.  An answer to «quel code ?» is right if
and only if checking out the recorded commit gives back, byte for byte, the files that
ran; a commit that does not, with nothing that warns of it, is a *wrong* answer.
"""

from __future__ import annotations

import json
import platform
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from mlflow_study.nursery import account
from mlflow_study.scratch import memory_folder
from mlflow_study.stores import Store, open_stores
from mlflow_study.traceability.grades import Grade
from mlflow_study.traceability.launches import Launcher, launcher
from mlflow_study.traceability.repositories import Repository, environment
from mlflow_study.traceability.situations import CONTEXTS, Context, Launch

if TYPE_CHECKING:
    from mlflow.entities import Run

HOOK = Path(__file__).parent / "payload" / "context_provider.py"
COMMIT, BRANCH = "mlflow.source.git.commit", "mlflow.source.git.branch"
URL = "mlflow.source.git.repoURL"
DIRTY, DIFF = "mlflow.source.git.dirty", "mlflow.source.git.diff"


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


def observe_contexts(
    backends: Sequence[str],
    real: bool = False,
    contexts: Sequence[str] = (),
    hook: bool = False,
) -> pd.DataFrame:
    """One row per backend, context and question.

    ``real`` starts a new interpreter per context on the first backend, and only there,
    instead of duplicating one that has imported MLflow; ``contexts`` restricts to some
    ids; ``hook`` installs the context provider of ``payload/context_provider.py``.
    Columns: backend, famille, contexte, libelle, question, verite, reponse, note, erreur.
    """
    rows: list[dict[str, Any]] = []
    memory = memory_folder()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="etude-", dir=memory))
        site = _install_hook(Path(folder).resolve()) if hook else None
        forks = stack.enter_context(launcher(False, site))
        new = stack.enter_context(launcher(True, site))
        stores = stack.enter_context(open_stores(backends, memory))
        for name, store in stores.items():
            slow = real and name == backends[0]
            for context in CONTEXTS:
                if context.id not in contexts if contexts else context.slow and not slow:
                    continue
                with tempfile.TemporaryDirectory(
                    prefix="etude-", dir=memory, ignore_cleanup_errors=True
                ) as root:
                    found = _observe(context, store, new if slow else forks, Path(root).resolve())
                rows += [{"backend": name, **row} for row in found]
    return pd.DataFrame(rows)


def _observe(context: Context, store: Store, pythons: Launcher, root: Path) -> list[dict[str, Any]]:
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
    start, error = int(time.time() * 1000), ""
    for before in (None, launch.between) if launch.between else (None,):
        if before is not None:
            before()
        error += pythons.run(launch.argv, launch.cwd, env, launch.drive)
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
    user = account()
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
