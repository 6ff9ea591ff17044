"""Provenance questions with known answers, asked of the store alone.

A script trains and registers models from a clean Git repository (``payload/training.py``)
and keeps a journal; a colleague then does what colleagues do: moves an alias, rewrites a
description, corrects a status, replaces a report, deletes.  Each question is answered by
what MLflow's public API says at face value, and graded against the journal.  The list
follows the classes of W3C PROV (entity, activity, agent).
"""

from __future__ import annotations

import json
import os
import platform
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from mlflow_study.nursery import account
from mlflow_study.stores import Store
from mlflow_study.traceability.grades import Grade
from mlflow_study.traceability.launches import Launcher
from mlflow_study.traceability.repositories import Repository, environment

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")

TRAINING = Path(__file__).parent / "payload" / "training.py"
Prov = Literal["entité", "activité", "agent"]
Truth = dict[str, Any]
WAIT_S = 0.002
"""Pause between two acts, so that their times differ by at least a millisecond."""


@dataclass
class Asker:
    """What a person who asks has in hand: a client, names, and where the script said things lie."""

    client: MlflowClient
    uri: str
    experiment: str
    model: str
    draft: str
    runs: dict[str, str]
    scratch: Path

    def run(self, which: str) -> Run:
        return self.client.get_run(self.runs[which])

    def text(self, which: str, path: str) -> str:
        folder = tempfile.mkdtemp(dir=self.scratch)
        found = self.client.download_artifacts(self.runs[which], path, folder)
        return Path(found).read_text(encoding="utf-8")

    def mlmodel(self) -> dict[str, Any]:
        """The ``MLmodel`` file behind version 2."""
        import mlflow.artifacts
        import yaml

        uri = self.client.get_model_version_download_uri(self.model, "2")
        folder = tempfile.mkdtemp(dir=self.scratch)
        found = mlflow.artifacts.download_artifacts(
            artifact_uri=f"{uri}/MLmodel", dst_path=folder, tracking_uri=self.uri
        )
        loaded: dict[str, Any] = yaml.safe_load(Path(found).read_text(encoding="utf-8"))
        return loaded


@dataclass(frozen=True)
class Question:
    """``resolve`` reads the store; ``truth`` the journal.  ``partial`` accepts half an answer."""

    id: str
    prov: Prov
    text: str
    resolve: Callable[[Asker], Any]
    truth: Callable[[Truth], Any]
    partial: Callable[[Any, Any], bool] = lambda _answer, _truth: False

    def grade(self, answer: Any, truth: Any) -> Grade:
        if answer == truth:
            return "juste"
        if answer is None:
            return "absente"
        return "partielle" if self.partial(answer, truth) else "fausse"


def _nothing(_: Asker) -> None:
    """MLflow's API has no field that answers; ``changes`` searches the database itself."""


def _dataset(asker: Asker, which: str) -> Any:
    return asker.run(which).inputs.dataset_inputs[0].dataset


def _source_path(asker: Asker, which: str) -> Any:
    source = json.loads(_dataset(asker, which).source)
    return source.get("uri") or source.get("url")


def _data_now(asker: Asker) -> str:
    import mlflow.data

    recorded = _dataset(asker, "best")
    table = pd.read_csv(_source_path(asker, "best"))
    read = mlflow.data.from_pandas(table, name="ventes", targets="y").digest
    return "oui" if read == recorded.digest else "non"


def _late_points(asker: Asker, which: str) -> str:
    """Is any point of the metric dated after the end of its run?"""
    end = asker.run(which).info.end_time
    points = asker.client.get_metric_history(asker.runs[which], "exactitude")
    return "oui" if any(p.timestamp > end for p in points) else "non"


def _using(asker: Asker) -> set[str]:
    digest = _dataset(asker, "best").digest
    runs = asker.client.search_runs([asker.experiment], f"dataset.digest = '{digest}'")
    return {run.info.run_id for run in runs}


def _children(asker: Asker) -> set[str]:
    found = asker.client.search_runs(
        [asker.experiment], f"tags.mlflow.parentRunId = '{asker.runs['parent']}'"
    )
    return {run.info.run_id for run in found}


def _differing(asker: Asker) -> dict[str, tuple[str, str]]:
    a, b = asker.run("first").data.params, asker.run("best").data.params
    return {k: (a.get(k, ""), b.get(k, "")) for k in sorted(a | b) if a.get(k) != b.get(k)}


def _version(asker: Asker, number: str) -> Any:
    return asker.client.get_model_version(asker.model, number)


def _by_alias(asker: Asker) -> str:
    found = asker.client.get_model_version_by_alias(asker.model, "champion")
    return str(found.version)


