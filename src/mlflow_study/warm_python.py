"""A ``python`` for the PATH whose programs are forks of this very process.

``mlflow run`` hands ``python train.py …`` to a shell, which starts an interpreter that
imports MLflow and scikit-learn anew: three seconds of processor each time.  The ``python``
made here passes its command line, folder, environment and standard streams to a process
forked from this one, which has imported them already, and ends with its exit status.
"""

from __future__ import annotations

import json
import os
import random
import runpy
import select
import shlex
import socket
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NoReturn

_COMMAND = """#!/bin/sh
case "$1" in -*|"") exec {python} "$@" ;; esac
exec {python} -S -E {here} {address} "$@"
"""


@contextmanager
def warm_python() -> Iterator[Path]:
    """A folder whose ``python`` forks this process, which must have one thread only.

    Only ``python script arguments…`` is forked; any other command line gets a new interpreter.
    """
    with (
        tempfile.TemporaryDirectory(prefix="python-") as name,
        socket.socket(socket.AF_UNIX) as listener,
    ):
        address, command = Path(name) / "s", Path(name) / "python"
        listener.bind(str(address))
        listener.listen()
        parts = {"python": sys.executable, "here": __file__, "address": str(address)}
        command.write_text(
            _COMMAND.format(**{key: shlex.quote(value) for key, value in parts.items()}),
            encoding="utf-8",
        )
        command.chmod(0o755)
        alive, owner = os.pipe()
        server = os.fork()
        if server == 0:
            os.close(owner)
            _serve(listener, alive)
        os.close(alive)
        try:
            yield Path(name)
        finally:
            os.close(owner)
            os.waitpid(server, 0)


def reseed() -> None:
    """Fresh entropy for the global generators, which a fork would otherwise copy."""
    random.seed()
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()


def _serve(listener: socket.socket, alive: int) -> NoReturn:
    """Fork for each command line that comes, until the owner goes; answer with its exit status."""
    try:
        while alive not in select.select([listener.fileno(), alive], [], [])[0]:
            with listener.accept()[0] as caller:
                _, streams, _, _ = socket.recv_fds(caller, 1, 3)
                with caller.makefile("rb") as lines:
                    order = json.load(lines)
                program = os.fork()
                if program == 0:
                    listener.close()
                    run_to_exit(partial(_become, streams, **order))
                for stream in streams:
                    os.close(stream)
                _, status = os.waitpid(program, 0)
                caller.sendall(bytes([os.waitstatus_to_exitcode(status) % 256]))
    finally:
        os._exit(0)


def _become(streams: list[int], argv: list[str], cwd: str, env: dict[str, str]) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.chdir(cwd)
    take_place(argv, env, Path(argv[0]).absolute().parent)
    runpy.run_path(argv[0], run_name="__main__")


def take_place(argv: list[str], env: dict[str, str], folder: Path) -> None:
    """Give this fork the environment and command line of a program, whose modules lie in ``folder``."""
    os.environ.clear()
    os.environ.update(env)
    reseed()
    sys.argv = argv
    sys.path.insert(0, str(folder))


def run_to_exit(program: Callable[[], object]) -> NoReturn:
    """Run the program of this fork, and end as an interpreter would: traceback, exit status."""
    status = 1
    try:
        program()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _call(address: str, argv: list[str]) -> int:
    """The other end: what the command ``python`` does."""
    order = {"argv": argv, "cwd": str(Path.cwd()), "env": dict(os.environ)}
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(address)
        socket.send_fds(server, [b"-"], [0, 1, 2])
        server.sendall(json.dumps(order).encode())
        server.shutdown(socket.SHUT_WR)
        return (server.recv(1) or b"\1")[0]


if __name__ == "__main__":
    sys.exit(_call(sys.argv[1], sys.argv[2:]))
