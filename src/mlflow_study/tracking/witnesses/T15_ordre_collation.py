# Sur MariaDB, order_by suit la collation de la base : majuscules et minuscules s’y mêlent.
# Demande une base MariaDB vide, nommée par MARIADB_URI (mysql+pymysql://…).
import os
import tempfile

from mlflow import MlflowClient


def ordre(adresse):
    client = MlflowClient(adresse)
    experience = client.create_experiment(f"temoin-{os.urandom(4).hex()}")
    for texte in ("b", "A", "B", "a"):
        client.log_param(client.create_run(experience).info.run_id, "p", texte)
    trouves = client.search_runs([experience], order_by=["params.p ASC"])
    return "".join(run.data.params["p"] for run in trouves)


sqlite = ordre(f"sqlite:///{tempfile.mkdtemp()}/mlflow.db")
mariadb = ordre(os.environ["MARIADB_URI"])
print(f"TÉMOIN : order_by params.p : {sqlite} (SQLite), {mariadb} (MariaDB)")
