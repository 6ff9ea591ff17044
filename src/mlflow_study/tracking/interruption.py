"""Ctrl-C in the middle of a write: what stays locked, what is kept, can the run still be ended?

CPython raises KeyboardInterrupt between two instructions of Python code, first of all where a
function begins.  A write is interrupted in two ways:

- ``appel``: at the start of its k-th function call (``sys.setprofile``), k in equal slices of
  all the calls that the write makes: the same moments at each run;
- ``signal``: by a real signal at a random instant of the write (``setitimer``, whose handler
  raises KeyboardInterrupt as that of SIGINT does): the share of time that is vulnerable.

While the exception is alive, as in ``with mlflow.start_run()`` or in a notebook (which keeps
the last traceback), a second connection asks for the lock that a write needs and waits for
nothing, then the same process ends its run.  MLflow would wait 20 s for a lock of SQLite:
the wait is cut to ``PATIENCE_S``; the write that is interrupted runs unaltered.

Columns: ``magasin, ecriture, maniere``; ``recue``, the exception that reached the caller
(«avalée» if none did); ``verrou``, the database refuses a second writer (SQLite) or keeps a
transaction open (PostgreSQL) while the exception is alive, ``verrou_apres`` once it is let
go; ``refus``, why the run could not be ended ("" where it was); ``statut`` of that run
(«illisible» where the experiment can no longer be listed) and ``lecture``, why a first or a
second reading failed; ``garde`` of ``attendus`` items stored by the interrupted write.
"""

from __future__ import annotations

import gc
import logging
import random
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import product
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from mlflow_study.scratch import memory_folder
from mlflow_study.stores import Store, StoreName, open_store
from mlflow_study.tracking.workers import QUICK_BYTES

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from sqlalchemy import Engine

PATIENCE_S = 0.05
"""How long the end of a run waits for a lock here; MLflow waits 20 s."""
REHEARSALS = 2
Row = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """Where one trial writes: a run of an experiment of its own."""

    client: MlflowClient
    experiment: str
    run: str


def _batch(place: Place) -> None:
    from mlflow.entities import Metric, Param, RunTag

    metrics = [Metric(f"m{i}", 1.0, 1, 1) for i in range(5)]
    params, tags = [Param(f"p{i}", "1") for i in range(5)], [RunTag(f"t{i}", "1") for i in range(5)]
    place.client.log_batch(place.run, metrics, params, tags)


WRITES: dict[str, tuple[int, Callable[[Place], Any]]] = {
    "log_metric": (1, lambda at: at.client.log_metric(at.run, "m", 1.0)),
    "log_param": (1, lambda at: at.client.log_param(at.run, "p", 1)),
    "set_tag": (1, lambda at: at.client.set_tag(at.run, "t", 1)),
    "log_batch": (15, _batch),
    "create_run": (1, lambda at: at.client.create_run(at.experiment)),
    "set_terminated": (0, lambda at: at.client.set_terminated(at.run)),
}
"""Everyday writes, and the number of items that each stores (the end of a run: only a status)."""


def _found(write: str, place: Place) -> tuple[str, int]:
    """Status of the run, and how many items of the interrupted write the store holds."""
    runs = {run.info.run_id: run for run in place.client.search_runs([place.experiment])}
    run = runs[place.run]
    if write == "create_run":
        return run.info.status, len(runs) - 1
    keys = (*run.data.metrics, *run.data.params, *run.data.tags)
    return run.info.status, sum("." not in key for key in keys)


class Blow:
    """An interruption that is raised once, and only while the write is under way."""

    def __init__(self) -> None:
        self.under_way = self.fired = False

    def __call__(self, *_: Any) -> None:
        if self.under_way:
            self.under_way, self.fired = False, True
            raise KeyboardInterrupt

    def strike(self, write: Callable[[], Any]) -> BaseException | None:
        """Do the write; returns what it raised."""
        try:
            self.under_way = True
            write()
            self.under_way = False
        except BaseException as error:
            self.under_way = False
            return error
        return None


