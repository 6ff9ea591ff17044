# L'alias passe de la version 1 à la version 2 : rien, dans la base, ne garde la 1 ni la date.
# Cause : mlflow/store/model_registry/sqlalchemy_store.py:1530 (session.merge réécrit la
# seule ligne de l'alias). Demandé depuis 2019 : mlflow/mlflow #2169 (ouvert).
import sqlite3
import tempfile

from mlflow import MlflowClient

folder = tempfile.mkdtemp()
client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
run = client.create_run(client.create_experiment("e", tempfile.mkdtemp()))
client.create_registered_model("m")
for place in ("a", "b"):
    client.create_model_version("m", f"{run.info.artifact_uri}/{place}", run.info.run_id)
before = client.get_model_version("m", "2").last_updated_timestamp
client.set_registered_model_alias("m", "champion", "1")
client.set_registered_model_alias("m", "champion", "2")
rows = sqlite3.connect(f"{folder}/mlflow.db").execute("SELECT * FROM registered_model_aliases")
print("tout ce que la base dit de l'alias :", rows.fetchall())
after = client.get_model_version("m", "2").last_updated_timestamp
print("la date de la version a changé :", after != before)