def _model_id(source: str) -> str:
    return source.rstrip("/").rpartition("/")[2]


def _deleted_source(asker: Asker) -> Any:
    from mlflow.exceptions import MlflowException

    try:
        return _model_id(_version(asker, "3").source)
    except MlflowException:
        return None


def _tag(asker: Asker, which: str, key: str) -> Any:
    return asker.run(which).data.tags.get(key)


def _arguments(asker: Asker) -> Any:
    values = [*asker.run("best").data.tags.values(), *asker.run("best").data.params.values()]
    return next((v for v in values if ".json" in v), None)


def _host(asker: Asker) -> Any:
    host = platform.node()
    values = [*asker.run("best").data.tags.values(), *asker.run("best").data.params.values()]
    return host if host and any(host in v for v in values) else None


def _user_of_version(asker: Asker) -> Any:
    return _version(asker, "2").user_id or None


def _creator(asker: Asker) -> Any:
    tags = asker.client.get_experiment(asker.experiment).tags
    return next((v for k, v in tags.items() if "user" in k or "creat" in k), None)


def _time_of_deletion(asker: Asker) -> Any:
    info = asker.run("discarded").info
    return getattr(info, "deleted_time", None)


def _subset(answer: Any, truth: Any) -> bool:
    return bool(answer.items() <= truth.items())


def _same_tail(answer: Any, truth: Any) -> bool:
    return Path(str(truth)).name == Path(str(answer)).name


