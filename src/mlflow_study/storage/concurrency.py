"""Several writers at once: throughput, errors, and whether what was acknowledged is stored.

Each writer is a process of its own (forked after MLflow's import, its own client and
connections) that logs one metric point per call into a run of its own, from a common
start to a common end.  ``acquittes`` counts the calls that returned, ``stockes`` the
points read back afterwards.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import pandas as pd

from mlflow_study.storage.operations import Scene
from mlflow_study.storage.worker import Failed, Late, Worker
from mlflow_study.stores import Store

FOREIGN_CALLS = 20
"""Calls of one writer on a server that is not ours."""
NO_LIMIT = 10**9
START_DELAY_S = 0.02
WAL = "sqlite+wal"
"""SQLite with a write-ahead log, which MLflow does not switch on: ``PRAGMA journal_mode``."""

_clients: dict[str, Any] = {}


def _open(uri: str, run_id: str) -> None:
    """In the worker: connect, and make a first write outside the clock."""
    from mlflow import MlflowClient

    if uri not in _clients:
        _clients[uri] = MlflowClient(tracking_uri=uri, registry_uri=uri)
    _clients[uri].log_metric(run_id, "ouverture", 0.0)


def _write(uri: str, run_id: str, key: str, start: float, end: float, most: int) -> tuple[list[float], dict[str, int]]:  # fmt: skip
    """In the worker: write from ``start`` to ``end`` (monotonic clock of the machine).

    Returns the durations of the acknowledged calls and the errors by name.
    """
    client, durations, errors = _clients[uri], list[float](), dict[str, int]()
    time.sleep(max(0.0, start - time.monotonic()))
    step = 0
    while (before := time.monotonic()) < end and step < most:
        step += 1
        try:
            client.log_metric(run_id, key, step / 7, step=step)
        except Exception as error:
            name = _name(error)
            errors[name] = errors.get(name, 0) + 1
        else:
            durations.append(time.monotonic() - before)
    return durations, errors


def _name(error: Exception) -> str:
    text = str(error).lower()
    for known in ("database is locked", "deadlock", "too many connections"):
        if known in text:
            return known
    return type(error).__name__


def concurrent_writers(
    stores: Mapping[str, Store], scenes: Mapping[str, Scene], pool: Sequence[Worker],
    counts: Sequence[int], writing_s: float, cap_s: float, seed: int,
) -> pd.DataFrame:  # fmt: skip
    """One row per (store, number of writers); SQLite is written again with its WAL at the end."""
    runs = {
        name: [store.client().create_run(scenes[name].writing).info.run_id for _ in pool]
        for name, store in stores.items()
    }
    workers = list(pool)
    cells = [(name, count) for name in stores for count in counts]
    Random(seed).shuffle(cells)
    rows = [
        _one(n, n, scenes, runs, workers, stores, count, writing_s, cap_s) for n, count in cells
    ]
    if "sqlite" in stores:
        _switch_to_wal(stores["sqlite"])
        rows += [
            _one(WAL, "sqlite", scenes, runs, workers, stores, count, writing_s, cap_s)
            for count in counts
        ]
    for worker, original in zip(workers, pool, strict=True):
        if worker is not original:
            worker.stop()
    return pd.DataFrame(rows)


def _one(
    label: str, name: str, scenes: Mapping[str, Scene], runs: Mapping[str, list[str]],
    workers: list[Worker], stores: Mapping[str, Store], count: int, writing_s: float, cap_s: float,
) -> dict[str, Any]:  # fmt: skip
    uri, key = scenes[name].uri, f"debit-{label.replace('+', '-')}-{count}"
    most = FOREIGN_CALLS if stores[name].foreign else NO_LIMIT
    errors: dict[str, int] = {}
    chosen = list(zip(workers[:count], runs[name], strict=False))
    for worker, run in chosen:
        worker.order(_open, uri, run)
    _answers(workers, count, cap_s, errors)
    start = time.monotonic() + START_DELAY_S
    for worker, run in zip(workers[:count], runs[name], strict=False):
        worker.order(_write, uri, run, key, start, start + writing_s, most)
    durations: list[float] = []
    for mine, failed in _answers(workers, count, writing_s + cap_s, errors):
        durations += mine
        for kind, times in failed.items():
            errors[kind] = errors.get(kind, 0) + times
    elapsed = time.monotonic() - start
    client = stores[name].client()
    stored = sum(len(client.get_metric_history(run, key)) for run in runs[name][:count])
    return {
        "magasin": label,
        "ecrivains": count,
        "duree_s": elapsed,
        "acquittes": len(durations),
        "stockes": stored,
        "debit": len(durations) / elapsed,
        "dispersion": _dispersion(durations),
        "mediane_s": float(pd.Series(durations, dtype=float).median()),
        "pire_s": max(durations, default=float("nan")),
        "erreurs": sum(errors.values()),
        "detail": ", ".join(f"{kind} : {times}" for kind, times in sorted(errors.items())),
    }


def _dispersion(durations: list[float]) -> float:
    """Standard deviation of the calls' durations over their mean; NaN below two calls."""
    series = pd.Series(durations, dtype=float)
    return float(series.std() / series.mean())


def _answers(workers: list[Worker], count: int, cap: float, errors: dict[str, int]) -> list[Any]:
    """What the first ``count`` workers answer; one that is late is killed and replaced."""
    answers = []
    for index in range(count):
        try:
            answers.append(workers[index].answer(cap))
        except Late:
            errors["arrêté au plafond"] = errors.get("arrêté au plafond", 0) + 1
            workers[index] = Worker()
        except Failed as failure:
            errors[failure.kind] = errors.get(failure.kind, 0) + 1
    return [answer for answer in answers if answer is not None]


def _switch_to_wal(store: Store) -> None:
    engine = store.engine()
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode = WAL")
    engine.dispose()
