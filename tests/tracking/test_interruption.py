"""Ctrl-C in the middle of a write: the instrument against raw SQLite, and forged tables."""

import gc
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlflow_study.scratch import memory_folder
from mlflow_study.stores import Store, open_store
from mlflow_study.tracking import interruption, kpis
from mlflow_study.tracking.workers import QUICK_BYTES


@pytest.fixture(autouse=True)
def frozen() -> Iterator[None]:
    """What pytest holds is left out of the collections, as in the process of a worker."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with open_store("sqlite", tmp_path_factory.mktemp("sqlite")) as store:
        yield store


def outsider_is_refused(path: Path) -> bool:
    """Does another process, with nothing but ``sqlite3``, fail to write at once?"""
    code = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=0);"
        "c.execute('CREATE TABLE essai (x)'); c.execute('DROP TABLE essai'); c.commit()"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True)
    assert done.returncode == 0 or "database is locked" in done.stderr
    return done.returncode != 0


def test_an_unread_result_locks_the_file_whatever_becomes_of_its_connection(tmp_path: Path) -> None:
    path = tmp_path / "base.db"
    owner = sqlite3.connect(path)
    owner.execute("CREATE TABLE t (x)")
    owner.execute("INSERT INTO t VALUES (1)")
    owner.commit()
    assert not interruption.locked_out(str(path))
    unread = owner.execute("SELECT x FROM t")
    owner.rollback()
    owner.close()
    assert interruption.locked_out(str(path))
    assert outsider_is_refused(path)
    del unread
    assert not interruption.locked_out(str(path))
    assert not outsider_is_refused(path)


def test_a_blow_strikes_once_where_it_is_told() -> None:
    done: list[int] = []

    def step(number: int) -> None:
        done.append(number)

    def write() -> None:
        for number in range(5):
            step(number)

    calls = interruption.at_call(0, interruption.Blow(), write)
    assert calls == (None, 6)  # write, then five steps
    done.clear()
    blow = interruption.Blow()
    error, _ = interruption.at_call(4, blow, write)
    assert blow.fired
    assert isinstance(error, KeyboardInterrupt)
    assert done == [0, 1]
    assert sys.getprofile() is None
    error = interruption.at_instant(
        0.01, interruption.Blow(), lambda: [step(0) for _ in range(10**6)]
    )
    assert isinstance(error, KeyboardInterrupt)


def test_another_process_finds_the_database_locked_while_the_exception_lives(sqlite: Store) -> None:
    from sqlalchemy import Engine, event

    path, place = sqlite.engine().url.database, next(interruption._places(sqlite))
    blow = interruption.Blow()

    def unread(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("SELECT"):
            blow()

    event.listen(Engine, "after_cursor_execute", unread)
    try:
        error = [blow.strike(lambda: place.client.log_metric(place.run, "m", 1.0))]
    finally:
        event.remove(Engine, "after_cursor_execute", unread)
    assert isinstance(error[0], KeyboardInterrupt)
    assert outsider_is_refused(Path(str(path)))
    seen = interruption._aftermath("log_metric", place, interruption.Observer(sqlite), error)
    assert seen["verrou"]
    assert "database is locked" in seen["refus"]
    assert seen["statut"] == "RUNNING"
    assert seen["garde"] == 0
    assert not seen["verrou_apres"]
    assert not outsider_is_refused(Path(str(path)))


def test_the_wal_mode_that_we_advise_leaves_far_fewer_locks_than_the_default() -> None:
    locked = {}
    for mode in ("delete", "wal"):
        with open_store("sqlite", memory_folder(QUICK_BYTES)) as store:
            connection = sqlite3.connect(str(store.engine().url.database))
            assert connection.execute(f"PRAGMA journal_mode={mode}").fetchone() == (mode,)
            connection.close()
            table = interruption.interrupted(store, 12, seed=6)
        assert set(table.maniere) == {"appel", "signal"}
        assert set(table.ecriture) == set(interruption.WRITES)
        assert ((table.statut != "FAILED") == (table.refus != "")).all()
        # MLflow reads after it has committed: a lock may stay although the end is written.
        assert set(table[table.statut == "FINISHED"].ecriture) <= {"set_terminated"}
        # At given calls the count hardly moves (7 times: 6 or 7 locks of 72, with the WAL none);
        # at random instants of a loaded machine it does: 5 locks against 9 were seen.
        locked[mode] = int(table[table.maniere == "appel"].verrou.sum())
    assert locked["wal"] <= locked["delete"] / 2
    assert locked["delete"] > 0


def test_files_lose_a_run_whose_end_is_interrupted_and_the_advice_restores_the_others(
    tmp_path: Path,
) -> None:
    with open_store("file", tmp_path) as store:
        table = interruption.interrupted(store, 6, seed=3)
        ended = table[table.ecriture == "set_terminated"]
        assert (ended.statut == "illisible").any()
        assert not table.verrou.any()
        place = next(interruption._places(store))
        place.client.create_run(place.experiment)
        folder = Path(place.client.get_run(place.run).info.artifact_uri.removeprefix("file://"))
        (folder.parent / "meta.yaml").write_text("")
        with pytest.raises(AttributeError):
            place.client.search_runs([place.experiment])
        shutil.rmtree(folder.parent)
        assert len(place.client.search_runs([place.experiment])) == 1


def forged(**changes: Any) -> pd.DataFrame:
    row = {"magasin": "sqlite", "ecriture": "log_metric", "maniere": "appel", "moment": 0.5}
    row |= {"recue": "KeyboardInterrupt", "verrou": False, "refus": "", "verrou_apres": False}
    row |= {"statut": "FAILED", "lecture": "", "garde": 0, "attendus": 1}
    return pd.DataFrame([{**row, **changes}])


def test_kpis_and_sentences_of_forged_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow_study.presentation import tracking as tell

    told: list[str] = []
    monkeypatch.setattr(
        tell.page, "finding", lambda title, text="": told.append(f"{title} | {text}")
    )
    monkeypatch.setattr(tell.page, "table", lambda *_, **__: None)

    def measured(table: pd.DataFrame) -> dict[str, Any]:
        found: dict[str, Any] = {}
        kpis.interruptions(lambda id, _l, value, _u, **__: found.update({id: value}), table)  # type: ignore[arg-type,return-value]
        tell.interruptions(table)
        return found

    fine = pd.concat([forged(), forged(magasin="file")])
    assert set(measured(fine).values()) == {0}
    assert "n’empêche ni de lire ni de finir (0 sur" in told[-1]
    harmed = pd.concat(
        [
            fine,
            forged(verrou=True, refus="database is locked", statut="RUNNING"),
            forged(magasin="file", statut="illisible", refus="AttributeError"),
            forged(
                magasin="postgresql",
                ecriture="log_batch",
                garde=5,
                attendus=15,
                recue="MlflowException",
            ),
        ]
    )
    found = measured(harmed)
    assert found["suivi.interruption.fin-refusee.sqlite"] == 1
    assert found["suivi.interruption.verrou.sqlite"] == 0.5
    assert found["suivi.interruption.fin-refusee.postgresql"] == 0
    assert found["suivi.interruption.illisible.file"] == 1
    assert "suivi.interruption.fin-refusee.file" not in found
    assert "fin du run refusée 1 fois sur 2 (SQLite)" in told[-1]
    assert "expérience illisible 1 fois sur 2 (fichiers)" in told[-1]
    assert "une autre erreur ou rien, 1 fois sur 1 (PostgreSQL)" in told[-1]
    assert "gardé en partie dans 1\u00a0essai sur 1" in told[-1]
