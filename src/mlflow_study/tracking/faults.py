"""Integrity under faults: what was acknowledged, and what the store holds afterwards.

Method of the database testers: a writer journals each call before it and after its
acknowledgement; a fault strikes at a random, recorded moment; a checker then reads the
store with a fresh client and compares.  One row per trial, with the columns of
``COLUMNS``:

- ``perdues``: acknowledged and not stored; ``sans_accuse``: stored and never
  acknowledged (at most the call in flight is innocent); ``doublons``: stored twice;
- ``statut`` of the run against ``attendus`` (those that do not lie);
- ``bloque_s``: longest time for which the fault held the user (a call, or the exit).

Asynchronous calls are acknowledged when they return: the docstring promises a future,
and ``mlflow`` an exit hook that drains the queue.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mlflow_study.scratch import memory_folder
from mlflow_study.stores import Store, create_sqlite
from mlflow_study.tracking.workers import QUICK_BYTES
from mlflow_study.tracking.writers import Journal, Writer, Zygote

if TYPE_CHECKING:
    from mlflow import MlflowClient

COLUMNS = ("magasin", "panne", "contexte", "envoi", "essai", "moment", "demandees", "acquittees", "perdues", "sans_accuse", "doublons", "statut", "attendus", "bloque_s", "detail")  # fmt: skip
ENDINGS = ("SIGINT", "fin", "exception", "sys.exit(0)", "sys.exit(3)", "SIGTERM", "SIGKILL")
"""First the one that may hold its writer for the 20 s of SQLite's ``busy_timeout``."""
EXPECTED = {"fin": ("FINISHED",), "sys.exit(0)": ("FINISHED",)}
"""Final statuses that tell the truth; for every other ending: FAILED or KILLED."""
ITEMS = {True: 16, False: 45}
"""Items per run, synchronous or not: an asynchronous call costs its caller next to nothing."""
LANES = 4
"""Writers that are struck at the same time."""
Row = dict[str, Any]


def _stored(client: MlflowClient, run_id: str | None) -> tuple[Counter[str], str]:
    """What the store holds of a run: how often each item, and the status."""
    from mlflow.exceptions import MlflowException

    if run_id is None:
        return Counter(), "absent"
    for patience in (0.1, 1.0, 5.0, 0.0):
        try:
            run = client.get_run(run_id)
            points = client.get_metric_history(run_id, "m")
            break
        except MlflowException:  # locked by writers, or replaying its log: it is asked again
            if not patience:
                raise
            time.sleep(patience)
    held = Counter(f"m{int(point.value)}" for point in points)
    held.update(name for name in run.data.params if name[1:].isdigit())
    return held, str(run.info.status)


def _compare(journals: list[Journal], held: Counter[str]) -> Row:
    tried = [name for journal in journals for name in journal.tried]
    acknowledged = set().union(*(journal.acknowledged for journal in journals))
    refused = [text for journal in journals for text in journal.refused.values()]
    return {
        "demandees": len(tried),
        "acquittees": len(acknowledged),
        "perdues": len(acknowledged - set(held)),
        "sans_accuse": len(set(held) - acknowledged),
        "doublons": sum(count - 1 for count in held.values()),
        "detail": (f"{len(refused)} refus : {refused[0]}"[:300] if refused else ""),
    }


def _row(**values: Any) -> Row:
    blank: Row = dict.fromkeys(COLUMNS, "")
    blank |= {"essai": 0, "moment": 0.0, "bloque_s": 0.0, "demandees": 0, "acquittees": 0, "perdues": 0, "sans_accuse": 0, "doublons": 0}  # fmt: skip
    return {**blank, **values}


# --- the writer is struck ------------------------------------------------------------


