"""Processes in which MLflow is already imported.

Importing MLflow costs more than a second of CPU, and one Python process has one
client-side configuration.  So work goes to processes forked from a server in which
MLflow was imported once: a fork costs milliseconds, each fork opens its own database
connections, and backends are exercised side by side on the machine's cores.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import psutil

from mlflow_study.stores import Store

Result = TypeVar("Result")
PRELOADED = ["mlflow", "pandas", "mlflow.store.tracking.sqlalchemy_store"]


def _quiet() -> None:
    """No MLflow log on the screen, no retry that would hide a refusal behind minutes."""
    logging.getLogger("mlflow").handlers = [logging.NullHandler()]
    logging.getLogger("alembic").setLevel(logging.ERROR)
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"


def spread(function: Callable[..., Result], jobs: Sequence[tuple[object, ...]]) -> list[Result]:
    """``[function(*job) for job in jobs]``, in forked processes; order is kept.

    ``function`` must be importable by name; jobs and results must pickle.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    workers = max(1, min(os.cpu_count() or 1, len(jobs)))
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_quiet) as pool:
        futures = [pool.submit(function, *job) for job in jobs]
        return [future.result() for future in futures]


def quick_folder() -> Path | None:
    """A folder in memory for experiments on values, where the disk plays no part."""
    memory = Path("/dev/shm")
    if os.access(memory, os.W_OK) and psutil.disk_usage(str(memory)).free > 2**30:
        return memory
    return None


def portable(store: Store) -> Store:
    """The store without its process handles, which cannot travel to another process."""
    return replace(store, process=None, database_process=None)
