"""How much a store holds, at what price in bytes, and until what size it stays usable.

A store is filled in bulk, size after size.  At each size the bytes of every table are
asked of the store, and each everyday operation is timed in a worker process under a cap:
what passes it is killed and recorded, never dropped.  A growth that looks worse than it
should is followed to its cause by the query plans (``plans``).
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

import pandas as pd
from sqlalchemy import inspect, text

from mlflow_study.bulk import Shape, fill, fill_models
from mlflow_study.storage.growing import Garden, Series, Step
from mlflow_study.storage.operations import GROWTH, OPERATIONS, PAGE, Scene, page_token
from mlflow_study.storage.quiet import Look, Watch
from mlflow_study.storage.scenes import quiet_logs
from mlflow_study.storage.worker import Failed, Late, Worker
from mlflow_study.stores import Store, open_stores, unavailable

RUN = Shape(runs=1, metrics=2, points=1, params=3, tags=1)
"""The run of the everyday experiment, repeated."""
POINTS_PER_RUN = 100
"""Points of one metric in the runs that measure bytes per point."""
REPEATS = 5
PATIENCE_S = 0.06
"""After a warm-up an operation is repeated up to REPEATS times, until this time is spent."""
LONG_S = 0.1
"""A warm-up that takes this long counts as a measurement: there is little left to warm up."""
FOLLOWED = ("search_order",)
"""Operations tried at every size whatever they take: their growth is worse than linear."""
MODELS = (10, 100, 1000)
CROWD = (1, 100)
"""Keys of the runs of which one history, always as long, is read."""
COMPARED = 21
"""Turns of a comparison: each run is read once a turn, so that drift hits all alike, and
the interval of the ratio of medians leaves out an accident or two."""
COMPARED_S = 1.5
"""A comparison ends sooner, after three turns at least, once this time is spent."""
WORTH_HALVING = 1000
HALVED = 5
"""Sizes farther apart than this are halved for the FOLLOWED operations, from 1 000 runs on."""


def sizes_up_to(largest: int, smallest: int = 100) -> list[int]:
    """100, 1 000, … then the last decade in two halves: three sizes well apart for a law."""
    low = max(smallest, round(largest / 10))
    last = {low, round(math.sqrt(low * largest)), largest}
    decades = (smallest * 10**power for power in range(12))
    return sorted({smallest, *(size for size in decades if size < low), *last})


def sizes_between(sizes: Sequence[int]) -> list[int]:
    """Half-way through each later decade, for the operations that may not reach the last one."""
    return [
        round(math.sqrt(low * high))
        for low, high in pairwise(sizes)
        if low >= WORTH_HALVING and high / low > HALVED
    ]


def measure_capacity(
    *, backends: Sequence[str], runs: int, file_runs: int, points: int, history: int,
    patience_s: float, cap_s: float, seed: int,
) -> dict[str, pd.DataFrame]:  # fmt: skip
    """Bytes and times at each size, for the stores opened directly.

    Tables: ``octets`` (store, kind of datum, count, bytes of rows and of indexes; for
    files apparent bytes and blocks), ``temps`` (one row per timed call), ``plans`` (query
    plans), ``remplissage`` (rows per second of each fill), ``arrets`` (sizes for which the
    disk had no room), ``absents``.
    """
    wanted = [name for name in backends if not name.startswith("http") and name != "uri"]
    reasons = {name: unavailable(name) for name in wanted}
    absent = [(name, reason) for name, reason in reasons.items() if reason]
    octets: list[dict[str, Any]] = []
    temps: list[dict[str, Any]] = []
    plans: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="mlflow-etude-") as scratch, quiet_logs(), ExitStack() as stack:  # fmt: skip
        present = [name for name in wanted if reasons[name] is None]
        worker = _Capped(stack.enter_context(Worker()), cap_s, patience_s)
        stack.callback(lambda: worker.worker.stop())
        stores = stack.enter_context(open_stores(present, Path(scratch)))
        fillers = {name: stack.enter_context(Worker()) for name in stores}
        garden, watch = Garden(stores, fillers), Watch()
        most = {name: file_runs if store.files else runs for name, store in stores.items()}
        largest = dict.fromkeys(stores, 0)
        scenes = {name: _scene(store, garden) for name, store in stores.items()}
        crowds: dict[str, dict[int, Scene]] = {}
        series = Series("runs", RUN, 1, {name: scenes[name].experiment for name in stores})
        for steps, halves in _rungs(most, seed):
            steps = {n: s for n, s in steps.items() if s[0] == largest[n]}
            for name, new in garden.grow(series, steps, seed).items():
                largest[name] = size = steps[name][1]
                scenes[name] = _grown(scenes[name], new, size, seed)
            for name in (n for n, step in steps.items() if largest[n] == step[1]):
                octets += garden.octets(name, series, _counts(largest[name]))
                operations = FOLLOWED if name in halves else GROWTH
                temps += worker.times(stores[name], scenes[name], largest[name], watch, seed, operations)  # fmt: skip
        for name, store in stores.items():
            if store.database_url is not None:
                plans += explain(store, scenes[name], largest[name])
            if name == "sqlite":
                temps += _remedy(store, scenes[name], worker, largest[name], watch, seed)
            crowds[name], rows = _histories(store, worker, history, watch, seed)
            temps += rows
        files = [name for name, store in stores.items() if store.files is not None]
        octets += _points(garden, files, points, seed)
        for name in files:
            garden.discard(name)
        databases = [name for name in stores if name not in files]
        octets += _points(garden, databases, points, seed)
        for name in databases:
            octets += _models(garden, name)
        for name in databases:  # last: the sizes above are those of a store with its indexes
            temps += _without_index(stores[name], crowds[name], worker, watch)
    return {
        "octets": pd.DataFrame(octets, columns=["magasin", "serie", "donnee", "n", "lignes", "index", "total", "blocs"]),
        "temps": pd.DataFrame(temps, columns=["magasin", "operation", "taille", "wall_s", "issue", "occupee"]),
        "plans": pd.DataFrame(plans, columns=["magasin", "operation", "taille", "plan"]),
        "remplissage": pd.DataFrame(garden.fills, columns=["magasin", "lignes", "duree_s"]),
        "arrets": pd.DataFrame(garden.stops, columns=["magasin", "serie", "taille", "motif"]),
        "absents": pd.DataFrame(absent, columns=["magasin", "motif"], dtype=object),
    }  # fmt: skip


# --- growing the stores -----------------------------------------------------------------


def _rungs(most: Mapping[str, int], seed: int) -> Iterator[tuple[dict[str, Step], set[str]]]:
    """The steps of each rung, stores in an order drawn anew; those that are half-way sizes."""
    whole = {name: sizes_up_to(largest) for name, largest in most.items()}
    halves = {name: sizes_between(sizes) for name, sizes in whole.items()}
    ladders = {name: sorted([0, *whole[name], *halves[name]]) for name in most}
    for rung in range(1, max(map(len, ladders.values()), default=0)):
        order = Random(seed + rung).sample(sorted(most), len(most))
        steps = {n: (ladders[n][rung - 1], ladders[n][rung]) for n in order if rung < len(ladders[n])}  # fmt: skip
        yield steps, {name for name, (_, size) in steps.items() if size in halves[name]}


def _scene(store: Store, garden: Garden) -> Scene:
    experiment, writing = store.create_experiment("lecture"), store.create_experiment("ecriture")
    filled = fill(store, writing, Shape(runs=1, points=POINTS_PER_RUN), seed=0)
    garden.account(store.name, filled)
    target = store.client().create_run(writing).info.run_id
    return Scene(store.tracking_uri, experiment, (), filled.run_ids[0], writing, target)


def _grown(scene: Scene, new: Sequence[str], size: int, seed: int) -> Scene:
    """The scene of a larger store; new runs are created in the read experiment, as users do."""
    return replace(
        scene,
        readable=(*scene.readable, *Random(seed).sample(new, min(20, len(new)))),
        writing=scene.experiment,
        page_token=page_token(PAGE),
        last_token=page_token(max(size - PAGE, 0)),
    )


def _counts(runs: int) -> dict[str, int]:
    """Rows of each table that so many runs like ``RUN`` take."""
    return {
        "runs": runs,
        "tags": runs * (RUN.tags + 1),
        "params": runs * RUN.params,
        "metrics": runs * RUN.metrics * RUN.points,
        "latest_metrics": runs * RUN.metrics,
    }


def _points(garden: Garden, names: Sequence[str], points: int, seed: int) -> list[dict[str, Any]]:
    """Bytes of the metrics table as histories are added to it."""
    experiments = {name: garden.stores[name].create_experiment("points") for name in names}
    series = Series("points", Shape(1, points=POINTS_PER_RUN), POINTS_PER_RUN, experiments)
    empty = {name: garden.sizes(name, series) for name in names}
    rows: list[dict[str, Any]] = []
    growing = list(names)
    whole_runs = {size // POINTS_PER_RUN * POINTS_PER_RUN for size in sizes_up_to(points)}
    for step in pairwise([0, *sorted(whole_runs)]):
        growing = list(garden.grow(series, dict.fromkeys(growing, step), seed))
        for name in growing:
            rows += garden.octets(name, series, {"metrics": step[1]}, empty[name])
    return rows


def _models(garden: Garden, name: str) -> list[dict[str, Any]]:
    """Bytes of logged and registered models, records only."""
    store = garden.stores[name]
    series = Series("modeles", Shape(1, metrics=0), 1, {name: store.create_experiment("modeles")})
    run_ids = garden.grow(series, {name: (0, MODELS[-1])}, 9)[name]
    rows = []
    for before, after in pairwise((0, *MODELS)):
        fill_models(store, series.experiments[name], run_ids[before:after])
        counts = dict.fromkeys(("logged_models", "registered_models", "model_versions"), after)
        rows += garden.octets(name, series, counts)
    return rows


# --- timing under a cap ---------------------------------------------------------------


def _repeat(uri: str, scene: Scene, name: str, turn: int, patience_s: float) -> list[float]:
    """In the worker: one warm-up call, then a few timed ones; seconds of each.

    None is made once they have taken ``patience_s``.
    """
    client = _client(uri)
    operation = OPERATIONS[name]
    spent, seconds = 0.0, list[float]()
    for repeat in range(REPEATS + 1):
        call = operation.prepare(client, scene, turn + repeat)
        started = perf_counter()
        call()
        seconds.append(perf_counter() - started)
        spent += seconds[-1]
        if spent > patience_s or (repeat >= 2 and spent > PATIENCE_S):
            break
    return seconds if seconds[0] > LONG_S else seconds[1:]


_clients: dict[str, Any] = {}


def _alternate(uri: str, scenes: Sequence[Scene], name: str, turn: int) -> list[list[float]]:
    """In the worker: the same call on each scene in turn, after a warm-up of each.

    Returns the seconds of each scene's calls.
    """
    client, operation = _client(uri), OPERATIONS[name]
    seconds: list[list[float]] = [[] for _ in scenes]
    for repeat in range(COMPARED + 1):
        for scene, mine in zip(scenes, seconds, strict=True):
            call = operation.prepare(client, scene, turn + repeat)
            started = perf_counter()
            call()
            mine.append(perf_counter() - started)
        if repeat >= 3 and sum(map(sum, seconds)) > COMPARED_S:
            break
    return [mine[1:] for mine in seconds]


def _client(uri: str) -> Any:
    from mlflow import MlflowClient

    if uri not in _clients:
        _clients[uri] = MlflowClient(tracking_uri=uri, registry_uri=uri)
        _clients[uri].search_experiments(max_results=1)
    return _clients[uri]


class _Capped:
    """Times operations in a worker; one that passes the cap is killed with its query."""

    def __init__(self, worker: Worker, cap_s: float, patience_s: float) -> None:
        self.worker, self.cap_s, self.patience_s, self.turn = worker, cap_s, patience_s, 0
        self.over: set[tuple[str, str, str]] = set()
        self.slow: set[tuple[str, str, str]] = set()

    def times(
        self, store: Store, scene: Scene, size: int, watch: Watch, seed: int,
        operations: Iterable[str] = GROWTH, series: str = "runs",
    ) -> list[dict[str, Any]]:  # fmt: skip
        rows: list[dict[str, Any]] = []
        chosen = [
            name for name in operations if name != "get_metric_history" or operations != GROWTH
        ]
        Random(f"{seed}/{size}").shuffle(chosen)
        for name in chosen:
            base = {"magasin": store.name, "operation": name, "taille": size}
            if (series, store.name, name) in self.over:
                rows.append(base | {"wall_s": self.cap_s, "issue": "plafond (taille plus petite)", "occupee": False})  # fmt: skip
                continue
            if (series, store.name, name) in self.slow:
                continue
            self.turn += REPEATS + 1
            before = Look.now()
            asked = (scene.uri, scene, name, self.turn, self.patience_s)
            answer, issue = self._ask(store, self.cap_s, _repeat, *asked)
            seconds = answer or [self.cap_s if issue == "plafond" else float("nan")]
            busy = watch.busy(before, Look.now())
            if issue == "mesure" and min(seconds) > self.patience_s and name not in FOLLOWED:
                self.slow.add((series, store.name, name))
            if issue == "plafond":
                self.over.add((series, store.name, name))
            rows += [base | {"wall_s": wall, "issue": issue, "occupee": busy} for wall in seconds]
        return rows

    def compare(
        self, store: Store, scenes: Mapping[int, Scene], name: str, label: str, watch: Watch
    ) -> list[dict[str, Any]]:
        """One operation on runs of several sizes, alternately; rows bear the name ``label``."""
        self.turn += COMPARED + 1
        before = Look.now()
        cap = 3 * self.cap_s
        answer, issue = self._ask(
            store, cap, _alternate, store.tracking_uri, list(scenes.values()), name, self.turn
        )
        stopped = [cap if issue == "plafond" else float("nan")]
        busy = watch.busy(before, Look.now())
        base = {"magasin": store.name, "operation": label, "issue": issue, "occupee": busy}
        return [
            base | {"taille": size, "wall_s": wall}
            for size, seconds in zip(scenes, answer or [stopped] * len(scenes), strict=True)
            for wall in seconds
        ]

    def _ask(self, store: Store, cap: float, function: Any, *arguments: Any) -> tuple[Any, str]:
        """(the worker's answer or None, how the call ended)."""
        self.worker.order(function, *arguments)
        try:
            return self.worker.answer(cap), "mesure"
        except Late:
            self._replace(store)
            return None, "plafond"
        except Failed as failure:
            return None, f"erreur : {failure.kind}"

    def reconnect(self) -> None:
        """A new worker, hence new connections: a statement keeps its plan."""
        self.worker.stop()
        self.worker = Worker()

    def _replace(self, store: Store) -> None:
        """A new worker; the killed one's query is cancelled in the database."""
        self.worker = Worker()
        if store.database_url is not None and store.database_url.startswith("postgresql"):
            engine = store.engine()
            with engine.connect() as connection:
                connection.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                )
            engine.dispose()


