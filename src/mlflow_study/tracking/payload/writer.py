"""A fork server of writers: imports MLflow once, forks one real writer per request.

Run as a script; standard library and MLflow only.  Each line of standard input is a
JSON job; the answer is a JSON line with the writer's pid.  ``{"wait": pid, "timeout": s}``
answers with its exit status.  The child leaves through the end of this file, so that it
ends as any script ends: exception, ``sys.exit``, threads joined, ``atexit`` run.

A writer keeps a journal, one line per event, appended with one ``write`` each, so that
it survives a SIGKILL: ``R run_id``, ``B item`` before a call, ``A item`` once the call
has returned, ``E item text`` when it raised, ``S seconds item`` for a slow call.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import json
import os
import resource
import shutil
import signal
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

# Registered before MLflow's own exit hooks, hence run after them: what follows in a normal
# exit only frees memory, and costs a CPU second in a forked process.
atexit.register(lambda: os._exit(0))

import mlflow  # noqa: E402
import mlflow.store.db.utils  # noqa: E402
from mlflow.store.tracking import sqlalchemy_workspace_store  # noqa: E402, F401
from mlflow.tracing.processor import otel  # noqa: E402, F401
from mlflow.tracking.context.registry import resolve_tags  # noqa: E402

Job = dict[str, Any]


class Journal:
    """Append-only list of events."""

    def __init__(self, path: str) -> None:
        self.handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def note(self, kind: str, *words: Any) -> None:
        line = " ".join([kind, *(str(word).replace("\n", " ")[:300] for word in words)])
        os.write(self.handle, f"{line}\n".encode("utf-8", "backslashreplace"))


def main() -> Job | None:
    """Serve requests; returns the job in a child, None in the server once input ends."""
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            print(json.dumps({"status": wait(request["wait"], request["timeout"])}), flush=True)
            continue
        pid = os.fork()
        if pid == 0:
            return dict(request)
        print(json.dumps({"pid": pid}), flush=True)
    return None


def wait(pid: int, timeout: float) -> int | None:
    """Exit status of a child (negative: killed by that signal), None while it lives."""
    deadline = time.monotonic() + timeout
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            return None
        time.sleep(0.005)


def write(job: Job) -> None:
    """Do the work of one writer."""
    log = os.open(job["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.update(job.get("env", {}))
    journal = Journal(job["journal"])
    if "tmpfs" in job:
        small_disk(Path(job["tmpfs"]), job["disk"])
        shutil.copyfile(job["database"], Path(job["tmpfs"]) / "mlflow.db")
    mlflow.set_tracking_uri(job["uri"])
    try:
        work = {
            "run": whole_run,
            "shared": shared_run,
            "tags": same_tags,
            "artifact": artifact,
            "clock": clock,
        }
        work[job["work"]](job, journal)
    finally:
        if "tmpfs" in job:
            for path in Path(job["tmpfs"]).iterdir():
                shutil.copyfile(path, Path(job["rescue"]) / path.name)


def whole_run(job: Job, journal: Journal) -> None:
    """A run of its own, with or without the context manager."""
    if job["with"]:
        with mlflow.start_run(experiment_id=job["experiment"]) as run:
            journal.note("R", run.info.run_id)
            log_items(job, journal)
    else:
        run = mlflow.start_run(experiment_id=job["experiment"])
        journal.note("R", run.info.run_id)
        log_items(job, journal)


def shared_run(job: Job, journal: Journal) -> None:
    """Write into a run that exists, beside other writers, from a common start."""
    while time.time() < job["start"]:
        time.sleep(0.001)
    log_items(job, journal)


def same_tags(job: Job, journal: Journal) -> None:
    """New tags of a run that exists, each set when all ``writers`` are about to set it.

    They meet at a file, ``gate``, to which each adds a byte.
    """
    client = mlflow.MlflowClient()
    client.get_run(job["run"])  # its connection is open before the start
    gate = os.open(job["gate"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for i in range(job["items"]):
        os.write(gate, b".")
        deadline = time.monotonic() + 20
        while os.fstat(gate).st_size < job["writers"] * (i + 1) and time.monotonic() < deadline:
            time.sleep(0.0002)
        journal.note("B", f"t{i}")
        try:
            client.set_tag(job["run"], f"t{i}", os.getpid())
        except Exception as error:  # the refusal is the result
            journal.note("E", f"t{i}", type(error).__name__, error)
        else:
            journal.note("A", f"t{i}")


BURST = 15
"""Asynchronous calls made in a row, as at the end of an epoch; journalled once done."""


def log_items(job: Job, journal: Journal) -> None:
    """``items`` metrics, a parameter for one in four, then the ending that was asked."""
    offset, burst = job.get("offset", 0), 1 if job["sync"] else BURST
    done: list[str] = []
    for i in range(offset, offset + job["items"]):
        last = i - offset + 1 in (job.get("stop_after"), job["items"])
        for name in [f"m{i}", f"p{i}"] if i % 4 == 0 else [f"m{i}"]:
            journal.note("B", name)
            began = time.monotonic()
            try:
                log_item(job, name, i)
            except Exception as error:  # refusals are written down, then work goes on or stops
                journal.note("E", name, type(error).__name__, error)
                if not job.get("keep_going", False):
                    raise
            else:
                done.append(name)
            took = time.monotonic() - began
            if took > 0.5:
                journal.note("S", f"{took:.3f}", name)
        if last or len(done) >= burst:
            for name in done:
                journal.note("A", name)
            done.clear()
        if i - offset + 1 == job.get("stop_after"):
            end(job["ending"])
        if job.get("pause"):
            time.sleep(job["pause"])
    if job.get("ending") in ("SIGINT", "SIGTERM", "SIGKILL"):
        time.sleep(60)  # the signal comes from outside


def log_item(job: Job, name: str, i: int) -> None:
    """One call, in a run of one's own through the fluent API, or in a given run."""
    run_id = job.get("run")
    if name[0] == "m":
        mlflow.log_metric("m", i, step=i, synchronous=job["sync"], run_id=run_id)
    elif run_id:
        mlflow.MlflowClient().log_param(run_id, name, i)
    else:
        mlflow.log_param(name, i, synchronous=job["sync"])


