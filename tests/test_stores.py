"""The systems under test: opened for real, and nothing left when they close or die."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest
import requests

from mlflow_study import nursery, stores
from mlflow_study.errors import StudyError, Unavailable

LOCAL = ["file", "sqlite", "postgresql"]


def available(name):
    reason = stores.unavailable(name)
    return pytest.param(name, marks=pytest.mark.skipif(reason is not None, reason=str(reason)))


@pytest.fixture(scope="module")
def opened():
    names = [n for n in (*LOCAL, "mariadb", "http+sqlite") if stores.unavailable(n) is None]
    with stores.open_stores(names) as found:
        yield found


@pytest.mark.parametrize("name", [available(n) for n in (*LOCAL, "mariadb", "http+sqlite")])
def test_a_run_written_through_the_api_comes_back(opened, name, tmp_path):
    store = opened[name]
    client = store.client()
    run = client.create_run(store.create_experiment())
    client.log_metric(run.info.run_id, "m", 0.1)
    (tmp_path / "f.txt").write_text("é", encoding="utf-8")
    client.log_artifact(run.info.run_id, str(tmp_path / "f.txt"))
    assert client.get_run(run.info.run_id).data.metrics == {"m": 0.1}
    assert list(store.artifacts.rglob("f.txt")), "the artifact lies where the store says"


@pytest.mark.parametrize("name", [available(n) for n in LOCAL])
def test_size_grows_with_what_is_written(opened, name):
    store = opened[name]
    client = store.client()
    before = store.size()["suivi"]
    for _ in range(20):
        run = client.create_run(store.created[-1] if store.created else store.create_experiment())
        for index in range(20):
            client.set_tag(run.info.run_id, f"k{index}", "x" * 200)
    assert store.size()["suivi"] > before + 20 * 20 * 200


def test_size_of_sqlite_is_that_of_its_file(opened):
    store = opened["sqlite"]
    assert (
        store.size()["suivi"] == Path(store.database_url.removeprefix("sqlite:///")).stat().st_size
    )


@pytest.mark.skipif(sys.platform != "linux", reason="il faut le du de GNU")
def test_size_of_files_agrees_with_du(opened):
    store = opened["file"]
    store.create_experiment()
    size = store.size()
    du = subprocess.run(
        ["du", "-s", "--block-size=1", "--exclude=artifacts", str(store.files)],
        capture_output=True,
        text=True,
    )
    assert size["disque"] == int(du.stdout.split()[0])


def test_two_stores_of_one_kind_share_nothing():
    with stores.open_store("sqlite") as one, stores.open_store("sqlite") as two:
        one.create_experiment("seul")
        assert [e.name for e in two.client().search_experiments()] in ([], ["Default"])


def _postgresql() -> None:
    if reason := stores.unavailable("postgresql"):
        pytest.skip(reason)


def test_nothing_is_left_after_closing():
    _postgresql()
    with stores.open_stores(["sqlite", "postgresql"]) as found:
        folder = Path(found["sqlite"].database_url.removeprefix("sqlite:///")).parents[1]
        processes = found["postgresql"].database_process.family()
        assert folder.exists()
        assert processes
    assert not folder.exists()
    assert_gone([process.pid for process in processes])


def test_a_store_dies_with_the_process_that_opened_it(tmp_path):
    _postgresql()
    script = textwrap.dedent(
        """
        import sys, time
        from mlflow_study.stores import open_store
        with open_store("postgresql") as store:
            print(*(p.pid for p in store.database_process.family()), flush=True)
            time.sleep(60)
        """
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    pids = [int(pid) for pid in owner.stdout.readline().split()]
    assert pids
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    assert_gone(pids)


def assert_gone(pids):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and any(map(_runs, pids)):
        time.sleep(0.05)
    assert not [pid for pid in pids if _runs(pid)]


def _runs(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_server_that_is_killed_serves_again_and_one_that_dies_is_seen_dead():
    with stores.open_store("http+sqlite") as store:
        experiment = store.create_experiment()
        killed = store.process
        successor = stores.restart_server(killed, store.tracking_uri)
        try:
            assert not killed.alive()
            assert store.client().get_experiment(experiment).lifecycle_stage == "active"
            for process in successor.family():
                process.kill()
            successor.popen.wait(timeout=10)
            assert not successor.alive()
        finally:
            successor.stop()


def test_our_server_runs_what_mlflow_server_runs(tmp_path):
    expected = stores._observed_server(tmp_path)
    with stores.open_store("http+sqlite") as store:
        folder, port = store.artifacts.parent, int(store.tracking_uri.rpartition(":")[2])
        marks = stores._marks(store.database_url, folder, port)
        ran = store.process
        assert [marks.get(word, word) for word in ran.command] == expected["command"]
        assert ran.environment.keys() == expected["environment"].keys()
        for name, word in expected["environment"].items():
            found = ran.environment[name]
            assert name == "_MLFLOW_SERVER_BOOT_ID" or marks.get(found, found) == word


PAGES = (
    *("/", "/health", "/version", "/metrics", "/openapi.json", "/absente"),
    *("/static-files/index.html", "/api/2.0/mlflow/experiments/get?experiment_id=0"),
    *("/api/2.0/mlflow/experiments/get?experiment_id=9", "/api/2.0/mlflow/runs/get"),
    *("/ajax-api/2.0/mlflow/experiments/search?max_results=5", "/api/3.0/mlflow/server-info"),
    *("/api/2.0/mlflow-artifacts/artifacts", "/graphql", "/v1/traces"),
)


def _answers(address):
    """Status, headers and body of each page, but for the moment."""
    found = {}
    for page in PAGES:
        answer = requests.get(
            address + page, timeout=20, headers={"Origin": "http://autre.invalid"}
        )
        headers = {k.lower(): v for k, v in answer.headers.items()}
        headers |= dict.fromkeys(["date", "expires"], "")
        found[page] = answer.status_code, headers, answer.text
    return found


def test_a_forked_server_answers_as_one_that_was_started(tmp_path, monkeypatch):
    """The fork has MLflow's modules beforehand: the server must not notice."""
    database = stores.create_sqlite(tmp_path / "mlflow.db")
    stores.prepare()
    nursery.warm_up()
    forked_address, forked = stores.start_server(database, tmp_path / "serveur")
    assert isinstance(forked.popen, nursery.Leashed)
    try:
        ours = _answers(forked_address)
    finally:
        forked.stop()
    monkeypatch.setattr(nursery, "is_warm", lambda: False)
    address, started = stores.start_server(database, tmp_path / "serveur")
    try:
        assert isinstance(started.popen, subprocess.Popen)
        assert ours == _answers(address)
    finally:
        started.stop()


