"""Deux tables, une empreinte : booléens, dates et lignes tardives ne sont pas lus."""

import os

os.environ.update(MLFLOW_DISABLE_TELEMETRY="true")
import mlflow.data
import pandas as pd


def digest(table):
    return mlflow.data.from_pandas(table).digest


sick = pd.DataFrame({"age": [30, 40], "sick": [True, False]})
well = pd.DataFrame({"age": [30, 40], "sick": [False, True]})
long = pd.DataFrame({"x": range(10_001)})
late = long.copy()
late.loc[10_000, "x"] = -1
print("booléens :", digest(sick), digest(well))
print("ligne 10 001 :", digest(long), digest(late))
same = digest(sick) == digest(well) and digest(long) == digest(late)
print("REFUTE : autres données, même empreinte" if same else "CONFIRME : autre empreinte")
