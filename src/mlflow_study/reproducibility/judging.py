"""How close a re-run comes to the original: the ladder and its equivalence test."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlflow_study.evidence.statistics import equivalent

TOLERANCE = 1e-6
"""Largest relative difference of every metric that is called «same to a tolerance»."""
MARGIN_IN_SPREADS = 3.0
"""Margin of the equivalence test, in standard deviations of the original's own re-runs."""
MARGIN_FLOOR = 1e-3
"""Smallest margin, relative to the metric, for programs whose re-runs do not differ."""


@dataclass(frozen=True)
class Result:
    """What one run of a program produced."""

    metrics: Mapping[str, float]
    predictions: np.ndarray[Any, Any] | None

    @classmethod
    def read(cls, folder: Path) -> Result | None:
        """``metrics.json`` and ``predictions.npy`` of a folder; None when the program left none."""
        metrics, predictions = folder / "metrics.json", folder / "predictions.npy"
        if not metrics.exists():
            return None
        return cls(
            json.loads(metrics.read_text(encoding="utf-8")),
            np.load(predictions) if predictions.exists() else None,
        )


@dataclass(frozen=True)
class Judgement:
    """The rung reached; ``equivalence`` is the 90 % interval of the difference of means."""

    rung: int
    gap: float
    margin: float | None = None
    equivalence: tuple[float, float] | None = None


def same_bits(a: np.ndarray[Any, Any] | None, b: np.ndarray[Any, Any] | None) -> bool:
    """True when both arrays have the same shape, type and bytes."""
    if a is None or b is None or a.shape != b.shape or a.dtype != b.dtype:
        return False
    return a.tobytes() == b.tobytes()


def compare(original: Result, again: Result) -> Judgement:
    """Compare two single runs; rung 1 where only a test on repetitions could say more."""
    names = sorted(original.metrics)
    if names != sorted(again.metrics):
        return Judgement(1, math.inf)
    gap = max(_relative(original.metrics[n], again.metrics[n]) for n in names)
    if all(float(original.metrics[n]).hex() == float(again.metrics[n]).hex() for n in names):
        return Judgement(5 if same_bits(original.predictions, again.predictions) else 4, 0.0)
    return Judgement(3 if gap <= TOLERANCE else 1, gap)


def margin(originals: Sequence[float]) -> float:
    """Equivalence margin from the original program's own spread."""
    values = np.asarray(originals, dtype=float)
    return max(
        MARGIN_IN_SPREADS * float(values.std(ddof=1)), MARGIN_FLOOR * abs(float(values.mean()))
    )


def conclude(single: Judgement, originals: Sequence[float], again: Sequence[float]) -> Judgement:
    """Raise rung 1 to 2 where repetitions show the two mean losses to be equivalent (TOST)."""
    if single.rung != 1 or len(originals) < 2 or len(again) < 2:
        return single
    allowed = margin(originals)
    same, interval = equivalent(originals, again, allowed)
    return Judgement(2 if same else 1, single.gap, allowed, interval)


def _relative(a: float, b: float) -> float:
    return abs(a - b) / max(abs(a), abs(b), 1e-300)
