"""Where things lie in a checkout and in a build folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
PROFILES = NOTEBOOKS / "profils"
REGISTER = ROOT / "data" / "affirmations.yaml"
LOCK = ROOT / "requirements.lock"
REPORT = ROOT / "report"

BUILD_VARIABLE = "MLFLOW_STUDY_BUILD"
"""Environment variable: the build folder that a notebook writes to."""
EVIDENCE_VARIABLE = "MLFLOW_STUDY_PREUVES"
"""Environment variable: a folder of recorded evidence to read back instead of measuring."""
REMEASURE_VARIABLE = "MLFLOW_STUDY_REMESURER"
"""Environment variable: non-empty forces every measurement."""
URI_VARIABLE = "MLFLOW_STUDY_URI"
"""Environment variable: the tracking URI of the user's own server (may hold a password)."""
PROFILE_VARIABLE = "MLFLOW_STUDY_PROFIL"
"""Environment variable: name of the profile, for the record."""
CHAPTERS_VARIABLE = "MLFLOW_STUDY_CHAPITRES"
"""Environment variable: chapters of this run, comma separated; all that left evidence otherwise."""


@dataclass(frozen=True)
class Build:
    """The folders of one run, ``build/<profil>/``."""

    folder: Path

    @classmethod
    def current(cls) -> Build:
        """The build folder named by the environment; that of notebooks run alone otherwise."""
        return cls(Path(os.environ.get(BUILD_VARIABLE) or ROOT / "build" / "carnet").resolve())

    @property
    def evidence(self) -> Path:
        return self.folder / "preuves"

    @property
    def notebooks(self) -> Path:
        return self.folder / "notebooks"

    @property
    def logs(self) -> Path:
        return self.folder / "journaux"


def cache_folder() -> Path:
    """Reusable by-products (database schemas, environments); deleting it loses only time."""
    folder = ROOT / "build" / "cache"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
