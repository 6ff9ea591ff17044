"""Deux limites annoncées que rien n'applique : étiquette sur fichiers, taille d'une requête."""

import os
import tempfile

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
from mlflow import MlflowClient
from mlflow.utils.validation import MAX_TAG_VAL_LENGTH, _validate_batch_log_api_req

client = MlflowClient(f"file://{tempfile.mkdtemp()}/mlruns")
run = client.create_run("0").info.run_id
client.set_tag(run, "longue", "v" * 20_000)
kept = len(client.get_run(run).data.tags["longue"])
print("étiquette : annoncé", MAX_TAG_VAL_LENGTH, "caractères, gardé", kept)

# Le serveur passe à ce contrôle le corps JSON déjà analysé : un dict, dont len() compte les clés.
_validate_batch_log_api_req({"run_id": run, "tags": [{"key": "k", "value": "v" * 5_000_000}]})
print("requête de 5 Mo : aucun refus")
print("REFUTE" if kept > MAX_TAG_VAL_LENGTH else "CONFIRME")
