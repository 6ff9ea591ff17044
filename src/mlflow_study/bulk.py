"""Fill a store with many runs, behind MLflow's back, row for row as its API would.

    shape = Shape(runs=10_000, metrics=2, points=5, params=3, tags=1)
    filled = fill(store, store.create_experiment(), shape, seed=1)
    filled.run_ids[0], filled.rows["metrics"], filled.rows_per_second

Measuring a store of 10⁵ runs through ``log_batch`` would take an hour; here the rows go
straight to SQL (``COPY`` on PostgreSQL, ``LOAD DATA`` on MariaDB, ``executemany`` on SQLite,
in one transaction) or to the files of a file store.  ``tests/test_bulk.py`` proves, table by
table and column by column, that these rows are those of the API (``create_run``,
``log_batch``, ``set_terminated``).  Run ids are drawn like ``uuid4``, so that indexes fill as
they do in real use.

Everything follows from (experiment, seed, index): filling twice changes nothing, and
``first`` goes on where another call stopped.  ``names`` gives what was written.
"""

from __future__ import annotations

import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from mlflow_study.errors import StudyError
from mlflow_study.stores import Store

if TYPE_CHECKING:
    from sqlalchemy import Engine

EPOCH_MS = 1_700_000_000_000
"""Start of the first run, ms since 1970; run ``i`` starts ``i`` seconds later."""
STEP_MS = 1000
"""Time between two points of a metric, and between the starts of two runs."""
CHUNK = 20_000
"""Rows handed at once to a driver that wants a list."""

COLUMNS: dict[str, tuple[str, ...]] = {
    "runs": (
        "run_uuid",
        "name",
        "source_type",
        "source_name",
        "entry_point_name",
        "user_id",
        "status",
        "start_time",
        "end_time",
        "source_version",
        "lifecycle_stage",
        "artifact_uri",
        "experiment_id",
        "deleted_time",
    ),
    "tags": ("key", "value", "run_uuid"),
    "params": ("key", "value", "run_uuid"),
    "metrics": ("key", "value", "timestamp", "run_uuid", "step", "is_nan"),
    "latest_metrics": ("key", "value", "timestamp", "step", "is_nan", "run_uuid"),
    "logged_models": (
        "model_id",
        "experiment_id",
        "name",
        "artifact_location",
        "creation_timestamp_ms",
        "last_updated_timestamp_ms",
        "status",
        "lifecycle_stage",
        "model_type",
        "source_run_id",
        "status_message",
    ),
    "registered_models": ("name", "creation_time", "last_updated_time", "description", "workspace"),
    "model_versions": (
        "name",
        "version",
        "creation_time",
        "last_updated_time",
        "description",
        "user_id",
        "current_stage",
        "source",
        "run_id",
        "status",
        "status_message",
        "run_link",
        "storage_location",
        "workspace",
    ),
}
RUN_TABLES = ("runs", "tags", "params", "metrics", "latest_metrics")
"""Every column of the tables written here; ``experiments`` lets the database choose its id."""

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Shape:
    """What each run holds: ``metrics`` keys of ``points`` points, ``params``, ``tags``.

    ``tags`` comes on top of the run-name tag that MLflow always writes; ``width`` is the
    number of characters of a param or tag value.
    """

    runs: int
    metrics: int = 1
    points: int = 1
    params: int = 0
    tags: int = 0
    width: int = 16

    @property
    def rows(self) -> int:
        """Rows that an SQL store receives for it."""
        per_run = 2 + self.tags + self.params + self.metrics * self.points
        return self.runs * (per_run + (self.metrics if self.points else 0))


@dataclass(frozen=True)
class Filled:
    """What one fill wrote; ``rows`` is empty when it had been written before."""

    run_ids: list[str] = field(repr=False)
    rows: dict[str, int]
    seconds: float

    @property
    def rows_per_second(self) -> float:
        return sum(self.rows.values()) / self.seconds


def run_name(index: int) -> str:
    """Name of run number ``index``."""
    return f"essai-{index:07d}"


def metric_key(number: int) -> str:
    return f"metrique-{number:03d}"


