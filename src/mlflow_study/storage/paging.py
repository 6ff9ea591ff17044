"""Reading every run page by page: are they all there, once each, whatever happens meanwhile?

The expected set is what was filled in (``bulk.fill``), known without asking MLflow.
"""

from __future__ import annotations

from typing import Any

from mlflow_study.bulk import Shape, fill, fill_by_api
from mlflow_study.stores import Store

Row = dict[str, Any]

CAP = 50_000

TIES = ["params.absent ASC"]
"""An ``order_by`` by a parameter that no run has: every run is a tie."""


def walk(
    client: Any, experiment: str, page: int, order: list[str], between: Any = None
) -> list[str]:
    """Run ids, page after page; ``between`` is called once, after the first page."""
    found: list[str] = []
    token = None
    while True:
        runs = client.search_runs([experiment], max_results=page, order_by=order, page_token=token)
        found += [run.info.run_id for run in runs]
        token = runs.token
        if not token:
            return found
        if between is not None:
            between()
            between = None


def observe(store: Store, runs: int, seed: int) -> list[Row]:
    """One row per trial: ``attendus``, ``lus``, ``manquants``, ``doublons``.

    ``runs`` runs stay still; another experiment, of a tenth of them, changes while it is read.
    """
    client = store.client()
    rows: list[Row] = []

    def note(trial: str, detail: str, found: list[str], wanted: set[str]) -> None:
        rows.append(
            {
                "backend": store.name,
                "essai": trial,
                "detail": detail,
                "attendus": len(wanted),
                "lus": len(found),
                "manquants": len(wanted - set(found)),
                "doublons": len(found) - len(set(found)),
            }
        )

    still, expected = _filled(store, runs, seed)
    small = max(7, runs // 4)
    detail = f"dans l’ordre par défaut, pages de {small}"
    note("complète", detail, walk(client, still, small, []), expected)
    first = client.search_runs([still])
    note("défaut", "une page sans max_results", [r.info.run_id for r in first], expected)
    cap = _cap(client, still)
    rows.append(
        {"backend": store.name, "essai": "plafond", "detail": "plus grand max_results accepté",
         "attendus": CAP, "lus": cap, "manquants": 0, "doublons": 0}
    )  # fmt: skip

    moving, expected = _filled(store, max(20, runs // 10), seed + 1)
    page = len(expected) // 4
    note("complète", f"tous ex æquo, pages de {page}", walk(client, moving, page, TIES), expected)
    insert = lambda: client.create_run(moving)  # noqa: E731
    found = walk(client, moving, page, [], insert)
    note("ajout", "un run créé après la première page", found, expected)
    expected = set(walk(client, moving, page, []))
    victim = walk(client, moving, page, [])[0]
    found = walk(client, moving, page, [], lambda: client.delete_run(victim))
    note("retrait", "un run déjà lu, supprimé après la première page", found, expected - {victim})
    return rows


def _filled(store: Store, runs: int, seed: int) -> tuple[str, set[str]]:
    """A new experiment of ``runs`` runs, and their ids as they were written."""
    experiment = store.create_experiment("pages")
    shape = Shape(runs, metrics=1, params=1)
    if store.foreign:
        return experiment, set(fill_by_api(store, experiment, shape, seed=seed))
    return experiment, set(fill(store, experiment, shape, seed=seed).run_ids)


def _cap(client: Any, experiment: str) -> int:
    """The greatest ``max_results`` that is accepted, among the announced one and the next."""
    from mlflow.exceptions import MlflowException

    accepted = 0
    for wanted in (CAP, CAP + 1):
        try:
            client.search_runs(
                [experiment], max_results=wanted, filter_string="params.absent = '1'"
            )
        except MlflowException:
            return accepted
        accepted = wanted
    return accepted
