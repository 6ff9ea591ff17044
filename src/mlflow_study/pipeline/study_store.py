"""The study, tracked by MLflow: each chapter is a run of a study store.

The last step of the DAG.  It logs parameters, KPIs and the executed notebook of each
chapter, then reads them back and compares them with the evidence.  Nothing of the
report depends on it; it is what a class opens in MLflow's own page.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from mlflow_study.chapters import chapter_info
from mlflow_study.errors import StudyError
from mlflow_study.evidence.files import read_kpis, read_verdicts, write_json
from mlflow_study.evidence.records import Kpi
from mlflow_study.pipeline.settings import Settings
from mlflow_study.stores import create_sqlite, hide_password

EXPERIMENT = "mlflow-a-l-epreuve"
DATABASE = "etude.db"
VARIABLE = "MLFLOW_STUDY_SUIVI"
"""Environment variable: the tracking URI that ``--suivi`` names; SQLite in the build otherwise."""


def study_uri(folder: Path) -> str:
    """The study store of a build folder; its database is made where it does not exist."""
    named = os.environ.get(VARIABLE)
    if named:
        return named
    database = folder / DATABASE
    return f"sqlite:///{database}" if database.exists() else create_sqlite(database)


def track_study(settings: Settings) -> dict[str, Any]:
    """Log every chapter that changed, read all back, and write ``etude.json``.

    Raises StudyError when the store gives back something else than what was logged.
    """
    from mlflow import MlflowClient

    folder, build = settings.folder, settings.build
    uri = study_uri(folder)
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is None:
        local = (folder / "etude-artefacts").as_uri() if uri.startswith("sqlite") else None
        experiment = client.create_experiment(EXPERIMENT, artifact_location=local)
    else:
        experiment = found.experiment_id
        if found.lifecycle_stage == "deleted":  # its name stays taken
            client.restore_experiment(experiment)
    kpis = read_kpis(build.evidence / "kpi.json")
    verdicts = read_verdicts(build.evidence / "verdicts.json")
    account: dict[str, Any] = {"magasin": hide_password(uri), "chapitres": {}}
    for name in settings.chapters:
        own = [kpi for kpi in kpis if kpi.chapitre == name]
        tags: dict[str, str] = {v.id: v.verdict for v in verdicts if v.chapitre == name}
        notebook = build.notebooks / f"{name}.ipynb"
        key = _digest(notebook, own)
        whole = (
            f"tags.cle = '{key}' and tags.chapitre = '{name}' and attributes.status = 'FINISHED'"
        )
        runs = client.search_runs([experiment], whole, max_results=1)
        if runs:
            run_id = runs[0].info.run_id
        else:
            run_id = _log(client, experiment, name, key, settings, own, tags, notebook)
        _check(client, run_id, name, own)
        account["chapitres"][name] = {"run_id": run_id, "cle": key, "metriques": len(_metrics(own))}
    write_json(folder / "etude.json", account)
    return account


def _digest(notebook: Path, kpis: list[Kpi]) -> str:
    content = notebook.read_bytes() + "".join(kpi.model_dump_json() for kpi in kpis).encode()
    return hashlib.sha256(content).hexdigest()[:32]


def _metrics(kpis: list[Kpi]) -> dict[str, float]:
    """KPIs that are numbers, under names that every backend accepts."""
    return {
        kpi.id.replace("+", "-"): float(kpi.valeur)
        for kpi in kpis
        if isinstance(kpi.valeur, int | float)
    }


def _log(
    client: Any,
    experiment: str,
    name: str,
    key: str,
    settings: Settings,
    kpis: list[Kpi],
    tags: dict[str, str],
    notebook: Path,
) -> str:
    """Log one chapter as a new run; its key comes last, once all else is there."""
    from mlflow.entities import Metric, Param, RunTag

    run = client.create_run(
        experiment,
        run_name=f"{chapter_info(name).title} ({settings.profile})",
        tags={"chapitre": name, "profil": settings.profile},
    )
    run_id: str = run.info.run_id
    parameters = settings.parameters[name].items()
    client.log_batch(
        run_id,
        params=[Param(k, json.dumps(v, ensure_ascii=False)) for k, v in parameters],
        tags=[RunTag(f"verdict.{claim}", verdict) for claim, verdict in tags.items()],
    )
    metrics = [Metric(k, v, run.info.start_time, 0) for k, v in _metrics(kpis).items()]
    for start in range(0, len(metrics), 1000):
        client.log_batch(run_id, metrics=metrics[start : start + 1000])
    client.log_artifact(run_id, str(notebook))
    client.set_terminated(run_id)
    client.set_tag(run_id, "cle", key)
    return run_id


def _check(client: Any, run_id: str, name: str, kpis: list[Kpi]) -> None:
    """Compare what the store gives back with the evidence."""
    stored = client.get_run(run_id).data.metrics
    wanted = _metrics(kpis)
    wrong = sorted(key for key in wanted if stored.get(key) != wanted[key])
    if wrong:
        raise StudyError(
            f"Le magasin d’étude ne rend pas ce qui lui a été confié pour {name} : "
            f"{', '.join(wrong[:5])}."
        )
