"""How many experiments come back, how close, and at what effort.

Every experiment of the population is recorded, its author's folder put away, then taken
up by the reproducer in a fresh process and folder, twice: ``autonome`` (the store and the
addresses that it names) and, where that stopped short of identical metrics, ``aidé`` (a
person finds the missing facts; each is counted).  Without MLflow (``carnet``), a person
follows the README and the notes.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from mlflow_study import nursery
from mlflow_study.population import (
    NO_INFERENCE,
    NOTEBOOK_RECORD,
    RECORDINGS,
    Recorded,
    forge_access,
    launch_project,
    record_population,
    select,
)
from mlflow_study.reproducibility.fields import recorded_fields
from mlflow_study.reproducibility.judging import Judgement, Result, compare, conclude
from mlflow_study.reproducibility.record import Record
from mlflow_study.reproducibility.reproducer import COMMIT, SOURCE, Helping, Plan, follow, prepare
from mlflow_study.reproducibility.vocabulary import RUNGS
from mlflow_study.stores import create_sqlite, open_store

Row = dict[str, Any]


def measure_ladder(subjects: int, repetitions: int) -> dict[str, pd.DataFrame]:
    """Record, put away, reproduce, judge.

    ``subjects``: how many of the population's subjects, in all recordings; ``repetitions``:
    runs of the original and of the reproduction for the equivalence test.
    Parts: ``echelle`` (one row per experiment and mode), ``journal`` (one row per piece of
    effort), ``champs`` (one row per experiment and variable: recorded or not).
    """
    nursery.warm_up()
    with (
        tempfile.TemporaryDirectory(prefix="mlflow-reproduction-") as scratch,
        open_store("sqlite") as store,
    ):
        folder = Path(scratch)
        recorded = record_population(
            [*select(subjects, RECORDINGS), *NOTEBOOK_RECORD[:subjects]], store, folder
        )
        for experiment in recorded:
            if experiment.experiment.recording == "carnet":
                _write_notes(experiment)
        trials = reproduce_all(recorded, store.tracking_uri, folder, Helping(), "autonome")
        stuck = [t.recorded for t in trials if t.judgement.rung < 4 and not _hopeless(t)]
        trials += reproduce_all(stuck, store.tracking_uri, folder, None, "aidé")
        conclude_all(trials, repetitions)
        fields = [
            row
            for experiment in recorded
            if experiment.run_id is not None
            for row in recorded_fields(experiment, store.tracking_uri)
        ]
    return {
        "echelle": pd.DataFrame([t.row() for t in trials]),
        "journal": pd.DataFrame([row for t in trials for row in t.journal()]),
        "champs": pd.DataFrame(fields),
    }


def _hopeless(trial: Trial) -> bool:
    """True where no fact is missing: what differs is chance, and helping changes nothing."""
    return trial.plan["stage"] == "prêt" and not [
        m for m in trial.plan["missing"] if "versions" not in m
    ]


class Trial:
    """One attempt at one experiment."""

    def __init__(self, recorded: Recorded, mode: str, plan: dict[str, Any], place: Path) -> None:
        self.recorded, self.mode, self.plan, self.place = recorded, mode, plan, place
        self.ran = False
        self.run_s = 0.0
        self.error = ""
        self.judgement = Judgement(0, float("nan"))

    def row(self) -> Row:
        experiment, plan = self.recorded.experiment, self.plan
        counts = [entry["effort"] for entry in plan["journal"]]
        equivalence = self.judgement.equivalence
        return {
            "experience": experiment.key,
            "sujet": experiment.subject.name,
            "enregistrement": experiment.recording,
            "nature": experiment.nature,
            "donnees": experiment.subject.place,
            "mode": self.mode,
            "origine": plan["kind"],
            "arret": "résultat" if self.ran else plan["stage"],
            "echelon": self.judgement.rung,
            "libelle": RUNGS[self.judgement.rung],
            "ecart": self.judgement.gap,
            "marge": self.judgement.margin,
            "tost_bas": equivalence[0] if equivalence else None,
            "tost_haut": equivalence[1] if equivalence else None,
            "manque": ", ".join(plan["missing"]),
            "erreur": self.error[:200],
            "preparation_s": plan["setup_s"],
            "execution_s": self.run_s,
            "commandes": counts.count("commande"),
            "decisions": counts.count("décision"),
            "lignes": counts.count("ligne"),
            "faits": counts.count("fait extérieur"),
            "versions_notees": len(plan["environment"]),
            "versions_differentes": different_versions(plan["environment"]),
        }

    def journal(self) -> list[Row]:
        key = self.recorded.experiment.key
        return [{"experience": key, "mode": self.mode, **e} for e in self.plan["journal"]]


def different_versions(environment: dict[str, str]) -> int:
    """How many recorded versions are not the installed ones."""
    from importlib.metadata import PackageNotFoundError

    different = 0
    for name, recorded in environment.items():
        try:
            different += version(name) != recorded
        except PackageNotFoundError:
            different += 1
    return different


def reproduce_all(
    recorded: Iterable[Recorded],
    tracking_uri: str,
    folder: Path,
    helping: Helping | None,
    mode: str,
    without: tuple[str, ...] = (),
) -> list[Trial]:
    """Prepare and run each, two at a time.  ``helping`` None: give whatever is missing."""
    chosen = list(recorded)
    access = forge_access(folder)
    places = [folder / "reprise" / f"{mode}-{r.experiment.key}" for r in chosen]
    for place in places:
        place.mkdir(parents=True)
    plans = nursery.run_all(
        nursery.Job(
            place,
            function=_prepare_notebook if r.run_id is None else prepare,
            values=(str(r.kept), str(place), _help(r, helping))
            if r.run_id is None
            else (tracking_uri, r.run_id, str(place), without, _help(r, helping)),
            environment=access,
        )
        for r, place in zip(chosen, places, strict=True)
    )
    trials = [
        Trial(r, mode, outcome.value or asdict(Plan(r.run_id or "", stage="magasin")), place)
        for r, place, outcome in zip(chosen, places, plans, strict=True)
    ]
    for trial, outcome in zip(trials, plans, strict=True):
        trial.error = outcome.error
    _launch_all([t for t in trials if t.plan["stage"] == "prêt"], access)
    return trials


def _help(recorded: Recorded, helping: Helping | None) -> Helping:
    """Everything a person could find by asking the author."""
    if helping is not None:
        return helping
    data = recorded.kept / "data" / "data.csv"
    return Helping(
        address=recorded.forge,
        commit=recorded.commit,
        options=recorded.experiment.subject.command_line(),
        data=str(data) if data.exists() else None,
    )


def _launch_all(trials: list[Trial], access: dict[str, str]) -> None:
    jobs = []
    for trial in trials:
        again = create_sqlite(trial.place / "reprise.db")
        environment = {"MLFLOW_TRACKING_URI": again} | access | NO_INFERENCE
        plan = trial.plan
        plan["journal"].append(
            {"effort": "commande", "texte": "mlflow run" if plan["kind"] == "projet" else "python"}
        )
        if plan["kind"] == "projet":
            values = (plan["address"], plan["commit"], tuple(plan["options"]))
            jobs.append(
                nursery.Job(
                    Path(plan["folder"]),
                    function=launch_project,
                    values=values,
                    environment=environment,
                )
            )
        else:
            jobs.append(
                nursery.Job(
                    Path(plan["folder"]),
                    script=plan["script"],
                    arguments=tuple(plan["options"]),
                    environment=environment,
                )
            )
    for trial, outcome in zip(trials, nursery.run_all(jobs), strict=True):
        trial.run_s, trial.error = outcome.wall_s, outcome.error
        result = Result.read(Path(trial.plan["folder"]))
        trial.ran = outcome.ok and result is not None
        if trial.ran and result is not None:
            original = Result(trial.recorded.metrics, trial.recorded.predictions)
            trial.judgement = compare(original, result)


def conclude_all(trials: list[Trial], repetitions: int) -> None:
    """The equivalence test, where a single run left the question open.

    Recordings share what they have in common: the author's program is repeated once per
    subject, and a reproduction once per program and options (``train`` is the same text in
    every recording, and ``repeat`` records nothing).  Author and reproduction are always two
    samples.
    """
    open_questions = [t for t in trials if t.ran and t.judgement.rung == 1]
    jobs: dict[tuple[str, ...], nursery.Job] = {}
    for trial in open_questions:
        recorded = trial.recorded
        clone = recorded.kept / "projet"
        source = clone if trial.plan["kind"] == "projet" else Path(trial.plan["folder"])
        jobs.setdefault(
            _author_key(trial), _repeat_job(clone, author_options(recorded), repetitions)
        )
        jobs.setdefault(_again_key(trial), _repeat_job(source, trial.plan["options"], repetitions))
    outcomes = dict(zip(jobs, nursery.run_all(jobs.values()), strict=True))
    for trial in open_questions:
        originals, again = outcomes[_author_key(trial)], outcomes[_again_key(trial)]
        if originals.ok and again.ok:
            trial.judgement = conclude(trial.judgement, originals.value, again.value)


def _author_key(trial: Trial) -> tuple[str, ...]:
    return ("autrice", trial.recorded.experiment.subject.name)


def _again_key(trial: Trial) -> tuple[str, ...]:
    """The program that is run again, less what records, and its options, less where data lie."""
    folder = Path(trial.plan["folder"])
    if trial.plan["kind"] == "projet":
        folder = trial.recorded.kept / "projet"
    text = (folder / "train.py").read_text(encoding="utf-8").partition("def main(")[0]
    imports = [line for line in text.splitlines() if line != "import mlflow"]
    options = sorted(o for o in trial.plan["options"] if not o.startswith("--data="))
    return ("reprise", "\n".join(imports), *options)


def author_options(recorded: Recorded) -> list[str]:
    """The author's command line, where the data file now lies."""
    options = list(recorded.experiment.subject.command_line())
    data = recorded.kept / "data" / "data.csv"
    return [*options, f"--data={data}"] if data.exists() else options


