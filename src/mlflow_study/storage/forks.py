"""Several calls of one instrument side by side: their waits overlap, and the cores are filled.

For calls that time nothing.  Each runs in a process forked from this one, which has
imported all that they need; what they cost is counted as this process's.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from mlflow_study.nursery import settle
from mlflow_study.storage.rich_experiment import silenced


def side_by_side(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """What each of ``calls`` returns, in their order; the first exception is raised.

    They are started in their order, one more at a time than there are cores, since most
    wait now and then.  Calls must pickle (``functools.partial`` of a function).
    """
    if len(calls) < 2:
        return [_quietly(call) for call in calls]
    # A process with threads cannot be forked safely: a clean one is, in its place.
    method = "fork" if threading.active_count() == 1 else "forkserver"
    count = min(len(calls), (os.cpu_count() or 1) + 1)
    with ProcessPoolExecutor(count, mp_context=multiprocessing.get_context(method)) as pool:
        return list(pool.map(_quietly, calls))


def _quietly(call: Callable[[], Any]) -> Any:
    settle()
    with silenced():
        return call()