def param_key(number: int) -> str:
    return f"parametre-{number:03d}"


def tag_key(number: int) -> str:
    return f"etiquette-{number:03d}"


def text_value(index: int, number: int, width: int) -> str:
    """Value of param (or tag) ``number`` of run ``index``: digits, ``width`` of them."""
    return f"{index * 1000 + number:0{width}d}"[-width:]


def start_ms(index: int) -> int:
    """Start time of run ``index``, ms since 1970."""
    return EPOCH_MS + index * STEP_MS


@dataclass(frozen=True)
class _Content:
    """The rows of one fill, as generators that can be asked for again."""

    experiment: str
    location: str
    shape: Shape
    seed: int
    first: int

    def indices(self) -> range:
        return range(self.first, self.first + self.shape.runs)

    def run_ids(self) -> list[str]:
        draws = (
            Random(f"{self.experiment}/{self.seed}/{i}").getrandbits(128) for i in self.indices()
        )
        return [uuid.UUID(int=draw, version=4).hex for draw in draws]

    def end_ms(self, index: int) -> int:
        return start_ms(index) + STEP_MS * max(self.shape.points, 1)

    def artifact_uri(self, run_id: str) -> str:
        return f"{self.location}/{run_id}/artifacts"

    def values(self, index: int, number: int) -> list[float]:
        """Values of metric ``number`` of run ``index``, one per step."""
        draw = Random(f"{self.seed}/{index}/{number}").random
        return [draw() for _ in range(self.shape.points)]

    def tag_items(self, index: int) -> list[tuple[str, str]]:
        own = [(tag_key(k), text_value(index, k, self.shape.width)) for k in range(self.shape.tags)]
        return [*own, ("mlflow.runName", run_name(index))]

    def param_items(self, index: int) -> list[tuple[str, str]]:
        width = self.shape.width
        return [(param_key(k), text_value(index, k, width)) for k in range(self.shape.params)]

    def rows(self, table: str, run_ids: Sequence[str]) -> Iterator[Row]:
        keys = [metric_key(k) for k in range(self.shape.metrics)]
        last = self.shape.points - 1
        for index, run_id in zip(self.indices(), run_ids, strict=True):
            start = start_ms(index)
            if table == "runs":
                uri, end = self.artifact_uri(run_id), self.end_ms(index)
                head = (run_id, run_name(index), "UNKNOWN", "", "", "unknown", "FINISHED")
                yield (*head, start, end, "", "active", uri, int(self.experiment), None)
            elif table == "tags":
                yield from ((key, value, run_id) for key, value in self.tag_items(index))
            elif table == "params":
                yield from ((key, value, run_id) for key, value in self.param_items(index))
            elif table == "metrics":
                for number, key in enumerate(keys):
                    for step, value in enumerate(self.values(index, number)):
                        yield (key, value, start + step * STEP_MS, run_id, step, False)
            elif table == "latest_metrics" and last >= 0:
                for number, key in enumerate(keys):
                    value = self.values(index, number)[last]
                    yield (key, value, start + last * STEP_MS, last, False, run_id)


def fill(store: Store, experiment: str, shape: Shape, *, seed: int = 0, first: int = 0) -> Filled:
    """Write ``shape.runs`` finished runs into ``experiment``; see the module's docstring.

    Runs bear the numbers ``first``, ``first + 1``, …  The tracking database of an
    ``http+…`` store is filled directly too.  On PostgreSQL the tables are analysed
    afterwards, as its autovacuum does within the minute.  Raises StudyError on a store
    whose database cannot be reached (``uri``).
    """
    _require_door(store)
    location = store.client().get_experiment(experiment).artifact_location
    content = _Content(experiment, location, shape, seed, first)
    run_ids = content.run_ids()
    if not run_ids:
        return Filled([], {}, 0.0)
    started = time.perf_counter()
    if store.files is not None:
        rows = _fill_files(store.files, content, run_ids)
    else:
        with _Writer(store) as writer:
            if writer.has_run(run_ids[-1]):
                return Filled(run_ids, {}, time.perf_counter() - started)
            rows = {
                table: writer.write(table, content.rows(table, run_ids)) for table in RUN_TABLES
            }
    return Filled(run_ids, rows, time.perf_counter() - started)


