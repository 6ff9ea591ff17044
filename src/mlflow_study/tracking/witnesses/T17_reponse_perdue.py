# Une réponse perdue en route : le client recommence, et le serveur a deux runs.
import http.client
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
serveur = subprocess.Popen(
    [sys.executable, "-m", "mlflow", *commande],
    stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL,
)


class Mandataire(BaseHTTPRequestHandler):
    perdre = 1

    def do_POST(self):
        corps = self.rfile.read(int(self.headers["Content-Length"]))
        vers = http.client.HTTPConnection("127.0.0.1", PORT)
        vers.request("POST", self.path, corps, {"Content-Type": "application/json"})
        contenu = vers.getresponse().read()
        if self.path.endswith("runs/create") and Mandataire.perdre:
            Mandataire.perdre = 0
            self.close_connection = True
            return  # le travail est fait, la réponse ne part pas
        self.send_response(200)
        self.end_headers()
        self.wfile.write(contenu)


try:
    for _ in range(300):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{PORT}/health")
            break
        except OSError:
            time.sleep(0.1)
    mandataire = ThreadingHTTPServer(("127.0.0.1", 0), Mandataire)
    threading.Thread(target=mandataire.serve_forever, daemon=True).start()
    direct = MlflowClient(base)
    experience = direct.create_experiment("temoin")
    MlflowClient(f"http://127.0.0.1:{mandataire.server_port}").create_run(experience)
    print(f"TÉMOIN : un appel à create_run, {len(direct.search_runs([experience]))} runs")
finally:
    serveur.terminate()
    serveur.wait()
