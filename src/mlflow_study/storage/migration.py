"""``mlflow migrate-filestore``, run for real: what is there before, what is there after.

``migrate_cases`` builds small file stores, each with one trait that MLflow allows (or that
an old release or a crash leaves behind), migrates each by the command itself, and compares
every entity that the API returns on both sides.  ``migrate_killed`` kills the command at
moments drawn in both its phases (MLflow makes the schema, then writes the data), looks at
what the target holds, and runs it again.
"""

from __future__ import annotations

import os
import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import patch

import pandas as pd
import psutil

from mlflow_study import nursery
from mlflow_study.bulk import Shape, fill
from mlflow_study.scratch import memory_folder
from mlflow_study.storage.forks import side_by_side
from mlflow_study.storage.rich_experiment import record, silenced
from mlflow_study.stores import Store, create_sqlite, open_store

if TYPE_CHECKING:
    from mlflow import MlflowClient

Row = dict[str, Any]
Snapshot = dict[str, dict[str, str]]
"""Entity → identifier → every field, as text."""


# --- what a store holds, by the API --------------------------------------------------


def snapshot(client: MlflowClient) -> Snapshot:
    """Every entity that the API of a store returns, deleted ones included.

    The ``model_id`` of a registered version is left out: SQL stores never return it (its
    ``source`` names the model), so that its absence says nothing of a migration.
    """
    from mlflow.entities import ViewType

    taken: Snapshot = {entity: {} for entity in ENTITIES}
    for experiment in client.search_experiments(view_type=ViewType.ALL):
        eid = experiment.experiment_id
        taken["expériences"][eid] = repr(
            (experiment.name, experiment.lifecycle_stage, experiment.artifact_location,
             experiment.creation_time, experiment.last_update_time)
        )  # fmt: skip
        for key, value in experiment.tags.items():
            taken["étiquettes d’expérience"][f"{eid}/{key}"] = repr(value)
        for run in client.search_runs([eid], run_view_type=ViewType.ALL, max_results=50_000):
            _run(client, run, taken)
        _models(client, eid, taken)
        _traces(client, eid, taken)
    _registry(client, taken)
    return taken


ENTITIES = (
    "expériences", "étiquettes d’expérience", "runs", "paramètres", "étiquettes",
    "dernières valeurs", "points de métrique", "jeux de données", "artefacts",
    "modèles enregistrés", "métriques de modèle", "liens run–modèle", "traces", "segments",
    "appréciations", "modèles au registre", "versions", "alias",
)  # fmt: skip


def _run(client: MlflowClient, run: Any, taken: Snapshot) -> None:
    info, rid = run.info, run.info.run_id
    taken["runs"][rid] = repr(
        (info.run_name, info.status, info.start_time, info.end_time, info.user_id,
         info.lifecycle_stage, info.artifact_uri, info.experiment_id)
    )  # fmt: skip
    for entity, values in (
        ("paramètres", run.data.params),
        ("étiquettes", run.data.tags),
        ("dernières valeurs", run.data.metrics),
    ):
        for key, value in values.items():
            taken[entity][f"{rid}/{key}"] = repr(value)
    for key in run.data.metrics:
        points = sorted(
            (m.step, m.timestamp, repr(m.value)) for m in client.get_metric_history(rid, key)
        )
        for rank, point in enumerate(points):
            taken["points de métrique"][f"{rid}/{key}/{rank}"] = repr(point)
    for entry in run.inputs.dataset_inputs if run.inputs else []:
        d = entry.dataset
        tags = sorted((t.key, t.value) for t in entry.tags)
        taken["jeux de données"][f"{rid}/{d.name}"] = repr(
            (d.digest, d.source_type, d.source, d.schema, d.profile, tags)
        )
    linked = [("entrée", m.model_id, 0) for m in (run.inputs.model_inputs if run.inputs else [])]
    linked += [
        ("sortie", m.model_id, m.step) for m in (run.outputs.model_outputs if run.outputs else [])
    ]
    for kind, model, step in linked:
        taken["liens run–modèle"][f"{rid}/{model}"] = repr((kind, step))
    if info.lifecycle_stage == "active":
        for file in client.list_artifacts(rid):
            taken["artefacts"][f"{rid}/{file.path}"] = repr((file.is_dir, file.file_size))


