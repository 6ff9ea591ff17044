"""``./run_all.sh rejouer RUN_ID --uri URI [--executer]``: what of *this* run could be repeated?

The reproducer of the study, turned to a user's own store.  Without ``execute`` it reads
the store and fetches the code; with it, the program runs in a fresh folder and records into
a throw-away store, never into the user's.
"""

from __future__ import annotations

import shlex
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlflow_study import nursery
from mlflow_study.errors import StudyError
from mlflow_study.reproducibility.ladder import different_versions
from mlflow_study.reproducibility.reproducer import launch, launch_command, prepare
from mlflow_study.stores import create_sqlite, hide_password

EXECUTION_TIMEOUT_S = 3600.0
TOLERANCE = 1e-6


@dataclass(frozen=True)
class MetricComparison:
    """One metric of the run, then and now (None where the re-run has none of that name)."""

    name: str
    recorded: float
    replayed: float | None

    @property
    def verdict(self) -> str:
        if self.replayed is None:
            return "absente de la relance"
        if self.replayed.hex() == self.recorded.hex():
            return "identique au bit"
        scale = max(abs(self.recorded), abs(self.replayed))
        gap = abs(self.recorded - self.replayed)
        return "proche" if gap <= TOLERANCE * scale else "différente"


@dataclass(frozen=True)
class Report:
    """What the record allows; ``ran`` is None when the run was not executed."""

    run_id: str
    uri: str
    origin: str
    stage: str
    command: tuple[str, ...]
    missing: tuple[str, ...]
    steps: tuple[str, ...]
    versions: int
    other_versions: int
    setup_s: float
    ran: bool | None = None
    run_s: float = 0.0
    error: str = ""
    metrics: tuple[MetricComparison, ...] = field(default=())

    @property
    def repeatable(self) -> bool:
        return self.stage == "prêt"


def replay(run_id: str, uri: str, execute: bool = False) -> Report:
    """Say what could be repeated of a run, and run it when asked.

    Runs nothing of the user's code unless ``execute``.  Raises StudyError when the store
    or the run cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="mlflow-rejouer-") as scratch:
        folder = Path(scratch)
        asked = (uri, run_id, str(folder / "reprise"))
        allowed = nursery.credentials() | nursery.network()
        outcome = nursery.run(
            nursery.Job(folder, function=prepare, values=asked, environment=allowed)
        )
        if not outcome.ok:
            raise StudyError(
                f"Le run {run_id} ne peut pas être lu dans {hide_password(uri)} : "
                f"{hide_password(outcome.error)[:300]}",
                next_step="Vérifier l’adresse du magasin (--uri) et l’identifiant du run.",
            )
        plan: dict[str, Any] = outcome.value
        report = _report(run_id, uri, plan)
        if not execute or not report.repeatable:
            return report
        return _execute(report, plan, folder)


def _report(run_id: str, uri: str, plan: Mapping[str, Any]) -> Report:
    ready = plan["stage"] == "prêt"
    return Report(
        run_id=run_id,
        uri=hide_password(uri),
        origin=plan["kind"],
        stage=plan["stage"],
        command=tuple(_shown(plan)) if ready else (),
        missing=tuple(plan["missing"]),
        steps=tuple(f"{entry['effort']} : {entry['texte']}" for entry in plan["journal"]),
        versions=len(plan["environment"]),
        other_versions=different_versions(plan["environment"]),
        setup_s=plan["setup_s"],
    )


def _shown(plan: Mapping[str, Any]) -> list[str]:
    command = launch_command(plan)
    return command if plan["kind"] == "projet" else ["python", *command[1:]]


def _execute(report: Report, plan: dict[str, Any], folder: Path) -> Report:
    from dataclasses import replace

    again = create_sqlite(folder / "relance.db")
    started = time.perf_counter()
    ok, output = launch(plan, again, EXECUTION_TIMEOUT_S)
    duration = time.perf_counter() - started
    found = _metrics(again) if ok else {}
    compared = tuple(
        MetricComparison(name, value, found.get(name))
        for name, value in sorted(plan["metrics"].items())
    )
    error = "" if ok else hide_password(output.strip().splitlines()[-1] if output.strip() else "")
    return replace(report, ran=ok, run_s=duration, error=error[:300], metrics=compared)


def _metrics(uri: str) -> dict[str, float]:
    """Metrics of the only run that the re-run recorded; empty when it recorded none."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    experiments = [e.experiment_id for e in client.search_experiments()]
    runs = client.search_runs(experiments, max_results=1, order_by=["attributes.start_time DESC"])
    return {k: float(v) for k, v in runs[0].data.metrics.items()} if runs else {}


_STOPPED = {
    "code": "le code du run n’est pas retrouvé",
    "commande": "la commande du run n’est pas retrouvée",
    "données": "les données du run ne sont pas retrouvées",
}


def in_french(report: Report) -> str:
    """The report as plain text for a terminal."""
    lines = [f"Run {report.run_id}, magasin {report.uri}", ""]
    if report.repeatable:
        lines += [
            f"Ce run peut être relancé ; code retrouvé par : {report.origin}.",
            f"  Commande : {shlex.join(report.command)}",
        ]
    else:
        reason = _STOPPED.get(report.stage, report.stage)
        lines.append(f"Ce run ne peut pas être relancé : {reason}.")
    if report.missing:
        lines += ["", "Le magasin ne dit pas :", *(f"  – {item}" for item in report.missing)]
    if report.versions:
        lines += [
            "",
            f"Versions enregistrées : {report.versions}, dont {report.other_versions} "
            "différentes de celles d’ici.",
        ]
    if report.steps:
        lines += ["", "Étapes suivies :", *(f"  – {step}" for step in report.steps)]
    if report.ran is None and report.repeatable:
        lines += ["", "Rien n’a été exécuté. Pour relancer : ajouter --executer."]
    if report.ran is False:
        lines += ["", f"La relance a échoué : {report.error}"]
    if report.ran:
        seconds = f"{report.run_s:.1f}".replace(".", ",")
        lines += ["", f"Relancé en {seconds} s."]
        for metric in report.metrics:
            now = "–" if metric.replayed is None else repr(metric.replayed).replace(".", ",")
            then = repr(metric.recorded).replace(".", ",")
            lines.append(f"  {metric.name} : {then} → {now} ({metric.verdict})")
        if not report.metrics:
            lines.append("  Le run d’origine n’a aucune métrique à comparer.")
    return "\n".join(lines)
