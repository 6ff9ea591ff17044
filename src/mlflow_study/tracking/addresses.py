"""Does a client that was opened on one store act on that store, and on no other?

A program that speaks to two stores, or to another than the one set for its process, opens
``MlflowClient(address)``.  Every call of ``CALLS`` is made twice through such a client, on
objects of its own: while the address of the process (``mlflow.set_tracking_uri``) is the
client's, then while it is that of another store.  What a call gives back, or what is read
back after it, must be the same both times, and nothing may reach the other store.

What reaches it is seen in two ways: the statements that SQLAlchemy sends to it, and the
rows that SQLite itself counts in its file.  The other store holds an experiment of the same
number, as two servers of some age do.
"""

from __future__ import annotations

import re
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pandas as pd

from mlflow_study.nursery import changed_environment
from mlflow_study.scratch import memory_folder
from mlflow_study.stores import Store, create_sqlite

if TYPE_CHECKING:
    from mlflow import MlflowClient

COLUMNS = ("magasin", "appel", "adresse", "rendu", "erreur", "requetes", "lignes_ailleurs")
SAME, OTHER = "la même", "une autre"
"""The address of the process, beside the client's."""
_PATIENCE_S = 10.0


@dataclass
class Bench:
    """A client opened on a store by its address, and what its calls act on."""

    client: MlflowClient
    experiment: str
    run: str
    model: str
    """A logged model, which has a parameter and a metric."""
    registered: str
    """A registered model, whose version 1 is ``model``."""
    prompt: str
    trace: str
    folder: Path
    """Holds ``modele/MLmodel`` and ``texte.txt``."""
    source: str
    """Where the files of ``model`` lie."""

    def version(self, number: str = "1") -> Any:
        """What the registry says of a version: metrics of its model among it."""
        return _told(self.client.get_model_version(self.registered, number))

    def traces(self) -> int:
        return len(self.client.search_traces(locations=[self.experiment], include_spans=False))


@dataclass(frozen=True)
class Call:
    """``act`` makes the call; ``read`` gives plain data without ids, to compare.

    Where there is no ``act``, ``read`` is the call itself.
    """

    name: str
    read: Callable[[], Any]
    act: Callable[[], Any] | None = None

    def make(self) -> Any:
        if self.act is not None:
            self.act()
        return self.read()


def _told(version: Any) -> Any:
    metrics = {metric.key: metric.value for metric in version.metrics or []}
    return metrics, dict(version.params or {}), dict(version.tags), version.current_stage


# --- the calls -------------------------------------------------------------------------


def _runs(b: Bench) -> Iterator[Call]:
    from mlflow.entities import Dataset, DatasetInput, LoggedModelOutput, Metric

    c = b.client
    yield Call(
        "create_run",
        lambda: len(c.search_runs([b.experiment], "tags.sorte = 'neuf'")),
        lambda: c.create_run(b.experiment, tags={"sorte": "neuf"}),
    )
    yield Call(
        "log_metric",
        lambda: [point.value for point in c.get_metric_history(b.run, "a")],
        lambda: c.log_metric(b.run, "a", 0.25),
    )
    yield Call(
        "log_metric(model_id=…)",
        lambda: sorted((m.key, m.value) for m in c.get_logged_model(b.model).metrics),
        lambda: c.log_metric(b.run, "b", 0.75, model_id=b.model),
    )
    yield Call(
        "log_batch",
        lambda: c.get_run(b.run).data.metrics["lot"],
        lambda: c.log_batch(b.run, metrics=[Metric("lot", 0.5, 1, 1)]),
    )
    yield Call(
        "log_param", lambda: c.get_run(b.run).data.params["p"], lambda: c.log_param(b.run, "p", 1)
    )
    yield Call("set_tag", lambda: c.get_run(b.run).data.tags["t"], lambda: c.set_tag(b.run, "t", 1))
    yield Call(
        "delete_tag", lambda: "t" in c.get_run(b.run).data.tags, lambda: c.delete_tag(b.run, "t")
    )
    yield Call(
        "log_inputs",
        lambda: len(c.get_run(b.run).inputs.dataset_inputs),
        lambda: c.log_inputs(b.run, [DatasetInput(Dataset("donnees", "1", "local", "{}"))]),
    )
    yield Call(
        "log_outputs",
        lambda: len(c.get_run(b.run).outputs.model_outputs),
        lambda: c.log_outputs(b.run, [LoggedModelOutput(b.model, 0)]),
    )
    yield Call(
        "update_run",
        lambda: c.get_run(b.run).info.run_name,
        lambda: c.update_run(b.run, name="autre nom"),
    )
    yield Call(
        "delete_run", lambda: c.get_run(b.run).info.lifecycle_stage, lambda: c.delete_run(b.run)
    )
    yield Call(
        "restore_run", lambda: c.get_run(b.run).info.lifecycle_stage, lambda: c.restore_run(b.run)
    )
    yield Call("search_runs", lambda: len(c.search_runs([b.experiment], "metrics.m > 0")))
    yield Call("get_parent_run", lambda: c.get_parent_run(b.run))


