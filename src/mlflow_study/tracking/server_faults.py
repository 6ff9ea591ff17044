"""Integrity behind ``mlflow server``: replies lost, a slow server, a killed one, cut uploads.

Same journal and same columns as ``faults``.  A lost reply is the fault that a client
cannot tell from a lost request: the work was done, the client tries again.
"""

from __future__ import annotations

import os
import random
import signal
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from mlflow_study.stores import Process, Store, start_server
from mlflow_study.tracking.faults import Row, _compare, _row, _stored
from mlflow_study.tracking.proxy import Proxy, open_proxy
from mlflow_study.tracking.workers import await_marks
from mlflow_study.tracking.writers import Zygote

if TYPE_CHECKING:
    from mlflow import MlflowClient


# --- lost replies --------------------------------------------------------------------

Call = tuple[Callable[[], object], Callable[[], int]]
"""(the call, a count of what the store holds of it)."""


def _calls(
    client: MlflowClient, direct: MlflowClient, experiment: str, folder: Path
) -> dict[str, Call]:
    """Operations of the API, each with a way to count its effect through ``direct``."""
    from mlflow.entities import Metric

    run = direct.create_run(experiment).info.run_id
    name = f"n{uuid.uuid4().hex[:8]}"
    direct.create_registered_model(name)
    file = folder / "f.txt"
    file.write_text("contenu")

    def points(key: str) -> int:
        return len(direct.get_metric_history(run, key))

    def runs() -> int:
        return len(direct.search_runs([experiment], f"tags.essai = '{name}'"))

    return {
        "create_experiment": (
            lambda: client.create_experiment(f"x{name}"),
            lambda: int(direct.get_experiment_by_name(f"x{name}") is not None),
        ),
        "create_run": (lambda: client.create_run(experiment, tags={"essai": name}), runs),
        "log_metric": (lambda: client.log_metric(run, "a", 1.0), lambda: points("a")),
        "log_batch": (
            lambda: client.log_batch(run, metrics=[Metric("b", 1.0, 5, 5)]),
            lambda: points("b"),
        ),
        "log_param": (
            lambda: client.log_param(run, "p", 1),
            lambda: int("p" in direct.get_run(run).data.params),
        ),
        "set_tag": (
            lambda: client.set_tag(run, "t", 1),
            lambda: int("t" in direct.get_run(run).data.tags),
        ),
        "log_artifact": (
            lambda: client.log_artifact(run, str(file)),
            lambda: len(direct.list_artifacts(run)),
        ),
        "create_registered_model": (
            lambda: client.create_registered_model(f"y{name}"),
            lambda: len(direct.search_registered_models(f"name = 'y{name}'")),
        ),
        "create_model_version": (
            lambda: client.create_model_version(name, "runs:/" + run, run, await_creation_for=0),
            lambda: len(direct.search_model_versions(f"name = '{name}'")),
        ),
        "delete_run": (
            lambda: client.delete_run(run),
            lambda: int(direct.get_run(run).info.lifecycle_stage == "deleted"),
        ),
    }


def _lost_replies(store: Store, proxy: Proxy, trials: int) -> list[Row]:
    from mlflow import MlflowClient

    client, direct = MlflowClient(proxy.url, proxy.url), store.client()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for trial in range(trials):
            experiment = store.create_experiment("reponse")
            for name, (call, count) in _calls(client, direct, experiment, Path(folder)).items():
                proxy.lose = 1
                began, error = time.monotonic(), ""
                try:
                    call()
                except Exception as caught:  # what the user is told
                    error = f"{type(caught).__name__}: {caught}"[:300]
                took = time.monotonic() - began
                missed, proxy.lose = proxy.lose, 0
                held = count()
                rows.append(
                    _row(
                        magasin=store.name,
                        panne="réponse perdue" if not missed else "aucune réponse à perdre",
                        contexte=name,
                        envoi="synchrone",
                        essai=trial,
                        demandees=1,
                        acquittees=int(not error),
                        perdues=int(not error and held == 0),
                        sans_accuse=int(bool(error) and held > 0),
                        doublons=max(0, held - 1),
                        bloque_s=took,
                        detail=error,
                    )
                )
    return rows


