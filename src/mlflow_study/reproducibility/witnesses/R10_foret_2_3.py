"""A forest pickled by scikit-learn 1.2 (the day of MLflow 2.3) under today's scikit-learn.

Needs `uv` on the PATH; builds one small environment in a temporary folder.
"""

import subprocess
import sys
import tempfile

folder = tempfile.mkdtemp()
python = f"{folder}/env/bin/python"
subprocess.run(["uv", "venv", "-q", "--python", "3.11", f"{folder}/env"], check=True)
subprocess.run(
    [
        "uv",
        "pip",
        "install",
        "-q",
        "--python",
        python,
        "scikit-learn==1.2.2",
        "numpy<2",
        "cloudpickle==2.2.1",
    ],
    check=True,
)
make = (
    "import cloudpickle; from sklearn.ensemble import RandomForestClassifier as F;"
    f"cloudpickle.dump(F(3).fit([[0],[1]],[0,1]), open('{folder}/model.pkl','wb'))"
)
load = f"import cloudpickle; cloudpickle.load(open('{folder}/model.pkl','rb'))"
subprocess.run([python, "-c", make], check=True)
done = subprocess.run([sys.executable, "-W", "ignore", "-c", load], capture_output=True, text=True)
if done.returncode == 0:
    print("CONFIRME: the old forest loads")
else:
    print("REFUTE:", done.stderr.strip().splitlines()[-1][:120])
