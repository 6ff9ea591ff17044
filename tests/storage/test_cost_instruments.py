"""The instruments of capacity and access time, against a second way of measuring."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlflow_study.bulk import Shape, fill
from mlflow_study.evidence.records import Kpi
from mlflow_study.paths import URI_VARIABLE
from mlflow_study.storage import cost_kpis
from mlflow_study.storage.access import FOREIGN_ROUNDS, measure_access, timer_overhead
from mlflow_study.storage.capacity import measure_capacity, sizes_up_to
from mlflow_study.storage.operations import ACCESS
from mlflow_study.storage.quiet import Look, Watch
from mlflow_study.storage.sizes import file_sizes, table_sizes
from mlflow_study.storage.worker import Failed, Late, Worker
from mlflow_study.stores import FOREIGN_WRITE_LIMIT, folder_bytes, open_store, unavailable

SHOWN = {
    "S4": "LES FICHIERS SONT PLUS RAPIDES",
    "S30": "PLUS QUE LINÉAIRE",
    "S31": ("L’ASYNCHRONE ATTEND MOINS", "L’ASYNCHRONE N’ATTEND PAS MOINS"),
}
"""Claim → last words of its witness."""
WITNESSES = [next(cost_kpis.WITNESSES.glob(f"{claim}_*.py")) for claim in SHOWN]


def test_the_ladder_has_three_sizes_and_ends_where_asked() -> None:
    assert sizes_up_to(10_000) == [100, 1000, 3162, 10_000]
    assert sizes_up_to(1000) == [100, 316, 1000]
    assert sizes_up_to(4000) == [100, 400, 1265, 4000]
    assert sizes_up_to(400) == [100, 200, 400]


@pytest.mark.parametrize("name", ["sqlite", "postgresql", "mariadb"])
def test_table_sizes_add_up_to_what_the_database_says(name: str, tmp_path: Path) -> None:
    if reason := unavailable(name):
        pytest.skip(reason)
    with open_store(name, tmp_path) as store:
        experiment = store.create_experiment()
        before = table_sizes(store)
        fill(store, experiment, Shape(runs=300, metrics=2, points=10, params=2))
        after, whole = table_sizes(store), store.size()["suivi"]
        assert all(after[table][0] > before[table][0] for table in ("runs", "metrics", "params"))
        total = sum(rows + index for rows, index in after.values())
        assert total <= whole
        if name != "postgresql":  # its catalogue is in the database too
            assert total >= 0.9 * whole


def test_file_sizes_add_up_to_the_tree(tmp_path: Path) -> None:
    with open_store("file", tmp_path) as store:
        experiment = store.create_experiment()
        fill(store, experiment, Shape(runs=5, metrics=2, points=3, params=2, tags=1))
        assert store.files is not None
        sizes = file_sizes(store.files, experiment)
        whole = (sum(s[0] for s in sizes.values()), sum(s[1] for s in sizes.values()))
        assert whole == folder_bytes(store.files / experiment)
        said = subprocess.run(
            ["du", "-sB1", store.files / experiment], capture_output=True, text=True, check=True
        )
        assert whole[1] == int(said.stdout.split()[0])
        assert sizes["params"][0] == 5 * 2 * 16


def test_a_worker_answers_fails_and_is_killed_at_its_cap() -> None:
    with Worker() as worker:
        worker.order(divmod, 7, 2)
        assert worker.answer(30) == (3, 1)
        worker.order(int, "x")
        with pytest.raises(Failed, match="ValueError"):
            worker.answer(30)
        worker.order(time.sleep, 60)
        started = time.monotonic()
        with pytest.raises(Late):
            worker.answer(0.2)
        assert time.monotonic() - started < 10
        assert not worker.process.is_alive()


def test_a_slow_spin_or_waiting_tasks_mark_a_round_as_busy() -> None:
    watch = Watch(fastest=0.001)
    calm = Look(at=0.0, spin=0.0011, waited=1.0)
    assert not watch.busy(calm, Look(at=1.0, spin=0.0012, waited=1.1))
    assert watch.busy(calm, Look(at=1.0, spin=0.0020, waited=1.1))
    assert watch.busy(calm, Look(at=1.0, spin=0.0011, waited=1.5))
    assert not watch.busy(Look(0.0, 0.0011, None), Look(1.0, 0.0011, None))


def test_the_timer_costs_little() -> None:
    own = sorted(timer_overhead(500))
    assert 0 < own[250] < 1e-4


@pytest.fixture(scope="module")
def access() -> dict[str, object]:
    return measure_access(
        backends=["file", "sqlite", "uri"], rounds=3, heavy_rounds=3, writers=[1, 2],
        writing_s=0.1, cap_s=20.0, seed=1,
    )  # fmt: skip


def test_every_operation_is_timed_on_every_store_and_none_fails(access) -> None:
    calls = access["mesures"]
    assert calls["erreur"].eq("").all()
    assert (calls["wall_s"] > 0).all()
    mlflow = calls[(calls["sorte"] == "mlflow") & ~calls["chauffe"]]
    counts = mlflow.groupby(["magasin", "operation"]).size()
    assert set(counts.index) == {(s, o) for s in ("file", "sqlite") for o in ACCESS}
    assert counts.min() >= 3
    assert access["absents"]["magasin"].tolist() == ["uri"]


def test_calls_come_in_another_order_each_round(access) -> None:
    calls = access["mesures"]
    orders = {
        tuple(zip(part["magasin"], part["operation"], strict=True))
        for _, part in calls[~calls["chauffe"]].groupby("tour")
    }
    assert len(orders) == calls[~calls["chauffe"]]["tour"].nunique()


def test_what_writers_were_told_is_stored(access) -> None:
    writers = access["ecrivains"]
    assert set(writers["magasin"]) == {"file", "sqlite", "sqlite+wal"}
    assert (writers["acquittes"] > 0).all()
    assert (writers["acquittes"] == writers["stockes"]).all()
    assert (access["asynchrone"]["retrouves"] == access["asynchrone"]["points"]).all()


def test_access_gives_valid_kpis_with_unique_ids(access) -> None:
    found = [Kpi(chapitre="01_stockage", **values) for values in cost_kpis.kpis(access=access)]
    assert len({record.id for record in found}) == len(found) > 20


def test_a_foreign_server_receives_few_writes_in_experiments_that_are_then_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_store("sqlite", tmp_path) as theirs:
        kept = theirs.client().create_experiment("à nous")
        monkeypatch.setenv(URI_VARIABLE, theirs.tracking_uri)
        access = measure_access(
            backends=["uri"], rounds=FOREIGN_ROUNDS + 5, heavy_rounds=3, writers=[1, 2, 4, 8],
            writing_s=0.3, cap_s=20.0, seed=1,
        )  # fmt: skip
        calls = access["mesures"]
        assert calls["erreur"].eq("").all()
        assert calls["operation"].eq("log_batch").sum() == 1
        engine = theirs.engine()
        with engine.connect() as connection:
            count = {
                table: connection.exec_driver_sql(f"SELECT COUNT(*) FROM {table}").scalar_one()
                for table in ("runs", "metrics", "params", "logged_models")
            }
            query = "SELECT COUNT(*) FROM runs WHERE experiment_id = ?"
            mine = connection.exec_driver_sql(query, (int(kept),)).scalar_one()
        engine.dispose()
        assert sum(count.values()) <= FOREIGN_WRITE_LIMIT, count
        assert mine == 0
        assert len(access["restes"]) == 2
        assert [e.name for e in theirs.client().search_experiments()] == ["à nous", "Default"]


def test_capacity_measures_sizes_times_and_plans() -> None:
    tables = measure_capacity(
        backends=["file", "sqlite", "http+sqlite"], runs=400, file_runs=400, points=1000,
        history=400, patience_s=60.0, cap_s=60.0, seed=1,
    )  # fmt: skip
    assert set(tables["octets"]["magasin"]) == {"file", "sqlite"}
    assert tables["temps"]["issue"].eq("mesure").all()
    assert {"search_page", "search_order"} <= set(tables["plans"]["operation"])
    found = {
        record.id: record
        for record in (Kpi(chapitre="01_stockage", **v) for v in cost_kpis.kpis(capacity=tables))
    }
    without = tables["temps"]["operation"] == "get_metric_history_crowd_sans_index"
    assert set(tables["temps"][without]["magasin"]) == {"sqlite"}
    assert "stockage.acces.historique_parmi_sans_index.sqlite" in found
    assert not [id for id in found if "pratique" in id and "crowd" in id]
    # a file holds at least one block, and MLflow gives each param a file
    assert float(found["stockage.capacite.octets_param.file"].valeur or 0) >= 4096
    assert 50 < float(found["stockage.capacite.octets_point.sqlite"].valeur or 0) < 1000


def test_what_passes_the_cap_is_stopped_recorded_and_not_tried_larger() -> None:
    tables = measure_capacity(
        backends=["sqlite"], runs=400, file_runs=400, points=1000, history=400,
        patience_s=60.0, cap_s=1e-4, seed=1,
    )  # fmt: skip
    issues = tables["temps"].groupby("taille")["issue"].unique()
    assert issues.loc[100].tolist() == ["plafond"]
    assert "plafond (taille plus petite)" in issues.loc[400]
    assert len(tables["temps"]) > 0


@pytest.mark.parametrize("path", WITNESSES, ids=lambda path: path.stem)
def test_witnesses_still_show_what_they_say(path: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(path)], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr[-500:]
    # S31 compares waits of 0.2 ms: on a busy machine either may win, and the test times nothing.
    assert done.stdout.strip().endswith(SHOWN[path.stem.split("_")[0]])
    assert not list(tmp_path.iterdir()), "a witness leaves nothing where it is run"
