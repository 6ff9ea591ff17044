"""Everything that can change is changed, then the store is searched for what it remembers.

Each change has its own subject (a run, a registered model, an experiment, a model), an
old value that occurs nowhere else, an actor whose name occurs nowhere else, and a moment
known to the millisecond.  Afterwards the client's answers and every row or file behind
them are searched: is the old value still there?  The moment?  The actor?  And does
anything ring: is there, in what the client shows afterwards, a trace that something was
changed at all?
"""

from __future__ import annotations

import re
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from unittest import mock

import pandas as pd

from mlflow_study.nursery import changed_environment
from mlflow_study.scratch import memory_folder
from mlflow_study.stores import Store, open_stores
from mlflow_study.traceability import audit
from mlflow_study.traceability.dumps import Underneath, leaves, registered_seen, run_seen
from mlflow_study.traceability.questions import WAIT_S, default_uri
from mlflow_study.traceability.served import open_guarded, open_served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow import MlflowClient

Kind = Literal["run", "registre", "experience"]
PLACES = ("API", "base", "nulle part")


@dataclass
class Scene:
    """The subject of one change, freshly made, and the hands that change it."""

    store: Store
    client: MlflowClient
    experiment: str
    old: str
    new: str
    run: str = ""
    name: str = ""
    model_id: str = ""
    weights: str = "poids.txt"
    renamed: list[str] = field(default_factory=list)
    subject_experiment: str = ""

    def artifact(self) -> Path:
        """The report of the run, as a file of the artifact store."""
        assert self.store.artifacts is not None
        found = sorted(self.store.artifacts.rglob(f"{self.run}/artifacts/rapport.txt"))
        return found[0]

    def model_file(self) -> Path:
        assert self.store.artifacts is not None
        return sorted(self.store.artifacts.rglob(f"{self.model_id}/artifacts/{self.weights}"))[0]

    def sql(self, statement: str, **values: Any) -> None:
        from sqlalchemy import text

        engine = self.store.engine()
        with engine.begin() as connection:
            connection.execute(text(statement), values)
        engine.dispose()

    def edit_files(self, old: str, new: str, where: str) -> None:
        """Replace text in the files of a file store whose path holds ``where``."""
        assert self.store.files is not None
        for path in self.store.files.rglob("*"):
            if path.is_file() and where in str(path):
                content = path.read_text(encoding="utf-8")
                if old in content:
                    path.write_text(content.replace(old, new), encoding="utf-8")


@dataclass(frozen=True)
class Change:
    """One kind of change.  ``setup`` plants the old value; ``act`` replaces it."""

    id: str
    label: str
    family: str
    kind: Kind
    act: Callable[[Scene], object]
    setup: Callable[[Scene], object] = lambda _: None
    old: Callable[[Scene], str] = lambda scene: scene.old
    """Text whose survival means that the former state is remembered."""
    neutral: bool = False
    """The change ends where it began, so that an unchanged store is no surprise."""


def _dataset(scene: Scene, source: str) -> None:
    from mlflow.entities import Dataset, DatasetInput

    dataset = Dataset(f"donnees-{scene.run[:6]}", "d1g35t", "local", source)
    scene.client.log_inputs(scene.run, [DatasetInput(dataset, [])])


def _note(scene: Scene, value: str) -> None:
    scene.client.set_tag(scene.run, "mlflow.note.content", value)


def _direct(scene: Scene, statement: str, old: str, new: str) -> None:
    """Edit a value behind MLflow's back."""
    if scene.store.files is not None:
        scene.edit_files(old, new, scene.run)
    else:
        scene.sql(statement, run=scene.run, new=new)


def _collect(scene: Scene) -> None:
    """Soft deletion, then the hard deletion that ``mlflow gc`` performs."""
    from mlflow.tracking._tracking_service.utils import _get_store

    scene.client.delete_run(scene.run)
    uri = scene.store.database_url or scene.store.tracking_uri
    _get_store(uri)._hard_delete_run(scene.run)


