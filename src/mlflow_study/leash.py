"""Run a command that dies with the process that started it.

``python -S -E leash.py COMMAND…`` starts COMMAND in a session of its own and holds it
on a leash: the standard input of this program.  When that pipe closes, because its
owner closed it or was killed in whatever way, the whole process group of COMMAND is
terminated, then killed.  Standard library only, so that it starts in some 20 ms.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time

LADDER = ((signal.SIGINT, 0.7), (signal.SIGTERM, 0.3), (signal.SIGKILL, 2.0))
"""(signal, patience in seconds); SIGINT first: PostgreSQL then drops its clients at once."""


class Forked:
    """A process that this one has forked, the leader of a session, asked as a ``Popen`` is."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit status, once it has ended."""
        if self.returncode is None:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


def main(command: list[str]) -> int:
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    return hold(child, sys.stdin.fileno())


def hold(child: subprocess.Popen[bytes] | Forked, leash: int) -> int:
    """Wait for the child, and end it once the pipe ``leash`` closes; returns its exit status."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: end(child))
    while (status := child.poll()) is None:
        ready, _, _ = select.select([leash], [], [], 0.1)
        if ready and not os.read(leash, 4096):
            end(child)
    return status


def end(child: subprocess.Popen[bytes] | Forked) -> None:
    """Stop the child, then kill what is left of its process group."""
    for sign, patience in LADDER:
        _signal_group(child.pid, sign)
        deadline = time.monotonic() + patience
        while child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        if child.poll() is not None:
            break
    _signal_group(child.pid, signal.SIGKILL)


def _signal_group(group: int, sign: int) -> None:
    try:
        os.killpg(group, sign)
    except ProcessLookupError:
        return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
