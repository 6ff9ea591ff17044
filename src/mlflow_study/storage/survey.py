"""One round of the stores: what lies where, limits, paging, deletion.

Opening a store costs seconds (a server, a cluster); every observation that wants a fresh one
is therefore made in the same round, the inventory first, while the store is clean.  The
rounds go on side by side, each in a process of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pandas as pd

from mlflow_study.nursery import changed_environment
from mlflow_study.scratch import memory_folder
from mlflow_study.storage import deletion, inventory, limits, paging
from mlflow_study.storage.forks import side_by_side
from mlflow_study.storage.rich_experiment import Rich, record, trace_copies
from mlflow_study.stores import Store, StoreName, open_store, unavailable

Row = dict[str, Any]

INVENTORY_ONLY: frozenset[str] = frozenset({"http+postgresql"})
"""Servers whose two halves (HTTP, this database) are each tried elsewhere in the round."""
WITHOUT_SCHEMA: frozenset[str] = frozenset({"file", "uri"})
"""Stores in whose database we cannot look."""
SCHEMA = ("colonnes", "liens")
FILE_RUNS = 60
"""Runs to page through on a file store, which needs some 10 ms for each."""
FOREIGN_RUNS = 40
"""Runs to page through on a server that is not ours."""


def tour(
    backends: tuple[StoreName, ...], runs: int, traces: int, seed: int
) -> dict[str, pd.DataFrame]:
    """Go round the stores.  Parts:

    - ``lieux``: kind of datum × place (``inventory.search``); ``refus``: kinds refused;
    - ``tables``, ``fichiers``: rows and bytes, file by file;
    - ``colonnes``, ``liens``: the real schema, read from the first SQL store;
    - ``traces``: traces recorded, and those whose spans lie twice;
    - ``limites``, ``pages``, ``etapes``, ``restes``, ``place``: see those modules;
    - ``absents``: stores that cannot be opened here, and why;
    - ``laisses``: experiments left soft-deleted on a server that is not ours.
    """
    import mlflow.cli  # noqa: F401  (``mlflow gc``, for all rounds: once, before the forks)

    absent = {name: unavailable(name) for name in backends}
    present = [name for name, why in absent.items() if not why]
    databases = [name for name in present if name not in WITHOUT_SCHEMA]
    present.sort(key=lambda name: not name.startswith("http"))  # the longest rounds first
    rounds = side_by_side(
        [partial(_round, name, runs, traces, seed, name in databases[:1]) for name in present]
    )
    found = dict(zip(present, rounds, strict=True))
    parts = {
        part: [row for name in absent if name in found for row in found[name][part]]
        for part in (*_COLUMNS, *SCHEMA)
    }
    parts["absents"] = [{"backend": b, "motif": why} for b, why in absent.items() if why]
    return {
        name: pd.DataFrame(rows, columns=_columns(name, rows) if name in _COLUMNS else None)
        for name, rows in parts.items()
    }


def _round(
    name: StoreName, runs: int, traces: int, seed: int, schema: bool
) -> dict[str, list[Row]]:
    """All that is seen of one store: rows of each part; those of the schema where asked."""
    parts: dict[str, list[Row]] = {part: [] for part in (*_COLUMNS, *SCHEMA)}
    # Nothing is timed here; but the blocks of a file store are those of a disk.
    root = None if name == "file" else memory_folder()
    with _patience(), open_store(name, root) as store:
        rich = None
        if not store.foreign:
            rich = _inventory(store, parts, traces, seed)
        if schema:
            parts |= inventory.schema(store)
        if name in INVENTORY_ONLY:
            return parts
        parts["limites"] += limits.probe(store)
        parts["pages"] += paging.observe(store, _runs(store, runs), seed)
        if rich is not None:
            for part, rows in deletion.observe(store, rich, seed).items():
                parts[part] += rows
        if store.foreign:
            parts["laisses"] += [{"magasin": name, "experience": e} for e in store.created]
    return parts


def _runs(store: Store, wanted: int) -> int:
    """How many runs to read page by page: few where each costs a file, or belongs to others."""
    if store.foreign:
        return min(wanted, FOREIGN_RUNS)
    return FILE_RUNS if store.files else wanted


_COLUMNS: dict[str, tuple[str, ...]] = {
    "lieux": ("backend", "genre", "nature", "lieu", "nom", "fois"),
    "refus": ("backend", "genre", "message"),
    "tables": ("backend", "table", "lignes", "octets", "octets_index"),
    "fichiers": ("backend", "cote", "fichier", "octets"),
    "traces": ("backend", "traces", "doubles"),
    "limites": ("backend", "limite", "libelle", "unite", "annoncee", "trouvee", "bornee", "au_dela"),
    "pages": ("backend", "essai", "detail", "attendus", "lus", "manquants", "doublons"),
    "etapes": ("backend", "etape", "lisible", "liste", "complet", "appreciations", "cycle", "code"),
    "restes": ("backend", "genre", "nature", "lieu", "nom", "fois", "modele_lisible"),
    "place": ("backend", "moment", "octets", "libres", "lignes", "code_gc", "runs", "runs_restants"),
    "colonnes": ("table", "colonne", "type", "cle", "nulle"),
    "liens": ("table", "colonnes", "vers", "vers_colonnes"),
    "absents": ("backend", "motif"),
    "laisses": ("magasin", "experience"),
}  # fmt: skip
"""Part → columns that it has even when nothing was observed."""


def _columns(name: str, rows: Iterable[Row]) -> list[str]:
    seen = dict.fromkeys(_COLUMNS[name])
    for row in rows:
        seen |= dict.fromkeys(row)
    return list(seen)


def _inventory(store: Any, parts: dict[str, list[Row]], traces: int, seed: int) -> Rich:
    rich = record(store, seed, traces)
    if store.database_url is not None:
        parts["tables"] += inventory.tables(store)
    parts["fichiers"] += inventory.files(store, inventory.role_names(rich))
    parts["lieux"] += inventory.places(store, rich)
    parts["refus"] += [
        {"backend": store.name, "genre": kind, "message": message[:200]}
        for kind, message in rich.refused.items()
    ]
    copies = trace_copies(store)
    parts["traces"].append({"backend": store.name, "traces": traces + 1, "doubles": copies})
    return rich


@contextmanager
def _patience() -> Iterator[None]:
    """No retries meanwhile: an error of the server is an answer here, not an accident."""
    with changed_environment({"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}):
        yield