def _models(client: MlflowClient, experiment: str, taken: Snapshot) -> None:
    for model in client.search_logged_models([experiment]):
        taken["modèles enregistrés"][model.model_id] = repr(
            (model.name, str(model.status), model.source_run_id, model.model_type,
             model.artifact_location, sorted(model.tags.items()), sorted(model.params.items()))
        )  # fmt: skip
        for m in model.metrics or []:
            identifier = f"{model.model_id}/{m.key}/{m.step}/{m.timestamp}"
            taken["métriques de modèle"][identifier] = repr(
                (m.value, m.run_id, m.dataset_name, m.dataset_digest)
            )


def _traces(client: MlflowClient, experiment: str, taken: Snapshot) -> None:
    found = client.search_traces(locations=[experiment], include_spans=False)
    for trace in found:
        info = trace.info
        taken["traces"][info.trace_id] = repr(
            (info.timestamp_ms, info.execution_time_ms, str(info.state), info.request_preview,
             info.response_preview, sorted(info.tags.items()), sorted(info.trace_metadata.items()))
        )  # fmt: skip
        for assessment in info.assessments:
            identifier = f"{info.trace_id}/{assessment.name}"
            taken["appréciations"][identifier] = repr(
                (repr(assessment.value), assessment.rationale, assessment.create_time_ms)
            )
        try:
            spans = client.get_trace(info.trace_id).data.spans
        except Exception as error:
            taken["segments"][info.trace_id] = f"illisible : {type(error).__name__}"
            continue
        for span in spans:
            identifier = f"{info.trace_id}/{span.span_id}"
            taken["segments"][identifier] = repr(
                (span.name, span.inputs, span.outputs, span.attributes)
            )


def _registry(client: MlflowClient, taken: Snapshot) -> None:
    for model in client.search_registered_models(filter_string=None, max_results=1000):
        read = client.get_registered_model(model.name)
        taken["modèles au registre"][read.name] = repr(
            (read.description, read.creation_timestamp, sorted(read.tags.items()))
        )
        for alias, version in read.aliases.items():
            taken["alias"][f"{read.name}/{alias}"] = repr(str(version))
    for version in client.search_model_versions(max_results=1000):
        v = client.get_model_version(version.name, version.version)
        taken["versions"][f"{v.name}/{v.version}"] = repr(
            (v.description, v.source, v.run_id, v.run_link, v.current_stage, v.status, v.user_id,
             v.creation_timestamp, sorted(v.tags.items()))
        )  # fmt: skip


def compare(before: Snapshot, after: Snapshot, case: str) -> list[Row]:
    """One row per entity: kept, altered, lost and added identifiers, with an example."""
    rows = []
    for entity in ENTITIES:
        old, new = before[entity], after[entity]
        lost = [key for key in old if key not in new]
        added = [key for key in new if key not in old]
        altered = [key for key in old if key in new and old[key] != new[key]]
        example = ""
        if altered:
            example = _difference(old[altered[0]], new[altered[0]])
        elif lost:
            example = f"perdu : {old[lost[0]]:.120}"
        rows.append(
            {
                "cas": case,
                "entite": entity,
                "avant": len(old),
                "identiques": len(old) - len(lost) - len(altered),
                "alteres": len(altered),
                "perdus": len(lost),
                "ajoutes": len(added),
                "exemple": example,
            }
        )
    return rows


def _difference(old: str, new: str) -> str:
    """The two texts from a little before the point where they part."""
    start = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), 0)
    start = max(0, start - 20)
    return f"{old[start : start + 60]} → {new[start : start + 60]}"


# --- the file stores -----------------------------------------------------------------


def _run_in(client: MlflowClient) -> str:
    return str(client.create_run(client.create_experiment("essai")).info.run_id)


def _ordinary(store: Store, seed: int) -> None:
    """The rich experiment as it is: metrics, then ``log_model`` in the same run."""
    record(store, seed)


