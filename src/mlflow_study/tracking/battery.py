"""The two batteries of the chapter: what becomes of values, and what becomes of them under faults.

Experiments of one battery share their open stores and run side by side, one process per
job, longest first.
"""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from mlflow_study.stores import StoreName, open_stores
from mlflow_study.tracking import faults, server_faults, ui
from mlflow_study.tracking.atomicity import atomicity
from mlflow_study.tracking.autologging import autologging, metrics_afterwards
from mlflow_study.tracking.completeness import completeness
from mlflow_study.tracking.filters import filters as try_filters
from mlflow_study.tracking.generators import sample
from mlflow_study.tracking.hunt import hunt
from mlflow_study.tracking.roundtrip import roundtrip
from mlflow_study.tracking.semantics import semantics, types
from mlflow_study.tracking.workers import Job, Table, portable, quick_folder, run_jobs
from mlflow_study.tracking.writers import zygote

LENGTHY = ("http+postgresql", "http+sqlite", "uri", "postgresql", "mariadb", "sqlite", "file")
"""Backends, the slowest to exercise first."""
FOREIGN_CASES = 192
"""Most cases sampled on a server that is not ours: a case costs up to ten writes."""


def values(
    cases: dict[str, int],
    trials: int,
    facets: list[str],
    examples: int,
    sizes: list[int],
    pages: int,
    runs: int,
    filters: int,
    orders: int,
    batches: list[int],
    studied: list[StoreName],
    page: bool,
    points: int,
    seed: int,
) -> dict[str, Table]:
    """Every experiment on values: ``cases`` gives the backends and their sampled cases.

    Tables: ``aller_retour`` on all backends; ``sens, completude, recherche, lots`` on
    those of ``studied``, opened directly; ``chasse`` on files and SQLite; ``types,
    autolog, apres`` on SQLite; ``page`` (``ui.COLUMNS``) on a server, one row
    «non éprouvée» where none or no browser is at hand.  On a foreign server only the
    round trip writes.
    """
    served = next((name for name in cases if name.startswith("http+")), None)
    reason = ui.missing() if page else "le paramètre « page » est à false"
    if served is None and reason is None:
        reason = "aucun magasin derrière un serveur n’est demandé"
    ordered = [name for name in LENGTHY if name in cases]
    cases = {name: min(n, FOREIGN_CASES) if name == "uri" else n for name, n in cases.items()}
    with open_stores(ordered, quick_folder()) as opened:
        stores = {name: portable(store) for name, store in opened.items()}
        direct = [store for name, store in stores.items() if name in studied]
        jobs = [
            Job("aller_retour", roundtrip, (store, sample(cases[name], seed)))
            for name, store in stores.items()
        ]
        if served is not None and reason is None:
            jobs.append(Job("page", ui.look, (stores[served], points)))
        if "sqlite" in stores:
            jobs.append(Job("autolog", autologging, (stores["sqlite"],)))
        for store in direct:
            jobs.append(Job("completude", completeness, (store, sizes, pages, seed)))
            jobs.append(Job("recherche", try_filters, (store, runs, filters, orders, seed)))
            jobs.append(Job("sens", semantics, (store, trials, seed)))
            jobs.append(Job("lots", atomicity, (store, batches)))
        for name in ("sqlite", "file"):
            if name in stores:
                jobs.append(Job("chasse", hunt, (stores[name], facets, examples)))
        if "sqlite" in stores:
            jobs.append(Job("types", types, (stores["sqlite"],)))
            jobs.append(Job("apres", metrics_afterwards, (stores["sqlite"],)))
        tables = run_jobs(jobs)
    return tables if reason is None else {**tables, "page": ui.not_looked(reason)}


def integrity(
    backends: list[StoreName],
    servers: list[StoreName],
    trials: int,
    replies: int,
    writers: int,
    database_kills: int,
    server_kills: int,
    seed: int,
) -> Table:
    """Every fault; columns ``faults.COLUMNS``.  See ``faults`` and ``server_faults``."""
    arguments = (backends, servers, trials, replies, writers, database_kills, server_kills, seed)
    return run_jobs([Job("", _strike, arguments)])[""]


def _strike(
    backends: list[StoreName],
    servers: list[StoreName],
    trials: int,
    replies: int,
    writers: int,
    database_kills: int,
    server_kills: int,
    seed: int,
) -> Table:
    """All faults, from one process and one server of writers: threads wait, writers work."""
    os.environ.pop("MLFLOW_HTTP_REQUEST_MAX_RETRIES", None)
    with (
        tempfile.TemporaryDirectory() as folder,
        zygote(Path(folder)) as pool,
        open_stores(backends) as stores,
        ThreadPoolExecutor(len(backends) + len(servers) + 1) as threads,
    ):
        futures = [
            threads.submit(server_faults.server_faults, name, pool, replies, server_kills, seed)
            for name in servers
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
