"""A registry life of many events, then: what was the state at a past moment?

A seeded life of versions, aliases, tags, stages, descriptions, deletions and renewals is
played on a store while a journal keeps the truth.  Then moments and facts are drawn at
random and asked for, three times: of MLflow's API by a *prudent* reader, who states only
what the timestamps prove; by a *naive* one, who takes today's state for the past; and of
the database's own log of changes (``audit``), which MLflow does not have but can be given.
"""

from __future__ import annotations

import bisect
import random
import time
import uuid
import warnings
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from mlflow_study.scratch import memory_folder
from mlflow_study.stores import Store, open_stores
from mlflow_study.traceability import audit
from mlflow_study.traceability.grades import Grade
from mlflow_study.traceability.questions import default_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.tracking._model_registry.client import ModelRegistryClient

MODELS = ("prix", "fraude", "attrition")
ALIASES = ("champion", "challenger")
TAG_KEYS = ("validation", "responsable")
STAGES = ("Staging", "Production", "Archived")
RUNS = 12
KINDS = ("alias", "etiquette", "stade", "description", "existence")
CHECKPOINTS = (0.1, 0.25, 0.5, 0.75, 1.0)
"""Shares of the life at which access is timed."""
WEIGHTS = {
    "version": 20,
    "alias": 30,
    "etiquette": 22,
    "stade": 14,
    "description": 6,
    "suppression-version": 4,
    "suppression-alias": 2,
    "suppression-run": 1,
    "renouvellement": 1,
}
"""Relative frequency of each event; a declared distribution, not an observed one."""
QUIET_EVERY = 4
"""After this many events comes a silence of 3 ms, in which the past can be asked for."""

Fact = tuple[str, str, str, str]
"""(kind, model, version, key): what may have a value at a moment."""


