"""One scripted life per store, questioned, then exported as W3C PROV."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mlflow_study.scratch import memory_folder
from mlflow_study.stores import open_stores
from mlflow_study.traceability.launches import launcher
from mlflow_study.traceability.provenance import described, export_version
from mlflow_study.traceability.questions import QUESTIONS, Asker, default_uri, live

COLUMNS = {
    "questions": ["backend", "prov", "question", "texte", "note", "temps_s"],
    "formats": ["backend", "format", "octets", "relu"],
    "contraintes": ["backend", "contrainte"],
    "noeuds": ["backend", "id", "genre", "libelle"],
    "liens": ["backend", "de", "vers", "relation"],
    "manques": ["backend", "sorte", "texte"],
    "modele": ["backend", "lien", "trouve"],
}


def model_links(asker: Asker) -> dict[str, bool]:
    """Does the logged model behind version 2 lead to its run, metrics, parameters, data, code?

    The training script logs its metrics during the run and the model at its end, as
    tutorials do.  Data and code may be reached through the run.
    """
    version = asker.client.get_model_version(asker.model, "2")
    model = asker.client.get_logged_model(version.source.rpartition("/")[2])
    run = asker.client.get_run(model.source_run_id)
    return {
        "run": run.info.run_id == asker.runs["best"],
        "métriques": bool(model.metrics),
        "paramètres": bool(model.params),
        "données": bool(run.inputs.dataset_inputs),
        "code": "mlflow.source.git.commit" in run.data.tags,
    }


def interview(backends: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Play the life of ``questions`` on every store, ask, then export version 1.

    Tables: ``questions``, one row per backend and question, with its grade and the wall
    time of the answer (answers are not kept: they hold identifiers of the machine); and
    ``modele`` (lien, trouve), see ``model_links``, and those of ``provenance.described``.
    """
    tables: dict[str, list[dict[str, Any]]] = {key: [] for key in COLUMNS}
    memory = memory_folder()
    with (
        launcher(new=False) as pythons,
        open_stores(backends, memory) as stores,
        tempfile.TemporaryDirectory(
            prefix="etude-", dir=memory, ignore_cleanup_errors=True
        ) as folder,
    ):
        for backend, (asker, truth) in live(stores, pythons, Path(folder).resolve()).items():
            with default_uri(asker.uri):
                for question in QUESTIONS:
                    begun = time.perf_counter()
                    answer = question.resolve(asker)
                    elapsed = time.perf_counter() - begun
                    tables["questions"].append(
                        {
                            "backend": backend,
                            "prov": question.prov,
                            "question": question.id,
                            "texte": question.text,
                            "note": question.grade(answer, question.truth(truth)),
                            "temps_s": elapsed,
                        }
                    )
                export = export_version(asker, "1")
                links = model_links(asker)
            tables["modele"] += [
                {"backend": backend, "lien": link, "trouve": found} for link, found in links.items()
            ]
            for key, rows in described(export).items():
                tables[key] += [{"backend": backend, **row} for row in rows]
    return {key: pd.DataFrame(tables[key], columns=COLUMNS[key]) for key in COLUMNS}
