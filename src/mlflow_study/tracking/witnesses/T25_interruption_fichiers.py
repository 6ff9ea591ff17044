# Ctrl-C quand le magasin de fichiers récrit meta.yaml : le run, puis l’expérience, sont illisibles.
import os
import tempfile
from pathlib import Path
from unittest import mock

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
from mlflow import MlflowClient

dossier = Path(tempfile.mkdtemp())
client = MlflowClient(dossier.as_uri())
experience = client.create_experiment("temoin")
autre = client.create_run(experience)
run = client.create_run(experience).info.run_id
try:
    with mock.patch("yaml.dump", side_effect=KeyboardInterrupt):
        client.set_terminated(run)
except KeyboardInterrupt:
    print("interrompu")
octets = (dossier / experience / run / "meta.yaml").stat().st_size
try:
    rendus = f"{len(client.search_runs([experience]))} runs sur 2"
except Exception as erreur:
    rendus = type(erreur).__name__
print(f"TÉMOIN : meta.yaml de {octets} octet ; search_runs : {rendus}")
