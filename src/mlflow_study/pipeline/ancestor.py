"""No orphan, and no brutal end: how the processes of a run stop.

Snakemake leaves its jobs alive when it is killed.  Each of our workers therefore
watches the process named in ``MLFLOW_STUDY_ANCETRE``, the command that the user typed,
and ends with it as it does on Ctrl-C: its kernel is interrupted, so that what a cell has
opened is put away (an experiment on the user's own server, for one), then all is killed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import psutil

VARIABLE = "MLFLOW_STUDY_ANCETRE"
PERIOD_S = 0.5
KERNEL_GRACE_S = 5.0
"""What a kernel that is interrupted gets before it is killed."""
WORKER_GRACE_S = 8.0
"""What a worker that has lost its ancestor gets: its kernel's time, and its own."""


def birth(pid: int) -> str | None:
    """When a process started; None when it runs no more.

    On Linux in clock ticks since the system's own start: the dates that psutil gives move
    with the wall clock, which NTP or a virtual machine that resumes sets.
    """
    if sys.platform == "linux":
        try:
            fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if fields[0] in (b"Z", b"X") else fields[19].decode()
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else str(process.create_time())
    except psutil.NoSuchProcess:
        return None


def environment() -> dict[str, str]:
    """The variable that names this process as the ancestor: pid and birth."""
    return {VARIABLE: f"{os.getpid()}:{birth(os.getpid())}"}


def is_alive(name: str) -> bool:
    """Whether the process called ``pid:birth`` still runs (a reused pid does not count)."""
    pid, _, born = name.partition(":")
    return birth(int(pid)) == born


def die_with_ancestor(environ: Mapping[str, str] = os.environ) -> None:
    """Start the watch, if an ancestor is named."""
    name = environ.get(VARIABLE)
    if name:
        threading.Thread(target=_watch, args=(name,), daemon=True, name="ancestor").start()


def _watch(name: str) -> None:
    while is_alive(name):
        time.sleep(PERIOD_S)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(WORKER_GRACE_S)
    kill(reversed(family(os.getpid())))


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """SIGINT and SIGTERM interrupt the kernel that this process runs, then kill what is left.

    They go to the process group of each child; after ``KERNEL_GRACE_S`` the whole family is
    killed.  Raises KeyboardInterrupt on the way out.  For the main thread only.
    """
    struck: list[psutil.Process] = []

    def strike(*_: object) -> None:
        if struck:
            return
        children = psutil.Process().children()
        if not children:
            raise KeyboardInterrupt
        struck.extend(family(os.getpid())[1:])
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGINT)
        late = threading.Timer(KERNEL_GRACE_S, kill, [struck])
        late.daemon = True
        late.start()

    before = {sign: signal.signal(sign, strike) for sign in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)
        if struck:
            kill(struck)
            raise KeyboardInterrupt


def family(pid: int) -> list[psutil.Process]:
    """A process and all its descendants; empty when it runs no more."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def kill(processes: Iterable[psutil.Process]) -> None:
    """Kill those that still run."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