QUESTIONS: tuple[Question, ...] = (
    # entities: data, models, results
    Question("donnees", "entité", "Quelles données ont entraîné ce modèle ?", lambda a: (_dataset(a, "best").name, _dataset(a, "best").digest), lambda t: ("ventes", t["digest"])),
    Question("lieu-donnees", "entité", "Où sont ces données ?", lambda a: _source_path(a, "best"), lambda t: t["data"]),
    Question("donnees-intactes", "entité", "Les données de cette adresse sont-elles encore celles de l’entraînement ?", _data_now, lambda t: t["unchanged"]),
    Question("lieu-relecture", "entité", "D’où le run « relecture » a-t-il lu ces mêmes données ?", lambda a: _source_path(a, "reread"), lambda t: t["copy"]),
    Question("parametres", "entité", "Quels paramètres ont été choisis ?", lambda a: dict(a.run("best").data.params), lambda t: t["runs"][1]["passed"]),
    Question("tous-parametres", "entité", "Quels paramètres ont agi, valeurs par défaut comprises ?", lambda a: dict(a.run("best").data.params), lambda t: t["runs"][1]["all"], _subset),
    Question("historique", "entité", "Comment la métrique a-t-elle évolué pendant le run ?", lambda a: [p.value for p in a.client.get_metric_history(a.runs["first"], "exactitude")][:3], lambda t: t["runs"][0]["history"]),
    Question("mesure", "entité", "Quelle exactitude ce run a-t-il mesurée à la fin ?", lambda a: a.run("best").data.metrics["exactitude"], lambda t: t["runs"][1]["history"][-1]),
    Question("mesure-retouchee", "entité", "Cette métrique a-t-elle reçu des points après la fin du run (ajout honnête) ?", lambda a: _late_points(a, "first"), lambda _: "oui"),
    Question("mesure-antidatee", "entité", "Cette métrique a-t-elle reçu des points après la fin du run (ajout antidaté) ?", lambda a: _late_points(a, "best"), lambda _: "oui"),
    Question("rapport", "entité", "Que disait le rapport déposé par le run ?", lambda a: a.text("best", "rapport.txt"), lambda t: t["runs"][1]["report"]),
    Question("rapport-intact", "entité", "Ce rapport est-il celui que le run a déposé ?", _nothing, lambda _: "non"),
    Question("signature", "entité", "Quelles colonnes le modèle attend-il ?", lambda a: [c["name"] for c in json.loads(a.mlmodel()["signature"]["inputs"])], lambda t: t["features"]),
    Question("bibliotheque", "entité", "Avec quelle version de scikit-learn ce modèle a-t-il été fait ?", lambda a: a.mlmodel()["flavors"]["sklearn"]["sklearn_version"], lambda t: t["sklearn"]),
    Question("version-en-service", "entité", "Quelle version est en service (alias champion) ?", _by_alias, lambda _: "2"),
    Question("version-passee", "entité", "Quelle version portait l’alias mardi dernier ?", _nothing, lambda _: "1"),
    Question("description-passee", "entité", "Que disait la description de la version avant sa réécriture ?", _nothing, lambda t: t["old_description"]),
    Question("etiquette-passee", "entité", "Quelle était l’étiquette « validation » avant sa réécriture ?", _nothing, lambda _: "en attente"),
    Question("difference", "entité", "Qu’est-ce qui diffère entre les paramètres de ces deux runs ?", _differing, lambda _: {"C": ("0.1", "1.0")}),
    Question("modele", "entité", "Quel modèle enregistré est derrière la version 2 ?", lambda a: _model_id(_version(a, "2").source), lambda t: t["runs"][1]["model_id"]),
    Question("modele-supprime", "entité", "Quel modèle était derrière la version 3, supprimée ?", _deleted_source, lambda t: t["runs"][0]["model_id"]),
    Question("numero-reutilise", "entité", "Quel modèle le compte rendu de lundi citait-il sous « brouillon, version 1 » ?", lambda a: _model_id(a.client.get_model_version(a.draft, "1").source), lambda t: t["runs"][0]["model_id"]),
    # activities: runs, changes
    Question("commit", "activité", "Quel commit a produit ce run ?", lambda a: _tag(a, "best", "mlflow.source.git.commit"), lambda t: t["commit"]),
    Question("code-valide", "activité", "Le code de ce run était-il validé ?", lambda a: _tag(a, "best", "mlflow.source.git.dirty"), lambda _: "false"),
    Question("script", "activité", "Quel fichier a été lancé ?", lambda a: _tag(a, "best", "mlflow.source.name"), lambda t: t["script"], _same_tail),
    Question("arguments", "activité", "Avec quels arguments ce run a-t-il été lancé ?", _arguments, lambda t: t["arguments"]),
    Question("debut", "activité", "Quand a-t-il commencé ?", lambda a: a.run("first").info.start_time, lambda t: t["runs"][0]["begun"]),
    Question("statut", "activité", "Le run « échec » a-t-il réussi ?", lambda a: a.run("failed").info.status, lambda _: "FAILED"),
    Question("nom-lancement", "activité", "Sous quel nom ce run a-t-il été lancé ?", lambda a: a.run("best").info.run_name, lambda t: t["runs"][1]["name"]),
    Question("parent", "activité", "De quelle recherche ce run faisait-il partie ?", lambda a: _tag(a, "best", "mlflow.parentRunId"), lambda t: t["parent"]),
    Question("enfants", "activité", "Quels runs cette recherche a-t-elle lancés ?", _children, lambda t: {r["id"] for r in t["runs"]}),
    Question("run-version", "activité", "Quel run a produit la version 2 ?", lambda a: _version(a, "2").run_id, lambda t: t["runs"][1]["id"]),
    Question("runs-donnees", "activité", "Quels runs ont lu ces données ?", _using, lambda t: {t["reread"], *(r["id"] for r in t["runs"])}),
    Question("promotions", "activité", "Par quels stades la version 1 est-elle passée ?", _nothing, lambda _: ["Staging", "Production", "Archived"]),
    Question("date-alias", "activité", "Quand l’alias a-t-il été déplacé ?", _nothing, lambda t: t["moved"]),
    Question("date-suppression", "activité", "Quand le run « à jeter » a-t-il été supprimé ?", _time_of_deletion, lambda t: t["deleted"]),
    Question("python", "activité", "Sous quelle version de Python ?", lambda a: a.mlmodel()["flavors"]["python_function"]["python_version"], lambda t: t["python"]),
    # agents: people, machines, software
    Question("auteur", "agent", "Qui a lancé ce run ?", lambda a: _tag(a, "best", "mlflow.user"), lambda _: account()),
    Question("machine", "agent", "Sur quelle machine ce run a-t-il tourné ?", _host, lambda t: t["host"]),
    Question("logiciel", "agent", "Quelle version de MLflow a écrit ce modèle ?", lambda a: a.mlmodel()["mlflow_version"], lambda t: t["mlflow"]),
    Question("auteur-version", "agent", "Qui a créé la version 2 ?", _user_of_version, lambda _: account()),
    Question("auteur-experience", "agent", "Qui a ouvert cette expérience ?", _creator, lambda _: account()),
    Question("auteur-alias", "agent", "Qui a déplacé l’alias ?", _nothing, lambda _: "bob"),
    Question("auteur-suppression", "agent", "Qui a supprimé le run « à jeter » ?", _nothing, lambda _: "bob"),
    Question("auteur-retouche", "agent", "Qui a ajouté des points à la métrique ?", _nothing, lambda _: "bob"),
)  # fmt: skip


@contextmanager
def default_uri(uri: str) -> Iterator[None]:
    """Make ``uri`` MLflow's default for a while: the SQL registry reads models through it."""
    import mlflow

    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(before)


