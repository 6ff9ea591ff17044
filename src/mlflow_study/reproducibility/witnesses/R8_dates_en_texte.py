"""La docstring annonce « object -> datetime » ; une colonne d’objets de dates en texte est refusée."""

import os
import tempfile

os.environ.update(MLFLOW_DISABLE_TELEMETRY="true")
import mlflow.pyfunc
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema


class Days(mlflow.pyfunc.PythonModel):
    def predict(self, model_input):
        return model_input["jour"].dt.dayofyear


path = f"{tempfile.mkdtemp()}/m"
signature = ModelSignature(Schema([ColSpec("datetime", "jour")]))
mlflow.pyfunc.save_model(
    path, python_model=Days(), signature=signature, pip_requirements=["mlflow"]
)
table = pd.DataFrame({"jour": pd.Series(["2024-03-04"], dtype=object)})
print("pandas", pd.__version__, "; type de la colonne :", table["jour"].dtype)
try:
    print("CONFIRME : convertie,", list(mlflow.pyfunc.load_model(path).predict(table)))
except mlflow.MlflowException as error:
    print("REFUTE :", str(error).split("Error: ")[-1].splitlines()[0])
