"""Run one notebook through Papermill: the job of one rule of the DAG."""

from __future__ import annotations

import hashlib
import os
import re
import time
from pathlib import Path
from typing import Any

from filelock import FileLock

from mlflow_study.chapters import CHAPTERS
from mlflow_study.errors import StudyError
from mlflow_study.paths import (
    BUILD_VARIABLE,
    CHAPTERS_VARIABLE,
    EVIDENCE_VARIABLE,
    NOTEBOOKS,
    PROFILE_VARIABLE,
    REMEASURE_VARIABLE,
    ROOT,
    Build,
)
from mlflow_study.pipeline.ancestor import interruptible
from mlflow_study.pipeline.progress import Event, EventLog, Schedule
from mlflow_study.pipeline.settings import Settings
from mlflow_study.scratch import own_scratch
from mlflow_study.stores import hide_password

PORT_CONFLICT = re.compile(r"Address already in use|ZMQError", re.IGNORECASE)
ATTEMPTS = 3


class ChapterFailed(StudyError):
    """A cell failed; the executed notebook is kept beside, with its error in it."""


def execute_chapter(name: str, settings: Settings) -> Path:
    """Execute ``notebooks/<name>.ipynb`` and put the result in the build folder, whole.

    Raises ChapterFailed: the failed notebook is then in ``echecs/``.  Waits where a run that
    was just killed is still ending its own execution of this notebook.
    """
    settings.build.logs.mkdir(parents=True, exist_ok=True)
    with FileLock(settings.build.logs / f".{name}.verrou"):
        return _execute(name, settings)


def _execute(name: str, settings: Settings) -> Path:
    build = settings.build
    events = EventLog(build.logs / "progression.jsonl")
    final = build.notebooks / f"{name}.ipynb"
    draft = build.folder / "echecs" / f"{name}.ipynb"
    for folder in (final.parent, draft.parent):
        folder.mkdir(parents=True, exist_ok=True)
    os.environ.update(environment(settings))
    started = time.perf_counter()
    try:
        _run(name, draft, settings.parameters[name], events, build)
    except KeyboardInterrupt:
        draft.unlink(missing_ok=True)
        raise
    except Exception as error:
        if draft.exists():
            draft.write_text(hide_password(draft.read_text(encoding="utf-8")), encoding="utf-8")
        cause, where = explain(error)
        elapsed = time.perf_counter() - started
        events.append(Event(name, "echec", cause=cause, where=where, elapsed_s=elapsed))
        raise ChapterFailed(f"{name} : {cause} ({where})") from error
    scrub(draft, build.logs / f"avertissements-{name}.log")
    draft.replace(final)
    events.append(Event(name, "fin", share=1.0, elapsed_s=time.perf_counter() - started))
    return final


def environment(settings: Settings) -> dict[str, str]:
    """What a notebook of this run finds in its environment."""
    return {
        BUILD_VARIABLE: str(settings.folder),
        EVIDENCE_VARIABLE: settings.evidence or "",
        REMEASURE_VARIABLE: "1" if settings.remeasure else "",
        "PYTHONWARNINGS": "ignore",
        PROFILE_VARIABLE: settings.profile,
        CHAPTERS_VARIABLE: ",".join(settings.chapters),
    }


