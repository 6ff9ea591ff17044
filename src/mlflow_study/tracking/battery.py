"""The battery of the chapter: what becomes of values, and what becomes of them under faults.

All experiments share their open stores and one server per ``http+…`` backend, and run
side by side, one process per job, longest first; a server is stopped and killed before
the other experiments use it, so that a client that waits for it holds up nobody.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd

from mlflow_study import nursery
from mlflow_study.scratch import memory_folder
from mlflow_study.stores import StoreName, open_stores
from mlflow_study.tracking import faults, server_faults, ui
from mlflow_study.tracking.addresses import addressed
from mlflow_study.tracking.atomicity import LONG, atomicity
from mlflow_study.tracking.autologging import autologging, metrics_afterwards
from mlflow_study.tracking.completeness import completeness
from mlflow_study.tracking.filters import filters as try_filters
from mlflow_study.tracking.generators import sample
from mlflow_study.tracking.hunt import hunt_alone
from mlflow_study.tracking.interruption import interrupted_alone
from mlflow_study.tracking.listings import listings
from mlflow_study.tracking.roundtrip import roundtrip
from mlflow_study.tracking.semantics import semantics, types
from mlflow_study.tracking.workers import (
    QUICK_BYTES,
    Job,
    Table,
    on_loan,
    run_jobs,
)
from mlflow_study.tracking.writers import zygote

LENGTHY: tuple[StoreName, ...] = (
    "http+postgresql",
    "http+sqlite",
    "uri",
    "postgresql",
    "mariadb",
    "sqlite",
    "file",
)
"""Backends, the slowest to exercise first."""
FOREIGN_CASES = 192
"""Most cases sampled on a server that is not ours: a case costs up to ten writes."""

LISTED = 100
"""Most objects of each sort that are listed: on files, creating one reads all the others."""


def battery(
    cases: dict[StoreName, int],
    trials: int,
    facets: list[str],
    examples: int,
    sizes: list[int],
    longest_on_sqlite: int,
    pages: int,
    runs: int,
    filters: int,
    orders: int,
    batches: list[int],
    studied: list[StoreName],
    page: bool,
    points: int,
    struck: list[StoreName],
    writer_trials: int,
    reply_trials: int,
    writers: int,
    database_kills: int,
    server_kills: int,
    interruptions: dict[StoreName, int],
    seed: int,
) -> dict[str, Table]:
    """Every experiment of the chapter: ``cases`` gives the backends and their sampled cases.

    ``longest_on_sqlite``: one more history, read back from SQLite alone (0: none).

    Tables: ``aller_retour`` on all backends; ``sens`` on all that are opened directly;
    ``completude, listes, recherche, lots`` on those of ``studied``; ``adresses`` on a store
    of each kind; ``chasse`` on files and SQLite; ``types, autolog, apres`` on SQLite;
    ``page`` (``ui.COLUMNS``) on a server, one row «non éprouvée» where none or no browser is at hand; ``pannes``
    (``faults.COLUMNS``): writers on ``struck``, every server but a foreign one.  On a
    foreign server only the round trip writes.  ``interruptions``: on each backend that it
    names, at so many moments of each write, in a store of its own.
    """
    nursery.warm_up()
    reason = ui.missing() if page else "le paramètre « navigateur » est à false"
    ordered = [name for name in LENGTHY if name in cases]
    served = [name for name in cases if name.startswith("http+")]
    if not served and reason is None:
        reason = "aucun magasin derrière un serveur n’est demandé"
    cases = {name: min(n, FOREIGN_CASES) if name == "uri" else n for name, n in cases.items()}
    with (
        open_stores(
            [name for name in ordered if name not in served], memory_folder(QUICK_BYTES)
        ) as opened,
        tempfile.TemporaryDirectory() as folder,
    ):
        stores = {name: store.apart() for name, store in opened.items()}
        direct = [store for name, store in stores.items() if name != "uri"]
        closely = [store for store in direct if store.name in studied]
        marks: dict[StoreName, list[Path]] = {name: [] for name in served}

        def loan(name: StoreName) -> Path:
            """Where ``strike`` lends the store of a server."""
            return Path(folder) / name

        def job(table: str, function: Callable[..., Table], name: StoreName, *given: Any) -> Job:
            """A job on a store, after the faults of its server if it has one."""
            if name in stores:
                return Job(table, function, (stores[name], *given))
            marks[name].append(Path(folder) / f"{name}-{len(marks[name])}")
            return Job(table, on_loan, (function, loan(name), *given), marks[name][-1], loan(name))

        jobs = [job("aller_retour", roundtrip, name, sample(cases[name], seed)) for name in ordered]
        if served and reason is None:
            jobs.insert(1, job("page", ui.look, served[0], points))
        jobs += [job("lots", atomicity, name, batches[:1], LONG) for name in served if studied]
        servers = [(name, loan(name), marks[name]) for name in served]
        striking = (struck, servers, writer_trials, reply_trials, writers, database_kills, server_kills, seed)  # fmt: skip
        jobs.insert(0, Job("pannes", strike, striking))
        hunted: tuple[StoreName, ...] = ("sqlite", "file")
        for name in hunted:
            if name in stores:
                jobs.append(Job("chasse", hunt_alone, (name, facets, examples)))
        if "sqlite" in stores:
            jobs.append(Job("autolog", autologging, (stores["sqlite"],)))
        jobs += [job("adresses", addressed, name) for name in _one_of_each_kind(ordered)]
        for store in closely:
            lengths = list(sizes)
            if store.name == "sqlite" and longest_on_sqlite:
                lengths.append(longest_on_sqlite)
            jobs.append(Job("completude", completeness, (store, lengths, pages, seed)))
            jobs.append(Job("listes", listings, (store, min(pages, LISTED))))
            jobs.append(Job("recherche", try_filters, (store, runs, filters, orders, seed)))
            jobs.append(Job("lots", atomicity, (store, batches)))
        for name, moments in interruptions.items():
            jobs.append(Job("interruptions", interrupted_alone, (name, moments, seed)))
        for store in direct:
            jobs.append(Job("sens", semantics, (store, trials, seed)))
        if "sqlite" in stores:
            jobs.append(Job("apres", metrics_afterwards, (stores["sqlite"],)))
            jobs.append(Job("types", types, (stores["sqlite"],)))
        tables = run_jobs(jobs)
    return tables if reason is None else {**tables, "page": ui.not_looked(reason)}


def _one_of_each_kind(names: Sequence[StoreName]) -> list[StoreName]:
    """A server, a database, files, where asked: a client has code of its own for each."""
    kinds: dict[str, StoreName] = {}
    for name in names:
        if name == "uri":
            continue
        kind = "serveur" if name.startswith("http+") else "fichiers" if name == "file" else "base"
        kinds[kind] = "sqlite" if kind == "base" and "sqlite" in names else kinds.get(kind, name)
    return list(kinds.values())


def strike(
    backends: Sequence[StoreName],
    servers: Sequence[tuple[StoreName, Path, Sequence[Path]]],
    trials: int,
    replies: int,
    writers: int,
    database_kills: int,
    server_kills: int,
    seed: int,
) -> Table:
    """Every fault; columns ``faults.COLUMNS``.  See ``faults`` and ``server_faults``.

    One process and one server of writers: threads wait, writers work.  ``servers``: name of
    the store, the file that lends it, and the marks of those to whom it is lent.
    """
    os.environ.pop("MLFLOW_HTTP_REQUEST_MAX_RETRIES", None)
    with (
        tempfile.TemporaryDirectory() as folder,
        zygote(Path(folder)) as pool,
        open_stores(backends) as stores,
        ThreadPoolExecutor(len(backends) + len(servers) + 1) as threads,
    ):
        futures = [
            threads.submit(
                server_faults.server_faults, name, loan, marks, pool, replies, server_kills, seed
            )
            for name, loan, marks in servers
        ]
        futures += [
            threads.submit(faults.writer_faults, store, pool, trials, writers, seed)
            for store in stores.values()
        ]
        rows = [
            row
            for trial in range(database_kills)
            for row in faults.database_killed(pool, trial, seed)
        ]
        for future in futures:
            rows = future.result() + rows
    return pd.DataFrame(rows, columns=list(faults.COLUMNS))
