"""Limits found by trying: the longest value that comes back intact, and what befalls the next.

Each ``Limit`` writes a value of length n through MLflow's client and reads it back.  The
frontier is looked for by doubling, then by bisection; the next length up is then judged:

- ``refus clair``: an MLflow error that names the limit, or says that something is too long;
- ``refus obscur``: an MLflow error that does not;
- ``erreur de la base``, ``erreur du système``: the error of another layer, let through;
- ``coupe annoncée``, ``coupe muette``: a prefix is kept, with or without a warning here;
- ``illisible``: accepted, and then an error when read; ``altérée``: another value is read.
"""

from __future__ import annotations

import itertools
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlflow_study.storage.rich_experiment import fluent
from mlflow_study.stores import Store

if TYPE_CHECKING:
    from mlflow import MlflowClient

INTACT = "intacte"
CAP = 2**15
"""Longest text tried: beyond, the frontier is said to be «at least» this."""

_DATABASE = re.compile(r"psycopg|pymysql|sqlite3|sqlalchemy|\(\d{4}, |DataError|\[SQL:", re.I)
_SYSTEM = re.compile(r"Errno|File name too long|OSError|Internal Server Error", re.I)
_CLEAR = re.compile(
    r"exceed|limit|at most|too long|max(imum)?|characters|length of|cannot be larger", re.I
)


@dataclass
class Bench:
    """A store, an experiment and a run to write into; ``fresh`` makes unused names."""

    client: MlflowClient
    experiment: str
    run: str
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def fresh(self, n: int) -> str:
        """A name of exactly ``n`` characters that was not used before, where n allows it."""
        tail = f"{next(self.numbers):x}"
        return (tail + "x" * n)[:n] if n > len(tail) else tail[-n:]

    def short(self) -> str:
        return f"k{next(self.numbers):x}"


Attempt = Callable[[Bench, int], tuple[Any, Any]]
"""Write a value of size n, return (written, read back)."""


@dataclass(frozen=True)
class Limit:
    """``announced`` is read from ``mlflow.utils.validation``; None where nothing is said."""

    name: str
    label: str
    announced: str | None
    attempt: Attempt
    cap: int = CAP
    unit: str = "caractères"
    outside: bool = False
    """Makes an object of its own: a model of the registry, an experiment."""


def _param_key(b: Bench, n: int) -> tuple[Any, Any]:
    key = b.fresh(n)
    b.client.log_param(b.run, key, "v")
    return key, next(k for k in b.client.get_run(b.run).data.params if k[:12] == key[:12])


def _metric_key(b: Bench, n: int) -> tuple[Any, Any]:
    key = b.fresh(n)
    b.client.log_metric(b.run, key, 0.5)
    return key, next(k for k in b.client.get_run(b.run).data.metrics if k[:12] == key[:12])


def _tag_key(b: Bench, n: int) -> tuple[Any, Any]:
    key = b.fresh(n)
    b.client.set_tag(b.run, key, "v")
    return key, next(k for k in b.client.get_run(b.run).data.tags if k[:12] == key[:12])


def _param_value(b: Bench, n: int) -> tuple[Any, Any]:
    key = b.short()
    b.client.log_param(b.run, key, "v" * n)
    return "v" * n, b.client.get_run(b.run).data.params[key]


def _tag_value(b: Bench, n: int) -> tuple[Any, Any]:
    b.client.set_tag(b.run, "valeur", "v" * n)
    return "v" * n, b.client.get_run(b.run).data.tags["valeur"]


def _experiment_tag(b: Bench, n: int) -> tuple[Any, Any]:
    b.client.set_experiment_tag(b.experiment, "valeur", "v" * n)
    return "v" * n, b.client.get_experiment(b.experiment).tags["valeur"]


def _run_name(b: Bench, n: int) -> tuple[Any, Any]:
    run = b.client.create_run(b.experiment, run_name="v" * n)
    return "v" * n, b.client.get_run(run.info.run_id).info.run_name


