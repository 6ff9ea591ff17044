"""Runs one launch as ``python`` would, from a process that has already imported MLflow.

Reads JSON lines on its standard input, each with ``argv`` (what follows ``python``),
``cwd`` and ``env``; forks for each, so that MLflow's per-process caches start empty;
answers one JSON line ``{"code": …, "error": …}``.  Standard library and MLflow only.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import sys
import traceback


def wake_hooks() -> None:
    """Let a context provider do now what it does when a new program imports MLflow."""
    from mlflow.tracking.context.registry import _run_context_provider_registry

    for provider in _run_context_provider_registry:
        if hasattr(provider, "watch"):
            sys.modules[type(provider).__module__].STARTED_IN = os.getcwd()
            provider.watch()


def become(argv: list[str], cwd: str, env: dict[str, str]) -> None:
    """Do what the interpreter does with its command line, in this (forked) process."""
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    if argv[0] == "-c":
        sys.argv = ["-c", *argv[2:]]
        sys.path[0] = ""
        wake_hooks()
        exec(compile(argv[1], "<string>", "exec"), {"__name__": "__main__"})
    elif argv[0] == "-m":
        sys.argv = argv[1:]
        sys.path[0] = cwd
        wake_hooks()
        runpy.run_module(argv[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = list(argv)
        sys.path[0] = os.path.dirname(os.path.abspath(argv[0]))
        wake_hooks()
        runpy.run_path(argv[0], run_name="__main__")


def serve() -> None:
    # this program is not the one that is observed: no hook must find it
    globals().pop("__file__")
    sys.argv = [""]
    import alembic.command
    import alembic.script  # noqa: F401
    import git  # noqa: F401
    import IPython  # noqa: F401
    import mlflow.cli
    import mlflow.genai
    import mlflow.projects
    import mlflow.store.tracking.sqlalchemy_store
    import mlflow.store.tracking.sqlalchemy_workspace_store  # noqa: F401
    import sqlalchemy.dialects.sqlite
    import sqlalchemy.orm

    sqlalchemy.orm.configure_mappers()
    gc.freeze()
    for line in sys.stdin:
        order = json.loads(line)
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read)
            code = 0
            try:
                sink = os.open(os.devnull, os.O_WRONLY)
                os.dup2(sink, 1)
                become(order["argv"], order["cwd"], order["env"])
            except BaseException:
                os.write(write, traceback.format_exc()[-2000:].encode())
                code = 1
            finally:
                sys.stderr.flush()
                os._exit(code)
        os.close(write)
        error = b""
        while chunk := os.read(read, 4096):
            error += chunk
        os.close(read)
        os.waitpid(child, 0)
        print(json.dumps({"error": error.decode(errors="replace")}), flush=True)


if __name__ == "__main__":
    serve()
