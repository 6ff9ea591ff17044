# Deux écritures simultanées du même paramètre dans un magasin de fichiers.
import os
import tempfile
import threading

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
from mlflow import MlflowClient

client = MlflowClient(f"file://{tempfile.mkdtemp()}/mlruns")
run = client.create_run(client.create_experiment("temoin")).info.run_id
doubles = 0
for i in range(300):
    acceptes, depart = [], threading.Barrier(2)

    def ecrire(valeur, nom=f"p{i}", acceptes=acceptes, depart=depart):
        depart.wait()
        try:
            client.log_param(run, nom, valeur)
        except Exception:
            return
        acceptes.append(valeur)

    fils = [threading.Thread(target=ecrire, args=(valeur,)) for valeur in "ab"]
    [f.start() for f in fils]
    [f.join() for f in fils]
    doubles += len(acceptes) == 2
print(f"TÉMOIN : {doubles} paramètres sur 300 ont accepté deux valeurs")