def at_call(number: int, blow: Blow, write: Callable[[], Any]) -> tuple[BaseException | None, int]:
    """Interrupt the write as its ``number``-th function call begins; (exception, calls seen)."""
    seen = 0

    def watch(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal seen
        if event == "call" and blow.under_way:
            seen += 1
            if seen == number:
                blow()

    def watched() -> None:
        sys.setprofile(watch)
        try:
            write()
        finally:
            sys.setprofile(None)

    return blow.strike(watched), seen


def at_instant(delay_s: float, blow: Blow, write: Callable[[], Any]) -> BaseException | None:
    """Interrupt the write by a real signal after a delay; main thread only."""
    before = signal.signal(signal.SIGALRM, blow)
    try:
        signal.setitimer(signal.ITIMER_REAL, delay_s)
        return blow.strike(write)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Observer:
    """A second connection to the database of a store, which waits for nothing."""

    def __init__(self, store: Store) -> None:
        self.engine: Engine | None = None if store.database_url is None else store.engine()

    def locked(self) -> bool:
        """Is a writer kept out (SQLite), a transaction left open (PostgreSQL)?  False on files."""
        from sqlalchemy import text

        if self.engine is None:
            return False
        if self.engine.dialect.name == "sqlite":
            return locked_out(str(self.engine.url.database))
        with self.engine.connect() as connection:
            idle = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'"
            return int(connection.execute(text(idle)).scalar_one()) > 0


def locked_out(database: str) -> bool:
    """Would a writer be refused by this SQLite file, were it to commit now?"""
    connection = sqlite3.connect(database, timeout=0, isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError:
        return True
    finally:
        connection.close()
    return False


@contextmanager
def hushed() -> Iterator[None]:
    """No word on the screen of the interruptions that destructors and pools swallow."""
    logger, hook = logging.getLogger("sqlalchemy.pool"), sys.unraisablehook
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    sys.unraisablehook = lambda _: None
    try:
        yield
    finally:
        logger.setLevel(level)
        sys.unraisablehook = hook


@contextmanager
def short_patience() -> Iterator[None]:
    """MLflow's wait for a lock of SQLite cut to ``PATIENCE_S``, for what is done in the block."""
    from sqlalchemy import Engine, event

    def shorten(_c: Any, _u: Any, statement: str, parameters: Any, *_: Any) -> tuple[str, Any]:
        if statement.startswith("PRAGMA busy_timeout"):
            statement = f"PRAGMA busy_timeout = {int(1000 * PATIENCE_S)}"
        return statement, parameters

    event.listen(Engine, "before_cursor_execute", shorten, retval=True)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", shorten)


def _address(store: Store) -> str:
    """The store's URI; on PostgreSQL, with the same short wait for locks."""
    if store.name != "postgresql":
        return store.tracking_uri
    from sqlalchemy import make_url

    wait = {"options": f"-c lock_timeout={int(1000 * PATIENCE_S)}"}
    return make_url(store.tracking_uri).update_query_dict(wait).render_as_string(False)


def _aftermath(
    write: str, place: Place, observer: Observer, error: list[BaseException | None]
) -> Row:
    """What a second connection sees, and whether the run can be ended, while ``error`` lives."""
    refusal = unread = ""
    locked = observer.locked()
    try:
        with short_patience():
            place.client.set_terminated(place.run, "FAILED")
    except Exception as caught:  # the refusal that is looked for
        refusal = _first_line(caught)
    error.clear()
    gc.collect()
    after = observer.locked()
    for _ in range(2):  # a connection left in a bad state fails once
        try:
            status, kept = _found(write, place)
            break
        except Exception as caught:  # the experiment is harmed
            status, kept, unread = "illisible", 0, _first_line(caught)
    seen = {"verrou": locked, "refus": refusal, "verrou_apres": after}
    return {**seen, "statut": status, "lecture": unread, "garde": kept}


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0][:200]


def _places(store: Store) -> Iterator[Place]:
    """Runs in experiments of their own; on files, which MLflow lists to find any, in own folders."""
    from mlflow import MlflowClient

    client = MlflowClient(_address(store))
    while True:
        if store.files is not None:
            client = MlflowClient(Path(tempfile.mkdtemp(dir=store.files.parent)).as_uri())
            experiment = client.create_experiment("interruption")
        else:
            experiment = store.create_experiment("interruption")
        yield Place(client, experiment, client.create_run(experiment).info.run_id)


def interrupted(store: Store, moments: int, seed: int) -> pd.DataFrame:
    """``moments`` interruptions of each write in each way, in the present process.

    A database that stays locked ends the series: n says how many trials were made.
    """
    with hushed():
        return pd.DataFrame(_interrupted(store, moments, seed))


def _interrupted(store: Store, moments: int, seed: int) -> Iterator[Row]:
    places, observer = _places(store), Observer(store)
    for write, (expected, do) in WRITES.items():
        rng = random.Random(f"{seed}{store.name}{write}")
        calls, lasts = 0, inf
        for _ in range(REHEARSALS):
            _, calls = at_call(0, Blow(), partial(do, next(places)))
            at, began = next(places), time.perf_counter()
            do(at)
            lasts = min(lasts, time.perf_counter() - began)
        for way, trial in product(("appel", "signal"), range(moments)):
            if observer.locked():
                break
            part, at, blow = (trial + rng.random()) / moments, next(places), Blow()
            if way == "appel":
                error = [at_call(1 + int(part * calls), blow, partial(do, at))[0]]
            else:
                error = [at_instant(part * lasts, blow, partial(do, at))]
            if blow.fired:  # else the write ended before its time
                what = {"magasin": store.name, "ecriture": write, "maniere": way, "moment": part}
                received = type(error[0]).__name__ if error[0] else "avalée"
                after = _aftermath(write, at, observer, error)
                yield {**what, "recue": received, **after, "attendus": expected}


def interrupted_alone(backend: StoreName, moments: int, seed: int) -> pd.DataFrame:
    """``interrupted`` on a store of its own: others' transactions would be taken for locks."""
    with open_store(backend, memory_folder(QUICK_BYTES)) as store:
        return interrupted(store, moments, seed)
