"""Through time: an experiment recorded by an old MLflow, taken up again today.

For each release: an environment resolved as of its release day runs
``payload/experiment.py``; the store and its models are kept.  Then, today, from what that
MLflow recorded (the models' ``requirements.txt`` and ``python_env.yaml``):

- ``jour``: the environment rebuilt with the versions of that day where the record leaves
  them open; ``actuel``: with today's versions; both open the store, load, run again;
- ``present``: this study's own MLflow opens the store, before and after its migration
  (``mlflow db upgrade`` on a copy), loads the models and runs the experiment again.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from mlflow_study.errors import StudyError
from mlflow_study.reproducibility.environments import Environment, build, without_paths

RELEASES: Mapping[str, str] = {
    "2.3.2": "2023-05-12",
    "2.5.0": "2023-07-17",
    "2.7.1": "2023-09-17",
    "2.9.2": "2023-12-14",
    "2.11.3": "2024-03-21",
    "2.13.2": "2024-06-06",
    "2.15.1": "2024-08-06",
    "2.17.2": "2024-10-31",
    "2.19.0": "2024-12-11",
    "2.21.3": "2025-04-03",
    "2.22.1": "2025-06-06",
    "3.0.1": "2025-06-25",
    "3.2.0": "2025-08-05",
    "3.4.0": "2025-09-17",
    "3.6.0": "2025-11-07",
    "3.8.1": "2025-12-26",
    "3.10.1": "2026-03-05",
    "3.12.0": "2026-05-05",
    "3.14.0": "2026-06-17",
    "3.17.2": "2026-10-21",
}
"""Release -> day of publication (the first ``--exclude-newer`` day at which it resolves)."""

PAYLOAD = Path(__file__).with_name("payload")
SCRIPT_TIMEOUT_S = 300
CLOSE = 1e-6
"""Largest absolute difference of metrics and predictions that is called close."""
MODELS = ("lineaire", "foret")

Row = dict[str, Any]
Facts = dict[str, dict[str, Any]]


@dataclass
class Ledger:
    """The observations of one release: one row per stage."""

    release: str
    rows: list[Row] = field(default_factory=list)
    packages: list[Row] = field(default_factory=list)

    def note(
        self, regime: str, etape: str, reussi: bool | None, detail: str, duree_s: float
    ) -> None:
        """``reussi`` None: not tried, because an earlier stage failed."""
        published = date.fromisoformat(RELEASES[self.release])
        self.rows.append(
            {
                "release": self.release,
                "publication": RELEASES[self.release],
                "age_jours": (date.today() - published).days,
                "regime": regime,
                "etape": etape,
                "reussi": reussi,
                "detail": without_paths(detail)[:300],
                "duree_s": duree_s,
            }
        )

    def freeze(self, regime: str, packages: Mapping[str, str]) -> None:
        self.packages += [
            {"release": self.release, "regime": regime, "paquet": name, "version": version}
            for name, version in sorted(packages.items())
        ]


def through_time(releases: tuple[str, ...]) -> dict[str, pd.DataFrame]:
    """Play every release, two at a time.  Parts: ``etapes`` (one row per stage), ``paquets`` (versions).

    Raises Unavailable where ``uv`` is missing; a release that cannot be built is a row.
    """
    ledgers = [Ledger(release) for release in releases]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(_play_apart, ledgers))
    return {
        "etapes": pd.DataFrame([row for ledger in ledgers for row in ledger.rows]),
        "paquets": pd.DataFrame([row for ledger in ledgers for row in ledger.packages]),
    }


def _play_apart(ledger: Ledger) -> None:
    with tempfile.TemporaryDirectory(prefix="mlflow-releases-") as scratch:
        _play(ledger, Path(scratch))


def _play(ledger: Ledger, folder: Path) -> None:
    day = date.fromisoformat(RELEASES[ledger.release])
    wanted = [f"mlflow=={ledger.release}", "scikit-learn", "pip", "setuptools", "wheel"]
    environment = _build(ledger, "origine", wanted, day)
    if environment is None:
        return
    original = _experiment(ledger, "origine", environment.python, folder / "origine")
    if original is None or "run" not in original:
        return
    record = original["run"]["fichiers"]
    requirements = recorded_requirements(record)
    for regime, before in (("jour", day), ("actuel", None)):
        rebuilt = _build(ledger, regime, requirements, before)
        if rebuilt is not None:
            _take_up(ledger, regime, rebuilt.python, folder, original)
    _take_up(ledger, "present", Path(sys.executable), folder, original)
    _migrated(ledger, folder, original)


def recorded_requirements(record: Mapping[str, str]) -> list[str]:
    """What the models' ``requirements.txt`` and ``python_env.yaml`` ask for, each line once."""
    lines: list[str] = []
    for model in MODELS:
        lines += record[f"{model}/requirements.txt"].splitlines()
        python_env = yaml.safe_load(record[f"{model}/python_env.yaml"])
        lines += python_env.get("build_dependencies", [])
    kept = [line.strip() for line in lines if line.strip() and not line.startswith(("#", "-"))]
    return list(dict.fromkeys(kept))


