"""Was the machine quiet while we timed?

A fixed spin of pure Python is timed before and after each round: when it takes clearly
longer than the fastest spin of the run, something else had the processor (or it slowed
down).  Linux also tells how long runnable tasks waited (``/proc/pressure/cpu``).  Busy
rounds are marked, repeated within a budget, and never hidden.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

SPIN_LOOPS = 12_000
"""Additions of one spin: about half a millisecond."""
SLOW_SPIN = 1.5
"""A spin this many times the fastest one marks the round as busy."""
WAITING_SHARE = 0.25
"""So does a round during which tasks waited for a processor this share of the time."""
_PRESSURE = Path("/proc/pressure/cpu")


def spin() -> float:
    """Seconds taken by the fixed loop now (the better of two)."""
    return min(_spin(), _spin())


def _spin() -> float:
    started = time.perf_counter()
    total = 0
    for number in range(SPIN_LOOPS):
        total += number
    return time.perf_counter() - started


def waited() -> float | None:
    """Seconds that some task has waited for a processor since boot; None where unknown."""
    try:
        line = _PRESSURE.read_text(encoding="ascii").splitlines()[0]
    except (OSError, IndexError):
        return None
    return int(line.rpartition("total=")[2]) / 1e6


@dataclass(frozen=True)
class Look:
    """One look at the machine."""

    at: float
    spin: float
    waited: float | None

    @classmethod
    def now(cls) -> Look:
        return cls(time.perf_counter(), spin(), waited())


@dataclass
class Watch:
    """Judges rounds against the fastest spin seen so far."""

    fastest: float = field(default_factory=lambda: min(spin() for _ in range(20)))

    def busy(self, before: Look, after: Look) -> bool:
        """True if something else visibly used the machine between the two looks."""
        self.fastest = min(self.fastest, before.spin, after.spin)
        if max(before.spin, after.spin) > SLOW_SPIN * self.fastest:
            return True
        if before.waited is None or after.waited is None or after.at <= before.at:
            return False
        return (after.waited - before.waited) / (after.at - before.at) > WAITING_SHARE
