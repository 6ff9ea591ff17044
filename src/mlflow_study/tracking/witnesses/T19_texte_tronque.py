# Derrière un serveur, un paramètre trop long est coupé ; l’avis reste dans le journal du serveur.
import logging
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

from mlflow import MlflowClient

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
avis = []


class Ecoute(logging.Handler):
    def emit(self, record):
        avis.append(record.getMessage())


logging.getLogger("mlflow").addHandler(Ecoute(logging.WARNING))
try:
    for _ in range(300):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{PORT}/health")
            break
        except OSError:
            time.sleep(0.1)
    client = MlflowClient(f"http://127.0.0.1:{PORT}")
    run = client.create_run(client.create_experiment("temoin")).info.run_id
    client.log_param(run, "p", "a" * 6001)
    lu = client.get_run(run).data.params["p"]
    print(f"TÉMOIN : 6001 signes écrits, {len(lu)} lus, {len(avis)} avis")
finally:
    serveur.terminate()
    serveur.wait()
