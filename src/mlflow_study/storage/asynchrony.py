"""What asynchronous logging gives back: the caller's wait, and when the data is stored."""

from __future__ import annotations

import time
from collections.abc import Mapping
from random import Random
from statistics import median
from typing import Any

import pandas as pd

from mlflow_study.storage.operations import Scene

POINTS = 5
"""Calls of ``log_metric`` per series: a short training loop."""
SERIES = 9
"""Series of each kind: the interval of a median of nine leaves out one accident."""


def asynchronous(scenes: Mapping[str, Scene], seed: int) -> pd.DataFrame:
    """Series of ``log_metric``, synchronous or not, interleaved at random.

    Columns: ``appel_s`` median wait of the caller for a call, ``stocke_s`` time per point
    until all are acknowledged by the store, ``points``, ``retrouves`` (points read back).
    """
    from mlflow import MlflowClient

    cells = [(name, mode) for name in scenes for mode in (True, False) for _ in range(SERIES)]
    Random(seed).shuffle(cells)
    clients = {
        name: MlflowClient(tracking_uri=scene.uri, registry_uri=scene.uri)
        for name, scene in scenes.items()
    }
    for name, scene in scenes.items():
        clients[name].log_metric(scene.target, "asynchrone", 0.0, synchronous=False).wait()
    rows: list[dict[str, Any]] = []
    for number, (name, synchronous) in enumerate(cells):
        client, run, key = clients[name], scenes[name].target, f"serie-{number}"
        pending, waits = [], []
        started = before = time.perf_counter()
        for step in range(POINTS):
            pending.append(
                client.log_metric(run, key, step / POINTS, step=step, synchronous=synchronous)
            )
            before, last = time.perf_counter(), before
            waits.append(before - last)
        for operation in pending:
            if operation is not None:
                operation.wait()
        stored = time.perf_counter()
        rows.append(
            {
                "magasin": name,
                "synchrone": synchronous,
                "appel_s": median(waits),
                "stocke_s": (stored - started) / POINTS,
                "points": POINTS,
                "retrouves": len(client.get_metric_history(run, key)),
            }
        )
    return pd.DataFrame(rows)
