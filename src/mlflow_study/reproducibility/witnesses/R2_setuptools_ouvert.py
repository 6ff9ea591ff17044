"""L’enregistrement laisse libres des paquets que MLflow importe : SQLAlchemy, setuptools parfois.

Celui de demain sera installé ; SQLAlchemy 2.1 et un setuptools sans pkg_resources ont cassé
d’anciens MLflow.
"""

import os
import tempfile
from importlib.metadata import version

os.environ.update(MLFLOW_DISABLE_TELEMETRY="true")
import mlflow.sklearn
from sklearn.linear_model import Ridge

folder = tempfile.mkdtemp()
mlflow.sklearn.save_model(Ridge().fit([[0.0], [1.0]], [0.0, 1.0]), f"{folder}/m")
with open(f"{folder}/m/python_env.yaml") as stream:
    text = stream.read()
with open(f"{folder}/m/requirements.txt") as stream:
    names = [line.split("==")[0].lower() for line in stream.read().splitlines()]
print(text)
direct = {"flask", "sqlalchemy", "alembic", "pydantic", "setuptools"}
open_ones = sorted(name for name in direct if name not in names and f"{name}==" not in text)
print("installés ici :", {name: version(name) for name in open_ones if name != "setuptools"})
if open_ones:
    print(
        "REFUTE : l’enregistrement laisse libre ce que MLflow lui-même doit importer :", open_ones
    )
else:
    print("CONFIRME : chaque version est enregistrée")