def _ending(
    store: Store, server: Zygote, ending: str, with_block: bool, sync: bool, trial: int, seed: int
) -> Row:
    """One run whose process ends in the asked way after a random number of items."""
    rng = random.Random(f"{seed}{ending}{with_block}{sync}{trial}{store.name}")
    items = ITEMS[sync]
    moment = rng.randrange(1, items)
    signalled = ending.startswith("SIG")
    writer = server.start(
        work="run",
        uri=store.tracking_uri,
        experiment=store.created[0],
        items=items if ending == "fin" or signalled else moment,
        stop_after=None if ending == "fin" or signalled else moment,
        ending=ending,
        sync=sync,
        pause=0.002 if sync else 0,
        **{"with": with_block},
    )
    if signalled:
        writer.wait_for(moment)
        time.sleep(rng.random() * 0.02)
        writer.strike(ending)
    _, took = writer.finish(timeout=30)
    journal = writer.journal()
    held, status = _stored(store.client(), journal.run_id)
    return _row(
        magasin=store.name,
        panne=ending,
        contexte="avec `with`" if with_block else "sans `with`",
        envoi="synchrone" if sync else "asynchrone",
        essai=trial,
        moment=float(moment),
        statut=status,
        attendus=" ou ".join(EXPECTED.get(ending, ("FAILED", "KILLED"))),
        bloque_s=took if signalled else 0.0,
        **_compare([journal], held),
    )


def _endings(store: Store, server: Zygote, trials: int, seed: int) -> list[Row]:
    """Every ending, ``LANES`` at a time; on SQLite each lane has a file of its own.

    A struck writer may keep the lock of its file: it must hold up none but itself.
    """
    lanes: SimpleQueue[Store] = SimpleQueue()
    for number in range(LANES):
        lane = replace(store, created=[])
        if store.name == "sqlite" and store.artifacts is not None:
            url = create_sqlite(store.artifacts.parent / f"pannes-{number}.db")
            lane = replace(lane, tracking_uri=url, database_url=url)
        lane.create_experiment("pannes")
        lanes.put(lane)

    def trial_of(ending: str, with_block: bool, sync: bool, trial: int) -> Row:
        lane = lanes.get()
        try:
            return _ending(lane, server, ending, with_block, sync, trial, seed)
        finally:
            lanes.put(lane)

    with ThreadPoolExecutor(LANES) as pool:
        futures = [
            pool.submit(trial_of, *case)
            for case in product(ENDINGS, (True, False), (True, False), range(trials))
        ]
        return [future.result() for future in futures]


# --- several writers -----------------------------------------------------------------


def _crowd(store: Store, server: Zygote, writers: int, same_run: bool) -> list[Row]:
    """Several processes at once, in one run or each in its own."""
    client = store.client()
    experiment = store.create_experiment("foule")
    runs = [client.create_run(experiment).info.run_id for _ in range(1 if same_run else writers)]
    crowd = [
        server.start(
            work="shared",
            uri=store.tracking_uri,
            run=runs[0 if same_run else i],
            start=time.time() + 0.4,
            items=ITEMS[True],
            offset=ITEMS[True] * i,
            sync=True,
            keep_going=True,
        )
        for i in range(writers)
    ]
    for writer in crowd:
        writer.finish(timeout=90)
    journals = [writer.journal() for writer in crowd]
    held: Counter[str] = Counter()
    for run in runs:
        held += _stored(client, run)[0]
    compared = _compare(journals, held)
    return [
        _row(
            magasin=store.name,
            panne=f"{writers} processus, {'un run' if same_run else 'un run chacun'}",
            envoi="synchrone",
            bloque_s=max(journal.slowest_s for journal in journals),
            **compared,
        )
    ]


SAME_TAG = "processus, une même étiquette neuve"
TAGS = 20
"""New tags that each writer of a crowd sets."""