def _run(
    name: str, draft: Path, parameters: dict[str, Any], events: EventLog, build: Build
) -> None:
    import papermill
    from papermill.clientwrap import PapermillNotebookClient
    from papermill.engines import NBClientEngine, papermill_engines

    schedule = Schedule(build.logs / f"durees-{name}.json")
    started = time.perf_counter()

    class StudyEngine(NBClientEngine):  # type: ignore[misc]
        """Papermill's own engine, telling where it stands at each cell."""

        @classmethod
        def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **_: Any) -> None:
            code = [cell.id for cell in nb_man.nb.cells if cell.cell_type == "code"]
            titles = _titles(nb_man.nb.cells)
            on_start, on_complete = nb_man.cell_start, nb_man.cell_complete
            clock: dict[str, float] = {}

            def cell_start(cell: Any, cell_index: int | None = None, **rest: Any) -> None:
                if cell.cell_type == "code":
                    clock[cell.id] = time.perf_counter()
                    share, left = schedule.progress(code, code.index(cell.id))
                    elapsed = time.perf_counter() - started
                    title = titles.get(cell.id, "")
                    events.append(Event(name, "cellule", title, share, elapsed, left))
                on_start(cell, cell_index, **rest)

            def cell_complete(cell: Any, cell_index: int | None = None, **rest: Any) -> None:
                if cell.id in clock:
                    schedule.record(cell.id, time.perf_counter() - clock[cell.id])
                on_complete(cell, cell_index, **rest)

            nb_man.cell_start, nb_man.cell_complete = cell_start, cell_complete
            PapermillNotebookClient(
                nb_man,
                kernel_name=kernel_name,
                timeout=None,
                startup_timeout=120,
                log_output=False,
                shutdown_kernel="immediate",
            ).execute()

    papermill_engines.register("mlflow_study", StudyEngine)
    events.append(Event(name, "debut"))
    for attempt in range(1, ATTEMPTS + 1):
        # In a folder of its own: MLflow writes ./mlruns and ./mlflow.db where it is not told better.
        with own_scratch(_scratch_name(build.folder, name)) as scratch, interruptible():
            try:
                papermill.execute_notebook(
                    str(NOTEBOOKS / f"{name}.ipynb"),
                    str(draft),
                    parameters=parameters,
                    engine_name="mlflow_study",
                    kernel_name="python3",
                    progress_bar=False,
                    log_output=False,
                    autosave_cell_every=0,
                    cwd=str(scratch),
                )
                break
            except Exception as error:
                if attempt == ATTEMPTS or not PORT_CONFLICT.search(str(error)):
                    raise
    schedule.save()


def digest(folder: Path) -> str:
    """Eight letters for a build folder: its scratch folders bear them."""
    return hashlib.sha256(str(folder).encode()).hexdigest()[:8]


def _scratch_name(folder: Path, chapter: str) -> str:
    return f"etude-{digest(folder)}-{chapter[:2]}"


def clear_scratch(folder: Path) -> None:
    """Delete what killed runs of a build folder have left, on disk and in memory."""
    for chapter in CHAPTERS:
        with own_scratch(_scratch_name(folder, chapter.name)):
            pass  # the folder is emptied on the way in, and deleted on the way out


def _titles(cells: list[Any]) -> dict[str, str]:
    """The last heading above each code cell, by cell id."""
    heading, found = "", {}
    for cell in cells:
        if cell.cell_type == "markdown":
            for line in cell.source.splitlines():
                if line.startswith("#"):
                    heading = line.lstrip("#").strip()
        else:
            found[cell.id] = heading
    return found


def explain(error: BaseException) -> tuple[str, str]:
    """(cause in one sentence, without passwords, place) of a failure, for the screen."""
    name = getattr(error, "ename", None)
    if type(error).__name__ == "DeadKernelError":
        return "le noyau Jupyter a été tué, faute de mémoire peut-être", "en cours de cellule"
    if name is None:
        cause = f"{type(error).__name__} : {error}".strip()
        return hide_password(cause), "avant la première cellule"
    value = re.sub(r"\x1b\[[0-9;]*m", "", str(getattr(error, "evalue", ""))).strip()
    known = {"ParameterError", "StudyError", "Unavailable", "EvidenceError"}
    cause = value if name in known else f"{name} : {value}"
    cell = getattr(error, "exec_count", None)
    return hide_password(cause), f"cellule {cell}" if cell is not None else "cellule inconnue"


def scrub(path: Path, warnings: Path) -> None:
    """Remove from an executed notebook what belongs to this machine: times and paths.

    What cells wrote to standard error (library warnings) goes to the file ``warnings``.
    """
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    noise: list[str] = []
    notebook.metadata.pop("papermill", None)
    for cell in notebook.cells:
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        if cell.cell_type == "code":
            noise += [o["text"] for o in cell.outputs if o.get("name") == "stderr"]
            cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr"]
            for output in cell.outputs:
                output.get("metadata", {}).pop("papermill", None)
    text = nbformat.writes(notebook)
    for secret_path in {str(ROOT), str(Path.home())} - {"/"}:
        text = text.replace(secret_path, "…")
    path.write_text(text + "\n", encoding="utf-8")
    warnings.write_text(hide_password("".join(noise)), encoding="utf-8")
