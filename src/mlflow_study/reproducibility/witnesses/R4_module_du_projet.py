"""Un modèle qui a besoin d’un module du projet s’enregistre sans un mot, et ne se charge plus."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

folder = Path(tempfile.mkdtemp())
(folder / "mine.py").write_text("def double(x):\n    return x * 2\n")
save = """
import mlflow.sklearn, mine
from sklearn.preprocessing import FunctionTransformer
model = FunctionTransformer(mine.double).fit([[1.0]])
mlflow.sklearn.save_model(model, "m", serialization_format="cloudpickle",
                          pip_requirements=["scikit-learn"])
print("enregistré")
"""
load = "import mlflow.sklearn; print(mlflow.sklearn.load_model('MODEL').transform([[1.0]]))"
env = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
subprocess.run([sys.executable, "-c", save], cwd=folder, check=True, env=env)
elsewhere = folder / "elsewhere"
elsewhere.mkdir()
code = load.replace("MODEL", str(folder / "m"))
done = subprocess.run(
    [sys.executable, "-c", code], cwd=elsewhere, capture_output=True, text=True, env=env
)
if done.returncode == 0:
    print("CONFIRME : le modèle se charge sans le projet")
else:
    print("REFUTE :", done.stderr.strip().splitlines()[-1])
