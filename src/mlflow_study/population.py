"""The ML experiments that several chapters run: subject × way of recording, declared.

    with open_store("sqlite") as store:
        recorded = record_population(POPULATION, store, folder)

Each experiment is a program in a Git repository of its own, pushed to a *forge*, and runs
in a process of its own.  Afterwards the author's folder is put away: whoever comes later
has the store and the forge, nothing else.

The forge stands for the team's Git server: bare repositories whose address is
``https://forge.exemple.invalid/…``; ``forge_access`` is the environment in which Git finds
them on this disk (``url.….insteadOf``).  A plain ``file://`` address would not do: MLflow
takes it for a working folder and writes into it.

The author then goes on: a later commit on the forge changes the share of test data.  A
reproduction from the head of the repository is not a reproduction of the run.

Ways of recording:

- ``autolog``: ``mlflow.sklearn.autolog()`` and nothing else;
- ``tutoriel``: hyperparameters, metrics and the model by hand, as tutorials do;
- ``soin``: by hand with care: every argument, command, Git address, code, data, versions;
- ``projet``: launched by ``mlflow run`` from the forge; the program logs its metrics;
- ``modele``: metrics and a model logged with its code, signature, example and data set;
- ``carnet``: without MLflow, an honest hand-kept record (script, README, notes).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlflow_study import nursery
from mlflow_study.programs import SUBJECTS, Nature, Recording, Subject, program
from mlflow_study.stores import Store
from mlflow_study.warm_python import warm_python

FORGE = "https://forge.exemple.invalid/"

RECORDINGS: tuple[Recording, ...] = ("autolog", "tutoriel", "soin", "projet", "modele")
"""The ways of recording that use MLflow, in the order of the tables."""


NO_INFERENCE = {"MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT": "0"}
"""MLflow notes its default list of requirements, and starts no process to find what a model
imports (three seconds of processor each); that inference is tried apart (``models.py``)."""


@dataclass(frozen=True)
class Experiment:
    """One row of the population."""

    subject: Subject
    recording: Recording

    @property
    def key(self) -> str:
        return f"{self.subject.name}-{self.recording}"

    @property
    def nature(self) -> Nature:
        return self.subject.nature


POPULATION: tuple[Experiment, ...] = tuple(
    Experiment(subject, recording) for subject in SUBJECTS for recording in RECORDINGS
)
"""Every subject recorded in every way: 8 × 5 = 40 experiments, so that ways compare in pairs."""

NOTEBOOK_RECORD: tuple[Experiment, ...] = tuple(Experiment(s, "carnet") for s in SUBJECTS)
"""The same subjects, kept by hand without MLflow."""


@dataclass(frozen=True)
class Recorded:
    """An experiment that ran, and the truth about it.

    ``kept`` is the author's folder, put away; ``predictions`` and ``metrics`` are what the
    program really produced (not what MLflow kept).  ``run_id`` is None without MLflow, or
    where the program failed (``error`` says why).
    """

    experiment: Experiment
    run_id: str | None
    forge: str
    commit: str
    kept: Path
    metrics: dict[str, float]
    predictions: np.ndarray[Any, Any] | None
    error: str
    output: str
    wall_s: float
    cpu_s: float


def select(subjects: int, recordings: Sequence[Recording] = RECORDINGS) -> tuple[Experiment, ...]:
    """The first ``subjects`` subjects in every recording: a balanced part of the population.

    Projects come first: they take longest, since ``mlflow run`` clones the repository.
    """
    longest_first = sorted(recordings, key=lambda name: name != "projet")
    return tuple(Experiment(s, r) for r in longest_first for s in SUBJECTS[:subjects])


def record_population(
    experiments: Iterable[Experiment], store: Store, folder: Path, *, parallel: int = 2
) -> list[Recorded]:
    """Run every experiment against ``store``, in one MLflow experiment, under ``folder``."""
    chosen = list(experiments)
    experiment_id = store.create_experiment("population")
    with ThreadPoolExecutor(parallel) as pool:
        with_repositories = list(pool.map(lambda e: _prepare(e, folder), chosen))
    jobs = [_job(place, store.tracking_uri, experiment_id) for place in with_repositories]
    outcomes = nursery.run_all(jobs, parallel)
    return [
        _put_away(place, outcome)
        for place, outcome in zip(with_repositories, outcomes, strict=True)
    ]


@dataclass(frozen=True)
class _Place:
    """Where one experiment is played: the author's clone, the forge, the data outside Git."""

    experiment: Experiment
    author: Path
    clone: Path
    bare: Path
    forge: str
    commit: str

    @property
    def arguments(self) -> tuple[str, ...]:
        """The command line that the author typed."""
        options = self.experiment.subject.command_line()
        if self.experiment.subject.place == "hors dépôt":
            options = (*options, f"--data={self.author / 'data' / 'data.csv'}")
        return options


def _prepare(experiment: Experiment, folder: Path) -> _Place:
    """Write the repository and push it to the forge."""
    author = folder / "auteur" / experiment.key
    clone = author / "projet"
    forge = folder / "forge" / f"{experiment.key}.git"
    clone.mkdir(parents=True)
    for name, text in program(experiment.subject, experiment.recording).items():
        (clone / name).write_text(text, encoding="utf-8")
    if experiment.subject.place != "bibliothèque":
        data = clone if experiment.subject.place == "dépôt" else author / "data"
        data.mkdir(exist_ok=True)
        write_data(experiment.subject, data / "data.csv")
    (clone / ".gitignore").write_text(
        "predictions.npy\nmetrics.json\n.journal\n__pycache__/\n", encoding="utf-8"
    )
    git(clone, "init", "--quiet", "--initial-branch=main")
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--message=First version")
    forge.parent.mkdir(parents=True, exist_ok=True)
    git(clone, "clone", "--quiet", "--bare", ".", str(forge))
    address = f"{FORGE}{experiment.key}.git"
    git(clone, "remote", "add", "origin", address)
    return _Place(experiment, author, clone, forge, address, git(clone, "rev-parse", "HEAD"))


