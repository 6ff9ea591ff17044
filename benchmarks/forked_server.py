"""Is a server forked from the warm process as fast as the one that a command starts?

    .venv/bin/python benchmarks/forked_server.py [--tours 60]

Two servers on two copies of the same store, one of each kind; each round makes one call of
each operation on each, in an order drawn anew.  Prints, per operation, both medians and the
ratio fork / command with its 95 % interval, and how long each server took to start; then
the same as JSON.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

import pandas as pd
from mlflow import MlflowClient

from mlflow_study import nursery, stores
from mlflow_study.evidence.statistics import median_ratio
from mlflow_study.storage.operations import OPERATIONS
from mlflow_study.storage.scenes import build_scene, quiet_logs
from mlflow_study.storage.worker import Worker

CALLS = ("create_run", "log_param", "log_metric", "get_run", "search_page", "log_batch")
WARM_UP = 3


def open_server(kind: str, folder: Path) -> tuple[stores.Store, float]:
    """A new store behind a server; seconds until it answered."""
    url = stores.create_sqlite(folder / kind / "mlflow.db")
    started = time.perf_counter()
    with patch.object(nursery, "is_warm", lambda: kind == "fork"):
        address, process = stores.start_server(url, folder / kind)
    elapsed = time.perf_counter() - started
    artifacts = folder / kind / "artefacts"
    return stores.Store("http+sqlite", address, artifacts, None, url, process), elapsed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tours", type=int, default=60)
    rounds = parser.parse_args().tours
    stores.prepare()
    nursery.warm_up()
    with Worker() as worker:  # answers once the imports are done
        worker.order(max, 0, 1)
        worker.answer(60)
    seconds: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as name, quiet_logs():
        opened = {kind: open_server(kind, Path(name)) for kind in ("fork", "commande")}
        try:
            benches = {
                kind: (MlflowClient(store.tracking_uri), build_scene(store, Path(name), seed=1))
                for kind, (store, _) in opened.items()
            }
            cells = [(kind, call) for kind in benches for call in CALLS]
            for turn in range(rounds + WARM_UP):
                random.shuffle(cells)
                for kind, call in cells:
                    act = OPERATIONS[call].prepare(*benches[kind], turn)
                    started = time.perf_counter()
                    act()
                    if turn >= WARM_UP:
                        elapsed = time.perf_counter() - started
                        seconds.setdefault((kind, call), []).append(elapsed)
        finally:
            for store, _ in opened.values():
                assert store.process is not None
                store.process.kill()
    rows = []
    for call in CALLS:
        fork, command = seconds["fork", call], seconds["commande", call]
        ratio, interval = median_ratio(fork, command, seed=1)
        rows.append({
            "operation": call,
            "fork_ms": 1000 * float(pd.Series(fork).median()),
            "commande_ms": 1000 * float(pd.Series(command).median()),
            "rapport": ratio, "bas": interval[0], "haut": interval[1],
        })  # fmt: skip
    print(pd.DataFrame(rows).round(3).to_string(index=False))
    starts = {kind: round(elapsed, 2) for kind, (_, elapsed) in opened.items()}
    print(json.dumps({"tours": rounds, "demarrage_s": starts, "operations": rows}))


if __name__ == "__main__":
    main()
