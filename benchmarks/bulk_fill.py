"""Rows per second of the bulk fill, on each store.

    .venv/bin/python benchmarks/bulk_fill.py [--runs 20000] [--repetitions 3]

Prints a table, then the same as JSON.  The best of the repetitions is the machine's
figure; the median says how quiet it was.  Target: 50 000 rows per second on SQL stores.
"""

from __future__ import annotations

import argparse
import json
import statistics

from mlflow_study.bulk import Shape, fill
from mlflow_study.stores import open_store, unavailable

STORES = ("file", "sqlite", "postgresql", "mariadb")


def measure(name: str, runs: int, repetitions: int) -> dict[str, object]:
    """One row of the table; a store that cannot run here is said so."""
    if reason := unavailable(name):
        return {"magasin": name, "motif": reason}
    rates = []
    shape = Shape(runs=runs, metrics=2, points=5, params=3, tags=1)
    with open_store(name) as store:
        for repetition in range(repetitions):
            filled = fill(store, store.create_experiment(), shape, seed=repetition)
            rates.append(filled.rows_per_second)
    return {
        "magasin": name,
        "lignes": shape.rows,
        "meilleur_lignes_par_s": round(max(rates)),
        "median_lignes_par_s": round(statistics.median(rates)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--repetitions", type=int, default=3)
    options = parser.parse_args()
    rows = [
        measure(name, options.runs if name != "file" else options.runs // 10, options.repetitions)
        for name in STORES
    ]
    for row in rows:
        print("  ".join(f"{key}={value}" for key, value in row.items()))
    print(json.dumps(rows, ensure_ascii=False))


if __name__ == "__main__":
    main()
