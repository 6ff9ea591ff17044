"""Can a reader who was not there understand an experiment, and find one among many?

``read_records``: of the fields that a reader needs, which are filled in the record of a
population of experiments, by way of recording.  ``time_retrieval``: five questions that
people ask every day, on stores of growing size, with their number of calls and a check
of the answer.

The fields follow Gundersen & Kjensmo (AAAI 2018: experiment, data, method) and the
classes of W3C PROV.
"""

from __future__ import annotations

import json
import re
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from mlflow_study import nursery
from mlflow_study.bulk import Shape, fill, metric_key
from mlflow_study.population import record_population, select
from mlflow_study.scratch import memory_folder
from mlflow_study.stores import Store, open_store, open_stores
from mlflow_study.traceability.questions import default_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


@dataclass
class Record:
    """Everything that the store shows of one run, opened once."""

    run: Run
    models: list[dict[str, Any]]
    """The ``MLmodel`` file of each model that the run produced."""
    files: set[str]
    """Names of its artifacts and of its models' files."""
    histories: dict[str, int]
    """Metric -> number of points."""
    text: str
    """Every tag and parameter, joined: where a careful author may have written anything."""

    def tag(self, *keys: str) -> bool:
        return any(self.run.data.tags.get(key) for key in keys)

    def said(self, pattern: str) -> bool:
        return re.search(pattern, self.text, re.IGNORECASE) is not None

    def dataset(self, name: str) -> bool:
        inputs = self.run.inputs.dataset_inputs if self.run.inputs else []
        values = [getattr(item.dataset, name) for item in inputs]
        if name == "source":  # a source that names only the program does not lead to the data
            return any("uri" in v or "url" in v or "path" in v for v in values if v)
        return any(v not in (None, "", "null") for v in values)

    def flavor(self, key: str) -> bool:
        return any(key in json.dumps(model.get("flavors", {})) for model in self.models)


@dataclass(frozen=True)
class Field:
    id: str
    label: str
    group: str
    filled: Callable[[Record], bool]


FIELDS: tuple[Field, ...] = (
    Field("objectif", "objet de l’expérience (description)", "expérience", lambda r: r.tag("mlflow.note.content")),
    Field("nom", "nom lisible", "expérience", lambda r: bool(r.run.info.run_name)),
    Field("auteur", "auteur", "expérience", lambda r: r.tag("mlflow.user")),
    Field("debut", "début et fin", "expérience", lambda r: bool(r.run.info.start_time and r.run.info.end_time)),
    Field("statut", "statut", "expérience", lambda r: r.run.info.status in ("FINISHED", "FAILED", "KILLED")),
    Field("machine", "machine", "expérience", lambda r: r.said(r"\bhost|machine|node\b")),
    Field("systeme", "système d’exploitation", "expérience", lambda r: r.said(r"linux|windows|darwin|platform")),
    Field("commit", "commit du code", "méthode", lambda r: r.tag("mlflow.source.git.commit")),
    Field("depot", "adresse du dépôt", "méthode", lambda r: r.tag("mlflow.source.git.repoURL", "mlflow.gitRepoURL")),
    Field("propre", "le dépôt était-il modifié ?", "méthode", lambda r: r.said(r"dirty|modifi[ée]")),
    Field("script", "fichier lancé", "méthode", lambda r: r.tag("mlflow.source.name")),
    Field("arguments", "ligne de commande", "méthode", lambda r: r.said(r"command|argv|--\w+[= ]") or r.tag("mlflow.project.entryPoint")),
    Field("code", "le code lui-même", "méthode", lambda r: any(f.endswith((".py", ".ipynb")) for f in r.files)),
    Field("parametres", "hyperparamètres (au moins un)", "méthode", lambda r: bool(r.run.data.params)),
    Field("graine", "graine du hasard", "méthode", lambda r: any(re.search("seed|random_state|graine", k) for k in r.run.data.params)),
    Field("python", "version de Python", "méthode", lambda r: r.flavor("python_version") or r.said(r"python")),
    Field("bibliotheques", "versions des bibliothèques", "méthode", lambda r: any(f.endswith(("requirements.txt", "conda.yaml", "uv.lock")) for f in r.files)),
    Field("donnees", "nom du jeu de données", "données", lambda r: r.dataset("name")),
    Field("empreinte", "empreinte des données", "données", lambda r: r.dataset("digest")),
    Field("source", "adresse déclarée des données", "données", lambda r: r.dataset("source")),
    Field("schema", "colonnes et types", "données", lambda r: r.dataset("schema") or any(m.get("signature") for m in r.models)),
    Field("metriques", "métriques", "résultats", lambda r: bool(r.run.data.metrics)),
    Field("evolution", "évolution des métriques", "résultats", lambda r: any(n > 1 for n in r.histories.values())),
    Field("figures", "figures ou rapports", "résultats", lambda r: any(f.endswith((".png", ".svg", ".html", ".md", ".json")) for f in r.files if "MLmodel" not in f)),
    Field("modele", "modèle", "résultats", lambda r: bool(r.models)),
    Field("exemple", "exemple d’entrée", "résultats", lambda r: any("input_example" in f for f in r.files)),
)  # fmt: skip