@dataclass
class Journal:
    """Every value that every fact took: fact -> [(ms, value or None)], in order."""

    history: dict[Fact, list[tuple[int, str | None]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    moments: list[int] = field(default_factory=list)
    """End of each event, ms."""

    def note(self, at: int, fact: Fact, value: str | None) -> None:
        self.history[fact].append((at, value))

    def at(self, moment: int, fact: Fact) -> str | None:
        """The value of ``fact`` at ``moment``; None when it had none."""
        past = self.history.get(fact, [])
        index = bisect.bisect_right([when for when, _ in past], moment)
        return past[index - 1][1] if index else None


@dataclass
class Life:
    """The registry of one store, being lived."""

    store: Store
    client: MlflowClient
    registry: ModelRegistryClient
    """What ``client`` writes through.  ``client`` itself reads the whole registered model
    before each tag or alias, to refuse prompts: two fifths of the time, and no write."""
    rng: random.Random
    journal: Journal = field(default_factory=Journal)
    names: dict[str, str] = field(default_factory=dict)
    sources: list[tuple[str, str, str]] = field(default_factory=list)
    """Run, address and id of each logged model; its number marks the run's data and commit."""
    origins: dict[tuple[str, str], int] = field(default_factory=dict)
    """(model, version) -> the source that it was made from."""
    living: dict[str, list[str]] = field(default_factory=dict)
    deleted_runs: set[str] = field(default_factory=set)
    counter: int = 0
    kinds: list[str] = field(default_factory=list)
    """What was played, in order."""
    pause_s: float = 0.0
    """Least time after each event."""

    def fresh(self, prefix: str) -> str:
        self.counter += 1
        return f"{prefix}-{self.counter}"

    def prepare(self) -> None:
        """Runs with data, code and a logged model, then one version of each model."""
        from mlflow.entities import Dataset, DatasetInput

        experiment = self.store.create_experiment("registre")
        for index in range(RUNS):
            run = self.client.create_run(
                experiment, tags={"mlflow.source.git.commit": _commit(index)}
            ).info.run_id
            dataset = Dataset(f"d{index}", _digest(index), "local", f'{{"uri": "d{index}.csv"}}')
            self.client.log_inputs(run, [DatasetInput(dataset, [])])
            model = self.client.create_logged_model(experiment, name="m", source_run_id=run)
            self.client.finalize_logged_model(model.model_id, "READY")
            self.sources.append((run, f"models:/{model.model_id}", model.model_id))
        for model_name in MODELS:
            self.names[model_name] = f"{model_name}-{uuid.uuid4().hex[:6]}"
            self.living[model_name] = []
            self.client.create_registered_model(self.names[model_name])
            self.step("version", model_name)

    def step(self, kind: str, model: str) -> bool:
        """Play one event; False when it has no object (nothing to delete)."""
        versions = self.living[model]
        if kind != "version" and not versions:
            return False
        version = self.rng.choice(versions) if versions else ""
        action = getattr(self, "_" + kind.replace("-", "_"))
        if (moments := self.journal.moments) and len(moments) % QUIET_EVERY == 0:
            while int(time.time() * 1000) <= moments[-1] + 2:
                time.sleep(0.0002)
        notes: list[tuple[Fact, str | None]] | None = action(self.names[model], model, version)
        if notes is None:
            return False
        at = int(time.time() * 1000)
        for fact, value in notes:
            self.journal.note(at, fact, value)
        self.journal.moments.append(at)
        self.kinds.append(kind)
        time.sleep(self.pause_s)
        return True

    # each event returns the facts that it changed

    def _version(self, name: str, model: str, _: str) -> Any:
        origin = self.rng.choice(
            [i for i, s in enumerate(self.sources) if s[0] not in self.deleted_runs]
        )
        run, source, model_id = self.sources[origin]
        made = self.client.create_model_version(
            name, source, run, model_id=model_id, await_creation_for=0
        )
        number = str(made.version)
        self.origins[model, number] = origin
        self.living[model].append(number)
        return [
            (("existence", model, number, ""), "présente"),
            (("stade", model, number, ""), "None"),
        ]

    def _alias(self, name: str, model: str, version: str) -> Any:
        alias = self.rng.choice(ALIASES)
        self.registry.set_registered_model_alias(name, alias, version)
        return [(("alias", model, "", alias), version)]

    def _etiquette(self, name: str, model: str, version: str) -> Any:
        key, value = self.rng.choice(TAG_KEYS), self.fresh("valeur")
        self.registry.set_model_version_tag(name, version, key, value)
        return [(("etiquette", model, version, key), value)]

    def _stade(self, name: str, model: str, version: str) -> Any:
        stage = self.rng.choice(STAGES)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            self.client.transition_model_version_stage(name, version, stage)
        return [(("stade", model, version, ""), stage)]

    def _description(self, name: str, model: str, version: str) -> Any:
        text = self.fresh("texte")
        self.client.update_model_version(name, version, description=text)
        return [(("description", model, version, ""), text)]

    def _suppression_version(self, name: str, model: str, version: str) -> Any:
        if len(self.living[model]) < 2:
            return None
        self.client.delete_model_version(name, version)
        self.living[model].remove(version)
        return self._gone(model, version)

    def _gone(self, model: str, version: str) -> list[tuple[Fact, str | None]]:
        """Every fact that ends with a version, the aliases that led to it included."""
        ended: list[tuple[Fact, str | None]] = [
            (fact, None)
            for fact, past in self.journal.history.items()
            if fact[1] == model
            and past[-1][1] is not None
            and (fact[2] == version or (fact[0] == "alias" and past[-1][1] == version))
        ]
        return ended

    def _suppression_alias(self, name: str, model: str, _: str) -> Any:
        alias = self.rng.choice(ALIASES)
        self.registry.delete_registered_model_alias(name, alias)
        return [(("alias", model, "", alias), None)]

    def _suppression_run(self, _name: str, _model: str, _version: str) -> Any:
        alive = [s[0] for s in self.sources if s[0] not in self.deleted_runs]
        if len(alive) <= RUNS // 2:
            return None
        run = self.rng.choice(alive)
        self.client.delete_run(run)
        self.deleted_runs.add(run)
        return []

    def _renouvellement(self, name: str, model: str, _: str) -> Any:
        """The registered model is deleted and created again under the same name."""
        self.client.delete_registered_model(name)
        notes = [note for v in self.living[model] for note in self._gone(model, v)]
        self.client.create_registered_model(name)
        self.living[model] = []
        return notes


def live_registry(
    backends: Sequence[str], events: int, queries: int, seed: int, repeats: int
) -> dict[str, pd.DataFrame]:
    """Play a life on each store and ask for its past.

    Tables: ``questions`` (backend, nature, lecteur, note), one row per question and
    reader; ``acces`` (backend, evenements, versions, operation, temps_s); ``lignee``
    (backend, maillon, complets, n); ``vie`` (backend, evenements, versions, duree_s,
    journal: rows of the database log).
    """
    tables: dict[str, list[dict[str, Any]]] = {
        k: [] for k in ("questions", "acces", "lignee", "vie")
    }
    with open_stores(backends, memory_folder()) as stores:
        for name, store in stores.items():
            engine = store.engine()
            try:
                audit.install(engine)
                with default_uri(store.tracking_uri):
                    life = begin(store, seed)
                    begun = time.perf_counter()
                    tables["acces"] += play(name, life, events, repeats)
                    duration = time.perf_counter() - begun
                    log = audit.read(engine)
                    readers = {
                        "prudent": _prudent(life),
                        "naif": _naive(life),
                        "journal": _from_log(life, log),
                    }
                    tables["questions"] += ask(name, life, readers, queries, seed)
                    tables["lignee"] += _lineage(name, life)
                tables["vie"].append(
                    {
                        "backend": name,
                        "evenements": len(life.journal.moments),
                        "versions": sum(map(len, life.living.values())),
                        "duree_s": duration,
                        "journal": len(log),
                    }
                )
            finally:
                engine.dispose()
    return {key: pd.DataFrame(rows) for key, rows in tables.items()}


def begin(store: Store, seed: int) -> Life:
    from mlflow.tracking._model_registry.client import ModelRegistryClient

    registry = ModelRegistryClient(store.tracking_uri, store.tracking_uri)
    return Life(store, store.client(), registry, random.Random(seed))


def play(backend: str, life: Life, events: int, repeats: int) -> list[dict[str, Any]]:
    life.prepare()
    kinds, weights = list(WEIGHTS), list(WEIGHTS.values())
    marks = sorted({max(1, round(events * share)) for share in CHECKPOINTS})
    access: list[dict[str, Any]] = []
    while len(life.journal.moments) < events:
        model = life.rng.choice(MODELS)
        if life.step(life.rng.choices(kinds, weights)[0], model) and (
            repeats and len(life.journal.moments) in marks
        ):
            access += _time_access(backend, life, repeats)
    return access


def _time_access(backend: str, life: Life, repeats: int) -> list[dict[str, Any]]:
    from mlflow.exceptions import MlflowException

    model = max(MODELS, key=lambda m: len(life.living[m]))
    name, client = life.names[model], life.client
    version = life.living[model][-1]
    client.set_registered_model_alias(name, "repere", version)
    operations: dict[str, Callable[[], object]] = {
        "lire une version": lambda: client.get_model_version(name, version),
        "suivre un alias": lambda: client.get_model_version_by_alias(name, "repere"),
        "lister les versions d’un modèle": lambda: client.search_model_versions(f"name = '{name}'"),
        "lire le modèle du registre": lambda: client.get_registered_model(name),
    }
    rows = []
    for repeat in range(repeats + 1):
        for label, operation in operations.items():
            begun = time.perf_counter()
            try:
                operation()
            except MlflowException as error:  # counted as what it is: no answer
                raise RuntimeError(f"{label}: {error}") from error
            elapsed = time.perf_counter() - begun
            if repeat:  # the first one warms the caches
                rows.append(
                    {
                        "backend": backend,
                        "evenements": len(life.journal.moments),
                        "versions": len(life.living[model]),
                        "operation": label,
                        "temps_s": elapsed,
                    }
                )
    client.delete_registered_model_alias(name, "repere")
    return rows


def ask(
    backend: str, life: Life, readers: Mapping[str, Reader], queries: int, seed: int
) -> list[dict[str, Any]]:
    """Draw ``queries`` questions, equally many of each kind, and let each reader answer."""
    rng = random.Random(seed + 1)
    # an event ended 1 ms before, none has begun
    moments = [end + 1 for end in life.journal.moments[QUIET_EVERY - 1 : -1 : QUIET_EVERY]]
    facts = {k: sorted(f for f in life.journal.history if f[0] == k) for k in KINDS}
    rows: list[dict[str, Any]] = []
    for number in range(queries):
        kind = KINDS[number % len(KINDS)]
        fact = rng.choice(facts[kind])
        moment = rng.choice(moments)
        truth = life.journal.at(moment, fact)
        for reader, answer in readers.items():
            known, value = answer(moment, fact)
            note: Grade = "absente" if not known else "juste" if value == truth else "fausse"
            rows.append({"backend": backend, "nature": kind, "lecteur": reader, "note": note})
    return rows


Reader = Callable[[int, Fact], tuple[bool, str | None]]
"""(moment, fact) -> (is there an answer?, the value, None for «had none»)."""


@dataclass
class _Today:
    """What the API says now."""

    created: dict[str, int]
    versions: dict[tuple[str, str], Any]
    aliases: dict[tuple[str, str], str]


def _today(life: Life) -> _Today:
    today = _Today({}, {}, {})
    for model, name in life.names.items():
        registered = life.client.get_registered_model(name)
        today.created[model] = registered.creation_timestamp
        today.aliases |= {(model, a): str(v) for a, v in registered.aliases.items()}
        token = None
        while True:
            page = life.client.search_model_versions(f"name = '{name}'", page_token=token)
            today.versions |= {(model, str(v.version)): v for v in page}
            token = page.token
            if not token:
                break
    return today


def _value(today: _Today, fact: Fact) -> str | None:
    kind, model, version, key = fact
    if kind == "alias":
        return today.aliases.get((model, key))
    found = today.versions.get((model, version))
    if found is None:
        return None
    values = {
        "existence": "présente",
        "stade": found.current_stage,
        "description": found.description or None,
        "etiquette": found.tags.get(key),
    }
    value: str | None = values[kind]
    return value


def _prudent(life: Life) -> Reader:
    """States only what a creation or update time proves, on an SQL store.

    A stage and a description cannot have changed after the version's last update; tags
    and aliases leave no time, so that nothing can be said of them.
    """
    today = _today(life)

    def answer(moment: int, fact: Fact) -> tuple[bool, str | None]:
        kind, model, version, _ = fact
        if moment < today.created[model]:
            return False, None
        if kind == "alias":
            return False, None
        found = today.versions.get((model, version))
        if found is None:
            return False, None
        if moment < found.creation_timestamp:
            return True, None
        if kind == "existence":
            return True, "présente"
        if kind in ("stade", "description") and moment >= found.last_updated_timestamp:
            return True, _value(today, fact)
        return False, None

    return answer


def _naive(life: Life) -> Reader:
    """Takes today's state for the state at any moment."""
    today = _today(life)
    return lambda _, fact: (True, _value(today, fact))


def _from_log(life: Life, log: list[audit.Entry]) -> Reader:
    """Replays the database's own log of changes."""
    replayed = Journal()
    models = {name: model for model, name in life.names.items()}
    for entry in log:
        for fact, value in _facts(entry, models):
            replayed.note(entry.at, fact, value)
    return lambda moment, fact: (True, replayed.at(moment, fact))


def _facts(entry: audit.Entry, models: dict[str, str]) -> list[tuple[Fact, str | None]]:
    row = entry.after or entry.before or {}
    model = models.get(str(row.get("name")))
    if model is None:
        return []
    gone, version = entry.after is None, str(row.get("version"))
    if entry.table == "registered_model_aliases":
        return [(("alias", model, "", row["alias"]), None if gone else version)]
    if entry.table == "model_version_tags":
        return [(("etiquette", model, version, row["key"]), None if gone else row["value"])]
    if entry.table == "model_versions":
        ended = gone or row["current_stage"] == "Deleted_Internal"
        notes: list[tuple[Fact, str | None]] = [
            (("existence", model, version, ""), None if ended else "présente"),
            (("stade", model, version, ""), None if ended else row["current_stage"]),
            (("description", model, version, ""), None if ended else row["description"]),
        ]
        if ended:  # the tags of a deleted version stay in their table
            notes += [(("etiquette", model, version, key), None) for key in TAG_KEYS]
        return notes
    return []


def _commit(source: int) -> str:
    return f"{source:040x}"


def _digest(source: int) -> str:
    return f"{source:08x}"


def _lineage(backend: str, life: Life) -> list[dict[str, Any]]:
    """Of the living versions, how many lead to the right end of each link of the chain.

    A version counts for a link only if it was right at all those before; «run non supprimé»
    stands beside the chain.
    """
    from mlflow.exceptions import MlflowException

    counts = dict.fromkeys(("modèle", "run", "run non supprimé", "données", "code"), 0)
    today = _today(life)
    for key, version in today.versions.items():
        origin = life.origins[key]
        run_id, _, model_id = life.sources[origin]
        try:
            model = life.client.get_logged_model(version.source.rpartition("/")[2])
            if model.model_id != model_id:
                continue
            counts["modèle"] += 1
            run = life.client.get_run(model.source_run_id)
        except MlflowException:
            continue
        if (run.info.run_id, version.run_id) != (run_id, run_id):
            continue
        counts["run"] += 1
        counts["run non supprimé"] += run.info.lifecycle_stage == "active"
        if [read.dataset.digest for read in run.inputs.dataset_inputs] != [_digest(origin)]:
            continue
        counts["données"] += 1
        counts["code"] += run.data.tags.get("mlflow.source.git.commit") == _commit(origin)
    n = len(today.versions)
    return [
        {"backend": backend, "maillon": link, "complets": count, "n": n}
        for link, count in counts.items()
    ]
