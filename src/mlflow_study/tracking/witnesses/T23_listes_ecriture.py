# Une expérience créée entre deux pages décale la suivante : une autre est rendue deux fois.
import tempfile

from mlflow import MlflowClient

client = MlflowClient(f"sqlite:///{tempfile.mkdtemp()}/mlflow.db")
for i in range(4):
    client.create_experiment(f"temoin-{i}")
filtre = "name LIKE 'temoin-%'"
premiere = client.search_experiments(filter_string=filtre, max_results=2)
client.create_experiment("temoin-4")
seconde = client.search_experiments(filter_string=filtre, max_results=2, page_token=premiere.token)
rendues = [experience.experiment_id for experience in [*premiere, *seconde]]
print(f"TÉMOIN : {len(rendues)} expériences rendues, {len(set(rendues))} distinctes")
