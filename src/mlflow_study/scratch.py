"""Where a notebook's stores and other passing files lie, on disk and in memory.

MLflow commits each write, and a disk answers a commit in milliseconds; experiments that
time no write gain minutes in memory, and lose nothing.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlflow_study.nursery import changed_environment

_SHARED = Path("/dev/shm")
_OWN = "MLFLOW_STUDY_SCRATCH"
"""Environment variable: the name of the notebook's folder in memory."""


@contextmanager
def own_scratch(name: str) -> Iterator[Path]:
    """A folder of the given name for all that this process and its children leave on the way.

    It is the same at each call, so that what a killed run has left there is deleted first.
    """
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