def _same_size(scene: Scene) -> None:
    path = scene.model_file()
    path.write_bytes(path.read_bytes().replace(scene.old.encode(), scene.new.encode()))


def _cut(scene: Scene) -> None:
    path = scene.model_file()
    path.write_bytes(path.read_bytes().partition(scene.old.encode())[0])


def _stage(scene: Scene, stage: str) -> None:
    scene.client.transition_model_version_stage(scene.name, "1", stage)


def _new_name(scene: Scene) -> None:
    scene.renamed.append(scene.name)
    scene.name = f"{scene.new}-nom"
    scene.client.rename_registered_model(scene.renamed[-1], scene.name)


def _number_again(scene: Scene) -> None:
    scene.client.delete_registered_model(scene.name)
    scene.client.create_registered_model(scene.name)
    _version(scene, scene.new)


def _version(scene: Scene, source: str) -> None:
    """A version whose source is a path of its own under the run."""
    uri = scene.client.get_run(scene.run).info.artifact_uri
    scene.client.create_model_version(
        scene.name, f"{uri}/{source}", scene.run, await_creation_for=0
    )


def _experiment(scene: Scene) -> None:
    """An experiment whose name is the old value, and whose artifacts lie elsewhere."""
    location = None
    if scene.store.artifacts is not None and not scene.store.http:
        location = (scene.store.artifacts / uuid.uuid4().hex).as_uri()
    scene.subject_experiment = scene.client.create_experiment(scene.old, location)


def _tagged_experiment(scene: Scene) -> None:
    kept, scene.old = scene.old, uuid.uuid4().hex
    _experiment(scene)
    scene.old = kept
    scene.client.set_experiment_tag(scene.subject_experiment, _TAG, scene.old)


def _clock_set_back(scene: Scene) -> None:
    """The client's clock, which is the store's own without a server, goes back thirty days."""
    with mock.patch("time.time", lambda now=time.time: now() - 30 * 86_400):
        scene.client.update_model_version(scene.name, "1", description=scene.new)


_TAG = "validation"


def _direct_metric(scene: Scene) -> None:
    if scene.store.files is not None:
        scene.edit_files("0.123456", "0.654321", scene.run)
        return
    for table in ("metrics", "latest_metrics"):
        scene.sql(f"UPDATE {table} SET value = 0.654321 WHERE run_uuid = :run", run=scene.run)


def _old_start(scene: Scene) -> None:
    scene.old = str(scene.client.get_run(scene.run).info.start_time)


def _tagged_model(scene: Scene) -> None:
    _logged_model(scene, "poids")
    scene.client.set_logged_model_tags(scene.model_id, {_TAG: scene.old})


def _logged_model(scene: Scene, weights: str) -> None:
    """A logged model of the run with one file, as ``log_model`` leaves it."""
    model = scene.client.create_logged_model(
        scene.experiment, name="modele", source_run_id=scene.run
    )
    scene.model_id = model.model_id
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "poids.txt").write_text(weights, encoding="utf-8")
        scene.client.log_model_artifacts(model.model_id, folder)
    scene.client.finalize_logged_model(model.model_id, "READY")


def _real_model(scene: Scene) -> None:
    """A model that ``log_model`` makes of the run, whose file holds the old value."""
    import logging
    import warnings

    import mlflow
    from mlflow.pyfunc.utils import pyfunc

    value = scene.old  # pickled with the function

    @pyfunc  # type: ignore[untyped-decorator]
    def constant(model_input: list[str]) -> list[str]:
        return [value for _ in model_input]

    logger = logging.getLogger("mlflow.pyfunc")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), mlflow.start_run(run_id=scene.run):
            warnings.simplefilter("ignore")
            made = mlflow.pyfunc.log_model(
                name="modele", python_model=constant, pip_requirements=["mlflow"]
            )
    finally:
        logger.setLevel(level)
    scene.model_id, scene.weights = str(made.model_id), "python_model.pkl"


