"""Des données existantes dans ./mlruns : choisies, puis refusées."""

import os
import subprocess
import sys
import tempfile

environment = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_")}
folder = tempfile.mkdtemp()
old = "import mlflow; mlflow.MlflowClient('file:./mlruns').create_run('0')"
new = "import mlflow; print('choisi :', mlflow.get_tracking_uri()[:5]); mlflow.start_run()"
for allow, code in (("true", old), ("false", new)):
    environment["MLFLOW_ALLOW_FILE_STORE"] = allow
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True
    )
print(done.stdout, done.stderr[-760:])
print("REFUTE" if "maintenance mode" in done.stderr else "CONFIRME")
