# Derrière un serveur, un lot dont un texte est trop long réussit : le texte est coupé, sans erreur.
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

from mlflow import MlflowClient
from mlflow.entities import Param

with socket.socket() as libre:
    libre.bind(("127.0.0.1", 0))
    PORT = libre.getsockname()[1]
base = f"sqlite:///{tempfile.mkdtemp()}/mlflow.db"
commande = ["server", "--backend-store-uri", base, "--port", str(PORT), "--workers", "1"]
serveur = subprocess.Popen(
    [sys.executable, "-m", "mlflow", *commande],
    stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL,
)
try:
    for _ in range(300):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{PORT}/health")
            break
        except OSError:
            time.sleep(0.1)
    client = MlflowClient(f"http://127.0.0.1:{PORT}")
    run = client.create_run(client.create_experiment("temoin")).info.run_id
    client.log_batch(run, params=[Param("p", "a" * 6001), Param("q", "b")])
    lu = client.get_run(run).data.params["p"]
    print(f"TÉMOIN : le lot réussit ; 6001 signes écrits, {len(lu)} lus")
finally:
    serveur.terminate()
    serveur.wait()
