"""What lies in a store, where, and how many bytes: asked of the store itself, not of MLflow.

``places`` is found, not assumed: each kind of datum was given a marker of its own
(``rich_experiment.py``), and the markers are searched for in every column of every table and
in the bytes and the name of every file.  Several places mean that a datum is kept more than
once; none, that it is kept nowhere in the clear.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlflow_study.storage.rich_experiment import Rich
from mlflow_study.stores import Store

if TYPE_CHECKING:
    from sqlalchemy import Connection

Row = dict[str, Any]

_SIZES = {
    "sqlite": """
        SELECT m.tbl_name, SUM(CASE WHEN m.type = 'table' THEN s.pgsize ELSE 0 END),
               SUM(CASE WHEN m.type = 'index' THEN s.pgsize ELSE 0 END)
        FROM dbstat s JOIN sqlite_master m ON m.name = s.name GROUP BY m.tbl_name""",
    "postgresql": """
        SELECT relname, pg_table_size(oid), pg_indexes_size(oid) FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace""",
    "mysql": """
        SELECT table_name, data_length, index_length FROM information_schema.tables
        WHERE table_schema = DATABASE()""",
}
"""(table, bytes of its rows, bytes of its indexes), as each database counts them.

SQLite: whole pages by ``dbstat`` (Debian's and Python's builds have it).  PostgreSQL: rows
with TOAST and maps.  MariaDB: InnoDB's own estimate, whose primary index is the table.
"""


def tables(store: Store) -> list[Row]:
    """One row per table: ``lignes``, ``octets``, ``octets_index``."""
    from sqlalchemy import text

    engine = store.engine()
    try:
        with engine.connect() as connection:
            sizes = list(connection.execute(text(_SIZES[engine.dialect.name])))
            return [
                {
                    "backend": store.name,
                    "table": name,
                    "lignes": _count(connection, name),
                    "octets": int(data or 0),
                    "octets_index": int(indexes or 0),
                }
                for name, data, indexes in sorted(sizes)
            ]
    finally:
        engine.dispose()


def _count(connection: Connection, table: str) -> int:
    from sqlalchemy import text

    quoted = connection.dialect.identifier_preparer.quote(table)
    return int(connection.execute(text(f"SELECT COUNT(*) FROM {quoted}")).scalar_one())


def file_paths(store: Store) -> Iterator[tuple[str, Path, Path]]:
    """(side, path within the side, path) of every file: ``suivi`` or ``artefacts``."""
    for side, root in (("suivi", store.files), ("artefacts", store.artifacts)):
        if root is None:
            continue
        for path in sorted(root.rglob("*")):
            if path.is_file():
                yield side, path.relative_to(root), path


def files(store: Store, names: Mapping[str, str]) -> list[Row]:
    """One row per file: side, place (ids replaced by their role) and bytes."""
    return [
        {
            "backend": store.name,
            "cote": side,
            "fichier": plain(inner.as_posix(), names),
            "octets": path.stat().st_size,
        }
        for side, inner, path in file_paths(store)
    ]


def role_names(rich: Rich) -> dict[str, str]:
    """Identifiers of the experiment → the role that stands for them in a place."""
    return {
        rich.run: "‹run›",
        rich.child: "‹run fils›",
        rich.model_id: "‹modèle›",
        rich.trace: "‹trace›",
        rich.trace.removeprefix("tr-"): "‹trace›",
        **({rich.experiment: "‹expérience›"} if len(rich.experiment) > 3 else {}),
    }


def plain(path: str, names: Mapping[str, str]) -> str:
    """A path in which identifiers give way to their role, so that backends compare."""
    parts = []
    for part in path.split("/"):
        for known, role in names.items():
            part = part.replace(known, role)
        part = re.sub(r"\b[0-9a-f]{32}\b", "‹id›", part)
        parts.append(re.sub(r"-[0-9a-f]{12}$", "", part))
    return "/".join(parts)


def search(store: Store, words: Mapping[str, str]) -> list[Row]:
    """Where each word lies: one row per (kind, place), with the number of times.

    ``words`` is kind → word.  ``nature`` tells a column of the database (``base``), a file of
    the tracking store (``suivi``) or an artifact (``artefact``); a word found in the name of
    a file or folder only is marked by ``nom``.
    """
    wanted = {word: kind for kind, word in words.items()}
    pattern = re.compile("|".join(sorted(map(re.escape, wanted), key=len, reverse=True)))
    found: Counter[tuple[str, str, str, bool]] = Counter()
    if store.database_url is not None:
        for place, value in _cells(store):
            for word in set(pattern.findall(value)):
                found[wanted[word], "base", place, False] += 1
    raw = re.compile(pattern.pattern.encode())
    named: set[tuple[str, str]] = set()
    for side, inner, path in file_paths(store):
        nature = "artefact" if side == "artefacts" else "suivi"
        for hit in set(raw.findall(path.read_bytes())):
            found[wanted[hit.decode()], nature, inner.as_posix(), False] += 1
        for depth, part in enumerate(inner.parts):
            prefix = "/".join(inner.parts[: depth + 1])
            for word in set(pattern.findall(part)):
                if (word, prefix) not in named:
                    named.add((word, prefix))
                    found[wanted[word], nature, prefix, True] += 1
    return [
        {"backend": store.name, "genre": kind, "nature": nature, "lieu": place, "nom": by_name,
         "fois": times}
        for (kind, nature, place, by_name), times in sorted(found.items())
    ]  # fmt: skip


def _cells(store: Store) -> Iterator[tuple[str, str]]:
    """(table.column, value as text) of every cell of the database that holds something."""
    from sqlalchemy import inspect, text

    engine = store.engine()
    try:
        with engine.connect() as connection:
            quote = connection.dialect.identifier_preparer.quote
            for table in inspect(connection).get_table_names():
                result = connection.execute(text(f"SELECT * FROM {quote(table)}"))
                places = [f"{table}.{column}" for column in result.keys()]  # noqa: SIM118
                for row in result:
                    for place, value in zip(places, row, strict=True):
                        if value is not None and not isinstance(value, int):
                            yield place, _as_text(value)
    finally:
        engine.dispose()


def _as_text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return repr(value) if isinstance(value, float) else str(value)


def places(store: Store, rich: Rich) -> list[Row]:
    """``search`` for every marker of ``rich``, with ids in places replaced by their role."""
    names = role_names(rich) | {word: f"‹{kind}›" for kind, word in rich.markers.items()}
    names.pop(rich.markers["nested_run"], None)
    names |= role_names(rich)
    rows = search(store, rich.markers)
    for row in rows:
        row["lieu"] = plain(row["lieu"], names)
    return [row for row in rows if not _is_own_run(row)]


def _is_own_run(row: Row) -> bool:
    """The parent's id is looked for as a *link*: its own rows and folders do not count."""
    linked = row["lieu"] == "tags.value" or "‹run fils›" in row["lieu"]
    return row["genre"] == "nested_run" and not linked


def schema(store: Store) -> dict[str, list[Row]]:
    """The real schema: ``colonnes`` (table, column, type, key) and ``liens`` (foreign keys)."""
    from sqlalchemy import inspect

    engine = store.engine()
    columns: list[Row] = []
    links: list[Row] = []
    try:
        inspector = inspect(engine)
        for table in inspector.get_table_names():
            primary = set(inspector.get_pk_constraint(table)["constrained_columns"])
            for column in inspector.get_columns(table):
                columns.append(
                    {
                        "table": table,
                        "colonne": column["name"],
                        "type": str(column["type"]),
                        "cle": column["name"] in primary,
                        "nulle": bool(column["nullable"]),
                    }
                )
            for link in inspector.get_foreign_keys(table):
                links.append(
                    {
                        "table": table,
                        "colonnes": ", ".join(link["constrained_columns"]),
                        "vers": link["referred_table"],
                        "vers_colonnes": ", ".join(link["referred_columns"]),
                    }
                )
    finally:
        engine.dispose()
    return {"colonnes": columns, "liens": links}
