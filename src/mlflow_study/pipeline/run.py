"""Drive Snakemake for one run: lock, start, follow, explain, leave nothing behind."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
from filelock import FileLock, Timeout
from rich.console import Console

from mlflow_study.errors import StudyError
from mlflow_study.paths import ROOT
from mlflow_study.pipeline import ancestor
from mlflow_study.pipeline.progress import EventLog
from mlflow_study.pipeline.screen import Screen, clock, final_table
from mlflow_study.pipeline.settings import Settings

POLL_S = 0.1


def snakemake_command(folder: Path, jobs: int, cluster: Path | None = None) -> list[str]:
    """The command line; ``--nolock`` because our own lock stands above it.

    ``cluster`` is a folder with a Snakemake profile (``config.yaml``), for a cluster.
    """
    return [
        *(sys.executable, "-m", "snakemake"),
        *("--snakefile", str(ROOT / "Snakefile")),
        *("--directory", str(folder)),
        *("--cores", str(jobs)),
        *("--nolock", "--rerun-incomplete", "--nocolor"),
        *("--rerun-triggers", "mtime", "params", "input"),
        *(("--profile", str(cluster)) if cluster else ("--latency-wait", "1")),
    ]


def run_study(settings: Settings, jobs: int, console: Console, cluster: Path | None = None) -> int:
    """Run what is not up to date; returns the exit code.

    Raises StudyError when another run holds the folder or when a job fails.
    """
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
    started, position = time.perf_counter(), 0
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    if cluster is None:  # elsewhere, this process is not there to be watched
        environment |= ancestor.environment()
    with log.open("wb") as output, Screen(console) as screen:
        process = subprocess.Popen(
            snakemake_command(folder, jobs, cluster),
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
            with contextlib.suppress(psutil.NoSuchProcess):
                ancestor.end_tree(psutil.Process(process.pid))
            process.wait()
            raise
    if process.returncode != 0:
        _explain(settings, screen, log)
    total = time.perf_counter() - started
    if not screen.elapsed and "Nothing to be done" in log.read_text(encoding="utf-8"):
        console.print(f"Rien à refaire : tout est à jour (vérifié en {clock(total)}).")
        console.print(
            f"Rapport à ouvrir : {folder / 'rapport.html'}", highlight=False, soft_wrap=True
        )
        return 0
    final_table(console, screen.elapsed, folder, total)
    return 0


def _explain(settings: Settings, screen: Screen, log: Path) -> None:
    """Raise the StudyError that says which notebook, which cell, why, and what to do next."""
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
    for name in ("rapport", "etude"):
        lines = _last_lines(settings.build.logs / f"{name}.log")
        if lines.startswith("Erreur"):
            raise StudyError(lines.removeprefix("Erreur : "), next_step="./run_all.sh")
    raise StudyError(
        f"L’enchaînement s’est arrêté. Fin du journal {log} :\n{_last_lines(log, 8)}",
        next_step="./run_all.sh docteur",
    )


def _last_lines(path: Path, count: int = 3) -> str:
    if not path.exists():
        return ""
    return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])