def _histories(store: Store, worker: _Capped, points: int, watch: Watch, seed: int) -> tuple[dict[int, Scene], list[dict[str, Any]]]:  # fmt: skip
    """What the length of a history costs, and what should not depend on what lies beside.

    ``get_metric_history`` of longer and longer histories; ``get_run_history``: ``get_run``
    of those same runs, alternately; ``get_metric_history_crowd``: one short history among
    those of few or many other metrics, alternately.  Returns the runs of this last
    comparison, by their points, and the rows.
    """
    experiment = store.create_experiment("historiques")
    target = store.client().create_run(experiment).info.run_id

    def scene(shape: Shape, number: int) -> Scene:
        run = fill(store, experiment, shape, seed=number).run_ids[0]
        return Scene(store.tracking_uri, experiment, (run,), run, experiment, target)

    long = {size: scene(Shape(runs=1, points=size), size) for size in sizes_up_to(points)}
    crowd = {
        keys * POINTS_PER_RUN: scene(Shape(1, keys, POINTS_PER_RUN), points + keys)
        for keys in CROWD
    }
    rows = []
    for size, one in long.items():
        rows += worker.times(store, one, size, watch, seed, ("get_metric_history",), "histories")
    rows += worker.compare(store, long, "get_run", "get_run_history", watch)
    rows += worker.compare(store, crowd, "get_metric_history", "get_metric_history_crowd", watch)
    return crowd, rows


