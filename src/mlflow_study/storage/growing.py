"""Stores that grow side by side, each filled by a worker of its own, under one limit on disk.

Nothing is timed here: the bytes are asked of each store once all have reached a size.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mlflow_study.bulk import Filled, Shape, fill
from mlflow_study.storage.sizes import Sizes, file_sizes, table_sizes
from mlflow_study.storage.worker import Worker
from mlflow_study.stores import Store

DISK_BYTES = 2 * 10**9
"""Most bytes on disk at a time, all stores together (the issue's limit)."""
FILL_S = 1800.0
"""A fill, or the deletion of a store's files, that takes longer is given up."""

Step = tuple[int, int]
"""(size now, size wanted), in what a series counts."""


@dataclass
class Series:
    """One series of growing sizes: ``run`` is repeated, and counts for ``per_run`` each."""

    name: str
    run: Shape
    per_run: int
    experiments: Mapping[str, str]
    """Store → the experiment that grows."""


@dataclass
class Garden:
    """The stores, what they take, and the account of what was filled or refused.

    ``fills``: store, rows, seconds of each fill.  ``stops``: store, series, size, reason.
    """

    stores: Mapping[str, Store]
    workers: Mapping[str, Worker]
    fills: list[dict[str, Any]] = field(default_factory=list)
    stops: list[dict[str, Any]] = field(default_factory=list)
    taken: dict[tuple[str, str], int] = field(default_factory=dict)
    """(store, series) → bytes on disk when last measured."""
    leaving: list[str] = field(default_factory=list)
    """Stores whose files are being deleted."""

    def grow(self, series: Series, steps: Mapping[str, Step], seed: int) -> dict[str, list[str]]:
        """Store → ids of its new runs; a store for which the disk has no room is left out."""
        wanted = self._with_room(series, steps)
        for name, (before, size) in wanted.items():
            shape = replace(series.run, runs=(size - before) // series.per_run)
            first = before // series.per_run
            experiment = series.experiments[name]
            self.workers[name].order(_fill, self.stores[name].apart(), experiment, shape, seed, first)  # fmt: skip
        grown = {}
        for name in wanted:
            filled: Filled = self.workers[name].answer(FILL_S)
            self.account(name, filled)
            grown[name] = filled.run_ids
        return grown

    def account(self, name: str, filled: Filled) -> None:
        """Note how fast a fill went."""
        rows = sum(filled.rows.values())
        self.fills.append({"magasin": name, "lignes": rows, "duree_s": filled.seconds})

    def octets(
        self, name: str, series: Series, counts: Mapping[str, int], empty: Sizes | None = None
    ) -> list[dict[str, Any]]:
        """Bytes of each table of ``counts`` now, above those of ``empty``; its rows are counted."""
        files = self.stores[name].files is not None
        sizes = self.sizes(name, series)
        rows: list[dict[str, Any]] = []
        for table in counts:
            if table not in sizes:
                continue
            base = (empty or {}).get(table, (0, 0))
            first, second = (now - then for now, then in zip(sizes[table], base, strict=True))
            rows.append(
                {
                    "magasin": name,
                    "serie": series.name,
                    "donnee": table,
                    "n": counts[table],
                    "lignes": first,
                    "index": 0 if files else second,
                    "total": first if files else first + second,
                    "blocs": second if files else 0,
                }
            )
        self.taken[name, series.name] = sum(row["blocs" if files else "total"] for row in rows)
        return rows

    def sizes(self, name: str, series: Series) -> Sizes:
        """Bytes of the store's tables, or of the files of the series' experiment."""
        store = self.stores[name]
        if store.files is not None:
            return file_sizes(store.files, series.experiments[name])
        return table_sizes(store)

    def discard(self, name: str) -> None:
        """Delete the files of a file store, in its worker: minutes may pass."""
        self.workers[name].order(shutil.rmtree, self.stores[name].files)
        self.leaving.append(name)

    def _with_room(self, series: Series, steps: Mapping[str, Step]) -> dict[str, Step]:
        """The steps that the disk allows; the others are noted in ``stops``."""
        allowed: dict[str, Step] = {}
        total = float(sum(self.taken.values()))
        for name, (before, size) in steps.items():
            more = self.taken.get((name, series.name), 0) * (size / before - 1) if before else 0
            if total + more > DISK_BYTES:
                total -= self._left()
            if total + more > DISK_BYTES:
                reason = f"le disque dépasserait {DISK_BYTES // 10**9} Go"
                self.stops.append({"magasin": name, "serie": series.name, "taille": size, "motif": reason})  # fmt: skip
            else:
                allowed[name] = (before, size)
                total += more
        return allowed

    def _left(self) -> int:
        """Wait for the deletions; returns the bytes given back."""
        back = 0
        for name in self.leaving:
            self.workers[name].answer(FILL_S)
            gone = [key for key in self.taken if key[0] == name]
            back += sum(self.taken.pop(key) for key in gone)
        self.leaving.clear()
        return back


def _fill(store: Store, experiment: str, shape: Shape, seed: int, first: int) -> Filled:
    """In a worker."""
    return fill(store, experiment, shape, seed=seed, first=first)