def read_records(subjects: int) -> pd.DataFrame:
    """One row per experiment of the population and field.

    Columns: enregistrement, sujet, champ, libelle, groupe, rempli (bool).  ``subjects``
    subjects of the population of chapter 3, each recorded in every way, on SQLite: what
    is filled is decided by the client.
    """
    with (
        open_store("sqlite", memory_folder()) as store,
        tempfile.TemporaryDirectory(
            prefix="etude-", dir=memory_folder(), ignore_cleanup_errors=True
        ) as name,
    ):
        folder = Path(name).resolve()
        prepared = _Prepared(**vars(store))
        prepared.experiment = _in_nursery(folder, _new_experiment, store)
        recorded = record_population(select(subjects), prepared, folder)
        for program in recorded:
            if program.run_id is None:
                raise RuntimeError(f"{program.experiment.key}: {program.error}")
        run_ids = [str(program.run_id) for program in recorded]
        filled: list[dict[str, bool]] = _in_nursery(folder, _filled, store, run_ids)
    return pd.DataFrame(
        [
            {
                "enregistrement": program.experiment.recording,
                "sujet": program.experiment.subject.name,
                "champ": field.id,
                "libelle": field.label,
                "groupe": field.group,
                "rempli": answers[field.id],
            }
            for program, answers in zip(recorded, filled, strict=True)
            for field in FIELDS
        ]
    )


@dataclass
class _Prepared(Store):
    """A store whose experiment another process has made, so that this one needs no MLflow."""

    experiment: str = ""

    def create_experiment(self, label: str = "etude") -> str:  # noqa: ARG002
        return self.experiment


def _in_nursery(folder: Path, function: Callable[..., Any], *values: Any) -> Any:
    """What ``function`` returns in a process where MLflow is imported.  Raises RuntimeError."""
    outcome = nursery.run(nursery.Job(folder, function=function, values=values))
    if not outcome.ok:
        raise RuntimeError(f"{outcome.error}\n{outcome.output[-2000:]}")
    return outcome.value


def _new_experiment(store: Store) -> str:
    return store.create_experiment("population")


def _filled(store: Store, run_ids: Sequence[str]) -> list[dict[str, bool]]:
    """Field -> is it filled?, for each run."""
    with default_uri(store.tracking_uri):
        records = [open_record(store, run_id) for run_id in run_ids]
    return [{field.id: field.filled(record) for field in FIELDS} for record in records]


def open_record(store: Store, run_id: str) -> Record:
    """Read one run, its models and the names of its files."""
    import yaml

    client = store.client()
    run = client.get_run(run_id)
    files = set(_walk(lambda path: client.list_artifacts(run_id, path)))
    models = []
    for output in run.outputs.model_outputs if run.outputs else []:
        model_id = output.model_id
        files |= set(_walk(lambda path, m=model_id: client.list_logged_model_artifacts(m, path)))  # type: ignore[misc]
        place = client.get_logged_model(model_id).artifact_location.removeprefix("file://")
        models.append(yaml.safe_load((Path(place) / "MLmodel").read_text(encoding="utf-8")))
    histories = {k: len(client.get_metric_history(run_id, k)) for k in run.data.metrics}
    pairs = [*run.data.tags.items(), *run.data.params.items()]
    told = [f"{k}={v}" for k, v in pairs if k != "mlflow.log-model.history"]
    return Record(run, models, files, histories, "\n".join(told))


def _walk(listing: Callable[[str | None], Any], path: str | None = None) -> list[str]:
    found: list[str] = []
    for item in listing(path):
        found += _walk(listing, item.path) if item.is_dir else [item.path]
    return found


# --- retrieval -------------------------------------------------------------------------