def _require_door(store: Store) -> None:
    if store.files is None and store.database_url is None:
        raise StudyError(f"Le magasin « {store.name} » ne se remplit que par son interface.")


def fill_models(store: Store, experiment: str, run_ids: Sequence[str]) -> dict[str, int]:
    """One ready logged model per run, each registered under a name of its own, version 1.

    Only the records: no artifact is written.  SQL stores only.  Returns rows per table.
    """
    if store.database_url is None:
        raise StudyError(f"Le magasin « {store.name} » ne reçoit de modèles que par son interface.")
    location = store.client().get_experiment(experiment).artifact_location
    ids = {run_id: f"m-{uuid.UUID(run_id, version=4).hex[::-1]}" for run_id in run_ids}

    def place(run_id: str) -> str:
        return f"{location}/models/{ids[run_id]}/artifacts"

    rows: dict[str, Iterator[Row]] = {
        "logged_models": (
            (
                ids[run],
                int(experiment),
                model_name(run),
                place(run),
                EPOCH_MS,
                EPOCH_MS,
                2,
                "active",
                "etude",
                run,
                None,
            )
            for run in run_ids
        ),
        "registered_models": (
            (model_name(run), EPOCH_MS, EPOCH_MS, None, "default") for run in run_ids
        ),
        "model_versions": (
            (
                model_name(run),
                1,
                EPOCH_MS,
                EPOCH_MS,
                None,
                None,
                "None",
                f"models:/{ids[run]}",
                run,
                "READY",
                None,
                None,
                place(run),
                "default",
            )
            for run in run_ids
        ),
    }
    with _Writer(store) as writer:
        return {table: writer.write(table, lines) for table, lines in rows.items()}


def model_name(run_id: str) -> str:
    """Name of the (logged and registered) model of a run."""
    return f"modele-{run_id[:8]}"


def fill_by_api(store: Store, experiment: str, shape: Shape, *, seed: int = 0) -> list[str]:
    """The same runs through MLflow's own calls: for a foreign store, and to check ``fill``.

    Three requests per run; returns the run ids (drawn by MLflow).
    """
    from mlflow.entities import Metric, Param, RunTag

    client = store.client()
    content = _Content(experiment, "", shape, seed, 0)
    run_ids = []
    for index in content.indices():
        start, name = start_ms(index), run_name(index)
        run_id = client.create_run(experiment, start_time=start, run_name=name).info.run_id
        metrics = [
            Metric(metric_key(number), value, start + step * STEP_MS, step)
            for number in range(shape.metrics)
            for step, value in enumerate(content.values(index, number))
        ]
        params = [Param(key, value) for key, value in content.param_items(index)]
        tags = [RunTag(*item) for item in content.tag_items(index) if "mlflow" not in item[0]]
        client.log_batch(run_id, metrics, params, tags)
        client.set_terminated(run_id, end_time=content.end_ms(index))
        run_ids.append(run_id)
    return run_ids


