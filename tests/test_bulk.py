"""Rows written in bulk are those that MLflow's API writes: every column of every table."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from mlflow_study import bulk
from mlflow_study.bulk import Shape, fill, fill_experiments
from mlflow_study.errors import StudyError
from mlflow_study.stores import Store, open_store, unavailable

SHAPE = Shape(runs=3, metrics=2, points=4, params=2, tags=1)
STORES = [
    "file",
    "sqlite",
    "postgresql",
    "mariadb",
    pytest.param("http+sqlite", marks=pytest.mark.lent),
    pytest.param("http+postgresql", marks=pytest.mark.lent),
]


def through_the_api(store: Store, experiment: str, shape: Shape, seed: int) -> None:
    """The same content as ``fill``, by the calls that a user makes."""
    from mlflow.entities import Metric, Param, RunTag

    client = store.client()
    content = bulk._Content(experiment, "", shape, seed, 0)
    for index in range(shape.runs):
        start = bulk.start_ms(index)
        run_id = client.create_run(
            experiment, start_time=start, run_name=bulk.run_name(index)
        ).info.run_id
        metrics = [
            Metric(bulk.metric_key(number), value, start + step * bulk.STEP_MS, step)
            for number in range(shape.metrics)
            for step, value in enumerate(content.values(index, number))
        ]
        params = [Param(key, value) for key, value in content.param_items(index)]
        tags = [RunTag(*item) for item in content.tag_items(index) if "mlflow" not in item[0]]
        client.log_batch(run_id, metrics, params, tags)
        client.set_terminated(run_id, end_time=content.end_ms(index))


def snapshot(store: Store) -> dict[str, list[str]]:
    """Everything that the store holds, ids and the clock aside, as sortable text."""
    return _files(store.files) if store.files is not None else _tables(store)


def _anonymous(text: str) -> str:
    text = re.sub(r"[0-9a-f]{32}", "<run>", text)
    text = re.sub(r"mlflow-etude-\w+|etude-[0-9a-f]{12}|\b\d{17,19}\b", "<place>", text)
    return re.sub(r"\b(?!1700000)\d{13}\b", "<now>", text)


def _tables(store: Store) -> dict[str, list[str]]:
    from sqlalchemy import inspect, text

    engine = store.engine()
    found: dict[str, list[str]] = {}
    with engine.connect() as connection:
        names = dict(connection.execute(text("SELECT run_uuid, name FROM runs")).tuples().all())
        for table in inspect(engine).get_table_names():
            if table in ("alembic_version", "scheduler_leases", "workspaces"):
                continue
            quoted = engine.dialect.identifier_preparer.quote(table)
            rows = connection.execute(text(f"SELECT * FROM {quoted}")).mappings().all()
            found[table] = sorted(_row(dict(row), names) for row in rows)
    engine.dispose()
    return {table: rows for table, rows in found.items() if rows}


def _row(row: dict[str, Any], names: dict[str, str]) -> str:
    """A row with its run called by name, so that rows cannot be swapped between runs."""
    row["run_uuid"] = names.get(row.get("run_uuid", ""))
    return _anonymous(repr(sorted(row.items(), key=lambda item: item[0])))


def _files(root: Path | None) -> dict[str, list[str]]:
    assert root is not None
    found: dict[str, list[str]] = {}
    for path in sorted(root.rglob("*")):
        place = _anonymous(str(path.relative_to(root)))
        content = path.read_text(encoding="utf-8") if path.is_file() else "<folder>"
        found.setdefault(place, []).append(_anonymous(content))
    return {place: sorted(contents) for place, contents in found.items()}


@pytest.mark.parametrize("name", STORES)
def test_bulk_rows_are_those_of_the_api(name: str, tmp_path: Path) -> None:
    if reason := unavailable(name):
        pytest.skip(reason)
    with open_store(name, tmp_path) as store:
        filled = fill(store, store.create_experiment(), SHAPE, seed=5)
        in_bulk = snapshot(store)
        runs = store.client().search_runs([store.created[0]])
        assert sorted(run.info.run_id for run in runs) == sorted(filled.run_ids)
    with open_store(name, tmp_path) as store:
        through_the_api(store, store.create_experiment(), SHAPE, seed=5)
        by_api = snapshot(store)
    assert in_bulk.keys() == by_api.keys()
    for part, content in by_api.items():
        assert in_bulk[part] == content, part
    if name != "file":
        assert {"runs", "metrics", "latest_metrics", "params", "tags"} <= by_api.keys()
        assert sum(filled.rows.values()) == SHAPE.rows


@pytest.mark.parametrize("name", ["file", "sqlite", "postgresql", "mariadb"])
def test_experiments_are_those_of_the_api(name: str, tmp_path: Path) -> None:
    if reason := unavailable(name):
        pytest.skip(reason)
    names = [f"lot-{number:06d}" for number in range(3)]
    with open_store(name, tmp_path) as store:
        store.client().search_experiments()
        ids = fill_experiments(store, 3)
        assert fill_experiments(store, 3) == ids
        assert [store.client().get_experiment(i).name for i in ids] == names
        in_bulk = _no_epoch(snapshot(store))
        after = store.client().create_experiment("après")
        assert after not in ids
    with open_store(name, tmp_path) as store:
        assert store.artifacts is not None
        for label in names:
            store.client().create_experiment(label, (store.artifacts / label).as_uri())
        assert in_bulk == _no_epoch(snapshot(store))


def _no_epoch(found: dict[str, list[str]]) -> dict[str, list[str]]:
    return {
        part: [line.replace(str(bulk.EPOCH_MS), "<now>") for line in lines]
        for part, lines in found.items()
    }


@pytest.mark.parametrize("name", ["file", "sqlite"])
def test_filling_twice_changes_nothing_and_first_goes_on(name: str, tmp_path: Path) -> None:
    with open_store(name, tmp_path) as store:
        experiment = store.create_experiment()
        once = fill(store, experiment, Shape(runs=4), seed=1)
        twice = fill(store, experiment, Shape(runs=4), seed=1)
        assert (once.run_ids, twice.rows) == (twice.run_ids, {})
        more = fill(store, experiment, Shape(runs=2), seed=1, first=4)
        assert not set(more.run_ids) & set(once.run_ids)
        found = {run.info.run_name for run in store.client().search_runs([experiment])}
        assert found == {bulk.run_name(index) for index in range(6)}


def test_a_failed_fill_leaves_nothing(tmp_path: Path) -> None:
    with open_store("sqlite", tmp_path) as store:
        experiment = store.create_experiment()
        clash = fill(store, experiment, Shape(runs=1), seed=1, first=2)
        with pytest.raises(Exception, match="UNIQUE"):
            fill(store, experiment, Shape(runs=4), seed=1)  # run 2 exists, run 3 does not
        found = {run.info.run_id for run in store.client().search_runs([experiment])}
        assert found == set(clash.run_ids)


def test_a_foreign_store_is_refused() -> None:
    store = Store("uri", "http://127.0.0.1:9")
    with pytest.raises(StudyError, match="interface"):
        fill_experiments(store, 1)
    with pytest.raises(StudyError, match="interface"):
        fill(store, "1", Shape(runs=1))
