# L'auteur est ce que dit une variable d'environnement, ou une étiquette.
# Cause : mlflow/tracking/context/default_context.py:48, « creds.username or _get_user() » :
# le nom donné pour le serveur (MLFLOW_TRACKING_USERNAME, ou ~/.mlflow/credentials), sinon
# getpass.getuser, qui lit LOGNAME ; l'étiquette se réécrit ensuite par set_tag, sans trace.
# Connu : mlflow/mlflow #1232 et #2096 le conseillent pour changer d'auteur.
import os
import tempfile

os.environ.pop("MLFLOW_TRACKING_USERNAME", None)
os.environ["LOGNAME"] = "directrice"
import mlflow

mlflow.set_tracking_uri(f"sqlite:///{tempfile.mkdtemp()}/mlflow.db")
mlflow.set_experiment(experiment_id=mlflow.create_experiment("e", tempfile.mkdtemp()))
with mlflow.start_run() as run:
    pass
print("auteur enregistré :", mlflow.get_run(run.info.run_id).data.tags["mlflow.user"])
