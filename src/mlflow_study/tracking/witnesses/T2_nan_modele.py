# Un NaN attaché à un modèle : le run garde NaN, le modèle rend 0.
import math
import tempfile

from mlflow import MlflowClient

client = MlflowClient(f"sqlite:///{tempfile.mkdtemp()}/mlflow.db")
experience = client.create_experiment("temoin")
run = client.create_run(experience).info.run_id
modele = client.create_logged_model(experience, source_run_id=run).model_id
client.log_metric(run, "perte", math.nan, model_id=modele)
rendue = client.get_logged_model(modele).metrics[0].value
print(f"TÉMOIN : le run rend {client.get_run(run).data.metrics['perte']}, le modèle {rendue}")
