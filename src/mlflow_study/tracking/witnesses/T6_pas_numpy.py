# Un pas qui vient de NumPy est rangé dans SQLite comme une suite d’octets : le point
# suivant est refusé, et un serveur ne peut plus lister l’expérience entière.
import tempfile

import numpy as np
from mlflow import MlflowClient

client = MlflowClient(f"sqlite:///{tempfile.mkdtemp()}/mlflow.db")
experience = client.create_experiment("temoin")
run = client.create_run(experience).info.run_id
refus = []
for pas in np.arange(3):
    try:
        client.log_metric(run, "perte", 1.0, step=pas)
    except Exception as erreur:
        refus.append(f"pas {pas} : {erreur}")
print(refus)
lu = client.get_metric_history(run, "perte")[0].step
try:
    [run.to_proto() for run in client.search_runs([experience])]  # ce que fait le serveur
    liste = "lisible"
except TypeError as erreur:
    liste = f"illisible ({erreur})"
print(f"TÉMOIN : pas relu {lu!r}, {len(refus)} refus, expérience {liste}")
