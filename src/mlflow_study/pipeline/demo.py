"""``./run_all.sh demo``: a lesson, with MLflow's own page on the study and the notebooks open.

The class works on copies: notebooks, evidence and study store are copied to a temporary
folder, so that cells answer at once from the evidence and nothing of the checkout changes.
The notebooks bear the parameters of the build: with others, they would measure again.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sqlite3
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from pathlib import Path

from rich.console import Console

from mlflow_study.chapters import CHAPTERS, ChapterInfo
from mlflow_study.errors import ParameterError, StudyError
from mlflow_study.paths import (
    BUILD_VARIABLE,
    EVIDENCE_VARIABLE,
    NOTEBOOKS,
    REMEASURE_VARIABLE,
    Build,
)
from mlflow_study.pipeline.execute import environment
from mlflow_study.pipeline.screen import clock
from mlflow_study.pipeline.settings import Settings, resolve_chapters
from mlflow_study.pipeline.study_store import DATABASE, VARIABLE
from mlflow_study.stores import Process, free_port, hide_password, start_server

JUPYTER_TIMEOUT_S = 60.0


def demo(
    folder: Path,
    wanted: list[str],
    console: Console,
    wait: Callable[[], object] = lambda: threading.Event().wait(),
) -> int:
    """Open both pages, say what to do, and wait: for Ctrl-C, or for ``wait`` to return.

    ``folder`` is a build folder that holds a finished study.  Where ``--suivi`` names a store,
    it is that one which is shown, and it is not a copy.  Raises StudyError without a study.
    """
    if not (folder / "etude.json").exists():
        raise StudyError(
            "Aucune étude terminée à montrer.", next_step="./run_all.sh, puis ./run_all.sh demo"
        )
    if len(wanted) > 1:
        raise ParameterError("« demo » accepte un seul chapitre, par exemple ./run_all.sh demo 1.")
    chapters = [c for c in resolve_chapters(wanted) if not (wanted and c.synthesis)] or list(
        CHAPTERS
    )
    settings = Settings.load(folder)
    with ExitStack() as stack:
        lesson = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mlflow-demo-")))
        copy = Build(lesson / "build")
        shutil.copytree(folder / "preuves", copy.evidence)
        for chapter in CHAPTERS:
            _copy_notebook(chapter.name, settings, lesson)
        console.print("Ouverture des deux pages…")
        page, server = _open_page(folder, lesson)
        if server is not None:
            stack.callback(server.stop)
        own = {
            BUILD_VARIABLE: str(copy.folder),
            EVIDENCE_VARIABLE: str(copy.evidence) if settings.evidence else "",
            REMEASURE_VARIABLE: "",
        }
        notebooks, lab = _start_jupyter(lesson, environment(settings) | own)
        stack.callback(lab.stop)
        _tell(console, page, notebooks, chapters, settings)
        try:
            wait()
        except KeyboardInterrupt:
            console.print("\nFin de la démonstration : rien ne reste.")
    return 0


def _copy_notebook(name: str, settings: Settings, lesson: Path) -> None:
    """A notebook with the parameters of the build, as Papermill injects them."""
    import papermill

    papermill.execute_notebook(
        str(NOTEBOOKS / f"{name}.ipynb"),
        str(lesson / f"{name}.ipynb"),
        parameters=settings.parameters.get(name, {}),
        prepare_only=True,
    )


def _open_page(folder: Path, lesson: Path) -> tuple[str, Process | None]:
    """MLflow's page: the user's own server, or one of ours on his store or on a copy of ours."""
    named = os.environ.get(VARIABLE, "")
    if named.startswith("http"):
        return hide_password(named), None
    if not named:
        store = json.loads((folder / "etude.json").read_text(encoding="utf-8"))["magasin"]
        if not store.endswith(f"/{DATABASE}") or not (folder / DATABASE).exists():
            raise StudyError(
                f"Cette étude est suivie dans « {store} ».",
                next_step="./run_all.sh demo --suivi URI, avec l’adresse de ce magasin",
            )
        with (
            closing(sqlite3.connect(folder / DATABASE)) as original,
            closing(sqlite3.connect(lesson / DATABASE)) as copy,
        ):
            original.backup(copy)
    return start_server(named or f"sqlite:///{lesson / DATABASE}", lesson / "serveur")


def _start_jupyter(lesson: Path, variables: Mapping[str, str]) -> tuple[str, Process]:
    """JupyterLab on the lesson.  Its token travels in the environment: ``ps`` shows arguments."""
    token = secrets.token_hex(8)
    port = free_port()
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--ip=127.0.0.1"]
    command += [f"--port={port}", f"--ServerApp.root_dir={lesson}"]
    command += ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    lab = Process.start(command, lesson / "jupyter.log", {**variables, "JUPYTER_TOKEN": token})
    deadline = time.monotonic() + JUPYTER_TIMEOUT_S
    while lab.alive() and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api?token={token}", timeout=2):
                return f"http://127.0.0.1:{port}/lab?token={token}", lab
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    tail = lab.tail()
    lab.stop()
    raise StudyError(f"JupyterLab n’a pas démarré. Fin de son journal : {tail}")


def _tell(
    console: Console, page: str, notebooks: str, chapters: list[ChapterInfo], settings: Settings
) -> None:
    folder = settings.folder
    console.print(f"\n1. La page de MLflow sur l’étude :  {page}", highlight=False, soft_wrap=True)
    console.print(
        "   À montrer : une ligne par chapitre ; ses paramètres, ses métriques, son carnet."
    )
    console.print(
        f"2. Les carnets dans JupyterLab :    {notebooks}", highlight=False, soft_wrap=True
    )
    for chapter in chapters:
        console.print(
            f"   {chapter.name}.ipynb  {chapter.title}, {_durations(folder, chapter.name)}",
            highlight=False,
        )
    console.print(
        "   Les cellules relisent les preuves enregistrées, sans rien mesurer."
        if settings.evidence
        else "   Les cellules relisent les preuves ; changez un paramètre pour mesurer à nouveau."
    )
    console.print(f"3. Le rapport :                     {folder / 'rapport.html'}", soft_wrap=True)
    console.print("\nCtrl-C termine tout.")


def _durations(folder: Path, name: str) -> str:
    """How long the chapter took to measure here, and takes to read back."""
    account = Build(folder).evidence / name / "chapitre.json"
    if not account.exists():
        return "pas encore exécuté"
    measures = json.loads(account.read_text(encoding="utf-8"))["mesures"]
    total = sum(measure["wall_s"] for measure in measures)
    return f"mesuré en {clock(total)}, relu en quelques secondes" if measures else "sans mesure"
