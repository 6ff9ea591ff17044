"""Deleting: softly, for good (``mlflow gc``), and what remains of it, where, in bytes.

A full run (metrics, params, data set, artifact, model, trace, registered version) is deleted
and collected; its identifiers and markers are then searched for in every table and file
(``inventory.search``), so that a remainder is found wherever it hides.  A second experiment,
filled with many points, shows whether the disk is given back.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from mlflow_study.bulk import RUN_TABLES, Shape, fill
from mlflow_study.nursery import changed_environment
from mlflow_study.storage import inventory
from mlflow_study.storage.rich_experiment import Rich, fluent
from mlflow_study.stores import Store

Row = dict[str, Any]

HEAVY = Shape(runs=20, metrics=4, points=50, params=5, tags=2)
"""The experiment whose place on disk is watched: some 4 400 rows on an SQL store."""

ARTIFACT_BYTES = 200_000


def collect(store: Store, *arguments: str) -> tuple[int, str]:
    """``mlflow gc`` on a store, as its help page says to call it; (exit code, output)."""
    from click.testing import CliRunner
    from mlflow.cli import gc

    backend = store.database_url or store.tracking_uri
    options = ["--backend-store-uri", backend, "--tracking-uri", store.tracking_uri, *arguments]
    with fluent(store), changed_environment({"MLFLOW_TRACKING_URI": store.tracking_uri}):
        done = CliRunner().invoke(gc, options)
    return done.exit_code, done.output + (f"\n{done.exception}" if done.exception else "")


def traces_left(store: Store, rich: Rich) -> list[Row]:
    """Where identifiers and markers of a run still lie: one row per place."""
    words = {f"id {kind}": value for kind, value in _identities(rich).items()} | rich.markers
    words.pop("nested_run")
    names = inventory.role_names(rich) | {word: f"‹{k}›" for k, word in rich.markers.items()}
    names |= inventory.role_names(rich)
    rows = inventory.search(store, words)
    for row in rows:
        row["lieu"] = inventory.plain(row["lieu"], names)
    return rows


def _identities(rich: Rich) -> dict[str, str]:
    return {
        "run": rich.run,
        "run fils": rich.child,
        "modèle": rich.model_id,
        "trace": rich.trace,
    }


def observe(store: Store, rich: Rich, seed: int) -> dict[str, list[Row]]:
    """Delete, restore, delete, collect the run of ``rich``.  Parts:

    - ``etapes``: one row per stage: is the run visible, listed, whole (its assessments
      included)? how many assessments name it? its bytes?
    - ``restes``: places where identifiers or markers remain after ``gc`` of the run;
    - ``place``: bytes of a heavy experiment before, after deletion, after ``gc``, after the
      database's own compaction.
    """
    with fluent(store):
        client = store.client()
        big = Path(store.artifacts or ".") / ".gros"
        big.write_bytes(os.urandom(ARTIFACT_BYTES))
        client.log_artifact(rich.run, str(big), "gros")
        big.unlink()
        stages: list[Row] = []
        before = _state(client, rich.run), _assessments(client, rich)

        def stage(name: str, code: int = 0, message: str = "") -> None:
            now, noted = _state(client, rich.run), _assessments(client, rich)
            stages.append(
                {
                    "backend": store.name,
                    "etape": name,
                    "lisible": now is not None,
                    "liste": rich.run in _active(client, rich.experiment),
                    "complet": now is not None
                    and (now[1:], noted) == ((before[0] or ())[1:], before[1]),
                    "appreciations": len(noted),
                    "cycle": now[0] if now else "absent",
                    "code": code,
                    "message": message[-200:],
                    **store.size(),
                }
            )

        stage("avant")
        client.delete_run(rich.run)
        stage("suppression")
        client.restore_run(rich.run)
        stage("restauration")
        client.delete_run(rich.run)
        client.delete_run(rich.child)
    code, output = collect(store)
    stage("gc", code, output)
    left = traces_left(store, rich)
    model = _model_state(client, rich)
    for row in left:
        row["modele_lisible"] = model
    return {"etapes": stages, "restes": left, "place": _space(store, seed)}


def _state(client: Any, run: str) -> tuple[Any, ...] | None:
    """(life cycle, params, metrics, tags, data sets) of a run; None when it is gone."""
    from mlflow.exceptions import MlflowException

    try:
        read = client.get_run(run)
    except MlflowException:
        return None
    inputs = sorted(entry.dataset.digest for entry in read.inputs.dataset_inputs)
    return (read.info.lifecycle_stage, read.data.params, read.data.metrics, read.data.tags, inputs)


def _assessments(client: Any, rich: Rich) -> list[str]:
    """Ids of the assessments of the trace whose metadata name the run; none if it is gone."""
    from mlflow.exceptions import MlflowException

    try:
        found = client.get_trace(rich.trace).info.assessments
    except MlflowException:
        return []
    return sorted(a.assessment_id for a in found if rich.run in (a.metadata or {}).values())


def _active(client: Any, experiment: str) -> set[str]:
    return {run.info.run_id for run in client.search_runs([experiment])}


def _model_state(client: Any, rich: Rich) -> bool:
    """Does the logged model of the collected run still answer?"""
    from mlflow.exceptions import MlflowException

    try:
        return bool(client.get_logged_model(rich.model_id).model_id == rich.model_id)
    except MlflowException:
        return False


def _space(store: Store, seed: int) -> list[Row]:
    """The disk, before and after the deletion of a heavy experiment."""
    client = store.client()
    rows: list[Row] = []

    def weigh(moment: str) -> None:
        rows.append({"backend": store.name, "moment": moment, "octets": store.size()["suivi"],
                     "libres": _free(store)})  # fmt: skip

    _compact(store)
    weigh("vide")
    experiment = store.create_experiment("lourde")
    filled = fill(store, experiment, HEAVY, seed=seed)
    _compact(store)
    weigh("pleine")
    client.delete_experiment(experiment)
    weigh("supprimée")
    code, output = collect(store, "--experiment-ids", experiment)
    weigh("gc")
    alive = sum(_state(client, run) is not None for run in filled.run_ids)
    _compact(store)
    weigh("compactée")
    for row in rows:
        row |= {"runs": len(filled.run_ids), "runs_restants": alive}
        row |= {"lignes": sum(filled.rows.values()), "code_gc": code, "message": output[-200:]}
    return rows


_COMPACT = {
    "sqlite": ["VACUUM"],
    "postgresql": [f"VACUUM FULL {table}" for table in RUN_TABLES],
    "mysql": [f"OPTIMIZE TABLE {table}" for table in RUN_TABLES],
}


def _compact(store: Store) -> None:
    """The database's own way of giving disk back; nothing for a file store."""
    if store.database_url is None:
        return
    from sqlalchemy import text

    engine = store.engine().execution_options(isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            for statement in _COMPACT[engine.dialect.name]:
                connection.execute(text(statement))
            if engine.dialect.name == "mysql":
                connection.execute(text(f"ANALYZE TABLE {', '.join(RUN_TABLES)}"))
    finally:
        engine.dispose()


def _free(store: Store) -> int | None:
    """Bytes that the database holds but does not use: SQLite's free pages, else None."""
    if store.database_url is None or not store.database_url.startswith("sqlite"):
        return None
    from sqlalchemy import text

    query = "SELECT freelist_count * page_size FROM pragma_freelist_count(), pragma_page_size()"
    engine = store.engine()
    try:
        with engine.connect() as connection:
            return int(connection.execute(text(query)).scalar_one())
    finally:
        engine.dispose()
