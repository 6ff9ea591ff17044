"""Programs and servers in processes of their own, forked from one that has imported libraries.

Importing MLflow and scikit-learn costs some two seconds of processor; a fork costs
milliseconds.  Python's ``forkserver`` imports the libraries once and runs nothing; each
program then gets a fresh process, a folder, a clean environment and fresh entropy: the
global generators would otherwise be copied by the fork, and unseeded programs would all
draw the same numbers.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import pwd
import resource
import runpy
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

from mlflow_study import leash
from mlflow_study.paths import EVIDENCE_VARIABLE
from mlflow_study.warm_python import reseed, run_to_exit, take_place

WARM = "mlflow_study.warm"
"""The module imported by the process that all programs are forked from."""
KEPT_VARIABLES = ("HOME", "LANG", "TMPDIR", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
TIMEOUT_S = 180.0


@dataclass(frozen=True)
class Job:
    """One program: a script (a name in ``folder``) and its arguments, then a function.

    Either may be missing.  The script sees the command line ``python script arguments…``.
    """

    folder: Path
    script: str | None = None
    arguments: tuple[str, ...] = ()
    function: Callable[..., Any] | None = None
    values: tuple[Any, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """How a program ended; ``value`` is what its function returned."""

    ok: bool
    value: Any
    error: str
    output: str
    wall_s: float
    cpu_s: float


def system_name(user: int) -> str | None:
    """The name of the account of this number; None where it has none, as in many containers."""
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return None


def account() -> str:
    """The name of the account that runs this process; where it has none, what stands for it.

    ``getpass``, which MLflow asks, then wants LOGNAME.
    """
    user = os.getuid()
    return system_name(user) or os.environ.get("LOGNAME") or f"uid-{user}"


def clean_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """An environment with nothing of this study in it, and this Python first on the PATH."""
    env = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    env["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"])
    env |= {
        "LOGNAME": account(),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "MLFLOW_ALLOW_FILE_STORE": "true",
        "GIT_PYTHON_REFRESH": "quiet",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    return env | dict(extra)


def network() -> dict[str, str]:
    """What an installer needs to reach its index: the user's own settings, if any."""
    own = ("UV_", "PIP_", "SSL_", "REQUESTS_CA")
    return {k: v for k, v in os.environ.items() if k.startswith(own) or "proxy" in k.lower()}


def credentials() -> dict[str, str]:
    """What the user's own server and artifact store ask for: their accounts, if any."""
    own = ("MLFLOW_TRACKING_", "MLFLOW_S3_", "AWS_", "GOOGLE_", "AZURE_", "SSH_AUTH_SOCK")
    return {k: v for k, v in os.environ.items() if k.startswith(own)}