def forge_access(folder: Path) -> dict[str, str]:
    """The environment in which Git reaches the forge that lies under ``folder``."""
    return {
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": f"url.{(folder / 'forge').as_uri()}/.insteadOf",
        "GIT_CONFIG_VALUE_0": FORGE,
        "GIT_CONFIG_KEY_1": "protocol.file.allow",
        "GIT_CONFIG_VALUE_1": "always",
    }


def write_data(subject: Subject, path: Path) -> None:
    """The subject's data as a CSV file (17 digits: read back bit for bit)."""
    from sklearn import datasets

    x, y = getattr(datasets, subject.loader)(return_X_y=True, as_frame=True)
    x.assign(target=y).to_csv(path, index=False, float_format="%.17g")


def _job(place: _Place, tracking_uri: str, experiment_id: str) -> nursery.Job:
    recording = place.experiment.recording
    environment = {"MLFLOW_TRACKING_URI": tracking_uri, "MLFLOW_EXPERIMENT_ID": experiment_id}
    environment |= NO_INFERENCE
    if recording == "carnet":
        return nursery.Job(place.clone, script="train.py", arguments=place.arguments)
    if recording == "projet":
        return nursery.Job(
            place.clone,
            function=launch_project,
            values=(place.forge, place.commit, place.arguments, experiment_id),
            environment=environment | forge_access(place.bare.parents[1]),
        )
    return nursery.Job(
        place.clone,
        script="train.py",
        arguments=place.arguments,
        function=_last_run,
        environment=environment,
    )


def _last_run() -> str | None:
    import mlflow

    run = mlflow.last_active_run()
    return run.info.run_id if run else None


def launch_project(
    address: str, commit: str, options: Sequence[str], experiment_id: str | None = None
) -> str:
    """``mlflow run`` in the present environment; what the program leaves is copied here.

    Where MLflow would start an interpreter anew it forks this process (``warm_python``).

    Returns the run id.  MLflow runs the project in a clone that it makes in the temporary
    folder and leaves there; it is moved into the present folder, so that nothing stays
    behind.  Raises ExecutionException when the program fails.
    """
    import tempfile

    import mlflow.projects

    here = Path.cwd()
    with ExitStack() as stack:
        python = stack.enter_context(warm_python())
        path = {"PATH": f"{python}{os.pathsep}{os.environ['PATH']}"}
        stack.enter_context(nursery.changed_environment(path))
        tempfile.tempdir = str(here / ".mlflow-run")
        Path(tempfile.tempdir).mkdir(exist_ok=True)
        try:
            submitted = mlflow.projects.run(
                address,
                version=commit,
                parameters=dict(option.removeprefix("--").split("=", 1) for option in options),
                experiment_id=experiment_id,
                env_manager="local",
            )
        finally:
            for left in Path(tempfile.tempdir).glob("*/*"):
                if left.name in ("predictions.npy", "metrics.json"):
                    shutil.copy(left, here / left.name)
            shutil.rmtree(tempfile.tempdir)
            tempfile.tempdir = None
    return str(submitted.run_id)


def _put_away(place: _Place, outcome: nursery.Outcome) -> Recorded:
    kept = place.author.with_name(f"{place.author.name}.range")
    metrics_file = place.clone / "metrics.json"
    predictions_file = place.clone / "predictions.npy"
    _go_on(place)
    metrics = json.loads(metrics_file.read_text()) if metrics_file.exists() else {}
    predictions = np.load(predictions_file) if predictions_file.exists() else None
    shutil.move(place.author, kept)
    return Recorded(
        experiment=place.experiment,
        run_id=outcome.value,
        forge=place.forge,
        commit=place.commit,
        kept=kept,
        metrics=metrics,
        predictions=predictions,
        error=outcome.error,
        output=outcome.output[-2000:],
        wall_s=outcome.wall_s,
        cpu_s=outcome.cpu_s,
    )


def _go_on(place: _Place) -> None:
    """A later commit reaches the forge; the author's folder stays at the commit that ran."""
    program_file = place.clone / "train.py"
    text = program_file.read_text(encoding="utf-8")
    program_file.write_text(text.replace("test_size=0.25", "test_size=0.3"), encoding="utf-8")
    git(place.clone, "commit", "--quiet", "--all", "--message=Keep more data for the test")
    git(place.clone, "push", "--quiet", str(place.bare), "main")
    git(place.clone, "checkout", "--quiet", place.commit)


def git(folder: Path, *arguments: str) -> str:
    """Run Git with an identity of its own and no configuration of the user's.

    Raises CalledProcessError.
    """
    identity = ["-c", "user.name=Autrice", "-c", "user.email=autrice@exemple.invalid"]
    identity += ["-c", "commit.gpgsign=false", "-c", "protocol.file.allow=always"]
    identity += ["-c", "maintenance.auto=false"]
    done = subprocess.run(
        ["git", *identity, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        env=nursery.clean_environment({"GIT_TEMPLATE_DIR": ""}),
    )
    return done.stdout.strip()
