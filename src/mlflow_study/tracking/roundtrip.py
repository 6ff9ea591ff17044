"""Round trip: what is logged, and what each read path then gives back.

Every case ends in one class, the worst that any read path shows (``CLASSES``, from
harmless to harmful).  Rules, declared once:

- a whole number is expected back exactly, a real number as the nearest double (sign of
  zero included), NaN as NaN, a parameter or tag as ``str(value)``;
- points that are equal in every field count as one (see ``semantics`` for duplicates);
- *with notice* means a warning or a log record at the call, or the replacement of ±inf
  that the docstring of ``log_metric`` announces;
- a refusal is *clear* when it is a parameter error that speaks of a field of the call and
  shows neither SQL nor an internal error, and when nothing was stored;
- *harms what was stored*: an unrelated metric, parameter or tag of the same run, or a
  neighbouring run of the same experiment, can no longer be read as it was.
"""

from __future__ import annotations

import logging
import math
import os
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlflow_study.stores import Store
from mlflow_study.tracking.generators import Case, Write

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

CLASSES = (
    "identique",
    "altérée avec avis",
    "altérée en silence",
    "refus clair",
    "refus trompeur",
    "acceptée, puis illisible",
    "nuit à ce qui était stocké",
)
DEFECTS = frozenset({CLASSES[2], CLASSES[4], CLASSES[5], CLASSES[6]})
LARGEST = 1.7976931348623157e308
SENTINEL = "temoin"
SERVED = "réponse d’un serveur"
CHUNK = 40


@dataclass
class Outcome:
    """The class of one case and what shows it."""

    classe: str
    lecture: str = ""
    relu: str = ""
    message: str = ""
    avis: str = ""

    @property
    def rank(self) -> int:
        return CLASSES.index(self.classe)


@dataclass
class Readings:
    """What one run gives through each read path; a path that fails holds its exception."""

    runs: dict[str, Run | Exception] = field(default_factory=dict)
    raw: dict[str, Any] | None = None


# --- what is expected ----------------------------------------------------------------


