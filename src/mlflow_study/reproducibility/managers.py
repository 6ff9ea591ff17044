"""``mlflow run --env-manager …``: does each manager rebuild the project's environment?

A manager is tried where the programs that it calls are on the PATH or beside this Python
(MLflow asks for ``conda``; for ``pyenv`` and ``virtualenv``; for ``uv``).  Source of the mechanism:
``mlflow/utils/virtualenv.py`` and ``mlflow/utils/conda.py``.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from mlflow_study import nursery
from mlflow_study.executables import search_path
from mlflow_study.reproducibility.environments import without_paths
from mlflow_study.stores import create_sqlite

MANAGERS: dict[str, tuple[str, ...]] = {
    "uv": ("uv",),
    "virtualenv": ("pyenv", "virtualenv"),
    "conda": ("conda",),
}
"""Manager -> programs that MLflow calls."""

_MLPROJECT = """name: essai
python_env: python_env.yaml
entry_points:
  main:
    command: "python essai.py"
"""
_PYTHON_ENV = """python: "{python}"
build_dependencies: [pip]
dependencies: [six==1.16.0]
"""
_PROGRAM = """import pathlib, six, sys
pathlib.Path(r"{answer}").write_text(f"{{six.__version__}} {{sys.prefix}}")
"""


def measure_managers(environments: bool) -> pd.DataFrame:
    """One row per manager: gestionnaire, programmes, absents, reussi, motif.

    The project asks for one small package at a version of its own; ``reussi``: the program
    ran in another environment and found that version; None where it was not tried, and
    ``motif`` says why.  Nothing is tried unless ``environments``.
    """
    rows: list[dict[str, Any]] = []
    for manager, programs in MANAGERS.items():
        missing = [name for name in programs if shutil.which(name, path=search_path()) is None]
        row: dict[str, Any] = {
            "gestionnaire": manager,
            "programmes": ", ".join(programs),
            "absents": ", ".join(missing),
            "reussi": None,
            "motif": "",
        }
        if missing:
            row["motif"] = f"introuvable sur le PATH : {', '.join(missing)}"
        elif not environments:
            row["motif"] = "cette exécution ne construit pas d’environnement (profil standard)"
        else:
            row["reussi"], row["motif"] = _try(manager)
        rows.append(row)
    return pd.DataFrame(rows)


def _try(manager: str) -> tuple[bool, str]:
    import platform

    with tempfile.TemporaryDirectory(prefix="mlflow-gestionnaires-") as scratch:
        folder = Path(scratch)
        project, answer = folder / "projet", folder / "reponse.txt"
        project.mkdir()
        (project / "MLproject").write_text(_MLPROJECT, encoding="utf-8")
        python = platform.python_version()
        (project / "python_env.yaml").write_text(
            _PYTHON_ENV.format(python=python), encoding="utf-8"
        )
        (project / "essai.py").write_text(_PROGRAM.format(answer=answer), encoding="utf-8")
        outcome = nursery.run(
            nursery.Job(
                folder,
                function=_run,
                values=(str(project), manager),
                environment={
                    "MLFLOW_TRACKING_URI": create_sqlite(folder / "m.db"),
                    "MLFLOW_ENV_ROOT": str(folder / "environnements"),
                    "PATH": search_path(),
                    **nursery.network(),
                },
            )
        )
        found = answer.read_text(encoding="utf-8").split(" ", 1) if answer.exists() else ["", ""]
        if outcome.ok and found[0] == "1.16.0" and found[1] != sys.prefix:
            return True, ""
        words = outcome.error or (outcome.output.strip().splitlines() or [""])[-1]
        return False, without_paths(words)[:200]


def _run(address: str, manager: str) -> str:
    import mlflow.projects

    return str(mlflow.projects.run(address, env_manager=manager).run_id)
