"""Une forêt enregistrée par MLflow 2.9 (scikit-learn 1.3), rechargée par MLflow d’aujourd’hui.

MLflow la recharge sans la refuser ; ses « probabilités » ne se somment plus à un.
Demande `uv` sur le PATH ; bâtit un petit environnement temporaire.
"""

import subprocess
import sys
import tempfile

folder = tempfile.mkdtemp()
python = f"{folder}/env/bin/python"
wanted = ["mlflow==2.9.2", "scikit-learn==1.3.2", "setuptools", "pip"]
subprocess.run(["uv", "venv", "-q", "--python", "3.11", f"{folder}/env"], check=True)
install = ["uv", "pip", "install", "-q", "--python", python, "--exclude-newer", "2023-12-14"]
subprocess.run([*install, *wanted], check=True)
make = f"""
import mlflow.sklearn
from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier
model = RandomForestClassifier(20, random_state=7).fit(*load_wine(return_X_y=True))
mlflow.sklearn.save_model(model, "{folder}/foret")
"""
load = f"""
import mlflow.sklearn
from sklearn.datasets import load_wine
model = mlflow.sklearn.load_model("{folder}/foret")
print(model.predict_proba(load_wine(return_X_y=True)[0][:1]).sum())
"""
subprocess.run([python, "-W", "ignore", "-c", make], check=True)
done = subprocess.run([sys.executable, "-W", "ignore", "-c", load], capture_output=True, text=True)
total = (done.stdout or done.stderr).strip().splitlines()[-1]
print("somme des probabilités d’une ligne :", total)
same = done.returncode == 0 and abs(float(total) - 1) < 1e-6
print(
    "CONFIRME : la vieille forêt prédit comme avant" if same else "REFUTE : elle prédit autre chose"
)
