"""Processes in which MLflow is already imported.

Importing MLflow costs more than a second of CPU, and a Python process has one MLflow
configuration.  So each job runs in a process of its own, forked from a server in which
MLflow was imported once: a fork costs milliseconds, opens its own connections, leaves no
state behind, and jobs run side by side on the machine's cores.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import psutil

from mlflow_study.stores import Store

Table = pd.DataFrame


@dataclass(frozen=True)
class Job:
    """``function(*arguments)`` gives rows of the table called ``table``.

    The function must be importable by name, its arguments and its result must pickle.
    """

    table: str
    function: Callable[..., Table]
    arguments: tuple[Any, ...]


def _quiet() -> None:
    """No MLflow log on the screen; no retry that would hide a refusal behind minutes."""
    logging.getLogger("mlflow").handlers = [logging.NullHandler()]
    logging.getLogger("alembic").setLevel(logging.ERROR)
    logging.getLogger("psycopg").setLevel(logging.CRITICAL)  # it tells of aborted pipelines
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"


def run_jobs(jobs: Sequence[Job], workers: int | None = None) -> dict[str, Table]:
    """The tables of all jobs, each in a process of its own; rows keep the order of jobs."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["mlflow_study.tracking.warm", "pandas"])
    count = workers or (os.cpu_count() or 1) + 1
    with ProcessPoolExecutor(
        count, mp_context=context, initializer=_quiet, max_tasks_per_child=1
    ) as pool:
        futures = [pool.submit(job.function, *job.arguments) for job in jobs]
        parts: dict[str, list[Table]] = {}
        for job, future in zip(jobs, futures, strict=True):
            parts.setdefault(job.table, []).append(future.result())
    return {name: pd.concat(tables, ignore_index=True) for name, tables in parts.items()}


def quick_folder() -> Path | None:
    """A folder in memory for experiments on values, where the disk plays no part."""
    memory = Path("/dev/shm")
    if os.access(memory, os.W_OK) and psutil.disk_usage(str(memory)).free > 2**30:
        return memory
    return None


def portable(store: Store) -> Store:
    """The store without its process handles, which cannot travel to another process."""
    return replace(store, process=None, database_process=None)