class CountingClient:
    """A client that counts the calls made through it."""

    def __init__(self, client: MlflowClient) -> None:
        self._client = client
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def counted(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            return method(*args, **kwargs)

        return counted


@dataclass
class Needles:
    """What is hidden in the store, hence the right answer to each task."""

    experiment: str
    best: str
    on_data: set[str]
    digest: str
    name: str
    commit: str
    versions: list[str]
    values: list[float]


VERSIONS = 10
_KEY = metric_key(0)


def _hide(store: Store, number: int, experiment: str) -> Needles:
    """Ten runs on a known data set, each with a version of one model, the best known."""
    from mlflow.entities import Dataset, DatasetInput

    client = store.client()
    digest, name = f"{number:08x}", f"recherche-{number}"
    client.create_registered_model(name)
    runs, values = [], []
    for index in range(VERSIONS):
        tags = {"mlflow.source.git.commit": f"{index:040x}", "modele": name}
        run = client.create_run(experiment, tags=tags)
        run_id, value = run.info.run_id, 10.0 + (index * 7 % VERSIONS)
        client.log_metric(run_id, _KEY, value)
        client.log_param(run_id, "c", index)
        client.log_inputs(
            run_id, [DatasetInput(Dataset("ventes", digest, "local", '{"uri": "ventes.csv"}'), [])]
        )
        client.set_terminated(run_id)
        client.create_model_version(
            name, f"{run.info.artifact_uri}/m", run_id, await_creation_for=0
        )
        runs.append(run_id)
        values.append(value)
    client.set_registered_model_alias(name, "champion", "4")
    best = runs[values.index(max(values))]
    return Needles(experiment, best, set(runs), digest, name, f"{3:040x}", runs, values)


def _best(client: Any, n: Needles) -> bool:
    order = [f"metrics.`{_KEY}` DESC"]
    found = client.search_runs(
        [n.experiment], f"tags.modele = '{n.name}'", max_results=1, order_by=order
    )
    return bool(found[0].info.run_id == n.best)


def _on_data(client: Any, n: Needles) -> bool:
    found = client.search_runs([n.experiment], f"dataset.digest = '{n.digest}'")
    return {run.info.run_id for run in found} == n.on_data


def _lineage(client: Any, n: Needles) -> bool:
    version = client.get_model_version_by_alias(n.name, "champion")
    run = client.get_run(version.run_id)
    digest = run.inputs.dataset_inputs[0].dataset.digest
    return bool((run.data.tags["mlflow.source.git.commit"], digest) == (n.commit, n.digest))


def _difference(client: Any, n: Needles) -> bool:
    a, b = (client.get_run(run_id).data.params for run_id in n.versions[:2])
    return bool({k for k in a | b if a.get(k) != b.get(k)} == {"c"})


def _over_versions(client: Any, n: Needles) -> bool:
    found = client.search_model_versions(f"name = '{n.name}'")
    ordered = sorted(found, key=lambda version: int(version.version))
    return [client.get_run(v.run_id).data.metrics[_KEY] for v in ordered] == n.values


TASKS: dict[str, Callable[[Any, Needles], bool]] = {
    "meilleur run d’un modèle": _best,
    "tous les runs sur ces données": _on_data,
    "lignée de la version en service": _lineage,
    "différence entre deux runs": _difference,
    "métrique au fil des versions": _over_versions,
}


def time_retrieval(
    backends: Sequence[str], sizes: Sequence[int], repeats: int, cap_s: float, seed: int
) -> pd.DataFrame:
    """One row per repetition.

    Columns: backend, runs, tache, appels, temps_s, juste (bool), plafond (bool: this
    repetition took longer than ``cap_s`` and was the last of its task at this size).
    """
    rows: list[dict[str, Any]] = []
    with open_stores(backends, memory_folder()) as stores:
        for backend, store in stores.items():
            experiment = store.create_experiment("recherches")
            filled = 0
            for number, size in enumerate(sorted(sizes)):
                shape = Shape(runs=size - filled, metrics=2, points=1, params=3, tags=1)
                fill(store, experiment, shape, seed=seed, first=filled)
                filled = size
                needles = _hide(store, number, experiment)
                for row in _time_tasks(store, needles, repeats, cap_s):
                    rows.append({"backend": backend, "runs": size, **row})
    return pd.DataFrame(rows)


def _time_tasks(store: Store, needles: Needles, repeats: int, cap_s: float) -> list[dict[str, Any]]:
    rows, stopped = list[dict[str, Any]](), set[str]()
    for repeat in range(repeats + 1):
        for label, task in TASKS.items():
            if label in stopped:
                continue
            client = CountingClient(store.client())
            begun = time.perf_counter()
            right = task(client, needles)
            elapsed = time.perf_counter() - begun
            if elapsed > cap_s:
                stopped.add(label)
            if repeat or label in stopped:  # the first one warms the caches
                rows.append(
                    {
                        "tache": label,
                        "appels": client.calls,
                        "temps_s": elapsed,
                        "juste": right,
                        "plafond": label in stopped,
                    }
                )
    return rows