def _same_tag(store: Store, server: Zygote, writers: int) -> list[Row]:
    """Several processes set the same new tag of one run at the same moment, ``TAGS`` times."""
    client = store.client()
    run = client.create_run(store.create_experiment("étiquette")).info.run_id
    with TemporaryDirectory() as folder:
        given = {"run": run, "items": TAGS, "writers": writers, "gate": f"{folder}/porte"}
        crowd = [server.start(work="tags", uri=store.tracking_uri, **given) for _ in range(writers)]
        for writer in crowd:
            writer.finish(timeout=90)
    journals = [writer.journal() for writer in crowd]
    held = client.get_run(run).data.tags
    refused = [text for journal in journals for text in journal.refused.values()]
    return [
        _row(
            magasin=store.name,
            panne=f"{writers} {SAME_TAG}",
            envoi="synchrone",
            demandees=sum(len(journal.tried) for journal in journals),
            acquittees=sum(len(journal.acknowledged) for journal in journals),
            perdues=sum(name not in held for journal in journals for name in journal.acknowledged),
            detail=f"{len(refused)} refus : {refused[0]}"[:300] if refused else "",
        )
    ]


def _clock(store: Store, server: Zygote) -> list[Row]:
    """A clock that goes back a second at each reading; steps left at their default."""
    experiment = store.create_experiment("horloge")
    writer = server.start(work="clock", uri=store.tracking_uri, experiment=experiment, items=8)
    writer.finish(timeout=30)
    journal = writer.journal()
    client = store.client()
    assert journal.run_id is not None
    run = client.get_run(journal.run_id)
    held, status = _stored(client, journal.run_id)
    shown = run.data.metrics["m"]
    lasted = (run.info.end_time - run.info.start_time) / 1000
    return [
        _row(
            magasin=store.name,
            panne="horloge qui recule",
            envoi="synchrone",
            statut=status,
            attendus="FINISHED",
            **{
                **_compare([journal], held),
                "detail": f"dernière valeur écrite 7, montrée {shown:g} ; durée du run {lasted:g} s".replace(
                    "-", "−"
                ),
            },
        )
    ]


# --- disk and database ---------------------------------------------------------------


def _disk_full(server: Zygote) -> list[Row]:
    """A database on a disk of 1 MiB that fills up while a run writes; then is read elsewhere."""
    import shutil

    from mlflow import MlflowClient

    with TemporaryDirectory() as folder:
        small, rescue, copy = (Path(folder) / name for name in ("petit", "reprise", "base.db"))
        small.mkdir()
        rescue.mkdir()
        experiment = MlflowClient(create_sqlite(copy)).create_experiment("disque")
        writer = server.start(
            work="run",
            uri=f"sqlite:///{small}/mlflow.db",
            tmpfs=str(small),
            disk="1m",
            database=str(copy),
            rescue=str(rescue),
            experiment=experiment,
            items=4000,
            sync=True,
            ending="fin",
            **{"with": True},
        )
        writer.finish(timeout=60)
        journal = writer.journal()
        if journal.run_id is None:
            return [
                _row(
                    magasin="sqlite", panne="disque plein", detail=f"non éprouvé : {_tail(writer)}"
                )
            ]
        shutil.copyfile(rescue / "mlflow.db", Path(folder) / "lu.db")
        held, final = _stored(MlflowClient(f"sqlite:///{folder}/lu.db"), journal.run_id)
    return [
        _row(
            magasin="sqlite",
            panne="disque plein",
            contexte="avec `with`",
            envoi="synchrone",
            moment=float(len(journal.acknowledged)),
            statut=final,
            attendus="FAILED ou KILLED",
            bloque_s=journal.slowest_s,
            **_compare([journal], held),
        )
    ]


def _tail(writer: Writer) -> str:
    lines = writer.log.read_text(encoding="utf-8", errors="replace").splitlines()
    return lines[-1][:200] if lines else "sans message"


