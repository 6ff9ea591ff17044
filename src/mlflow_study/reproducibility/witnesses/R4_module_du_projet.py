"""A model that needs a module of the project is logged without a word, and cannot be loaded."""

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
print("saved")
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
    print("CONFIRME: the model loads without the project")
else:
    print("REFUTE:", done.stderr.strip().splitlines()[-1])
