# SQLite, le magasin par défaut : trier les runs par une métrique, à 500 puis 4 000 runs.
import sqlite3
import tempfile
import time

from mlflow import MlflowClient

path = tempfile.mkdtemp() + "/mlflow.db"
client = MlflowClient(tracking_uri=f"sqlite:///{path}")
experiment = client.create_experiment("essai")
client.log_metric(client.create_run(experiment).info.run_id, "m", 0.5)
base, made, seconds = sqlite3.connect(path), 1, {}


def sort():
    start = time.perf_counter()
    client.search_runs([experiment], order_by=["metrics.m DESC"], max_results=50)
    return time.perf_counter() - start


for size in (500, 4000):
    for table in ("runs", "latest_metrics"):  # recopie le run sous de nouveaux identifiants
        base.execute(f"CREATE TEMP TABLE copie AS SELECT * FROM {table} LIMIT 1")
        for number in range(made, size):
            base.execute("UPDATE copie SET run_uuid = ?", (f"{number:032x}",))
            base.execute(f"INSERT INTO {table} SELECT * FROM copie")
        base.execute("DROP TABLE copie")
    base.commit()
    made, seconds[size] = size, min(sort() for _ in range(3))
    print(f"{size} runs : {seconds[size]:.3f} s")
base.execute("ANALYZE")
base.commit()
client = MlflowClient(
    tracking_uri=f"sqlite:////{path}"
)  # autre adresse, même base : connexion neuve
print(f"après ANALYZE : {min(sort() for _ in range(3)):.3f} s")
growth = seconds[4000] / seconds[500]
print(
    f"8 fois plus de runs, {growth:.0f} fois plus de temps :",
    "PLUS QUE LINÉAIRE" if growth > 8 else "AU PLUS LINÉAIRE",
)