def _without_index(
    store: Store, crowd: Mapping[int, Scene], worker: _Capped, watch: Watch
) -> list[dict[str, Any]]:
    """``get_metric_history_crowd`` once more without the index that is said to be its cause."""
    engine = store.engine()
    named = [
        index["name"]
        for index in inspect(engine).get_indexes("metrics")
        if index["column_names"][:2] == ["run_uuid", "key"]
    ]
    with engine.begin() as connection:
        for name in named:
            on = " ON metrics" if engine.dialect.name == "mysql" else ""
            connection.exec_driver_sql(f"DROP INDEX {name}{on}")
    engine.dispose()
    if not named:
        return []
    worker.reconnect()
    label = "get_metric_history_crowd_sans_index"
    return worker.compare(store, crowd, "get_metric_history", label, watch)


def _remedy(
    store: Store, scene: Scene, worker: _Capped, size: int, watch: Watch, seed: int
) -> list[dict[str, Any]]:
    """The sorted search again once SQLite has statistics (``ANALYZE``, never run by MLflow)."""
    engine = store.engine()
    with engine.begin() as connection:
        connection.exec_driver_sql("ANALYZE")
    engine.dispose()
    worker.reconnect()
    rows = worker.times(store, scene, size, watch, seed, ("search_order",), "analyze")
    return [row | {"operation": "search_order_analyze"} for row in rows]