CHANGES: tuple[Change, ...] = (
    # what a run holds
    Change("parametre", "paramètre réécrit", "run", "run", lambda s: s.client.log_param(s.run, "p", s.new), lambda s: s.client.log_param(s.run, "p", s.old)),
    Change("etiquette", "étiquette réécrite", "run", "run", lambda s: s.client.set_tag(s.run, _TAG, s.new), lambda s: s.client.set_tag(s.run, _TAG, s.old)),
    Change("etiquette-supprimee", "étiquette supprimée", "run", "run", lambda s: s.client.delete_tag(s.run, _TAG), lambda s: s.client.set_tag(s.run, _TAG, s.old)),
    Change("metrique-apres", "point de métrique ajouté après la fin", "run", "run", lambda s: s.client.log_metric(s.run, "score", 0.999, step=1), lambda s: s.client.set_terminated(s.run), lambda _: "0.123456"),
    Change("metrique-antidatee", "point de métrique ajouté après la fin, antidaté", "run", "run", lambda s: s.client.log_metric(s.run, "score", 0.999, step=1, timestamp=s.client.get_run(s.run).info.end_time - 1), lambda s: s.client.set_terminated(s.run), lambda _: "0.123456"),
    Change("metrique-meme-pas", "point de métrique réécrit au même pas", "run", "run", lambda s: s.client.log_metric(s.run, "score", 0.999, step=0), old=lambda _: "0.123456"),
    Change("nom", "run renommé", "run", "run", lambda s: s.client.update_run(s.run, name=s.new), lambda s: s.client.update_run(s.run, name=s.old)),
    Change("description", "description réécrite", "run", "run", lambda s: _note(s, s.new), lambda s: _note(s, s.old)),
    Change("statut", "statut réécrit, d’échec en succès", "run", "run", lambda s: s.client.update_run(s.run, status="FINISHED"), lambda s: s.client.set_terminated(s.run, "FAILED"), lambda _: "FAILED"),
    Change("fin", "date de fin réécrite", "run", "run", lambda s: s.client.set_terminated(s.run, end_time=1_600_000_000_000), lambda s: s.client.set_terminated(s.run, end_time=1_612_345_678_901), lambda _: "1612345678901"),
    Change("auteur", "auteur réécrit (mlflow.user)", "run", "run", lambda s: s.client.set_tag(s.run, "mlflow.user", s.new), lambda s: s.client.set_tag(s.run, "mlflow.user", s.old)),
    Change("commit", "commit réécrit", "run", "run", lambda s: s.client.set_tag(s.run, "mlflow.source.git.commit", s.new), lambda s: s.client.set_tag(s.run, "mlflow.source.git.commit", s.old)),
    Change("parent", "parent réécrit", "run", "run", lambda s: s.client.set_tag(s.run, "mlflow.parentRunId", s.new), lambda s: s.client.set_tag(s.run, "mlflow.parentRunId", s.old)),
    Change("donnees", "jeu de données redéclaré, autre adresse", "run", "run", lambda s: _dataset(s, s.new), lambda s: _dataset(s, s.old)),
    Change("suppression", "run supprimé", "run", "run", lambda s: s.client.delete_run(s.run), lambda s: s.client.log_param(s.run, "p", s.old)),
    Change("restauration", "run supprimé puis restauré", "run", "run", lambda s: (s.client.delete_run(s.run), s.client.restore_run(s.run)), lambda s: s.client.log_param(s.run, "p", s.old), neutral=True),
    Change("gc", "run supprimé puis effacé (gc)", "run", "run", _collect, lambda s: s.client.log_param(s.run, "p", s.old)),
    # files
    Change("artefact-remplace", "artefact remplacé par l’API", "fichier", "run", lambda s: s.client.log_text(s.run, s.new, "rapport.txt"), lambda s: s.client.log_text(s.run, s.old, "rapport.txt")),
    Change("artefact-edite", "artefact modifié sur le disque", "fichier", "run", lambda s: s.artifact().write_text(s.new, encoding="utf-8"), lambda s: s.client.log_text(s.run, s.old, "rapport.txt")),
    Change("artefact-efface", "artefact effacé du disque", "fichier", "run", lambda s: s.artifact().unlink(), lambda s: s.client.log_text(s.run, s.old, "rapport.txt")),
    Change("modele-edite", "fichier d’un modèle modifié, même taille", "fichier", "run", _same_size, _real_model),
    Change("modele-tronque", "fichier d’un modèle tronqué", "fichier", "run", _cut, _real_model),
    Change("modele-efface", "fichier d’un modèle effacé", "fichier", "run", lambda s: s.model_file().unlink(), _real_model),
    # experiment and logged model
    Change("experience-nom", "expérience renommée", "expérience", "experience", lambda s: s.client.rename_experiment(s.subject_experiment, s.new), _experiment),
    Change("experience-etiquette", "étiquette d’expérience réécrite", "expérience", "experience", lambda s: s.client.set_experiment_tag(s.subject_experiment, _TAG, s.new), _tagged_experiment),
    Change("experience-suppression", "expérience supprimée", "expérience", "experience", lambda s: s.client.delete_experiment(s.subject_experiment), _experiment),
    Change("modele-etiquette", "étiquette d’un modèle enregistré réécrite", "expérience", "run", lambda s: s.client.set_logged_model_tags(s.model_id, {_TAG: s.new}), _tagged_model),
    Change("modele-supprime", "modèle enregistré supprimé", "expérience", "run", lambda s: s.client.delete_logged_model(s.model_id), _tagged_model),
    # registry
    Change("version-description", "description d’une version réécrite", "registre", "registre", lambda s: s.client.update_model_version(s.name, "1", description=s.new), lambda s: s.client.update_model_version(s.name, "1", description=s.old)),
    Change("version-etiquette", "étiquette d’une version réécrite", "registre", "registre", lambda s: s.client.set_model_version_tag(s.name, "1", _TAG, s.new), lambda s: s.client.set_model_version_tag(s.name, "1", _TAG, s.old)),
    Change("alias", "alias déplacé", "registre", "registre", lambda s: s.client.set_registered_model_alias(s.name, "champion", "2"), lambda s: s.client.set_registered_model_alias(s.name, "champion", "1"), lambda _: "ALIAS champion 1"),
    Change("alias-supprime", "alias supprimé", "registre", "registre", lambda s: s.client.delete_registered_model_alias(s.name, "champion"), lambda s: s.client.set_registered_model_alias(s.name, "champion", "1"), lambda _: "ALIAS champion 1"),
    Change("stade", "stade déplacé", "registre", "registre", lambda s: _stage(s, "Archived"), lambda s: _stage(s, "Production"), lambda _: "Production"),
    Change("version-supprimee", "version supprimée", "registre", "registre", lambda s: s.client.delete_model_version(s.name, "3"), lambda s: _version(s, s.old)),
    Change("numero-reutilise", "nom supprimé puis recréé, numéro réutilisé", "registre", "registre", _number_again, lambda s: s.client.update_model_version(s.name, "1", description=s.old)),
    Change("modele-renomme", "modèle du registre renommé", "registre", "registre", _new_name, old=lambda s: s.renamed[-1] if s.renamed else s.name),
    Change("run-de-version", "run d’une version supprimé", "registre", "registre", lambda s: s.client.delete_run(s.run), lambda s: s.client.update_model_version(s.name, "1", description=s.old)),
    # behind MLflow's back
    Change("base-parametre", "paramètre modifié dans la base", "hors MLflow", "run", lambda s: _direct(s, "UPDATE params SET value = :new WHERE run_uuid = :run", s.old, s.new), lambda s: s.client.log_param(s.run, "p", s.old)),
    Change("horloge", "description réécrite, horloge reculée", "hors MLflow", "registre", _clock_set_back, lambda s: s.client.update_model_version(s.name, "1", description=s.old)),
    Change("base-metrique", "métrique modifiée dans la base", "hors MLflow", "run", _direct_metric, old=lambda _: "0.123456"),
    Change("base-date", "date de début modifiée dans la base", "hors MLflow", "run", lambda s: _direct(s, "UPDATE runs SET start_time = 1500000000000 WHERE run_uuid = :run", s.old, "1500000000000"), _old_start),
)  # fmt: skip


