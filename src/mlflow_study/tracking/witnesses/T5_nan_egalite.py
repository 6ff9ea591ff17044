# NaN est rangé comme 0 avec une marque : à égalité de pas et d’horodatage, il l’emporte
# sur −1 et perd contre +1.
import math
import tempfile

from mlflow import MlflowClient

client = MlflowClient(f"sqlite:///{tempfile.mkdtemp()}/mlflow.db")
run = client.create_run(client.create_experiment("temoin")).info.run_id
for nom, nombre in (("moins", -1.0), ("plus", 1.0)):
    client.log_metric(run, nom, nombre, timestamp=1, step=1)
    client.log_metric(run, nom, math.nan, timestamp=1, step=1)
lu = client.get_run(run).data.metrics
print(f"TÉMOIN : −1 puis NaN montre {lu['moins']} ; +1 puis NaN montre {lu['plus']}")