def without_duplicates(files: Path) -> int:
    """Remove the repeated lines of every metric of a file store; returns how many."""
    removed = 0
    for path in files.glob("*/*/metrics/**/*"):
        if path.is_file():
            lines = path.read_text("utf-8").splitlines(keepends=True)
            kept = list(dict.fromkeys(lines))
            removed += len(lines) - len(kept)
            path.write_text("".join(kept), "utf-8")
    return removed


def _rich(store: Store, seed: int) -> None:
    """Everything at once, and what is strange but allowed; duplicated points removed."""
    rich = record(store, seed)
    client = store.client()
    run = client.create_run(rich.experiment, run_name="null").info.run_id
    for step, value in ((-3, 0.1), (5, float("nan")), (5, 5e-324), (2**40, 0.1 + 0.2)):
        client.log_metric(run, "étrange/métrique: é", value, 1000 + abs(step) % 7, step)
    client.log_param(run, "vide", "")
    client.log_param(run, "lignes", "a\nb\n\nc")
    client.log_param(run, "unicode", "œuvre 数据 🙂 \u2028")
    client.log_param(run, "long", "v" * 6000)
    client.set_tag(run, "très/long", "é" * 9000)
    client.set_tag(run, "yaml", "- oui: [1e3, ~]")
    client.set_terminated(run, "FAILED")
    client.delete_run(client.create_run(rich.experiment, run_name="supprimé").info.run_id)
    gone = client.create_experiment("supprimée 1e3")
    client.log_param(client.create_run(gone).info.run_id, "p", "v")
    client.delete_experiment(gone)
    assert store.files is not None
    without_duplicates(store.files)


def _infinite(store: Store, _: int) -> None:
    client = store.client()
    run = _run_in(client)
    client.log_metric(run, "perte", float("inf"), 1000, 0)
    client.log_metric(run, "gain", float("-inf"), 1000, 0)


def _duplicated(store: Store, _: int) -> None:
    """The same point logged twice: a retried call, a loop that logs its epoch twice."""
    client = store.client()
    run = _run_in(client)
    for _ in range(2):
        client.log_metric(run, "exactitude", 0.9, 1000, 0)


def _carriage_return(store: Store, _: int) -> None:
    client = store.client()
    run = _run_in(client)
    client.log_param(run, "requete", "a\r\nb")
    client.set_tag(run, "mlflow.note.content", "ligne 1\r\nligne 2")


def _model_metric(store: Store, _: int) -> None:
    client = store.client()
    run = _run_in(client)
    experiment = client.get_run(run).info.experiment_id
    model = client.create_logged_model(experiment, "m", source_run_id=run)
    client.log_metric(run, "perte", float("nan"), 1000, 0, model_id=model.model_id)


def _two_runs(store: Store, _: int) -> None:
    client = store.client()
    run = _run_in(client)
    client.log_param(run, "p", "v")
    experiment = client.get_run(run).info.experiment_id
    client.log_param(client.create_run(experiment).info.run_id, "q", "w")


def _break_one_run(store: Store) -> None:
    """Cut the ``meta.yaml`` of one run, as a full disk or a crash does; the rest is sound."""
    assert store.files is not None
    victim = min(store.files.glob("*/*/meta.yaml"))
    victim.write_text("artifact_uri: 'file:", "utf-8")


def _old_format(store: Store, _: int) -> None:
    """What MLflow 1.x left: metrics of two columns, no run name, no time of deletion."""
    client = store.client()
    run = _run_in(client)
    experiment = client.get_run(run).info.experiment_id
    client.log_metric(run, "perte", 0.5, 1000, 0)
    assert store.files is not None
    folder = store.files / experiment / run
    (folder / "metrics" / "perte").write_text("1000 0.5\n1001 0.25\n", "utf-8")
    lines = (folder / "meta.yaml").read_text("utf-8").splitlines()
    kept = [line for line in lines if not line.startswith(("run_name:", "deleted_time:"))]
    (folder / "meta.yaml").write_text("\n".join(kept) + "\n", "utf-8")


