"""Processes in which MLflow is already imported.

Importing MLflow costs more than a second of CPU, and a Python process has one MLflow
configuration.  So each job runs in a process of its own, forked from a server in which
MLflow was imported once: a fork costs milliseconds, opens its own connections, leaves no
state behind, and jobs run side by side on the machine's cores.
"""

from __future__ import annotations

import logging
import os
import pickle
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mlflow_study import nursery
from mlflow_study.errors import StudyError
from mlflow_study.stores import Store

Table = pd.DataFrame


@dataclass(frozen=True)
class Job:
    """``function(*arguments)`` gives rows of the table called ``table``.

    The function must be importable by name, its arguments and its result must pickle.
    It starts once the file ``after`` exists; ``mark`` is a file that is made when it has
    ended, however it ended.
    """

    table: str
    function: Callable[..., Table]
    arguments: tuple[Any, ...]
    mark: Path | None = None
    after: Path | None = None

    def ready(self) -> bool:
        return self.after is None or self.after.exists()

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
    nursery.settle()
    logging.getLogger("mlflow").handlers = [logging.NullHandler()]
    logging.getLogger("alembic").setLevel(logging.ERROR)
    logging.getLogger("psycopg").setLevel(logging.CRITICAL)  # it tells of aborted pipelines
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"


def run_jobs(jobs: Sequence[Job], workers: int | None = None) -> dict[str, Table]:
    """The tables of all jobs, each in a process of its own; rows keep the order of jobs.

    Of those that are ready, jobs start in their order, one more at a time than there are
    cores: some wait for a server, a browser or a fault.
    """
    count = workers or (os.cpu_count() or 1) + 1
    with ProcessPoolExecutor(
        count, mp_context=nursery.warm_up(), initializer=_quiet, max_tasks_per_child=1
    ) as pool:
        waiting = dict(enumerate(jobs))
        futures: dict[int, Future[Table]] = {}
        running: set[Future[Table]] = set()
        while waiting:
            ready = [number for number, job in waiting.items() if job.ready()]
            for number in ready[: count - len(running)]:
                futures[number] = pool.submit(waiting.pop(number).run)
                running.add(futures[number])
            if not running:  # the file that the others wait for will not come
                break
            running = wait(running, timeout=0.1, return_when=FIRST_COMPLETED).not_done
        parts: dict[str, list[Table]] = {}
        for number in sorted(futures):
            parts.setdefault(jobs[number].table, []).append(futures[number].result())
    if waiting:
        raise StudyError("Ce qu’attend une épreuve du serveur n’est pas venu.")
    return {name: pd.concat(tables, ignore_index=True) for name, tables in parts.items()}


QUICK_BYTES = 2**30
"""Room that a folder in memory needs for experiments on values, where the disk plays no part."""


def lend(store: Store, loan: Path) -> None:
    """Write the store, without its handles, for jobs in other processes that wait for ``loan``."""
    draft = loan.with_suffix(".ecrit")
    draft.write_bytes(pickle.dumps(store.apart()))
    draft.rename(loan)


def on_loan(function: Callable[..., Table], loan: Path, *arguments: Any) -> Table:
    """``function(store, *arguments)`` on the store that was lent."""
    return function(pickle.loads(loan.read_bytes()), *arguments)
