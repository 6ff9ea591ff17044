"""Integrity behind ``mlflow server``: replies lost, a slow server, a killed one, cut uploads.

Same journal and same columns as ``faults``.  A lost reply is the fault that a client
cannot tell from a lost request: the work was done, the client tries again.
"""

from __future__ import annotations

import random
import signal
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow_study.nursery import changed_environment
from mlflow_study.scratch import memory_folder
from mlflow_study.stores import Process, Store, StoreName, open_store, restart_server
from mlflow_study.tracking.faults import Row, _compare, _row, _stored
from mlflow_study.tracking.proxy import Proxy, open_proxy
from mlflow_study.tracking.workers import QUICK_BYTES, await_marks, lend
from mlflow_study.tracking.writers import Writer, Zygote

if TYPE_CHECKING:
    from mlflow import MlflowClient

SLOW, KILLED = "serveur lent", "serveur tué, relancé"


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


_RETRYING = threading.Lock()
"""Held while the retries of this process are changed: each server has a thread of its own."""


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
        with _RETRYING, changed_environment({"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}):
            try:
                MlflowClient(proxy.url).log_artifact(run, str(file))
            except Exception as caught:  # what the user is told
                error = f"{type(caught).__name__}: {caught}"[:300]
            finally:
                proxy.cut = 0
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


def _stop_for(server: Process, seconds: float) -> None:
    """The server answers nothing for a while (SIGSTOP, SIGCONT)."""
    family = server.family()
    for process in family:
        process.send_signal(signal.SIGSTOP)
    time.sleep(seconds)
    for process in family:
        process.send_signal(signal.SIGCONT)


@dataclass(frozen=True)
class Victim:
    """A writer whose server was struck, and the run that it fills."""

    writer: Writer
    run: str
    fault: str
    trial: int
    moment: int

    def row(self, store: Store) -> Row:
        """What it was told against what is stored, once it has ended."""
        self.writer.finish(timeout=120)
        journal = self.writer.journal()
        held, _ = _stored(store.client(), self.run)
        return _row(
            magasin=store.name,
            panne=self.fault,
            envoi="synchrone",
            essai=self.trial,
            moment=float(self.moment),
            bloque_s=journal.slowest_s,
            **_compare([journal], held),
        )


def _strike(store: Store, writers: Zygote, fault: str, trial: int, seed: int) -> Victim:
    """A writer logs through the server, which is then stopped for 1.5 s, or killed and restarted."""
    rng = random.Random(f"{seed}{fault}{trial}")
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
    assert store.process is not None
    if fault == SLOW:
        _stop_for(store.process, 1.5)
    else:
        store.process = restart_server(store.process, store.tracking_uri)
    return Victim(writer, run, fault, trial, moment)


def server_faults(
    name: StoreName,
    loan: Path,
    marks: Sequence[Path],
    writers: Zygote,
    trials: int,
    kills: int,
    seed: int,
) -> list[Row]:
    """Faults of a server, and between client and server.  Rows: ``faults.COLUMNS``.

    The server is stopped and killed first, while it serves nobody else; then it is lent
    (``workers.lend``) to those who wait for ``loan``, and closed when they have left their
    ``marks``.  ``trials`` per operation for a lost reply, ``kills`` times it is killed.
    """
    with open_store(name, memory_folder(QUICK_BYTES)) as store:
        try:
            victims: list[Victim] = []
            for fault, trial in [(SLOW, i) for i in range(trials)] + [
                (KILLED, i) for i in range(kills)
            ]:
                if victims:  # one at a time
                    victims[-1].writer.finish(timeout=120)
                victims.append(_strike(store, writers, fault, trial, seed))
            lend(store, loan)
            with open_proxy(store.tracking_uri) as proxy:
                rows = _lost_replies(store, proxy, trials)
                rows += _cut_upload(store, proxy, 0)
            rows += [victim.row(store) for victim in victims]
            await_marks(marks)
        finally:
            if store.process is not None:
                store.process.stop()
    return rows