def database_killed(writers: Zygote, trial: int, seed: int) -> list[Row]:
    """PostgreSQL killed (SIGKILL) under a writer, then started again on the same port."""
    from mlflow_study.stores import open_postgres

    rng = random.Random(f"{seed}{trial}pg")
    with TemporaryDirectory() as folder, open_postgres(Path(folder) / "pg") as server:
        url = server.create_database("mlflow_etude")
        store = Store("postgresql", url, artifacts=Path(folder), database_url=url)
        experiment = store.create_experiment("base")
        run = store.client().create_run(experiment).info.run_id
        writer = writers.start(
            work="shared",
            uri=url,
            run=run,
            start=0,
            items=60,
            sync=True,
            keep_going=True,
            pause=0.02,
        )
        moment = rng.randrange(5, 30)
        writer.wait_for(moment)
        assert server.process is not None
        for process in server.process.family():
            process.kill()
        server.process.stop()
        time.sleep(0.3)
        server.start(server.port)
        writer.finish(timeout=60)
        journal = writer.journal()
        held: Counter[str] = Counter()
        for _ in range(50):
            try:
                held, _status = _stored(store.client(), run)
                break
            except Exception:  # the database replays its log; it is asked again
                time.sleep(0.1)
    return [
        _row(
            magasin="postgresql",
            panne="base tuée, relancée",
            envoi="synchrone",
            essai=trial,
            moment=float(moment),
            bloque_s=journal.slowest_s,
            **_compare([journal], held),
        )
    ]


def _half_artifact(store: Store, server: Zygote, fault: str, trial: int) -> list[Row]:
    """An artifact whose copy is cut (killed, or refused by a quota); what a reader sees of it."""
    size = 16 * 2**20
    client = store.client()
    run = client.create_run(store.create_experiment("artefact")).info.run_id
    target = Path(urlsplit(client.get_run(run).info.artifact_uri).path) / "gros.bin"
    with TemporaryDirectory(dir=memory_folder(QUICK_BYTES)) as folder:
        big = Path(folder) / "gros.bin"
        big.write_bytes(b"x" * size)
        writer = server.start(
            work="artifact",
            uri=store.tracking_uri,
            run=run,
            file=str(big),
            file_limit=size // 4,
            killed=fault == "processus tué",
        )
        writer.finish(timeout=20)
        journal = writer.journal()
    listed = {item.path: item.file_size for item in client.list_artifacts(run)}
    seen = listed.get("gros.bin")
    hidden = [path for path in target.parent.glob("*") if path.name not in listed]
    left = sum(path.stat().st_size for path in hidden)
    told = "artefact" in journal.acknowledged
    return [
        _row(
            magasin=store.name,
            panne=f"artefact coupé ({fault})",
            envoi="synchrone",
            essai=trial,
            demandees=1,
            acquittees=int(told),
            perdues=int(told and seen != size),
            sans_accuse=int(seen is not None and not told),
            detail=(
                f"rien n’est listé, {left} octets restent cachés"
                if seen is None
                else f"{seen} octets listés sur {size}"
            ),
        )
    ]


# --- the instrument ------------------------------------------------------------------


def _guarded(name: str, panne: str, trial: Callable[[], list[Row]]) -> list[Row]:
    """The rows of a trial; where this machine cannot run it, a row that says why."""
    try:
        return trial()
    except OSError as error:
        return [_row(magasin=name, panne=panne, detail=f"non éprouvé : {error}")]


def writer_faults(store: Store, server: Zygote, trials: int, writers: int, seed: int) -> list[Row]:
    """Faults of the writer, crowds, clock, artifacts, full disk, on a store opened directly.

    ``trials`` per (ending, context manager, sync), ``writers`` processes in a crowd.
    """
    with ThreadPoolExecutor(1) as thread:
        endings = thread.submit(_endings, store, server, trials, seed)
        rows = [
            row for same_run in (True, False) for row in _crowd(store, server, writers, same_run)
        ]
        rows += _same_tag(store, server, writers)
        rows += _clock(store, server)
        for trial, fault in product(range(trials), ("processus tué", "quota atteint")):
            rows += _half_artifact(store, server, fault, trial)
        if store.name == "sqlite":
            rows += _guarded("sqlite", "disque plein", lambda: _disk_full(server))
        return endings.result() + rows