class _Writer:
    """One transaction on the database behind a store, with its fastest way in."""

    def __init__(self, store: Store) -> None:
        mysql = (store.database_url or "").startswith("mysql")
        self.engine: Engine = store.engine(**({"local_infile": True} if mysql else {}))
        self.dialect = self.engine.dialect.name
        self.connection: Any = self.engine.raw_connection()
        self.cursor = self.connection.cursor()

    def __enter__(self) -> _Writer:
        if self.dialect == "sqlite":
            self.cursor.execute("PRAGMA busy_timeout = 20000")
            self.cursor.execute("PRAGMA cache_size = -200000")
        if self.dialect == "mysql":  # the rows are sound: each one's run has just been written
            self.cursor.execute("SET SESSION foreign_key_checks = 0")
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self.connection.commit()
                if self.dialect == "postgresql":
                    self.cursor.execute(f"ANALYZE {', '.join(COLUMNS)}")
                    self.connection.commit()
            else:
                self.connection.rollback()
        finally:
            self.connection.close()
            self.engine.dispose()

    def _one(self, query: str, value: str) -> Any:
        self.cursor.execute(query.replace("?", self._mark()), (value,))
        return self.cursor.fetchone()

    def _mark(self) -> str:
        return "?" if self.dialect == "sqlite" else "%s"

    def has_run(self, run_id: str) -> bool:
        return self._one("SELECT 1 FROM runs WHERE run_uuid = ?", run_id) is not None

    def write(self, table: str, rows: Iterator[Row]) -> int:
        """Insert ``rows`` into ``table``; returns how many."""
        quote = "`" if self.dialect == "mysql" else '"'
        columns = ", ".join(f"{quote}{column}{quote}" for column in COLUMNS[table])
        written = 0
        if self.dialect == "postgresql":
            with self.cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
                    written += 1
            return written
        if self.dialect == "mysql":
            return self._load(table, columns, rows)
        marks = ", ".join([self._mark()] * len(COLUMNS[table]))
        statement = f"INSERT INTO {table} ({columns}) VALUES ({marks})"
        while chunk := list(islice(rows, CHUNK)):
            self.cursor.executemany(statement, chunk)
            written += len(chunk)
        return written

    def _load(self, table: str, columns: str, rows: Iterator[Row]) -> int:
        """``LOAD DATA LOCAL``, MariaDB’s way in: a quarter faster than its inserts.

        It takes a row that it refuses for a warning; here one missing is an error.
        """
        written = 0
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
            for row in rows:
                file.write("\t".join(map(_loaded, row)) + "\n")
                written += 1
            file.flush()
            self.cursor.execute(
                f"LOAD DATA LOCAL INFILE %s INTO TABLE {table} CHARACTER SET utf8mb4 ({columns})",
                (file.name,),
            )
        if self.cursor.rowcount != written:
            raise StudyError(f"MariaDB n’a pris que {self.cursor.rowcount} lignes sur {written}.")
        return written


def _loaded(value: object) -> str:
    """A value as ``LOAD DATA`` reads it by default."""
    if value is None:
        return r"\N"
    if isinstance(value, bool):
        return str(int(value))
    return repr(value) if isinstance(value, float) else str(value).translate(_ESCAPED)


_ESCAPED = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n"})


def _fill_files(root: Path, content: _Content, run_ids: Sequence[str]) -> dict[str, int]:
    """Write the folders of a file store; counts as an SQL store would."""
    shape = content.shape
    base = root / content.experiment
    if (base / run_ids[-1] / "meta.yaml").exists():
        return {}
    keys = [metric_key(k) for k in range(shape.metrics)] if shape.points else []
    for index, run_id in zip(content.indices(), run_ids, strict=True):
        folder = f"{base}/{run_id}"
        for part in ("", "/artifacts", "/metrics", "/params", "/tags"):
            Path(folder + part).mkdir()
        start = start_ms(index)
        for number, key in enumerate(keys):
            values = enumerate(content.values(index, number))
            lines = [f"{start + step * STEP_MS} {value} {step}\n" for step, value in values]
            _write(f"{folder}/metrics/{key}", "".join(lines))
        for key, value in content.param_items(index):
            _write(f"{folder}/params/{key}", value)
        for key, value in content.tag_items(index):
            _write(f"{folder}/tags/{key}", value)
        quoted = f"'{run_id}'" if run_id.isdigit() else run_id
        _write(
            f"{folder}/meta.yaml",
            f"artifact_uri: {content.artifact_uri(run_id)}\nend_time: {content.end_ms(index)}\n"
            f"entry_point_name: ''\nexperiment_id: '{content.experiment}'\n"
            f"lifecycle_stage: active\nrun_id: {quoted}\nrun_name: {run_name(index)}\n"
            "source_name: ''\nsource_type: 4\nsource_version: ''\n"
            f"start_time: {start}\nstatus: 3\ntags: []\nuser_id: unknown\n",
        )
    return {
        "runs": shape.runs,
        "tags": shape.runs * (shape.tags + 1),
        "params": shape.runs * shape.params,
        "metrics": shape.runs * shape.metrics * shape.points,
        "latest_metrics": 0,
    }


def _write(path: str, content: str) -> None:
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(content)
