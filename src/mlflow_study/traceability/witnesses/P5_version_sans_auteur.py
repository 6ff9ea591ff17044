# L'auteur d'une version n'est jamais rempli.
# Cause : mlflow/store/model_registry/sqlalchemy_store.py:1059 (SqlModelVersion est créé
# sans user_id). Connu : mlflow/mlflow #2208, projet de correction #21349.
import tempfile

from mlflow import MlflowClient

client = MlflowClient(f"sqlite:///{tempfile.mkdtemp()}/mlflow.db")
experiment = client.create_experiment("e", tempfile.mkdtemp())
run = client.create_run(experiment)
client.create_registered_model("m")
client.create_model_version("m", f"{run.info.artifact_uri}/m", run.info.run_id)
print("auteur du run :", bool(run.info.user_id))
print("auteur de la version :", client.get_model_version("m", "1").user_id)
