# Un run créé entre deux pages décale les suivantes : un run est rendu deux fois.
import tempfile

from mlflow import MlflowClient

client = MlflowClient(f"sqlite:///{tempfile.mkdtemp()}/mlflow.db")
experience = client.create_experiment("temoin")
for _ in range(4):
    client.create_run(experience)
premiere = client.search_runs([experience], max_results=2)
client.create_run(experience)
seconde = client.search_runs([experience], max_results=2, page_token=premiere.token)
rendus = [run.info.run_id for run in [*premiere, *seconde]]
print(f"TÉMOIN : {len(rendus)} runs rendus, {len(set(rendus))} distincts")