def _artifacts(b: Bench) -> Iterator[Call]:
    import numpy as np

    c = b.client
    text = str(b.folder / "texte.txt")

    def names(path: str | None = None) -> list[str]:
        return sorted(item.path for item in c.list_artifacts(b.run, path))

    yield Call("log_text", lambda: names("ecrit"), lambda: c.log_text(b.run, "a", "ecrit/t.txt"))
    yield Call(
        "log_dict", lambda: names("ecrit"), lambda: c.log_dict(b.run, {"a": 1}, "ecrit/d.json")
    )
    yield Call(
        "log_image",
        lambda: names("ecrit"),
        lambda: c.log_image(b.run, np.zeros((2, 2, 3), dtype="uint8"), "ecrit/i.png"),
    )
    yield Call("log_artifact", lambda: names("ecrit"), lambda: c.log_artifact(b.run, text, "ecrit"))
    yield Call(
        "log_artifacts",
        lambda: names("dossier"),
        lambda: c.log_artifacts(b.run, str(b.folder / "modele"), "dossier"),
    )
    yield Call(
        "log_table",
        lambda: Path(c.download_artifacts(b.run, "table.json")).read_text("utf-8").count("3"),
        lambda: c.log_table(b.run, {"a": [3]}, "table.json"),
    )
    yield Call("load_table", lambda: c.load_table(b.experiment, "table.json").shape)
    yield Call(
        "download_artifacts",
        lambda: Path(c.download_artifacts(b.run, "ecrit/texte.txt")).read_text("utf-8"),
    )


def _models(b: Bench) -> Iterator[Call]:
    c = b.client
    text = str(b.folder / "texte.txt")

    def files() -> list[str]:
        return sorted(Path(item.path).name for item in c.list_logged_model_artifacts(b.model))

    yield Call(
        "create_logged_model",
        lambda: str(c.get_logged_model(c.create_logged_model(b.experiment, "neuf").model_id).name),
    )
    yield Call(
        "log_model_params",
        lambda: dict(c.get_logged_model(b.model).params),
        lambda: c.log_model_params(b.model, {"profondeur": "3"}),
    )
    yield Call(
        "set_logged_model_tags",
        lambda: c.get_logged_model(b.model).tags["revue"],
        lambda: c.set_logged_model_tags(b.model, {"revue": "faite"}),
    )
    yield Call("log_model_artifact", lambda: files(), lambda: c.log_model_artifact(b.model, text))
    yield Call(
        "search_logged_models",
        lambda: len(c.search_logged_models([b.experiment], "name = 'modele'")),
    )
    yield Call(
        "finalize_logged_model", lambda: str(c.finalize_logged_model(b.model, "READY").status)
    )


