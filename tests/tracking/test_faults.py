"""Journals, writers and the checker: planted losses are seen, real faults strike."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from mlflow_study.errors import StudyError
from mlflow_study.stores import Store, open_store
from mlflow_study.tracking import faults
from mlflow_study.tracking.proxy import Proxy
from mlflow_study.tracking.workers import Job, await_marks, lend, on_loan, run_jobs
from mlflow_study.tracking.writers import Journal, Zygote, zygote


@pytest.fixture(scope="module")
def writers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    with zygote(tmp_path_factory.mktemp("zygote")) as server:
        yield server


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with open_store("sqlite") as opened:
        opened.create_experiment("essai")
        yield opened


def test_a_journal_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "j"
    path.write_text("R abc\nB m0\nA m0\nB m1\nE m1 ValueError non\nS 0.75 m1\nB m2\n", "utf-8")
    journal = Journal.read(path)
    assert (journal.run_id, journal.tried, journal.acknowledged) == ("abc", ["m0", "m1", "m2"], {"m0"})  # fmt: skip
    assert journal.refused == {"m1": "ValueError non"}
    assert journal.slowest_s == 0.75


def test_planted_losses_are_counted() -> None:
    journal = Journal("r", ["m0", "m1", "m2"], {"m0", "m1"})
    compared = faults._compare([journal], Counter({"m0": 2, "m2": 1}))
    assert compared["perdues"] == 1
    assert compared["sans_accuse"] == 1
    assert compared["doublons"] == 1
    assert compared["demandees"] == 3
    assert compared["acquittees"] == 2


@pytest.mark.parametrize(
    ("ending", "with_block", "status"),
    [
        ("fin", True, "FINISHED"),
        ("exception", True, "FAILED"),
        ("exception", False, "FINISHED"),
        ("SIGKILL", True, "RUNNING"),
    ],
)
def test_endings_leave_the_status_that_we_know(
    store: Store, writers: Zygote, ending: str, with_block: bool, status: str
) -> None:
    row = faults._ending(store, writers, ending, with_block, True, 0, 1)
    assert row["statut"] == status
    assert row["perdues"] == 0
    assert row["acquittees"] > 0


def test_a_full_disk_is_struck_or_said_untested(writers: Zygote) -> None:
    (row,) = faults._guarded("sqlite", "disque plein", lambda: faults._disk_full(writers))
    assert row["detail"].startswith("non éprouvé") or "full" in row["detail"]


def test_the_proxy_loses_only_what_it_is_told() -> None:
    proxy = Proxy("http://127.0.0.1:1")
    try:
        proxy.lose = 1
        assert [proxy.take("lose"), proxy.take("lose"), proxy.take("cut")] == [True, False, False]
    finally:
        proxy.server_close()


def test_a_server_is_awaited_only_until_its_last_user_has_left(tmp_path: Path) -> None:
    marks = [tmp_path / "a", tmp_path / "b"]
    Job("t", lambda: pd.DataFrame(), (), marks[0]).run()
    with pytest.raises(StudyError, match="n’est pas finie"):
        await_marks(marks, timeout=0.1)
    with pytest.raises(ZeroDivisionError):
        Job("t", lambda: 1 / 0, (), marks[1]).run()  # type: ignore[arg-type,return-value]
    await_marks(marks, timeout=0.1)


def test_a_job_on_loan_starts_once_the_store_is_lent(tmp_path: Path) -> None:
    loan, store = tmp_path / "pret", Store("sqlite", "sqlite:///lu.db")
    borrower = Job("b", on_loan, (_told, loan, "à la fin"), after=loan)
    lender = Job("a", _lent, (store, loan))
    tables = run_jobs([borrower, lender], workers=1)
    assert tables["b"].to_dict("records") == [{"uri": "sqlite:///lu.db", "mot": "à la fin"}]


def test_a_loan_that_never_comes_holds_up_nobody(tmp_path: Path) -> None:
    borrower = Job("b", on_loan, (_told, tmp_path / "pret", ""), after=tmp_path / "pret")
    with pytest.raises(ZeroDivisionError):
        run_jobs([borrower, Job("a", partial(divmod, 1, 0), ())])  # type: ignore[arg-type]
    with pytest.raises(StudyError, match="n’est pas venu"):
        run_jobs([borrower])


def test_a_struck_writer_holds_up_none_but_itself(
    writers: Zygote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faults, "ENDINGS", ("fin",))
    with open_store("sqlite") as opened:
        rows = faults._endings(opened, writers, 1, 1)
        assert opened.created == []  # nothing was written in the file that crowds use
    assert [row["perdues"] for row in rows if row["envoi"] == "synchrone"] == [0, 0]
    assert {row["statut"] for row in rows} == {"FINISHED"}


def test_processes_that_set_the_same_new_tag_are_refused_and_lose_nothing(
    store: Store, writers: Zygote
) -> None:
    (row,) = faults._same_tag(store, writers, 4)
    assert row["demandees"] == 4 * faults.TAGS
    assert row["perdues"] == 0
    assert row["acquittees"] < row["demandees"]
    assert "UNIQUE constraint failed: tags.key" in row["detail"]


def _lent(store: Store, loan: Path) -> pd.DataFrame:
    lend(store, loan)
    return pd.DataFrame({"fait": [True]})


def _told(store: Store, word: str) -> pd.DataFrame:
    return pd.DataFrame({"uri": [store.tracking_uri], "mot": [word]})