def _repeat_job(folder: Path, options: list[str], repetitions: int) -> nursery.Job:
    return nursery.Job(folder, function=repeat, values=(str(folder), options, repetitions))


def repeat(folder: str, options: list[str], repetitions: int) -> list[float]:
    """Losses of ``repetitions`` runs of a program's ``train``, without any recording.

    The seed of a seeded program moves from one run to the next: the spread is that of the
    method, not of one lucky draw.
    """
    import runpy
    import sys

    sys.path[0:0] = [folder]
    sys.argv = ["train.py", *options]
    program = runpy.run_path(str(Path(folder) / "train.py"), run_name="repetition")
    arguments = program["parse"]()
    losses = []
    for index in range(repetitions):
        if hasattr(arguments, "seed"):
            arguments.seed += int(index > 0)
        model, _x, _y, x_test, y_test = program["train"](arguments)
        losses.append(float(program["evaluate"](model, x_test, y_test)[1]["loss"]))
    return losses


# --- without MLflow ------------------------------------------------------------------


def _write_notes(recorded: Recorded) -> None:
    """What an honest author writes down: command, commit, versions, rounded results."""
    command = " ".join(["python", "train.py", *recorded.experiment.subject.command_line()])
    if recorded.experiment.subject.place == "hors dépôt":
        command += " --data=../data/data.csv"
    lines = [f"depot: {recorded.forge}", f"commit: {recorded.commit}", f"commande: {command}"]
    lines += [f"{name} {version(name)}" for name in ("scikit-learn", "numpy", "pandas")]
    lines += [f"{name} = {value:.4g}" for name, value in recorded.metrics.items()]
    (recorded.kept / "notes.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _prepare_notebook(kept: str, place: str, helping: Helping) -> dict[str, Any]:
    """A person reads the notes, clones, checks out and copies the command."""
    started = time.perf_counter()
    notes = dict(
        line.split(": ", 1)
        for line in (Path(kept) / "notes.txt").read_text(encoding="utf-8").splitlines()
        if ": " in line
    )
    text = (Path(kept) / "notes.txt").read_text(encoding="utf-8")
    record = Record(
        run_id="",
        status="",
        parameters={},
        metrics={},
        tags={
            "git.url": notes["depot"],
            COMMIT: notes["commit"],
            SOURCE: "train.py",
            "command": notes["commande"].removeprefix("python "),
        },
        datasets=(),
        artifacts={},
        models={},
    )
    plan = Plan("")
    for decision in ("quelle note va avec quel résultat", "quelle commande recopier"):
        plan.note("décision", decision)
    follow(plan, record, Path(place), "", helping)
    for line in text.splitlines():
        name, _, number = line.partition(" ")
        if name in ("scikit-learn", "numpy", "pandas"):
            plan.environment[name] = number
    plan.setup_s = time.perf_counter() - started
    return asdict(plan)