def _cut_upload(store: Store, proxy: Proxy, trial: int) -> list[Row]:
    """Every attempt to upload 4 MiB is cut half-way; what does a reader see?"""
    from mlflow import MlflowClient

    direct = store.client()
    run = direct.create_run(store.create_experiment("envoi")).info.run_id
    size = 4 * 2**20
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "gros.bin"
        file.write_bytes(b"x" * size)
        proxy.cut = 1000
        error = ""
        os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"
        try:
            MlflowClient(proxy.url).log_artifact(run, str(file))
        except Exception as caught:  # what the user is told
            error = f"{type(caught).__name__}: {caught}"[:300]
        finally:
            proxy.cut = 0
            del os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"]
    time.sleep(0.3)
    seen = {item.path: item.file_size for item in direct.list_artifacts(run)}.get("gros.bin")
    return [
        _row(
            magasin=store.name,
            panne="envoi d’artefact coupé",
            envoi="synchrone",
            essai=trial,
            demandees=1,
            acquittees=int(not error),
            perdues=int(not error and seen != size),
            sans_accuse=int(bool(error) and seen is not None),
            detail=("absent" if seen is None else f"{seen} octets listés sur {size}")
            + (f" ; {error}" if error else ""),
        )
    ]


# --- the server is struck ------------------------------------------------------------


@dataclass
class Server:
    """A running ``mlflow server`` that may be struck: its leash, and its successors."""

    store: Store
    leash: int
    process: Process | None = None

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.leash).children(recursive=True)

    def stop_for(self, seconds: float) -> None:
        """Answer nothing for a while (SIGSTOP, SIGCONT)."""
        family = self.family()
        for process in family:
            process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        for process in family:
            process.send_signal(signal.SIGCONT)

    def kill_and_restart(self) -> None:
        """SIGKILL, then a new server on the same port and the same database."""
        family = self.family()
        for process in family:
            process.kill()
        psutil.wait_procs(family, timeout=10)
        self.close()
        port = int(self.store.tracking_uri.rpartition(":")[2])
        assert self.store.artifacts is not None
        assert self.store.database_url is not None
        folder = self.store.artifacts.parent
        _, self.process = start_server(self.store.database_url, folder, port=port)
        self.leash = self.process.popen.pid

    def close(self) -> None:
        """Stop the successor that we started, if any."""
        if self.process is not None:
            self.process.stop()
            self.process = None


def _struck(server: Server, writers: Zygote, fault: str, trial: int, seed: int) -> list[Row]:
    """A writer logs through the server while it is stopped for 1.5 s, or killed and restarted."""
    rng = random.Random(f"{seed}{fault}{trial}")
    store = server.store
    run = store.client().create_run(store.create_experiment("serveur")).info.run_id
    writer = writers.start(
        work="shared",
        uri=store.tracking_uri,
        run=run,
        start=0,
        items=24,
        sync=True,
        keep_going=True,
        pause=0.005,
    )
    moment = rng.randrange(3, 18)
    writer.wait_for(moment)
    time.sleep(rng.random() * 0.02)
    if fault == "serveur lent":
        server.stop_for(1.5)
    else:
        server.kill_and_restart()
    writer.finish(timeout=120)
    journal = writer.journal()
    held, _ = _stored(store.client(), run)
    return [
        _row(
            magasin=store.name,
            panne=fault,
            envoi="synchrone",
            essai=trial,
            moment=float(moment),
            bloque_s=journal.slowest_s,
            **_compare([journal], Counter(held)),
        )
    ]


def server_faults(
    store: Store,
    leash: int,
    marks: Sequence[Path],
    writers: Zygote,
    trials: int,
    kills: int,
    seed: int,
) -> list[Row]:
    """Faults between client and server, and of the server.  Rows: ``faults.COLUMNS``.

    ``leash`` is the process that holds the server; others still use it until ``marks``
    exist, and it is stopped or killed only then.  ``trials`` per operation for a lost
    reply, ``kills`` times the server is killed.
    """
    with open_proxy(store.tracking_uri) as proxy:
        rows = _lost_replies(store, proxy, trials)
        rows += _cut_upload(store, proxy, 0)
    await_marks(marks)
    server = Server(store, leash)
    try:
        for fault, times in (("serveur lent", trials), ("serveur tué, relancé", kills)):
            for trial in range(times):
                rows += _struck(server, writers, fault, trial, seed)
    finally:
        server.close()
    return rows
