"""La première ligne de bien des tutoriels : enregistrer une forêt aléatoire sans option."""

import os
import tempfile

os.environ.update(MLFLOW_DISABLE_TELEMETRY="true")
import mlflow.sklearn
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

model = RandomForestClassifier(5).fit(*load_iris(return_X_y=True))
folder = tempfile.mkdtemp()
try:
    mlflow.sklearn.save_model(model, f"{folder}/m", pip_requirements=["scikit-learn"])
    print("CONFIRME : la forêt est enregistrée")
except mlflow.MlflowException as error:
    print("REFUTE :", str(error).split("Root error:")[-1].splitlines()[0].strip())
