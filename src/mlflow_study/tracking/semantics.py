"""What the words mean: "latest", order, duplicates, NaN, write-once, names.

Each property is tried on generated inputs; a row counts its counter-examples.  The
properties are those that MLflow's documentation or sources state; ``PROPERTIES`` gives
their French wording, shown in the report.
"""

from __future__ import annotations

import math
import os
import random
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any
from unittest import mock
from uuid import uuid4

import pandas as pd

from mlflow_study.stores import Store
from mlflow_study.tracking.generators import MOMENT
from mlflow_study.tracking.roundtrip import same_number

if TYPE_CHECKING:
    from mlflow import MlflowClient

PROPERTIES = {
    "dernier": "la dernière valeur est le maximum de (pas, horodatage, valeur)",
    "dernier-nan": "la dernière valeur est un nombre, quand un NaN est à égalité de pas et d’horodatage",
    "dernier-ordre": "la dernière valeur ne dépend pas de l’ordre d’écriture",
    "dernier-numpy": "la dernière valeur est celle du plus grand pas, quand le pas est un entier NumPy",
    "ordre": "l’historique est rendu dans l’ordre (horodatage, pas, valeur)",
    "ecriture": "l’historique est rendu dans l’ordre d’écriture",
    "doublons": "un point écrit deux fois à l’identique est gardé une fois",
    "complet": "tout point distinct est gardé",
    "complet-infini": "un point infini et le plus grand double, au même pas et au même instant, sont gardés tous deux",
    "param-unique": "un paramètre écrit ne change plus de valeur",
    "param-refus": "récrire un paramètre avec une autre valeur est refusé",
    "param-course": "deux écritures simultanées d’un paramètre ne réussissent pas toutes deux",
    "param-repete": "récrire la même valeur de paramètre est accepté",
    "nom-annonce": "un nom fait des caractères annoncés est accepté",
    "nom-hors": "un nom qui contient un autre caractère est refusé",
    "modele-nan": "classé par une métrique, un modèle où elle vaut NaN ne passe pas devant un nombre",
    "experience-course": "après `set_experiment`, un run va dans l’expérience de ce nom, même si un autre processus vient de la créer",
}

Point = tuple[float, int, int]
Trial = tuple[bool, str]
Context = tuple["MlflowClient", str, random.Random]


def _points(rng: random.Random, nan: bool = False) -> list[Point]:
    """3 to 6 points (value, step, timestamp) with many ties, without exact duplicates."""
    values = [0.0, -1.0, 1.0, 2.5, *([math.nan] if nan else [])]
    drawn = {
        (repr(value), step, moment): (value, step, moment)
        for value, step, moment in (
            (rng.choice(values), rng.randrange(-1, 2), MOMENT + rng.randrange(2))
            for _ in range(rng.randrange(3, 7))
        )
    }
    return list(drawn.values())


def _log(client: MlflowClient, run: str, key: str, points: Sequence[Point], batch: bool) -> None:
    from mlflow.entities import Metric

    if batch:
        client.log_batch(run, metrics=[Metric(key, v, t, s) for v, s, t in points])
    else:
        for v, s, t in points:
            client.log_metric(run, key, v, timestamp=t, step=s)


def _same(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))


def _latest(context: Context, count: int) -> Iterator[Trial]:
    client, run, rng = context
    wanted = {}
    for i in range(count):
        points = _points(rng)
        _log(client, run, f"l{i}", points, rng.random() < 0.7)
        wanted[f"l{i}"] = (max((s, t, v) for v, s, t in points)[2], points)
    read = client.get_run(run).data.metrics
    for key, (value, points) in wanted.items():
        yield _same(read[key], value), f"{points} : lu {read[key]!r}, attendu {value!r}"


def _latest_nan(context: Context, count: int) -> Iterator[Trial]:
    """NaN is no number: at equal step and timestamp the number should be shown, not NaN."""
    client, run, rng = context
    wanted = {}
    for i in range(count):
        value = rng.choice((-1.0, -0.5, 0.5, 1.0))
        points = rng.sample([(math.nan, 1, MOMENT), (value, 1, MOMENT)], 2)
        _log(client, run, f"n{i}", points, rng.random() < 0.5)
        wanted[f"n{i}"] = (value, points)
    read = client.get_run(run).data.metrics
    for key, (value, points) in wanted.items():
        yield _same(read[key], value), f"{points} : lu {read[key]!r}"