CASES: dict[str, tuple[str, Callable[[Store, int], None]]] = {
    "ordinaire": ("une métrique, puis un modèle (`log_model`)", _ordinary),
    "riche": ("une étude complète, points en double ôtés à la main", _rich),
    "ancien": ("un run au format de MLflow 1.x", _old_format),
    "infini": ("des métriques infinies", _infinite),
    "retour": ("des fins de ligne de Windows", _carriage_return),
    "modele": ("une métrique NaN liée à un modèle", _model_metric),
    "double": ("le même point journalisé deux fois", _duplicated),
    "abime": ("un run dont le meta.yaml est coupé", _two_runs),
}
"""Name → (French label, builder).  All but ``abime`` are made by the public API, or by an
old release; ``abime`` is what a crash leaves."""


# --- running the command -------------------------------------------------------------


def _command(source: str, target: str, answer: str) -> tuple[int, str]:
    """(exit code, output) of the command, run in this process."""
    from click.testing import CliRunner
    from mlflow.store.fs2db.cli import migrate_filestore

    arguments = ["--source", source, "--target", f"sqlite:///{target}", "--no-progress"]
    done = CliRunner().invoke(migrate_filestore, arguments, input=answer)
    output = done.output + (f"\n{done.exception}" if done.exception else "")
    return done.exit_code, output


@contextmanager
def schema_copied() -> Iterator[None]:
    """MLflow copies its empty tables (``create_sqlite``) where it would make them anew.

    That takes a second of processor at each migration, and is the same work each time.
    """
    import mlflow.store.db.utils as database

    with patch.object(
        database, "_initialize_tables", lambda engine: create_sqlite(Path(engine.url.database))
    ):
        yield


def first_cause(output: str) -> str:
    """What an error says before it quotes SQL and parameters."""
    said = [line for line in output.split("[SQL:")[0].splitlines() if " INFO " not in line]
    return " ".join(" ".join(said).split())[-240:]


def _target(path: Path) -> MlflowClient:
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{path}", f"sqlite:///{path}")


def migrate_cases(cases: tuple[str, ...], seed: int) -> dict[str, pd.DataFrame]:
    """Migrate each case.  Parts: ``cas`` (one row per case), ``entites`` (case × entity).

    ``silencieux``: the command says that it succeeded and something was lost or altered.
    """
    return _case_tables(side_by_side([partial(_migrate_case, case, seed) for case in cases]))


def _case_tables(migrated: list[tuple[Row, list[Row]]]) -> dict[str, pd.DataFrame]:
    columns = list(compare({e: {} for e in ENTITIES}, {e: {} for e in ENTITIES}, "")[0])
    entities = [row for _, rows in migrated for row in rows]
    return {
        "cas": pd.DataFrame([summary for summary, _ in migrated]),
        "entites": pd.DataFrame(entities, columns=columns),
    }


def _migrate_case(case: str, seed: int) -> tuple[Row, list[Row]]:
    """The row of one case, and a row per entity when the command succeeds."""
    label, build = CASES[case]
    with open_store("file", memory_folder()) as store:
        assert store.files is not None
        build(store, seed)
        before = snapshot(store.client())
        if case == "abime":
            _break_one_run(store)
        target = store.files.parent / "cible.db"
        with schema_copied():
            code, output = _command(str(store.files.parent), str(target), "")
        rows = compare(before, snapshot(_target(target)), case) if code == 0 else []
    harmed = sum(row["alteres"] + row["perdus"] for row in rows)
    summary = {
        "cas": case,
        "libelle": label,
        "code": code,
        "objets": sum(len(found) for found in before.values()),
        "alteres": sum(row["alteres"] for row in rows),
        "perdus": sum(row["perdus"] for row in rows),
        "refus": code != 0,
        "silencieux": code == 0 and harmed > 0,
        "annonce_succes": code == 0 and "Migration summary" in output,
        "message": first_cause(output) if code else "",
    }
    return summary, rows


# --- killing it ----------------------------------------------------------------------


class Migrated(NamedTuple):
    """A migration that was left alone; both times are seconds of its processor."""

    code: int
    output: str
    schema_s: float
    """When the schema was complete (or the migration ended, had it not come so far)."""
    duration_s: float


class Moment(NamedTuple):
    """Part of a phase in which a kill is wanted: bounds as shares of that phase."""

    phase: str
    low: float
    high: float