def _registry(b: Bench) -> Iterator[Call]:
    c, mine = b.client, b.registered
    of_mine = f"name = '{mine}'"
    yield Call(
        "get_registered_model",
        lambda: [str(v.version) for v in c.get_registered_model(mine).latest_versions],
    )
    yield Call("search_registered_models", lambda: len(c.search_registered_models(of_mine)))
    yield Call(
        "set_registered_model_tag",
        lambda: dict(c.get_registered_model(mine).tags),
        lambda: c.set_registered_model_tag(mine, "equipe", "a"),
    )
    yield Call("get_model_version", lambda: b.version())
    yield Call(
        "search_model_versions", lambda: [_told(v) for v in c.search_model_versions(of_mine)]
    )
    yield Call("get_latest_versions", lambda: [_told(v) for v in c.get_latest_versions(mine)])
    yield Call(
        "set_registered_model_alias",
        lambda: _told(c.get_model_version_by_alias(mine, "champion")),
        lambda: c.set_registered_model_alias(mine, "champion", "1"),
    )
    yield Call(
        "set_model_version_tag",
        lambda: b.version(),
        lambda: c.set_model_version_tag(mine, "1", "revue", "faite"),
    )
    yield Call("update_model_version", lambda: _told(c.update_model_version(mine, "1", "relue")))
    yield Call(
        "transition_model_version_stage",
        lambda: _told(c.transition_model_version_stage(mine, "1", "Staging")),
    )
    yield Call(
        "get_model_version_download_uri",
        lambda: b.model in c.get_model_version_download_uri(mine, "1"),
    )
    yield Call(
        "create_model_version(runs:/…)",
        lambda: b.version(c.create_model_version(mine, f"runs:/{b.run}/modele", b.run).version),
    )
    yield Call(
        "create_model_version(model_id=…)",
        lambda: b.version(c.create_model_version(mine, b.source, b.run, model_id=b.model).version),
    )
    yield Call(
        "create_model_version(models:/…)",
        lambda: b.version(c.create_model_version(mine, f"models:/{b.model}", b.run).version),
    )
    yield Call(
        "copy_model_version",
        lambda: _told(c.copy_model_version(f"models:/{mine}/1", f"{mine}-copie")),
    )
    yield Call(
        "rename_registered_model",
        lambda: len(c.search_registered_models(f"name = '{mine}-b'")),
        lambda: (
            c.create_registered_model(f"{mine}-a"),
            c.rename_registered_model(f"{mine}-a", f"{mine}-b"),
        ),
    )


def _traces(b: Bench) -> Iterator[Call]:
    c = b.client

    def traced() -> int:
        before = b.traces()
        c.end_trace(c.start_trace("question", experiment_id=b.experiment).trace_id)
        return b.traces() - before

    yield Call("start_trace puis end_trace", traced)
    yield Call(
        "search_traces",
        lambda: (
            b.trace in {trace.info.trace_id for trace in c.search_traces(locations=[b.experiment])}
        ),
    )
    yield Call("get_trace", lambda: len(c.get_trace(b.trace).data.spans))
    yield Call(
        "set_trace_tag",
        lambda: c.get_trace(b.trace).info.tags["sujet"],
        lambda: c.set_trace_tag(b.trace, "sujet", "a"),
    )
    yield Call(
        "link_traces_to_run",
        lambda: len(c.search_traces(locations=[b.experiment], run_id=b.run)),
        lambda: c.link_traces_to_run([b.trace], b.run),
    )


def _prompts(b: Bench) -> Iterator[Call]:
    c = b.client
    yield Call("load_prompt", lambda: c.load_prompt(b.prompt, version=1).template)
    yield Call("search_prompts", lambda: len(c.search_prompts(f"name = '{b.prompt}'")))
    yield Call(
        "register_prompt",
        lambda: c.load_prompt(f"{b.prompt}-2", version=1).template,
        lambda: c.register_prompt(f"{b.prompt}-2", "Bonjour {{nom}}"),
    )
    yield Call(
        "set_prompt_alias",
        lambda: c.load_prompt(f"prompts:/{b.prompt}@courant").template,
        lambda: c.set_prompt_alias(b.prompt, "courant", 1),
    )
    yield Call(
        "link_prompt_version_to_run",
        lambda: len(c.list_logged_prompts(b.run)),
        lambda: c.link_prompt_version_to_run(b.run, f"prompts:/{b.prompt}/1"),
    )