def _latest_order(context: Context, count: int) -> Iterator[Trial]:
    client, run, rng = context
    tried = []
    for i in range(count):
        points = _points(rng, nan=True)
        _log(client, run, f"o{i}", points, True)
        shuffled = rng.sample(points, len(points))
        _log(client, run, f"q{i}", shuffled, True)
        tried.append((points, shuffled))
    read = client.get_run(run).data.metrics
    for i, (points, shuffled) in enumerate(tried):
        a, b = read[f"o{i}"], read[f"q{i}"]
        yield _same(a, b), f"{points} : lu {a!r} ; {shuffled} : lu {b!r}"


def _latest_numpy(context: Context, count: int) -> Iterator[Trial]:
    """Steps from ``numpy.arange``, as a training loop may give them."""
    import numpy as np

    client, run, _ = context
    errors = {}
    for i in range(count):
        try:
            for step in np.arange(250, 260):
                client.log_metric(run, f"z{i}", float(step), timestamp=MOMENT, step=step)
        except Exception as error:  # a refusal is a counter-example, told with its text
            errors[f"z{i}"] = f"{type(error).__name__}: {error}"[:200]
    read = client.get_run(run).data.metrics
    for i in range(count):
        got = read.get(f"z{i}", math.nan)
        yield got == 259.0, f"pas numpy.arange(250, 260) : lu {got!r} {errors.get(f'z{i}', '')}"


def _history(
    context: Context, count: int, order: Callable[[list[Point]], list[Point]]
) -> Iterator[Trial]:
    client, run, rng = context
    for i in range(count):
        points = _points(rng)
        _log(client, run, f"h{i}{order.__name__}", points, rng.random() < 0.5)
        read = [
            (m.value, m.step, m.timestamp)
            for m in client.get_metric_history(run, f"h{i}{order.__name__}")
        ]
        yield read == order(points), f"{points} : lu {read}"


def _by_time(points: list[Point]) -> list[Point]:
    return sorted(points, key=lambda p: (p[2], p[1], p[0]))


def _as_written(points: list[Point]) -> list[Point]:
    return points


def _duplicates(context: Context, count: int) -> Iterator[Trial]:
    client, run, rng = context
    for i in range(count):
        point = (rng.choice((0.5, math.nan)), 1, MOMENT)
        _log(client, run, f"d{i}", [point, point], rng.random() < 0.5)
        kept = len(client.get_metric_history(run, f"d{i}"))
        yield kept == 1, f"{point} écrit deux fois : {kept} points"


def _complete(context: Context, count: int) -> Iterator[Trial]:
    client, run, rng = context
    for i in range(count):
        points = _points(rng, nan=True)
        _log(client, run, f"c{i}", points, rng.random() < 0.5)
        kept = len(client.get_metric_history(run, f"c{i}"))
        yield kept == len(points), f"{points} : {kept} points"


def _complete_infinite(context: Context, count: int) -> Iterator[Trial]:
    """An infinite value and the largest double that a database stores in its place."""
    client, run, rng = context
    for i in range(count):
        sign = rng.choice((1, -1))
        values = rng.sample([sign * math.inf, sign * sys.float_info.max], 2)
        points = [(value, 1, MOMENT) for value in values]
        _log(client, run, f"i{i}", points, rng.random() < 0.5)
        kept = [point.value for point in client.get_metric_history(run, f"i{i}")]
        yield len(kept) == 2, f"{values} au même pas : lu {kept}"


def _write_once(context: Context, count: int) -> Iterator[Trial]:
    for changed, _, told in _rewrites(context, count):
        yield not changed, told


def _rewrite_refused(context: Context, count: int) -> Iterator[Trial]:
    for _, accepted, told in _rewrites(context, count):
        yield not accepted, told