SCHEMA, DATA = "schéma", "données"


def moments(kills: int) -> list[Moment]:
    """One kill in four while the schema is made, the others after; each phase in equal parts."""
    early = kills // 4
    return [
        Moment(phase, part / count, (part + 1) / count)
        for phase, count in ((DATA, kills - early), (SCHEMA, early))
        for part in range(count)
    ]


@contextmanager
def _schema_told(done: Any) -> Iterator[None]:
    """Send the processor time at which MLflow has made its tables."""
    import mlflow.store.db.utils as database

    made = database._initialize_tables

    def told(engine: Any) -> None:
        made(engine)
        done.send(time.process_time())

    with patch.object(database, "_initialize_tables", told):
        yield


def _child(source: str, target: str, answer: str, done: Any) -> None:
    """In a process of its own: import, say when it begins, migrate, answer.

    What is sent: processor times at the beginning and when the schema is complete, then
    (exit code, output, processor time at the end).
    """
    import alembic.command  # noqa: F401
    import mlflow.store.fs2db._registry
    import mlflow.store.fs2db._tracking  # noqa: F401

    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    nursery.settle()
    done.send(time.process_time())
    with silenced(), _schema_told(done):
        code, output = _command(source, target, answer)
    done.send((code, output, time.process_time()))


def _start(source: Path, target: Path, answer: str) -> tuple[Any, Any]:
    """A migration that is about to begin: its process, and the pipe by which it answers."""
    context = nursery.warm_up()
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(str(source), str(target), answer, sender))
    process.start()
    sender.close()
    return process, receiver


def _undisturbed(source: Path, target: Path, answer: str) -> Migrated:
    """A migration that is left alone."""
    process, receiver = _start(source, target, answer)
    times = []
    while isinstance(told := receiver.recv(), float):
        times.append(told)
    process.join()
    code, output, ended = told
    started, schema = (*times, ended)[:2]
    return Migrated(code, output, schema - started, ended - started)


def _kill_after(source: Path, target: Path, phase: str, seconds: float) -> bool:
    """Kill a migration ``seconds`` of its processor into a phase; had it finished before?"""
    process, receiver = _start(source, target, "")
    try:
        for _ in (SCHEMA, DATA) if phase == DATA else (SCHEMA,):
            receiver.recv()
        clock = psutil.Process(process.pid)
        begun = sum(clock.cpu_times()[:2])
        while not receiver.poll(0.002) and sum(clock.cpu_times()[:2]) - begun < seconds:
            pass
    except psutil.NoSuchProcess:
        pass
    process.kill()
    process.join()
    return _finished(receiver)


