"""The same model, the same table: pyfunc with a signature changes the last bits."""

import os
import tempfile

os.environ.update(MLFLOW_DISABLE_TELEMETRY="true")
import mlflow.pyfunc
import mlflow.sklearn
import numpy as np
from mlflow.models import infer_signature
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge

x, y = load_diabetes(return_X_y=True, as_frame=True)
model = Ridge().fit(x, y)
folder = tempfile.mkdtemp()
mlflow.sklearn.save_model(
    model,
    f"{folder}/m",
    signature=infer_signature(x, model.predict(x)),
    pip_requirements=["scikit-learn"],
)
served = np.asarray(mlflow.pyfunc.load_model(f"{folder}/m").predict(x))
changed = int((served != model.predict(x)).sum())
print("largest difference:", np.abs(served - model.predict(x)).max())
print(f"REFUTE: {changed} predictions of {len(x)} differ" if changed else "CONFIRME: same bits")
