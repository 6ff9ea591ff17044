# Le nom est supprimé puis recréé : « m, version 1 » désigne un autre modèle.
# Cause : mlflow/store/model_registry/sqlalchemy_store.py:516 (suppression des lignes) puis
# :1040-1048 (le numéro repart du plus grand qui reste).
# Connu de fait : mlflow/mlflow #11591 (nom recréé), #4593 (numéros d'une version supprimée).
import tempfile

from mlflow import MlflowClient

client = MlflowClient(f"sqlite:///{tempfile.mkdtemp()}/mlflow.db")
run = client.create_run(client.create_experiment("e", tempfile.mkdtemp()))
sources = []
for place in ("lundi", "mardi"):
    client.create_registered_model("m")
    client.create_model_version("m", f"{run.info.artifact_uri}/{place}", run.info.run_id)
    sources.append(client.get_model_version("m", "1").source.rpartition("/")[2])
    if place == "lundi":
        client.delete_registered_model("m")
print("« m, version 1 » a désigné :", sources)
print("un seul modèle :", len(set(sources)) == 1)
