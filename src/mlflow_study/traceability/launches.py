"""Programs launched as a person launches them, each in a process of its own.

``new`` starts a new interpreter for each.  Otherwise a nursery is forked from this very
process, which has imported MLflow already: it forks again for each launch, and what comes
out has MLflow's per-process caches empty, nothing of this study among its modules, and
the command line, folder and environment that were asked for.  The tests compare both.

Open the nursery before any store: a fork copies open connections.
"""

from __future__ import annotations

import gc
import importlib.metadata
import json
import os
import runpy
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import IO, NoReturn

TIMEOUT_S = 120.0
_PROVIDERS = "mlflow.run_context_provider"


@dataclass
class Launcher:
    """Launches ``python`` and what follows; ``run`` returns the traceback, "" when all went well."""

    site: Path | None = None
    """A folder of installed packages to add, as PYTHONPATH does."""

    def run(
        self,
        argv: Sequence[str],
        cwd: Path,
        env: dict[str, str],
        drive: Callable[[], object] | None = None,
    ) -> str:
        """``drive`` acts on the program from outside while it runs."""
        raise NotImplementedError


@dataclass
class NewInterpreters(Launcher):
    """The real thing, at some three seconds of processor each."""

    def run(
        self,
        argv: Sequence[str],
        cwd: Path,
        env: dict[str, str],
        drive: Callable[[], object] | None = None,
    ) -> str:
        path = {"PYTHONPATH": str(self.site)} if self.site else {}
        with subprocess.Popen(
            [sys.executable, *argv],
            cwd=cwd,
            env=env | path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                if drive is not None:
                    drive()
                _, errors = process.communicate(timeout=TIMEOUT_S)
            finally:
                process.kill()
        return errors[-2000:] if process.returncode else ""


@dataclass
class Forks(Launcher):
    """A nursery: see the module."""

    orders: IO[str] = field(default=sys.stdin)
    answers: IO[str] = field(default=sys.stdout)
    pid: int = 0

    @classmethod
    def open(cls, site: Path | None) -> Forks:
        to_nursery, from_nursery = os.pipe(), os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(to_nursery[1])
            os.close(from_nursery[0])
            _serve(os.fdopen(to_nursery[0]), os.fdopen(from_nursery[1], "w"), site)
        os.close(to_nursery[0])
        os.close(from_nursery[1])
        return cls(site, os.fdopen(to_nursery[1], "w"), os.fdopen(from_nursery[0]), pid)

    def run(
        self,
        argv: Sequence[str],
        cwd: Path,
        env: dict[str, str],
        drive: Callable[[], object] | None = None,
    ) -> str:
        self.orders.write(json.dumps({"argv": list(argv), "cwd": str(cwd), "env": env}) + "\n")
        self.orders.flush()
        if drive is not None:
            drive()
        error = str(json.loads(self.answers.readline())["error"])
        return "" if error.rstrip().endswith("SystemExit: 0") else error

    def close(self) -> None:
        self.orders.close()
        self.answers.close()
        os.waitpid(self.pid, 0)


@contextmanager
def launcher(new: bool, site: Path | None = None) -> Iterator[Launcher]:
    """Something that launches programs; ``new`` starts a new interpreter for each."""
    if new:
        yield NewInterpreters(site)
        return
    forks = Forks.open(site)
    try:
        yield forks
    finally:
        forks.close()


# --- in the nursery --------------------------------------------------------------------


def _serve(orders: IO[str], answers: IO[str], site: Path | None) -> NoReturn:
    """Fork for each order, a JSON line, until the pipe closes; answer with its traceback."""
    try:
        _warm()
        _forget_the_study()
        for line in orders:
            order = json.loads(line)
            answers.write(json.dumps({"error": _fork(order, site)}) + "\n")
            answers.flush()
    finally:
        os._exit(0)


def _warm() -> None:
    """Import what the programs will want, once."""
    import alembic.command
    import alembic.script  # noqa: F401
    import git  # noqa: F401
    import IPython  # noqa: F401
    import mlflow.cli
    import mlflow.genai
    import mlflow.projects
    import mlflow.sklearn
    import mlflow.store.tracking.sqlalchemy_store
    import mlflow.store.tracking.sqlalchemy_workspace_store  # noqa: F401
    import sqlalchemy.dialects.sqlite
    import sqlalchemy.orm

    sqlalchemy.orm.configure_mappers()


def _installed(path: str) -> bool:
    return "site-packages" in path or path.startswith(sys.base_prefix)


def _forget_the_study() -> None:
    """Leave only what an interpreter that has imported MLflow would hold."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and not _installed(file):
            del sys.modules[name]
    sys.modules["__main__"] = ModuleType("__main__")
    sys.path[:] = [path for path in sys.path if _installed(path) or path.startswith(sys.prefix)]
    gc.freeze()


def _fork(order: dict[str, object], site: Path | None) -> str:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            sink = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(sink, stream)
            _become(site=site, **order)  # type: ignore[arg-type]
        except BaseException:
            os.write(write, traceback.format_exc()[-2000:].encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        error = pipe.read()
    os.waitpid(child, 0)
    return error.decode(errors="replace")


def _become(argv: list[str], cwd: str, env: dict[str, str], site: Path | None) -> None:
    """Do what the interpreter does with its command line, in this forked process."""
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    sys.path.insert(0, cwd)
    if argv[0] == "-c":
        sys.argv = ["-c", *argv[2:]]
        sys.path[0] = ""
        _as_imported(env, site)
        exec(compile(argv[1], "<string>", "exec"), {"__name__": "__main__"})
    elif argv[0] == "-m":
        sys.argv = argv[1:]
        _as_imported(env, site)
        runpy.run_module(argv[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = list(argv)
        sys.path[0] = str(Path(argv[0]).absolute().parent)
        _as_imported(env, site)
        runpy.run_path(argv[0], run_name="__main__")


def _as_imported(env: dict[str, str], site: Path | None) -> None:
    """Put MLflow in the state in which the program's own ``import mlflow`` would leave it."""
    import mlflow
    from mlflow.tracking.context import jupyter_notebook_context, registry

    providers = registry._run_context_provider_registry
    providers._registry = [type(provider)() for provider in providers]
    jupyter_notebook_context._get_notebook_name.cache_clear()
    if "MLFLOW_TRACKING_URI" in env:
        mlflow.set_tracking_uri(env["MLFLOW_TRACKING_URI"])
    if site is not None:
        sys.path.insert(1, str(site))
        for package in importlib.metadata.distributions(path=[str(site)]):
            for entry in package.entry_points.select(group=_PROVIDERS):
                providers.register(entry.load())
