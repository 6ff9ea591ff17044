"""No orphan: a worker ends when the command that the user typed is gone.

Snakemake leaves its jobs alive when it is killed.  Each of our workers therefore
watches the process named in ``MLFLOW_STUDY_ANCETRE`` and ends its own tree with it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Mapping

import psutil

VARIABLE = "MLFLOW_STUDY_ANCETRE"
PERIOD_S = 0.5


def environment() -> dict[str, str]:
    """The variable that names this process as the ancestor: pid and birth date."""
    me = psutil.Process()
    return {VARIABLE: f"{me.pid}:{me.create_time()}"}


def is_alive(name: str) -> bool:
    """Whether the process called ``pid:birth`` still runs (a reused pid does not count)."""
    pid, _, birth = name.partition(":")
    try:
        process = psutil.Process(int(pid))
        return bool(
            abs(process.create_time() - float(birth)) < 1.0
            and process.status() != psutil.STATUS_ZOMBIE
        )
    except psutil.NoSuchProcess:
        return False


def die_with_ancestor(environ: Mapping[str, str] = os.environ) -> None:
    """Start the watch, if an ancestor is named."""
    name = environ.get(VARIABLE)
    if name:
        threading.Thread(target=_watch, args=(name,), daemon=True, name="ancestor").start()


def _watch(name: str) -> None:
    while is_alive(name):
        time.sleep(PERIOD_S)
    end_tree(psutil.Process())


def end_tree(process: psutil.Process) -> None:
    """Kill the descendants of a process, then the process itself."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in process.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        os.kill(process.pid, signal.SIGKILL)
