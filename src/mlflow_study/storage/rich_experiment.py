"""One rich experiment: every kind of datum that MLflow keeps, each with a marker of its own.

Markers are unique words (or numbers): searching a store for them tells where a datum lies,
how many times, and whether it lies anywhere at all (``inventory.py``).
"""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlflow_study.stores import Store

if TYPE_CHECKING:
    import pandas as pd

KINDS: dict[str, str] = {
    "experiment_name": "nom de l’expérience",
    "experiment_tag": "étiquette d’expérience",
    "run_name": "nom du run",
    "run_note": "description du run",
    "run_tag": "étiquette de run",
    "param": "paramètre",
    "metric_first": "métrique, premier point",
    "metric_last": "métrique, dernier point",
    "dataset_name": "jeu de données, nom",
    "dataset_source": "jeu de données, provenance",
    "dataset_schema": "jeu de données, nom de colonne",
    "dataset_context": "jeu de données, rôle",
    "dataset_value": "jeu de données, valeurs",
    "nested_run": "lien vers le run parent",
    "text": "artefact texte",
    "figure": "figure",
    "table": "tableau",
    "model_name": "modèle, nom",
    "model_param": "modèle, paramètre",
    "model_tag": "modèle, étiquette",
    "model_signature": "modèle, colonne de la signature",
    "model_example": "modèle, exemple d’entrée",
    "model_weight": "modèle, coefficients",
    "model_metric": "modèle, métrique liée",
    "registered_model": "modèle au registre, nom",
    "version_note": "version, description",
    "version_tag": "version, étiquette",
    "alias": "version, alias",
    "trace_tag": "trace, étiquette",
    "trace_request": "trace, entrée",
    "span_name": "segment (span), nom",
    "span_attribute": "segment (span), attribut",
    "feedback": "appréciation (feedback)",
    "prompt": "prompt, texte",
}
"""Kind of datum → its French label, in the order of the tables."""


@dataclass(frozen=True)
class Rich:
    """What was written: ids, the marker of each kind, and what could not be written."""

    experiment: str
    run: str
    child: str
    model_id: str
    registered: str
    trace: str
    markers: dict[str, str]
    refused: dict[str, str]
    """Kind → error, for what the store refuses to keep."""


def draw_markers(seed: int) -> dict[str, str]:
    """A word per kind, a distinctive number for the kinds that are numbers."""
    rng = random.Random(seed)
    words = {kind: "zq" + "".join(rng.choices("bcdfghjkmnprstvwxz", k=14)) for kind in KINDS}
    for kind in ("metric_first", "metric_last", "model_metric"):
        words[kind] = repr(round(rng.uniform(0.1, 0.9), 15))
    for kind in ("dataset_value", "model_example"):
        words[kind] = repr(round(rng.uniform(11, 14), 12))
    return words


@contextmanager
def silenced() -> Iterator[None]:
    """What MLflow prints and logs meanwhile, its background threads included, goes nowhere.

    A notebook's page is not the place for it; errors are raised as ever.
    """
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        yield


@contextmanager
def fluent(store: Store) -> Iterator[Any]:
    """MLflow's fluent API turned towards ``store`` and silenced, then back to where it was."""
    import mlflow

    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    mlflow.set_tracking_uri(store.tracking_uri)
    mlflow.set_registry_uri(store.tracking_uri)
    try:
        with silenced():
            yield mlflow
    finally:
        while mlflow.active_run():
            mlflow.end_run()
        mlflow.set_tracking_uri(before[0])
        mlflow.set_registry_uri(before[1])


def _wine(marker: str, planted: float) -> tuple[pd.DataFrame, Any]:
    """scikit-learn's wine data; one column is named, one value is set, by markers."""
    from sklearn.datasets import load_wine

    features, target = load_wine(return_X_y=True, as_frame=True)
    features = features.rename(columns={"alcohol": marker})
    features.loc[9, marker] = planted  # beyond the rows of the input example
    return features, target


def trace_copies(store: Store) -> int:
    """Files ``traces.json`` among the artifacts; -1 where they cannot be seen.

    On an SQL store spans are rows: such a file is a second copy.
    """
    return -1 if store.artifacts is None else len(list(store.artifacts.rglob("traces.json")))


