"""Two different tables, one digest: booleans, dates and late rows are not read."""

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
print("booleans:", digest(sick), digest(well))
print("row 10 001:", digest(long), digest(late))
same = digest(sick) == digest(well) and digest(long) == digest(late)
print("REFUTE: other data, same digest" if same else "CONFIRME: other data, other digest")