def _build(
    ledger: Ledger, regime: str, requirements: list[str], before: date | None
) -> Environment | None:
    started = time.perf_counter()
    try:
        environment = build(requirements, before)
    except (StudyError, subprocess.TimeoutExpired) as error:
        ledger.note(regime, "environnement", False, str(error), time.perf_counter() - started)
        return None
    detail = f"{len(environment.packages)} paquets, {len(requirements)} demandés"
    detail += " (environnement en cache)" if environment.cached else ""
    ledger.note(regime, "environnement", True, detail, time.perf_counter() - started)
    ledger.freeze(regime, environment.packages)
    return environment


def _experiment(ledger: Ledger, regime: str, python: Path, folder: Path) -> Facts | None:
    """Run the experiment in a new store under ``folder``; None when it did not train."""
    folder.mkdir(parents=True)
    arguments = [f"sqlite:///{folder / 'mlflow.db'}", (folder / "artefacts").as_uri()]
    facts, duration, end = _script(python, "experiment.py", arguments, folder)
    failed = facts.get("erreur", {}).get("erreur") or end
    ledger.note(regime, "executer", "run" in facts, "" if "run" in facts else failed, duration)
    if "refus" in facts:
        ledger.note(regime, "format par défaut", False, facts["refus"]["erreur"], 0.0)
    elif "run" in facts:
        ledger.note(regime, "format par défaut", True, "", 0.0)
    return facts if "entrainement" in facts else None


def _take_up(ledger: Ledger, regime: str, python: Path, folder: Path, original: Facts) -> None:
    """Open the original store with ``python``'s MLflow, load, predict, and run again."""
    _reopen(ledger, regime, python, folder / "origine", folder, original)
    again = _experiment(ledger, regime, python, folder / f"relance-{regime}")
    if again is None:
        return
    then, now = original["entrainement"], again["entrainement"]
    for name, same in (
        ("métriques identiques", then["metriques"] == now["metriques"]),
        ("prédictions identiques", then["predictions"] == now["predictions"]),
    ):
        ledger.note(regime, name, same, "", 0.0)
    names = sorted(then["metriques"])
    largest = _gap(*[[float.fromhex(t["metriques"][k]) for k in names] for t in (then, now)])
    ledger.note(regime, "métriques proches", largest <= CLOSE, f"écart {largest:.3g}", 0.0)
    if original["run"]["empreinte"] and "run" in again:
        same = original["run"]["empreinte"] == again["run"]["empreinte"]
        ledger.note(regime, "empreinte identique", same, "", 0.0)


