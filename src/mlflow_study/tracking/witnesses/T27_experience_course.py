# Un autre processus crée l’expérience entre la recherche et la création : set_experiment ne l’active pas.
import tempfile
from unittest import mock

import mlflow
from mlflow.tracking._tracking_service.client import TrackingServiceClient

mlflow.set_tracking_uri(f"sqlite:///{tempfile.mkdtemp()}/mlflow.db")
creer = TrackingServiceClient.create_experiment


def devancee(self, nom, *reste, **options):
    creer(self, nom)  # l’autre processus passe le premier
    return creer(self, nom, *reste, **options)


with mock.patch.object(TrackingServiceClient, "create_experiment", devancee):
    rendue = mlflow.set_experiment("étude")
with mlflow.start_run() as run:
    lieu = mlflow.get_experiment(run.info.experiment_id).name
print(f"TÉMOIN : set_experiment rend « {rendue.name} », le run va dans « {lieu} »")