def expected_number(value: Any) -> int | float | None:
    """The number that should come back, None when the value is not one real number."""
    if isinstance(value, np.ndarray):
        value = value.item() if value.size == 1 else None
    if isinstance(value, (bool, np.bool_)):
        return int(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def same_number(given: Any, got: Any) -> bool:
    """True when ``got`` is the number that was given, by the rule of this module."""
    wanted = expected_number(given)
    if wanted is None or not isinstance(got, (int, float)):
        return False
    if isinstance(wanted, float):
        if math.isnan(wanted):
            return math.isnan(got)
        return got == wanted and math.copysign(1, got) == math.copysign(1, wanted)
    return bool(got == wanted)


def same_field(given: Any, got: Any) -> bool:
    """Equality of a step or a timestamp, whatever the numeric type."""
    try:
        return bool(got == given)
    except Exception:  # an exotic type may refuse the comparison: then it did not come back
        return False


def announced(given: Any, got: Any) -> bool:
    """The one alteration that ``log_metric`` documents: ±inf becomes ±the largest double."""
    wanted = expected_number(given)
    return (
        isinstance(wanted, float) and math.isinf(wanted) and got == math.copysign(LARGEST, wanted)
    )


def latest(writes: Sequence[Write]) -> Write:
    """The write that MLflow's sources call the latest: max of (step, timestamp, value)."""
    if len(writes) == 1:
        return writes[0]
    return max(writes, key=lambda w: (w.step, w.timestamp, w.value))


# --- writing -------------------------------------------------------------------------


class _Capture(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@contextmanager
def notices() -> Iterator[list[str]]:
    """The warnings and MLflow log records that a user would see during the block."""
    capture = _Capture()
    logger = logging.getLogger("mlflow")
    logger.addHandler(capture)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield capture.messages
            capture.messages += [str(w.message) for w in caught]
    finally:
        logger.removeHandler(capture)


def _send(client: MlflowClient, run_id: str, case: Case, model_id: str | None) -> None:
    """Log the writes of a case through its call path; raises what MLflow raises."""
    import mlflow
    from mlflow.entities import Metric, Param, RunTag

    if case.path == "lot":
        if case.kind == "métrique":
            metrics = [
                Metric(
                    w.key,
                    w.value,
                    w.timestamp,
                    w.step,
                    model_id=model_id,
                    dataset_name=w.dataset[0] if w.dataset else None,
                    dataset_digest=w.dataset[1] if w.dataset else None,
                )
                for w in case.writes
            ]
            client.log_batch(run_id, metrics=metrics)
        elif case.kind == "paramètre":
            client.log_batch(run_id, params=[Param(w.key, str(w.value)) for w in case.writes])
        else:
            client.log_batch(run_id, tags=[RunTag(w.key, str(w.value)) for w in case.writes])
        return
    for w in case.writes:
        if case.kind == "métrique":
            if case.path == "client" or w.dataset:
                name, digest = w.dataset or (None, None)
                client.log_metric(
                    run_id, w.key, w.value, w.timestamp, w.step,
                    dataset_name=name, dataset_digest=digest, model_id=model_id,
                )  # fmt: skip
            else:
                mlflow.log_metric(
                    w.key, w.value, step=w.step, timestamp=w.timestamp,
                    run_id=run_id, model_id=model_id,
                )  # fmt: skip
        elif case.path == "client":
            log = client.log_param if case.kind == "paramètre" else client.set_tag
            log(run_id, w.key, w.value)
        elif case.kind == "paramètre":
            mlflow.log_param(w.key, w.value)
        else:
            mlflow.set_tag(w.key, w.value)


# --- judging -------------------------------------------------------------------------

_INTERNAL = re.compile(
    r"sql|psycopg|traceback|errno|internal|object is not|Background on this error|retries"
    r"|takes \d|unexpected keyword|has no attribute|not subscriptable",
    re.IGNORECASE,
)
_FIELD = re.compile(
    r"key|value|name|step|timestamp|param|tag|metric|float|number|character|integer|digest|int64",
    re.IGNORECASE,
)


def clear(error: Exception) -> bool:
    """Whether a refusal tells the user which of his fields is wrong."""
    code = getattr(error, "error_code", None)
    ours = code in ("INVALID_PARAMETER_VALUE", "BAD_REQUEST") or (
        code is None and isinstance(error, (TypeError, ValueError, OverflowError))
    )
    text = str(error)
    return ours and bool(_FIELD.search(text)) and not _INTERNAL.search(text[:2000])


def _read(client: MlflowClient, store: Store, experiment: str, run_id: str) -> Readings:
    """The run through get_run, search_runs, and the answer of a server.

    Over HTTP that answer is read from the bare REST endpoint.  On a store opened
    directly it is what a server on that store would send to MLflow's page: the runs of
    the experiment turned into protocol messages, as ``mlflow/server/handlers.py`` does.
    """
    from mlflow.entities import Run

    found = Readings()

    def attempt(name: str, read: Callable[[], Run]) -> None:
        try:
            found.runs[name] = read()
        except Exception as error:  # any failure to read is the observation itself
            found.runs[name] = error

    listed: list[Run] = []

    def by_search() -> Run:
        listed.extend(client.search_runs([experiment], max_results=1000))
        return next(run for run in listed if run.info.run_id == run_id)

    def as_served() -> Run:
        served = [Run.from_proto(run.to_proto()) for run in listed]
        return next(run for run in served if run.info.run_id == run_id)

    attempt("get_run", lambda: client.get_run(run_id))
    attempt("search_runs", by_search)
    if not store.http and listed:
        attempt(SERVED, as_served)
    if store.http:
        import requests

        answer = requests.get(
            f"{store.tracking_uri}/api/2.0/mlflow/runs/get", {"run_id": run_id}, timeout=30
        )
        found.raw = answer.json().get("run") if answer.ok else None
    return found


def _intact(found: Readings) -> str:
    """Empty when the sentinel of the run reads as it was written, else what happened."""
    for name, run in found.runs.items():
        if isinstance(run, Exception):
            return f"{name} : {type(run).__name__}: {str(run)[:160]}"
        kept = (
            run.data.metrics.get(SENTINEL),
            run.data.params.get(SENTINEL),
            run.data.tags.get(SENTINEL),
        )
        if kept != (1.5, "intact", "intact"):
            return f"{name} : {kept}"
    return ""


def _judge_metric(
    client: MlflowClient, run_id: str, case: Case, found: Readings, model_id: str | None
) -> Outcome:
    outcomes: list[Outcome] = []
    for key, group in groupby(case.writes, key=lambda w: w.key):
        writes = list(group)
        try:
            history = client.get_metric_history(run_id, key)
        except Exception as error:  # the observation itself
            return Outcome(CLASSES[5], "get_metric_history", message=_short(error))
        outcomes.append(_judge_history(writes, history))
        last = latest(writes)
        for name, run in found.runs.items():
            assert not isinstance(run, Exception)
            outcomes.append(_judge_value(last.value, run.data.metrics.get(key), name))
        if found.raw is not None:
            rows = {m["key"]: m["value"] for m in found.raw["data"].get("metrics", [])}
            got = rows.get(key)
            outcomes.append(
                _judge_value(last.value, None if got is None else float(got), "REST runs/get")
            )
    if model_id is not None:
        held = client.get_logged_model(model_id).metrics or []
        got = next((m.value for m in held if m.key == case.writes[0].key), None)
        outcomes.append(_judge_value(case.writes[0].value, got, "get_logged_model"))
    return max(outcomes, key=lambda o: o.rank)


def _judge_value(given: Any, got: Any, path: str) -> Outcome:
    if got is None:
        return Outcome(CLASSES[5], path, "absente")
    if same_number(given, got):
        return Outcome(CLASSES[0])
    if announced(given, got):
        return Outcome(CLASSES[1], path, repr(got), avis="documentation de log_metric")
    return Outcome(CLASSES[2], path, repr(got))


def _judge_history(writes: list[Write], history: Sequence[Any]) -> Outcome:
    """Compare the points given, as a set, with the points read."""
    if not history:
        return Outcome(CLASSES[5], "get_metric_history", "absente")
    wanted = (
        {(repr(w.value), w.step, w.timestamp): w for w in writes}
        if len(writes) > 1
        else {0: writes[0]}
    )
    read = {(m.value, m.step, m.timestamp) for m in history}
    shown = ", ".join(f"{m.value!r} au pas {m.step!r} à {m.timestamp!r}" for m in history[:3])
    if len(read) != len(wanted):
        return Outcome(CLASSES[2], "get_metric_history", f"{len(read)} points : {shown}")
    worst = Outcome(CLASSES[0])
    for w in wanted.values():
        match = [
            m
            for m in history
            if same_field(w.step, m.step) and same_field(w.timestamp, m.timestamp)
        ]
        values = [_judge_value(w.value, m.value, "get_metric_history") for m in match]
        best = min(
            values, key=lambda o: o.rank, default=Outcome(CLASSES[2], "get_metric_history", shown)
        )
        if best.rank == 0 and w.dataset:
            m = match[0]
            if (m.dataset_name, m.dataset_digest) != w.dataset:
                best = Outcome(
                    CLASSES[2], "get_metric_history", f"jeu de données {m.dataset_name!r}"
                )
        worst = max(worst, best, key=lambda o: o.rank)
    return worst


def _judge_text(case: Case, found: Readings) -> Outcome:
    outcomes = [Outcome(CLASSES[0])]
    field_name = "params" if case.kind == "paramètre" else "tags"
    for w in case.writes:
        for name, run in found.runs.items():
            assert not isinstance(run, Exception)
            got = getattr(run.data, field_name).get(w.key)
            if got is None:
                outcomes.append(Outcome(CLASSES[5], name, "absente"))
            elif got != str(w.value):
                outcomes.append(
                    Outcome(CLASSES[2], name, f"{_clip(repr(got))} ({len(got)} signes)")
                )
    return max(outcomes, key=lambda o: o.rank)


def _judge(
    client: MlflowClient,
    run_id: str,
    case: Case,
    error: Exception | None,
    told: list[str],
    found: Readings,
    model_id: str | None,
) -> Outcome:
    if error is not None:
        outcome = Outcome(CLASSES[3] if clear(error) else CLASSES[4], message=_short(error))
        run = found.runs["get_run"]
        kept = (
            {**run.data.metrics, **run.data.params, **run.data.tags}
            if not isinstance(run, Exception)
            else {}
        )
        if len(case.writes) == 1 and case.writes[0].key in kept:
            return Outcome(CLASSES[4], relu="refusée, pourtant enregistrée", message=_short(error))
        return outcome
    if case.kind == "métrique":
        outcome = _judge_metric(client, run_id, case, found, model_id)
    else:
        outcome = _judge_text(case, found)
    if outcome.classe == CLASSES[2] and told:
        outcome.classe, outcome.avis = CLASSES[1], _clip(told[0])
    return outcome


def _short(error: Exception) -> str:
    return _clip(f"{type(error).__name__}: {error}".replace("\n", " "), 300)


def _clip(text: str, size: int = 120) -> str:
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= size else f"{text[: size - 1]}…"


# --- running -------------------------------------------------------------------------


@dataclass
class Bench:
    """One store at work: writes cases into runs that carry a sentinel, reads them back."""

    store: Store
    client: MlflowClient

    @classmethod
    def open(cls, store: Store) -> Bench:
        import mlflow

        mlflow.set_tracking_uri(store.tracking_uri)
        os.environ["MLFLOW_RUN_ID"] = ""
        del os.environ["MLFLOW_RUN_ID"]
        return cls(store, store.client())

    def new_run(self, experiment: str) -> str:
        from mlflow.entities import Metric, Param, RunTag

        run_id = str(self.client.create_run(experiment).info.run_id)
        self.client.log_batch(
            run_id,
            metrics=[Metric(SENTINEL, 1.5, 7, 7)],
            params=[Param(SENTINEL, "intact")],
            tags=[RunTag(SENTINEL, "intact")],
        )
        return run_id

    def together(self, cases: Sequence[Case], experiment: str) -> list[Outcome]:
        """Outcomes of cases that share one run; all ``harmful`` when that run was harmed."""
        import mlflow

        run_id = self.new_run(experiment)
        written: list[tuple[Exception | None, list[str], str | None]] = []
        with mlflow.start_run(run_id=run_id):
            for case in cases:
                model_id = None
                if case.on_model:
                    model = self.client.create_logged_model(experiment, source_run_id=run_id)
                    model_id = str(model.model_id)
                error: Exception | None = None
                with notices() as told:
                    try:
                        _send(self.client, run_id, case, model_id)
                    except Exception as caught:  # refusals are what we observe
                        error = caught
                written.append((error, told, model_id))
        found = _read(self.client, self.store, experiment, run_id)
        harm = _intact(found)
        if harm:
            return [Outcome(CLASSES[6], message=harm)] * len(cases)
        return [
            _judge(self.client, run_id, case, error, told, found, model_id)
            for case, (error, told, model_id) in zip(cases, written, strict=True)
        ]

    def alone(self, case: Case) -> Outcome:
        """The outcome of one case in an experiment of its own, beside a neighbouring run."""
        experiment = self.store.create_experiment("seul")
        neighbour = self.new_run(experiment)
        try:
            outcome = self.together([case], experiment)[0]
        except Exception as error:  # the run could not even be closed: it was harmed
            return Outcome(CLASSES[6], message=_short(error))
        if outcome.rank == len(CLASSES) - 1:
            harm = _intact(_read(self.client, self.store, experiment, neighbour))
            outcome.lecture = "run voisin" if harm else "même run"
        return outcome

    def outcomes(self, cases: Sequence[Case]) -> list[Outcome]:
        """Outcomes of all cases; those of a harmed run are told apart one by one."""
        results: list[Outcome] = []
        for _, group in groupby(cases, key=lambda case: case.stratum):
            same = list(group)
            for start in range(0, len(same), CHUNK):
                chunk = same[start : start + CHUNK]
                try:
                    found = self.together(chunk, self.store.create_experiment("strate"))
                except Exception as error:  # closing or opening the run failed
                    found = [Outcome(CLASSES[6], message=_short(error))] * len(chunk)
                if any(outcome.rank == len(CLASSES) - 1 for outcome in found):
                    found = [self.alone(case) for case in chunk]
                results += found
        return results


def describe(case: Case) -> str:
    """A case in one line, clipped."""
    parts = []
    for w in case.writes:
        extra = f", pas {w.step!r}, horodatage {w.timestamp!r}" if case.kind == "métrique" else ""
        data = f", jeu {w.dataset!r}" if w.dataset else ""
        parts.append(f"{_clip(repr(w.key), 60)} = {_clip(repr(w.value), 60)}{extra}{data}")
    return _clip(" ; ".join(parts), 400)


def numbers(cases: Sequence[Case]) -> list[str]:
    """A name for each case that is the same input in samples of any size: stratum and rank."""
    ranks: Counter[str] = Counter()
    names = []
    for case in cases:
        names.append(f"{case.stratum} n° {ranks[case.stratum]}")
        ranks[case.stratum] += 1
    return names


def roundtrip(store: Store, cases: list[Case]) -> pd.DataFrame:
    """Round trip of sampled cases on one store.

    One row per case: ``magasin, numero, genre, strate, voie, classe, donnee, lecture``
    (the read path that shows the class, or whom the harm reaches), ``relu, message,
    avis``.  ``numero`` names the same input on every backend that had it.
    """
    try:
        outcomes = Bench.open(store).outcomes(cases)
    finally:
        store.leave()
    return pd.DataFrame(
        {
            "magasin": store.name,
            "numero": numbers(cases),
            "genre": [case.kind for case in cases],
            "strate": [case.stratum for case in cases],
            "voie": [case.path for case in cases],
            "classe": [o.classe for o in outcomes],
            "donnee": [describe(case) for case in cases],
            "lecture": [o.lecture for o in outcomes],
            "relu": [_clip(o.relu, 200) for o in outcomes],
            "message": [o.message for o in outcomes],
            "avis": [o.avis for o in outcomes],
        }
    )
