# Un artefact est remplacé après la fin du run : rien de ce que montre MLflow ne change.
# Cause : aucune empreinte n'est gardée (mlflow/entities/file_info.py : chemin, taille).
# Aucun signalement trouvé dans mlflow/mlflow.
import tempfile

from mlflow import MlflowClient

client = MlflowClient(f"sqlite:///{tempfile.mkdtemp()}/mlflow.db")
run = client.create_run(client.create_experiment("e", tempfile.mkdtemp())).info.run_id


def shown():
    files = [dict(f) for f in client.list_artifacts(run)]
    return client.get_run(run).to_dictionary(), files


client.log_text(run, "exactitude 0.71", "rapport.txt")
client.set_terminated(run)
before = shown()
client.log_text(run, "exactitude 0.99", "rapport.txt")
print("ce que montre MLflow a changé :", shown() != before)