def end(ending: str) -> None:
    if ending == "exception":
        raise RuntimeError("panne voulue")
    if ending.startswith("sys.exit"):
        sys.exit(int(ending.removeprefix("sys.exit(").rstrip(")")))


def artifact(job: Job, journal: Journal) -> None:
    """Upload one file into a run that exists; ``file_limit`` caps what may be written (bytes).

    Passing it kills the process (``killed``), or raises as a quota does.
    """
    if "file_limit" in job:
        if job["killed"]:
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (job["file_limit"], resource.RLIM_INFINITY))
    journal.note("B", "artefact")
    try:
        mlflow.MlflowClient().log_artifact(job["run"], job["file"])
    except Exception as error:  # told in the journal
        journal.note("E", "artefact", type(error).__name__, error)
        raise
    journal.note("A", "artefact")


def clock(job: Job, journal: Journal) -> None:
    """A run whose clock goes back by a second at each reading (``time.time`` replaced)."""
    base = time.time()
    readings = iter(range(10**9))
    time.time = lambda: base - next(readings)  # type: ignore[assignment]
    with mlflow.start_run(experiment_id=job["experiment"]) as run:
        journal.note("R", run.info.run_id)
        for i in range(job["items"]):
            mlflow.log_metric("m", i)
            journal.note("A", f"m{i}")


CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000


def small_disk(folder: Path, size: str) -> None:
    """Mount a tmpfs of ``size`` bytes on ``folder``, seen by this process only."""
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.geteuid(), os.getegid()

    def check(result: int) -> None:
        if result != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    check(libc.unshare(CLONE_NEWUSER | CLONE_NEWNS))
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    check(libc.mount(b"tmpfs", str(folder).encode(), b"tmpfs", 0, f"size={size}".encode()))


if __name__ == "__main__":
    resolve_tags()  # imports Git and others now, opens nothing
    # MLflow runs all its migration scripts to find the newest, each time that it opens a store.
    newest = mlflow.store.db.utils._get_latest_schema_revision
    mlflow.store.db.utils._get_latest_schema_revision = cache(newest)
    mlflow.store.db.utils._get_latest_schema_revision()
    gc.freeze()
    chosen = main()
    if chosen is not None:
        write(chosen)
