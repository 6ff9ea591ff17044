"""What several tests share: a synthetic edition, and the page that the browser opens."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import synthetic_edition
from filelock import FileLock

from mlflow_study.paths import ROOT, Build

REPORT_VARIABLE = "MLFLOW_STUDY_RAPPORT"
"""Environment variable: a built report to test in place of one that the tests make."""


@pytest.fixture(scope="session", autouse=True)
def _elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests run in a folder of their own: MLflow writes ./mlruns where it is not told better."""
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("dossier"))
    yield
    os.chdir(before)


@pytest.fixture(autouse=True)
def _mlflow_forgets() -> Iterator[None]:
    """Addresses that a test gives to MLflow, globally or by the environment, end with it."""
    before = {key: value for key, value in os.environ.items() if key.startswith("MLFLOW_")}
    yield
    for key in [key for key in os.environ if key.startswith("MLFLOW_")]:
        del os.environ[key]
    os.environ.update(before)
    for module, name in (
        ("mlflow.tracking._tracking_service.utils", "_tracking_uri"),
        ("mlflow.tracking._model_registry.utils", "_registry_uri"),
    ):
        if module in sys.modules:
            setattr(sys.modules[module], name, None)


@pytest.fixture(scope="session")
def edition(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """A synthetic build: executed notebooks and evidence, not yet bound."""
    return synthetic_edition.make(tmp_path_factory.mktemp("edition"))


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Build:
    """The real study through the real runner, with the tiny profile ``essai``.

    It is led once: the other process of tests waits for it.
    """
    own = tmp_path_factory.getbasetemp()
    shared = own if worker_id == "master" else own.parent
    build = Build(shared / "etude" / "essai")
    with FileLock(shared / "etude.verrou"):
        if not (build.folder / "rapport.html").exists():
            command = [sys.executable, "-m", "mlflow_study", "--profil", "essai", "--sortie"]
            done = subprocess.run(
                [*command, str(build.folder)], capture_output=True, text=True, cwd=ROOT
            )
            assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    return build


@pytest.fixture(scope="session", params=["édition forgée", "étude réelle"])
def report_html(request: pytest.FixtureRequest) -> Path:
    """The pages under test: the synthetic one, and the one that the environment names or,
    where it names none, that of the real study."""
    from mlflow_study.publication.html import build_report

    if request.param == "édition forgée":
        return build_report(request.getfixturevalue("edition"))
    if named := os.environ.get(REPORT_VARIABLE):
        return Path(named).resolve()
    build: Build = request.getfixturevalue("study")
    return build.folder / "rapport.html"
