"""Drive Snakemake for one run: lock, start, follow, explain, leave nothing behind."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from filelock import FileLock, Timeout
from rich.console import Console

from mlflow_study.chapters import chapter_info
from mlflow_study.errors import StudyError
from mlflow_study.paths import ROOT
from mlflow_study.pipeline import ancestor
from mlflow_study.pipeline.execute import clear_scratch
from mlflow_study.pipeline.progress import EventLog
from mlflow_study.pipeline.screen import Screen, clock, final_table
from mlflow_study.pipeline.settings import Settings, check_recorded
from mlflow_study.publication.build import REPORT_FILES

POLL_S = 0.1
GRACE_S = 10.0
"""What a run that is interrupted gets before it is killed; each worker takes less."""
_ERROR = re.compile(r"^Erreur(?: inattendue)?\s*:\s*", re.MULTILINE)


def snakemake_command(
    folder: Path, jobs: int, cluster: Path | None = None, forced: Sequence[str] = ()
) -> list[str]:
    """The command line; ``--nolock`` because our own lock stands above it.

    ``cluster`` is a folder with a Snakemake profile (``config.yaml``), for a cluster;
    ``forced`` are the rules to run even where nothing has changed.
    """
    return [
        *(sys.executable, "-m", "snakemake"),
        *("--snakefile", str(ROOT / "Snakefile")),
        *("--directory", str(folder)),
        *("--cores", str(jobs)),
        *(("--forcerun", *forced) if forced else ()),
        *("--nolock", "--rerun-incomplete", "--nocolor"),
        *("--rerun-triggers", "mtime", "params", "input"),
        *(("--profile", str(cluster)) if cluster else ("--latency-wait", "1")),
    ]


def run_study(settings: Settings, jobs: int, console: Console, cluster: Path | None = None) -> int:
    """Run what is not up to date; returns the exit code.

    Raises ParameterError when the recorded evidence does not fit, StudyError when another run
    holds the folder or when a job fails.
    """
    check_recorded(settings)
    folder = settings.folder
    try:
        with FileLock(folder / ".verrou", timeout=0):
            return _run_locked(settings, jobs, console, cluster)
    except Timeout:
        raise StudyError(
            f"Une autre exécution travaille déjà dans « {folder.name} ». "
            "Attendez sa fin, ou choisissez un autre dossier avec --sortie DOSSIER."
        ) from None


def _run_locked(settings: Settings, jobs: int, console: Console, cluster: Path | None) -> int:
    folder, build = settings.folder, settings.build
    settings.save()
    events = EventLog(build.logs / "progression.jsonl")
    events.clear()
    log = build.logs / "snakemake.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    clear_scratch(folder)
    began, started, position = time.time(), time.perf_counter(), 0
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    if cluster is None:  # elsewhere, this process is not there to be watched
        environment |= ancestor.environment()
    measuring = [name for name in settings.chapters if not chapter_info(name).synthesis]
    forced = measuring if settings.remeasure else []
    with log.open("wb") as output, _reports_kept(folder), Screen(console) as screen:
        process = subprocess.Popen(
            snakemake_command(folder, jobs, cluster, forced),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=ROOT,
            start_new_session=True,
        )
        try:
            while True:
                finished = process.poll() is not None
                for following, event in list(events.follow(position)):
                    position = following
                    screen.show(event)
                if finished:
                    break
                time.sleep(POLL_S)
        except BaseException:
            console.print(
                "Arrêt : chaque étape range ce qu’elle a ouvert (Ctrl-C : sans attendre)."
            )
            _stop(process)
            raise
    if process.returncode != 0:
        _explain(settings, screen, log, began)
    total = time.perf_counter() - started
    if not screen.elapsed and "Nothing to be done" in log.read_text(encoding="utf-8"):
        console.print(f"Rien à refaire : tout est à jour (vérifié en {clock(total)}).")
        console.print(
            f"Rapport à ouvrir : {folder / 'rapport.html'}", highlight=False, soft_wrap=True
        )
        return 0
    final_table(console, screen.elapsed, folder, total)
    return 0


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a run as Ctrl-C in a terminal would; kill it after ``GRACE_S``, or at a second Ctrl-C.

    Snakemake then cancels the jobs that it has given to a cluster, and each worker lets its
    kernel put away what it has opened.
    """
    family = ancestor.family(process.pid)
    try:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(GRACE_S)
    except (ProcessLookupError, subprocess.TimeoutExpired):
        pass
    finally:
        ancestor.kill(family)
        process.wait()


@contextlib.contextmanager
def _reports_kept(folder: Path) -> Iterator[None]:
    """The last report stays until the next one is there: Snakemake deletes it before.

    What a run that failed has put back is hidden from the next one, which would take it for
    up to date: Snakemake remembers the inputs of a job that failed as those of its output.
    """
    aside = folder / ".precedents"
    aside.mkdir(exist_ok=True)
    files = [(folder / name, aside / name) for name in REPORT_FILES]
    for last, kept in files:
        if kept.exists():
            last.unlink(missing_ok=True)
        elif last.exists():
            shutil.copy2(last, kept)
    try:
        yield
    finally:
        for last, kept in files:
            if last.exists():
                kept.unlink(missing_ok=True)
            elif kept.exists():
                shutil.copy2(kept, last)


def _explain(settings: Settings, screen: Screen, log: Path, began: float) -> NoReturn:
    """Raise the StudyError that says which notebook, which cell, why, and what to do next.

    Logs that were last written before ``began`` tell of other runs.
    """
    failure = screen.failure
    if failure is not None:
        kept = settings.folder / "echecs" / f"{failure.chapter}.ipynb"
        raise StudyError(
            f"Le carnet {failure.chapter} a échoué ({failure.where}).\n"
            f"Cause : {failure.cause}\n"
            f"Carnet en échec, à ouvrir : {kept}\n"
            f"Journal : {settings.build.logs / (failure.chapter + '.log')}",
            next_step=f"./run_all.sh --chapitre {int(failure.chapter[:2])}",
        )
    for path in sorted(settings.build.logs.glob("*.log")):
        error = _last_error(path) if path.stat().st_mtime >= began - 1 else None
        if error is not None:
            raise error
    raise StudyError(
        f"L’enchaînement s’est arrêté. Fin du journal {log} :\n{_last_lines(log, 8)}",
        next_step="./run_all.sh docteur",
    )


def _last_error(path: Path) -> StudyError | None:
    """The last error that a step has told in its log, to the end of it."""
    text = path.read_text(encoding="utf-8", errors="replace")
    starts = [match.end() for match in _ERROR.finditer(text)]
    if not starts:
        return None
    message, _, step = text[starts[-1] :].strip().partition("\nEnsuite : ")
    return StudyError(message, next_step=step.partition("\n")[0] or "./run_all.sh")


def _last_lines(path: Path, count: int) -> str:
    return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])