def test_a_forked_server_dies_with_the_process_that_started_it(tmp_path):
    script = tmp_path / "ouvre.py"
    script.write_text(
        textwrap.dedent(
            """
            import time
            from mlflow_study import nursery
            from mlflow_study.stores import open_store
            if __name__ == "__main__":
                nursery.warm_up()
                with open_store("http+sqlite") as store:
                    print(store.process.popen.pid, *(p.pid for p in store.process.family()), flush=True)
                    time.sleep(60)
            """
        )
    )
    owner = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    pids = [int(pid) for pid in owner.stdout.readline().split()]
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    assert len(pids) == 2
    assert_gone(pids)


def test_a_busy_port_is_said(tmp_path):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        uri = stores.create_sqlite(tmp_path / "x.db")
        with pytest.raises(StudyError, match=f"n’a pas démarré sur le port {port}"):
            stores.start_server(uri, tmp_path / "serveur", port=port)


def test_a_database_that_cannot_be_made_is_unavailable_and_says_why(monkeypatch, tmp_path):
    monkeypatch.setattr(stores, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(
        stores.Postgres, "prefix", staticmethod(lambda: ["sh", "-c", "echo non >&2; exit 3"])
    )
    assert stores.unavailable("postgresql") == (
        "PostgreSQL ne peut pas être préparé sur cette machine (non)."
    )
    stores.prepare()


def test_postgresql_gets_a_named_account_that_is_not_root(monkeypatch):
    if reason := stores.unavailable("postgresql"):
        pytest.skip(reason)
    named = next(entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid)
    monkeypatch.setattr(os, "geteuid", lambda: named)
    assert stores.Postgres.prefix() == []
    for refused in (0, 4_000_000):
        monkeypatch.setattr(os, "geteuid", lambda refused=refused: refused)
        assert stores.Postgres.prefix()[-2] == f"--map-user={named}"


def test_an_unknown_store_and_a_missing_address_are_refused(monkeypatch):
    monkeypatch.delenv(stores.URI_VARIABLE, raising=False)
    with pytest.raises(Unavailable, match="oracle"), stores.open_store("oracle"):
        pass
    with pytest.raises(Unavailable, match="Aucune adresse"), stores.open_store("uri"):
        pass


def test_the_store_of_the_user_is_the_address_that_he_gives(monkeypatch, tmp_path):
    uri = stores.create_sqlite(tmp_path / "sien.db")
    monkeypatch.setenv(stores.URI_VARIABLE, uri)
    with stores.open_store("uri") as store:
        assert store.foreign
        assert store.tracking_uri == uri
        assert store.size() == {}
    assert (tmp_path / "sien.db").exists()


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("postgresql://ana:s3cret@h:5432/d", "postgresql://ana:***@h:5432/d"),
        (
            "vers https://u:p%40ss@hote/x et http://libre/",
            "vers https://u:***@hote/x et http://libre/",
        ),
        ("sqlite:////a/b.db", "sqlite:////a/b.db"),
        ("postgresql://u:a/b@hote/d", "postgresql://u:***@hote/d"),
        ("mysql://h/d?sslpassword=x&api_key=y&a=1", "mysql://h/d?sslpassword=***&api_key=***&a=1"),
    ],
)
def test_a_password_is_hidden(text, hidden):
    assert stores.hide_password(text) == hidden


def test_what_was_made_on_a_foreign_server_is_deleted_and_only_that(monkeypatch, tmp_path):
    uri = stores.create_sqlite(tmp_path / "sien.db")
    monkeypatch.setenv(stores.URI_VARIABLE, uri)
    with stores.open_store("uri") as store:
        kept = store.client().create_experiment("le-sien")
        made = store.create_experiment()
        store.leave()
        assert store.client().get_experiment(made).lifecycle_stage == "deleted"
        assert store.client().get_experiment(kept).lifecycle_stage == "active"

    def fail_midway() -> None:
        nonlocal made
        with stores.open_store("uri") as store:
            made = store.create_experiment()
            raise OSError

    with pytest.raises(OSError):  # noqa: PT011
        fail_midway()
    assert store.client().get_experiment(made).lifecycle_stage == "deleted"


@pytest.mark.parametrize("name", ["postgresql", "mariadb"])
def test_a_database_starts_however_deep_its_folder_lies(name, tmp_path):
    if reason := stores.unavailable(name):
        pytest.skip(reason)
    deep = tmp_path / ("d" * 100)  # the address of a Unix socket holds 107 bytes
    deep.mkdir()
    with stores.open_store(name, deep) as store:
        assert store.client().search_experiments()
