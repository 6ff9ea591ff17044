"""How long MLflow's everyday operations take, on each backend, against the physical floor.

One *round* makes one call of each (store, operation) and of each floor, in an order drawn
anew each time: drift of the machine hits all alike.  Warm-up calls are kept apart.  Wall
time is what the user waits; CPU time is that of this process (client side, all threads).
A round during which the machine was visibly busy is marked; when all are made, those are
repeated, unless they are more than a budget of repeats can replace.
"""

from __future__ import annotations

import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd

from mlflow_study.storage.asynchrony import asynchronous
from mlflow_study.storage.concurrency import concurrent_writers
from mlflow_study.storage.floor import floors
from mlflow_study.storage.operations import ACCESS, OPERATIONS, Scene
from mlflow_study.storage.quiet import Look, Watch
from mlflow_study.storage.scenes import build_scene, quiet_logs, small_model
from mlflow_study.storage.worker import Worker
from mlflow_study.stores import Store, open_stores, unavailable

WARM_UP = 2
"""First calls kept apart: two of each light operation, one of each heavy one."""
FOREIGN_ROUNDS = 60
"""Rounds on a server that is not ours: 4 small writes each; its batch is written once."""
EMPTY_CALLS = 2000

Call = Callable[[], Any]


def clock(call: Call) -> tuple[float, float]:
    """(wall seconds, CPU seconds of this process) of one call."""
    cpu, wall = time.process_time(), time.perf_counter()
    call()
    elapsed = time.perf_counter() - wall
    return elapsed, time.process_time() - cpu


def timer_overhead(calls: int = EMPTY_CALLS) -> list[float]:
    """What ``clock`` reports for a call that does nothing: its own cost, in seconds."""
    return [clock(_nothing)[0] for _ in range(calls)]


def _nothing() -> None:
    return


@dataclass(frozen=True)
class _Cell:
    store: str
    kind: str
    name: str
    label: str
    heavy: bool
    below: str
    prepare: Callable[[int], Call]


def measure_access(
    *, backends: Sequence[str], rounds: int, heavy_rounds: int, writers: Sequence[int],
    writing_s: float, cap_s: float, seed: int,
) -> dict[str, pd.DataFrame]:  # fmt: skip
    """Access times, floors, concurrent writers and asynchronous logging, in one session.

    Returns the tables ``mesures`` (one row per call), ``ecrivains``, ``asynchrone``,
    ``horloge`` (the timer's own cost), ``absents`` (backends that cannot run here) and
    ``restes`` (experiments left soft-deleted on a server that is not ours).
    """
    reasons = {name: unavailable(name) for name in backends}
    present = [name for name in backends if reasons[name] is None]
    absent = [(name, reason) for name, reason in reasons.items() if reason]
    tables = {"absents": pd.DataFrame(absent, columns=["magasin", "motif"], dtype=object)}
    with tempfile.TemporaryDirectory(prefix="mlflow-etude-") as scratch, quiet_logs(), ExitStack() as stack:  # fmt: skip
        served = stack.enter_context(ExitStack())
        with ThreadPoolExecutor(1) as meanwhile:  # a server takes seconds to start
            starting = meanwhile.submit(
                lambda: served.enter_context(
                    open_stores(n for n in present if n.startswith("http"))
                )
            )
            stores = stack.enter_context(
                open_stores(n for n in present if not n.startswith("http"))
            )
            pool = [stack.enter_context(Worker()) for _ in range(max(writers))]
            model = small_model()
            scenes = _scenes(stores, Path(scratch), model, seed)
            stores |= starting.result()
        scenes |= _scenes(
            {n: stores[n] for n in stores if n not in scenes}, Path(scratch), model, seed
        )
        tables["horloge"] = pd.DataFrame({"wall_s": timer_overhead()})
        tables["mesures"] = _rounds(stores, scenes, rounds, heavy_rounds, seed)
        tables["asynchrone"] = asynchronous(scenes, seed)
        tables["ecrivains"] = concurrent_writers(stores, scenes, pool, writers, writing_s, cap_s, seed)  # fmt: skip
        left = [(name, e) for name, store in stores.items() if store.foreign for e in store.created]
        tables["restes"] = pd.DataFrame(left, columns=["magasin", "experience"], dtype=object)
    return tables


def _scenes(stores: Mapping[str, Store], folder: Path, model: Any, seed: int) -> dict[str, Scene]:
    return {name: build_scene(store, folder, model, seed=seed) for name, store in stores.items()}


def _rounds(
    stores: Mapping[str, Store], scenes: Mapping[str, Scene], rounds: int, heavy_rounds: int,
    seed: int,
) -> pd.DataFrame:  # fmt: skip
    random, watch = Random(seed), Watch()
    rows: list[dict[str, Any]] = []
    every = max(1, rounds // heavy_rounds)
    planned = deque(number % every == 0 for number in range(rounds))
    budget, repeats = max(2, rounds // 5), deque[bool]()
    with ExitStack() as stack:
        cells = _cells(stores, scenes, stack)
        for turn in range(1, WARM_UP + 1):
            rows += [
                _timed(cell, turn) | {"tour": 0, "chauffe": True, "occupee": False}
                for cell in cells
                if not _spared(cell, stores, turn) and not (cell.heavy and turn > 1)
            ]
        number = 0
        while planned:
            heavy, number = planned.popleft(), number + 1
            turn = number + WARM_UP
            chosen = [cell for cell in cells if heavy or not cell.heavy]
            chosen = [cell for cell in chosen if not _spared(cell, stores, turn)]
            random.shuffle(chosen)
            before = Look.now()
            timed = [_timed(cell, turn) for cell in chosen]
            busy = watch.busy(before, Look.now())
            rows += [row | {"tour": number, "chauffe": False, "occupee": busy} for row in timed]
            if busy:
                repeats.append(heavy)
            if not planned and len(repeats) <= budget:
                budget -= len(repeats)
                planned, repeats = repeats, deque()
    return pd.DataFrame(rows)


def _spared(cell: _Cell, stores: Mapping[str, Store], turn: int) -> bool:
    """On a server that is not ours, few rounds, and the batch of 1 000 once."""
    if not stores[cell.store].foreign:
        return False
    return turn > FOREIGN_ROUNDS or (cell.name == "log_batch" and turn != WARM_UP + 1)


def _timed(cell: _Cell, turn: int) -> dict[str, Any]:
    call, error = cell.prepare(turn), ""
    try:
        wall, cpu = clock(call)
    except Exception as failure:
        wall, cpu, error = float("nan"), float("nan"), type(failure).__name__
    return {
        "magasin": cell.store,
        "sorte": cell.kind,
        "operation": cell.name,
        "libelle": cell.label,
        "sous": cell.below,
        "wall_s": wall,
        "cpu_s": cpu,
        "erreur": error,
    }


def _cells(
    stores: Mapping[str, Store], scenes: Mapping[str, Scene], stack: ExitStack
) -> list[_Cell]:
    cells = []
    for name, store in stores.items():
        scene, client = scenes[name], store.client()
        for operation in (OPERATIONS[key] for key in ACCESS):
            prepare = partial(operation.prepare, client, scene)
            heavy, label = operation.heavy, operation.label
            cells.append(_Cell(name, "mlflow", operation.name, label, heavy, "", prepare))
        for floor in stack.enter_context(floors(store, scene)):
            below, call = " ".join(floor.below), partial(_same, floor.call)
            cells.append(_Cell(name, "plancher", floor.name, floor.label, floor.heavy, below, call))
    return cells


def _same(call: Call, _: int) -> Call:
    return call
