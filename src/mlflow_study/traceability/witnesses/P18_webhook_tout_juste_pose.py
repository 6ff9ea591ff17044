# Un webhook posé sur un serveur qui a déjà servi n'annonce rien pendant une minute,
# et un webhook supprimé reçoit encore des annonces.
# Cause : la liste des webhooks de chaque événement est gardée 60 s et n'est pas relue quand elle
# change (mlflow/webhooks/delivery.py:246 ; MLFLOW_WEBHOOK_CACHE_TTL).
# Liste gardée depuis mlflow/mlflow#17080 ; aucun signalement de ce défaut trouvé.
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from mlflow import MlflowClient

with socket.socket() as libre:
    libre.bind(("127.0.0.1", 0))
    PORT = libre.getsockname()[1]
base = f"sqlite:///{tempfile.mkdtemp()}/mlflow.db"
commande = ["server", "--backend-store-uri", base, "--port", str(PORT), "--workers", "1"]
permis = {
    "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
    "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}
serveur = subprocess.Popen(
    [sys.executable, "-m", "mlflow", *commande],
    env={**os.environ, **permis},
    stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL,
)
annonces = []


class Journal(BaseHTTPRequestHandler):
    def do_POST(self):
        recu = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        annonces.append(recu["entity"])
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


try:
    for _ in range(300):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{PORT}/health")
            break
        except OSError:
            time.sleep(0.1)
    journal = ThreadingHTTPServer(("127.0.0.1", 0), Journal)
    threading.Thread(target=journal.serve_forever, daemon=True).start()
    client = MlflowClient(f"http://127.0.0.1:{PORT}")
    client.create_registered_model("avant")  # le serveur a lu la liste : aucun webhook
    evenements = ["registered_model.created", "model_version.created"]
    adresse = f"http://127.0.0.1:{journal.server_port}/"
    webhook = client.create_webhook("journal", adresse, evenements)
    client.create_registered_model("pendant")
    client.create_model_version("pendant", "s3://seau/a", await_creation_for=0)
    time.sleep(2)  # l'annonce de la version est venue : celle du modèle avait le temps de venir
    print("TÉMOIN : modèle annoncé :", "registered_model" in annonces)
    client.delete_webhook(webhook.webhook_id)
    reste, avant = len(client.list_webhooks()), annonces.count("model_version")
    client.create_model_version("pendant", "s3://seau/b", await_creation_for=0)
    time.sleep(2)
    apres = annonces.count("model_version")
    print(f"webhooks restants : {reste} ; annonces de version : {avant}, puis {apres}")
finally:
    serveur.terminate()
    serveur.wait()