def _gap(a: list[float], b: list[float]) -> float:
    """Largest absolute difference; infinite where the lengths differ."""
    if len(a) != len(b):
        return float("inf")
    return max(abs(x - y) for x, y in zip(a, b, strict=True))


def _migrated(ledger: Ledger, folder: Path, original: Facts) -> None:
    """Upgrade a copy of the old database with today's MLflow, then open it."""
    copy = folder / "migre"
    copy.mkdir()
    shutil.copyfile(folder / "origine" / "mlflow.db", copy / "mlflow.db")
    started = time.perf_counter()
    command = [sys.executable, "-m", "mlflow", "db", "upgrade", f"sqlite:///{copy / 'mlflow.db'}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SCRIPT_TIMEOUT_S)
    ok = done.returncode == 0
    detail = "" if ok else done.stderr[-300:]
    ledger.note("migre", "migrer", ok, detail, time.perf_counter() - started)
    if ok:
        _reopen(ledger, "migre", Path(sys.executable), copy, folder, original)


def _reopen(
    ledger: Ledger, regime: str, python: Path, store: Path, folder: Path, original: Facts
) -> None:
    run = original["run"]
    arguments = [f"sqlite:///{store / 'mlflow.db'}", run["run"], json.dumps(run["modeles"])]
    facts, duration, end = _script(python, "reopen.py", arguments, folder)
    if "importer" not in facts or "erreur" in facts["importer"]:
        reason = facts.get("importer", {}).get("erreur") or end
        ledger.note(regime, "importer", False, reason, duration)
        return
    ledger.note(regime, "importer", True, "", duration)
    opened = facts["ouvrir"]
    ledger.note(regime, "ouvrir", "erreur" not in opened, opened.get("erreur", ""), 0.0)
    if "erreur" not in opened:
        same = opened["metriques"] == original["entrainement"]["metriques"]
        ledger.note(regime, "valeurs relues", same, "", 0.0)
    for name in MODELS:
        loaded = facts[f"charger {name}"]
        heard = ", ".join(loaded["avertissements"])
        ok = "erreur" not in loaded
        ledger.note(regime, f"charger {name}", ok, loaded.get("erreur", heard), 0.0)
        if ok:
            trained = original["entrainement"]
            same = loaded["prediction"] == trained["predictions"][name]
            gap = _gap(loaded["valeurs"], trained["valeurs"][name])
            ledger.note(regime, f"mêmes prédictions {name}", same, f"écart {gap:.3g}", 0.0)
            ledger.note(
                regime, f"prédictions proches {name}", gap <= CLOSE, f"écart {gap:.3g}", 0.0
            )
        served = facts[f"servir {name}"]
        ledger.note(regime, f"servir {name}", "erreur" not in served, served.get("erreur", ""), 0.0)


def _script(
    python: Path, script: str, arguments: list[str], folder: Path
) -> tuple[Facts, float, str]:
    """(facts by stage, seconds, end of the error stream) of a payload in another Python."""
    keep = ("PATH", "HOME", "LANG", "TMPDIR", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
    env = {k: os.environ[k] for k in keep if k in os.environ}
    env |= {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "PYTHONNOUSERSITE": "1"}
    started = time.perf_counter()
    try:
        done = subprocess.run(
            [str(python), str(PAYLOAD / script), *arguments],
            capture_output=True,
            text=True,
            timeout=SCRIPT_TIMEOUT_S,
            env=env,
            cwd=folder,
        )
        out, err = done.stdout, done.stderr
    except subprocess.TimeoutExpired as error:
        out = error.stdout.decode() if isinstance(error.stdout, bytes) else error.stdout or ""
        err = f"délai de {SCRIPT_TIMEOUT_S} s dépassé"
    facts: Facts = {}
    for line in out.splitlines():
        if line.startswith('{"etape"'):
            entry = json.loads(line)
            facts[entry.pop("etape")] = entry
    return facts, time.perf_counter() - started, " ".join(err.split())[-300:]
