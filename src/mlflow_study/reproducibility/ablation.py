"""What each recorded item is worth: take it away from the record and reproduce.

The record is the careful one (``soin``) of a seeded program whose data lie outside Git,
less its redundancies: the whole command is kept apart from the parameters, so that a
parameter is carried once.
"""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd

from mlflow_study.population import Experiment, record_population
from mlflow_study.programs import SUBJECTS
from mlflow_study.reproducibility.ladder import Trial, conclude_all, reproduce_all
from mlflow_study.reproducibility.reproducer import ADDRESS, COMMIT, SOURCE, Helping
from mlflow_study.stores import open_store

_COMMAND = "etiquette:command"
_ADDRESSES = (f"etiquette:{ADDRESS}", "etiquette:git.url")


@dataclass(frozen=True)
class Ablation:
    """A French label and the items taken away."""

    label: str
    items: tuple[str, ...]


ABLATIONS: tuple[Ablation, ...] = (
    Ablation("rien (témoin)", (_COMMAND,)),
    Ablation("un hyperparamètre", (_COMMAND, "parametre:n_estimators")),
    Ablation("la graine", (_COMMAND, "parametre:seed")),
    Ablation("le commit", (_COMMAND, f"etiquette:{COMMIT}")),
    Ablation("l’adresse du dépôt, le code étant enregistré", (_COMMAND, *_ADDRESSES)),
    Ablation("le code enregistré, l’adresse et le commit l’étant", (_COMMAND, "artefact:code")),
    Ablation("le code et l’adresse du dépôt", (_COMMAND, "artefact:code", *_ADDRESSES)),
    Ablation("le nom du programme", (_COMMAND, f"etiquette:{SOURCE}")),
    Ablation("les données", (_COMMAND, "artefact:data")),
    Ablation("les versions (même environnement)", (_COMMAND, "artefact:environment")),
)


def measure_ablation(subjects: tuple[str, ...], repetitions: int) -> pd.DataFrame:
    """One row per subject and ablation: the rung that is left (see ``ladder``).

    ``subjects``: names of subjects of the population.
    """
    rows: list[dict[str, Any]] = []
    with (
        tempfile.TemporaryDirectory(prefix="mlflow-ablation-") as scratch,
        open_store("sqlite") as store,
    ):
        folder = Path(scratch)
        experiments = [Experiment(s, "soin") for s in SUBJECTS if s.name in subjects]
        recorded = record_population(experiments, store, folder)

        def reproduce(index: int) -> list[Trial]:
            return reproduce_all(
                recorded,
                store.tracking_uri,
                folder,
                Helping(),
                f"a{index}",
                ABLATIONS[index].items,
            )

        with ThreadPoolExecutor(2) as pool:
            trials = list(chain.from_iterable(pool.map(reproduce, range(len(ABLATIONS)))))
        conclude_all(trials, repetitions)
        for trial in trials:
            label = ABLATIONS[int(trial.mode[1:])].label
            rows.append({"retire": label, **trial.row()})
    return pd.DataFrame(rows)
