"""Everything that a store holds, as text: what its API shows, what lies underneath.

``underneath`` reads every row of every table (or every file of a file store), so that
«the store has forgotten» is found by search and never assumed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, create_engine, inspect, text

from mlflow_study.stores import Store

if TYPE_CHECKING:
    from mlflow import MlflowClient

Dump = frozenset[str]
"""One text per row, line of a file or leaf of the API; two dumps are compared as sets."""


_RIGHTS = (
    "SELECT username, resource_type, resource_pattern, permission FROM role_permissions p "
    "JOIN user_role_assignments a ON a.role_id = p.role_id JOIN users u ON u.id = a.user_id"
)
"""Whom MLflow's accounts let do what: whoever creates an object receives a right on it."""


class Underneath:
    """Reads the rows or files behind one store, and the rows of another database ``also``."""

    def __init__(self, store: Store, also: str | None = None) -> None:
        self.store = store
        urls = [url for url in (store.database_url, also) if url is not None]
        self.engines = [create_engine(url) for url in urls]
        self.tables = {engine: inspect(engine).get_table_names() for engine in self.engines}

    def read(self) -> Dump:
        rows = (row for engine in self.engines for row in self._rows(engine))
        return frozenset(rows if self.engines else self._lines())

    def _rows(self, engine: Engine) -> Iterator[str]:
        quote = engine.dialect.identifier_preparer.quote
        some = " UNION ALL ".join(
            f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {quote(table)})"
            for table in self.tables[engine]
        )
        with engine.connect() as connection:
            for table in connection.execute(text(some)).scalars().all():
                for row in connection.execute(text(f"SELECT * FROM {quote(table)}")).mappings():
                    yield f"{table} {dict(row)}"

            if "role_permissions" in self.tables[engine]:
                for row in connection.execute(text(_RIGHTS)).mappings():
                    yield f"droits {dict(row)}"

    def _lines(self) -> Iterator[str]:
        assert self.store.files is not None
        for path in sorted(self.store.files.rglob("*")):
            if path.is_file():
                where = path.relative_to(self.store.files)
                for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                    yield f"{where} {line}"

    def close(self) -> None:
        for engine in self.engines:
            engine.dispose()


def leaves(value: Any, path: str = "") -> Iterator[str]:
    """``path=value`` for every leaf of nested dicts and lists."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{index}]")
    else:
        yield f"{path}={value}"


def _fields(entity: Any) -> dict[str, Any]:
    return {key: _plain(value) for key, value in dict(entity).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, str | int | float | bool | type(None)):
        return value
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    return json.loads(json.dumps(vars(value), default=str))


def run_seen(client: MlflowClient, run_id: str) -> dict[str, Any]:
    """All that the client says of a run, its histories and its artifacts; {} if it is gone."""
    from mlflow.exceptions import MlflowException

    try:
        run = client.get_run(run_id)
    except MlflowException:
        return {}
    return {
        "run": run.to_dictionary(),
        "histories": {
            key: [dict(point) for point in client.get_metric_history(run_id, key)]
            for key in run.data.metrics
        },
        "datasets": [_fields(item.dataset) for item in run.inputs.dataset_inputs],
        "artifacts": {item.path: item.file_size for item in client.list_artifacts(run_id)},
    }


def registered_seen(client: MlflowClient, name: str) -> dict[str, Any]:
    """All that the client says of a registered model and its versions; {} if it is gone."""
    from mlflow.exceptions import MlflowException

    try:
        model = client.get_registered_model(name)
    except MlflowException:
        return {}
    found = client.search_model_versions(f"name = '{name}'")
    return {
        "model": {
            "name": model.name,
            "created": model.creation_timestamp,
            "updated": model.last_updated_timestamp,
            "description": model.description,
            "tags": model.tags,
            "aliases": model.aliases,
        },
        "versions": {str(v.version): _version(client, name, str(v.version)) for v in found},
    }


def _version(client: MlflowClient, name: str, version: str) -> dict[str, Any]:
    found = client.get_model_version(name, version)
    keys = (
        "creation_timestamp",
        "last_updated_timestamp",
        "description",
        "current_stage",
        "source",
        "run_id",
        "status",
        "tags",
        "aliases",
        "user_id",
    )
    return {key: getattr(found, key) for key in keys}
