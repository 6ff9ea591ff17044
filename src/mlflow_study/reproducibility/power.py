"""What the equivalence test of the ladder can show, with the repetitions that it is given.

The very functions that judge (``judging.margin``, ``statistics.equivalent``) judge normal
samples whose true difference is known, in standard deviations of one re-run.  The margin
is three of them, but estimated from the same few re-runs: the test is not exactly at its
nominal 5 %, and this says by how much.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from mlflow_study.evidence.statistics import equivalent
from mlflow_study.reproducibility.judging import MARGIN_IN_SPREADS, margin

TRUE_GAPS = (0.0, 1.0, MARGIN_IN_SPREADS, 2 * MARGIN_IN_SPREADS)
"""True differences of the two means, in standard deviations; the third is the margin."""


def measure_power(repetitions: int, trials: int, graine: int) -> pd.DataFrame:
    """``trials`` simulated pairs per true difference.

    Columns: relances, ecart (in standard deviations), equivalents (concluded), essais.
    """
    rng = np.random.default_rng(graine)
    rows = []
    for gap in TRUE_GAPS:
        concluded = 0
        for _ in range(trials):
            originals = rng.normal(100.0, 1.0, repetitions)
            again = rng.normal(100.0 + gap, 1.0, repetitions)
            concluded += equivalent(originals, again, margin(originals.tolist()))[0]
        rows.append(
            {
                "relances": repetitions,
                "ecart": gap,
                "equivalents": concluded,
                "essais": trials,
            }
        )
    return pd.DataFrame(rows)
