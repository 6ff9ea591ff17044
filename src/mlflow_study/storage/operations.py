"""The everyday operations of a user, each one call of MLflow's public client.

An ``Operation`` is prepared outside the clock (``prepare`` returns the call to time), so
that building 1 000 metrics in memory is not charged to the store.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlflow_study.bulk import EPOCH_MS, metric_key, param_key, text_value

if TYPE_CHECKING:
    from mlflow import MlflowClient

BATCH = 1000
"""Metrics of one ``log_batch``: the most that the API takes."""
BATCH_KEYS = 10
PAGE = 50
"""Runs of one page of ``search_runs``."""
ARTIFACT_BYTES = 2**20
LIMIT = 50_000
"""``max_results`` of the search that wants everything: the most that the API takes."""

Call = Callable[[], Any]


@dataclass(frozen=True)
class Scene:
    """Where the operations act: all plain values, so that it travels to other processes."""

    uri: str
    experiment: str
    """A populated experiment, only read."""
    readable: tuple[str, ...]
    """Some of its runs."""
    history: str
    """A run with a long history of its first metric."""
    writing: str
    """An experiment that receives new runs."""
    target: str
    """A run of ``writing`` that receives metrics, params, artifacts."""
    artifact: str = ""
    """A file of ``ARTIFACT_BYTES``."""
    model: str = ""
    """URI of a logged scikit-learn model."""
    page_token: str = ""
    """Token of the second page of ``experiment``."""
    last_token: str = ""
    """Token of its last page."""


@dataclass(frozen=True)
class Operation:
    """``prepare(client, scene, turn)`` gives the call; ``turn`` makes its keys unique."""

    name: str
    label: str
    prepare: Callable[[MlflowClient, Scene, int], Call]
    heavy: bool = False
    """Too slow to be repeated 60 times on every store."""


def _create_run(client: MlflowClient, scene: Scene, _: int) -> Call:
    return lambda: client.create_run(scene.writing)


def _log_param(client: MlflowClient, scene: Scene, turn: int) -> Call:
    return lambda: client.log_param(scene.target, f"p{turn}", "valeur")


def _log_metric(client: MlflowClient, scene: Scene, turn: int) -> Call:
    return lambda: client.log_metric(scene.target, "exactitude", 0.5, EPOCH_MS + turn, turn)


def _log_batch(client: MlflowClient, scene: Scene, turn: int) -> Call:
    from mlflow.entities import Metric

    steps = BATCH // BATCH_KEYS
    metrics = [
        Metric(f"lot-{key}", key + step / steps, EPOCH_MS + step, turn * steps + step)
        for key in range(BATCH_KEYS)
        for step in range(steps)
    ]
    return lambda: client.log_batch(scene.target, metrics=metrics)


def _log_artifact(client: MlflowClient, scene: Scene, _: int) -> Call:
    return lambda: client.log_artifact(scene.target, scene.artifact)


def _get_run(client: MlflowClient, scene: Scene, turn: int) -> Call:
    return lambda: client.get_run(scene.readable[turn % len(scene.readable)])


def _get_metric_history(client: MlflowClient, scene: Scene, _: int) -> Call:
    return lambda: client.get_metric_history(scene.history, metric_key(0))


def _search(page: str = "", **options: Any) -> Callable[[MlflowClient, Scene, int], Call]:
    """A search of the read experiment; ``page`` names the scene's token to start from."""

    def prepare(client: MlflowClient, scene: Scene, _: int) -> Call:
        asked = {"max_results": PAGE, **options}
        if page:
            asked["page_token"] = getattr(scene, page)
        return lambda: client.search_runs([scene.experiment], **asked)

    return prepare


def _load_model(_: MlflowClient, scene: Scene, __: int) -> Call:
    import mlflow
    import mlflow.sklearn

    mlflow.set_tracking_uri(scene.uri)
    mlflow.set_registry_uri(scene.uri)
    return lambda: mlflow.sklearn.load_model(scene.model)


_FILTER = f"metrics.`{metric_key(0)}` > 0.5 AND params.`{param_key(0)}` != '{text_value(0, 0, 16)}'"
_ORDER = [f"metrics.`{metric_key(0)}` DESC"]

_ALL = (
    Operation("create_run", "create_run", _create_run),
    Operation("log_param", "log_param", _log_param),
    Operation("log_metric", "log_metric", _log_metric),
    Operation("log_batch", f"log_batch de {BATCH} métriques", _log_batch, True),
    Operation("log_artifact", "log_artifact de 1 Mio", _log_artifact),
    Operation("get_run", "get_run", _get_run),
    Operation("get_metric_history", "get_metric_history", _get_metric_history, True),
    Operation("search_filter", "search_runs filtré", _search(filter_string=_FILTER), True),
    Operation("search_order", "search_runs trié", _search(order_by=_ORDER), True),
    Operation("search_page", "search_runs, page 2", _search("page_token"), True),
    Operation("search_last", "search_runs, dernière page", _search("last_token"), True),
    Operation("search_all", "search_runs de tout", _search(max_results=LIMIT), True),
    Operation("load_model", "load_model", _load_model, True),
)
OPERATIONS: dict[str, Operation] = {operation.name: operation for operation in _ALL}

ACCESS = tuple(name for name in OPERATIONS if name not in ("search_last", "search_all"))
"""Operations of the access-time KPI."""
GROWTH = tuple(name for name in OPERATIONS if name not in ("log_artifact", "load_model"))
"""Operations whose time may depend on what the tracking store holds."""


def page_token(offset: int) -> str:
    """The token of ``search_runs`` for a page that starts at ``offset``."""
    from mlflow.utils.search_utils import SearchUtils

    return str(SearchUtils.create_page_token(offset).decode())