# --- causes ---------------------------------------------------------------------------


def explain(store: Store, scene: Scene, size: int) -> list[dict[str, Any]]:
    """The plans that the database makes for the statements of the searching operations.

    Statements are caught from a client of this process as MLflow issues them
    (``before_cursor_execute``), not run (a sorted search of 10⁵ runs takes minutes), and
    given to ``EXPLAIN`` with their parameters.
    """
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    client = _client(store.tracking_uri)
    engine = SqlAlchemyStore._engine_map[store.tracking_uri]
    prefix = "EXPLAIN QUERY PLAN " if engine.dialect.name == "sqlite" else "EXPLAIN "
    rows = []
    for name in ("get_run", "search_page", "search_last", "search_order", "search_filter"):
        caught = _first_statement(engine, OPERATIONS[name].prepare(client, scene, 1), "FROM runs")
        if caught is None:
            continue
        statement, values = caught
        with engine.connect() as connection:
            found = connection.exec_driver_sql(prefix + statement, values).all()
        lines = [_step(engine.dialect.name, tuple(row)) for row in found]
        rows.append(
            {"magasin": store.name, "operation": name, "taille": size, "plan": "\n".join(lines)}
        )
    return rows


class _NotRun(BaseException):
    """Stops a call at the statement that was wanted; no ``Exception``, which MLflow would wrap."""


def _first_statement(engine: Any, call: Callable[[], Any], wanted: str) -> tuple[str, Any] | None:
    """(SQL, parameters) of the first statement of ``call`` that holds ``wanted``, not run."""
    from sqlalchemy import event

    caught: list[tuple[str, Any]] = []

    def catch(_c: Any, _cur: Any, statement: str, values: Any, *_: Any) -> None:
        if wanted in statement:
            caught.append((statement, values))
            raise _NotRun

    event.listen(engine, "before_cursor_execute", catch)
    try:
        call()
    except _NotRun:
        return caught[0]
    finally:
        event.remove(engine, "before_cursor_execute", catch)
    return None


def _step(dialect: str, row: tuple[Any, ...]) -> str:
    """One step of a plan, as the database words it."""
    if dialect == "sqlite":
        return str(row[-1])
    if dialect == "postgresql":
        return str(row[0])
    _, _, table, access, _, key, _, _, rows, extra = row
    return f"{table}: {access}, key {key}, {rows} rows, {extra}"
