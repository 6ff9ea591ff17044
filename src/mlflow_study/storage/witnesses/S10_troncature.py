"""Une étiquette trop longue n'est pas coupée sur fichiers ; elle l'est en base."""

import os
import tempfile

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
from mlflow import MlflowClient

folder, lengths = tempfile.mkdtemp(), {}
for uri in (f"file://{folder}/mlruns", f"sqlite:///{folder}/mlflow.db"):
    client = MlflowClient(uri)
    run = client.create_run("0").info.run_id
    client.set_tag(run, "longue", "v" * 9000)
    lengths[uri.partition(":")[0]] = len(client.get_run(run).data.tags["longue"])
print(lengths)
print("REFUTE" if lengths["file"] == 9000 else "CONFIRME")