def _experiments(b: Bench) -> Iterator[Call]:
    c = b.client
    yield Call(
        "create_experiment",
        lambda: c.get_experiment(c.create_experiment(f"neuve-{uuid4().hex}")).lifecycle_stage,
    )
    yield Call(
        "set_experiment_tag",
        lambda: c.get_experiment(b.experiment).tags["equipe"],
        lambda: c.set_experiment_tag(b.experiment, "equipe", "a"),
    )
    yield Call(
        "rename_experiment",
        lambda: c.get_experiment_by_name(f"renommee-{b.registered}") is not None,
        lambda: c.rename_experiment(b.experiment, f"renommee-{b.registered}"),
    )
    yield Call(
        "create_dataset",
        lambda: len(c.search_datasets(experiment_ids=[b.experiment])),
        lambda: c.create_dataset(f"jeu-{b.registered}", experiment_id=b.experiment),
    )
    yield Call(
        "delete_experiment",
        lambda: c.get_experiment(b.experiment).lifecycle_stage,
        lambda: c.delete_experiment(b.experiment),
    )


def _calls(b: Bench) -> list[Call]:
    """The calls in the order of their needs: those that delete come last."""
    families = (_runs, _artifacts, _models, _registry, _traces, _prompts, _experiments)
    return [call for family in families for call in family(b)]


# --- the other store -------------------------------------------------------------------


@dataclass
class Elsewhere:
    """The other store: an SQLite file of its own; ``requests`` counts what was sent to it."""

    path: Path
    requests: int = 0

    @property
    def uri(self) -> str:
        return f"sqlite:///{self.path}"

    def rows(self) -> int:
        """Rows of all its tables, counted by SQLite itself."""
        with closing(sqlite3.connect(self.path)) as connection:
            tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            counts = [f'SELECT COUNT(*) AS n FROM "{name}"' for (name,) in tables]
            whole = f"SELECT SUM(n) FROM ({' UNION ALL '.join(counts)})"
            return int(connection.execute(whole).fetchone()[0])

    def number(self, experiment: str) -> None:
        """Give it an experiment of that number, as a store has that is as old as the other."""
        from mlflow import MlflowClient

        mine = MlflowClient(self.uri, self.uri).create_experiment(f"ailleurs-{experiment}")
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute(
                "UPDATE experiments SET experiment_id = ? WHERE experiment_id = ?",
                (int(experiment), int(mine)),
            )


@contextmanager
def _elsewhere(folder: Path) -> Iterator[Elsewhere]:
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    found = Elsewhere(folder / "ailleurs.db")
    create_sqlite(found.path)

    def count(connection: Any, *_: Any) -> None:
        found.requests += connection.engine.url.database == str(found.path)

    event.listen(Engine, "before_cursor_execute", count)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", count)


# --- the instrument --------------------------------------------------------------------


def _bench(store: Store, folder: Path) -> Bench:
    """New objects in the store, made while the address of the process is the store's."""
    import mlflow
    from mlflow import MlflowClient

    mlflow.set_tracking_uri(store.tracking_uri)
    mlflow.set_registry_uri(store.tracking_uri)
    client = MlflowClient(store.tracking_uri, store.tracking_uri)
    name = f"adresse-{uuid4().hex}"
    (folder / "modele").mkdir(exist_ok=True)
    (folder / "modele" / "MLmodel").write_text("flavors: {}\n", encoding="utf-8")
    (folder / "texte.txt").write_text("texte", encoding="utf-8")
    experiment = store.create_experiment("adresse")
    run = client.create_run(experiment).info.run_id
    made = client.create_logged_model(experiment, "modele", source_run_id=run, params={"C": "1"})
    model, source = str(made.model_id), str(made.artifact_location)
    client.log_metric(run, "m", 0.5, model_id=model)
    client.log_artifacts(run, str(folder / "modele"), "modele")
    client.log_model_artifacts(model, str(folder / "modele"))
    client.finalize_logged_model(model, "READY")
    client.create_registered_model(name)
    client.create_model_version(name, source, run, model_id=model)
    trace = client.start_trace("fixe", experiment_id=experiment).trace_id
    client.end_trace(trace)
    client.register_prompt(f"{name}-invite", "Bonjour")
    _settle()
    return Bench(
        client, experiment, run, model, name, f"{name}-invite", trace, folder, source
    )  # fmt: skip