def follow_changes(
    backends: Sequence[str], changes: Sequence[str] = (), journal: bool = False
) -> pd.DataFrame:
    """One row per backend and change; with ``journal``, under the triggers of ``audit``.

    Columns: backend, famille, changement, libelle, issue (accepté, refusé, or ignoré: accepted without
    any effect), erreur,
    ancienne, date, auteur (each «API», «base» or «nulle part»), alarmes (what rings
    afterwards, joined), alarme (bool).
    """
    chosen = [change for change in CHANGES if not changes or change.id in changes]
    rows: list[dict[str, Any]] = []
    with open_stores(backends, memory_folder()) as stores:
        for name, store in stores.items():
            with default_uri(store.tracking_uri):
                if journal:
                    _install_journal(store)
                for row in _on_store(store, chosen):
                    rows.append({"backend": name, **row})
    return pd.DataFrame(rows)


def follow_under_accounts(guarded: bool, changes: Sequence[str] = ()) -> pd.DataFrame:
    """The same on a server with accounts: the actor of each change has an account of its own.

    ``guarded`` puts the accounts and a journal in a proxy before the server
    (``served.open_guarded``); otherwise they are MLflow's own.  Columns as
    ``follow_changes``; the database of accounts, or the journal, is searched too.
    Raises StudyError when the server does not start: ask ``served.accounts_refusal`` first.
    """
    chosen = [change for change in CHANGES if not changes or change.id in changes]
    opened = open_guarded() if guarded else open_served(authenticated=True)
    with opened as served, default_uri(served.store.tracking_uri):
        found = list(_on_store(served.store, chosen, served.acting_as, served.accounts_url))
    return pd.DataFrame([{"backend": "mandataire" if guarded else "comptes", **r} for r in found])


