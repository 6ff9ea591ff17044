# Deux runs lisent la même table à deux adresses ; le second reçoit l'adresse du premier.
# Cause : mlflow/store/tracking/sqlalchemy_store.py:2499-2513 (un jeu de données de même nom
# et de même empreinte est réutilisé avec sa première source) ; file_store.py:1337 aussi.
# Voisin : mlflow/mlflow #11560 (empreintes) ; de cette perte d'adresse, aucun signalement trouvé.
import tempfile

import mlflow
import pandas as pd

mlflow.set_tracking_uri(f"sqlite:///{tempfile.mkdtemp()}/mlflow.db")
mlflow.set_experiment(experiment_id=mlflow.create_experiment("e", tempfile.mkdtemp()))
table = pd.DataFrame({"x": [1.0, 2.0]})
for address in ("s3://production/ventes.csv", "s3://archives/ventes.csv"):
    with mlflow.start_run() as run:
        mlflow.log_input(mlflow.data.from_pandas(table, source=address, name="ventes"))
    read = mlflow.get_run(run.info.run_id).inputs.dataset_inputs[0].dataset.source
    print("lu à", address, "- enregistré :", read)
print("adresse du second run gardée :", "archives" in read)