def _experiment_name(b: Bench, n: int) -> tuple[Any, Any]:
    name = b.fresh(n)
    created = b.client.create_experiment(name)
    return name, b.client.get_experiment(created).name


def _artifact_name(b: Bench, n: int) -> tuple[Any, Any]:
    name = b.fresh(n)
    b.client.log_text(b.run, "x", name)
    return name, next(f.path for f in b.client.list_artifacts(b.run) if f.path[:8] == name[:8])


def _one_request(b: Bench, run: str, **parts: Any) -> None:
    """One request of the store: ``MlflowClient.log_batch`` would cut it into several."""
    store = b.client._tracking_client.store
    store.log_batch(run, **{"metrics": [], "params": [], "tags": [], **parts})


def _metrics_batch(b: Bench, n: int) -> tuple[Any, Any]:
    from mlflow.entities import Metric

    key = b.short()
    _one_request(b, b.run, metrics=[Metric(key, 0.5, 1, step) for step in range(n)])
    return n, len(b.client.get_metric_history(b.run, key))


def _params_batch(b: Bench, n: int) -> tuple[Any, Any]:
    from mlflow.entities import Param

    run = b.client.create_run(b.experiment).info.run_id
    _one_request(b, run, params=[Param(f"p{i}", "v") for i in range(n)])
    return n, len(b.client.get_run(run).data.params)


def _tags_batch(b: Bench, n: int) -> tuple[Any, Any]:
    from mlflow.entities import RunTag

    run = b.client.create_run(b.experiment).info.run_id
    _one_request(b, run, tags=[RunTag(f"t{i}", "v") for i in range(n)])
    return n, sum(key[0] == "t" for key in b.client.get_run(run).data.tags)