def _install_journal(store: Store) -> None:
    engine = store.engine()
    audit.install(engine)
    engine.dispose()


Acting = Callable[[str], AbstractContextManager[None]]
"""Makes what follows the act of somebody."""


def _on_store(
    store: Store,
    changes: Sequence[Change],
    acting: Acting | None = None,
    also: str | None = None,
) -> Iterator[dict[str, Any]]:
    client = store.client()
    experiment = store.create_experiment("changements")
    underneath = Underneath(store, also)
    try:
        for change in changes:
            yield _one(change, store, client, experiment, underneath, acting or _acting_as)
    finally:
        underneath.close()


def _scene(change: Change, store: Store, client: MlflowClient, experiment: str) -> Scene:
    token = uuid.uuid4().hex[:10]
    scene = Scene(store, client, experiment, f"avant-{token}", f"apres-{token}")
    # a start that no other time of the store can equal
    start = int(time.time() * 1000) - 100_000
    scene.run = client.create_run(experiment, start_time=start).info.run_id
    if change.kind == "registre":
        scene.name = f"modele-{token}"
        client.create_registered_model(scene.name)
        for source in ("a", "b"):
            _version(scene, source)
    else:
        client.log_metric(scene.run, "score", 0.123456, step=0)
    with _no_future_warning():
        change.setup(scene)
    return scene


