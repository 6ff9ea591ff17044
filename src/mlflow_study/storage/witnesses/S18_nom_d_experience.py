"""Le validateur accepte un nom d'expérience que la colonne ne peut pas recevoir.

SQLite n'applique pas la longueur des colonnes. PostgreSQL et MariaDB l'appliquent : donnez
l'adresse d'une base vide dans PG_URI (postgresql+psycopg://…) pour voir leur erreur.
"""

import os

from mlflow import MlflowClient
from mlflow.store.tracking.dbmodels.models import SqlExperiment
from mlflow.utils.validation import MAX_EXPERIMENT_NAME_LENGTH

column = SqlExperiment.__table__.c.name.type.length
print("accepté par le validateur :", MAX_EXPERIMENT_NAME_LENGTH, "caractères")
print("colonne experiments.name  :", column, "caractères")
if os.environ.get("PG_URI"):
    try:
        MlflowClient(os.environ["PG_URI"]).create_experiment("x" * 400)
    except Exception as error:
        print(type(error).__name__, str(error)[:200])
print("REFUTE" if column < MAX_EXPERIMENT_NAME_LENGTH else "CONFIRME")
