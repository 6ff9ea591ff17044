# ILIKE compare sans égard aux majuscules ; dans SQLite, « É » et « é » restent deux lettres.
import tempfile

from mlflow import MlflowClient

client = MlflowClient(f"sqlite:///{tempfile.mkdtemp()}/mlflow.db")
experience = client.create_experiment("temoin")
run = client.create_run(experience).info.run_id
client.log_param(run, "accentue", "ÉTÉ")
client.log_param(run, "simple", "ETE")
trouves = {
    filtre: len(client.search_runs([experience], filtre))
    for filtre in ("params.simple ILIKE 'ete'", "params.accentue ILIKE 'été'")
}
print(f"TÉMOIN : runs trouvés : {trouves}")
