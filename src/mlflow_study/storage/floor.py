"""The physical floor: the same work done on the same disk without MLflow.

What MLflow costs can only be told against what the disk, the database and the network
cost anyway, measured in the same rounds.  Each floor is a call on a raw driver: a commit
of one row or of 1 000 in SQLite (its default settings, those that MLflow uses), in
PostgreSQL (``INSERT``, and ``COPY``), an append to a file with and without ``fsync``, the
reading of the same rows or files, an empty HTTP request to the same server.
"""

from __future__ import annotations

import os
import sqlite3
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, RemoteDisconnected
from pathlib import Path
from typing import Any

from sqlalchemy import URL, make_url

from mlflow_study.bulk import EPOCH_MS, metric_key
from mlflow_study.storage.operations import BATCH, PAGE, Scene
from mlflow_study.stores import Store

Call = Callable[[], Any]
_TABLE = "plancher"
_COLUMNS = "cle VARCHAR(250), valeur DOUBLE PRECISION, instant BIGINT, run VARCHAR(32), pas BIGINT"


@dataclass(frozen=True)
class Floor:
    """A raw call; ``below`` names the MLflow operations that it bounds from below."""

    name: str
    label: str
    call: Call
    below: tuple[str, ...] = ()
    heavy: bool = False


_ONE_ROW = ("create_run", "log_param", "log_metric")


@contextmanager
def floors(store: Store, scene: Scene) -> Iterator[list[Floor]]:
    """The floors of one open store (none for a foreign one)."""
    if store.foreign or store.artifacts is None:
        yield []
        return
    found = _artifact_floors(store.artifacts, scene)
    if store.process is not None:
        found.append(_http(store.tracking_uri))
    if store.files is not None:
        yield found + _file_floors(store.files, scene)
        return
    url = make_url(store.database_url or "")
    if url.get_backend_name() == "sqlite":
        with _sqlite(str(url.database)) as mine:
            yield found + mine
    elif url.get_backend_name() == "postgresql":
        with _postgresql(store.database_url or "") as mine:
            yield found + mine
    else:
        with _mariadb(url) as mine:
            yield found + mine


def _rows(count: int) -> list[tuple[Any, ...]]:
    return [(f"cle-{n % 10}", n / 7, EPOCH_MS + n, "0" * 32, n) for n in range(count)]


@contextmanager
def _sqlite(path: str) -> Iterator[list[Floor]]:
    """Its own database beside the store's for writing, the store's own for reading."""
    scratch = sqlite3.connect(f"{path}.plancher", timeout=20, check_same_thread=False)
    reader = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20, check_same_thread=False)
    scratch.execute(f"CREATE TABLE {_TABLE} ({_COLUMNS}, PRIMARY KEY (cle, instant, pas, run))")
    insert = f"INSERT OR REPLACE INTO {_TABLE} VALUES (?, ?, ?, ?, ?)"

    def write(count: int) -> Call:
        turn = iter(range(10**9))

        def call() -> None:
            shift = next(turn) * count
            scratch.executemany(insert, [(*r[:2], r[2] + shift, *r[3:]) for r in _rows(count)])
            scratch.commit()

        return call

    def read(query: str) -> Call:
        return lambda: reader.execute(query).fetchall()

    try:
        yield [
            Floor("commit", "commit SQLite d’une ligne", write(1), _ONE_ROW),
            Floor(
                "commit_lot", f"commit SQLite de {BATCH} lignes", write(BATCH), ("log_batch",), True
            ),
            *_reads(read),
        ]
    finally:
        scratch.close()
        reader.close()


@contextmanager
def _postgresql(url: str) -> Iterator[list[Floor]]:
    """A table of its own in the store's database, over a connection of its own."""
    import psycopg

    dsn = url.replace("postgresql+psycopg://", "postgresql://")
    insert = f"INSERT INTO {_TABLE} VALUES (%s, %s, %s, %s, %s)"
    with psycopg.connect(dsn) as connection:
        connection.execute(f"CREATE TABLE {_TABLE} ({_COLUMNS})")
        connection.commit()

        def write(count: int) -> Call:
            rows = _rows(count)

            def call() -> None:
                with connection.cursor() as cursor:
                    cursor.executemany(insert, rows)
                connection.commit()

            return call

        def copy() -> None:
            with connection.cursor() as cursor, cursor.copy(f"COPY {_TABLE} FROM STDIN") as stream:
                for row in _rows(BATCH):
                    stream.write_row(row)
            connection.commit()

        def read(query: str) -> Call:
            def call() -> None:
                connection.execute(query.encode()).fetchall()
                connection.commit()

            return call

        yield [
            Floor("commit", "INSERT PostgreSQL d’une ligne", write(1), _ONE_ROW),
            Floor("commit_lot", f"INSERT PostgreSQL de {BATCH} lignes", write(BATCH), (), True),
            Floor("copy", f"COPY PostgreSQL de {BATCH} lignes", copy, ("log_batch",), True),
            *_reads(read),
        ]
        connection.execute(f"DROP TABLE {_TABLE}")


