"""Time of each everyday operation on each store, and where our own time goes.

    .venv/bin/python benchmarks/operations.py [--tours 60] [--tours-lourds 6]

Runs the instruments of «Le temps d’accès» and «La capacité» as the chapter does, and
prints medians per operation and store, the seconds spent inside timed calls against the
whole, and the timer's own cost; then the same as JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import pandas as pd

from mlflow_study.storage.access import measure_access
from mlflow_study.storage.capacity import measure_capacity
from mlflow_study.storage.parameters import Stockage


def timed(call: Callable[[], dict[str, pd.DataFrame]]) -> tuple[dict[str, pd.DataFrame], float]:
    started = time.perf_counter()
    return call(), time.perf_counter() - started


def main() -> None:
    p = Stockage()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tours", type=int, default=p.tours)
    parser.add_argument("--tours-lourds", type=int, default=p.tours_lourds)
    options = parser.parse_args()
    access, access_s = timed(
        lambda: measure_access(
            backends=p.backends, rounds=options.tours, heavy_rounds=options.tours_lourds,
            writers=p.ecrivains, writing_s=p.duree_ecriture_s, cap_s=p.plafond_s, seed=p.graine,
        )
    )  # fmt: skip
    capacity, capacity_s = timed(
        lambda: measure_capacity(
            backends=p.backends, runs=p.runs_max, file_runs=p.runs_max_fichiers,
            points=p.points_max, history=p.historique_max, patience_s=p.patience_s,
            cap_s=p.plafond_s, seed=p.graine,
        )
    )  # fmt: skip
    calls = access["mesures"]
    medians = calls[~calls["chauffe"]].pivot_table(
        index=["sorte", "operation"], columns="magasin", values="wall_s", aggfunc="median"
    )
    print((1000 * medians).round(2).to_string(na_rep="-"))
    summary = {
        "acces_s": round(access_s, 1),
        "acces_dans_les_appels_s": round(float(calls["wall_s"].sum()), 1),
        "ecrivains_s": round(float(access["ecrivains"]["duree_s"].sum()), 1),
        "capacite_s": round(capacity_s, 1),
        "capacite_dans_les_appels_s": round(float(capacity["temps"]["wall_s"].sum()), 1),
        "remplissage_s": round(float(capacity["remplissage"]["duree_s"].sum()), 1),
        "chronometre_ns": round(1e9 * float(access["horloge"]["wall_s"].median())),
        "tours_occupes": round(float(calls[~calls["chauffe"]]["occupee"].mean()), 3),
        "medianes_ms": {
            f"{kind}.{operation}": {
                str(store): round(1000 * float(value), 3) for store, value in row.dropna().items()
            }
            for (kind, operation), row in medians.iterrows()
        },
    }
    print(json.dumps(summary, ensure_ascii=False))


if __name__ == "__main__":
    main()
