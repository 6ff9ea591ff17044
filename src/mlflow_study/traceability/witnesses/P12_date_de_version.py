# Étiquette et alias d'une version changent sans que sa date de mise à jour bouge (SQL).
# Cause : mlflow/store/model_registry/sqlalchemy_store.py:1450-1476 et 1511-1537
# (set_model_version_tag et set_registered_model_alias n'écrivent pas last_updated_time) ;
# le magasin de fichiers, lui, la met à jour.
# Aucun signalement trouvé dans mlflow/mlflow.
import tempfile
import time

from mlflow import MlflowClient

client = MlflowClient(f"sqlite:///{tempfile.mkdtemp()}/mlflow.db")
run = client.create_run(client.create_experiment("e", tempfile.mkdtemp()))
client.create_registered_model("m")
client.create_model_version("m", f"{run.info.artifact_uri}/m", run.info.run_id)
before = client.get_model_version("m", "1").last_updated_timestamp
time.sleep(0.01)
client.set_model_version_tag("m", "1", "validation", "refusée")
client.set_registered_model_alias("m", "champion", "1")
print("date changée :", client.get_model_version("m", "1").last_updated_timestamp != before)
client.update_model_version("m", "1", description="relue")
print("après la description :", client.get_model_version("m", "1").last_updated_timestamp != before)
