"""Un modèle qui a besoin d’un module du projet s’enregistre sans un mot, et ne se charge plus."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

folder = Path(tempfile.mkdtemp())
(folder / "mine.py").write_text("""import mlflow.pyfunc
class Model(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input
""")
save = """
import mlflow.pyfunc, mine
mlflow.pyfunc.save_model("m", python_model=mine.Model())
print("enregistré")
"""
load = "import mlflow.pyfunc; print(mlflow.pyfunc.load_model('MODEL').predict([1.0]))"
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
