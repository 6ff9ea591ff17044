"""Everything that a store holds, as text: what its API shows, what lies underneath.

``underneath`` reads every row of every table (or every file of a file store), so that
«the store has forgotten» is found by search and never assumed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mlflow_study.stores import Store

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from sqlalchemy import Engine

Dump = frozenset[str]
"""One text per row, line of a file or leaf of the API; two dumps are compared as sets."""


class Underneath:
    """Reads the rows or files behind one store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.engine: Engine | None = store.engine() if store.database_url else None
        self.tables: list[str] = []
        if self.engine is not None:
            from sqlalchemy import inspect

            self.tables = inspect(self.engine).get_table_names()

    def read(self) -> Dump:
        return frozenset(self._rows() if self.engine is not None else self._lines())

    def _rows(self) -> Iterator[str]:
        from sqlalchemy import text

        assert self.engine is not None
        quote = self.engine.dialect.identifier_preparer.quote
        with self.engine.connect() as connection:
            for table in self.tables:
                for row in connection.execute(text(f"SELECT * FROM {quote(table)}")).mappings():
                    yield f"{table} {dict(row)}"

    def _lines(self) -> Iterator[str]:
        assert self.store.files is not None
        for path in sorted(self.store.files.rglob("*")):
            if path.is_file():
                where = path.relative_to(self.store.files)
                for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                    yield f"{where} {line}"

    def close(self) -> None:
        if self.engine is not None:
            self.engine.dispose()


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
