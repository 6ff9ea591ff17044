# Le jeu de données attaché à une métrique : perdu dans SQLite ; dans des fichiers, il
# remet le pas à 0, et une espace dans son nom rend tout le run illisible.
import os
import tempfile

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
from mlflow import MlflowClient

lus = []
for uri in ("sqlite:///{}/mlflow.db", "file://{}/mlruns"):
    client = MlflowClient(uri.format(tempfile.mkdtemp()))
    run = client.create_run(client.create_experiment("temoin")).info.run_id
    client.log_metric(run, "m", 0.5, step=7, dataset_name="iris", dataset_digest="3b9a")
    point = client.get_metric_history(run, "m")[0]
    lus.append((point.dataset_name, point.step))
client.log_metric(run, "m", 0.5, step=8, dataset_name="jeu de test", dataset_digest="3b9a")
try:
    client.get_run(run)
    lisible = True
except Exception as erreur:
    lisible = False
    print(erreur)
print(f"TÉMOIN : (jeu, pas) lus : SQLite {lus[0]}, fichiers {lus[1]} ; run lisible : {lisible}")
