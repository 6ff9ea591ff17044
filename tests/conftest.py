"""What several tests share: a synthetic edition, and the page that the browser opens."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import synthetic_edition

from mlflow_study.paths import Build

REPORT_VARIABLE = "MLFLOW_STUDY_RAPPORT"
"""Environment variable: a built report to test in place of the synthetic one."""


@pytest.fixture(scope="session")
def edition(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """A synthetic build: executed notebooks and evidence, not yet bound."""
    return synthetic_edition.make(tmp_path_factory.mktemp("edition"))


@pytest.fixture(scope="session")
def report_html(request: pytest.FixtureRequest) -> Path:
    """The page under test: the one that the environment names, else the synthetic one."""
    if named := os.environ.get(REPORT_VARIABLE):
        return Path(named).resolve()
    from mlflow_study.publication.html import build_report

    return build_report(request.getfixturevalue("edition"))