def _rewrites(context: Context, count: int) -> Iterator[tuple[bool, bool, str]]:
    """(value changed?, other value accepted?, what was written) for two unequal values.

    Two values that are cut to the same 6,000 characters, with a notice, are one value.
    """
    from mlflow.entities import Param

    client, run, rng = context
    pairs = [("1", "2"), ("a", "A"), ("a", "a "), ("é", "e\u0301"), ("x" * 6000 + "a", "x" * 6000 + "b"), ("", " "), ("a\n", "a\r\n")]  # fmt: skip
    for i in range(count):
        first, second = rng.choice(pairs)
        client.log_param(run, f"w{i}", first)
        accepted = True
        try:
            if rng.random() < 0.5:
                client.log_param(run, f"w{i}", second)
            else:
                client.log_batch(run, params=[Param(f"w{i}", second)])
        except Exception:  # a refusal, here the promise itself
            accepted = False
        kept = client.get_run(run).data.params[f"w{i}"]
        changed = kept not in (first, first[:6000])
        accepted = accepted and second[:6000] != kept[:6000]
        yield changed, accepted, f"…{first[-3:]!r} puis …{second[-3:]!r} ({len(first)} signes)"


def _race(context: Context, count: int) -> Iterator[Trial]:
    client, run, _ = context
    for i in range(count):
        accepted: list[str] = []
        barrier = threading.Barrier(2)

        def write(
            value: str,
            key: str = f"r{i}",
            taken: list[str] = accepted,
            gate: threading.Barrier = barrier,
        ) -> None:
            gate.wait()
            try:
                client.log_param(run, key, value)
            except Exception:  # one of the two should be refused
                return
            taken.append(value)

        threads = [threading.Thread(target=write, args=(value,)) for value in ("a", "b")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        yield len(accepted) == 1, f"acceptées : {accepted}"


def _repeated(context: Context, count: int) -> Iterator[Trial]:
    client, run, rng = context
    values = ["1", "a\r\nb", "a\rb", "a\nb", "", "é", "x" * 6000, "a\u2028b"]
    for i in range(count):
        value = rng.choice(values)
        client.log_param(run, f"s{i}", value)
        try:
            client.log_param(run, f"s{i}", value)
        except Exception as error:  # the counter-example
            yield False, f"{value[:8]!r} : {type(error).__name__}"
        else:
            yield True, ""


_ANNOUNCED = "abcXYZ019_-. :/"
_STRANGE = ["\n", "@", "%", "=", "§", "\u0301", "😀", "+", "\u00a0", "\t"]


def _accepted(client: MlflowClient, run: str, name: str) -> bool:
    try:
        client.log_metric(run, name, 1.0)
    except Exception:  # a refusal, of whatever sort
        return False
    return True


def _announced_names(context: Context, count: int) -> Iterator[Trial]:
    client, run, rng = context
    for _ in range(count):
        name = "".join(rng.choices(_ANNOUNCED, k=rng.randrange(1, 6)))
        yield _accepted(client, run, name), repr(name)


def _strange_names(context: Context, count: int) -> Iterator[Trial]:
    """Each other character in the middle, at the end, at the head, in a drawn order."""
    client, run, rng = context
    forms = list(product(_STRANGE, ("e{0}{1}", "e{0}{1}x", "{1}e{0}")))
    drawn = rng.sample(forms, len(forms))
    for i in range(max(count, len(drawn))):
        strange, form = drawn[i % len(drawn)]
        name = form.format(i, strange)
        yield not _accepted(client, run, name), repr(name)


def _model_nan(context: Context, count: int) -> Iterator[Trial]:
    """Two models, the metric of one is NaN: which comes first, the smallest being wanted?"""
    client, run, rng = context
    experiment = client.get_run(run).info.experiment_id
    for i in range(count):
        key, number = f"perte{i}", round(rng.uniform(0.1, 1), 3)
        given: dict[str, float] = {}
        for value in rng.sample([math.nan, number], 2):
            model = client.create_logged_model(experiment, source_run_id=run)
            client.log_metric(run, key, value, MOMENT, 0, model_id=model.model_id)
            given[str(model.model_id)] = value
        found = client.search_logged_models(
            [experiment], order_by=[{"field_name": f"metrics.{key}", "ascending": True}]
        )
        first = next(model for model in found if model.model_id in given)
        read = [m.value for m in first.metrics or [] if m.key == key]
        yield given[first.model_id] == number, f"NaN et {number} : le premier a {read}"


def _overtaken(context: Context, count: int) -> Iterator[Trial]:
    """Another process creates the experiment between the look-up and the creation.

    That process is played: the creation is made just before the one that ``set_experiment``
    asks for.  The address, the active experiment and the environment come back.
    """
    import mlflow
    from mlflow.tracking import fluent
    from mlflow.tracking._tracking_service import utils
    from mlflow.tracking._tracking_service.client import TrackingServiceClient

    client, _, _ = context
    create = TrackingServiceClient.create_experiment

    def second(self: TrackingServiceClient, name: str, *given: Any, **more: Any) -> str:
        create(self, name)
        return str(create(self, name, *given, **more))

    for _ in range(count):
        name = f"course-{uuid4().hex}"
        with (
            mock.patch.dict(os.environ),
            mock.patch.object(fluent, "_active_experiment_id", None),
            utils._use_tracking_uri(client.tracking_uri),
        ):
            os.environ.pop("MLFLOW_EXPERIMENT_ID", None)
            os.environ.pop("MLFLOW_EXPERIMENT_NAME", None)
            with mock.patch.object(TrackingServiceClient, "create_experiment", second):
                mlflow.set_experiment(name)
            with mlflow.start_run() as run:
                found = client.get_experiment(run.info.experiment_id).name
        yield found == name, f"set_experiment({name[:10]!r}…), puis un run : il est dans {found!r}"


TRIALS: dict[str, Callable[[Context, int], Iterator[Trial]]] = {
    "dernier": _latest,
    "dernier-nan": _latest_nan,
    "dernier-ordre": _latest_order,
    "dernier-numpy": lambda context, count: _latest_numpy(context, max(3, count // 10)),
    "ordre": lambda context, count: _history(context, count, _by_time),
    "ecriture": lambda context, count: _history(context, count, _as_written),
    "doublons": _duplicates,
    "complet": _complete,
    "complet-infini": lambda context, count: _complete_infinite(context, max(10, count // 6)),
    "param-unique": _write_once,
    "param-refus": _rewrite_refused,
    "param-course": lambda context, count: _race(context, count),
    "param-repete": _repeated,
    "nom-annonce": _announced_names,
    "nom-hors": _strange_names,
    "modele-nan": lambda context, count: _model_nan(context, max(10, count // 6)),
    "experience-course": lambda context, count: _overtaken(context, min(count, 5)),
}


def semantics(store: Store, count: int, seed: int) -> pd.DataFrame:
    """Counter-examples to each property on one store, ``count`` tries each.

    Columns ``magasin, propriete, enonce, n, contre_exemples, exemple`` (the shortest
    counter-example).
    """
    client = store.client()
    experiment = store.create_experiment("sens")
    rows: list[dict[str, Any]] = []
    for name, trial in TRIALS.items():
        run = client.create_run(experiment).info.run_id
        # On files a race is cheap to try and rare to win.
        tries = count * 10 if (name, store.name) == ("param-course", "file") else count
        outcomes = list(trial((client, run, random.Random(f"{seed}{name}")), tries))
        failures = [told for held, told in outcomes if not held]
        rows.append(
            {
                "magasin": store.name,
                "propriete": name,
                "enonce": PROPERTIES[name],
                "n": len(outcomes),
                "contre_exemples": len(failures),
                "exemple": min(failures, key=len, default="")[:400],
            }
        )
    return pd.DataFrame(rows)


_TYPED: tuple[Any, ...] = (True, 3, 2**53 + 1, 0.1, -0.0, math.inf, math.nan, "1e3", "nan", None)


def types(store: Store) -> pd.DataFrame:
    """What a value of each type becomes as a metric and as a parameter.

    Columns ``type, valeur, metrique, parametre`` (what is read back, as text; a refusal
    is told by the name of its error), ``egale`` (the metric is the number that was given).
    """
    import numpy as np

    values = [
        *_TYPED,
        np.float32(0.1),
        np.int64(3),
        np.array([0.5]),
        [1, "a"],
        {"a": None},
        b"\xff",
    ]
    client = store.client()
    run = client.create_run(store.create_experiment("types")).info.run_id
    rows = []
    for i, value in enumerate(values):
        try:
            client.log_metric(run, f"m{i}", value)
            got = client.get_run(run).data.metrics[f"m{i}"]
            metric, same = repr(got), same_number(value, got)
        except Exception as error:  # the refusal is the result
            metric, same = f"refusé ({type(error).__name__})", False
        client.log_param(run, f"p{i}", value)
        rows.append(
            {
                "type": type(value).__name__,
                "valeur": repr(value),
                "metrique": metric,
                "parametre": repr(client.get_run(run).data.params[f"p{i}"]),
                "egale": same,
            }
        )
    return pd.DataFrame(rows)