def _batch_bytes(b: Bench, n: int) -> tuple[Any, Any]:
    """A request of twelve tags whose values hold ``n`` bytes: is it taken, all twelve?

    (Each value is then cut to the limit of a tag, which is another matter.)
    """
    from mlflow.entities import RunTag

    run = b.client.create_run(b.experiment).info.run_id
    _one_request(b, run, tags=[RunTag(f"t{i}", "v" * (n // 12 + 1)) for i in range(12)])
    read = b.client.get_run(run).data.tags
    return n, n * sum(f"t{i}" in read for i in range(12)) // 12


def _dataset(part: str) -> Attempt:
    def attempt(b: Bench, n: int) -> tuple[Any, Any]:
        from mlflow.entities import Dataset, DatasetInput

        name = b.fresh(n) if part == "name" else b.short()
        values = {
            "name": name,
            "digest": "d" + name[:8],
            "source": "{}",
            "schema": "",
            "profile": "",
        }
        if part != "name":
            values[part] = "v" * n
        run = b.client.create_run(b.experiment).info.run_id
        b.client.log_inputs(run, [DatasetInput(Dataset(source_type="code", **values))])
        (read,) = b.client.get_run(run).inputs.dataset_inputs
        return values[part], getattr(read.dataset, part)

    return attempt


def _registered_name(b: Bench, n: int) -> tuple[Any, Any]:
    name = b.fresh(n)
    b.client.create_registered_model(name)
    return name, b.client.get_registered_model(name).name


def _registered_note(b: Bench, n: int) -> tuple[Any, Any]:
    name = f"note-{b.short()}"
    b.client.create_registered_model(name, description="v" * n)
    return "v" * n, b.client.get_registered_model(name).description


def _registered_tag(b: Bench, n: int) -> tuple[Any, Any]:
    name = f"tag-{b.short()}"
    b.client.create_registered_model(name)
    b.client.set_registered_model_tag(name, "valeur", "v" * n)
    return "v" * n, b.client.get_registered_model(name).tags["valeur"]


def _version_tag(b: Bench, n: int) -> tuple[Any, Any]:
    name = _version(b)
    b.client.set_model_version_tag(name, "1", "valeur", "v" * n)
    return "v" * n, b.client.get_model_version(name, "1").tags["valeur"]


def _alias(b: Bench, n: int) -> tuple[Any, Any]:
    name, alias = _version(b), b.fresh(n)
    b.client.set_registered_model_alias(name, alias, "1")
    (read,) = b.client.get_registered_model(name).aliases
    b.client.get_model_version_by_alias(name, alias)
    return alias, read


def _version(b: Bench) -> str:
    name = f"version-{b.short()}"
    b.client.create_registered_model(name)
    source = b.client.get_run(b.run).info.artifact_uri
    b.client.create_model_version(name, source=source, run_id=b.run)
    return name


LIMITS: tuple[Limit, ...] = (
    Limit("param_key", "clé de paramètre", "MAX_ENTITY_KEY_LENGTH", _param_key, 4096),
    Limit("metric_key", "clé de métrique", "MAX_ENTITY_KEY_LENGTH", _metric_key, 4096),
    Limit("tag_key", "clé d’étiquette", "MAX_ENTITY_KEY_LENGTH", _tag_key, 4096),
    Limit("param_value", "valeur de paramètre", "MAX_PARAM_VAL_LENGTH", _param_value),
    Limit("tag_value", "valeur d’étiquette", "MAX_TAG_VAL_LENGTH", _tag_value),
    Limit(
        "experiment_tag",
        "étiquette d’expérience",
        "MAX_EXPERIMENT_TAG_VAL_LENGTH",
        _experiment_tag,
    ),
    Limit("run_name", "nom de run", None, _run_name),
    Limit("experiment_name", "nom d’expérience", "MAX_EXPERIMENT_NAME_LENGTH", _experiment_name, 4096, outside=True),
    Limit("artifact_name", "nom d’artefact", None, _artifact_name, 4096),
    Limit("metrics_batch", "métriques par lot", "MAX_METRICS_PER_BATCH", _metrics_batch, 4000, "métriques"),
    Limit("params_batch", "paramètres par lot", "MAX_PARAMS_TAGS_PER_BATCH", _params_batch, 2000, "paramètres"),
    Limit("tags_batch", "étiquettes par lot", "MAX_PARAMS_TAGS_PER_BATCH", _tags_batch, 2000, "étiquettes"),
    Limit("dataset_name", "nom de jeu de données", "MAX_DATASET_NAME_SIZE", _dataset("name"), 4096),
    Limit("dataset_digest", "empreinte de jeu de données", "MAX_DATASET_DIGEST_SIZE", _dataset("digest"), 4096),
    Limit("dataset_source", "provenance de jeu de données", "MAX_DATASET_SOURCE_SIZE", _dataset("source"), 2**17),
    Limit("registered_name", "nom de modèle au registre", None, _registered_name, 4096, outside=True),
    Limit("registered_note", "description de modèle au registre", None, _registered_note, outside=True),
    Limit(
        "registered_tag",
        "étiquette de modèle au registre",
        "MAX_MODEL_REGISTRY_TAG_VALUE_LENGTH",
        _registered_tag,
        2**17,
        outside=True,
    ),
    Limit(
        "version_tag",
        "étiquette de version",
        "MAX_MODEL_REGISTRY_TAG_VALUE_LENGTH",
        _version_tag,
        2**17,
        outside=True,
    ),
    Limit("alias", "alias de version", "MAX_REGISTERED_MODEL_ALIAS_LENGTH", _alias, 4096, outside=True),
)  # fmt: skip
"""The limits that are tried.  ``BATCH_BYTES`` is tried apart, over HTTP only."""

BATCH_BYTES = Limit(
    "batch_bytes", "octets par lot", "MAX_BATCH_LOG_REQUEST_SIZE", _batch_bytes, 3_000_000, "octets"
)


@contextmanager
def _heard() -> Iterator[list[str]]:
    """The warnings that MLflow logs in this process meanwhile."""
    messages: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(record.getMessage())

    listener, logger = Listener(), logging.getLogger("mlflow")
    logger.addHandler(listener)
    try:
        yield messages
    finally:
        logger.removeHandler(listener)


def outcome(bench: Bench, attempt: Attempt, n: int) -> tuple[str, str]:
    """(what befalls a value of size ``n``, the first words of the message)."""
    with _heard() as warnings:
        try:
            written, read = attempt(bench, n)
        except Exception as error:
            return classify(error), _first_words(str(error))
    if written == read and type(written) is type(read):
        return INTACT, ""
    if isinstance(written, str) and isinstance(read, str) and written.startswith(read):
        told = any("truncat" in message for message in warnings)
        kept = f"{len(read)} gardés sur {n}"
        return ("coupe annoncée" if told else "coupe muette"), kept
    return "altérée", f"écrit {written!r:.40}, lu {read!r:.40}"


def classify(error: Exception) -> str:
    """Which layer speaks in an error, and whether it names the cause."""
    message = str(error)
    if _DATABASE.search(message):
        return "erreur de la base"
    if isinstance(error, (StopIteration, KeyError)):
        return "illisible"
    if isinstance(error, OSError) or _SYSTEM.search(message):
        return "erreur du système"
    return "refus clair" if _CLEAR.search(message) else "refus obscur"


def _first_words(message: str) -> str:
    message = re.sub(r"([vx])\1{20,}", r"\1…", message)
    message = re.sub(r"/\S*/mlflow-etude-\S*?/", "…/", message)
    return " ".join(message.split())[:220]


def frontier(works: Callable[[int], bool], announced: int | None, cap: int) -> tuple[int, bool]:
    """(greatest n that works, was n + 1 seen to fail?); ``works`` is taken as monotone.

    The announced limit and its successor are tried first.  False means that nothing failed
    up to ``cap``.
    """
    start = min(announced or 256, cap)
    if works(start):
        low, high = start, None
        step = start + 1
        while high is None:
            if step > cap:
                return (low, False) if low == cap or works(cap) else _bisect(works, low, cap)
            if works(step):
                low, step = step, step * 4
            else:
                high = step
        return _bisect(works, low, high)
    return _bisect(works, 0, start)


def _bisect(works: Callable[[int], bool], low: int, high: int) -> tuple[int, bool]:
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if works(middle) else (low, middle)
    return low, True


def wanted(store: Store) -> list[Limit]:
    """The limits to try: on a server that is not ours, only what stays within the bench's
    experiment, and no batch of a thousand points; the size of a request only where there are
    requests."""
    chosen = [
        limit
        for limit in LIMITS
        if not (store.foreign and (limit.outside or limit.name == "metrics_batch"))
    ]
    return [*chosen, BATCH_BYTES] if store.http else chosen


def probe(store: Store) -> list[dict[str, Any]]:
    """One row per limit: announced, greatest intact size, what befalls the next."""
    from mlflow.utils import validation

    rows = []
    with fluent(store):
        client = store.client()
        experiment = store.create_experiment("limites")
        run = client.create_run(experiment).info.run_id
        bench = Bench(client, experiment, run)
        for limit in wanted(store):
            announced = getattr(validation, limit.announced) if limit.announced else None
            tried: dict[int, tuple[str, str]] = {}

            def works(n: int, limit: Limit = limit, tried: Any = tried) -> bool:
                tried[n] = outcome(bench, limit.attempt, n)
                return bool(tried[n][0] == INTACT)

            found, ended = frontier(works, announced, limit.cap)
            if not ended and found < limit.cap:
                found = limit.cap
            beyond = tried.get(found + 1, ("non atteinte", ""))
            rows.append(
                {
                    "backend": store.name,
                    "limite": limit.name,
                    "libelle": limit.label,
                    "unite": limit.unit,
                    "annoncee": announced,
                    "trouvee": found,
                    "bornee": ended,
                    "au_dela": beyond[0],
                    "message": beyond[1],
                    "essais": len(tried),
                }
            )
    return rows
