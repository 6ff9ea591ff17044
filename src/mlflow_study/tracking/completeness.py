"""Completeness: does every read path give all the points, all the runs, once?

Histories of growing length are read through each path; so are pages of runs, also while
somebody writes between two pages.  The endpoints that MLflow's page calls are exercised
through the server's own handlers (Flask's test client on the real application), on the
same database: the network adds nothing to what they answer.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from mlflow_study.bulk import Shape, fill, metric_key
from mlflow_study.stores import Store

if TYPE_CHECKING:
    from flask.testing import FlaskClient

PATHS = {
    "get_metric_history": "client Python, get_metric_history",
    "get-history": "REST metrics/get-history, sans numéro de page",
    "get-history-bulk": "REST metrics/get-history-bulk",
    "get-history-bulk-interval": "REST metrics/get-history-bulk-interval (graphiques)",
}


def _application(store: Store) -> FlaskClient:
    """The server's application on this store, without a server."""
    assert store.database_url is not None
    os.environ["_MLFLOW_SERVER_FILE_STORE"] = store.database_url
    os.environ["_MLFLOW_SERVER_ARTIFACT_ROOT"] = str(store.artifacts)
    from mlflow.server import app, handlers

    handlers._tracking_store = None
    client: FlaskClient = app.test_client()
    return client


def _rest(app: FlaskClient, path: str, run: str) -> tuple[list[tuple[int, int]], str]:
    """(points as (step, timestamp), a sign that more exist) from one REST endpoint."""
    family = "api" if path == "get-history" else "ajax-api"
    runs = (
        {"run_id": run}
        if path == "get-history"
        else {"run_ids" if path.endswith("interval") else "run_id": run}
    )
    answer = app.get(
        f"/{family}/2.0/mlflow/metrics/{path}", query_string={**runs, "metric_key": metric_key(0)}
    ).get_json()
    points = [(int(m.get("step", 0)), int(m["timestamp"])) for m in answer.get("metrics", [])]
    told = [key for key in answer if key != "metrics" and answer[key]]
    return points, ", ".join(told)


def _histories(store: Store, sizes: list[int], seed: int) -> Iterator[dict[str, Any]]:
    client = store.client()
    app = _application(store) if store.database_url else None
    for size in sizes:
        run = fill(store, store.create_experiment("points"), Shape(runs=1, metrics=1, points=size, params=0, tags=0), seed=seed).run_ids[0]  # fmt: skip

        def python(run: str = run) -> tuple[list[tuple[int, int]], str]:
            return [
                (m.step, m.timestamp) for m in client.get_metric_history(run, metric_key(0))
            ], ""

        readers: dict[str, Callable[[], tuple[list[tuple[int, int]], str]]] = {
            "get_metric_history": python
        }
        if app is not None:
            readers |= {path: partial(_rest, app, path, run) for path in list(PATHS)[1:]}
        for path, read in readers.items():
            points, told = read()
            yield {
                "magasin": store.name,
                "objet": "points",
                "voie": path,
                "ecrits": size,
                "rendus": len(points),
                "distincts": len(set(points)),
                "ordonnes": points == sorted(points, key=lambda p: (p[1], p[0])),
                "avertit": told,
            }


def _pages(store: Store, runs: int, seed: int) -> Iterator[dict[str, Any]]:
    """All runs of an experiment through pages of several sizes, quiet and while one writes."""
    import mlflow

    client = store.client()
    shape = Shape(runs=runs, metrics=1, points=1, params=1, tags=1)

    def row(voie: str, found: list[str], written: set[str], told: str = "") -> dict[str, Any]:
        return {
            "magasin": store.name,
            "objet": "runs",
            "voie": voie,
            "ecrits": len(written),
            "rendus": len(found),
            "distincts": len(set(found) & written),
            "ordonnes": True,
            "avertit": told,
        }

    experiment = store.create_experiment("pages")
    written = set(fill(store, experiment, shape, seed=seed).run_ids)
    for size in (7, 30):
        for order in (None, ["attributes.status ASC"]):
            found: list[str] = []
            token = None
            while True:
                page = client.search_runs(
                    [experiment], max_results=size, page_token=token, order_by=order
                )
                found += [run.info.run_id for run in page]
                token = page.token
                if not token:
                    break
            yield row(f"pages de {size}{', ex æquo' if order else ''}", found, written)
    default = client.search_runs([experiment], max_results=min(100, runs // 2))
    yield row(
        "une page", [r.info.run_id for r in default], written, "jeton" if default.token else ""
    )
    mlflow.set_tracking_uri(store.tracking_uri)
    frame = mlflow.search_runs([experiment], output_format="list")
    yield row("mlflow.search_runs", [r.info.run_id for r in frame], written)
    found, token = [], None
    for _ in range(1 + runs // 20):
        page = client.search_runs([experiment], max_results=20, page_token=token)
        found += [run.info.run_id for run in page]
        token = page.token
        client.create_run(experiment)
        if not token:
            break
    yield row("pages de 20, un run créé entre deux", [f for f in found if f in written], written)


def completeness(store: Store, sizes: list[int], runs: int, seed: int) -> pd.DataFrame:
    """What each read path returns of histories of ``sizes`` points and of ``runs`` runs.

    Columns ``magasin, objet`` (points, runs), ``voie, ecrits, rendus, distincts,
    ordonnes, avertit`` (the sign that something was left out, empty when none).
    """
    return pd.DataFrame([*_histories(store, sizes, seed), *_pages(store, runs, seed)])
