"""A program launched through the ``python`` of the PATH is a fork that keeps its command line."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from mlflow_study import nursery
from mlflow_study.warm_python import warm_python

PROGRAM = """import json, os, sys
print(json.dumps([sys.argv, os.getcwd(), os.environ["ORDRE"], "mlflow" in sys.modules]))
sys.exit(int(sys.argv[1]))
"""


def _shell(command: str) -> list[Any]:
    with warm_python() as folder:
        env = os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "ORDRE": "un"}
        done = subprocess.run(
            ["sh", "-c", command], env=env, capture_output=True, text=True, check=False
        )
    return [done.returncode, done.stdout, done.stderr]


def _launched(folder: Path, command: str) -> list[Any]:
    outcome = nursery.run(nursery.Job(folder, function=_shell, values=(command,)))
    assert outcome.ok, outcome.output
    return list(outcome.value)


def test_the_program_is_a_fork_with_its_own_command_line(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(PROGRAM)
    status, output, _ = _launched(tmp_path, "python train.py 7 --lr=0.1")
    assert status == 7
    assert json.loads(output) == [["train.py", "7", "--lr=0.1"], str(tmp_path), "un", True]


def test_a_failure_shows_its_traceback_and_its_status(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("raise ValueError('divergence')\n")
    status, _, errors = _launched(tmp_path, "python train.py")
    assert status == 1
    assert errors.rstrip().endswith("ValueError: divergence")


def test_any_other_command_line_gets_a_new_interpreter(tmp_path: Path) -> None:
    status, output, _ = _launched(
        tmp_path, "python -c 'import sys; print(\"mlflow\" in sys.modules)'"
    )
    assert (status, output) == (0, "False\n")