def _settle() -> None:
    """Wait for the threads that MLflow has left at work: it links prompts in the background."""
    for thread in threading.enumerate():
        if thread.name.startswith("link_prompt"):
            thread.join(_PATIENCE_S)


def addressed(store: Store) -> pd.DataFrame:
    """Every call, under both addresses of the process.  Columns: ``COLUMNS``.

    ``rendu``: what the call gave, as text; ``erreur``: what it raised, or ""; ``requetes``:
    statements that reached the other store meanwhile; ``lignes_ailleurs``: rows that it has
    more.  The address of the process is then what it was.
    """
    import mlflow

    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    rows: list[dict[str, Any]] = []
    quick = {"MLFLOW_ENABLE_ASYNC_TRACE_LOGGING": "false"}
    try:
        with changed_environment(quick):
            for address in (SAME, OTHER):
                with (
                    tempfile.TemporaryDirectory(dir=memory_folder()) as folder,
                    _elsewhere(Path(folder)) as elsewhere,
                ):
                    rows += _pass(store, Path(folder), elsewhere, address)
    finally:
        mlflow.set_tracking_uri(before[0])
        mlflow.set_registry_uri(before[1])
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _pass(store: Store, folder: Path, elsewhere: Elsewhere, address: str) -> Iterator[dict[str, Any]]:  # fmt: skip
    import mlflow

    bench = _bench(store, folder)
    if store.database_url is not None:
        elsewhere.number(bench.experiment)
    if address == OTHER:
        mlflow.set_tracking_uri(elsewhere.uri)
        mlflow.set_registry_uri(elsewhere.uri)
        mlflow.search_experiments(max_results=1)  # opens it, which creates what it holds anew
    for call in _calls(bench):
        requests, held = elsewhere.requests, elsewhere.rows()
        given, error = "", ""
        try:
            given = repr(call.make())
        except Exception as refusal:  # it is the observation
            error = _without_ids(f"{type(refusal).__name__} : {refusal}")[:300]
        _settle()
        yield {
            "magasin": store.name,
            "appel": call.name,
            "adresse": address,
            "rendu": given,
            "erreur": error,
            "requetes": elsewhere.requests - requests,
            "lignes_ailleurs": elsewhere.rows() - held,
        }


def _without_ids(text: str) -> str:
    return re.sub(r"[0-9a-f]{32}", "…", text)


def judged(table: pd.DataFrame) -> pd.DataFrame:
    """One row per (store, call) that works under the client's own address, with its ``issue``:

    «ailleurs» (rows were written in the other store), «refus», «autre» (it gives something
    else) or «même».  ``touche``: a statement reached the other store.
    """
    keys = ["magasin", "appel"]
    own = table[(table.adresse == SAME) & (table.erreur == "")].set_index(keys)
    other = table[table.adresse == OTHER].set_index(keys).loc[own.index]
    issue = pd.Series("même", index=own.index, dtype=object)
    issue[other.rendu != own.rendu] = "autre"
    issue[other.erreur != ""] = "refus"
    issue[other.lignes_ailleurs > 0] = "ailleurs"
    kept = other[["erreur", "rendu"]].assign(issue=issue, touche=other.requetes > 0)
    return kept.assign(attendu=own.rendu).reset_index()