@contextmanager
def changed_environment(values: Mapping[str, str]) -> Iterator[None]:
    """This process with other environment variables; what was there comes back."""
    before = {key: os.environ.get(key) for key in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for key, value in before.items():
            os.environ.pop(key, None)
            if value is not None:
                os.environ[key] = value


def settle() -> None:
    """Let the collector be: what was imported stays, and SQLAlchemy makes much, keeps little."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _child(job: Job, log: str, answer: Connection) -> None:
    started = time.perf_counter()
    gc.freeze()  # what the server imported is no garbage: do not look through it
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.chdir(job.folder)
    env = clean_environment(job.environment)
    os.environ.clear()
    os.environ.update(env)
    reseed()
    ok, value, error = True, None, ""
    try:
        if job.script is not None:
            sys.argv = [job.script, *job.arguments]
            sys.path[0:0] = [str(job.folder)]
            runpy.run_path(job.script, run_name="__main__")
        if job.function is not None:
            value = job.function(*job.values)
    except SystemExit as end:
        ok = end.code in (None, 0)
        error = "" if ok else f"code de sortie {end.code}"
    except BaseException as failure:
        ok, error = False, f"{type(failure).__name__}: {failure}"
        traceback.print_exc()
    used = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu = sum(u.ru_utime + u.ru_stime for u in used)
    answer.send((ok, value, error, time.perf_counter() - started, cpu))
    answer.close()


_starter: int | None = None
"""The process that has started the one that all programs are forked from, if known."""


def is_warm() -> bool:
    """Whether this process, or one that it comes from, has called ``warm_up``."""
    return _starter is not None or _comes_from_it()


def _comes_from_it() -> bool:
    return forkserver.get_inherited_fds() is not None and WARM in sys.modules


def warm_up() -> ForkServerContext:
    """Start the process that programs are forked from, without waiting for its imports.

    A process that was itself forked from such a server, or from its starter, goes on with
    that one.
    """
    global _starter
    context = multiprocessing.get_context("forkserver")
    if _comes_from_it() or _starter not in (None, os.getpid()):
        # CPython knows the address of that server, yet starts another and imports all again.
        forkserver._forkserver.ensure_running = lambda: None  # type: ignore[method-assign]
    else:
        context.set_forkserver_preload(["mlflow_study.nursery", WARM])
        forkserver.ensure_running()
        _starter = os.getpid()
    return context


def warm_up_to_measure() -> None:
    """``warm_up``, unless the chapter is told from recorded evidence; a notebook's first call."""
    if not os.environ.get(EVIDENCE_VARIABLE):
        warm_up()


def run(job: Job) -> Outcome:
    """Run one program to its end in a process of its own."""
    context = warm_up()
    log = job.folder / ".journal"
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(job, str(log), sender))
    started = time.perf_counter()
    process.start()
    sender.close()
    result: tuple[bool, Any, str, float, float] | None = None
    if receiver.poll(TIMEOUT_S):
        try:
            result = receiver.recv()
        except EOFError:
            result = None
        process.join(10)
    if process.is_alive():
        process.kill()
    process.join()
    output = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    if result is None:
        wall = time.perf_counter() - started
        return Outcome(False, None, "le programme s’est arrêté sans réponse", output, wall, 0.0)
    ok, value, error, wall, cpu = result
    return Outcome(ok, value, error, output, wall, cpu)


def run_all(jobs: Iterable[Job], parallel: int = 2) -> list[Outcome]:
    """Run programs side by side; outcomes come in the order of ``jobs``."""
    with ThreadPoolExecutor(max_workers=parallel) as pool:
        return list(pool.map(run, jobs))


# --- servers -------------------------------------------------------------------------


class Leashed:
    """``python -m words…`` on a leash, as a fork: the same program, without its imports.

    It has the arguments, environment, folder (that of ``log``), signals and open files that a
    new interpreter would have; what it writes goes to ``log``.  It is asked as the ``Popen``
    of its leash would be: closing ``stdin`` ends it, and so does the end of this process.
    """

    def __init__(self, words: list[str], log: Path, environment: Mapping[str, str]) -> None:
        context = warm_up()
        theirs, self.stdin = context.Pipe(duplex=False)
        self._process = context.Process(
            target=_hold, args=(words, str(log), dict(environment), theirs), daemon=True
        )
        self._process.start()
        theirs.close()
        self.pid = self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """The exit status.  Raises ``subprocess.TimeoutExpired``."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("serveur", timeout or 0.0)
        return self._process.exitcode

    def kill(self) -> None:
        self._process.kill()


def _hold(words: list[str], log: str, environment: dict[str, str], leash_end: Connection) -> None:
    """In a process of its own: fork the server, and hold it on the leash."""
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    for stream in (1, 2):
        os.dup2(output, stream)
    os.chdir(Path(log).parent)
    server = os.fork()
    if server == 0:
        run_to_exit(partial(_become_module, words, environment))
    sys.exit(leash.hold(leash.Forked(server), leash_end.fileno()))


def _become_module(words: list[str], environment: dict[str, str]) -> None:
    """Run ``python -m words…`` in this process, which has just been forked."""
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    sys.stdin = open(0, closefd=False)  # noqa: SIM115  (for as long as the program lasts)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    gc.unfreeze()
    take_place(words, environment, Path.cwd())
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)