@contextmanager
def _mariadb(url: URL) -> Iterator[list[Floor]]:
    """A table of its own in the store's database, over a connection of its own."""
    import pymysql

    insert = f"INSERT INTO {_TABLE} VALUES (%s, %s, %s, %s, %s)"
    address = {"host": url.host, "port": url.port or 3306, "user": url.username}
    with pymysql.connect(
        **address, password=url.password or "", database=url.database
    ) as connection:
        cursor = connection.cursor()
        cursor.execute(f"CREATE TABLE {_TABLE} ({_COLUMNS})")

        def write(count: int) -> Call:
            rows = _rows(count)

            def call() -> None:
                cursor.executemany(insert, rows)
                connection.commit()

            return call

        def read(query: str) -> Call:
            quoted = query.replace("WHERE key", "WHERE `key`")

            def call() -> None:
                cursor.execute(quoted)
                cursor.fetchall()
                connection.commit()

            return call

        yield [
            Floor("commit", "INSERT MariaDB d’une ligne", write(1), _ONE_ROW),
            Floor(
                "commit_lot",
                f"INSERT MariaDB de {BATCH} lignes",
                write(BATCH),
                ("log_batch",),
                True,
            ),
            *_reads(read),
        ]
        cursor.execute(f"DROP TABLE {_TABLE}")


def _reads(read: Callable[[str], Call]) -> list[Floor]:
    """Reading, in SQL, one run, one history, one page of runs."""
    one = "SELECT * FROM runs WHERE run_uuid = (SELECT MIN(run_uuid) FROM runs)"
    history = f"SELECT * FROM metrics WHERE key = '{metric_key(0)}' ORDER BY run_uuid LIMIT {BATCH}"
    page = f"SELECT * FROM runs ORDER BY start_time DESC LIMIT {PAGE}"
    return [
        Floor("lire_un", "SELECT d’un run", read(one), ("get_run",)),
        Floor(
            "lire_lot", f"SELECT de {BATCH} points", read(history), ("get_metric_history",), True
        ),
        Floor(
            "lire_page",
            f"SELECT de {PAGE} runs",
            read(page),
            ("search_filter", "search_order", "search_page"),
            True,
        ),
    ]


def _file_floors(root: Path, scene: Scene) -> list[Floor]:
    plain, synced = str(root.parent / "plancher.txt"), str(root.parent / "plancher-fsync.txt")
    line = f"{EPOCH_MS} 0.123456789012345 1\n"

    def append(path: str, text: str, *, sync: bool) -> Call:
        def call() -> None:
            with open(path, "a", encoding="utf-8") as stream:
                stream.write(text)
                if sync:
                    stream.flush()
                    os.fsync(stream.fileno())

        return call

    def read(paths: list[Path]) -> Call:
        return lambda: [path.read_bytes() for path in paths]

    runs = root / scene.experiment
    metas = [runs / run / "meta.yaml" for run in scene.readable[:PAGE]]
    history = [root / scene.writing / scene.history / "metrics" / metric_key(0)]
    return [
        Floor("commit", "ajout d’une ligne", append(plain, line, sync=False), _ONE_ROW),
        Floor("commit_fsync", "ajout d’une ligne avec fsync", append(synced, line, sync=True)),
        Floor(
            "commit_lot",
            f"ajout de {BATCH} lignes",
            append(plain, line * BATCH, sync=False),
            ("log_batch",),
            True,
        ),
        Floor("lire_un", "lecture d’un fichier", read(metas[:1]), ("get_run",)),
        Floor("lire_lot", "lecture d’un historique", read(history), ("get_metric_history",), True),
        Floor(
            "lire_page",
            f"lecture de {PAGE} fichiers",
            read(metas),
            ("search_filter", "search_order", "search_page"),
            True,
        ),
    ]


def _artifact_floors(folder: Path, scene: Scene) -> list[Floor]:
    content = Path(scene.artifact).read_bytes()

    def write(name: str, *, sync: bool) -> Call:
        def call() -> None:
            with open(folder / name, "wb") as stream:
                stream.write(content)
                if sync:
                    stream.flush()
                    os.fsync(stream.fileno())

        return call

    return [
        Floor("ecrire", "écriture de 1 Mio", write("plancher", sync=False), ("log_artifact",)),
        Floor("ecrire_fsync", "écriture de 1 Mio avec fsync", write("plancher-fsync", sync=True)),
    ]


def _http(uri: str) -> Floor:
    """An empty request on a kept-alive connection, opened again when the server closed it."""
    place = urllib.parse.urlsplit(uri)
    connection = HTTPConnection(str(place.hostname), place.port, timeout=10)

    def call() -> None:
        try:
            connection.request("GET", "/health")
            connection.getresponse().read()
        except (RemoteDisconnected, ConnectionError):
            connection.close()
            connection.request("GET", "/health")
            connection.getresponse().read()

    return Floor("http", "requête HTTP vide", call)
