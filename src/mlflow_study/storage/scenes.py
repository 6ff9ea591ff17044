"""The same small world on every store: what the timed operations read and write."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from mlflow_study.bulk import Shape, fill, fill_by_api
from mlflow_study.storage.operations import ARTIFACT_BYTES, PAGE, Scene, page_token
from mlflow_study.stores import Store

POPULATION = Shape(runs=2 * PAGE, metrics=2, points=10, params=2, tags=1)
"""Runs of the experiment that is read: two pages."""
FOREIGN_POPULATION = Shape(runs=10, metrics=2, points=2, params=2, tags=1)
"""The same on a server that is not ours: 30 requests."""
HISTORY = 1000
"""Points of the history that ``get_metric_history`` reads."""
FOREIGN_HISTORY = 100


@contextmanager
def quiet_logs() -> Iterator[None]:
    """No log and no progress bar of MLflow or Alembic while we measure."""
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
    warnings.filterwarnings("ignore", message="IProgress not found")
    import mlflow  # noqa: F401 (its import sets the levels that we lower here)

    loggers = [logging.getLogger(name) for name in ("mlflow", "alembic", "urllib3")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def build_scene(store: Store, folder: Path, model: Any = None, *, seed: int) -> Scene:
    """Populate a store.  ``model``: a fitted scikit-learn model to log, or None.

    Files of the scene that are not the store's lie in ``folder``.
    """
    artifact = folder / "un-mio.bin"
    if not artifact.exists():
        artifact.write_bytes(Random(seed).randbytes(ARTIFACT_BYTES))
    client = store.client()
    experiment, writing = store.create_experiment("lecture"), store.create_experiment("ecriture")
    if store.foreign:
        readable = fill_by_api(store, experiment, FOREIGN_POPULATION, seed=seed)
        history = fill_by_api(store, writing, Shape(runs=1, points=FOREIGN_HISTORY), seed=seed)[0]
        second = FOREIGN_POPULATION.runs // 2
    else:
        readable = fill(store, experiment, POPULATION, seed=seed).run_ids
        history = fill(store, writing, Shape(runs=1, points=HISTORY), seed=seed).run_ids[0]
        second = PAGE
    target = client.create_run(writing).info.run_id
    return Scene(
        uri=store.tracking_uri,
        experiment=experiment,
        readable=tuple(readable),
        history=history,
        writing=writing,
        target=target,
        artifact=str(artifact),
        model=log_model(store, writing, model) if model is not None else "",
        page_token=page_token(second),
        last_token=page_token(second),
    )


def small_model() -> Any:
    """A logistic regression on the iris data of scikit-learn."""
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    features, target = load_iris(return_X_y=True)
    return LogisticRegression(max_iter=500).fit(features, target)


def log_model(store: Store, experiment: str, model: Any) -> str:
    """Log a scikit-learn model in a run of its own; returns its URI."""
    import mlflow
    import mlflow.sklearn

    mlflow.set_tracking_uri(store.tracking_uri)
    mlflow.set_registry_uri(store.tracking_uri)
    with mlflow.start_run(experiment_id=experiment):
        info = mlflow.sklearn.log_model(
            model, name="modele", pip_requirements=["scikit-learn"], serialization_format="skops"
        )
    return str(info.model_uri)
