"""Une forêt enregistrée avec scikit-learn 1.3 (du temps de MLflow 2.9), relue aujourd’hui.

Elle se charge, avec un avertissement de version, et ses « probabilités » ne se somment
plus à un.  Demande `uv` sur le PATH ; bâtit un petit environnement temporaire.
"""

import subprocess
import sys
import tempfile

folder = tempfile.mkdtemp()
python = f"{folder}/env/bin/python"
wanted = ["scikit-learn==1.3.2", "numpy<2", "cloudpickle==3.0.0"]
subprocess.run(["uv", "venv", "-q", "--python", "3.11", f"{folder}/env"], check=True)
subprocess.run(["uv", "pip", "install", "-q", "--python", python, *wanted], check=True)
make = f"""
import cloudpickle
from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier
model = RandomForestClassifier(20, random_state=7).fit(*load_wine(return_X_y=True))
cloudpickle.dump(model, open("{folder}/model.pkl", "wb"))
"""
load = f"""
import cloudpickle
from sklearn.datasets import load_wine
model = cloudpickle.load(open("{folder}/model.pkl", "rb"))
print(model.predict_proba(load_wine(return_X_y=True)[0][:1]).sum())
"""
subprocess.run([python, "-c", make], check=True)
done = subprocess.run([sys.executable, "-W", "ignore", "-c", load], capture_output=True, text=True)
total = done.stdout.strip() or done.stderr.strip().splitlines()[-1]
print("somme des probabilités d’une ligne :", total)
same = done.returncode == 0 and abs(float(total) - 1) < 1e-6
print(
    "CONFIRME : la vieille forêt prédit comme avant" if same else "REFUTE : elle prédit autre chose"
)
