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


def main(command: list[str]) -> int:
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: end(child))
    while child.poll() is None:
        ready, _, _ = select.select([sys.stdin], [], [], 0.1)
        if ready and not os.read(0, 4096):
            end(child)
    return child.returncode


def end(child: subprocess.Popen[bytes]) -> None:
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
