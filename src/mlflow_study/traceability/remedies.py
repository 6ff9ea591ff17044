"""What a team must add to get the missing history, working and measured.

Three remedies, each tested: triggers in the database (``audit``), a convention of tags
for promotions (``promote``), a hook that records which code runs
(``payload/context_provider.py``, put to work by ``contexts.observe_contexts``).
"""

from __future__ import annotations

import getpass
import json
import random
import time
import uuid
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from mlflow_study.scratch import memory_folder
from mlflow_study.stores import Store, open_stores
from mlflow_study.traceability import audit

if TYPE_CHECKING:
    from mlflow import MlflowClient


def promote(client: MlflowClient, name: str, alias: str, version: str) -> None:
    """Move an alias and leave, in a tag of its own, who moved it, when and whereto."""
    at = time.time_ns()
    note = {"alias": alias, "version": version, "at": at // 1_000_000, "by": getpass.getuser()}
    client.set_registered_model_tag(name, f"promotion.{at}", json.dumps(note))
    client.set_registered_model_alias(name, alias, version)


def promotions(client: MlflowClient, name: str) -> list[dict[str, Any]]:
    """The history that ``promote`` left, oldest first."""
    tags = client.get_registered_model(name).tags
    return [json.loads(tags[key]) for key in sorted(tags) if key.startswith("promotion.")]


def measure_convention(
    backends: Sequence[str], moves: int, discipline: Sequence[float], seed: int
) -> pd.DataFrame:
    """Does the convention restore past aliases, and what if some forget it?

    For each share of moves made through ``promote`` (the others call MLflow directly),
    each past moment is asked for.  Columns: backend, discipline, note.
    """
    rows: list[dict[str, Any]] = []
    with open_stores(backends, memory_folder()) as stores:
        for backend, store in stores.items():
            for share in discipline:
                for note in _one_convention(store, moves, share, seed):
                    rows.append({"backend": backend, "discipline": share, "note": note})
    return pd.DataFrame(rows)


def _one_convention(store: Store, moves: int, share: float, seed: int) -> list[str]:
    rng, client = random.Random(seed), store.client()
    name = f"convention-{uuid.uuid4().hex[:8]}"
    client.create_registered_model(name)
    assert store.artifacts is not None
    experiment = store.create_experiment("convention")
    run = client.create_run(experiment)
    versions = [
        str(
            client.create_model_version(
                name, f"{run.info.artifact_uri}/{i}", run.info.run_id
            ).version
        )
        for i in range(3)
    ]
    truth: list[tuple[int, str]] = []
    for number in range(moves):
        version = rng.choice(versions)
        # evenly spread, so that the share holds exactly whatever the number of moves
        kept = int((number + 1) * share) > int(number * share)
        if kept:
            promote(client, name, "champion", version)
        else:
            client.set_registered_model_alias(name, "champion", version)
        truth.append((int(time.time() * 1000), version))
        time.sleep(0.003)
    history = promotions(client, name)
    notes = []
    for at, version in truth:
        told = [note["version"] for note in history if note["at"] <= at]
        notes.append("absente" if not told else "juste" if told[-1] == version else "fausse")
    return notes


def measure_audit_cost(backends: Sequence[str], repeats: int, seed: int) -> pd.DataFrame:
    """What the triggers cost: the same writes with and without them, interleaved.

    Columns: backend, operation, journal (bool), temps_s.
    """
    rng, rows = random.Random(seed), list[dict[str, Any]]()
    with open_stores(backends) as stores:
        for backend, store in stores.items():
            engine = store.engine()
            operations = _writes(store)
            for repeat in range(repeats + 1):
                for journal in rng.sample([True, False], 2):
                    (audit.install if journal else audit.remove)(engine)
                    for label, operation in operations.items():
                        operation()  # the connection learns the new schema outside the clock
                        begun = time.perf_counter()
                        operation()
                        elapsed = time.perf_counter() - begun
                        if repeat:
                            rows.append(
                                {
                                    "backend": backend,
                                    "operation": label,
                                    "journal": journal,
                                    "temps_s": elapsed,
                                }
                            )
            engine.dispose()
    return pd.DataFrame(rows)


def _writes(store: Store) -> dict[str, Callable[[], object]]:
    from mlflow.entities import Metric

    client = store.client()
    experiment = store.create_experiment("cout")
    run = client.create_run(experiment)
    name = f"cout-{uuid.uuid4().hex[:8]}"
    client.create_registered_model(name)
    client.create_model_version(name, f"{run.info.artifact_uri}/a", run.info.run_id)
    counter = iter(range(10**9))

    def batch() -> None:
        step = next(counter)
        points = [Metric(f"m{i}", 0.5, step, step) for i in range(100)]
        client.log_batch(run.info.run_id, metrics=points)

    return {
        "déplacer un alias": lambda: client.set_registered_model_alias(name, "champion", "1"),
        "réécrire une étiquette": lambda: client.set_tag(run.info.run_id, "t", str(next(counter))),
        "lot de 100 points": batch,
    }
