# L'étiquette d'une expérience change sans que sa date de mise à jour bouge.
# Cause : mlflow/store/tracking/sqlalchemy_store.py:2128-2144, set_experiment_tag (n'écrit que
# l'étiquette), quand rename_experiment écrit last_update_time.
# Aucun signalement trouvé dans mlflow/mlflow.
import tempfile
import time

from mlflow import MlflowClient

client = MlflowClient(f"sqlite:///{tempfile.mkdtemp()}/mlflow.db")
experiment = client.create_experiment("e", tempfile.mkdtemp())
before = client.get_experiment(experiment).last_update_time
time.sleep(0.01)
client.set_experiment_tag(experiment, "objet", "autre")
print("après l'étiquette :", client.get_experiment(experiment).last_update_time != before)
client.rename_experiment(experiment, "f")
print("après le nom :", client.get_experiment(experiment).last_update_time != before)