def record(store: Store, seed: int, traces: int = 0) -> Rich:
    """Train a classifier and record all of it, by the fluent API, as a user would.

    ``traces`` more small traces, of two spans each, are recorded beside.
    """
    import numpy as np
    from matplotlib.figure import Figure
    from mlflow.models import infer_signature
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    m = draw_markers(seed)
    refused: dict[str, str] = {}
    with fluent(store) as mlflow:
        client = store.client()
        experiment = store.create_experiment("riche")
        client.rename_experiment(experiment, m["experiment_name"])
        client.set_experiment_tag(experiment, "equipe", m["experiment_tag"])
        features, target = _wine(m["dataset_schema"], float(m["dataset_value"]))
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
        inputs = features.rename(columns={m["dataset_schema"]: m["model_signature"]})
        model.fit(inputs, target)
        with mlflow.start_run(experiment_id=experiment, run_name=m["run_name"]) as run:
            mlflow.set_tag("mlflow.note.content", m["run_note"])
            mlflow.set_tag("question", m["run_tag"])
            mlflow.log_params({"solver": m["param"], "max_iter": 200})
            values = [float(m["metric_first"]), 0.91, 0.92, 0.93, float(m["metric_last"])]
            for step, value in enumerate(values):
                mlflow.log_metric("exactitude", value, step=step)
            dataset = mlflow.data.from_pandas(
                features, source=f"https://exemple.invalid/{m['dataset_source']}.csv",
                name=m["dataset_name"],
            )  # fmt: skip
            mlflow.log_input(dataset, context=m["dataset_context"])
            mlflow.log_text(m["text"], "notes.txt")
            figure = Figure(figsize=(3, 2))
            figure.subplots().plot(values)
            mlflow.log_figure(
                figure, "courbe.png", save_kwargs={"metadata": {"Title": m["figure"]}}
            )
            mlflow.log_table({"classe": [0, 1], "nom": [m["table"], "b"]}, "predictions.json")
            example = inputs.head(2)
            example.iloc[0, 1] = float(m["model_example"])
            model[-1].marker_ = np.array([ord(c) for c in m["model_weight"]], dtype="uint8")
            info = mlflow.sklearn.log_model(
                model,
                name=m["model_name"],
                params={"recette": m["model_param"]},
                tags={"usage": m["model_tag"]},
                signature=infer_signature(example, np.zeros(2, dtype="int64")),
                input_example=example,
                pip_requirements=["scikit-learn"],
            )
            mlflow.log_metric(
                "exactitude_test", float(m["model_metric"]), model_id=info.model_id, dataset=dataset
            )
            with mlflow.start_run(experiment_id=experiment, run_name="fils", nested=True) as child:
                mlflow.log_param("C", 0.5)
            m["nested_run"] = run.info.run_id
            version = mlflow.register_model(info.model_uri, m["registered_model"])
            client.update_model_version(version.name, version.version, m["version_note"])
            client.set_model_version_tag(version.name, version.version, "revue", m["version_tag"])
            client.set_registered_model_alias(version.name, m["alias"], version.version)
            trace = _trace(mlflow, experiment, m, refused, traces)
            try:
                mlflow.genai.register_prompt(f"{m['registered_model']}-prompt", m["prompt"])
            except mlflow.MlflowException as error:
                refused["prompt"] = str(error)
    return Rich(
        experiment, run.info.run_id, child.info.run_id, info.model_id, version.name, trace, m,
        refused,
    )  # fmt: skip


def _trace(
    mlflow: Any, experiment: str, m: dict[str, str], refused: dict[str, str], more: int
) -> str:
    """One trace with a nested span and a feedback, ``more`` small ones; returns its id.

    They are flushed together: a flush waits for a second, however little there is to do.
    """
    from mlflow.entities.trace_location import MlflowExperimentLocation

    place = MlflowExperimentLocation(experiment)
    with mlflow.start_span("question", trace_destination=place) as root:
        root.set_inputs({"texte": m["trace_request"]})
        with mlflow.start_span(m["span_name"]) as span:
            span.set_attribute("etape", m["span_attribute"])
        root.set_outputs("fin")
    for _ in range(more):
        with mlflow.start_span("a", trace_destination=place), mlflow.start_span("b"):
            pass
    mlflow.flush_trace_async_logging()
    trace = str(root.trace_id)
    mlflow.set_trace_tag(trace, "sujet", m["trace_tag"])
    try:
        mlflow.log_feedback(trace_id=trace, name="utile", value=True, rationale=m["feedback"])
        # One more as mlflow.genai.evaluate writes it: its metadata name the run.
        evaluated = {"mlflow.assessment.sourceRunId": m["nested_run"]}
        mlflow.log_feedback(trace_id=trace, name="exacte", value=True, metadata=evaluated)
    except mlflow.MlflowException as error:
        refused["feedback"] = str(error)
    return trace
