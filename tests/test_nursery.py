"""Processes of their own: where they are forked from."""

from __future__ import annotations

import os
from pathlib import Path

from mlflow_study import nursery


def _parents(folder: str) -> tuple[int, int]:
    """Parent of this process, and of a program that it runs."""
    program = nursery.run(nursery.Job(Path(folder), function=os.getppid))
    assert program.ok, program.error
    return os.getppid(), int(program.value)


def test_a_forked_process_goes_on_with_the_server_that_it_came_from(tmp_path: Path) -> None:
    (tmp_path / "dedans").mkdir()
    values = (str(tmp_path / "dedans"),)
    outcome = nursery.run(nursery.Job(tmp_path, function=_parents, values=values))
    assert outcome.ok, outcome.error
    outer, inner = outcome.value
    assert inner == outer
