"""Rows written in bulk are those that MLflow's API writes: every column of every table."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from mlflow_study import bulk
from mlflow_study.bulk import Shape, fill, fill_by_api, fill_models
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


def snapshot(store: Store) -> dict[str, list[str]]:
    """Everything that the store holds, ids and the clock aside, as sortable text."""
    return _files(store.files) if store.files is not None else _tables(store)


def _anonymous(text: str) -> str:
    text = re.sub(r"[0-9a-f]{32}", "<run>", re.sub(r"modele-[0-9a-f]{8}", "<model>", text))
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
        fill_by_api(store, store.create_experiment(), SHAPE, seed=5)
        by_api = snapshot(store)
    assert in_bulk.keys() == by_api.keys()
    for part, content in by_api.items():
        assert in_bulk[part] == content, part
    if name != "file":
        assert {"runs", "metrics", "latest_metrics", "params", "tags"} <= by_api.keys()
        assert sum(filled.rows.values()) == SHAPE.rows


@pytest.mark.parametrize("name", ["sqlite", "postgresql", "mariadb"])
def test_models_are_those_of_the_api(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if reason := unavailable(name):
        pytest.skip(reason)
    with open_store(name, tmp_path) as store:
        experiment = store.create_experiment()
        run_ids = fill(store, experiment, Shape(runs=2)).run_ids
        assert set(fill_models(store, experiment, run_ids).values()) == {2}
        in_bulk = _no_epoch(snapshot(store))
    with open_store(name, tmp_path) as store:
        # create_model_version reads the logged model through the *global* tracking URI
        monkeypatch.setenv("MLFLOW_TRACKING_URI", store.tracking_uri)
        client = store.client()
        experiment = store.create_experiment()
        for run in fill(store, experiment, Shape(runs=2)).run_ids:
            label = bulk.model_name(run)
            model = client.create_logged_model(
                experiment, name=label, source_run_id=run, model_type="etude"
            )
            client.finalize_logged_model(model.model_id, "READY")
            client.create_registered_model(label)
            client.create_model_version(label, source=f"models:/{model.model_id}", run_id=run)
        by_api = _no_epoch(snapshot(store))
    assert {"logged_models", "registered_models", "model_versions"} <= by_api.keys()
    assert in_bulk == by_api


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
        fill(store, "1", Shape(runs=1))


def test_mariadb_takes_every_character_and_says_what_it_refuses() -> None:
    """``LOAD DATA`` has escapes of its own, and passes over a row that it refuses."""
    from sqlalchemy import text

    if reason := unavailable("mariadb"):
        pytest.skip(reason)
    odd = ("a\\N\tb\nc\r", "œ 🙂 'x' \"y\" \\", None, 0.1 + 0.2, True, "")
    with open_store("mariadb") as store:
        run = fill(store, store.create_experiment(), Shape(1, 0, 0, 0, 0)).run_ids[0]
        rows = [("clé", str(odd[0]), run), ("autre", str(odd[1]), run), ("vide", "", run)]
        with bulk._Writer(store) as writer:
            assert writer.write("tags", iter(rows)) == 3
        engine = store.engine()
        with engine.connect() as connection:
            found = connection.execute(text("SELECT `key`, value FROM tags")).tuples().all()
        assert {(key, value) for key, value, _ in rows} <= set(found)
        with pytest.raises(StudyError, match="0 lignes sur 1"), bulk._Writer(store) as writer:
            writer.write("tags", iter(rows[:1]))
        engine.dispose()
    assert [bulk._loaded(value) for value in odd[2:]] == [r"\N", "0.30000000000000004", "1", ""]