def live(stores: dict[Any, Store], pythons: Launcher, root: Path) -> dict[str, tuple[Asker, Truth]]:
    """Play the scripted life on every store: what an asker has in hand, and the truth."""
    data, copy = root / "donnees" / "ventes.csv", root / "archives" / "ventes.csv"
    table = _table()
    for path in (data, copy):
        path.parent.mkdir()
        table.to_csv(path, index=False)
    repository = Repository.create(
        root / "projet", {"train.py": TRAINING.read_text(encoding="utf-8")}
    )
    names = {name: f"ventes-{os.urandom(4).hex()}" for name in stores}
    orders = [
        {
            "name": name,
            "uri": store.tracking_uri,
            "experiment": store.create_experiment("questions"),
            "model": names[name],
        }
        for name, store in stores.items()
    ]
    order_file = root / "ordres.json"
    order_file.write_text(json.dumps(orders), encoding="utf-8")
    journal_file = root / "journal.json"
    error = pythons.run(
        ["train.py", str(order_file), str(data), str(copy), str(journal_file)],
        repository.path,
        environment() | {"PYTHONWARNINGS": "ignore"},
    )
    if error:
        raise RuntimeError(error)
    lines = journal_file.read_text(encoding="utf-8").splitlines()
    journals = {journal["store"]: journal for journal in map(json.loads, lines)}
    lives = {}
    for order in orders:
        name = order["name"]
        journal = journals[name] | {
            "commit": repository.head(),
            "script": str(repository.path / "train.py"),
            "data": str(data),
            "copy": str(copy),
        }
        asker = Asker(
            client=stores[name].client(),
            uri=stores[name].tracking_uri,
            experiment=order["experiment"],
            model=order["model"],
            draft=f"{order['model']}-brouillon",
            runs={
                "first": journal["runs"][0]["id"],
                "best": journal["runs"][1]["id"],
                **{k: journal[k] for k in ("parent", "failed", "discarded", "reread")},
            },
            scratch=root,
        )
        with default_uri(asker.uri):
            lives[name] = (asker, journal | _colleague(asker))
    flipped = table.assign(y=lambda frame: 1 - frame["y"])
    flipped.to_csv(data, index=False)
    for _, truth in lives.values():
        truth["unchanged"] = "non"
    return lives


def _table() -> pd.DataFrame:
    from sklearn.datasets import load_breast_cancer

    frame = load_breast_cancer(as_frame=True).frame.iloc[:200, [0, 1, 2, -1]]
    named: pd.DataFrame = frame.set_axis(["rayon", "texture", "perimetre", "y"], axis=1)
    return named


def _colleague(asker: Asker) -> Truth:
    """What Bob does afterwards, and what should be remembered of it."""
    client, name, draft = asker.client, asker.model, asker.draft
    best, first = asker.runs["best"], asker.runs["first"]
    sources = {v: client.get_model_version(name, v).source for v in ("1", "2")}
    truth: Truth = {"old_description": "validée par Ada"}

    client.set_registered_model_alias(name, "champion", "1")
    client.update_model_version(name, "1", description=truth["old_description"])
    client.set_model_version_tag(name, "1", "validation", "en attente")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        for stage in ("Staging", "Production", "Archived"):
            client.transition_model_version_stage(name, "1", stage)
    time.sleep(WAIT_S)
    truth["moved"] = int(time.time() * 1000)
    client.set_registered_model_alias(name, "champion", "2")
    client.update_model_version(name, "1", description="revue par Bob")
    client.set_model_version_tag(name, "1", "validation", "refusée")
    # the number of a version, deleted with its name and used again
    for which, run in (("1", first), ("2", best)):
        client.create_registered_model(draft)
        _register(client, draft, sources[which], run)
        if which == "1":
            client.delete_registered_model(draft)
    _register(client, name, sources["1"], first)
    client.delete_model_version(name, "3")
    # numbers, report, name and status
    end = client.get_run(best).info.end_time
    client.log_metric(first, "exactitude", 0.5, step=3)
    client.log_metric(best, "exactitude", 0.999, step=3, timestamp=end - 1)
    client.log_text(best, "exactitude 0.999", "rapport.txt")
    client.update_run(best, name="finale")
    client.update_run(asker.runs["failed"], status="FINISHED")
    truth["deleted"] = int(time.time() * 1000)
    client.delete_run(asker.runs["discarded"])
    return truth


def _register(client: MlflowClient, name: str, source: str, run: str) -> None:
    client.create_model_version(name, source, run, model_id=_model_id(source), await_creation_for=0)
