"""Processes in which MLflow is already imported.

Importing MLflow costs more than a second of CPU, and a Python process has one MLflow
configuration.  So each job runs in a process of its own, forked from a server in which
MLflow was imported once: a fork costs milliseconds, opens its own connections, leaves no
state behind, and jobs run side by side on the machine's cores.
"""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import pandas as pd

from mlflow_study.errors import StudyError
from mlflow_study.stores import Store

Table = pd.DataFrame


@dataclass(frozen=True)
class Job:
    """``function(*arguments)`` gives rows of the table called ``table``.

    The function must be importable by name, its arguments and its result must pickle.
    ``mark`` is a file that is made when the job has ended, however it ended.
    """

    table: str
    function: Callable[..., Table]
    arguments: tuple[Any, ...]
    mark: Path | None = None

    def run(self) -> Table:
        try:
            return self.function(*self.arguments)
        finally:
            if self.mark is not None:
                self.mark.touch()


def await_marks(marks: Sequence[Path], timeout: float = 3600.0) -> None:
    """Return once every job that leaves one of ``marks`` has ended.  Raises StudyError."""
    deadline = time.monotonic() + timeout
    while not all(mark.exists() for mark in marks):
        if time.monotonic() > deadline:
            raise StudyError("Une épreuve du serveur n’est pas finie : les pannes n’ont pu suivre.")
        time.sleep(0.05)


def _quiet() -> None:
    """No MLflow log on the screen; no retry that would hide a refusal behind minutes."""
    gc.set_threshold(20_000, 20, 50)  # SQLAlchemy makes much and keeps little
    logging.getLogger("mlflow").handlers = [logging.NullHandler()]
    logging.getLogger("alembic").setLevel(logging.ERROR)
    logging.getLogger("psycopg").setLevel(logging.CRITICAL)  # it tells of aborted pipelines
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"


def warm_up() -> None:
    """Start the fork server: it imports while stores open."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["mlflow_study.tracking.warm", "pandas"])
    forkserver.ensure_running()


def run_jobs(jobs: Sequence[Job], workers: int | None = None) -> dict[str, Table]:
    """The tables of all jobs, each in a process of its own; rows keep the order of jobs.

    Jobs start in their order, one more at a time than there are cores: some wait for a
    server, a browser or a fault.
    """
    warm_up()
    context = multiprocessing.get_context("forkserver")
    count = workers or (os.cpu_count() or 1) + 1
    with ProcessPoolExecutor(
        count, mp_context=context, initializer=_quiet, max_tasks_per_child=1
    ) as pool:
        futures = [pool.submit(job.run) for job in jobs]
        parts: dict[str, list[Table]] = {}
        for job, future in zip(jobs, futures, strict=True):
            parts.setdefault(job.table, []).append(future.result())
    return {name: pd.concat(tables, ignore_index=True) for name, tables in parts.items()}


QUICK_BYTES = 2**30
"""Room that a folder in memory needs for experiments on values, where the disk plays no part."""


def portable(store: Store) -> Store:
    """The store without its process handles, which cannot travel to another process."""
    return replace(store, process=None, database_process=None)
