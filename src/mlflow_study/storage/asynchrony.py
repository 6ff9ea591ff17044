"""What asynchronous logging gives back: the caller's wait, and when the data is stored."""

from __future__ import annotations

import time
from collections.abc import Mapping
from random import Random
from typing import Any

import pandas as pd

from mlflow_study.storage.operations import Scene

POINTS = 10
"""Calls of ``log_metric`` per series: a short training loop."""
SERIES = 5


def asynchronous(scenes: Mapping[str, Scene], seed: int) -> pd.DataFrame:
    """Series of ``log_metric``, synchronous or not, interleaved at random.

    Columns: ``appel_s`` mean wait of the caller per call, ``stocke_s`` time per point until
    all are acknowledged by the store, ``points``, ``retrouves`` (points read back).
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
        started = time.perf_counter()
        pending = [
            client.log_metric(run, key, step / POINTS, step=step, synchronous=synchronous)
            for step in range(POINTS)
        ]
        returned = time.perf_counter()
        for operation in pending:
            if operation is not None:
                operation.wait()
        stored = time.perf_counter()
        rows.append(
            {
                "magasin": name,
                "synchrone": synchronous,
                "appel_s": (returned - started) / POINTS,
                "stocke_s": (stored - started) / POINTS,
                "points": POINTS,
                "retrouves": len(client.get_metric_history(run, key)),
            }
        )
    return pd.DataFrame(rows)