def _one(
    change: Change,
    store: Store,
    client: MlflowClient,
    experiment: str,
    underneath: Underneath,
    acting: Acting,
) -> dict[str, Any]:
    from mlflow.exceptions import MlflowException

    scene = _scene(change, store, client, experiment)
    time.sleep(WAIT_S)
    actor = f"bob-{uuid.uuid4().hex[:10]}"
    hands = acting(actor)
    seen_before, below_before = _look(scene), underneath.read()
    start = int(time.time() * 1000)
    error = ""
    with hands, _no_future_warning():
        try:
            change.act(scene)
        except MlflowException as refusal:
            error = str(refusal).splitlines()[0][:120].replace(scene.run, "…")
    window = range(start, int(time.time() * 1000) + 1)
    time.sleep(WAIT_S)
    seen, below = _look(scene), underneath.read()
    old = change.old(scene)
    subject = (scene.run, scene.name, scene.model_id, *scene.renamed)
    new_below = below - below_before
    mine = {text for text in below if any(s and s in text for s in subject)}
    searched = below if old == scene.old else mine
    rings = {re.sub(r" \d+$", "", ring) for ring in _alarms(seen) - _alarms(seen_before)}
    idle = not change.neutral and not new_below and seen == seen_before
    return {
        "famille": change.family,
        "changement": change.id,
        "libelle": change.label,
        "issue": "refusé" if error else "ignoré" if idle else "accepté",
        "erreur": error,
        "ancienne": _where(_holds(leaves(seen), old), _holds(searched, old, raw=True)),
        "date": _where(
            _dated(frozenset(leaves(seen)) - frozenset(leaves(seen_before)), window),
            _dated(new_below, window),
        ),
        "auteur": _where(_holds(leaves(seen), actor), _holds(new_below, actor, raw=True)),
        "alarmes": " ; ".join(sorted(rings)),
        "alarme": bool(rings),
    }


def _where(api: bool, base: bool) -> str:
    return "API" if api else "base" if base else "nulle part"


def _holds(texts: Any, value: str, raw: bool = False) -> bool:
    if value.startswith("ALIAS "):
        _, alias, version = value.split()
        if raw:
            row = re.compile(
                rf"""['"]alias['"]: ?['"]{alias}['"].*['"]version['"]: ?['"]?{version}\b"""
                rf"|aliases/{alias} {version}$"
            )
            return any(row.search(text) for text in texts)
        return any(text == f".registered.model.aliases.{alias}={version}" for text in texts)
    return any(value in text for text in texts)


_TIME = re.compile(r"(?<!\d)\d{13}(?!\d)")


def _dated(texts: Any, window: range) -> bool:
    """Does any new row or leaf hold a time of the change, to the millisecond?"""
    return any(int(found) in window for text in texts for found in _TIME.findall(text))


@contextmanager
def _acting_as(actor: str) -> Iterator[None]:
    """The operating system's idea of who acts, as MLflow's client asks for it."""
    with changed_environment(dict.fromkeys(("LOGNAME", "USER"), actor)):
        yield


@contextmanager
def _no_future_warning() -> Iterator[None]:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


def _look(scene: Scene) -> dict[str, Any]:
    """All that the client shows of the subject."""
    from mlflow.exceptions import MlflowException

    client = scene.client
    seen: dict[str, Any] = {"runs": run_seen(client, scene.run)}
    if scene.name:
        seen["registered"] = registered_seen(client, scene.name)
    if scene.subject_experiment:
        experiment = client.get_experiment(scene.subject_experiment)
        seen["experiment"] = dict(experiment)
    if scene.model_id:
        with suppress(MlflowException):
            seen["logged"] = client.get_logged_model(scene.model_id).to_dictionary()
        # a reader may open any file that the API lists
        seen["model_text"] = _read(scene.model_file)
        if scene.weights != "poids.txt":
            seen["model_files"] = _checked(scene)
    if (seen["runs"] or {}).get("artifacts"):
        seen["report"] = _read(scene.artifact)
    return seen