def migrate_killed(kills: int, runs: int, seed: int) -> pd.DataFrame:
    """Kill the command (SIGKILL) at moments drawn in each of its phases; one row per kill.

    An undisturbed migration says how long each phase takes: before, and after, the schema is
    complete.  Only a kill that comes after can find data half migrated; ``moments`` shares
    the kills between them, each counted from the beginning of its phase.  ``phase`` is the one
    that was *observed* after the kill: «données» if every table of the whole schema is there,
    else «schéma».  A kill that comes too late, the
    command having finished, or that strikes the other phase, is a row too; another is then
    drawn in its place (``2 × kills`` rows at most).  Duration and moments are in seconds of
    the command's processor, so that a busy machine does not crowd the kills at its
    beginning; two trials go on at a time.

    ``runs``: size of the file store (12 points, 3 params, 2 tags each).  ``moment``: share of
    the duration.  ``lignes``: rows of experiments, runs, params and metrics visible in the
    target just after the kill; ``partiel``: some but not all; ``reprise``: exit code of the
    second call, to which the operator answers yes; ``identique``: the target then holds what
    an undisturbed migration holds, row for row; ``sans_reponse``: exit code of a call that
    nobody answers (a script).
    """
    rng = random.Random(seed)
    rows: list[Row] = []
    with open_store("file", memory_folder()) as store:
        assert store.files is not None
        fill(store, store.create_experiment("migre"), Shape(runs, 3, 4, 3, 1), seed=seed)
        source = store.files.parent
        alone = _undisturbed(source, source / "reference.db", "")
        if alone.code != 0:
            raise RuntimeError(f"the undisturbed migration failed: {alone.output[-500:]}")
        whole = table_rows(source / "reference.db")

        phases = {
            SCHEMA: (0.0, alone.schema_s),
            DATA: (alone.schema_s, alone.duration_s - alone.schema_s),
        }

        def strike(rank: int, phase: str, drawn: float) -> Row:
            target = source / f"tue-{rank}.db"
            begins, lasts = phases[phase]
            finished = _kill_after(source, target, phase, drawn * lasts)
            moment = begins + drawn * lasts
            visible = table_rows(target) if target.exists() else {}
            unanswered = None
            if target.exists() and rank == 0:
                unanswered = _undisturbed(source, target, "").code
            again = _undisturbed(source, target, "y\n")
            found = sum(visible.get(table, 0) for table in _COUNTED)
            expected = sum(whole[table] for table in _COUNTED)
            return {
                "moment": moment / alone.duration_s,
                "moment_s": moment,
                "fini": finished,
                "fichier": bool(visible) or target.exists(),
                "tables": len(visible),
                "phase": DATA if visible.keys() >= whole.keys() else SCHEMA,
                "lignes": found,
                "lignes_attendues": expected,
                "partiel": 0 < found < expected,
                "reprise": again.code,
                "identique": table_rows(target) == whole,
                "sans_reponse": unanswered,
                "message": first_cause(again.output) if again.code else "",
            }

        wanted = moments(kills)
        with ThreadPoolExecutor(2) as pool:
            while wanted and len(rows) < 2 * kills:
                tried = wanted[: 2 * kills - len(rows)]
                drawn = [rng.uniform(moment.low, moment.high) for moment in tried]
                ranks = range(len(rows), len(rows) + len(tried))
                struck = list(pool.map(strike, ranks, [m.phase for m in tried], drawn))
                rows += struck
                wanted = [
                    moment
                    for moment, row in zip(tried, struck, strict=True)
                    if row["fini"] or row["phase"] != moment.phase
                ]
    return pd.DataFrame(rows).sort_values("moment", ignore_index=True)


_COUNTED = ("experiments", "runs", "params", "metrics")


def _finished(receiver: Any) -> bool:
    """Has the command of a process that is no more sent its answer?"""
    try:
        while isinstance(receiver.recv(), float):
            pass
    except EOFError:
        return False
    return True


def table_rows(path: Path) -> dict[str, int]:
    """Rows of every table of an SQLite file, read by SQLite itself; {} if it has none."""
    connection = sqlite3.connect(path)
    try:
        names = [
            n for (n,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
        ]
        return {n: connection.execute(f'SELECT COUNT(*) FROM "{n}"').fetchone()[0] for n in names}
    finally:
        connection.close()


def overwritten() -> pd.DataFrame:
    """A target that already holds a study, a source that cannot be migrated: what is left?

    One row: runs of the existing database before the command, its exit code, and what the
    file holds afterwards, the operator having answered yes to «Overwrite?».
    """
    with open_store("file", memory_folder()) as store:
        assert store.files is not None
        _duplicated(store, 0)
        target = store.files.parent / "existante.db"
        create_sqlite(target)
        client = _target(target)
        experiment = client.create_experiment("précieuse")
        client.create_run(experiment)
        before = len(client.search_runs([experiment]))
        code, output = _command(str(store.files.parent), str(target), "y\n")
        left = table_rows(target).get("runs", 0) if target.exists() else 0
    return pd.DataFrame(
        [{"runs_avant": before, "code": code, "runs_apres": left, "message": first_cause(output)}]
    )


def observe(cases: tuple[str, ...], kills: int, runs: int, seed: int) -> dict[str, pd.DataFrame]:
    """The whole trial.  Parts: ``cas``, ``entites``, ``arrets``, ``ecrasement``."""
    struck, lost, *migrated = side_by_side(
        [
            partial(migrate_killed, kills, runs, seed),
            partial(overwritten),
            *(partial(_migrate_case, case, seed) for case in cases),
        ]
    )
    return {**_case_tables(migrated), "arrets": struck, "ecrasement": lost}
