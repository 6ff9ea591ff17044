# La notation que Python lui-même écrit n’est pas acceptée dans un filtre.
import tempfile

from mlflow import MlflowClient

client = MlflowClient(f"sqlite:///{tempfile.mkdtemp()}/mlflow.db")
experience = client.create_experiment("temoin")
run = client.create_run(experience).info.run_id
client.log_metric(run, "m", 1e30)
try:
    trouves = len(client.search_runs([experience], f"metrics.m = {1e30}"))
    issue = f"{trouves} run trouvé"
except Exception as erreur:
    issue = f"refus ({erreur})"
print(f"TÉMOIN : metrics.m = {1e30} : {issue}")