def _read(where: Callable[[], Path]) -> str | None:
    try:
        return where().read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, IndexError):
        return None


def _checked(scene: Scene) -> dict[str, Any]:
    """What tells of the files of a logged model: its ``MLmodel``, the list of its files, its loading."""
    from mlflow.models import Model
    from mlflow.pyfunc import load_model

    address = f"models:/{scene.model_id}"
    listed = scene.client.list_logged_model_artifacts(scene.model_id)
    notice = Model.load(address)
    try:
        load_model(address)
        loads = True
    except Exception:  # whatever it is, the reader sees it
        loads = False
    return {
        "named": notice.flavors["python_function"]["python_model"],
        "declared": notice.model_size_bytes,
        "listed": {found.path: found.file_size for found in listed},
        "loads": loads,
    }


def _alarms(seen: dict[str, Any]) -> set[str]:
    """What would tell a reader, who sees only this, that something was changed.

    Rules, each on what the client shows: an update time after the creation time; a
    metric point dated after the end of its run; two points at one step; the mark of a
    soft deletion; a run or a model that is missing; a gap in version numbers; an update
    before the creation; a model's file that its ``MLmodel`` names and the list does not, or
    whose size is not the one that ``MLmodel`` says; a model that does not load.  Of a run's
    artifacts MLflow keeps nothing but the files, so that no rule can be applied to them.
    """
    found: set[str] = set()
    runs = seen["runs"]
    if not runs:
        found.add("run introuvable")
    else:
        info = runs["run"]["info"]
        if info["lifecycle_stage"] == "deleted":
            found.add("marque de suppression")
        end = info.get("end_time")
        for points in runs["histories"].values():
            steps = [point["step"] for point in points]
            if end and any(point["timestamp"] > end for point in points):
                found.add("point daté après la fin")
            if len(steps) != len(set(steps)):
                found.add("deux points au même pas")
        if end and end < info["start_time"]:
            found.add("fin antérieure au début")
    experiment = seen.get("experiment")
    if experiment:
        if experiment["lifecycle_stage"] == "deleted":
            found.add("marque de suppression")
        if experiment["last_update_time"] > experiment["creation_time"]:
            found.add(f"date de mise à jour {experiment['last_update_time']}")
    registered = seen.get("registered")
    if registered is not None:
        found |= _registry_alarms(registered)
    if "model_text" in seen and "logged" not in seen:
        found.add("modèle introuvable")
    files = seen.get("model_files")
    if files:
        size = files["listed"].get(files["named"])
        if size is None:
            found.add("fichier nommé par `MLmodel`, absent")
        elif size != files["declared"]:
            found.add("taille autre que celle de `MLmodel`")
        if not files["loads"]:
            found.add("chargement refusé")
    logged = seen.get("logged")
    if logged and logged["last_updated_timestamp"] > logged["creation_timestamp"]:
        found.add(f"date de mise à jour {logged['last_updated_timestamp']}")
    return found


def _registry_alarms(registered: dict[str, Any]) -> set[str]:
    if not registered:
        return {"modèle du registre introuvable"}
    found: set[str] = set()
    numbers = sorted(int(number) for number in registered["versions"])
    if numbers and numbers != list(range(1, numbers[-1] + 1)):
        found.add("trou dans les numéros")
    created = max(
        [v["creation_timestamp"] for v in registered["versions"].values()],
        default=registered["model"]["created"],
    )
    if (registered["model"]["updated"] or 0) > created:
        found.add(f"date de mise à jour {registered['model']['updated']}")
    for version in registered["versions"].values():
        if version["last_updated_timestamp"] > version["creation_timestamp"]:
            found.add(f"date de mise à jour {version['last_updated_timestamp']}")
        if version["last_updated_timestamp"] < version["creation_timestamp"]:
            found.add("mise à jour antérieure à la création")
    return found
