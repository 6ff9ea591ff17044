"""One bad item among good ones in a batch: what is stored, what is told?

The bad item is of a declared sort, stands at each place (first, middle, last) of
batches of several sizes, some larger than one request can hold.  The client splits
these; a split batch cannot be atomic, and we count what is left behind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import pandas as pd

from mlflow_study.stores import Store
from mlflow_study.tracking.roundtrip import notices

if TYPE_CHECKING:
    from mlflow import MlflowClient

PLACES = {"au début": 0.0, "au milieu": 0.5, "à la fin": 1.0}
BAD: dict[str, dict[str, Any]] = {
    "métrique : nom refusé": {"kind": "metric", "key": "nom@refusé"},
    "métrique : pas de 2^63": {"kind": "metric", "step": 2**63},
    "paramètre : déjà écrit": {"kind": "param", "key": "ancien"},
    "paramètre : nom refusé": {"kind": "param", "key": "nom@refusé"},
    "paramètre : texte trop long": {"kind": "param", "value": "v" * 6001},
    "étiquette : nom trop long": {"kind": "tag", "key": "t" * 251},
    "étiquette : texte trop long": {"kind": "tag", "value": "v" * 8001},
    "étiquette : caractère nul": {"kind": "tag", "value": "a\x00b"},
}
LONG = ("paramètre : texte trop long", "étiquette : texte trop long")
"""What a store cuts: it tells its own process, which behind a server is not the user's."""


def _batch(size: int, bad: dict[str, Any], place: float) -> dict[str, list[Any]]:
    """``size`` metrics, 5 params and 5 tags, all good but one."""
    from mlflow.entities import Metric, Param, RunTag

    items: dict[str, list[Any]] = {
        "metric": [Metric(f"m{i}", 1.0, 1, 1) for i in range(size)],
        "param": [Param(f"p{i}", "1") for i in range(5)],
        "tag": [RunTag(f"t{i}", "1") for i in range(5)],
    }
    make: dict[str, Callable[[], Any]] = {
        "metric": lambda: Metric(bad.get("key", "mauvais"), 1.0, 1, bad.get("step", 1)),
        "param": lambda: Param(bad.get("key", "mauvais"), bad.get("value", "autre")),
        "tag": lambda: RunTag(bad.get("key", "mauvais"), bad.get("value", "1")),
    }
    chosen = items[bad["kind"]]
    chosen.insert(round(place * len(chosen)), make[bad["kind"]]())
    return items


def _bad_is_kept(client: MlflowClient, run: str, bad: dict[str, Any]) -> bool:
    """Is the bad item stored as it was given?  What one store refuses, another takes."""
    data, key = client.get_run(run).data, bad.get("key", "mauvais")
    if bad["kind"] == "metric":
        return key in data.metrics and any(
            point.step == bad.get("step", 1) for point in client.get_metric_history(run, key)
        )
    if bad["kind"] == "param":
        return bool(data.params.get(key) == bad.get("value", "autre"))
    return bool(data.tags.get(key) == bad.get("value", "1"))


def atomicity(store: Store, sizes: list[int], bad_items: Sequence[str] = tuple(BAD)) -> pd.DataFrame:  # fmt: skip
    """One row per (bad item, place, size): was the batch refused, what was kept?

    ``avis``: the call logged or warned something that its user can see.

    ``issue`` joins what was stored of the good items (rien, une partie, tout) and
    whether an error was raised; ``fautif_garde``: the bad item was stored as it was given,
    it was none for this store.
    """
    client = store.client()
    experiment = store.create_experiment("lots")
    rows = []
    for size, label, (where, place) in product(sizes, bad_items, PLACES.items()):
        bad = BAD[label]
        run = client.create_run(experiment).info.run_id
        client.log_param(run, "ancien", "valeur")
        items = _batch(size, bad, place)
        error = ""
        with notices() as told:
            try:
                client.log_batch(
                    run, metrics=items["metric"], params=items["param"], tags=items["tag"]
                )
            except Exception as caught:  # the refusal that we expect, or another
                error = f"{type(caught).__name__}: {caught}"[:200]
        data = client.get_run(run).data
        kept = {
            "metric": sum(key[0] == "m" and key[1:].isdigit() for key in data.metrics),
            "param": sum(key[0] == "p" and key[1:].isdigit() for key in data.params),
            "tag": sum(key[0] == "t" and key[1:].isdigit() for key in data.tags),
        }
        good, stored = size + 10, sum(kept.values())
        rows.append(
            {
                "magasin": store.name,
                "mauvais": label,
                "place": where,
                "taille": size,
                "refuse": bool(error),
                "gardes": stored,
                "bons": good,
                "avis": bool(told),
                "fautif_garde": _bad_is_kept(client, run, bad),
                "detail": f"{kept['metric']} métriques, {kept['param']} paramètres, {kept['tag']} étiquettes gardés",
                "erreur": error,
                "issue": ("rien" if stored == 0 else "une partie" if stored < good else "tout")
                + (" et une erreur" if error else " sans erreur"),
            }
        )
    return pd.DataFrame(rows)
