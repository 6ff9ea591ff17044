# Un artefact est remplacé après la fin du run, puis le fichier d'un modèle est modifié sans
# changer de taille : rien de ce que montre MLflow ne change, et le modèle modifié se charge.
# Cause : aucune empreinte n'est gardée (mlflow/entities/file_info.py:11 : chemin, taille ;
# mlflow/models/model.py:752 : taille).
# Aucun signalement trouvé dans mlflow/mlflow.
import tempfile
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.models import Model

mlflow.set_tracking_uri(f"sqlite:///{tempfile.mkdtemp()}/mlflow.db")
client = MlflowClient()
run = client.create_run(client.create_experiment("e", tempfile.mkdtemp())).info.run_id


def modele(model_input: list[str]) -> list[str]:
    return ["seuil 0.20" for _ in model_input]


with mlflow.start_run(run_id=run):
    mlflow.log_text("exactitude 0.71", "rapport.txt")
    depose = mlflow.pyfunc.log_model(name="m", python_model=modele, pip_requirements=["mlflow"])


def shown():
    files = [dict(f) for f in client.list_artifacts(run)]
    files += [dict(f) for f in client.list_logged_model_artifacts(depose.model_id)]
    notice = Model.load(depose.model_uri).to_dict()
    modele_montre = client.get_logged_model(depose.model_id).to_dictionary()
    return client.get_run(run).to_dictionary(), files, notice, modele_montre


poids = Path(mlflow.artifacts.download_artifacts(depose.model_uri)) / "python_model.pkl"
before = shown()
client.log_text(run, "exactitude 0.99", "rapport.txt")
poids.write_bytes(poids.read_bytes().replace(b"seuil 0.20", b"seuil 0.90"))
print("le modèle répond :", mlflow.pyfunc.load_model(depose.model_uri).predict(["x"]))
print("ce que montre MLflow a changé :", shown() != before)
