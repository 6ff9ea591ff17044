# Un alias de production est déplacé : que peut-on vérifier après coup ?
# Cause : mlflow/store/model_registry/dbmodels/models.py, SqlRegisteredModelAlias (ni date,
# ni auteur) ; la ligne est réécrite sur place. Demandé depuis 2019 : mlflow/mlflow #2169.
import sqlite3
import tempfile
from pathlib import Path

import mlflow

folder = Path(tempfile.mkdtemp())
uri = f"sqlite:///{folder}/mlflow.db"
mlflow.set_tracking_uri(uri)
client = mlflow.MlflowClient()
client.create_registered_model("prix")
run = client.create_run("0")
for path in ("a", "b"):
    client.create_model_version("prix", f"{run.info.artifact_uri}/{path}", run.info.run_id)
client.set_registered_model_alias("prix", "champion", "1")
client.set_registered_model_alias("prix", "champion", "2")

rows = sqlite3.connect(folder / "mlflow.db").execute("SELECT * FROM registered_model_aliases")
columns = [name for name, *_ in rows.description]
print("colonnes de la table des alias :", columns)
print("ce qu'elle dit du déplacement :", rows.fetchall())
kept = [c for c in columns if "time" in c or "user" in c or "previous" in c]
print("colonnes de date, d'auteur ou de passé :", len(kept))
