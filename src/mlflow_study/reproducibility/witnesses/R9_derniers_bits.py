"""Même modèle, même table : pyfunc avec une signature change les derniers bits."""

import os
import tempfile

os.environ.update(MLFLOW_DISABLE_TELEMETRY="true")
import mlflow.pyfunc
import mlflow.sklearn
import numpy as np
import pandas as pd
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
rebuilt = pd.DataFrame({name: x[name] for name in x})  # ce que fait MLflow, sans MLflow
print("ordre d’origine : C", x.to_numpy().flags.c_contiguous, end=" ; ")
print("table refaite : Fortran", rebuilt.to_numpy().flags.f_contiguous, end=" ; ")
print("ses prédictions sont celles de pyfunc :", (model.predict(rebuilt) == served).all())
print(
    f"REFUTE : {changed} prédictions sur {len(x)} diffèrent" if changed else "CONFIRME : mêmes bits"
)
