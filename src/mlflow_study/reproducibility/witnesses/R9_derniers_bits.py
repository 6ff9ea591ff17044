"""Même modèle, même table : pyfunc avec une signature change les derniers bits."""

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
print("plus grand écart :", np.abs(served - model.predict(x)).max())
print(
    f"REFUTE : {changed} prédictions sur {len(x)} diffèrent" if changed else "CONFIRME : mêmes bits"
)
