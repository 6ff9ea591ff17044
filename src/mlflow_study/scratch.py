"""Where a notebook's stores and other passing files lie, on disk and in memory.

MLflow commits each write, and a disk answers a commit in milliseconds; experiments that
time no write gain minutes in memory, and lose nothing.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlflow_study.errors import ParameterError
from mlflow_study.nursery import changed_environment

_SHARED = Path("/dev/shm")
_OWN = "MLFLOW_STUDY_SCRATCH"
"""Environment variable: the name of the notebook's folder in memory."""

_SOCKET_BYTES = 107 if sys.platform == "linux" else 103
"""Longest address of a Unix socket (``sun_path`` of ``unix(7)``, less its final zero)."""
_LONGEST_SOCKET = "/etude-12345678-01/pymp-12345678/listener-12345678"
"""What this study and Python's ``multiprocessing`` put below ``TMPDIR``."""


def check_temporary_folder() -> None:
    """Raises ParameterError where ``TMPDIR`` is too deep for the sockets that lie in it."""
    folder = tempfile.gettempdir()
    length, most = len(os.fsencode(folder)), _SOCKET_BYTES - len(_LONGEST_SOCKET)
    if length > most:
        raise ParameterError(
            f"TMPDIR a reçu « {folder} », un chemin de {length} octets, où les connexions locales "
            f"de l’étude n’ont pas leur place : {most} octets au plus sont acceptés. "
            "Exemple : TMPDIR=/tmp ./run_all.sh."
        )


@contextmanager
def own_scratch(name: str) -> Iterator[Path]:
    """A folder of the given name for all that this process and its children leave on the way.

    It is the same at each call, so that what a killed run has left there is deleted first.
    Raises ParameterError, see ``check_temporary_folder``.
    """
    check_temporary_folder()
    disk, memory = Path(tempfile.gettempdir()) / name, _SHARED / name
    for folder in (disk, memory):
        shutil.rmtree(folder, ignore_errors=True)
    disk.mkdir()
    try:
        with changed_environment({"TMPDIR": str(disk), _OWN: name}):
            yield disk
    finally:
        for folder in (disk, memory):
            shutil.rmtree(folder, ignore_errors=True)


def memory_folder(needed: int = 2 * 2**30) -> Path | None:
    """A folder in memory with more than ``needed`` bytes free; None if there is none."""
    if not os.access(_SHARED, os.W_OK | os.X_OK) or shutil.disk_usage(_SHARED).free <= needed:
        return None
    folder = _SHARED / os.environ.get(_OWN, "")
    folder.mkdir(exist_ok=True)
    return folder
