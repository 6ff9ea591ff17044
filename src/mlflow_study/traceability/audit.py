"""A log of changes kept by the database itself: the remedy that needs no discipline.

``install`` adds one table, ``etude_journal``, and triggers on the tables that MLflow
rewrites in place.  Each insertion, update and deletion leaves a row with the moment, the
table, the row before and the row after, as JSON; MLflow itself is not changed, and its
migrations are not either (the table is ours).  SQLite and PostgreSQL.

The author is not there: every request reaches the database under the account of the
MLflow server.  ``role`` (PostgreSQL) tells at least MLflow from a hand in the database.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

LOG = "etude_journal"
AUDITED = (
    "registered_models",
    "registered_model_aliases",
    "registered_model_tags",
    "model_versions",
    "model_version_tags",
    "runs",
    "params",
    "tags",
    "metrics",
    "experiments",
    "experiment_tags",
    "logged_models",
    "logged_model_tags",
)
"""Tables that MLflow updates or deletes from, and whose past a reader asks for."""


@dataclass(frozen=True)
class Entry:
    """One row of the log: ``before`` is None for an insertion, ``after`` for a deletion."""

    at: int
    table: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


def install(engine: Engine, tables: Sequence[str] = AUDITED) -> None:
    """Add the log and its triggers.  Raises ValueError on another kind of database."""
    makers = {"sqlite": _sqlite, "postgresql": _postgresql}
    if engine.dialect.name not in makers:
        raise ValueError(f"no triggers for {engine.dialect.name}")
    with _whole(engine) as connection:
        for statement in makers[engine.dialect.name](connection, tables):
            connection.exec_driver_sql(statement)


def remove(engine: Engine, tables: Sequence[str] = AUDITED) -> None:
    """Drop the triggers; the log stays."""
    with _whole(engine) as connection:
        for table in tables:
            if engine.dialect.name == "sqlite":
                for operation in _OPERATIONS:
                    connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {LOG}_{table}_{operation}")
            else:
                connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {LOG} ON {table}")


@contextmanager
def _whole(engine: Engine) -> Iterator[Connection]:
    """A transaction that holds changes of the schema too: Python's SQLite begins none for them."""
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection


_OPERATIONS = {"insert": (False, True), "update": (True, True), "delete": (True, False)}


def _sqlite(connection: Connection, tables: Sequence[str]) -> list[str]:
    statements = [
        f"CREATE TABLE IF NOT EXISTS {LOG} "
        "(id INTEGER PRIMARY KEY, at INTEGER, tab TEXT, before TEXT, after TEXT)"
    ]
    now = "CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER)"
    for table in tables:
        columns = [row[1] for row in connection.exec_driver_sql(f"PRAGMA table_info({table})")]

        def image(row: str, columns: list[str] = columns) -> str:
            pairs = ", ".join(f"'{column}', {row}.\"{column}\"" for column in columns)
            return f"json_object({pairs})"

        for operation, (before, after) in _OPERATIONS.items():
            statements.append(
                f"CREATE TRIGGER IF NOT EXISTS {LOG}_{table}_{operation} "
                f"AFTER {operation.upper()} ON {table} BEGIN "
                f"INSERT INTO {LOG} (at, tab, before, after) VALUES ({now}, '{table}', "
                f"{image('OLD') if before else 'NULL'}, {image('NEW') if after else 'NULL'}); END"
            )
    return statements


def _postgresql(connection: Connection, tables: Sequence[str]) -> list[str]:  # noqa: ARG001
    return [
        f"CREATE TABLE IF NOT EXISTS {LOG} (id BIGSERIAL PRIMARY KEY, at BIGINT, tab TEXT, "
        "before JSONB, after JSONB, role TEXT DEFAULT session_user)",
        f"""CREATE OR REPLACE FUNCTION {LOG}_note() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          INSERT INTO {LOG} (at, tab, before, after) VALUES (
            (extract(epoch FROM clock_timestamp()) * 1000)::bigint, TG_TABLE_NAME,
            CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END,
            CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END);
          RETURN NULL;
        END $$""",
        *(
            f"CREATE OR REPLACE TRIGGER {LOG} AFTER INSERT OR UPDATE OR DELETE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION {LOG}_note()"
            for table in tables
        ),
    ]


def read(engine: Engine) -> list[Entry]:
    """The whole log, in the order of writing."""
    query = f"SELECT at, tab, before, after FROM {LOG} ORDER BY id"
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(query).all()
    return [
        Entry(int(at), table, _image(before), _image(after)) for at, table, before, after in rows
    ]


def _image(value: Any) -> dict[str, Any] | None:
    if value is None or isinstance(value, dict):
        return value
    loaded: dict[str, Any] = json.loads(value)
    return loaded
